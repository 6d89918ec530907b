"""The command line: one group, one small module a command, and the only place that turns an error into an exit.

A command's module is imported when it runs, so that help stays fast. Refuses to know what the commands do.
"""

import os
import signal
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from attsync import __version__
from attsync.commands.options import Given, common
from attsync.problems import AttsyncError, Stopped

COMMANDS: Final = {
    "Every day": {
        "send": "Send the last days for every school with consent.",
        "preview": "Show exactly what would be sent, and send nothing.",
        "status": "Show what was received, what was not, and what to do next.",
    },
    "Consent": {
        "consent": "Give, remove or show a school's consent.",
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
            tell(error, ctx.find_object(Given))
            ctx.exit(error.exit_code)
        except Stopped as stopped:
            click.echo("Stopped. What was sent so far is in the log; the next send covers the rest.", err=True)
            ctx.exit(stopped.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001  the one place for what nobody foresaw (RELIABILITY.md 2)
            click.echo(f"attsync: an error in attsync itself. Details for its makers: {_report(error)} [BUG]", err=True)
            ctx.exit(70)


def tell(error: AttsyncError, given: Given | None) -> None:
    """Say on stderr what happened and what to do next."""
    problem = error.problem
    if faults := getattr(error, "faults", None):
        from attsync.settings.faults import fault_lines

        click.echo(f"Error: {problem.text}", err=True)
        for fault in faults:
            click.echo("\n".join(["", *fault_lines(fault)]), err=True)
        click.echo(f"\n{problem.next}", err=True)
        return
    start = "attsync: " if given and given.quiet else "Error: "
    click.echo(f"{start}{problem.text} [{problem.code}]\n{problem.next}", err=True)


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
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        attsync(prog_name="attsync")
    except Stopped as stopped:  # before or after a command
        sys.exit(stopped.exit_code)


def _stop(number: int, _frame: object) -> None:
    raise Stopped(number)


def _report(error: BaseException) -> Path:
    """Write where an unforeseen error happened: files, lines and names of functions. No values: they may be secrets."""
    lines = [f"attsync {__version__}, Python {sys.version.split()[0]}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"]
    seen: BaseException | None = error
    while seen is not None:
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(seen.__traceback__)
        ]
        seen = seen.__cause__ or seen.__context__
    descriptor, name = tempfile.mkstemp(prefix="attsync-error-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return Path(name)
