"""The faults of the settings, all at once, each with its place and what to write instead.

Shows nothing that could be a secret: of a line the key, and the value only if the setting is on a short list and the
value is a number, a time, or true or false.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic_core import ErrorDetails

from attsync.problems import SettingsError
from attsync.settings.models import TABLES, Names
from attsync.settings.places import Location, Origins, unclosed_line
from attsync.settings.words import near, say, sentences

_OPEN: Final = re.compile("connections|days|keep_days|run_minutes|send_year_groups|timeout_seconds|times|urn")
"""Settings whose values may be shown."""
# Seven digits, so that a LAESTAB in the place of a URN can be seen.
_VALUE: Final = re.compile(
    r"""[^=]*=[ \t]*(?P<plain>(["']?)(?:[+-]?[0-9]{1,7}|[0-9]{1,2}[:.][0-9]{2}|true|false)\2)[ \t]*(?:#.*)?"""
)
_NOT_SHOWN: Final = "..."
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST: Final = 60
"""Characters; a longer key is not the name of a setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of the settings: where it is and what to do about it."""

    path: Path | None
    """The settings file; None if `key` is a variable of the environment."""
    key: str
    """Such as database[1].schools[2].urn; empty if no setting can be made out."""
    text: str
    line: int | None = None
    """Counted from 1. None if something is missing from the file."""
    name: str = ""
    """The key or heading as it is in the file; empty if no part of the line may be shown."""
    value: str = ""
    """The part of its value that may be shown."""

    @property
    def where(self) -> str:
        """File and line, or the word "variable"."""
        if self.path is None:
            return "variable"
        return f"{self.path}:{self.line}" if self.line else str(self.path)

    @property
    def lines(self) -> list[str]:
        """The lines that are shown: file, line and key; then the setting; then the caret and the text."""
        heading = f"{self.where}: {self.key}" if self.key else self.where
        if not self.name:
            return [heading, f"    {self.text}"]
        number = f"{self.line:>3}"
        shown = f"{self.name} = {self.value}" if self.value else self.name
        return [heading, f"{number} | {shown}", f"{' ' * len(number)} | {'^' * len(self.name)}  {self.text}"]


class SettingsFaults(SettingsError):
    """Everything that is wrong with the settings, in the order of the file."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        """Keep `faults` for the command layer to print."""
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line or 0))
        in_variables = [fault.path is None for fault in faults]
        case = "variables" if all(in_variables) else "both" if any(in_variables) else "file"
        super().__init__("SETTINGS", case, faults=len(faults), path=path)


def faults_of(errors: Sequence[ErrorDetails], origins: Origins) -> Iterator[Fault]:
    """Return Pydantic's errors, which have to be made without their input, as faults."""
    meant = {error["loc"]: _meant(error["loc"]) for error in errors if error["type"] == "extra_forbidden"}
    told = {(*location[:-1], name) for location, name in meant.items()}
    for error in errors:
        kind, location = error["type"], error["loc"]
        # Report each cause once: not a setting that is missing because its name is mistyped, nor a default that
        # depends on a setting with a fault.
        if kind != "default_factory_not_called" and not (kind == "missing" and location in told):
            name = meant.get(location)
            yield fault_at(location, _words(error, name), origins, name)


def fault_at(location: Location, text: str, origins: Origins, meant: str | None = None) -> Fault:
    """Return the fault at `location`, with its place; `meant` is the setting that it was most likely to be."""
    origin, place = origins.of(location), origins.place(location)
    if origin.kind == "variable":
        return Fault(path=None, key=origin.name, text=text)
    if place is None:
        return Fault(path=origins.path, key=key_of(location), text=text)
    value = ""
    if origin.kind == "file" and not place.name.startswith("["):
        match = _VALUE.fullmatch(origins.lines[place.line - 1])
        value = match["plain"] if match and _OPEN.fullmatch(str(meant or location[-1])) else _NOT_SHOWN
    name = clean(place.name)
    return Fault(path=origins.path, key=key_of(location), text=text, line=place.line, name=name, value=value)


def syntax_fault(path: Path, text: str, message: str) -> Fault:
    """Return the fault of tomllib's `message`, with the name of the setting but nothing else of the line."""
    number = re.search("line ([0-9]+)", message)
    line = int(number[1]) if number else unclosed_line(text) if "end of document" in message else None
    known = {name for table in TABLES.values() for name in table.model.model_fields}
    start = re.match(r"\s*([a-z_]+)[ \t]*=", text.split("\n")[line - 1]) if line else None
    # Any other name may be part of a secret key, a line of which can look like a setting.
    name = start[1] if start and start[1] in known else ""
    words = next((ours for begin, ours in sentences()["tomllib"].items() if message.startswith(begin)), "not_toml")
    return Fault(path=path, key=name, text=say(words), line=line, name=name, value=_NOT_SHOWN if name else "")


def key_of(location: Location) -> str:
    """Return `location` as a person counts: database[1].schools[2].urn."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if _BARE_KEY.fullmatch(part) else f'."{part}"'
    return clean(text.removeprefix("."))


def clean(text: str) -> str:
    """Return text of the file safe to print on one line: without control or direction characters, and shortened."""
    text = printable(text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + _NOT_SHOWN


def printable(text: str) -> str:
    """Return `text` with a question mark for each character that is invisible, or that controls a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _words(error: ErrorDetails, meant: str | None) -> str:
    """Return what to write instead; `meant` is the setting that an unknown one was most likely to be."""
    kind, names = error["type"], _names(error["loc"])
    *above, name = names
    # A setting below the heading of a map is read as an entry of the map.
    if (kind == "extra_forbidden" or tuple(above) not in TABLES) and (home := _home(name)):
        return home
    match kind:
        case "extra_forbidden":
            hints = {"account": above == ["consent"] and not meant, "secret": meant == f"{name}_file"}
            text = " ".join([say(kind, meant), *(say(hint) for hint, is_apt in hints.items() if is_apt)])
        case "missing":
            text = _missing(names)
        case "value_error":
            text = str(error["ctx"]["error"])
        case "literal_error":
            text = say(kind, expected=error["ctx"]["expected"].replace("'", '"'))
        case "tuple_type" | "model_type" if names in TABLES:
            text = say("table", heading=TABLES[names].heading)
        case "dict_type":
            text = say("table", heading=f"[{'.'.join(names)}]")
        case _:
            text = say(kind if kind in sentences() else "other")
    return text


def _missing(names: Names) -> str:
    if names in TABLES:
        return say("missing_table", heading=TABLES[names].heading)
    *above, name = names
    setting = TABLES[tuple(above)].model.model_fields[name]
    text = say("missing", example=f"{name} = {' or '.join(setting.examples or ())}")
    return f"{say(setting.description)} {text}" if setting.description else text


def _meant(location: Location) -> str | None:
    """Return the setting that the unknown one at `location` was most likely to be, if it does not belong elsewhere."""
    *above, name = _names(location)
    return None if _home(name) else near(name, TABLES[tuple(above)].model.model_fields)


def _home(name: str) -> str | None:
    """Return where the setting `name` belongs."""
    headings = [table.heading for table in TABLES.values() if name in table.model.model_fields]
    where = " or ".join(f"under {heading}" if heading else "at the top of the file" for heading in headings)
    return say("elsewhere", where=where) if headings else None


def _names(location: Location) -> Names:
    return tuple(part for part in location if isinstance(part, str))
