"""person.py: who runs a command, as the kernel knows it."""

import os
import pwd
from pathlib import Path

import pytest

from attsync.person import who

ME = pwd.getpwuid(os.getuid()).pw_name
NOBODY = pwd.getpwnam("nobody")


@pytest.mark.parametrize("name", ["USER", "LOGNAME", "LNAME", "USERNAME", "SUDO_USER", "HOME"])
def test_environment_has_no_say(name: str) -> None:
    """Anybody can set these."""
    assert who({name: "head"}).account == ME


def test_caller_behind_sudo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """`sudo attsync consent grant`: the account that called it, not root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert who({"SUDO_UID": str(NOBODY.pw_uid)}).account == "nobody"


def test_sudo_is_believed_only_from_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root's rights, SUDO_UID is just a variable that anybody can set."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert who({"SUDO_UID": str(NOBODY.pw_uid)}).account == ME


@pytest.mark.parametrize("value", ["", "-1", "x", "1 ", "٣", "9" * 30])
def test_odd_sudo_is_passed_over(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """No crash, and nobody else's name."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert who({"SUDO_UID": value}).account == ME


def test_account_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers."""
    monkeypatch.setattr(os, "getuid", lambda: 54321)

    assert who({}).account == "uid 54321"


@pytest.mark.parametrize(("content", "uid"), [("1000", 1000), ("4294967295", None), ("", None), ("x", None)])
def test_login_is_recorded_where_the_kernel_keeps_it(
    monkeypatch: pytest.MonkeyPatch, content: str, uid: int | None
) -> None:
    """Evidence: who signed in to this machine, whatever sudo did since."""
    monkeypatch.setattr(Path, "read_text", lambda _, **__: content)

    assert who({}).login_uid == uid


def test_login_may_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other kernels have no such file."""

    def read(_: Path, **__: str) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", read)

    assert who({}).login_uid is None
