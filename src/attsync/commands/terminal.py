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
from typing import IO, TYPE_CHECKING, Any, Final

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
    """The first error of the stream."""

    def write(self, content: Any, /) -> int:  # noqa: ANN401  whatever holds bytes
        """Write, or drop what can no longer be written."""
        if self.why is None:
            try:
                return super().write(content)
            except OSError as error:
                self.why = error
        return memoryview(content).nbytes


def prepare() -> _Output | None:
    """Put stdin, stdout and stderr in order; return what stdout is written to, if it is a file."""
    outputs: dict[str, _Output] = {}
    for name in ("stderr", "stdout"):
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):  # stays open for as long as sys.__stdout__ and sys.__stderr__ name it
            outputs[name] = _Output(stream.fileno(), "w", closefd=False)
            careful = TextIOWrapper(
                BufferedWriter(outputs[name]),
                encoding=stream.encoding,
                errors="replace" if name == "stdout" else stream.errors,  # no sign that cannot be shown stops a send
                line_buffering=stream.line_buffering,
            )
            setattr(sys, name, careful)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed: otherwise the next file that is opened takes its number
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  open to the end
    return outputs.get("stdout")


def loss(output: _Output | None) -> str | None:
    """Write out what is left; if something could not be written that someone waits for, return why."""
    sys.stdout.flush()
    if output is None or output.why is None or output.why.errno == EPIPE:
        return None
    return os.strerror(output.why.errno or 0).lower()


def program() -> str:
    """Return what starts this program again: its name if the shell finds it by that, else what was typed.

    Started by sudo, not from a shell that sudo started, with the account that sudo changed to.
    """
    if os.environ.get("SUDO_COMMAND", "").partition(" ")[0].endswith("/attsync"):
        from attsync.accounts import name_of

        return f"sudo -u {shlex.quote(name_of(os.geteuid()))} {_program()}"
    return _program()


def _program() -> str:
    typed = Path(sys.argv[0])
    if typed.name == "__main__.py" and typed.parent.name == "attsync":  # python -m attsync
        return f"{shlex.quote(sys.executable)} -m attsync"
    if typed.name != "attsync":
        return "attsync"
    from shutil import which

    found = which("attsync")
    return "attsync" if found and typed.exists() and Path(found).samefile(typed) else shlex.quote(sys.argv[0])


def say(*parts: "str | messages.Command", indent: int = 0) -> None:
    """Print a sentence."""
    click.echo(for_people(messages.Text(parts), sys.stdout, indent=indent))


def for_people(text: messages.Text, stream: IO[str] | None = None, *, indent: int = 0) -> str:
    """Return a text wrapped to lines, never inside a command; in one line if `stream` is not a terminal."""
    if stream and not stream.isatty():
        return text.completed
    from shutil import get_terminal_size
    from textwrap import fill

    return fill(
        text.unbroken,
        min(get_terminal_size().columns, 100),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    ).replace(messages.UNBREAKABLE, " ")


@contextmanager
def undone(name: str) -> Iterator[None]:
    """Make an error of the log or of a school database say what this command did not do, by a name in [not_done]."""
    try:
        yield
    except (LogError, SchoolError) as error:
        raise type(error).of(error.problem.but(undone=name)) from error


_WIDTH_WITHOUT_TERMINAL: Final = 1000
# A pipe, a file: tables take what they need (docs/design/reliability.md 8), and sentences end where they can be read.

_LONG_SECONDS: Final = 1.0
"""A run that takes longer shows how far it is."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Standard output, for results that people read."""

    console: "Console"
    signs: "Signs"

    def show(self, *parts: "RenderableType") -> None:
        """Print each below the other; without colours, also without blanks at the ends of lines."""
        from rich.console import Group

        if self.console.is_terminal:
            self.console.print(Group(*parts), crop=False)
            return
        with self.console.capture() as captured:
            self.console.print(Group(*parts), crop=False)
        click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))

    def tell(self, *parts: "RenderableType") -> None:
        """Print what went well, unless --quiet was given."""
        if parts and not given().quiet:
            self.show(*parts)

    @contextmanager
    def progress(self, doing: str, schools: int) -> Iterator[Callable[[], object]]:
        """Show how far a long run is, on a terminal only; yields what is called after each school."""
        if not self.console.is_terminal or self.console.is_dumb_terminal:
            yield lambda: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

        shown = ("{task.description}", BarColumn(), MofNCompleteColumn(), "schools", TimeElapsedColumn())
        bar = Progress(*shown, console=self.console, transient=True)
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
    """Return the screen of the running command."""
    from rich.console import Console

    from attsync.show.symbols import signs_for

    is_terminal = sys.stdout.isatty()
    said = os.environ.get("COLUMNS", "")
    columns = int(said) if said.isdecimal() else 0
    console = Console(
        file=sys.stdout,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        no_color=given().no_color or None,
        width=None if is_terminal else columns or _WIDTH_WITHOUT_TERMINAL,
        force_terminal=is_terminal,
    )
    return Screen(console, signs_for(sys.stdout.encoding))


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document; signs that the output cannot hold are escaped."""
    is_unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    click.echo(json.dumps(document, ensure_ascii=not is_unicode, indent=2))
