"""The terminal: the three streams of the program, screens of tables and sentences, one JSON document for programs.

Nothing that is printed, or cannot be printed, changes what the program does. Imports no command.
"""

import json
import os
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EPIPE
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from attsync import messages
from attsync.commands.options import given
from attsync.problems import LogError, SchoolError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from attsync.show.symbols import Signs


class _Output(FileIO):
    """A stream on which no writing fails."""

    why: OSError | None = None
    """What has happened to it."""

    def write(self, content: Any, /) -> int:  # noqa: ANN401  whatever holds bytes
        """Write, or drop what can no longer be written."""
        if self.why is None:
            try:
                return super().write(content)
            except OSError as error:
                self.why = error
        return memoryview(content).nbytes


def prepare() -> _Output | None:
    """Put stdin, stdout and stderr in order; give what stdout is written to, if it is a file."""
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr, _ = _careful(sys.stderr)
    output = None
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout, output = _careful(sys.stdout, errors="replace")  # no sign that cannot be shown stops a send
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed: else the next file that is opened takes its number
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  open to the end
    return output


def loss(output: _Output | None) -> str | None:
    """Write out what is left; if something could not be written that somebody waits for, say why."""
    sys.stdout.flush()
    if output is None or output.why is None or output.why.errno == EPIPE:
        return None
    return os.strerror(output.why.errno or 0).lower()


def _careful(stream: TextIOWrapper, *, errors: str | None = None) -> tuple[TextIOWrapper, _Output]:
    # `stream` itself stays open for as long as sys.__stdout__ and sys.__stderr__ name it.
    output = _Output(stream.fileno(), "w", closefd=False)
    return TextIOWrapper(
        BufferedWriter(output),
        encoding=stream.encoding,
        errors=errors or stream.errors,
        line_buffering=stream.line_buffering,
    ), output


def program() -> str:
    """Return what starts this program again: its name if the shell finds it by that, else what was typed."""
    typed = Path(sys.argv[0])
    if typed.name == "__main__.py" and typed.parent.name == "attsync":  # python -m attsync
        return f"{shlex.quote(sys.executable)} -m attsync"
    if typed.name != "attsync":
        return "attsync"
    from shutil import which

    found = which("attsync")
    return "attsync" if found and typed.exists() and Path(found).samefile(typed) else shlex.quote(sys.argv[0])


def say(words: "str | messages.Text", *, err: bool = False, indent: int = 0) -> None:
    """Print a sentence. At a terminal its lines are broken, but never inside a command; a mail or a file gets one."""
    click.echo(for_people(words, sys.stderr if err else sys.stdout, indent=indent), err=err)


def for_people(words: "str | messages.Text", stream: IO[str], *, indent: int = 0) -> str:
    """Return a sentence as `say` prints it."""
    text = words if isinstance(words, messages.Text) else messages.Text((words,))
    if not stream.isatty():
        return text.completed
    from shutil import get_terminal_size
    from textwrap import fill

    unbroken = "".join(p.completed.replace(" ", _BLANK) if isinstance(p, messages.Command) else p for p in text.parts)
    return fill(
        unbroken,
        min(get_terminal_size().columns, 100),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    ).replace(_BLANK, " ")


_BLANK = "\ue000"
"""Stands for a space at which no line may be broken. No text uses this character."""


@contextmanager
def undone(name: str) -> Iterator[None]:
    """Let an error of the log or of a school database say what this command has not done: [not_done] has sentences."""
    try:
        yield
    except (LogError, SchoolError) as error:
        raise type(error).of(error.problem.but(undone=name)) from error


_WIDTH_WITHOUT_TERMINAL = 200
# Without a terminal rich takes 80 columns and cuts cells; here nothing is ever cut (RELIABILITY.md 8).

_LONG_SECONDS = 1.0
"""A run that takes longer shows how far it is."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Standard output, for results that people read."""

    console: "Console"
    signs: "Signs"

    def show(self, *parts: "RenderableType") -> None:
        """Print; where nobody sees the colours, without blanks at the ends of lines."""
        if self.console.is_terminal:
            self.console.print(*parts, crop=False)
            return
        with self.console.capture() as captured:
            self.console.print(*parts, crop=False)
        click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))

    @contextmanager
    def progress(self, doing: str, schools: int) -> Iterator[Callable[[], None] | None]:
        """Show how far a long run is, on a terminal only; gives what is to be called after each school."""
        if not self.console.is_terminal or self.console.is_dumb_terminal:
            yield None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        bar = Progress(
            SpinnerColumn("line"),
            TextColumn("[progress.description]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("schools"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        task = bar.add_task(doing, total=schools or None)
        later = threading.Timer(_LONG_SECONDS, bar.start)
        later.daemon = True
        later.start()
        try:
            yield lambda: bar.advance(task)
        finally:
            later.cancel()
            later.join()
            bar.stop()


def screen() -> Screen:
    """Open the screen of the running command."""
    from attsync.show.symbols import signs_for
    from attsync.show.table import Console

    is_terminal = sys.stdout.isatty()
    console = Console(
        is_endless=not is_terminal and _columns() is None,
        file=sys.stdout,
        no_color=given().no_color or None,
        highlight=False,
        markup=False,
        emoji=False,
        width=None if is_terminal else _columns() or _WIDTH_WITHOUT_TERMINAL,
        force_terminal=is_terminal,
        legacy_windows=False,
    )
    return Screen(console, signs_for(sys.stdout.encoding))


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document; signs that the output cannot hold are escaped."""
    is_unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    click.echo(json.dumps(document, ensure_ascii=not is_unicode, indent=2))


def _columns() -> int | None:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) else None
