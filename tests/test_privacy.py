"""No name leaves the school: planted in its database, it appears in nothing that attsync sends, keeps or says."""

import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from attsync.commands import attsync as program
from attsync.sandbox.folder import Sandbox
from attsync.sandbox.made_up import FIRST_NAMES, LAST_NAMES
from attsync.window import today_in_london
from tests.installed import attsync, served
from tests.torture.stranger import Stranger, Talk, make_identity

pytestmark = pytest.mark.slow

NAMES = re.compile("|".join(rf"(?<![a-z]){name}(?![a-z])" for name in (*FIRST_NAMES, *LAST_NAMES)), re.IGNORECASE)
_MARKS = "SELECT mark_date AS date, session, year_group, mark AS code, pupil_id AS pupil FROM roll_call_marks"
_ROLL = "SELECT year_group, entry_date, leaving_date, pupil_id AS pupil FROM enrolments"
_ADMINISTRATORS = "SELECT username FROM staff_permissions WHERE permission = 'Data Returns: Administer'"
_FROM = "FROM roll_call_marks JOIN pupils USING (pupil_id)"
_ENROLLED = "FROM enrolments JOIN pupils USING (pupil_id)"
SHORT = re.compile("(?<![A-Za-z])(?:Ng|QX)(?![A-Za-z])")
"""A name as short as a code, and initials; as they stand in the database."""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """Serve a made-up school's folder; its database is full of names."""
    with served(tmp_path / "trial") as sandbox:
        with closing(sqlite3.connect(sandbox.config.with_name("school.db"))) as school:
            (number,) = school.execute("SELECT count(*) FROM pupils").fetchone()
            assert number > 400
        yield sandbox


def run_everything(sandbox: Sandbox) -> Iterator[tuple[str, str]]:
    """Run every command that reads the database or the log; give what each said."""
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
        yield words, attsync(*words.split(), config=sandbox.config).said


def run_in_this_process(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> Iterator[tuple[str, str]]:
    """Do much the same faster, and listen to every logger of every library."""
    saved = sandbox.config.parent / "saved"
    saved.mkdir()
    today = today_in_london()
    with caplog.at_level(logging.DEBUG):
        for words in (
            f"consent grant --yes --save {saved}/receipt.txt",
            "check",
            "check --show-settings",
            "preview",
            "preview --json",
            f"preview --csv {saved}/preview.csv",
            "send",
            "send --quiet",
            "status",
            "status --json",
            *(f"status --save {saved}/status.{ending}" for ending in ("html", "svg", "txt", "csv", "json")),
            f"status --date {today} --save {saved}/day.html",
            "consent show --history",
        ):
            ran = CliRunner().invoke(program, [*words.split(), "--config", str(sandbox.config)])
            yield words, ran.output + ran.stderr
        yield "loggers", caplog.text


def everything_kept(sandbox: Sandbox, *, as_text: bool = False) -> Iterator[tuple[str, str]]:
    """Give every byte that attsync and the pretend DfE have kept; `as_text`: two letters may stand in any checksum."""
    folder = sandbox.config.parent
    if as_text:
        for path in (folder / "attsync.db", folder / "sandbox.db"):
            with closing(sqlite3.connect(path)) as kept:
                yield path.name, "\n".join(kept.iterdump())
        yield "received", str(list(sandbox.store.received()))
        return
    for path in folder.rglob("*"):
        if path.name.startswith(("attsync.db", "sandbox.db")) or path.parent.name == "saved":
            yield path.name, path.read_bytes().decode("latin-1")
    yield "received", str(list(sandbox.store.received()))


def assert_no_name(found: Iterator[tuple[str, str]], names: re.Pattern[str] = NAMES) -> None:
    """Look for names, in every spelling."""
    for where, text in found:
        assert not names.search(text), f"{where} holds a name: {names.search(text)}"


def change(sandbox: Sandbox, old: str, new: str) -> None:
    """Change the settings."""
    text = sandbox.config.read_text()
    assert old in text
    sandbox.config.write_text(text.replace(old, new.replace('"', '\\"')))


def test_no_name_is_sent_kept_or_said(sandbox: Sandbox) -> None:
    """P3, when all is as it should be."""
    assert_no_name(run_everything(sandbox))
    assert_no_name(everything_kept(sandbox))
    assert len(list(sandbox.store.received())) >= 8


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
        assert not NAMES.search(request.decode("latin-1")), request
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
    assert_no_name(run_in_this_process(sandbox, caplog))
    assert_no_name(everything_kept(sandbox))
    saved = {path.name for path in (sandbox.config.parent / "saved").iterdir() if path.stat().st_size}
    assert saved >= {"receipt.txt", "preview.csv", "day.html", "status.html", "status.svg", "status.json"}
    assert len(caplog.records) > 100


@pytest.mark.parametrize(
    "select",
    [
        pytest.param(f"SELECT mark_date AS date, session, year_group, last_name AS code {_FROM}", id="code"),
        pytest.param(f"SELECT mark_date AS date, session, first_name AS year_group, mark AS code {_FROM}", id="year"),
        pytest.param(f"SELECT mark_date AS date, last_name AS session, year_group, mark AS code {_FROM}", id="session"),
        pytest.param(f"SELECT last_name AS date, session, year_group, mark AS code {_FROM}", id="date"),
        pytest.param(
            f"SELECT mark_date AS date, session, year_group, mark AS code, last_name AS school {_FROM}", id="school"
        ),
        pytest.param(
            f"SELECT mark_date AS date, session, year_group, mark AS code, last_name AS pupil {_FROM}", id="pupil"
        ),
        pytest.param(
            "SELECT mark_date AS date, session, year_group, CASE pupil_id WHEN 1010 THEN 'Loxley' ELSE mark END AS code"
            f" {_FROM}",
            id="one stray name",
        ),
        pytest.param(
            f"SELECT mark_date AS date, session, year_group, json_extract(last_name, '$') AS code {_FROM}",
            id="error that quotes data",
        ),
    ],
)
def test_no_name_gets_out_of_a_wrong_column(sandbox: Sandbox, select: str, caplog: pytest.LogCaptureFixture) -> None:
    """P3, when somebody has written a SELECT that gives names: they are refused, and not even shown."""
    change(sandbox, _MARKS, select)

    assert_no_name(run_in_this_process(sandbox, caplog))
    assert_no_name(everything_kept(sandbox))


@pytest.mark.parametrize(
    "select",
    [
        pytest.param(f"SELECT last_name AS year_group, first_name AS entry_date, leaving_date {_ENROLLED}", id="year"),
        pytest.param(f"SELECT year_group, entry_date, last_name AS leaving_date {_ENROLLED}", id="leaving date"),
        pytest.param(f"SELECT year_group, entry_date, leaving_date, last_name AS school {_ENROLLED}", id="school"),
        pytest.param(f"SELECT year_group, entry_date, leaving_date, last_name AS pupil {_ENROLLED}", id="pupil"),
    ],
)
def test_no_name_gets_out_of_a_wrong_roll(sandbox: Sandbox, select: str, caplog: pytest.LogCaptureFixture) -> None:
    """The second SELECT."""
    change(sandbox, _ROLL, select)

    assert_no_name(run_in_this_process(sandbox, caplog))
    assert_no_name(everything_kept(sandbox))


def test_no_name_gets_out_of_wrong_administrators(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """The third."""
    change(sandbox, _ADMINISTRATORS, "SELECT last_name AS username FROM pupils")

    assert_no_name(run_in_this_process(sandbox, caplog))
    assert_no_name(everything_kept(sandbox))


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

    said = list(run_in_this_process(sandbox, caplog))
    assert "schools SELECT" in str(said)
    assert_no_name(iter(said))
    assert_no_name(everything_kept(sandbox))


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

    assert_no_name(run_in_this_process(sandbox, caplog), SHORT)
    assert_no_name(everything_kept(sandbox, as_text=True), SHORT)


def test_names_would_be_found() -> None:
    """Else everything above would prove nothing."""
    assert NAMES.search("... 'Amabel' ...")
    assert NAMES.search('{"name": "QUARTERMAIN"}')
    assert SHORT.search('the code "Ng"')
    assert SHORT.search("QX")
