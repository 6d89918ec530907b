"""The faults of the settings, all at once, each with its place.

Shows nothing that could be a secret: of a line the key, and the value only if the setting is on a short list and the
value is a number, a time, or true or false.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from attsync.problems import SettingsError
from attsync.settings.places import Location, Origins, unclosed_line
from attsync.settings.words import Finding, Tables, syntax

_OPEN: Final = frozenset(
    "connections days keep_days run_minutes send_year_groups timeout_seconds times urn".split()  # noqa: SIM905
)
"""Settings whose values may be shown."""
# Seven digits, so that a LAESTAB in the place of a URN can be seen.
_VALUE: Final = re.compile(
    r"""[^=]*=[ \t]*(?P<plain>(["']?)(?:[+-]?[0-9]{1,7}|[0-9]{1,2}[:.][0-9]{2}|true|false)\2)[ \t]*(?:#.*)?"""
)
_NOT_SHOWN: Final = "..."
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST: Final = 60
"""Characters; a longer key is no name of anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of the settings: where it is and what to do about it."""

    path: Path | None
    """The settings file; None if `key` is a variable of the environment."""
    key: str
    """Such as database[1].schools[2].urn; empty if no setting can be made out."""
    text: str
    line: int | None = None
    """Counted from 1. None where the file as a whole lacks something."""
    name: str = ""
    """The key or heading as it is in the file; empty if nothing of the line may be shown."""
    value: str = ""
    """What may be shown of its value."""

    @property
    def where(self) -> str:
        """File and line, or the word "variable"."""
        if self.path is None:
            return "variable"
        return f"{self.path}:{self.line}" if self.line else str(self.path)


class SettingsFaults(SettingsError):
    """Everything that is wrong with the settings, in the order of the file."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        """Keep `faults` for the command layer to print."""
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line or 0))
        in_file, in_variables = ({fault.path is None for fault in faults} >= {each} for each in (False, True))
        case = "both" if in_file and in_variables else "file" if in_file else "variables"
        super().__init__("SETTINGS", case, faults=len(faults), path=path)


def fault_lines(fault: Fault) -> list[str]:
    """Return `fault` as plain lines: file, line and key; then the setting; then the caret and the text."""
    heading = f"{fault.where}: {fault.key}" if fault.key else fault.where
    if not fault.name:
        return [heading, f"    {fault.text}"]
    number = f"{fault.line:>3}"
    shown = f"{fault.name} = {fault.value}" if fault.value else fault.name
    return [heading, f"{number} | {shown}", f"{' ' * len(number)} | {'^' * len(fault.name)}  {fault.text}"]


def fault_of(finding: Finding, path: Path, text: str, origins: Origins) -> Fault:
    """Return `finding` with its place in the file at `path`, whose content is `text`."""
    location = finding.location
    origin = origins.of(location)
    if origin.kind == "variable":
        return Fault(path=None, key=str(origin.name), text=finding.text)
    place = origins.place(location)
    if place is None:
        return Fault(path=path, key=key_of(location), text=finding.text)
    value = ""
    if origin.kind == "file" and not place.key.startswith("["):
        name = finding.taken_for or location[-1]
        match = _VALUE.fullmatch(text.split("\n")[place.line - 1])
        value = match["plain"] if match and name in _OPEN else _NOT_SHOWN
    return Fault(
        path=path, key=key_of(location), text=finding.text, line=place.line, name=clean(place.key), value=value
    )


def syntax_fault(path: Path, text: str, message: str, tables: Tables) -> Fault:
    """Return what tomllib's `message` says of `text`, with the name of the setting but nothing else of the line."""
    number = re.search("line ([0-9]+)", message)
    line = int(number[1]) if number else unclosed_line(text) if "end of document" in message else None
    known = {name for table in tables.values() for name in table.model.model_fields}
    start = re.match(r"\s*([a-z_]+)[ \t]*=", text.split("\n")[line - 1]) if line else None
    # Any other name may be part of a secret key, a line of which can look like a setting.
    name = start[1] if start and start[1] in known else ""
    return Fault(path=path, key=name, text=syntax(message), line=line, name=name, value=_NOT_SHOWN if name else "")


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
    """Return text of the file safe to print on one line: without control or direction signs, and not endless."""
    text = printable(text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + _NOT_SHOWN


def printable(text: str) -> str:
    """Return `text` with a question mark for each sign that cannot be seen, or that a terminal would obey."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
