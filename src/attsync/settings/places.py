"""Where each setting is: the line and key in the file, a variable, a credential of systemd, or its default.

Reads no value, and judges none: the text has to be TOML that tomllib has read.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

Location = tuple[str | int, ...]
"""Keys and list indexes from the top of the file, as Pydantic gives them: ("database", 0, "url")."""


class Place(NamedTuple):
    """Where a key or a heading is."""

    line: int
    """Counted from 1."""
    key: str
    """As it is written: with its quotation marks, or the whole heading with its brackets."""


_HEADING: Final = re.compile(r"[ \t]*(?P<shown>(?P<several>\[?)\[(?P<key>[\w.\- \t]+)\]\]?)[ \t]*")
_PAIR: Final = re.compile(r"[ \t]*(?P<key>[\w.\-](?:[\w.\- \t]*[\w.\-])?)[ \t]*=")
# A text of several lines may end in one or two quotation marks of its own, hence the look ahead.
_TEXT: Final = re.compile(
    r'''"""(?:\\.|[^\\])*?"""(?!")|\'\'\'.*?\'\'\'(?!')|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*'''
    r'''|(?P<open>"""|\'\'\'|["'])''',
    re.DOTALL,
)


def places(text: str) -> dict[Location, Place]:
    r"""Return the place of every heading and key of `text`, whose lines end in \n; not of what is in a list."""
    found: dict[Location, Place] = {}
    begun: Counter[Location] = Counter()
    """How many tables of each [[array of tables]] have begun."""
    table: Location = ()
    for number, brackets, key, shown in _statements(text):
        at: Location = () if brackets else table
        *above, last = _names(key)
        for name in above:
            at = _latest((*at, name), begun)
            found.setdefault(at, Place(number, shown))
        at = (*at, last)
        found.setdefault(at, Place(number, shown))
        if brackets == "[[":
            begun[at] += 1
        if brackets:
            table = _latest(at, begun)
            found[table] = Place(number, shown)
    return found


def nearest(found: Mapping[Location, Place], location: Location) -> Place | None:
    """Return the place of `location`, or of what encloses it; None where only the file itself does."""
    while location and location not in found:
        location = location[:-1]
    return found.get(location)


def unclosed_line(text: str) -> int:
    """Return the line on which a text or a list begins that does not end; tomllib only says that the file ends."""
    for token in _TEXT.finditer(text):
        if token["open"]:
            return text.count("\n", 0, token.start()) + 1
    return max((number for number, *_ in _statements(text)), default=1)


def _statements(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Return for each heading and each setting its line, its brackets, its key, and how it is shown."""
    # Texts become underscores, so that a quoted key looks like any other, and what is in a text like nothing.
    plain = _TEXT.sub(lambda token: re.sub(r"[^\n]", "#" if token[0][0] == "#" else "_", token[0]), text)
    depth = 0
    for number, (line, written) in enumerate(zip(plain.split("\n"), text.split("\n"), strict=True), start=1):
        value = line.partition("#")[0]
        if depth == 0 and (heading := _HEADING.fullmatch(value)):
            key, shown = (written[slice(*heading.span(name))] for name in ("key", "shown"))
            yield number, "[[" if heading["several"] else "[", key, shown
            continue
        if depth == 0 and (pair := _PAIR.match(value)):
            key = written[slice(*pair.span("key"))]
            yield number, "", key, key
            value = value[pair.end() :]
        depth += sum(sign in "[{" for sign in value) - sum(sign in "]}" for sign in value)


def _latest(table: Location, begun: Counter[Location]) -> Location:
    """Turn "database" into the database begun last: what headings such as [database.codes] belong to."""
    return (*table, begun[table] - 1) if begun[table] else table


def _names(key: str) -> list[str]:
    r"""Return the parts of a dotted key: a."b c" is a and b c."""
    names: list[str] = []
    table: Any = tomllib.loads(f"{key} = 0")
    while isinstance(table, dict):
        ((name, table),) = table.items()
        names.append(name)
    return names


class Origin(NamedTuple):
    """Where one setting comes from."""

    kind: Literal["file", "variable", "credential", "default"]
    line: int | None = None
    """In the settings file."""
    name: str | None = None
    """Of the variable or the credential."""

    def __str__(self) -> str:
        return f"line {self.line}" if self.kind == "file" else " ".join(filter(None, (self.kind, self.name)))


class Origins:
    """Where each setting of one settings file comes from."""

    def __init__(self, path: Path, text: str, instead: Mapping[Location, Origin]) -> None:
        """Take the text of the file, and what is used instead of parts of it."""
        self._path = path
        self._places = places(text)
        self._instead = instead

    def of(self, location: Location) -> Origin:
        """Return where the value at `location` comes from."""
        for replaced, origin in self._instead.items():
            if location[: len(replaced)] == replaced:
                return origin
        place = self._places.get(location)
        return Origin("file", line=place.line) if place else Origin("default")

    def place(self, location: Location) -> Place | None:
        """Return the place in the file of `location` or of what encloses it."""
        return nearest(self._places, location)

    def where(self, location: Location) -> str:
        """Return where to change what is at `location`; for what is not there, where it would be added."""
        origin = self.of(location)
        if origin.kind in ("credential", "variable"):
            return str(origin)
        place = self.place(location)
        return f"{self._path.name} line {place.line}" if place else self._path.name
