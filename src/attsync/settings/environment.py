"""What the environment adds to the settings file: ATTSYNC_ variables, systemd's credentials, the place of the log.

Works on the tables as tomllib read them, so that one check covers everything; judges no value itself.
"""

import os
import pwd
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_origin

from attsync.settings.faults import Fault, clean
from attsync.settings.places import Location, Origin
from attsync.settings.words import Names, Tables, near, say

_PREFIX: Final = "ATTSYNC_"
_NO_SETTING: Final = "ATTSYNC_CONFIG"
_TABLES: Final[tuple[Names, ...]] = ((), ("dfe",), ("window",), ("log",), ("schedule",), ("notify",))
"""Not [consent]: the owner of the file decides who may give consent, not the person who starts attsync."""

_CREDENTIALS: Final = {"client-secret": "client_secret_file", "subscription-key": "subscription_key_file"}
"""Name of a systemd credential -> the setting of [dfe] that it replaces."""


def home(environ: Mapping[str, str]) -> Path | None:
    """Return the user's folder: cron may run without HOME, and a container's account may have no folder at all."""
    named = environ.get("HOME", "")
    if named.startswith("/"):
        return Path(named)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def variables(tables: Tables) -> dict[str, Names]:
    """Return each variable that overrides a setting, with that setting."""
    return {
        _PREFIX + "__".join((*names, name)).upper(): (*names, name)
        for names in _TABLES
        for name in tables[names].model.model_fields
        if (*names, name) not in tables
    }


def unknown_variables(environ: Mapping[str, str], tables: Tables) -> list[Fault]:
    """Return variables that look like settings and are not: a mistyped one would otherwise change nothing, silently."""
    known = variables(tables)
    endings = [variable.removeprefix(_PREFIX) for variable in known]
    faults = []
    for name in sorted(environ.keys() - known.keys() - {_NO_SETTING}):
        if name.startswith(_PREFIX):
            meant = near(name.removeprefix(_PREFIX), endings)
            text = say("unknown variable", f"{_PREFIX}{meant}" if meant else None)
            faults.append(Fault(path=None, key=clean(name), text=text))
    return faults


def complete(raw: dict[str, Any], environ: Mapping[str, str], tables: Tables) -> dict[Location, Origin]:
    """Put into `raw`, the tables of the file, what the environment adds; return which settings that is, and whence."""
    used = {names: variable for variable, names in variables(tables).items() if variable in environ}
    for (*above, name), variable in used.items():
        table = raw.setdefault(above[0], {}) if above else raw
        if isinstance(table, dict):
            table[name] = _value(environ[variable], tables[tuple(above)].model.model_fields[name].annotation)
    # Credentials first: they override variables too.
    origins: dict[Location, Origin] = {
        setting: Origin("credential", name=name) for name, setting in _take_credentials(raw, environ).items()
    }
    for setting, variable in used.items():
        origins.setdefault(setting, Origin("variable", name=variable))
    log = raw.setdefault("log", {})
    if isinstance(log, dict) and (folder := _state_folder(environ)):
        log.setdefault("path", str(folder / "attsync.db"))
    return origins


def _value(text: str, annotation: object) -> object:
    """Read `text` as TOML if that gives what the setting takes, so that 12345 can be a number or a client_id."""
    wanted = annotation if annotation in {int, bool} else list if get_origin(annotation) is tuple else str
    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return read["value"] if read.keys() == {"value"} and type(read["value"]) is wanted else text


def _take_credentials(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Location]:
    """Use LoadCredential= of a systemd unit instead of the files that contain secrets."""
    taken: dict[str, Location] = {}
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    dfe = raw.get("dfe")
    if isinstance(dfe, dict):
        wanted = _CREDENTIALS
        if dfe.get("auth_method") == "private_key_jwt":
            wanted = wanted | {"private-key": "private_key_file"}
        for name, setting in wanted.items():
            if path := _credential(folder, name):
                dfe[setting] = path
                taken[name] = ("dfe", setting)
    match raw.get("database"), _credential(folder, "database-url"):
        case [dict() as only], str() as path:
            only.pop("url", None)
            only["url_file"] = path
            taken["database-url"] = ("database", 0, "url_file")
    return taken


def _credential(folder: str, name: str) -> str | None:
    path = os.path.join(folder, name)  # noqa: PTH118  isfile() takes a folder that may not be entered for empty
    return path if folder and os.path.isfile(path) else None  # noqa: PTH113


def _state_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for what is kept between runs; by hand, as importing platformdirs costs 38 ms."""
    if folders := environ.get("STATE_DIRECTORY"):
        return Path(folders.split(":")[0])  # systemd: as many as the unit has StateDirectory= entries
    state = environ.get("XDG_STATE_HOME", "")
    if state.startswith("/"):  # a relative one does not count, says the XDG Base Directory Specification
        return Path(state) / "attsync"
    user = home(environ)
    return user / ".local/state/attsync" if user else None
