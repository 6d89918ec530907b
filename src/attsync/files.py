"""Files that a person names: written in full or not at all, for their owner only, and never over anything but a report.

Does not depend on the content of a report; `accounts` reads and makes attsync's own files.
"""

import csv
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from errno import EOPNOTSUPP, EPERM
from io import StringIO
from pathlib import Path
from typing import Final

from attsync.accounts import make_file, name_of
from attsync.problems import SettingsError
from attsync.settings import DatabaseSettings, Settings

BESIDE: Final = ("", "-wal", "-shm", "-journal", ".wal", ".lock", ".gate", ".door")
"""Endings of the files that SQLite and DuckDB keep beside the log or a database."""
_HTML: Final = b'<meta name="generator" content="attsync">'
"""By this an .html report is recognised."""
_LARGEST: Final = 64 * 2**20
"""Bytes of an older report that are read to recognise it."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that Excel runs as a formula."""


def csv_text(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as Excel reads it: marked as UTF-8, with an apostrophe before a text that it would run."""
    file = StringIO()
    table = csv.writer(file)
    table.writerow(names)
    table.writerows(
        [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in row] for row in rows
    )
    return "\N{ZERO WIDTH NO-BREAK SPACE}" + file.getvalue()


def require_writable(
    path: Path, *, settings: Settings | None, replace: bool, reader: str = ""
) -> os.stat_result | None:
    """Return what is at `path`, None if nothing is. Raise SettingsError if `write_report` would not write there.

    `reader` is the account that a new file has to belong to. Without settings its folder may not exist yet.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        found = None
    except OSError as error:
        raise _unwritable(path, error) from error
    for what, kept in _protected(settings) if settings else ():
        if _is_same(path, kept):
            raise SettingsError("OUTPUT-FILE", "protected", path=path, what=what)
    if found and not stat.S_ISREG(found.st_mode):
        raise SettingsError("OUTPUT-FILE", "link" if stat.S_ISLNK(found.st_mode) else "kind", path=path)
    if found and not replace:
        raise SettingsError("OUTPUT-FILE", "exists", path=path)
    if settings:
        owner = _owner_of_new(path)
        if reader and owner != reader:
            raise SettingsError("OUTPUT-FILE", "owner", path=path, owner=owner, reader=reader)
    return found


def _owner_of_new(path: Path) -> str:
    """Return the account that a new file in the folder of `path` belongs to, as one file there shows."""
    trial = _beside(path)
    try:
        with os.fdopen(make_file(trial)) as file:
            trial.unlink()
            return name_of(os.fstat(file.fileno()).st_uid)
    except OSError as error:
        raise _unwritable(path, error) from error


def _beside(path: Path) -> Path:
    return path.with_name(f".attsync-{os.urandom(8).hex()}")


def write_report(path: Path, content: str, *, settings: Settings | None, replace: bool) -> None:
    """Write `content` to `path` with mode 0600, all of it or nothing.

    With `replace`, an older report of the same kind is replaced; nothing else ever is, nor any file that `settings`
    names. Raise SettingsError OUTPUT-FILE.
    """
    new = content.encode()
    found = require_writable(path, settings=settings, replace=replace)
    unfinished = _beside(path)
    try:
        if found and (_kind(new) is None or _kind(_read(path, found)) != _kind(new)):
            raise SettingsError("OUTPUT-FILE", "strange", path=path)
        with os.fdopen(make_file(unfinished), "wb") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        if found:
            unfinished.replace(path)
        else:
            _move_to_new_name(unfinished, path)
    except FileExistsError as error:  # since the check above
        raise SettingsError("OUTPUT-FILE", "exists", path=path) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _move_to_new_name(unfinished: Path, path: Path) -> None:
    try:
        os.link(unfinished, path)  # unlike a rename, it never replaces anything
    except OSError as error:
        if error.errno not in (EPERM, EOPNOTSUPP):
            raise
        os.close(make_file(path))  # a disk without links: the name is taken first
        unfinished.replace(path)


def _read(path: Path, found: os.stat_result) -> bytes:
    """Return the content of the file at `path`, if it is still the one that was found."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
        return file.read(_LARGEST) if os.path.samestat(os.fstat(file.fileno()), found) else b""


def _kind(report: bytes) -> object:
    """Return what reports of one kind have in common: the generator, the members, or the columns; None: no report."""
    if _HTML in report:
        return _HTML
    if report.startswith(b"{"):
        with suppress(ValueError, RecursionError):
            members = json.loads(report).keys()
            return {*members} if "version" in members else None
        return None
    columns = report.partition(b"\n")[0]
    return columns if b"," in columns else None


def _protected(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Return each file that must not be changed, with its name in messages."""
    yield "the settings file", settings.path
    yield from settings.secret_files().items()
    if settings.dfe.ca_file:
        yield "[dfe] ca_file", settings.dfe.ca_file
    for ending in BESIDE:
        yield "attsync's log", settings.log.path.with_name(settings.log.path.name + ending)
    for database in settings.database:
        if path := _file_of(database):
            yield from ((database.name, path.with_name(path.name + ending)) for ending in BESIDE)


def _file_of(database: DatabaseSettings) -> Path | None:
    try:
        address = database.database_url().get_secret_value()
    except SettingsError:  # its file cannot be used, so nothing that it names can be either
        return None
    found = re.match(r"(?:sqlite|duckdb)[^:]*:///(?:file:)?([^?]+)", address)
    return Path(found[1]) if found and not found[1].startswith(":") else None


def _is_same(path: Path, kept: Path) -> bool:
    try:
        return path.samefile(kept)
    except OSError:  # one of them does not exist
        return path.parent.resolve() / path.name == kept.parent.resolve() / kept.name


def _unwritable(path: Path, error: OSError) -> SettingsError:
    return SettingsError("OUTPUT-FILE", "failed", path=path, reason=(error.strerror or "refused").lower())
