"""Where each setting is: the line and key in the file, a variable, a credential of systemd, or its default.

Does not check values: the text must be TOML that tomllib has read.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

Location = tuple[str | int, ...]
"""Keys and list indexes from the top of the file, as Pydantic returns them: ("database", 0, "url")."""
_QUOTES: Final = '"""'


class Origin(NamedTuple):
    """Where a setting, or the heading of a table, comes from."""

    kind: Literal["file", "variable", "credential", "default"]
    name: str = ""
    """Of the variable or credential; in the file the key with its quotation marks, or the heading with its brackets."""
    line: int = 0
    """In the settings file, counted from 1."""

    def __str__(self) -> str:
        return f"line {self.line}" if self.kind == "file" else f"{self.kind} {self.name}".rstrip()


def places(text: str) -> dict[Location, Origin]:
    r"""Return the place of every heading and key of `text`, whose lines end in \n; not of what is in a list."""
    found: dict[Location, Origin] = {}
    begun: Counter[Location] = Counter()
    """How many tables of each [[array of tables]] have begun."""
    table: Location = ()
    for line, statement, read in _statements(text):
        is_heading = statement.lstrip().startswith("[")
        place = Origin("file", statement.partition("#" if is_heading else "=")[0].strip(), line)
        at, value = () if is_heading else table, read
        while isinstance(value, dict) and len(value) == 1:  # a.b = 1 is read as {"a": {"b": 1}}
            ((name, value),) = value.items()
            at = (*at, name)
            found.setdefault(at, place)
            begun[at] += is_heading and isinstance(value, list)
            if begun[at]:  # [database.codes] belongs to the database that began last
                at = (*at, begun[at] - 1)
        if is_heading:
            table = at
            found[table] = place
    return found


def unclosed_line(text: str) -> int:
    """Return the line on which an unclosed text or list begins; tomllib only reports the end of the file."""
    return 1 + sum(statement.count("\n") for _, statement, _ in _statements(text))


def _statements(text: str) -> Iterator[tuple[int, str, Any]]:
    """Return each statement with its first line and what tomllib reads in it: the fewest lines that it can read."""
    begin, statement, missing = 1, "", ""
    for number, line in enumerate(text.split("\n"), start=1):
        statement += f"{line}\n"
        if missing not in line:
            continue
        try:
            value = tomllib.loads(statement)
        except tomllib.TOMLDecodeError as error:  # it continues on the next line
            # Otherwise an unclosed text would be read once per line: 40 s in a file of 2,000 schools (measured).
            missing = _QUOTES if str(error).startswith("Unterminated") else ""
            continue
        yield begin, statement, value
        begin, statement, missing = number + 1, "", ""


class Origins:
    """Where each setting of one settings file comes from."""

    def __init__(self, path: Path, text: str, instead: Mapping[Location, Origin]) -> None:
        """Take the text of the file, and what overrides parts of it."""
        self.path = path
        self.lines = text.split("\n")
        self._places = places(text)
        self._instead = instead

    def of(self, location: Location) -> Origin:
        """Return where the value at `location` comes from."""
        for replaced, origin in self._instead.items():
            if location[: len(replaced)] == replaced:
                return origin
        return self._places.get(location, Origin("default"))

    def place(self, location: Location) -> Origin | None:
        """Return the place in the file of `location`, or of what encloses it; None if only the file itself does."""
        while location and location not in self._places:
            location = location[:-1]
        return self._places.get(location)

    def where(self, location: Location) -> str:
        """Return where to change what is at `location`; for a missing setting, where to add it."""
        origin, place = self.of(location), self.place(location)
        if origin.kind in ("credential", "variable"):
            return str(origin)
        return f"{self.path.name} line {place.line}" if place else self.path.name
