"""What every screen and page is made of: tables that never cut a cell, prose, and views of both. Imports no view."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil
from typing import Final, NamedTuple, TypeAlias

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from attsync import messages
from attsync.model import School
from attsync.plural import plural
from attsync.show.symbols import CHECK, DIM, Signs

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
_WIDEST: Final = 200
"""A wider screen is a pipe or a file, where sentences are wrapped at `PROSE_COLUMNS`."""


@dataclass
class Sheet:
    """A table in which no cell is ever cut: only the last column wraps, and a screen too narrow for it is overrun.

    rich's own table shrinks every column when the screen is too narrow, and takes four times as long for a long one.
    """

    signs: Signs
    columns: Sequence[str]
    """Their headings; > before one aligns the column to the right. The last one empty: a table without a head."""
    gap: int = 2
    rows: list[tuple[Text, ...]] = field(default_factory=list)
    widths: Sequence[int] = ()
    """The minimum width of each column, for rows that are printed one at a time."""
    names: int | None = None
    """The column of schools' names: these are shortened where the last column has less room than it wants."""
    wanted: int = 34
    """What the last column wants."""
    less: Mapping[str, int] = field(default_factory=dict)
    """Heading -> columns of a screen below which it is left out."""
    roomy: int = 0
    """Columns of a screen below which the gap is 1."""
    folds: bool = False
    """Columns that have no room side by side are in several tables, one below the other, then what is to check."""
    caption: str = ""
    """What a page says above the table."""

    def add(self, *cells: str | Text, style: str = "") -> None:
        """Add a row."""
        self.rows.append(tuple(cell if isinstance(cell, Text) else Text(cell, style=style) for cell in cells))

    def space(self) -> None:
        """Add an empty line between two groups of rows."""
        self.rows.append(())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        screen = options.max_width
        *fixed, last = self._widths()
        if self.folds and self._taken(*fixed, min(last, self.wanted)) > screen:
            yield from self._folded(screen)
            return
        if any(screen < least for least in (self.roomy, *self.less.values())):
            kept = [n for n, name in enumerate(self.columns) if screen >= self.less.get(name, 0)]
            yield replace(self._only(kept), gap=self.gap if screen >= self.roomy else 1, less={}, roomy=0)
            return
        room = screen - self._taken(*fixed, 0)
        if self.names is not None:
            lacking = (self.wanted if self.widths else min(last, self.wanted)) - room
            cut = max(0, min(lacking, fixed[self.names] - _SHORTEST_NAME))
            fixed[self.names] -= cut
            room += cut
        if screen > _WIDEST:
            room = max(PROSE_COLUMNS - self._taken(*fixed, 0), _READABLE)
        widths = [*fixed, min(last, max(room, _NARROWEST))]
        if self.columns[-1]:
            yield from self._row(console, widths, [Text(name.lstrip(">"), style="bold") for name in self.columns])
            yield _unbroken(self.signs.line * self._taken(*widths))
        for row in self.rows:
            yield from self._row(console, widths, row) if row else [Text()]

    def _only(self, kept: Sequence[int]) -> "Sheet":
        """Return the table with some of its columns."""
        rows = [tuple(row[n] for n in kept) if row else row for row in self.rows]
        return replace(self, columns=[self.columns[n] for n in kept], rows=rows)

    def _folded(self, screen: int) -> Iterator[RenderableType]:
        """Yield the table in as few tables as possible; then the last column, if it does not have numbers."""
        first, *others = range(len(self.columns))
        notes = [] if self.columns[-1].startswith(">") else [others.pop()]
        for number in range(1, len(others) + 1):
            size = ceil(len(others) / number)
            sheets = [self._only([first, *others[at : at + size]]) for at in range(0, len(others), size)]
            if all(sheet._taken(*sheet._widths()) <= screen for sheet in sheets):  # noqa: SLF001  of the same class
                break
        yield from [line for sheet in sheets for line in (Text(), replace(sheet, folds=False))][1:]
        for row, note in ((row, row[n]) for row in self.rows for n in notes if row):
            if note.style == CHECK:
                yield prose(note, (f" ({row[first]})", CHECK), indent=2)

    def _row(self, console: Console, widths: Sequence[int], row: Sequence[Text]) -> Iterator[Text]:
        cells = [[*cell.split("\n")] for cell in row[:-1]]
        if self.names is not None and row[self.names].cell_len > widths[self.names]:
            cells[self.names] = [_short_name(row[self.names], widths[self.names])]
        cells.append([*_wrapped(console, row[-1], widths[-1])])
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

    def _taken(self, *widths: int) -> int:
        """Return what columns of these widths take, with the gaps between them."""
        return sum(widths) + self.gap * (len(widths) - 1)


Part: TypeAlias = "str | tuple[str, str] | Text | messages.Text | messages.Command"
"""A piece of prose; with a style, as rich takes it, or a sentence with commands in it."""


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph of one text, or of several short ones; all lines but the first are moved in by `indent`."""

    texts: tuple[Text, ...]
    indent: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, PROSE_COLUMNS)
        text = Text("   ").join(self.texts)
        first, *_ = _wrapped(console, text, width)
        yield _unbroken(first)
        rest = text[len(first) :]
        rest = rest[len(rest) - len(rest.plain.lstrip()) :]
        for line in _wrapped(console, rest, max(1, width - self.indent)) if rest else ():
            yield _unbroken(Text.assemble(" " * self.indent, line))


def prose(*parts: Part, indent: int = 0) -> Prose:
    """Return sentences in lines that can be read; all but the first are moved in by `indent`."""
    text = Text()
    for part in parts:
        if isinstance(part, messages.Command):
            text.append(part.unbroken, "bold")
        else:
            text.append_text(Text.assemble(part.unbroken if isinstance(part, messages.Text) else part))
    return Prose((text,), indent)


def side_by_side(texts: Iterable[Text]) -> Prose:
    """Return short texts on as many lines as they need; none is broken in two."""
    whole = tuple(text.copy() for text in texts)
    for text in whole:
        text.plain = text.plain.replace(" ", messages.UNBREAKABLE)
    return Prose(whole)


def paragraph(
    sign: str, style: str, schools: Sequence[School], told: messages.Told, then: messages.Text | None = None
) -> Prose:
    """Return what happened, what to do next and the code; no `schools`: it is known which one this is about."""
    names = [str(school) for school in schools]
    if len(names) > _MOST_NAMES:
        names = [names[0], plural(len(names) - 1, "more school")]
    who = f"{messages.listed(names)}  " if names else ""
    said = messages.text(told.problem, told.days) + (then or messages.next_step(told.problem))
    return prose((f"{sign} {who}", style), said, (f"  [{told.problem.code}]", DIM), indent=2)


class Section(NamedTuple):
    """A part of a view."""

    contents: Sequence[Prose | Sheet]
    heading: str = ""
    level: int = 2
    """Of the heading on a page."""


@dataclass(frozen=True, slots=True)
class View:
    """What a screen shows and a saved page has, in this order."""

    name: str
    beside: str
    """Smaller, beside the name."""
    sections: Sequence[Section]

    def __rich_console__(self, _console: Console, _options: ConsoleOptions) -> RenderResult:
        yield Text.assemble((self.name, "bold"), (f"  {self.beside}", DIM))
        for number, (contents, heading, _) in enumerate(self.sections):
            if number:
                yield Text()
            if heading:
                yield Text(heading, style="bold")
            yield from contents[:1]
            for before, content in pairwise(contents):
                if isinstance(before, Sheet):
                    yield Text()
                yield content


def plain(text: Text) -> Text:
    """Return a text as it is shown, where no line of it has to be broken."""
    text = text.copy()
    text.plain = text.plain.replace(messages.UNBREAKABLE, " ")
    return text


def _wrapped(console: Console, text: Text, width: int) -> Iterator[Text]:
    for part in text.split("\n", allow_blank=True):
        # Otherwise rich would cut a word, or a command to copy, that does not fit into one line.
        line = Text.assemble(part, overflow="ignore")
        yield from [line] if line.plain.startswith(UNBROKEN) else line.wrap(console, width)


def _unbroken(line: str | Text) -> Text:
    line = Text.assemble(plain(Text.assemble(line)), no_wrap=True, overflow="ignore")
    line.rstrip()
    return line


def _short_name(name: Text, columns: int) -> Text:
    # The last word stays, but for "School": schools of one patron saint are told apart by it.
    text = name.plain.removesuffix(" School")
    last = text.rpartition(" ")[2][-columns // 2 :]
    text = text if cell_len(text) <= columns else f"{text[: columns - len(last) - 1].rstrip()}…{last}"
    return Text(text, name.style)
