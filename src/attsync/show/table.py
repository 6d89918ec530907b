"""Tables that never cut a cell, and prose: what every screen is made of. Imports no view."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from rich.cells import cell_len
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderResult
from rich.text import Text

from attsync import messages
from attsync.model import School
from attsync.plural import plural
from attsync.show.symbols import DIM, Signs

PROSE_COLUMNS: Final = 100
"""Longer lines are hard to read."""
UNBROKEN: Final = "  "
"""Begins a line of a table's last column that is not to be broken, though it overruns the screen: a command to copy."""
_NARROWEST: Final = 16
"""Columns that the last column always gets."""
_MOST_NAMES: Final = 3
"""Schools that are named in one paragraph; tables have them all."""
_SHORTEST_NAME: Final = 22
_READABLE: Final = 60
"""Columns for the sentences of a table that is too wide for them to end at PROSE_COLUMNS."""


class Console(RichConsole):
    """A console that prints text as it is, and may have no width."""

    def __init__(self, *, is_endless: bool, **console: Any) -> None:  # noqa: ANN401  those of rich
        super().__init__(highlight=False, markup=False, emoji=False, legacy_windows=False, **console)
        self.is_endless = is_endless
        """The width is not known: a pipe, a file. Tables take what they need; text is broken all the same."""


@dataclass
class Sheet:
    """A table in which no cell is ever cut: only the last column wraps, and a screen too narrow for it is overrun.

    rich's own table shrinks every column when the screen is too narrow, and pads each line to the longest.
    """

    signs: Signs
    columns: Sequence[str]
    """Their headings; > before one aligns the column to the right. The last one empty: a table without a head."""
    gap: int = 2
    rows: list[tuple[Text, ...]] = field(default_factory=list)
    widths: Sequence[int] = ()
    """The least of each column, for rows that are printed one at a time."""
    names: int | None = None
    """The column of schools' names: these are shortened where the last column has less room than it wants."""
    wanted: int = 34
    """What the last column wants."""
    less: Mapping[str, int] = field(default_factory=dict)
    """Heading -> columns of a screen below which it is left out."""
    roomy: int = 0
    """Columns of a screen below which the gap is 1."""

    def add(self, *cells: str | Text, style: str = "") -> None:
        """Add a row."""
        self.rows.append(tuple(cell if isinstance(cell, Text) else Text(cell, style=style) for cell in cells))

    def space(self) -> None:
        """Add an empty line between two groups of rows."""
        self.rows.append(())

    @property
    def width(self) -> int:
        """What the table takes if nothing has to wrap."""
        return sum(self._widths()) + self.gap * (len(self.columns) - 1)

    @property
    def least(self) -> int:
        """What it takes if the last column gets no more than it wants."""
        return self.width - max(0, self._widths()[-1] - self.wanted)

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> RenderResult:
        if self.less or self.roomy:
            yield self._fitted(options.max_width)
            return
        *fixed, last = self._widths()
        rows, taken = self.rows, sum(fixed) + self.gap * len(fixed)
        room = options.max_width - taken
        if isinstance(console, Console) and console.is_endless:
            room = max(PROSE_COLUMNS - taken, _READABLE)
        elif self.names is not None:
            lacking = (self.wanted if self.widths else min(last, self.wanted)) - room
            cut = max(0, min(lacking, fixed[self.names] - _SHORTEST_NAME))
            fixed[self.names] -= cut
            room += cut
            rows = [
                tuple(_short_name(cell, fixed[n]) if n == self.names else cell for n, cell in enumerate(row))
                for row in rows
            ]
        widths = [*fixed, min(last, max(room, _NARROWEST))]
        if self.columns[-1]:
            yield from self._row(console, widths, [Text(name.lstrip(">"), style="bold") for name in self.columns])
            yield _unbroken(self.signs.line * (sum(widths) + self.gap * len(fixed)))
        for row in rows:
            yield from self._row(console, widths, row) if row else [Text()]

    def _fitted(self, screen: int) -> "Sheet":
        """Return the table without the columns for which a screen is too narrow."""
        kept = [n for n, name in enumerate(self.columns) if screen >= self.less.get(name, 0)]
        rows = [tuple(row[n] for n in kept) if row else row for row in self.rows]
        gap = self.gap if screen >= self.roomy else 1
        return replace(self, columns=[self.columns[n] for n in kept], rows=rows, gap=gap, less={}, roomy=0)

    def _row(self, console: RichConsole, widths: Sequence[int], row: Sequence[Text]) -> Iterator[Text]:
        *fixed, last = row
        cells = [*([*cell.split("\n")] for cell in fixed), [*_wrapped(console, last, widths[-1])]]
        for number in range(max(map(len, cells))):
            parts = []
            for cell, width, name in zip(cells, widths, self.columns, strict=True):
                part = cell[number].copy() if number < len(cell) else Text()
                part.rstrip()
                if part.cell_len < width:  # align() would cut what is wider
                    part.align("right" if name.startswith(">") else "left", width)
                parts.append(part)
            yield _unbroken(Text(" " * self.gap).join(parts))

    def _widths(self) -> list[int]:
        rows = [tuple(Text(name.lstrip(">")) for name in self.columns), *filter(None, self.rows)]
        widths = [max(cell_len(line) for row in rows for line in row[n].plain.split("\n")) for n in range(len(rows[0]))]
        return [max(pair) for pair in zip(widths, [*self.widths, *[0] * len(widths)], strict=False)]


Part: TypeAlias = "str | tuple[str, str] | Text | messages.Text | messages.Command"
"""A piece of prose; with a style, as rich takes it, or a sentence with commands in it."""


def prose(*parts: Part, indent: int = 0) -> "Prose":
    """Return sentences in lines that can be read; all but the first are moved in by `indent`."""
    text = Text()
    for part in parts:
        if isinstance(part, messages.Command):
            text.append(part.unbroken, "bold")
        else:
            text.append_text(Text.assemble(part.unbroken if isinstance(part, messages.Text) else part))
    return Prose(text, indent)


def side_by_side(texts: Iterable[Text]) -> "Prose":
    """Return short texts on as many lines as they need; none is broken in two."""
    whole = [text.copy() for text in texts]
    for text in whole:
        text.plain = text.plain.replace(" ", messages.UNBREAKABLE)
    return Prose(Text("   ").join(whole), 0)


def paragraph(
    sign: str, style: str, schools: Sequence[School], told: messages.Told, then: messages.Text | None = None
) -> "Prose":
    """Return what happened, what to do next and the code; no `schools`: it is known which one this is about."""
    names = [str(school) for school in schools]
    if len(names) > _MOST_NAMES:
        names = [names[0], plural(len(names) - 1, "more school")]
    who = f"{messages.listed(names)}  " if names else ""
    said = messages.text(told.problem, told.days) + (then or messages.next_step(told.problem))
    return prose((f"{sign} {who}", style), said, (f"  [{told.problem.code}]", DIM), indent=2)


def plain(text: Text) -> Text:
    """Return a text as it is shown, where no line of it has to be broken."""
    text = text.copy()
    text.plain = text.plain.replace(messages.UNBREAKABLE, " ")
    return text


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    text: Text
    indent: int

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, PROSE_COLUMNS)
        first, *_ = _wrapped(console, self.text, width)
        yield _unbroken(first)
        rest = self.text[len(first) :]
        rest = rest[len(rest) - len(rest.plain.lstrip()) :]
        for line in _wrapped(console, rest, max(1, width - self.indent)) if rest else ():
            yield _unbroken(Text.assemble(" " * self.indent, line))


def _wrapped(console: RichConsole, text: Text, width: int) -> Iterator[Text]:
    for part in text.split("\n", allow_blank=True):
        # Else rich would cut a word, or a command to copy, that does not fit into one line.
        line = Text.assemble(part, overflow="ignore")
        yield from [line] if line.plain.startswith(UNBROKEN) else line.wrap(console, width)


def _unbroken(line: str | Text) -> Text:
    line = Text.assemble(plain(Text.assemble(line)), no_wrap=True, overflow="ignore")
    line.rstrip()
    return line


def _short_name(name: Text, columns: int) -> Text:
    # The last word stays, but for "School": schools of one patron saint are told apart by it.
    if name.cell_len <= columns:
        return name
    text = name.plain.removesuffix(" School")
    last = text.rpartition(" ")[2][-columns // 2 :]
    text = text if cell_len(text) <= columns else f"{text[: columns - len(last) - 1].rstrip()}…{last}"
    return Text(text, name.style)
