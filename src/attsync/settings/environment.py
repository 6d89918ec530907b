"""What the environment adds to the settings file: ATTSYNC_ variables, systemd's credentials, the place of the log.

Works on the tables as tomllib read them, so that one check covers everything; does not check values.
"""

import os
import pwd
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_origin

from attsync.settings.faults import Fault, clean
from attsync.settings.models import TABLES, Names
from attsync.settings.places import Location, Origin
from attsync.settings.words import near, say

_PREFIX: Final = "ATTSYNC_"
_NO_SETTING: Final = "ATTSYNC_CONFIG"
_TABLES: Final[tuple[Names, ...]] = ((), ("dfe",), ("window",), ("log",), ("schedule",), ("notify",))
"""Not [consent]: the owner of the file decides who can give consent, not the person who starts attsync."""
VARIABLES: Final[dict[str, Names]] = {
    _PREFIX + "__".join((*names, name)).upper(): (*names, name)
    for names in _TABLES
    for name in TABLES[names].model.model_fields
    if (*names, name) not in TABLES
}
"""Each variable that overrides a setting, with that setting."""
_CREDENTIALS: Final[dict[str, Location]] = {
    "client-secret": ("dfe", "client_secret_file"),
    "subscription-key": ("dfe", "subscription_key_file"),
    "private-key": ("dfe", "private_key_file"),
    "notify-addresses": ("notify", "addresses_file"),
    "database-url": ("database", 0, "url_file"),
}
"""Name of a systemd credential -> the setting that it replaces."""


def home(environ: Mapping[str, str]) -> Path | None:
    """Return the user's folder: cron may run without HOME, and a container's account may have no folder at all."""
    named = environ.get("HOME", "")
    if named.startswith("/"):
        return Path(named)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def unknown_variables(environ: Mapping[str, str]) -> Iterator[Fault]:
    """Return variables that look like settings but are not: a mistyped one would otherwise be ignored silently."""
    endings = [variable.removeprefix(_PREFIX) for variable in VARIABLES]
    for name in sorted(environ.keys() - VARIABLES.keys() - {_NO_SETTING}):
        if name.startswith(_PREFIX):
            meant = near(name.removeprefix(_PREFIX), endings)
            text = say("unknown_variable", meant and f"{_PREFIX}{meant}")
            yield Fault(path=None, key=clean(name), text=text)


def complete(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[Location, Origin]:
    """Add to `raw`, the tables of the file, what the environment sets; return where each of these comes from."""
    origins: dict[Location, Origin] = {}
    for variable, names in VARIABLES.items():
        if variable in environ:
            *above, name = names
            table = raw.setdefault(above[0], {}) if above else raw
            if isinstance(table, dict):
                table[name] = _value(environ[variable], TABLES[tuple(above)].model.model_fields[name].annotation)
            origins[names] = Origin("variable", variable)
    # Credentials last: they override variables too.
    origins |= {setting: Origin("credential", name) for name, setting in _take_credentials(raw, environ)}
    log = raw.setdefault("log", {})
    if isinstance(log, dict) and (folder := _state_folder(environ)):
        log.setdefault("path", str(folder / "attsync.db"))
    return origins


def _value(text: str, annotation: object) -> object:
    """Read `text` as TOML if the result has the type of the setting, so that 12345 can be a number or a client_id."""
    wanted = annotation if annotation in {int, bool} else list if get_origin(annotation) is tuple else str
    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return read["value"] if read.keys() == {"value"} and type(read["value"]) is wanted else text


def _take_credentials(raw: dict[str, Any], environ: Mapping[str, str]) -> Iterator[tuple[str, Location]]:
    """Use LoadCredential= of a systemd unit instead of the files that contain secrets; return which, and where."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    tables = {name: raw.get(name) for name in ("dfe", "notify")}
    match raw.get("database"):
        case [only]:  # with several databases, it is not known for which
            tables["database"] = only
    for name, location in _CREDENTIALS.items():
        table = tables.get(str(location[0]))
        path = os.path.join(folder or "", name)  # noqa: PTH118  isfile() treats a folder without access as empty
        if not folder or not isinstance(table, dict) or not os.path.isfile(path):  # noqa: PTH113
            continue
        if name == "private-key" and table.get("auth_method") != "private_key_jwt":
            continue
        if name == "database-url":
            table.pop("url", None)
        table[str(location[-1])] = path
        yield name, location


def _state_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for what is kept between runs; without platformdirs, whose import takes 38 ms."""
    if folders := environ.get("STATE_DIRECTORY"):
        return Path(folders.split(":")[0])  # systemd: as many as the unit has StateDirectory= entries
    state = environ.get("XDG_STATE_HOME", "")
    if state.startswith("/"):  # a relative one does not count, says the XDG Base Directory Specification
        return Path(state) / "attsync"
    user = home(environ)
    return user / ".local/state/attsync" if user else None
