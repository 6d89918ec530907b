"""Without consent nothing is read and nothing is sent: `send` does not even open the school database."""

import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from attsync.sandbox.folder import Sandbox
from tests.installed import attsync, here

_watched: list[str] | None = None


def _see(event: str, values: tuple[Any, ...]) -> None:
    if _watched is not None and event in {"open", "sqlite3.connect"}:
        _watched.append(str(values[0]))


sys.addaudithook(_see)


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """Watch which files and databases this process opens, whichever library does it."""
    global _watched  # noqa: PLW0603  an audit hook cannot be taken back, only told to rest
    _watched = []
    try:
        yield _watched
    finally:
        _watched = None


def send(sandbox: Sandbox, *words: str) -> int:
    """Send, in this process."""
    return here("send", *words, config=sandbox.config).exit_code


@pytest.mark.parametrize("words", [[], ["--dry-run"], ["--quiet"], ["--json"], ["--school", "900023"]])
def test_school_database_is_not_opened_without_consent(sandbox: Sandbox, words: list[str]) -> None:
    """Whatever is asked for."""
    with opened_files() as opened:
        code = send(sandbox, *words)

    assert code == 7
    assert opened
    assert not [name for name in opened if "school.db" in name]
    assert not list(sandbox.store.received())


def test_school_database_is_opened_with_consent(agreed: Sandbox) -> None:
    """Else the test above would prove nothing."""
    with opened_files() as opened:
        assert send(agreed) == 0

    assert [name for name in opened if "school.db" in name]


@pytest.mark.parametrize("words", [["send"], ["send", "--dry-run"]])
def test_database_server_is_not_called_without_consent(sandbox: Sandbox, words: list[str]) -> None:
    """A server would see the sign-in. The installed program, so that drivers written in C are watched too."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        text = sandbox.config.read_text()
        sandbox.config.write_text(text.replace("sqlite:///school.db", f"postgresql://sam@127.0.0.1:{port}/school"))

        ended = attsync(*words, config=sandbox.config)

        assert ended.exit_code == 7
        with pytest.raises(BlockingIOError):  # no one waits to be let in
            server.accept()


def test_revoked_consent_is_as_good_as_none(agreed: Sandbox) -> None:
    """At once."""
    assert here("consent", "revoke", "--yes", config=agreed.config).exit_code == 0

    with opened_files() as opened:
        assert send(agreed) == 0

    assert not [name for name in opened if "school.db" in name]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param("UPDATE consent SET receiver = 'https://other.example'", 7, id="receiver"),
        pytest.param("UPDATE consent SET data_set = data_set - 1", 7, id="data set"),
        pytest.param("UPDATE consent SET urn = 900031", 7, id="school"),
    ],
)
def test_consent_to_something_else_is_as_good_as_none(agreed: Sandbox, change: str, code: int) -> None:
    """Bound to school, receiver and data set (SPEC 8). A consent that a change has ended must not end in silence."""
    with closing(sqlite3.connect(agreed.config.with_name("attsync.db"))) as log, log:
        log.execute("DROP TRIGGER consent_is_never_changed")
        log.execute(change)

    with opened_files() as opened:
        assert send(agreed) == code

    assert not [name for name in opened if "school.db" in name]
    assert not list(agreed.store.received())


def test_consent_cannot_be_changed_or_deleted_by_a_slip(agreed: Sandbox) -> None:
    """Who agreed to what stays."""
    with closing(sqlite3.connect(agreed.config.with_name("attsync.db"))) as log:
        for statement in ("UPDATE consent SET person = 'x'", "DELETE FROM consent"):
            with pytest.raises(sqlite3.IntegrityError):
                log.execute(statement)


def test_damaged_log_is_no_consent(agreed: Sandbox) -> None:
    """When in doubt, nothing is sent."""
    for path in agreed.config.parent.glob("attsync.db*"):
        path.write_bytes(b"")

    with opened_files() as opened:
        assert send(agreed) == 9

    assert not [name for name in opened if "school.db" in name]
