"""show/check.py: a line for each finding; what is not good says what to do, at any width."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from attsync.checks import Finding
from attsync.checks.shown import Shown, shown
from attsync.problems import Problem
from attsync.settings import origins
from attsync.settings.places import Origin
from attsync.show.check import check, settings
from attsync.show.symbols import ASCII, UNICODE
from tests.settings_file import loaded, settings_text
from tests.show.screens import text_of

FINDINGS = (
    Finding("good", "Settings", "/etc/attsync/config.toml: 2 school databases"),
    Finding("good", "SIMS", "opens read-only"),
    Finding("good", "SIMS", "30 schools: 11,204 pupils on roll"),
    Finding(
        "bad",
        "SIMS",
        Problem("MARK-UNKNOWN", "to_map", values=1, number=2, schools=["Elm Grove"]),
        where="config.toml line 24",
        paste=("# below [database.codes]:", '"ZZ" = "..."  # 3 marks'),
    ),
    Finding("check", "SIMS", Problem("DB-SELECT", "no_rows", select="roll")),
    Finding("check", "Files", Problem("FILE-RIGHTS", "log", mode="0644", files=["/srv/a b/attsync.db"])),
)


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            80,
            snapshot("""\
✓  Settings  /etc/attsync/config.toml: 2 school databases
✓  SIMS      opens read-only; 30 schools: 11,204 pupils on roll
✗  SIMS      1 value is not in any map, so 2 days would not be sent for Elm
             Grove (config.toml line 24). [MARK-UNKNOWN]
             → Correct it in the MIS. Or add these lines below their headings in
             the settings file, with the DfE's value in place of the dots:
               # below [database.codes]:
               "ZZ" = "..."  # 3 marks
!  SIMS      The roll SELECT returns no rows. [DB-SELECT]
             → Run roll in the database's own tool.
!  Files     Other accounts can read these files of the log (mode 0644), which
             is confidential: /srv/a b/attsync.db. [FILE-RIGHTS]
             → As their owner:
               chmod 600 '/srv/a b/attsync.db'

1 problem, 2 things to check. Exit code 1.
"""),
        ),
        (
            110,
            snapshot("""\
✓  Settings  /etc/attsync/config.toml: 2 school databases
✓  SIMS      opens read-only; 30 schools: 11,204 pupils on roll
✗  SIMS      1 value is not in any map, so 2 days would not be sent for Elm Grove (config.toml line 24).
             [MARK-UNKNOWN]
             → Correct it in the MIS. Or add these lines below their headings in the settings file, with the
             DfE's value in place of the dots:
               # below [database.codes]:
               "ZZ" = "..."  # 3 marks
!  SIMS      The roll SELECT returns no rows. [DB-SELECT]
             → Run roll in the database's own tool.
!  Files     Other accounts can read these files of the log (mode 0644), which is confidential: /srv/a
             b/attsync.db. [FILE-RIGHTS]
             → As their owner:
               chmod 600 '/srv/a b/attsync.db'

1 problem, 2 things to check. Exit code 1.
"""),
        ),
    ],
)
def test_what_is_not_good_says_what_to_do(columns: int, screen: str) -> None:
    """The text wraps in its own column, nothing is cut, and what is to be copied is on lines that are not broken."""
    assert text_of(check(FINDINGS, UNICODE, 1), columns) == screen


def test_all_well_is_said() -> None:
    """And in signs that every output can show."""
    assert text_of(check(FINDINGS[:1], ASCII, 0), 80) == snapshot("""\
ok  Settings  /etc/attsync/config.toml: 2 school databases

No problem. Exit code 0.
""")


def test_settings_are_shown_with_where_they_come_from(tmp_path: Path) -> None:
    """A value that no one set is dim; a variable has its name."""
    environ = {"ATTSYNC_DFE__PROXY": "http://sam:hunter2@proxy.example:3128"}
    read = loaded(settings_text(), tmp_path, **environ)
    sources = origins(read.path, environ)
    found = [(each, sources.of(each.location)) for each in shown(read)]
    wanted = [each for each in found if each[0].name in ("dfe.client_id", "dfe.proxy", "window.days", "schedule.times")]

    screen = text_of(settings(Path("/etc/attsync/config.toml"), wanted, ASCII), 80)

    assert screen == snapshot("""\
/etc/attsync/config.toml

Setting         From                         Value
--------------------------------------------------------------------------
dfe.client_id   line 6                       oakfield
dfe.proxy       variable ATTSYNC_DFE__PROXY  http://***@proxy.example:3128

window.days     default                      8

schedule.times  default                      10:15, 14:45

Secrets are in separate files, which this does not open. A password in an
address is shown as ***.
""")


@pytest.mark.parametrize(
    ("value", "shown_as"),
    [
        (None, "not set"),
        (True, "true"),
        ([], "none"),
        ("SELECT 1\n  FROM x", "SELECT 1 FROM x"),
        ("\x1b[2J\u202e", "?[2J?"),
    ],
)
def test_value_stays_on_its_line(value: str | list[str] | None, shown_as: str) -> None:
    """Whatever the file holds, a terminal is not moved by it."""
    row = (Shown(("trust",), value), Origin("file", line=1))

    assert f"line 1  {shown_as}" in text_of(settings(Path("config.toml"), [row], UNICODE), 80)
