"""The command line: one group, one small module a command, and the only place that turns an error into an exit code.

A command's module is imported when it runs, so that help stays fast.
"""

import gc
import os
import re
import resource
import signal
import sys
import warnings
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from attsync import __version__, messages
from attsync.commands import terminal
from attsync.commands.options import COMMANDS, COMMON, given, help_page
from attsync.problems import AttsyncError, Stopped, is_memory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from attsync.settings.faults import Fault

__all__ = ["COMMANDS", "attsync", "main", "tell"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOST_FAULTS: Final = 9
"""One line per fault: with what happened, what to do and where the others are, cron mails at most 12 lines."""
_WHEN_STOPPED: Final = {
    "send": " What was sent so far is in the log; the next send covers the rest.",
    "init": " Nothing was written.",
    "consent": " What is not confirmed above was not recorded.",
}


class Commands(click.Group):
    """Imports a command when it is asked for, and ends every error in words and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands in the order of the help page."""
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"attsync.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed, or guess which was meant."""
        is_typed = not ctx.resilient_parsing  # completion in a shell must not print messages
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

    def make_context(self, *args: Any, **more: Any) -> click.Context:  # noqa: ANN401  click's signature
        """Read the options before a command's name; say what is wrong with them as `invoke` does."""
        try:
            return super().make_context(*args, **more)
        except click.UsageError as error:
            _tell_usage(error)
            raise click.exceptions.Exit(error.exit_code) from None

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's signature
        """Run a command; turn what went wrong into words on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except AttsyncError as error:
            tell(error)
            ctx.exit(error.exit_code)
        except click.UsageError as error:
            _tell_usage(error)
            ctx.exit(error.exit_code)
        except (Stopped, click.Abort) as stopped:  # Abort is Ctrl-D at a question: it asks for what Ctrl-C does
            if sys.stderr.isatty():
                click.echo(err=True)  # the question, or ^C, is on this line
            click.echo(f"Stopped.{_WHEN_STOPPED.get(ctx.invoked_subcommand or '', '')}", err=True)
            ctx.exit(getattr(stopped, "exit_code", 128 + signal.SIGINT))
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:  # noqa: BLE001  the one place for what no one foresaw (docs/design/reliability.md 2)
            what = "this computer has no memory left for attsync" if is_memory(error) else "an error in attsync itself"
            click.echo(f"attsync: {what}. {_report(error)} [BUG]", err=True)
            ctx.exit(70)


def tell(error: AttsyncError, days: "Sequence[date]" = (), schools: str = "") -> None:
    """Print on stderr what happened, on which days, and what to do next; for settings, fault by fault."""
    who = messages.Text((f"{schools}:",) if schools else ())
    text = who + messages.text(error.problem, days) + messages.Text((f"[{error.problem.code}]",))
    faults = getattr(error, "faults", ())
    _say_error(text, messages.next_step(error.problem), _brief(faults) if given().quiet else _in_full(faults))


def _tell_usage(error: click.UsageError) -> None:
    """Print what is wrong with the command line in one complete line, without click's 2 lines above it."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    said = re.sub(r"\AInvalid value for (?:'([^']+)'|(\S+)): ", r"\1\2: ", error.format_message())
    then = [f"For help: {error.ctx.command_path} --help"] if error.ctx else []
    _say_error(messages.Text((said,)), messages.Text(tuple(then)))


def _say_error(text: messages.Text, then: messages.Text, between: "Sequence[str]" = ()) -> None:
    start = "attsync:" if given().quiet else "Error:"
    first = terminal.for_people(messages.Text((start,)) + text, sys.stderr)
    click.echo(first.replace("Error:", click.style("Error:", fg="red", bold=True), 1), err=True)
    for line in between:
        click.echo(line, err=True)
    if then:
        click.echo(terminal.for_people(then, sys.stderr), err=True)


def _brief(faults: "Sequence[Fault]") -> list[str]:
    """Return a line for each fault of the settings, for cron."""
    lines = [f"  {fault.where}: {fault.key}{': ' if fault.key else ''}{fault.text}" for fault in faults]
    others = [f"  To see the others: {messages.attsync('check').completed}"] if faults[_MOST_FAULTS:] else []
    return lines[:_MOST_FAULTS] + others


def _in_full(faults: "Sequence[Fault]") -> list[str]:
    """Return each fault of the settings with its place, which is bold, and with a red caret below the setting."""
    lines: list[str] = []
    for heading, *others in (fault.lines for fault in faults):
        shown = [re.sub(r"\^+", lambda found: click.style(found[0], fg="red", bold=True), each) for each in others[-1:]]
        lines += ["", click.style(heading, bold=True), *others[:-1], *shown]
    return [*lines, ""] if lines else []


@click.group(
    cls=Commands,
    params=[*COMMON],
    help=help_page(
        "attsync demo",
        "attsync status",
        text="Count roll-call marks inside a school's own database and send only the counts, only with consent.",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="New here? Run attsync demo to see it work, then attsync init, which says what to do next.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def attsync() -> None:
    """Hold the commands; the options before a command are read by their callbacks."""


def main() -> None:
    """Run the command line; the entry point of the installed program."""
    try:
        for number in _SIGNALS:
            signal.signal(number, _stop)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would contain secrets
        output = terminal.prepare()
        messages.started_as(program=terminal.program())
        _start_fast()
        warnings.simplefilter("ignore")  # cron would mail the warnings of libraries
        attsync(prog_name="attsync")
    except Stopped as stopped:  # before or after a command
        sys.exit(stopped.exit_code)
    except SystemExit as end:
        if why := terminal.loss(output):
            click.echo(f"attsync: the output could not be written: {why}. [OUTPUT]", err=True)
            sys.exit(end.code or 1)
        raise
    finally:
        for number in _SIGNALS:  # nothing is left to be ended in order
            signal.signal(number, signal.SIG_DFL)


def _start_fast() -> None:
    """Speed up imports: this saves a tenth of a run of one school (benchmarks/README.md)."""
    gc.set_threshold(50_000)  # imports make many objects and throw none away
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # attsync has none; others must not see the settings


def _stop(number: int, _frame: object) -> None:
    raise Stopped(number)


def _report(error: BaseException) -> str:
    """Write where an unforeseen error happened to a file, and return what to print.

    Files, lines and names of functions; no values, which may be secrets.
    """
    import tempfile
    import traceback

    lines = [f"attsync {__version__}, Python {sys.version.split()[0]}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"]
    seen: BaseException | None = error
    while seen is not None:
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        frames = traceback.extract_tb(seen.__traceback__)
        lines += [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        seen = seen.__cause__ or seen.__context__
    try:
        descriptor, name = tempfile.mkstemp(prefix="attsync-error-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except OSError:
        return f"Details for the developers could not be written to a file. The last line: {lines[-1].strip()}"
    return f"Details for the developers: {name}"
