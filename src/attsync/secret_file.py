"""Secrets from files: reads one only if nobody but this account and root can read or change it.

The rules are RELIABILITY.md 7. Everything is asked of the opened file, never of its name, so that nothing can be
exchanged between the look and the reading. No message holds anything of the content.
"""

import errno
import os
import pwd
import re
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from attsync.problems import SettingsError

_LARGEST: Final = 64 * 1024
"""Bytes. A key of any kind is far smaller; the wrong file, a log or a database, is often far larger."""
_ROOT: Final = 0


def read_secret(
    path: Path, *, what: str, multiline: bool = False, environ: Mapping[str, str] = os.environ
) -> SecretStr:
    """Read the secret in `path`, without the newline that editors put at its end.

    `what` names the secret in messages, such as "client secret"; `multiline` allows the lines of a PEM key.
    Raise SettingsError SECRET-FILE, naming the file and what to do, if it is not safe or holds nothing usable.
    """
    try:
        with open(path, "rb", opener=_open) as file:
            _refuse_unsafe(path, what, os.fstat(file.fileno()), environ)
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _refusal(path, what, *_unreadable(path, what, error)) from error
    secret = _secret_in(content, multiline=multiline)
    if secret is None:
        lines = "" if multiline else " in one line"
        fault = f"does not hold UTF-8 text{lines}, without invisible characters, of at most 64 KiB"
        raise _refusal(path, what, fault if content.strip() else "is empty", f"Write the {what} into it again.")
    return SecretStr(secret)


def _open(path: str, flags: int) -> int:
    # Not through a link, which somebody else may be able to turn; and a pipe in the file's place must not hold us up.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _refuse_unsafe(path: Path, what: str, opened: os.stat_result, environ: Mapping[str, str]) -> None:
    if not stat.S_ISREG(opened.st_mode):
        raise _refusal(path, what, "is not a regular file", "Name the file itself in the settings file.")
    # Root gives consent for the account that sends, whose secrets these are (docs/install.md).
    if opened.st_uid not in {os.geteuid(), _ROOT} and os.geteuid() != _ROOT:
        raise _refusal(path, what, "belongs to another account", _give_it_to_us(path))
    others = 0o077
    if _is_credential(path, environ):
        # systemd lets the service's account in by an access list, whose mask stat shows as the group's rights:
        # 0440. The group itself has none.
        others &= ~stat.S_IRGRP
    if opened.st_mode & others:
        mode = stat.S_IMODE(opened.st_mode)
        raise _refusal(path, what, f"is open to others (mode {mode:04o})", f"Close it: chmod 600 {_quoted(path)}")


def _is_credential(path: Path, environ: Mapping[str, str]) -> bool:
    """Tell whether systemd put the file there, into the folder that only this service can enter."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder or path.parent != Path(folder):
        return False
    found = Path(folder).stat()
    return found.st_uid in {os.geteuid(), _ROOT} and not found.st_mode & (stat.S_IWGRP | stat.S_IRWXO)


def _secret_in(content: bytes, *, multiline: bool) -> str | None:
    """Give the text, or None if it cannot be a secret: an error object would carry the bytes along."""
    if len(content) > _LARGEST:
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    text = re.sub(r"\r?\n\Z", "", text)
    lines = re.split(r"\r?\n", text) if multiline else [text]
    # Not only control characters: a byte-order mark or a no-break space is as invisible and never meant.
    return text if text.strip() and all(line.isprintable() for line in lines) else None


def _unreadable(path: Path, what: str, error: OSError) -> tuple[str, str]:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return "is not there", f"Write the {what} into it, then: chmod 600 {_quoted(path)}"
        case errno.ELOOP:
            return "is a link", "Name the file itself in the settings file."
        case errno.EACCES:
            return "may not be read by this account", _give_it_to_us(path)
        case _:
            return f"cannot be read ({os.strerror(error.errno or 0)})", "Name another file in the settings file."


def _refusal(path: Path, what: str, fault: str, remedy: str) -> SettingsError:
    happened = f"The file with the {what}, {path}, {fault}."
    return SettingsError("SECRET-FILE", happened, remedy, not_done="Nothing was sent.")


def _give_it_to_us(path: Path) -> str:
    try:
        account = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # containers run under numbers without a name
        account = str(os.geteuid())
    return f"Give it to the account that runs attsync: chown {account} {_quoted(path)}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
