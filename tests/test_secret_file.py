"""Secrets from files: read only where nobody else can read or change them (RELIABILITY.md 7)."""

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from attsync.problems import SettingsError
from attsync.secret_file import read_secret
from tests.other_account import SOMEBODY_ELSE, needs_root

PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----"


@pytest.fixture
def secret(tmp_path: Path) -> Callable[..., Path]:
    """Write a file with a secret."""

    def make(content: str | bytes = "hunter2", mode: int = 0o600, name: str = "client-secret") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    return make


@pytest.fixture
def credentials(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder such as systemd makes for a service, and a credential in it; give the credential."""

    def make(folder_mode: int = 0o550, mode: int = 0o440) -> Path:
        folder = tmp_path / "credentials"
        folder.mkdir()
        path = folder / "client-secret"
        path.write_text("hunter2")
        path.chmod(mode)
        folder.chmod(folder_mode)
        return path

    return make


def problem(path: Path, *, multiline: bool = False, environ: Mapping[str, str] | None = None) -> SettingsError:
    """Give the error that reading `path` ends in."""
    with pytest.raises(SettingsError) as raised:
        read_secret(path, what="client secret", multiline=multiline, environ=environ or {})
    assert raised.value.problem.code == "SECRET-FILE"
    assert "hunter2" not in f"{raised.value!r} {raised.value.problem} {raised.value.__context__!r}"
    return raised.value


@pytest.mark.parametrize("content", ["hunter2", "hunter2\n", "hunter2\r\n"])
def test_secret_is_read_without_the_newline_of_an_editor(secret: Callable[..., Path], content: str) -> None:
    """Editors and `echo` add one; sent along, it would make the secret wrong."""
    assert read_secret(secret(content), what="client secret").get_secret_value() == "hunter2"


def test_secret_is_hidden_when_shown(secret: Callable[..., Path]) -> None:
    """What holds it may end up in a log."""
    read = read_secret(secret(), what="client secret")

    assert "hunter2" not in f"{read} {read!r}"


def test_secret_of_a_file_that_only_the_owner_may_read_is_read(secret: Callable[..., Path]) -> None:
    """0400 is stricter than asked for."""
    assert read_secret(secret(mode=0o400), what="client secret")


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o601, 0o660, 0o644, 0o777])
def test_file_that_is_open_to_others_is_refused(secret: Callable[..., Path], mode: int) -> None:
    """Whoever can read it can sign in as the school; whoever can write it can lock it out."""
    path = secret(mode=mode)

    error = problem(path)

    assert f"{path}, is open to others (mode {mode:04o}). Nothing was sent." in error.problem.text
    assert error.problem.next == f"Close it: chmod 600 {path}"


def test_remedy_can_be_pasted_whatever_the_name(secret: Callable[..., Path]) -> None:
    """A name with a space would be two files for chmod."""
    error = problem(secret(mode=0o644, name="client secret"))

    assert error.problem.next.endswith("/client secret'")


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The usual fault of a first set-up."""
    error = problem(tmp_path / "client-secret")

    assert error.problem.text.endswith("client-secret, is not there. Nothing was sent.")
    assert error.problem.next == f"Write the client secret into it, then: chmod 600 {tmp_path / 'client-secret'}"


def test_link_is_refused(secret: Callable[..., Path], tmp_path: Path) -> None:
    """Whoever may write the link's folder could point it elsewhere."""
    link = tmp_path / "link"
    link.symlink_to(secret())

    assert "is a link" in problem(link).problem.text


def test_folder_is_refused(tmp_path: Path) -> None:
    """A path that ends too early."""
    assert "cannot be read (Is a directory)" in problem(tmp_path).problem.text


def test_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    """A run under cron must not wait for somebody to write into it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, mode=0o600)

    assert "is not a regular file" in problem(pipe).problem.text


def test_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot even be opened."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")

        assert "cannot be read (" in problem(tmp_path / "socket").problem.text


@needs_root
def test_file_of_another_account_is_refused(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """Its owner can read and change it, whatever its mode."""
    path = open_folder / "client-secret"
    path.write_text("hunter2")
    path.chmod(0o644)
    os.chown(path, SOMEBODY_ELSE + 1, -1)
    somebody_else()

    error = problem(path)

    assert "belongs to another account" in error.problem.text
    assert error.problem.next == f"Give it to the account that runs attsync: chown {SOMEBODY_ELSE} {path}"


@needs_root
def test_root_reads_the_secret_of_the_account_that_sends(secret: Callable[..., Path]) -> None:
    """`sudo attsync consent grant`: the advice to give the file to root would have stopped what cron runs."""
    path = secret()
    os.chown(path, SOMEBODY_ELSE, -1)

    assert read_secret(path, what="client secret", environ={}).get_secret_value() == "hunter2"


@needs_root
def test_file_that_may_not_be_read_is_refused(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """The account of cron is often another than that of the technician; it may not even have a name."""
    path = open_folder / "client-secret"
    path.touch(mode=0o600)
    somebody_else()

    error = problem(path)

    assert "may not be read by this account" in error.problem.text
    assert f"chown {SOMEBODY_ELSE} " in error.problem.next


@pytest.mark.parametrize("content", ["", "\n", "\r\n", "   \n"])
def test_empty_file_is_refused(secret: Callable[..., Path], content: str) -> None:
    """An empty secret would be refused by the DfE, with a message that says less."""
    assert "is empty" in problem(secret(content)).problem.text


@pytest.mark.parametrize(
    "content",
    [
        "hunter2\n\n",
        "hunter2\nhunter3\n",
        "hunter2\r",
        "hun\tter2",
        "hun\x00ter2",
        "\N{ZERO WIDTH NO-BREAK SPACE}hunter2",
        "hunter2\N{NO-BREAK SPACE}",
        b"hunter2\xff",
        "hunter2" * 10_000,
    ],
)
def test_content_that_cannot_be_one_secret_is_refused(secret: Callable[..., Path], content: str | bytes) -> None:
    """A line break could forge a header; a mark that nobody sees makes the secret wrong for no visible reason."""
    assert "in one line, without invisible characters, of at most 64 KiB" in problem(secret(content)).problem.text


def test_largest_file_is_read(secret: Callable[..., Path]) -> None:
    """The limit itself is allowed."""
    assert len(read_secret(secret("x" * 65536), what="client secret")) == 65536


@pytest.mark.parametrize("content", [PEM, PEM + "\n", PEM.replace("\n", "\r\n") + "\r\n"])
def test_private_key_keeps_its_lines(secret: Callable[..., Path], content: str) -> None:
    """PEM is made of lines."""
    read = read_secret(secret(content), what="private key", multiline=True).get_secret_value()

    assert read.splitlines() == PEM.splitlines()


def test_private_key_with_a_control_character_is_refused(secret: Callable[..., Path]) -> None:
    """Lines are allowed, nothing else."""
    assert "in one line" not in problem(secret("hunter2\n\x1b[2J"), multiline=True).problem.text


def test_systemd_credential_is_read(credentials: Callable[..., Path]) -> None:
    """The group's right to read is the mask of an access list there, and nobody else can enter the folder."""
    path = credentials()

    assert read_secret(path, what="client secret", environ={"CREDENTIALS_DIRECTORY": str(path.parent)})


@pytest.mark.parametrize(("folder_mode", "mode"), [(0o555, 0o440), (0o570, 0o440), (0o550, 0o460), (0o550, 0o444)])
def test_systemd_credential_is_read_only_from_a_closed_folder(
    credentials: Callable[..., Path], folder_mode: int, mode: int
) -> None:
    """Anybody can set CREDENTIALS_DIRECTORY; the rights have to be as systemd gives them."""
    path = credentials(folder_mode, mode)

    assert "is open to others" in problem(path, environ={"CREDENTIALS_DIRECTORY": str(path.parent)}).problem.text


def test_group_may_not_read_a_file_that_is_no_credential(credentials: Callable[..., Path]) -> None:
    """The exception is for systemd's folder alone."""
    path = credentials()

    assert "is open to others" in problem(path, environ={"CREDENTIALS_DIRECTORY": "/run/credentials/x"}).problem.text
    assert "is open to others" in problem(path, environ={}).problem.text


@needs_root
def test_credential_of_root_is_read_by_the_account_of_the_service(
    open_folder: Path, somebody_else: Callable[[], None]
) -> None:
    """The credentials stay with root where the file system knows access lists."""
    open_folder.chmod(0o550)
    path = open_folder / "client-secret"
    path.write_text("hunter2")
    path.chmod(0o440)
    somebody_else()

    assert read_secret(path, what="client secret", environ={"CREDENTIALS_DIRECTORY": str(open_folder)})
