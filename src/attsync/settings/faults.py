"""The faults of a settings file, each with its place, all of them at once (UX.md).

Shows nothing that could be a secret: of a line only the name of the setting, and its value only if the setting is
on a short list and the value is a number, a time, or true or false. Knows no setting's meaning.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from attsync.problems import SettingsError
from attsync.settings.places import Location, Place, nearest, places

_OPEN: Final = frozenset(
    {
        "connections",
        "days",
        "keep_days",
        "run_minutes",
        "send_year_groups",
        "timeout_seconds",
        "times",
        "urn",
    }
)
"""Settings whose values may be shown."""
_PLAIN: Final = re.compile(r"""(["']?)(?:[+-]?[0-9]{1,7}|[0-9]{1,2}[:.][0-9]{2}|true|false)\1""")
"""How such a value looks. Seven digits, so that a LAESTAB in the place of a URN can be seen."""
_NOT_SHOWN: Final = "..."
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST: Final = 60
"""Characters; a longer key is no name of anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of the settings: where it is and what to do about it. Lines and columns count from 1."""

    path: Path | None
    """The settings file; None if `key` is a variable of the environment."""
    key: str
    """Such as database[1].schools[2].urn; empty if no setting can be made out."""
    text: str
    line: int | None = None
    """None where the file as a whole lacks something."""
    column: int | None = None
    shown: str | None = None
    """The setting as far as it may be shown; None if nothing of it may."""
    caret: int = 0
    """Characters of `shown` before the fault."""
    length: int = 0
    """Characters of `shown` that are at fault."""

    @property
    def where(self) -> str:
        """File and line, or the word "variable"."""
        if self.path is None:
            return "variable"
        return f"{self.path}:{self.line}" if self.line else str(self.path)


class SettingsFaults(SettingsError):
    """Everything that is wrong with the settings, in the order of the file."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        """Keep `faults` for the command layer to print, and say how many there are."""
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line or 0))
        paths = {fault.path for fault in faults}
        places = [f"the settings file {path}"] * (paths != {None}) + ["the environment"] * (None in paths)
        what = "the file" if None not in paths else "the variables" if paths == {None} else "both"
        super().__init__(
            "SETTINGS",
            f"{len(faults)} problem{'s' if len(faults) > 1 else ''} in {' and '.join(places)}",
            f"Nothing was read or sent. Correct {what} and run the command again.",
        )


def fault_lines(fault: Fault) -> list[str]:
    """Lay out `fault` as plain lines: file, line and key; then the setting; then the caret and the text."""
    heading = f"{fault.where}: {fault.key}" if fault.key else fault.where
    if fault.shown is None:
        return [heading, f"    {fault.text}"]
    number = f"{fault.line:>3}"
    margin = " " * len(number)
    carets = " " * fault.caret + "^" * fault.length
    return [heading, f"{number} | {fault.shown}", f"{margin} | {carets}  {fault.text}"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at one location of the settings, before it is known where in the file that is."""

    location: Location
    text: str
    is_about_name: bool = False
    """The name is at fault, not the value."""
    taken_for: str | None = None
    """The setting that was most likely meant, where the name is not known."""


class Source:
    """The settings file and the variables that stand in for parts of it: knows where each setting comes from."""

    def __init__(self, path: Path, text: str, variables: Mapping[str, Location]) -> None:
        """Take the file's text, and the variables with the settings that they override."""
        self._path = path
        self._places = places(text)
        self._variables = variables

    def fault(self, finding: Finding) -> Fault:
        """Give `finding` its place."""
        location = finding.location
        for variable, overridden in self._variables.items():
            if location[: len(overridden)] == overridden:
                return Fault(path=None, key=variable, text=finding.text)
        place = nearest(self._places, location)
        if place is None:
            return Fault(path=self._path, key=key_of(location), text=finding.text)
        is_open = location in self._places and _may_be_shown(place, finding)
        key = clean(place.key)
        value = place.value if is_open or place.value is None else _NOT_SHOWN
        shown = f"{key} = {value}" if key and value else key or (value if is_open else None)
        at_value = is_open and not finding.is_about_name
        length = len(value or "") if at_value else len(key)
        return Fault(
            path=self._path,
            key=key_of(location),
            text=finding.text,
            line=place.line,
            column=place.value_column if at_value else place.column,
            shown=shown,
            caret=len(shown or "") - length if at_value else 0,
            length=length,
        )


def key_of(location: Location) -> str:
    """Write `location` as a person counts: database[1].schools[2].urn."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if _BARE_KEY.fullmatch(part) else f'."{part}"'
    return clean(text.removeprefix("."))


def clean(text: str) -> str:
    """Make text of the file safe to print on one line: no control or direction signs, and not endless."""
    text = "".join(sign if sign.isprintable() else "?" for sign in text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + _NOT_SHOWN


def _may_be_shown(place: Place, finding: Finding) -> bool:
    name = finding.taken_for or next((part for part in reversed(finding.location) if isinstance(part, str)), "")
    return name in _OPEN and place.value is not None and _PLAIN.fullmatch(place.value) is not None
