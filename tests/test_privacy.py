"""No name leaves the school: planted in its database, it appears in nothing that attsync sends, keeps or says."""

import logging
import re
import sqlite3
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from attsync.commands import attsync as program
from attsync.due import is_term_time
from attsync.problems import all_codes
from attsync.sandbox.folder import Sandbox
from attsync.sandbox.sample_school import FIRST_NAMES, LAST_NAMES
from attsync.window import today_in_london, window_ending
from tests.installed import attsync, served
from tests.torture.stranger import Stranger, Talk, make_identity

pytestmark = pytest.mark.slow

NAMES = frozenset(name.lower() for name in (*FIRST_NAMES, *LAST_NAMES))
_MARKS = "SELECT mark_date AS date, session, year_group, mark AS code, pupil_id AS pupil FROM roll_call_marks"
_ROLL = "SELECT year_group, entry_date, leaving_date, pupil_id AS pupil FROM enrolments"
_ADMINISTRATORS = "SELECT username FROM staff_permissions WHERE permission = 'Data Returns: Administer'"
_FROM = "FROM roll_call_marks JOIN pupils USING (pupil_id)"
_ENROLLED = "FROM enrolments JOIN pupils USING (pupil_id)"
NONE = int(all(map(is_term_time, window_ending(today_in_london(), 8, "working"))))
"""What a send ends with that finds no mark at all: a problem only where school is surely on."""
SHORT = frozenset({"Ng", "QX"})
"""A name as short as a code, and initials; as they stand in the database."""


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve a made-up school's folder; its database is full of names. Temporary files are kept in it too."""
    with served(tmp_path / "trial") as sandbox:
        for name in ("saved", "temporary"):
            (sandbox.config.parent / name).mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(sandbox.config.parent / "temporary"))
        with closing(sqlite3.connect(sandbox.config.with_name("school.db"))) as school:
            (number,) = school.execute("SELECT count(*) FROM pupils").fetchone()
            assert number > 400
        yield sandbox


class Ran(NamedTuple):
    """One command: how it ended, and what it said on both streams."""

    words: str
    exit_code: int
    said: str


Place = tuple[str, str]
"""Where something is said or kept, and its text."""


def run_everything(sandbox: Sandbox) -> list[Ran]:
    """Run every command that reads the database or the log."""
    found = []
    for words in (
        "consent grant --yes -vv",
        "preview -vv",
        "check -vv",
        "preview --json -vv",
        "send --dry-run -vv",
        "send -vv",
        "send --quiet",
        "send --json -vv",
        "status -vv",
        "status --json",
        "consent show --history",
    ):
        ended = attsync(*words.split(), config=sandbox.config, TMPDIR=str(sandbox.config.parent / "temporary"))
        found.append(Ran(words, ended.exit_code, ended.said))
    return found


def run_in_this_process(sandbox: Sandbox, caplog: pytest.LogCaptureFixture, *, every: bool = False) -> list[Ran]:
    """Do much the same faster, and listen to every logger of every library; nothing may be kept from running.

    `every`: also what says the same of the log and of the settings in another form; the log itself is always looked at.
    """
    saved = sandbox.config.parent / "saved"
    commands = [
        f"consent grant --yes --save {saved}/receipt.txt",
        "check",
        "preview",
        f"preview --csv {saved}/preview.csv",
        "preview --json",
        "send",
        "send --quiet",
        "send --json",
        "status",
    ]
    forms = [
        "check --show-settings",
        "status --json",
        *(f"status --save {saved}/status.{ending}" for ending in ("html", "csv", "json")),
        f"status --date {today_in_london()} --save {saved}/day.html",
        "consent show --history",
    ]
    found = []
    with caplog.at_level(logging.DEBUG):
        for words in commands + forms * every:
            ran = CliRunner().invoke(program, [*words.split(), "--config", str(sandbox.config)])
            assert ran.exception is None or isinstance(ran.exception, SystemExit), words
            assert ran.exit_code not in (2, 70), f"{words}: {ran.output}"  # the settings or the command line; a bug
            found.append(Ran(words, ran.exit_code, ran.output + ran.stderr))
    return found


def everything_said(ran: Iterable[Ran], caplog: pytest.LogCaptureFixture | None = None) -> Iterator[Place]:
    """Return what the commands said to anyone who ran them, and to the loggers."""
    for each in ran:
        yield each.words, each.said
    if caplog:
        yield "loggers", caplog.text


def everything_kept(sandbox: Sandbox, *, as_text: bool = False) -> Iterator[Place]:
    """Return every byte that attsync and the pretend DfE have kept; `as_text`: two letters may be in any checksum."""
    folder = sandbox.config.parent
    if (log := folder / "attsync.db").exists():
        with closing(sqlite3.connect(log)) as kept:  # bodies are compressed: in the file, a name in one would be hidden
            for (content,) in kept.execute("SELECT content FROM body"):
                yield "body", zlib.decompress(content).decode()
    if as_text:
        with closing(sqlite3.connect(folder / "attsync.db")) as kept:
            yield "attsync.db", "\n".join(kept.iterdump())
    for path in folder.rglob("*"):
        is_database = path.name.startswith("attsync.db") and not as_text
        if path.is_file() and (is_database or path.parent != folder):
            yield path.name, path.read_bytes().decode("latin-1")
    yield "received", str(list(sandbox.store.received()))


def names_in(found: Iterable[Place], names: frozenset[str] = NAMES) -> list[str]:
    """Return which places hold a name, in capitals or not, and those that they hold; short names as they stand."""
    words = ((where, set(re.findall("[A-Za-z]+", text))) for where, text in found)
    held = ((where, {word for word in some if word in names or word.lower() in names}) for where, some in words)
    return [f"{where}: {', '.join(sorted(some))}" for where, some in held if some]


def told(ran: Iterable[Ran]) -> dict[str, tuple[int, set[str]]]:
    """Return for each of the main commands its exit code and the problem codes that it named.

    Without what `check` says of every sandbox: nothing is scheduled, and a SELECT without pupils proves no duplicates.
    """
    found = {}
    for each in ran:
        if each.words in ("check", "preview", "send"):
            codes = {code for code in all_codes() if f"[{code}]" in each.said} - {"SEND-MISSED"}
            is_unproven = "duplicate marks cannot be detected" in " ".join(each.said.split())
            found[each.words] = (each.exit_code, codes - {"MARK-DOUBLE"} if is_unproven else codes)
    return found


def change(sandbox: Sandbox, old: str, new: str) -> None:
    """Change the settings."""
    text = sandbox.config.read_text()
    assert old in text
    sandbox.config.write_text(text.replace(old, new.replace('"', '\\"')))


def test_no_name_is_sent_kept_or_said(sandbox: Sandbox) -> None:
    """P3, when all is as it should be: every command does its work, and no name is in what it leaves behind."""
    ran = run_everything(sandbox)

    assert {each.words: each.exit_code for each in ran if each.exit_code} == {}
    assert len(list(sandbox.store.received())) >= 8
    assert names_in(everything_said(ran)) == []
    assert names_in(everything_kept(sandbox)) == []


HEADERS = {
    "POST /token": {"content-type"},
    "GET /codes/attendance": {"authorization", "ocp-apim-subscription-key"},
    "GET /codes/ncyeargroup": {"authorization", "ocp-apim-subscription-key"},
    "GET /provider/900023": {"authorization", "ocp-apim-subscription-key"},
    "POST /attendances": {"authorization", "ocp-apim-subscription-key", "content-type", "idempotency-key"},
    "POST /ping": set(),
    "POST /ping/start": set(),
}
"""Every request there is -> the headers that it has besides those of every request."""
USUAL = {"host", "user-agent", "accept", "accept-encoding", "content-length"}


def test_requests_are_what_is_listed_and_hold_no_name(sandbox: Sandbox, tmp_path: Path) -> None:
    """Byte by byte as they leave, with their headers: those of check, of the sign-in and of the monitor too."""
    identity = make_identity(tmp_path)
    lists = dict.fromkeys((b"/codes/attendance", b"/codes/ncyeargroup"), _empty_list)
    also = {b"/provider/900023": _school, **lists}
    with Stranger(identity.good, also=also) as dfe:
        text = sandbox.config.read_text()
        for old, new in (
            ("base_url", f'base_url = "{dfe.origin}"'),
            ("token_url", f'token_url = "{dfe.origin}/token"'),
            ("ca_file", f'ca_file = "{identity.ca}"'),
            ("# ping_url", f'ping_url = "{dfe.origin}/ping"'),
        ):
            text, number = re.subn(rf'(?m)^{old} *= "[^"]*"', new, text)
            assert number == 1
        sandbox.config.write_text(text)
        commands = [
            attsync(*words.split(), config=sandbox.config) for words in ("consent grant --yes", "check", "send")
        ]

    found: dict[str, set[str]] = {}
    for request in dfe.requests:
        assert names_in([("request", request.decode("latin-1"))]) == []
        line, *headers = request.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
        names = {header.partition(":")[0].lower() for header in headers}
        found.setdefault(line.removesuffix(" HTTP/1.1"), set()).update(names - USUAL)
    assert [ended.exit_code for ended in commands] == [0, 0, 0]
    assert found == HEADERS
    assert len(dfe.posts) >= 8


def _empty_list(talk: Talk) -> None:
    talk.reply(200, "[]")


def _school(talk: Talk) -> None:
    talk.reply(200, '{"urn": 900023, "name": "Oakfield Primary School"}')


def test_no_name_is_saved(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Nor told to any logger."""
    ran = run_in_this_process(sandbox, caplog, every=True)

    assert {each.words: each.exit_code for each in ran if each.exit_code} == {}
    saved = {path.name for path in (sandbox.config.parent / "saved").iterdir() if path.stat().st_size}
    assert saved >= {"receipt.txt", "preview.csv", "day.html", "status.html", "status.csv", "status.json"}
    assert len(caplog.records) > 100
    assert names_in(everything_said(ran, caplog)) == []
    assert names_in(everything_kept(sandbox)) == []


def everywhere(exit_code: int, *codes: str) -> dict[str, tuple[int, set[str]]]:
    """Return what `told` gives where the main commands all say the same."""
    return dict.fromkeys(("check", "preview", "send"), (exit_code, {*codes}))


@pytest.mark.parametrize(
    ("select", "said"),
    [
        pytest.param(
            f"SELECT mark_date AS date, session, year_group, last_name AS code {_FROM}",
            everywhere(1, "MARK-UNKNOWN"),
            id="code",
        ),
        pytest.param(
            f"SELECT mark_date AS date, session, first_name AS year_group, mark AS code {_FROM}",
            everywhere(1, "YEAR-UNKNOWN"),
            id="year",
        ),
        pytest.param(
            f"SELECT mark_date AS date, last_name AS session, year_group, mark AS code {_FROM}",
            everywhere(1, "SESSION-UNKNOWN"),
            id="session",
        ),
        pytest.param(
            f"SELECT last_name AS date, session, year_group, mark AS code {_FROM}",
            everywhere(1, "COLUMN-WRONG"),
            id="date",
        ),
        pytest.param(
            f"SELECT mark_date AS date, session, year_group, mark AS code, last_name AS school {_FROM}",
            everywhere(0, "MARKS-NONE", "SCHOOL-UNLISTED")
            | {"preview": (0, {"MARKS-NONE"}), "send": (NONE, {"MARKS-NONE", "SCHOOL-UNLISTED"})},
            id="school",
        ),
        pytest.param(
            f"SELECT mark_date AS date, session, year_group, mark AS code, last_name AS pupil {_FROM}",
            everywhere(1, "MARK-DOUBLE"),
            id="pupil",
        ),
        pytest.param(
            "SELECT mark_date AS date, session, year_group, CASE pupil_id WHEN 1010 THEN 'Loxley' ELSE mark END AS code"
            f" {_FROM}",
            everywhere(1, "MARK-UNKNOWN"),
            id="one stray name",
        ),
        pytest.param(
            f"SELECT mark_date AS date, session, year_group, json_extract(last_name, '$') AS code {_FROM}",
            everywhere(3, "DB-SELECT"),
            id="error that quotes data",
        ),
    ],
)
def test_no_name_gets_out_of_a_wrong_column(
    sandbox: Sandbox, select: str, said: dict[str, tuple[int, set[str]]], caplog: pytest.LogCaptureFixture
) -> None:
    """P3, when someone has written a SELECT that gives names: they are refused, and not even shown."""
    change(sandbox, _MARKS, select)
    ran = run_in_this_process(sandbox, caplog)

    assert told(ran) == said
    assert names_in(everything_said(ran, caplog)) == []
    assert names_in(everything_kept(sandbox)) == []


@pytest.mark.parametrize(
    ("select", "said"),
    [
        pytest.param(
            f"SELECT last_name AS year_group, entry_date, leaving_date {_ENROLLED}",
            everywhere(1, "ROLL-UNKNOWN"),
            id="year",
        ),
        pytest.param(
            f"SELECT year_group, first_name AS entry_date, leaving_date {_ENROLLED}",
            everywhere(1, "COLUMN-WRONG"),
            id="entry date",
        ),
        pytest.param(
            f"SELECT year_group, entry_date, last_name AS leaving_date {_ENROLLED}",
            everywhere(1, "COLUMN-WRONG"),
            id="leaving date",
        ),
        pytest.param(
            f"SELECT year_group, entry_date, leaving_date, last_name AS school {_ENROLLED}",
            everywhere(0, "MARKS-HIGH", "MARKS-UNPROVEN"),
            id="school",
        ),
        pytest.param(
            f"SELECT year_group, entry_date, leaving_date, last_name AS pupil {_ENROLLED}",
            everywhere(0, "MARKS-HIGH", "ROLL-DOUBLE") | {"check": (0, {"MARKS-HIGH", "ROLL-DOUBLE", "ROLL-HIGH"})},
            id="pupil",
        ),
    ],
)
def test_no_name_gets_out_of_a_wrong_roll(
    sandbox: Sandbox, select: str, said: dict[str, tuple[int, set[str]]], caplog: pytest.LogCaptureFixture
) -> None:
    """The second SELECT."""
    change(sandbox, _ROLL, select)
    ran = run_in_this_process(sandbox, caplog)

    assert told(ran) == said
    assert names_in(everything_said(ran, caplog)) == []
    assert names_in(everything_kept(sandbox)) == []


def test_no_name_gets_out_of_wrong_administrators(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """The third: no one can give consent by it, so nothing is sent."""
    change(sandbox, _ADMINISTRATORS, "SELECT last_name AS username FROM pupils")
    ran = run_in_this_process(sandbox, caplog)

    assert (ran[0].exit_code, "[PERMISSION]" in ran[0].said) == (7, True)
    assert told(ran) == everywhere(0) | {"check": (0, {"CONSENT-NONE"}), "send": (7, {"CONSENT-NONE"})}
    assert list(sandbox.store.received()) == []
    assert names_in(everything_said(ran, caplog)) == []
    assert names_in(everything_kept(sandbox)) == []


@pytest.mark.parametrize(
    "select",
    [
        pytest.param("SELECT last_name AS school, 900023 AS urn, 'Oakfield' AS name FROM pupils", id="school"),
        pytest.param("SELECT '900023' AS school, last_name AS urn, 'Oakfield' AS name FROM pupils", id="urn"),
    ],
)
def test_no_name_gets_out_of_wrong_schools(sandbox: Sandbox, select: str, caplog: pytest.LogCaptureFixture) -> None:
    """The fourth. What it calls a school's name is shown and never sent."""
    text, _, _ = sandbox.config.read_text().partition("\n[[database.schools]]")
    sandbox.config.write_text(text.replace("\n[database.codes]", f'\nschools = "{select}"\n[database.codes]'))
    ran = run_in_this_process(sandbox, caplog)

    assert (ran[0].exit_code, "[DB-SELECT]" in ran[0].said) == (3, True)
    assert told(ran) == everywhere(3, "DB-SELECT") | {"send": (7, {"CONSENT-NONE"})}
    assert names_in(everything_said(ran, caplog)) == []
    assert names_in(everything_kept(sandbox)) == []


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("CASE pupil_id WHEN 1010 THEN last_name ELSE mark END", id="one stray name"),
        pytest.param("CASE WHEN pupil_id % 2 THEN first_name ELSE mark END", id="a column of initials"),
        pytest.param("last_name", id="a column of names"),
    ],
)
def test_no_short_name_gets_out(sandbox: Sandbox, code: str, caplog: pytest.LogCaptureFixture) -> None:
    """Only two capitals among known codes are taken for a code and shown (docs/auditors.md)."""
    with closing(sqlite3.connect(sandbox.config.with_name("school.db"))) as school, school:
        school.execute("UPDATE pupils SET first_name = 'QX', last_name = 'Ng'")
    change(sandbox, _MARKS, f"SELECT mark_date AS date, session, year_group, {code} AS code {_FROM}")
    ran = run_in_this_process(sandbox, caplog)

    assert told(ran) == everywhere(1, "MARK-UNKNOWN")
    assert names_in(everything_said(ran, caplog), SHORT) == []
    assert names_in(everything_kept(sandbox, as_text=True), SHORT) == []


@pytest.mark.parametrize(
    ("name", "names"), [("Amabel QUARTERMAIN", NAMES), ("Ng", SHORT), ("QX", SHORT)], ids=["long", "short", "initials"]
)
def test_names_would_be_found(
    sandbox: Sandbox, name: str, names: frozenset[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Else everything above would prove nothing: a school that bears a pupil's name is said, logged and saved."""
    change(sandbox, "Oakfield Primary School", name)
    (sandbox.config.parent / "temporary" / "attsync-error.txt").write_text(f"ValueError: {name}")
    ran = run_in_this_process(sandbox, caplog, every=True)
    logging.getLogger("sqlalchemy.engine").warning("%s", name)
    with closing(sqlite3.connect(sandbox.config.with_name("attsync.db"))) as log, log:
        log.execute("INSERT INTO body (sha256, size, content) VALUES ('', 0, ?)", (zlib.compress(name.encode()),))
    sandbox.store.note(replace(sandbox.store.received()[0], ref=None, status=400, body=name.encode()))

    said = {each.partition(":")[0].partition(" ")[0] for each in names_in(everything_said(ran, caplog), names)}
    kept = {each.partition(":")[0] for each in names_in(everything_kept(sandbox, as_text=names is SHORT), names)}
    assert said == {"consent", "check", "preview", "send", "status", "loggers"}
    assert kept & {"attsync.db", "attsync.db-wal"}
    assert kept >= {"body", "received", "attsync-error.txt", "receipt.txt", "status.html"}
