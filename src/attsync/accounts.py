"""Accounts and files: who runs this, who owns and can change a file, secret files, the folder of the log.

Must not import Pydantic, nor anything of attsync but `problems`: `status` and the log start with it.
"""

import errno
import os
import pwd
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attsync.problems import LogError, NotPermitted, Problem, SettingsError

if TYPE_CHECKING:
    from pydantic import SecretStr

WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_ROOT: Final = 0
_NO_UID: Final = 2**32 - 1
"""What the kernel uses for "none"; every number below it is an account."""
_LARGEST: Final = 64 * 1024
"""Bytes. A key of any kind is far smaller; the wrong file, a log or a database, is often far larger."""
_BLANKS: Final = " \t\N{NO-BREAK SPACE}"


# Who runs this. Never by USER, LOGNAME or similar: anyone can set those.


@dataclass(frozen=True, slots=True)
class Person:
    """The account behind a command."""

    account: str
    login_uid: int | None
    """Evidence: the account that first signed in to this machine, where the kernel keeps it."""


def who(environ: Mapping[str, str]) -> Person:
    """Return the account that runs this process; behind sudo, the account that called it.

    Raise NotPermitted if sudo's own variable does not contain an account: root's name would be wrong then.
    """
    uid = os.getuid()
    caller = environ.get("SUDO_UID")
    if caller is not None and os.geteuid() == _ROOT:
        if not re.fullmatch("[0-9]{1,10}", caller) or int(caller) >= _NO_UID:
            raise NotPermitted("PERMISSION", "sudo")
        uid = int(caller)
    elif caller is not None and caller == _started_by():  # any account can set the variable
        uid = int(caller)
    return Person(name_of(uid), _login_uid())


def _started_by() -> str:
    """Return the number of the account whose process started this one, with only root's between; or nothing.

    The kernel keeps it: a process that sudo started is below sudo's, which has the real uid of its caller.
    """
    import subprocess  # noqa: PLC0415  `status` does without

    parent, uid = str(os.getppid()), "0"
    while uid == "0":
        words = ["/bin/ps", "-o", "ppid=", "-o", "ruid=", "-p", parent]
        try:
            parent, uid = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()  # noqa: S603
        except (OSError, ValueError):  # no ps; or no such process: the first one has no parent
            return ""
    return uid


def name_of(uid: int) -> str:
    """Return the name of an account; containers run under numbers that have none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _login_uid() -> int | None:
    try:
        uid = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if uid == _NO_UID else uid


# Who can change a file: as sshd's StrictModes, for root too.


def rights_problem(code: str, path: Path, ours: Collection[int]) -> Problem | None:
    """Return the problem `code` if an account other than root and `ours` can change `path`, or replace it.

    The reason can be the file, a folder above it, or a link on the way to it. A folder in which everyone may write, but
    delete only their own (/tmp), is safe above what is ours, not as `path` itself. Raise OSError.
    """
    places = [*_places(path.absolute())]
    for place in reversed(places):  # the file first: it is what a person checks first
        found = place.lstat()
        is_ours = found.st_uid in {_ROOT, *ours}
        mode = 0 if stat.S_ISLNK(found.st_mode) else found.st_mode
        is_sticky = mode & stat.S_ISVTX and place != places[-1]
        if not is_ours or (mode & WRITE and not is_sticky):
            through = None if place == path.absolute() else place
            accounts = {"owner": name_of(found.st_uid), "account": for_chown(os.geteuid())}
            case = "mode" if is_ours else "owner"
            return Problem(code, case, path=path, place=place, through=through, mode=mode_of(found), **accounts)
    return None


def _places(path: Path) -> Iterator[Path]:
    """Return each folder and link on the way to `path`, and last what it leads to. Raise OSError."""
    at = Path("/")
    yield at
    for name in path.parts[1:]:
        at = at.parent if name == ".." else at / name
        yield at
        if at.is_symlink():
            at.stat()  # the kernel refuses a link that leads to itself or nowhere, so this ends
            yield from _places(at.parent / at.readlink())
            at = at.resolve()


def require_trusted_log(path: Path) -> None:
    """Raise LogError if another account can change the log at `path`, or put another log in its place.

    If there is no log yet, its folder is checked; without a folder, nothing is. Raise OSError.
    """
    with suppress(FileNotFoundError):
        for place in (path.parent, path):
            if problem := rights_problem("LOG-WRITE", place, owners(path)):
                raise LogError.of(problem.but(path=path))


def owners(log: Path) -> set[int]:
    """Return the accounts that can own what is trusted: this one; for root, also the one that sends with this log."""
    return {os.geteuid(), owner_of(log)}


def owner_of(log: Path) -> int:
    """Return the account that sends with this log: this one; for root, that of the log's folder."""
    us = os.geteuid()
    if us != _ROOT:
        return us
    # `sudo attsync status` works with the files of the account that cron runs attsync under.
    return next((each for each in log.parents if os.access(each, os.F_OK)), Path("/")).stat().st_uid


def mode_of(found: os.stat_result) -> str:
    """Return the mode as chmod takes it."""
    return f"{stat.S_IMODE(found.st_mode):04o}"


def for_chown(uid: int) -> str:
    """Return an account as chown takes it."""
    return name_of(uid).removeprefix("uid ")


def other_owner(path: Path) -> str:
    """Return the owner of `path` if that is not this account, as after one run under sudo; or nothing."""
    with suppress(OSError):
        if (uid := path.lstat().st_uid) != os.geteuid():
            return name_of(uid)
    return ""


# Secret files. The opened file is checked, so that it cannot be exchanged between the check and the reading.


def read_secret(
    path: Path, *, what: str, multiline: bool = False, environ: Mapping[str, str] = os.environ
) -> "SecretStr":
    """Return the secret in `path`, without the newline that editors put at its end.

    `what` names the secret in messages, such as "client secret"; `multiline` allows the lines of a PEM key.
    Raise SettingsError SECRET-FILE if other accounts could read or change the file, or its content is not usable.
    """
    from pydantic import SecretStr  # noqa: PLC0415  loaded long before any secret is

    try:
        with open(path, "rb", opener=_open) as file:
            _require_safe(path, os.fstat(file.fileno()), environ)
            return SecretStr(_secret_in(file.read(_LARGEST + 1), multiline=multiline))
    except SettingsError as error:
        problem = error.problem
    except OSError as error:
        case = _UNREADABLE.get(error.errno or 0, "unreadable")
        problem = Problem("SECRET-FILE", case, reason=(error.strerror or "").lower())
    # Not raised above: the decoding error would be chained to it, and contains the file.
    raise SettingsError.of(problem.but(what=what, path=path, account=for_chown(os.geteuid())))


_UNREADABLE: Final = {errno.ENOENT: "missing", errno.ENOTDIR: "missing", errno.ELOOP: "link", errno.EACCES: "denied"}


def _open(path: str, flags: int) -> int:
    # Not through a link; and a pipe in the file's place must not make this wait.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _require_safe(path: Path, opened: os.stat_result, environ: Mapping[str, str]) -> None:
    """Raise SettingsError if accounts other than root and this one could read or change an opened file."""
    us = os.geteuid()
    others = stat.S_IRWXG | stat.S_IRWXO
    if _is_credential(path, environ):
        # systemd lets the service's account in by an access list, whose mask stat shows as the group's rights:
        # 0440. The group itself has none.
        others &= ~stat.S_IRGRP
    if not stat.S_ISREG(opened.st_mode):
        raise SettingsError("SECRET-FILE", "kind")
    # Root gives consent for the account that sends, which owns these files (docs/install.md).
    if opened.st_uid not in {us, _ROOT} and us != _ROOT:
        raise SettingsError("SECRET-FILE", "other", owner=name_of(opened.st_uid))
    if opened.st_mode & others:
        raise SettingsError("SECRET-FILE", "open", mode=mode_of(opened))
    if problem := rights_problem("SECRET-FILE", path, {us, opened.st_uid} if us == _ROOT else {us}):
        raise SettingsError.of(problem)


def _is_credential(path: Path, environ: Mapping[str, str]) -> bool:
    """Whether systemd put the file there, into the folder that only this service can enter."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder or path.parent != Path(folder):
        return False
    found = Path(folder).stat()
    return found.st_uid in {os.geteuid(), _ROOT} and not found.st_mode & (stat.S_IWGRP | stat.S_IRWXO)


def _secret_in(content: bytes, *, multiline: bool) -> str:
    """Return the secret in the content of a file. Raise SettingsError if it cannot be one."""
    try:
        text = re.sub(r"\r?\n\Z", "", content.decode())
    except UnicodeDecodeError:
        raise SettingsError("SECRET-FILE", "text") from None
    lines = re.split(r"\r?\n", text) if multiline else [text]
    for case, is_wrong in (
        ("large", len(content) > _LARGEST),
        ("empty", not text.strip()),
        ("lines", not multiline and ("\n" in text or "\r" in text)),
        ("blank", not multiline and text != text.strip(_BLANKS)),
        # Not only control characters: a byte-order mark or a zero-width space is as invisible, and never intended.
        ("invisible", not all(line.isprintable() for line in lines)),
    ):
        if is_wrong:
            raise SettingsError("SECRET-FILE", case)
    return text


# What is made in the folder of the log belongs to the account of that folder: what root made, as by `sudo attsync
# consent grant`, would be closed to the account that cron runs attsync under, and every run would end with 9.


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it, each with mode 0700, unless they exist. Raise OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)  # parents=True would give those above the mode that the umask leaves
        descriptor = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            give_to_owner_of(each.parent, descriptor)
        finally:
            os.close(descriptor)


def make_file(path: Path) -> int:
    """Make the file `path`, mode 0600, and return it open. Raise OSError: FileExistsError where there is one."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    give_to_owner_of(path.parent, descriptor)
    return descriptor


def give_to_owner_of(folder: Path, descriptor: int) -> None:
    """Return an open file or folder that was just made to the owner of `folder`, if this is root. Raise OSError."""
    # Only ever what has just been made: an existing file could be a link of that account to a file of root's.
    if os.geteuid() == _ROOT:
        owner = folder.stat()
        if owner.st_uid != _ROOT:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
