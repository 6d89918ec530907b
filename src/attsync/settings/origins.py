"""Where a setting comes from: a line of the file, a variable, a credential of systemd, or the default that holds else.

Knows places, and no values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from attsync.settings.places import Location, Place, nearest


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one setting comes from."""

    kind: Literal["file", "variable", "credential", "default"]
    line: int | None = None
    """Of the settings file."""
    name: str | None = None
    """Of the variable or the credential."""

    def __str__(self) -> str:
        match self.kind:
            case "file":
                return f"line {self.line}"
            case "default":
                return "default"
            case kind:
                return f"{kind} {self.name}"


class Origins:
    """Where each setting of one settings file comes from."""

    def __init__(
        self,
        path: Path,
        found: Mapping[Location, Place],
        variables: Mapping[str, Location],
        credentials: Mapping[str, Location],
    ) -> None:
        """Take the places in the file, and what stands in for settings of it, by name."""
        self._path = path
        self._places = found
        self._instead = [(replaced, Origin("credential", name=name)) for name, replaced in credentials.items()]
        self._instead += [(replaced, Origin("variable", name=name)) for name, replaced in variables.items()]

    def of(self, location: Location) -> Origin:
        """Tell where the value at `location` comes from."""
        for replaced, origin in self._instead:
            if location[: len(replaced)] == replaced:
                return origin
        place = self._places.get(location)
        return Origin("file", line=place.line) if place else Origin("default")

    def where(self, location: Location) -> str:
        """Say where to change what is at `location`; for what is not there, where it would be added."""
        origin = self.of(location)
        if origin.kind in ("credential", "variable"):
            return str(origin)
        place = nearest(self._places, location)
        return f"{self._path.name} line {place.line}" if place else self._path.name
