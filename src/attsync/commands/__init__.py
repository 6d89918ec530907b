"""The command line: one group, one small module a command, and the only place that turns an error into an exit.

A command's module is imported when it runs, so that help stays fast. Refuses to know what the commands do.
"""

import gc
import os
import signal
import sys
import warnings
from datetime import UTC, datetime
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from attsync import __version__
from attsync.commands.options import Given, common
from attsync.problems import AttsyncError, Stopped

if TYPE_CHECKING:
    from attsync.settings import Fault

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

COMMANDS: Final = {
    "Every day": {
        "send": "Send the last days for every school with consent.",
        "preview": "Show exactly what would be sent, and send nothing.",
        "status": "Show what was received, what was not, and what to do next.",
    },
    "Consent": {
        "consent": "Give, remove or show a school's consent.",
    },
    "Setting up": {
        "init": "Ask a few questions and write a commented settings file.",
        "check": "Try the settings and the SELECTs, and say what is wrong.",
        "crontab": "Print or install what makes cron send twice a day.",
    },
    "Trying out": {
        "demo": "Run the whole story once, with a made-up school and a pretend DfE.",
        "sandbox": "Run the pretend DfE alone, until stopped.",
    },
}
"""Heading -> command -> its line in the help; the same line opens the command's own help page."""


class Commands(click.Group):
    """Imports a command when it is asked for, and ends every error in words and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands in the order of the help page."""
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"attsync.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed, or guess which was meant."""
        is_typed = not ctx.resilient_parsing  # while a shell completes a line, nobody is told anything
        if args[0] not in self.list_commands(ctx) and not args[0].startswith("-") and is_typed:
            from difflib import get_close_matches

            meant = get_close_matches(args[0], self.list_commands(ctx), n=1)
            ctx.fail(f"there is no command {args[0]!r}.{f' Did you mean {meant[0]}?' if meant else ''}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands under their headings, without importing them."""
        for heading, commands in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl(list(commands.items()))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's signature
        """Run a command; turn what went wrong into words on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except AttsyncError as error:
            tell(error, ctx.find_object(Given) or Given())
            ctx.exit(error.exit_code)
        except Stopped as stopped:
            click.echo("Stopped. What was sent so far is in the log; the next send covers the rest.", err=True)
            ctx.exit(stopped.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001  the one place for what nobody foresaw (RELIABILITY.md 2)
            click.echo(f"attsync: an error in attsync itself. {_report(error)} [BUG]", err=True)
            ctx.exit(70)


def tell(error: AttsyncError, given: Given) -> None:
    """Say on stderr what happened and what to do next."""
    problem = error.problem
    if faults := getattr(error, "faults", None):
        click.secho(f"Error: {problem.text}", err=True, fg="red", bold=True)
        for fault in faults:
            click.echo("\n" + _coloured(fault), err=True)
        click.echo(f"\n{problem.next} Exit code {error.exit_code}.", err=True)
        return
    start = "attsync:" if given.quiet else "Error:"
    said = _for_people(f"{start} {problem.text} [{problem.code}]"), _for_people(problem.next)
    click.echo("\n".join(said).replace("Error:", click.style("Error:", fg="red", bold=True), 1), err=True)


def _for_people(text: str) -> str:
    """Break lines between words at a terminal; a mail or a file gets one line, whole in itself."""
    if not sys.stderr.isatty():
        return text
    from shutil import get_terminal_size
    from textwrap import fill

    return fill(text, min(get_terminal_size().columns, 100), break_long_words=False, break_on_hyphens=False)


def _coloured(fault: "Fault") -> str:
    """Lay out a fault of the settings, with the setting's name bold and the caret red."""
    from attsync.settings import fault_lines

    heading, *others = fault_lines(fault)
    lines = [fault.where + click.style(heading.removeprefix(fault.where), bold=True), *others]
    carets = "^" * fault.length
    if carets and len(others) > 1:
        lines[-1] = others[-1].replace(carets, click.style(carets, fg="red", bold=True), 1)
    return "\n".join(lines)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Examples:  attsync demo   |   attsync send --window 8   |   attsync status",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@common
def attsync() -> None:
    """Count roll-call marks inside a school's own database and send only the counts, only with consent."""


def main() -> None:
    """Run the command line; the entry point of the installed program."""
    try:
        for number in _SIGNALS:
            signal.signal(number, _stop)
        _open_what_is_closed()
        _be_quiet()
        _start_fast()
        attsync(prog_name="attsync")
    except Stopped as stopped:  # before or after a command
        sys.exit(stopped.exit_code)
    finally:
        for number in _SIGNALS:  # nothing is left to be ended in order
            signal.signal(number, signal.SIG_DFL)


def _open_what_is_closed() -> None:
    """Give a closed stdin, stdout or stderr a place: else the next file that is opened takes its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  open to the end


def _be_quiet() -> None:
    """Let nothing be printed but by us: cron mails what a library warns of. And let no sign stop a send."""
    warnings.simplefilter("ignore")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _start_fast() -> None:
    """Leave out what imports spend on looking around: a tenth of a run of one school (benchmarks/README.md)."""
    gc.set_threshold(50_000)  # imports make many objects and throw none away
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # attsync has none, and another's has no business with settings


def _stop(number: int, _frame: object) -> None:
    raise Stopped(number)


def _report(error: BaseException) -> str:
    """Write down where an unforeseen error happened, and say in which file.

    Files, lines and names of functions; no values: they may be secrets.
    """
    import tempfile
    import traceback

    lines = [f"attsync {__version__}, Python {sys.version.split()[0]}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"]
    seen: BaseException | None = error
    while seen is not None:
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(seen.__traceback__)
        ]
        seen = seen.__cause__ or seen.__context__
    try:
        descriptor, name = tempfile.mkstemp(prefix="attsync-error-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except OSError:
        return f"Details for its makers could not be written to a file; the last of them: {lines[-1].strip()}"
    return f"Details for its makers: {name}"
