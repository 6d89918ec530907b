"""What `attsync check` says of the files on this computer: whose they are, what others may do with them, and the log.

Knows the rules of RELIABILITY.md 3 and 7; makes and changes nothing, and refuses to show what is in a file.
"""

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attsync.checks.finding import Finding, told
from attsync.dfe import Credentials, trusted
from attsync.log import Log
from attsync.others import WRITE, open_to_change
from attsync.person import name_of
from attsync.problems import LogError, SettingsError
from attsync.secret_file import read_secret
from attsync.settings import Location, Origins, Settings, holds_password
from attsync.window import LONDON

_RIGHTS: Final = "File rights"
_LOG: Final = "Log"
_LOG_PATH: Final[Location] = ("log", "path")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_ENTER: Final = stat.S_IXGRP | stat.S_IXOTH
_BESIDE: Final = ("", "-wal", "-shm", ".lock", ".gate", ".door")
"""Endings of the log's own name: what a run makes in its folder."""


def file_findings(settings: Settings, origins: Origins) -> Iterator[Finding]:
    """Say of each file what is wrong with its rights; then, in one line, which are right."""
    right: list[str] = []
    yield from _of_root(settings.log.path)
    yield from _certificates(settings.dfe.ca_file)
    for found in (*_settings_file(settings, origins), *_secrets(settings), *_log_files(settings.log.path)):
        if isinstance(found, Finding):
            yield found
        else:
            right.append(found)
    if right:
        yield Finding("good", _RIGHTS, ", ".join(right))


def log_findings(path: Path) -> Iterator[Finding]:
    """Say whether the log at `path` can be read and written, and what it holds."""
    try:
        log = Log.open_existing(path)
        if log is None:
            yield _no_log(path)
            return
        with log:
            layout, run = log.examine(), log.last_run()
    except LogError as error:
        yield told(_LOG, error.problem, _LOG_PATH)
        return
    newest = f"newest run {run.id}, {run.started_at.astimezone(LONDON):%a %-d %b %H:%M}" if run else "no run yet"
    size = f"{path.stat().st_size / 10**6:.1f} MB"
    yield Finding("good", _LOG, f"{path}: {size}, layout {layout}, sound, can be written; {newest}")


def _of_root(log: Path) -> Iterator[Finding]:
    """Say that root sees other rights than the account that sends."""
    if os.geteuid() != 0:
        return
    folder = next(each for each in log.parents if each.exists())
    if owner := folder.stat().st_uid:
        yield Finding(
            "check",
            _RIGHTS,
            f"This is root, and the folder {folder} of the log belongs to {name_of(owner)}: what is said of rights and"
            " schedule is true for root.",
            f"As the account that sends: sudo -u {_sudo(owner)} attsync check",
            setting=_LOG_PATH,
        )


def _settings_file(settings: Settings, origins: Origins) -> Iterator[Finding | str]:
    path, found = settings.path, settings.path.stat()
    if loose := _open_to_change(path):
        yield _changeable(loose, "the settings file: they could have the counts sent elsewhere")
    # Root's file can only be read through its group, so the group has to be the right one there.
    readers = stat.S_IROTH if found.st_uid == 0 else stat.S_IROTH | stat.S_IRGRP
    passwords = [place for place in holds_password(settings) if origins.of(place).kind == "file"]
    is_read = bool(passwords and found.st_mode & readers)
    if is_read:
        who = "o-r" if found.st_uid == 0 else "go-r"
        yield Finding(
            "bad",
            _RIGHTS,
            f"Other accounts may read the settings file {path} (mode {_mode(found)}), and it holds a password.",
            f"Its owner or root: chmod {who} {_quoted(path)}",
            "FILE-RIGHTS",
            passwords[0],
        )
    if not loose and not is_read:
        yield f"settings file {_mode(found)} {name_of(found.st_uid)}"


def _certificates(ca_file: Path | None) -> Iterator[Finding]:
    try:
        trusted(ca_file)
    except SettingsError as error:
        yield told(_RIGHTS, error.problem)
        return
    if ca_file and (loose := _open_to_change(ca_file)):
        yield _changeable(loose, "the certificates that are trusted: they could pretend to be the DfE", "ca_file")


def _open_to_change(path: Path) -> tuple[Path, os.stat_result] | None:
    us = os.geteuid()
    return open_to_change(path, {us, path.stat().st_uid} if us == 0 else {us})


def _changeable(loose: tuple[Path, os.stat_result], what: str, setting: str | None = None) -> Finding:
    place, found = loose
    remedy = "chmod go-w" if found.st_mode & WRITE else "chown root"
    return Finding(
        "bad",
        _RIGHTS,
        f"Others may write {place} (mode {_mode(found)}, owner {name_of(found.st_uid)}), and so change {what}.",
        f"Its owner or root: {remedy} {_quoted(place)}",
        "FILE-RIGHTS",
        ("dfe", setting) if setting else None,
    )


def _secrets(settings: Settings) -> Iterator[Finding | str]:
    is_right = True
    for what, setting in (
        ("client secret", "client_secret_file"),
        ("private key", "private_key_file"),
        ("subscription key", "subscription_key_file"),
    ):
        path = getattr(settings.dfe, setting)
        if path is None:
            continue
        try:
            read_secret(path, what=what, multiline=setting == "private_key_file")
            yield _owned(what, path)
        except SettingsError as error:
            is_right = False
            yield told(_RIGHTS, error.problem, ("dfe", setting))
    try:
        if is_right:
            Credentials.load(settings.dfe)
    except SettingsError as error:  # what is in it is no key
        yield told(_RIGHTS, error.problem)
    for number, database in enumerate(settings.database):
        try:
            if database.url_file:
                database.database_url()
                yield _owned("database address", database.url_file)
        except SettingsError as error:
            yield told(_RIGHTS, error.problem, ("database", number, "url_file"))


def _log_files(path: Path) -> Iterator[Finding | str]:
    try:
        folder = path.parent.stat()
        files = {each: each.lstat() for each in (path.with_name(path.name + end) for end in _BESIDE) if each.exists()}
    except OSError:
        return  # there is none yet, or it may not be entered: that is told of the log itself
    strangers = [each for each, found in files.items() if found.st_uid != folder.st_uid]
    open_files = [each for each, found in files.items() if found.st_mode & _OTHERS]
    if strangers:
        names = " and ".join(sorted({name_of(files[each].st_uid) for each in strangers}))
        yield Finding(
            "bad",
            _RIGHTS,
            f"In the folder of the log, {path.parent}, of {name_of(folder.st_uid)}, these belong to {names}, as after"
            f" one run under sudo, and cannot be used: {_names(strangers)}.",
            f"Root: chown {_account(folder.st_uid)} {' '.join(map(_quoted, strangers))}",
            "LOG-WRITE",
            _LOG_PATH,
        )
    if open_files:
        yield Finding(
            "bad" if folder.st_mode & _ENTER else "check",
            _RIGHTS,
            f"In the folder of the log, {path.parent}, these are open to others (mode {_mode(files[open_files[0]])}),"
            f" and the log is confidential: {_names(open_files)}.",
            f"{name_of(folder.st_uid)}: chmod 600 {' '.join(map(_quoted, open_files))}",
            "FILE-RIGHTS",
            _LOG_PATH,
        )
    if folder.st_mode & _OTHERS:
        may = "others could put another log there" if folder.st_mode & WRITE else "others may enter it"
        yield Finding(
            "bad" if folder.st_mode & WRITE and not folder.st_mode & stat.S_ISVTX else "check",
            _RIGHTS,
            f"The folder of the log, {path.parent}, has mode {_mode(folder)}: {may}.",
            f"If it is for attsync alone, {name_of(folder.st_uid)}: chmod 700 {_quoted(path.parent)}",
            "FILE-RIGHTS",
            _LOG_PATH,
        )
    if path in files and not strangers and not open_files:
        yield f"log {_mode(files[path])} {name_of(files[path].st_uid)} in a folder {_mode(folder)}"


def _no_log(path: Path) -> Finding:
    above = next(each for each in path.parents if each.exists())
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK, effective_ids=True):
        return Finding("good", _LOG, f"none yet; the first consent makes {path}")
    account = os.geteuid()
    return Finding(
        "bad",
        _LOG,
        f"There is no log yet, and {name_of(account)} cannot make {path}: {above} belongs to"
        f" {name_of(above.stat().st_uid)}.",
        f"Root: install -d -m 700 -o {_account(account)} {_quoted(path.parent)}",
        "LOG-WRITE",
        _LOG_PATH,
    )


def _owned(what: str, path: Path) -> str:
    found = path.stat()
    return f"{what} {_mode(found)} {name_of(found.st_uid)}"


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o}"


def _account(uid: int) -> str:
    """Name an account as chown takes it."""
    name = name_of(uid)
    return str(uid) if name == f"uid {uid}" else name


def _sudo(uid: int) -> str:
    """Name an account as sudo takes it."""
    account = _account(uid)
    return f"'#{uid}'" if account == str(uid) else account


def _names(paths: list[Path]) -> str:
    return " and ".join(path.name for path in paths)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
