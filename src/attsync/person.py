"""Who runs this command, as the kernel knows it (RELIABILITY.md 5).

Refuses to ask the environment for a name: USER and LOGNAME can be set by anybody.
"""

import os
import pwd
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_NO_LOGIN = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Person:
    """The account behind a command."""

    account: str
    login_uid: int | None
    """Evidence: the account that first signed in to this machine, where the kernel keeps it."""


def who(environ: Mapping[str, str]) -> Person:
    """Name the account that runs this process; behind sudo, the account that called it."""
    uid = os.getuid()
    caller = environ.get("SUDO_UID", "")
    if os.geteuid() == 0 and re.fullmatch("[0-9]{1,9}", caller):
        uid = int(caller)
    return Person(name_of(uid), _login_uid())


def name_of(uid: int) -> str:
    """Name an account; containers run under numbers that have no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _login_uid() -> int | None:
    try:
        uid = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == _NO_LOGIN else uid
