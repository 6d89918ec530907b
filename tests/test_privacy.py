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
from tests.installed import attsync, served

pytestmark = pytest.mark.slow

NAMES = re.compile("|".join(rf"(?<![a-z]){name}(?![a-z])" for name in (*FIRST_NAMES, *LAST_NAMES)), re.IGNORECASE)
_MARKS = "SELECT mark_date AS date, session, year_group, mark AS code, pupil_id AS pupil FROM roll_call_marks"
_FROM = "FROM roll_call_marks JOIN pupils USING (pupil_id)"


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
    with caplog.at_level(logging.DEBUG):
        for words in (
            "consent grant --yes",
            "preview",
            "preview --json",
            "send",
            "send --quiet",
            "status",
            "status --json",
        ):
            ran = CliRunner().invoke(program, [*words.split(), "--config", str(sandbox.config)])
            yield words, ran.output + ran.stderr
        yield "loggers", caplog.text


def everything_kept(sandbox: Sandbox) -> Iterator[tuple[str, str]]:
    """Give every byte that attsync and the pretend DfE have kept."""
    folder = sandbox.config.parent
    for path in folder.iterdir():
        if path.name.startswith(("attsync.db", "sandbox.db")):
            yield path.name, path.read_bytes().decode("latin-1")
    yield "received", str(list(sandbox.store.received()))


def assert_no_name(found: Iterator[tuple[str, str]]) -> None:
    """Look for names, in every spelling."""
    for where, text in found:
        assert not NAMES.search(text), f"{where} holds a name: {NAMES.search(text)}"


def test_no_name_is_sent_kept_or_said(sandbox: Sandbox) -> None:
    """P3, when all is as it should be."""
    assert_no_name(run_everything(sandbox))
    assert_no_name(everything_kept(sandbox))
    assert len(list(sandbox.store.received())) >= 8


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
    text = sandbox.config.read_text()
    assert _MARKS in text
    sandbox.config.write_text(text.replace(_MARKS, select.replace('"', '\\"')))

    assert_no_name(run_in_this_process(sandbox, caplog))
    assert_no_name(everything_kept(sandbox))


def test_no_name_gets_out_of_a_wrong_roll(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """The other SELECT."""
    old = "SELECT year_group, entry_date, leaving_date, pupil_id AS pupil FROM enrolments"
    new = "SELECT last_name AS year_group, first_name AS entry_date, leaving_date FROM enrolments JOIN pupils USING"
    new += " (pupil_id)"
    text = sandbox.config.read_text()
    assert old in text
    sandbox.config.write_text(text.replace(old, new))

    assert_no_name(run_in_this_process(sandbox, caplog))
    assert_no_name(everything_kept(sandbox))


def test_names_would_be_found() -> None:
    """Else everything above would prove nothing."""
    assert NAMES.search("... 'Amabel' ...")
    assert NAMES.search('{"name": "QUARTERMAIN"}')
