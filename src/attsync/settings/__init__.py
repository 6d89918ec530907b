"""The settings file (SPEC.md 5): finds it, reads it with what the environment adds, and tells all its faults at once.

Opens no secret, no database and no network, so that a settings file can be checked anywhere.
"""

# Not pydantic-settings, which reads TOML, variables and credentials too: importing it took 170 ms more than Pydantic
# alone, and `status` has to start fast.

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from attsync.problems import SettingsError
from attsync.settings import environment
from attsync.settings.faults import Fault, Finding, SettingsFaults, Source, fault_lines, key_of
from attsync.settings.models import (
    ConsentSettings,
    DatabaseSettings,
    DfeSettings,
    LogSettings,
    NotifySettings,
    ScheduleSettings,
    SchoolSettings,
    SelectSettings,
    Settings,
    WindowSettings,
)
from attsync.settings.origins import Origin, Origins
from attsync.settings.places import Location, places
from attsync.settings.shown import Shown, holds_password, shown
from attsync.settings.words import findings, syntax_fault, tables_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = [
    "ConsentSettings",
    "DatabaseSettings",
    "DfeSettings",
    "Fault",
    "Location",
    "LogSettings",
    "NotifySettings",
    "Origin",
    "Origins",
    "ScheduleSettings",
    "SchoolSettings",
    "SelectSettings",
    "Settings",
    "SettingsFaults",
    "Shown",
    "WindowSettings",
    "fault_lines",
    "find",
    "holds_password",
    "load",
    "origins",
    "shown",
]

_FOR_ALL_USERS: Final = Path("/etc/attsync/config.toml")


def find(given: str | None, environ: Mapping[str, str]) -> Path:
    """Find the settings file: `given` (--config), else ATTSYNC_CONFIG, else the user's, else that of all users.

    Raise SettingsError SETTINGS-NONE, saying where it was looked for, if it is not there.
    """
    named = given if given is not None else environ.get("ATTSYNC_CONFIG") or None
    home = environment.home(environ)
    usual = [*([home / ".config/attsync/config.toml"] if home else []), _FOR_ALL_USERS]
    paths = usual if named is None else [Path(named).absolute()]
    for path in paths:
        if _is_there(path):
            return path
    raise SettingsError(
        "SETTINGS-NONE",
        f"There is no settings file: looked for {' and '.join(map(str, paths))}.",
        "To write one: attsync init. One that is elsewhere: --config FILE. To try attsync without one: attsync demo",
        not_done="Nothing was read or sent.",
    )


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read and check the settings file at `path`, with what `environ` puts in its place (SPEC.md 5).

    Raise SettingsFaults with every fault at once, or SettingsError if the file cannot be opened.
    """
    path = path.absolute()
    text = _text_of(path)
    tables = tables_of(Settings)
    faults = environment.unknown_variables(environ, tables)
    raw, message = _read(text)
    if raw is None:
        raise SettingsFaults(path, [syntax_fault(path, text, message, tables), *faults])
    variables = environment.complete(raw, environ, tables).variables
    settings, errors = _check(raw, path)
    if found := [*findings(errors, tables), *_repeats(raw)]:
        source = Source(path, text, variables)
        faults += [source.fault(finding) for finding in found]
    if settings is None or faults:
        raise SettingsFaults(path, faults)
    return settings


def origins(path: Path, environ: Mapping[str, str]) -> Origins:
    """Find out where each setting comes from that `load` gave for the same `path` and `environ`.

    Apart from it, as it takes time that only `check` has.
    """
    text = _text_of(path)
    raw, _ = _read(text)
    taken = environment.complete(raw or {}, environ, tables_of(Settings))
    return Origins(path, places(text), taken.variables, taken.credentials)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass  # there, but not for this account: load() says so, and must not go on to the next file instead
    return True


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            "SETTINGS",
            f"The settings file {path} cannot be read ({os.strerror(error.errno or 0)}).",
            "Name a file that the account that runs attsync may read.",
            not_done="Nothing was read or sent.",
        ) from error
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")  # one sign a line end, as tomllib counts
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    # Not raised above: the error of decoding would go along, and it holds the whole file.
    fault = Fault(path=path, key="", line=line, text="This line is not UTF-8 text. Save the file as UTF-8.")
    raise SettingsFaults(path, [fault])


def _read(text: str) -> tuple[dict[str, Any] | None, str]:
    """Give the tables of `text`, or None and tomllib's reason."""
    try:
        return tomllib.loads(text), ""
    except (ValueError, RecursionError) as error:  # also numbers that are too long and lists that are too deep
        return None, str(error)


def _check(raw: Mapping[str, Any], path: Path) -> "tuple[Settings | None, list[ErrorDetails]]":
    """Give the settings, or None and Pydantic's errors without the values that they are about."""
    try:
        return Settings.model_validate(raw, context={"path": path}), []
    except ValidationError as error:
        return None, error.errors(include_url=False, include_input=False)


def _repeats(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Find schools that are there twice: in the raw tables, so that no other fault can hide them."""
    seen: dict[tuple[object, ...], Location] = {}
    for at, school in _schools(raw):
        urn = school.get("urn")
        value = school.get("school", urn)
        if isinstance(urn, int) and (first := seen.setdefault(("urn", urn), at)) != at:
            yield Finding((*at, "urn"), f"A school can be there only once: {key_of(first)} has this URN too.")
        elif isinstance(value, int | str) and (first := seen.setdefault((at[1], str(value).strip()), at)) != at:
            yield Finding((*at, "school"), f"Rows belong to one school only: {key_of(first)} has this value too.")


def _schools(raw: Mapping[str, Any]) -> Iterator[tuple[Location, dict[str, Any]]]:
    for number, database in enumerate(_tables(raw.get("database"))):
        for index, school in enumerate(_tables(database.get("schools"))):
            yield ("database", number, "schools", index), school


def _tables(value: object) -> list[dict[str, Any]]:
    """Give the tables of a list, with an empty one for whatever else it holds, so that the indexes stay right."""
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []
