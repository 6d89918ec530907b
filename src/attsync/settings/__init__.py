"""The settings file: found, read together with the environment, and refused with all its problems at once.

Opens no secret, no database and no network, so that a settings file can be checked anywhere.
"""

# Not pydantic-settings, which reads TOML, variables and credentials too: importing it took 170 ms more than Pydantic
# alone, and `status` has to start fast.

import os
import stat
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from attsync.accounts import for_chown, mode_of, owner_of, owners, rights_problem
from attsync.problems import SettingsError
from attsync.settings import environment
from attsync.settings.faults import Fault, SettingsFaults, fault_at, faults_of, key_of, printable, syntax_fault
from attsync.settings.models import DatabaseSettings, DfeSettings, SchoolSettings, Settings, holds_password
from attsync.settings.places import Location, Origins
from attsync.settings.words import say

__all__ = [
    "DatabaseSettings",
    "DfeSettings",
    "Location",
    "Origins",
    "SchoolSettings",
    "Settings",
    "SettingsFaults",
    "find",
    "holds_password",
    "key_of",
    "load",
    "origins",
    "require_trusted",
]

_FOR_ALL_USERS: Final = Path("/etc/attsync/config.toml")


def find(given: str | None, environ: Mapping[str, str]) -> Path:
    """Return the settings file: `given` (--config), or ATTSYNC_CONFIG, or the user's, or that of all users.

    Raise SettingsError SETTINGS-NONE, with where it was looked for, if it does not exist.
    """
    named = given if given is not None else environ.get("ATTSYNC_CONFIG") or None
    home = environment.home(environ)
    usual = [*([home / ".config/attsync/config.toml"] if home else []), _FOR_ALL_USERS]
    paths = usual if named is None else [Path(named).absolute()]
    for path in paths:
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            pass  # it exists, but not for this account: load() reports that, and must not go on to the next file
        return path
    raise SettingsError("SETTINGS-NONE", paths=[printable(str(path)) for path in paths])


def load(path: Path, environ: Mapping[str, str], *, trusted: bool = True) -> Settings:
    """Return the settings of the file at `path`, overridden by `environ`.

    Raise SettingsFaults with every fault at once, or SettingsError if the file cannot be opened, or (`trusted`) if
    other accounts can change it.
    """
    path = path.absolute()
    text = _text_of(path)
    faults = [*environment.unknown_variables(environ)]
    message = ""
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers that are too long and lists that are too deep
        message = str(error) or "too deep"
    if message:  # not raised above or below: both errors contain the values
        raise SettingsFaults(path, [syntax_fault(path, text, message), *faults])
    instead = environment.complete(raw, environ)
    _name_databases(raw)
    errors, repeats = [], [*_repeats(raw)]
    try:
        settings = Settings.model_validate(raw, context={"path": path})
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    if errors or repeats or faults:
        sources = Origins(path, text, instead)
        repeated = [fault_at(at, words, sources) for at, words in repeats]
        raise SettingsFaults(path, [*faults, *faults_of(errors, sources), *repeated])
    if trusted:
        require_trusted(settings, [each for each in holds_password(settings) if each not in instead])
    return settings


def require_trusted(settings: Settings, passwords: Collection[Location]) -> None:
    """Raise SettingsError if other accounts can change the settings file, or its certificates, or read a password.

    `passwords` are the settings with one in the file itself.
    """
    path, ours = settings.path, owners(settings.log.path)
    files = [("settings file", path, ()), ("certificate file", settings.dfe.ca_file, ("dfe", "ca_file"))]
    if os.geteuid() == 0:  # root could read the secret of any account; others are refused where they read one
        files += [("secret file", each, ()) for each in settings.secret_files().values()]
    for what, each, setting in files:
        problem = None
        with suppress(OSError):  # a missing certificate file is reported where it is read
            problem = rights_problem("FILE-RIGHTS", each, ours) if each else None
        if problem:
            account = for_chown(owner_of(settings.log.path))
            raise SettingsError.of(problem.but(what=what, setting=setting, account=account))
    found = path.stat()
    # Root's file can only be read through its group, so the group has to be the right one.
    readers, close = (stat.S_IROTH, "o-r") if found.st_uid == 0 else (stat.S_IROTH | stat.S_IRGRP, "go-r")
    if passwords and found.st_mode & readers:
        first = next(iter(passwords))
        raise SettingsError("FILE-RIGHTS", "password", path=path, mode=mode_of(found), chmod=close, setting=first)


def origins(path: Path, environ: Mapping[str, str]) -> Origins:
    """Return where each setting comes from that `load` returned for the same `path` and `environ`.

    Separate, as it takes time that only `check` needs.
    """
    text = _text_of(path)
    return Origins(path, text, environment.complete(tomllib.loads(text), environ))


def _text_of(path: Path) -> str:
    if not str(path).isprintable():  # the path is shown, and written into the crontab and into units
        raise SettingsError("SETTINGS", "name", path=printable(str(path)))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError("SETTINGS", "unreadable", path=path, reason=(error.strerror or "").lower()) from error
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")  # one character per line end, as in tomllib
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    # Not raised above: the decoding error would be chained to it, and contains the whole file.
    raise SettingsFaults(path, [Fault(path=path, key="", line=line, text=say("not_utf8"))])


def _name_databases(raw: dict[str, Any]) -> None:
    """Name the databases that have no name by their numbers, if there are several."""
    databases = _tables(raw.get("database"))
    for number, database in enumerate(databases if len(databases) > 1 else (), start=1):
        database.setdefault("name", f"school database {number}")


def _repeats(raw: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    """Return schools that are there twice: in the raw tables, so that other faults cannot hide them."""
    seen: dict[object, Location] = {}
    for number, database in enumerate(_tables(raw.get("database"))):
        for index, school in enumerate(_tables(database.get("schools"))):
            at: Location = ("database", number, "schools", index)
            urn = school.get("urn")
            value = school.get("school", urn)
            if isinstance(urn, int) and (first := seen.setdefault(urn, at)) != at:
                yield (*at, "urn"), say("repeated_urn", first=key_of(first))
            elif isinstance(value, int | str) and (first := seen.setdefault((number, str(value).strip()), at)) != at:
                yield (*at, "school"), say("repeated_school", first=key_of(first))


def _tables(value: object) -> list[dict[str, Any]]:
    """Return the tables of a list, with an empty one for anything else in it, so that the indexes stay right."""
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []
