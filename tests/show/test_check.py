"""show/check.py: a line a finding; what is not a tick says what to do, at any width."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from attsync.checks.finding import Finding
from attsync.settings import Origin, Shown, origins, shown
from attsync.show.check import check, settings
from attsync.show.symbols import ASCII, UNICODE
from tests.settings_file import loaded, settings_text
from tests.show.screens import text_of

FINDINGS = (
    Finding("good", "Settings", "/etc/attsync/config.toml: 2 school databases"),
    Finding("good", "School database", "SIMS: opens, read-only"),
    Finding(
        "bad",
        "School database",
        "Bromcom: the database refused the sign-in.",
        "Ask your database administrator to check the account and its password.",
        "DB-SIGNIN",
        where="config.toml line 24",
    ),
    Finding("check", "SELECT roll", "SIMS: it gives no row at all.", "Try roll in the database's tool."),
    Finding("bad", "File rights", "It is open.", "Close it: chmod 600 /x", "SECRET-FILE", where="config.toml line 9"),
)


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            80,
            snapshot("""\
✓  Settings         /etc/attsync/config.toml: 2 school databases
✓  School database  SIMS: opens, read-only
✗  School database  Bromcom: the database refused the sign-in. [DB-SIGNIN]
                    → Ask your database administrator to check the account and
                    its password (config.toml line 24).
!  SELECT roll      SIMS: it gives no row at all.
                    → Try roll in the database's tool.
✗  File rights      It is open (config.toml line 9). [SECRET-FILE]
                    → Close it:
                      chmod 600 /x

2 problems, 1 thing to know. Exit code 3.
"""),
        ),
        (
            132,
            snapshot("""\
✓  Settings         /etc/attsync/config.toml: 2 school databases
✓  School database  SIMS: opens, read-only
✗  School database  Bromcom: the database refused the sign-in. [DB-SIGNIN]
                    → Ask your database administrator to check the account and its password (config.toml line 24).
!  SELECT roll      SIMS: it gives no row at all.
                    → Try roll in the database's tool.
✗  File rights      It is open (config.toml line 9). [SECRET-FILE]
                    → Close it:
                      chmod 600 /x

2 problems, 1 thing to know. Exit code 3.
"""),
        ),
    ],
)
def test_what_is_not_a_tick_says_what_to_do(columns: int, screen: str) -> None:
    """The text wraps in its own column, and nothing is cut."""
    assert text_of(check(FINDINGS, UNICODE, 3), columns) == screen


def test_all_well_is_said() -> None:
    """And in signs that every output can hold."""
    assert text_of(check(FINDINGS[:1], ASCII, 0), 80) == snapshot("""\
ok  Settings  /etc/attsync/config.toml: 2 school databases

No problem. Exit code 0.
""")


def test_settings_are_shown_with_where_they_come_from(tmp_path: Path) -> None:
    """A value that nobody set is dim; a variable has its name."""
    environ = {"ATTSYNC_DFE__PROXY": "http://sam:hunter2@proxy.example:3128"}
    read = loaded(settings_text(), tmp_path, **environ)
    sources = origins(read.path, environ)
    found = [(each, sources.of(each.location)) for each in shown(read)]
    wanted = [each for each in found if each[0].name in ("dfe.client_id", "dfe.proxy", "window.days", "schedule.times")]

    screen = text_of(settings(Path("/etc/attsync/config.toml"), wanted, ASCII), 80)

    assert screen == snapshot("""\
/etc/attsync/config.toml

Setting          From                          Value
----------------------------------------------------------------------------
dfe.client_id    line 6                        oakfield
dfe.proxy        variable ATTSYNC_DFE__PROXY   http://***@proxy.example:3128

window.days      default                       8

schedule.times   default                       10:15, 14:45

Secrets are in files of their own, which this does not open; a password in an
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

    assert f"line 1   {shown_as}" in text_of(settings(Path("config.toml"), [row], UNICODE), 80)
