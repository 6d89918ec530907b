"""What every command takes: the settings file, how much to say, and where it is said.

The common options work before and after the command's name. Refuses to know any one command.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Final

import click

from attsync import __version__

if TYPE_CHECKING:
    import logging

    from attsync.settings import Settings
    from attsync.window import Window


_LONGEST: Final = 100
"""Letters of words that are shown in tables."""


@dataclass(slots=True)
class Given:
    """The common options as they were given."""

    config: str | None = None
    quiet: bool = False
    verbose: int = 0
    no_color: bool = False


def _urn(text: str) -> int:
    """Read six digits."""
    from attsync.model import URNS

    if not (text.isascii() and text.isdecimal() and text[0] != "0" and int(text) in URNS):
        message = "a URN has 6 digits, for example 900012."
        raise click.BadParameter(message)
    return int(text)


def _days(text: str) -> int:
    """Read a number of days."""
    from attsync.window import LONGEST

    if text not in map(str, range(1, LONGEST + 1)):
        message = f"a number of days from 1 to {LONGEST}."
        raise click.BadParameter(message)
    return int(text)


_school = partial(click.option, "--school", "schools", type=_urn, multiple=True, metavar="URN")
schools_option = _school(help="Only this school; can be repeated. Without it: every school in the settings file.")
one_school_option = _school(help="The school; can be repeated. Not needed where there is only one.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
window_option = click.option(
    "--window", "days", type=_days, metavar="N", help="Days to look back, today included: 1 to 8."
)


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command has."""
    for option in (
        click.option("--no-color", is_flag=True, expose_value=False, callback=_keep, help="No colour."),
        click.option("-v", "--verbose", count=True, expose_value=False, callback=_keep, help="Say more, for IT."),
        click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_keep, help="Say only what is wrong."),
        click.option("--config", metavar="FILE", expose_value=False, callback=_keep, help="The settings file."),
    ):
        command = option(command)
    return command


def page(text: str, *examples: str) -> str:
    """Write a help page: first the examples, then `text`, whose lines click breaks anew."""
    return "\n".join(["Examples:", "", "\b", *(f"  {line}" for line in examples), "", cleandoc(text)])


def given() -> Given:
    """Give the common options of the running command; before one runs, none is given."""
    context = click.get_current_context(silent=True)
    return context.ensure_object(Given) if context else Given()


def load_settings(*, trusted: bool = True) -> "Settings":
    """Find and read the settings file; `trusted`: only if no other account can change it. Raise SettingsError."""
    from attsync.settings import find, load

    options = given()
    _listen(options.verbose)
    settings = load(find(options.config, os.environ), os.environ, trusted=trusted)
    if options.verbose:
        _logger().info("attsync %s, Python %s", __version__, sys.version.split()[0])
        _logger().info("settings %s, log %s, receiver %s", settings.path, settings.log.path, settings.dfe.origin)
    return settings


def window_of(settings: "Settings", days: int | None) -> "Window":
    """Make the window that ends today in London."""
    from attsync.window import today_in_london, window_ending

    window = window_ending(today_in_london(), days or settings.window.days, settings.window.count)
    _logger().info("window %s to %s", window.first, window.last)
    return window


def iso_date(_ctx: click.Context, _param: click.Parameter, value: str | None) -> date | None:
    """Read a date from the command line."""
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        message = "a date is written 2026-11-23."
        raise click.BadParameter(message) from None


def one_line(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    """Take words that fit into a table: they are shown wherever the consent is."""
    if text and not (text.isprintable() and len(text) <= _LONGEST):
        message = f"this is one line of at most {_LONGEST} letters, digits and signs."
        raise click.BadParameter(message)
    return text


def now() -> datetime:
    """Give the time, in UTC."""
    return datetime.now(UTC)


def _logger() -> "logging.Logger":
    import logging

    return logging.getLogger("attsync.commands")


def _listen(verbose: int) -> None:
    """Let our own words be heard under -v, and those of libraries never: they may hold addresses or data."""
    import logging

    everybody, ours = logging.getLogger(), logging.getLogger("attsync")
    if not everybody.handlers:
        everybody.addHandler(logging.NullHandler())
    if verbose and not ours.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        ours.addHandler(handler)
        ours.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)


def confirm(question: str) -> bool:
    """Ask until it is yes or no; Enter is no."""
    while True:
        said = click.prompt(f"{question} [y/N]", default="", show_default=False).strip().lower()
        if said in ("y", "yes", "n", "no", ""):
            return bool(said) and said[0] == "y"
        click.echo("Answer y or n.")


def need_terminal(what: str, instead: str = "To answer yes: --yes") -> None:
    """Raise UsageError where a question cannot be asked."""
    if not sys.stdin.isatty():
        message = f"there is no terminal to ask {what} on. Nothing was done. {instead}"
        raise click.UsageError(message)


def _keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
    from attsync import messages

    kept = ctx.find_root().ensure_object(Given)
    if value and param.name:
        setattr(kept, param.name, value)
    messages.started_as(config=kept.config or "")
    ctx.obj = kept
