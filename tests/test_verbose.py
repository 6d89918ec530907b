"""-v tells IT what happened: the SQL that was sent, the requests, how long; no secret, and no library's words."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from attsync.sandbox.folder import Sandbox
from tests.installed import attsync, served

pytestmark = pytest.mark.slow

OURS = re.compile(r"(?:attsync\.[a-z_.]+: | {4,})\S")
"""How a line of ours begins; those of SQL are moved in."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Serve a made-up school's folder, with consent."""
    with served(tmp_path_factory.mktemp("verbose") / "trial", consent=True) as sandbox:
        yield sandbox


@pytest.mark.parametrize("words", ["send", "check", "preview --json"])
def test_sql_is_shown_with_its_dates(sandbox: Sandbox, words: str) -> None:
    """A data protection lead can review it: what is counted, of what, since when."""
    ended = attsync(*words.split(), "-v", config=sandbox.config)

    assert ended.exit_code == 0
    assert re.search(r'WHERE marks\."date" >= \'\d{4}-\d\d-\d\d\' AND marks\."date" < \'\d{4}-\d\d-\d\d\'', ended.err)
    assert "mark AS code, pupil_id AS pupil FROM roll_call_marks" in ended.err
    assert re.search(r"school database: marks: [1-9]\d+ rows, fetched in \d\.\d\d s", ended.err)
    assert f"school database: sqlite:///{sandbox.config.parent}/school.db" in ended.err
    assert all(OURS.match(line) for line in ended.err.splitlines())


def test_requests_and_the_run_are_shown(sandbox: Sandbox) -> None:
    """Host and path, answer and seconds."""
    err = attsync("send", "-v", config=sandbox.config).err

    host = re.escape(sandbox.server.base_url.removeprefix("https://"))
    assert re.search(rf"attsync\.dfe\.client: POST {host}/oauth/token: 200, \d\.\d\d s\n", err)
    assert len(re.findall(rf"attsync\.dfe\.client: POST {host}/attendances: 201, \d\.\d\d s\n", err)) == 8
    assert re.search(r"attsync\.run\.send: run \d+ begins\n", err)
    assert re.search(r"attsync\.run\.send: run \d+ ended, exit code 0\n", err)


def test_answer_that_does_not_come_is_shown(sandbox: Sandbox, tmp_path: Path) -> None:
    """With what became of it, and not what a library calls it."""
    config = tmp_path / "config.toml"
    text = re.sub(r'(token_url = "https://localhost:)\d+', r"\g<1>1", sandbox.config.read_text())
    for name in ("client-secret", "subscription-key", "ca.pem", "attsync.db"):
        text = text.replace(f'"{name}"', f'"{sandbox.config.parent / name}"')
    config.write_text(text.replace("sqlite:///school.db", f"sqlite:///{sandbox.config.parent}/school.db"))

    err = attsync("check", "-v", config=config).err

    assert re.search(r"/oauth/token: no answer \(no connection\), \d\.\d\d s", err)


@pytest.mark.parametrize("words", ["send", "check", "status", "consent grant --yes"])
def test_no_secret_and_no_library_is_heard(sandbox: Sandbox, words: str) -> None:
    """However often -v is said."""
    ended = attsync(*words.split(), "-vvv", config=sandbox.config)

    for name in ("client-secret", "subscription-key"):
        assert sandbox.config.with_name(name).read_text().strip() not in ended.said
    assert "Bearer" not in ended.said
    assert not re.search(r"^(?:httpx|httpcore|sqlalchemy|authlib|urllib3|asyncio)", ended.err, re.MULTILINE)
    assert "attsync.commands: window" in ended.err or words.startswith("consent")


def test_session_and_probes_are_shown_under_vv_only(sandbox: Sandbox) -> None:
    """Under -v the three statements that count are enough: the roll, who is suspect of doubled marks, the marks."""
    once, twice = (attsync("preview", flag, config=sandbox.config).err for flag in ("-v", "-vv"))

    assert once.count("sent to the database:") == 3
    assert "BEGIN" in twice
    assert "WHERE 1 = 0" in twice
    assert "BEGIN" not in once
