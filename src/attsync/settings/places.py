"""Where each key and value of a TOML file stands, which the standard library's reader does not tell.

Walks text that tomllib has already read without complaint, so it checks nothing. Where it loses its way it stops
and keeps what it has: then the nearest enclosing table is shown, never a wrong line.
"""

import re
import tomllib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

Location = tuple[str | int, ...]
"""Keys and list indexes from the top of the file, as Pydantic gives them: ("database", 0, "url")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one key stands, and its value if that ends on the same line. Lines and columns count from 1."""

    line: int
    column: int
    key: str
    """As it is written: with its quotation marks, or the whole heading with its brackets; empty for a list's items."""
    value_column: int = 0
    value: str | None = field(default=None, repr=False)
    """As it is written; None for tables and for values of several lines. May be a secret."""


def places(text: str) -> dict[Location, Place]:
    r"""Find every key, heading and list item of `text`, which has to be valid TOML with lines that end in \n."""
    walker = _Walker(text)
    with suppress(_Lost):  # TOML newer than this walker: what was found so far is right
        walker.walk()
    return walker.found


def nearest(found: Mapping[Location, Place], location: Location) -> Place | None:
    """Give the place of `location`, or of what encloses it; None where only the file itself does."""
    while location and location not in found:
        location = location[:-1]
    return found.get(location)


def first_broken_line(text: str) -> int:
    """Give the line that cannot be followed any more, counted from 1; the last one if all can.

    For text that is no valid TOML: of a quotation mark that is never closed tomllib only says that the file ends.
    """
    walker = _Walker(text)
    with suppress(_Lost):
        walker.walk()
    return walker.line


class _Lost(Exception):
    """What stands here is not what the walker expects."""


_SPACE: Final = re.compile(r"[ \t]*")
_BLANK: Final = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_KEY: Final = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""")
# A text of several lines may end in one or two quotation marks of its own, hence the look ahead.
_TEXT: Final = re.compile(
    r'''"""(?:\\.|[^\\])*?"""(?!")|"(?:\\.|[^"\\\n])*"|''' + r"""'''.*?'''(?!')|'[^'\n]*'""",
    re.DOTALL,
)
_BARE_VALUE: Final = re.compile(r"[^\s,\]}#](?:[^\n,\]}#]*[^\s,\]}#])?")


class _Walker:
    """Goes through the text once, from left to right."""

    def __init__(self, text: str) -> None:
        self.found: dict[Location, Place] = {}
        self._text = text
        self._at = 0
        self._line_ends = [match.start() for match in re.finditer("\n", text)]
        self._tables_begun: Counter[Location] = Counter()
        """How many tables of each [[array of tables]] have begun."""

    def walk(self) -> None:
        table: Location = ()
        self._take(_BLANK)
        while self._at < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._heading()
            else:
                self._pair(table)
            self._take(_BLANK)

    @property
    def line(self) -> int:
        """The line that it has come to."""
        return self._line_and_column(self._at)[0]

    def _heading(self) -> Location:
        start = self._at
        several = self._takes("[[")
        if not several:
            self._expect("[")
        *above, last = [name for _, name in self._key()]
        self._expect("]]" if several else "]")
        heading = self._place(start, self._text[start : self._at])
        table: Location = ()
        for name in above:
            self.found.setdefault((*table, name), heading)
            table = self._latest((*table, name))
        table = (*table, last)
        if several:
            self.found.setdefault(table, heading)
            self._tables_begun[table] += 1
        table = self._latest(table)
        self.found[table] = heading
        return table

    def _latest(self, table: Location) -> Location:
        """Turn "database" into the database begun last: what headings such as [database.codes] belong to."""
        begun = self._tables_begun[table]
        return (*table, begun - 1) if begun else table

    def _pair(self, table: Location) -> None:
        start = self._at
        for start, name in self._key():
            table = (*table, name)
            self.found.setdefault(table, self._place(start, self._text[start : self._at]))
        self._expect("=")
        self._take(_SPACE)
        self._value(table, start, self.found[table].key)

    def _key(self) -> Iterator[tuple[int, str]]:
        """Give start and name of each part of a dotted key, reading on only when asked for the next."""
        while True:
            self._take(_SPACE)
            start = self._at
            part = self._take(_KEY)
            yield start, tomllib.loads(f"name = {part}")["name"] if part[0] in "\"'" else part
            self._take(_SPACE)
            if not self._takes("."):
                return

    def _value(self, location: Location, start: int, key: str) -> None:
        value_start = self._at
        if self._takes("["):
            self._list(location)
        elif self._takes("{"):
            self._inline_table(location)
        else:
            self._take(_TEXT if self._text.startswith(('"', "'"), value_start) else _BARE_VALUE)
        self.found[location] = self._place(start, key, value_start)

    def _list(self, location: Location) -> None:
        index = 0
        self._take(_BLANK)
        while not self._takes("]"):
            self._value((*location, index), self._at, "")
            index += 1
            self._take(_BLANK)
            self._takes(",")
            self._take(_BLANK)

    def _inline_table(self, location: Location) -> None:
        self._take(_BLANK)
        while not self._takes("}"):
            self._pair(location)
            self._take(_BLANK)
            self._takes(",")
            self._take(_BLANK)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise _Lost
        self._at = match.end()
        return match[0]

    def _takes(self, sign: str) -> bool:
        taken = self._text.startswith(sign, self._at)
        self._at += len(sign) * taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise _Lost

    def _place(self, start: int, key: str, value_start: int | None = None) -> Place:
        """Make the place of what begins at `start`; its value, if any, ends where the walker stands now."""
        line, column = self._line_and_column(start)
        if value_start is None or "\n" in (value := self._text[value_start : self._at]):
            return Place(line=line, column=column, key=key)
        value_column = self._line_and_column(value_start)[1]
        return Place(line=line, column=column, key=key, value_column=value_column, value=value)

    def _line_and_column(self, at: int) -> tuple[int, int]:
        line = bisect_left(self._line_ends, at)
        line_start = self._line_ends[line - 1] + 1 if line else 0
        return line + 1, at - line_start + 1
