"""Where results are printed or written: tables and sentences for people, one document for programs.

Knows terminals, widths and encodings; refuses to know what is shown.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from attsync.commands.options import given
from attsync.problems import LogError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from attsync.show.symbols import Signs


@contextmanager
def undone(name: str) -> Iterator[None]:
    """Let an error of the log say what this command has not done: a sentence of [not_done] in data/problems.toml."""
    try:
        yield
    except LogError as error:
        raise LogError.of(error.problem.but(undone=name)) from error


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
    from attsync.commands.hints import completions
    from attsync.show.symbols import signs_for
    from attsync.show.table import CompletingConsole

    is_terminal = sys.stdout.isatty()
    console = CompletingConsole(
        completions,
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


def must_be_new(path: Path, then: str = "Name a new file.") -> None:
    """Raise UsageError if there is such a file, or if this account may not know it; `then` is what to do."""
    try:
        path.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _not_written(path, error) from error
    message = f"{path} is there already and was left as it is. {then}"
    raise click.UsageError(message)


@contextmanager
def writing(path: Path, *, replace: bool) -> Iterator[IO[str]]:
    """Write a file that a command is asked to save: readable by its owner only, and never half of it."""
    if not replace:
        must_be_new(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _not_written(path: Path, error: OSError) -> click.UsageError:
    return click.UsageError(f"{path} cannot be written: {(error.strerror or 'the system refuses').lower()}.")
