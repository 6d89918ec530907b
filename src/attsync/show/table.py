"""Tables that never cut a cell, and prose: what every screen is laid out with."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from rich.cells import cell_len
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderResult
from rich.text import Text

from attsync import messages
from attsync.show.symbols import Signs

BLANK: Final = "\ue000"
"""Stands for a space at which no line may be broken, until the lines are made. No text uses this character."""
PROSE_COLUMNS: Final = 100
"""Longer lines are hard to read."""
UNBROKEN: Final = "  "
"""Begins a line of a table's last column that is not to be broken, though it overruns the screen: a command to copy."""
_WORD: Final = re.compile(r"\s*\S+\s*")
_NARROWEST: Final = 16
"""Columns that the last column always gets."""
_SHORTEST_NAME: Final = 22
_READABLE: Final = 60
"""Columns for the sentences of a table that is too wide for them to end at PROSE_COLUMNS."""


class Console(RichConsole):
    """A console that may have no width."""

    def __init__(self, *, is_endless: bool, **console: Any) -> None:  # noqa: ANN401  those of rich
        super().__init__(**console)
        self.is_endless = is_endless
        """No one says how wide it is: a pipe, a file. Tables take what they need; text is broken all the same."""


@dataclass
class Sheet:
    """A table in which no cell is ever cut: only the last column wraps, and a screen too narrow for it is overrun."""

    signs: Signs
    columns: Sequence[str]
    """Their headings; > before one sets the column to the right. None of them: a table without a head."""
    gap: int = 3
    rows: list[tuple[Text, ...]] = field(default_factory=list)
    widths: Sequence[int] = ()
    """At least so wide, for rows that are printed one at a time."""
    names: int | None = None
    """The column of schools' names: these are shortened where the last column has less room than it wants."""
    wanted: int = 34
    """What the last column wants."""

    def add(self, *cells: str | Text, style: str = "") -> None:
        """Add a row."""
        self.rows.append(tuple(cell if isinstance(cell, Text) else Text(cell, style=style) for cell in cells))

    def space(self) -> None:
        """Add an empty line between two groups of rows."""
        self.rows.append(())

    @property
    def width(self) -> int:
        """What the table takes if nothing has to wrap."""
        return sum(self._widths(self.rows)) + self.gap * (len(self.columns) - 1)

    @property
    def last_width(self) -> int:
        """What the last column takes if nothing has to wrap."""
        return self._widths(self.rows)[-1]

    def fitted(self, columns: int) -> "Sheet":
        """Shorten the names as far as a screen of so many columns asks for."""
        if self.names is None:
            return self
        *fixed, last = self._widths(self.rows)
        room = columns - sum(fixed) - self.gap * len(fixed)
        wanted = self.wanted if self.widths else min(last, self.wanted)
        most = max(_SHORTEST_NAME, fixed[self.names] - max(0, wanted - room))
        if most >= fixed[self.names]:
            return self
        rows = [
            tuple(_shortened(cell, most) if n == self.names else cell for n, cell in enumerate(r)) for r in self.rows
        ]
        widths = [min(width, most) if n == self.names else width for n, width in enumerate(self.widths)]
        return replace(self, rows=rows, widths=widths, names=None)

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> RenderResult:
        is_endless = isinstance(console, Console) and console.is_endless
        sheet = self if is_endless else self.fitted(options.max_width)
        yield from sheet.laid_out(options.max_width, is_endless=is_endless)

    def laid_out(self, columns: int, *, is_endless: bool) -> Iterator[Text]:
        """Give its lines, on a screen of so many columns."""
        rows = self.rows
        *fixed, last = self._widths(rows)
        taken = sum(fixed) + self.gap * len(fixed)
        room = columns - taken
        if is_endless:
            room = max(PROSE_COLUMNS - taken, _READABLE)
        widths = [*fixed, min(last, max(room, _NARROWEST))]
        if any(self.columns):
            yield from self._row(widths, [Text(name.lstrip(">"), style="bold") for name in self.columns])
            yield Text(self.signs.line * (sum(widths) + self.gap * len(fixed)), overflow="ignore", no_wrap=True)
        for row in rows:
            yield from self._row(widths, row) if row else [Text()]

    def _row(self, widths: Sequence[int], row: Sequence[Text]) -> Iterator[Text]:
        *fixed, last = row
        lines = [*([*cell.split("\n")] for cell in fixed), [*_wrapped(last, widths[-1])]]
        for number in range(max(map(len, lines))):
            parts = [
                self._cell(cell[number] if number < len(cell) else Text(), width, name)
                for cell, width, name in zip(lines, widths, self.columns, strict=True)
            ]
            line = Text(" " * self.gap, no_wrap=True, overflow="ignore").join(parts)
            line.rstrip()
            yield line

    def _cell(self, text: Text, width: int, column: str) -> Text:
        text = text.copy()
        text.rstrip()
        if text.cell_len < width:  # align() would cut what is wider
            text.align("right" if column.startswith(">") else "left", width)
        return text

    def _widths(self, rows: Sequence[tuple[Text, ...]]) -> list[int]:
        least = [*self.widths, *[0] * (len(self.columns) - len(self.widths))]
        return [
            max([least[n], *_lines(name.lstrip(">")), *(w for row in rows if row for w in _lines(row[n].plain))])
            for n, name in enumerate(self.columns)
        ]


def _wrapped(text: Text, width: int) -> Iterator[Text]:
    for line in text.split("\n", allow_blank=True):
        yield from [_blanks(line)] if line.plain.startswith(UNBROKEN) else _broken(line, width)


def _broken(text: Text, width: int) -> Iterator[Text]:
    """Break between words, though not in a command: what does not fit in one piece overruns the screen, to be copied.

    rich would cut such a piece in two.
    """
    places: list[int] = []
    used = 0
    for word in _WORD.finditer(text.plain):
        if used and used + cell_len(word[0].rstrip()) > width:
            places.append(word.start())
            used = 0
        used += cell_len(word[0])
    for line in text.divide(places):
        line.rstrip()
        yield _blanks(line)


def _blanks(line: Text) -> Text:
    line.plain = line.plain.replace(BLANK, " ")
    return line


def _lines(text: str) -> Iterable[int]:
    return [cell_len(line) for line in text.split("\n")]


Part: TypeAlias = "str | tuple[str, str] | Text | messages.Text | messages.Command"
"""A piece of prose; with a style, as rich takes it, or a sentence with commands in it."""


def prose(*parts: Part, indent: int = 0) -> "Prose":
    """Return sentences in lines that can be read; all but the first are moved in by `indent`."""
    return Prose(
        Text.assemble(
            *(
                written(part)
                if isinstance(part, messages.Text)
                else (written(messages.Text((part,))), "bold")
                if isinstance(part, messages.Command)
                else part
                for part in parts
            )
        ),
        indent,
    )


def written(text: messages.Text) -> str:
    """Return a sentence whose commands work when they are pasted, and are never broken across lines."""
    return "".join(
        part.completed.replace(" ", BLANK) if isinstance(part, messages.Command) else part for part in text.parts
    )


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    text: Text
    indent: int

    def __rich_console__(self, _console: RichConsole, options: ConsoleOptions) -> RenderResult:
        text = self.text
        width = min(options.max_width, PROSE_COLUMNS)
        first = next(_broken(text, width))
        start = len(first.plain)
        yield _line(first)
        while text.plain[start : start + 1] == " ":
            start += 1
        if start < len(text.plain):
            for line in _broken(text[start:], max(1, width - self.indent)):
                yield _line(" " * self.indent, line)


def _line(*parts: str | Text) -> Text:
    line = Text.assemble(*parts, no_wrap=True, overflow="ignore")
    line.rstrip()
    return line


def _shortened(name: Text, columns: int) -> Text:
    # The last word stays, but for "School": schools of one patron saint are told apart by it.
    if name.cell_len <= columns:
        return name
    plain = name.plain.removesuffix(" School")
    last = plain.rpartition(" ")[2][-columns // 2 :]
    plain = plain if cell_len(plain) <= columns else f"{plain[: columns - len(last) - 1].rstrip()}…{last}"
    return Text(plain, name.style)
