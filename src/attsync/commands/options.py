"""What every command has: its help page, the common options, the settings, the window, and questions.

The common options work before and after the command's name. Imports no command.
"""

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from attsync import __version__, messages

if TYPE_CHECKING:
    import logging

    from attsync.settings import Settings
    from attsync.window import Window

COMMANDS: Final = {
    "Every day": {
        "send": "Send the last days for every school with consent.",
        "preview": "Show exactly what would be sent, and send nothing.",
        "status": "Show what was received, what was not, and what to do next.",
        "explain": "Explain a problem code: what it means and what to do.",
    },
    "Consent": {"consent": "Give, remove or show a school's consent."},
    "Setting up": {
        "init": "Ask a few questions and write a commented settings file.",
        "check": "Test everything that a send needs, and say what to correct.",
        "crontab": "Print or install the cron entries that send twice a day.",
    },
    "Trying out": {
        "demo": "Do a complete run with a made-up school and a pretend DfE.",
        "sandbox": "Run the pretend DfE alone, until stopped.",
    },
}
"""Heading -> command -> its line in the help, so that help imports no command."""
_LINES: Final = {name: line for commands in COMMANDS.values() for name, line in commands.items()} | {
    "grant": "Give consent for a school.",
    "revoke": "Remove a school's consent, at once.",
    "setup": "Let another person's account give consent, through sudo.",
    "show": "Show the consent of each school.",
}
_DATES: Final = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m %Y", "%d %b %Y", "%d %B %Y")
_NAMED: Final = ("today", "yesterday")
_LONGEST: Final = 100
"""Letters of words that are shown in tables."""


@dataclass(slots=True)
class Given:
    """The common options as they were given."""

    config: str | None = None
    quiet: bool = False
    verbose: int = 0
    no_color: bool = False


def given() -> Given:
    """Return the common options of the running command; before one runs, none is given."""
    context = click.get_current_context(silent=True)
    return context.ensure_object(Given) if context else Given()


def _keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
    kept = ctx.find_root().ensure_object(Given)
    if value and param.name:
        setattr(kept, param.name, value)
    messages.started_as(config=kept.config or "")
    ctx.obj = kept


def _common(*names: str, about: str, **more: Any) -> click.Option:  # noqa: ANN401  what click takes
    return click.Option(names, expose_value=False, callback=_keep, help=about, **more)


COMMON: Final = (
    _common("--config", metavar="FILE", about="The settings file."),
    _common("-q", "--quiet", is_flag=True, about="Show problems only."),
    _common("-v", "--verbose", count=True, about="Show more detail, for IT."),
    _common("--no-color", is_flag=True, about="Do not use colour."),
)
"""The options that every command has."""


def help_page(*examples: str, text: str) -> str:
    """Return a help page that opens with `examples`, in lines that click does not join."""
    return "\n".join(["Examples:", "", "\b", *(f"  {example}" for example in examples), "", text])


def subcommand(
    name: str,
    *examples: str,
    text: str = "",
    kind: type[click.Command] = click.Command,
    parent: click.Group | None = None,
    **more: Any,  # noqa: ANN401  what click takes
) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that makes a command with the common options; its help opens with `examples`."""
    page = help_page(*examples, text=f"{_LINES[name]}\n\n{cleandoc(text)}")

    def make(function: Callable[..., Any]) -> click.Command:
        made = click.command(name, kind, help=page, short_help=_LINES[name], **more)(function)
        made.params.extend(COMMON)
        if parent:
            parent.add_command(made)
        return made

    return make


# Options of several commands


def _urn(text: str) -> int:
    from attsync.model import URNS

    if not (text.isascii() and text.isdecimal() and text[0] != "0" and int(text) in URNS):
        message = "a URN has 6 digits, for example 900012."
        raise click.BadParameter(message)
    return int(text)


def _days(text: str) -> int:
    from attsync.window import LONGEST

    if text not in map(str, range(1, LONGEST + 1)):
        message = f"a number of days from 1 to {LONGEST}."
        raise click.BadParameter(message)
    return int(text)


def _date(text: str) -> date:
    """Return a date as it is written here, or as a person writes it; without a year, the last one that has begun."""
    from attsync.window import today_in_london

    today = today_in_london(now())
    said = text.strip().lower()
    if said in _NAMED:
        return today - timedelta(days=_NAMED.index(said))
    said = re.sub(r"^[a-z]+,? (?=\d)", "", said)  # the day of the week
    said = re.sub(r"^(\d+)(?:[nr]d|st|th)\b", r"\1", said)
    for year in ("", f" {today.year}", f" {today.year - 1}"):
        for form in _DATES:
            with suppress(ValueError):
                found = datetime.strptime(said + year, form).date()  # noqa: DTZ007  a date has no zone
                if not year or found <= today:
                    return found
    message = "write a date as 2026-11-23, 23/11/2026, 23 Nov, today or yesterday."
    raise click.BadParameter(message)


def one_line(text: str) -> str:
    """Return words that fit into a table: they are shown wherever the consent is. Raise BadParameter."""
    if not (text.isprintable() and len(text) <= _LONGEST):
        message = f"this must be one line of at most {_LONGEST} letters, digits and signs."
        raise click.BadParameter(message)
    return text


_school = partial(click.option, "--school", "schools", type=_urn, multiple=True, metavar="URN")
schools = _school(help="Only this school; can be repeated. Without it: every school in the settings file.")
one_school = _school(help="The school; can be repeated. Not needed if there is only one.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
window = click.option("--window", "days", type=_days, metavar="N", help="Days to look back, today included: 1 to 8.")
day = click.option("--date", "day", type=_date, metavar="DATE", help="One day in full, such as 2026-11-23 or 23 Nov.")
file = partial(click.option, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
folder = partial(click.option, type=click.Path(path_type=Path, file_okay=False))


# What commands begin with


def load_settings(*, trusted: bool = True) -> "Settings":
    """Find and read the settings file; `trusted`: only if no other account can change it. Raise SettingsError."""
    from attsync.settings import find, load

    logger = _logger()  # before anything is read: what is read is logged, too
    settings = load(find(given().config, os.environ), os.environ, trusted=trusted)
    logger.info("attsync %s, Python %s", __version__, sys.version.split()[0])
    logger.info("settings %s, log %s, receiver %s", settings.path, settings.log.path, settings.dfe.origin)
    return settings


def window_of(settings: "Settings", days: int | None) -> "Window":
    """Return the window that ends today in London."""
    from attsync.window import today_in_london, window_ending

    found = window_ending(today_in_london(), days or settings.window.days, settings.window.count)
    _logger().info("window %s to %s", found.first, found.last)
    return found


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def _logger() -> "logging.Logger":
    """Return attsync's logger, which -v shows. Those of libraries are never shown: they may log addresses or data."""
    import logging

    everybody, ours, verbose = logging.getLogger(), logging.getLogger("attsync"), given().verbose
    if not everybody.handlers:
        everybody.addHandler(logging.NullHandler())
    if verbose and not ours.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        ours.addHandler(handler)
        ours.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
    return ours.getChild("commands")


def confirm(question: str, *, yes: bool) -> bool:
    """Return whether the answer is yes; Enter is no. Raise UsageError without a terminal. `yes`: do not ask."""
    if yes:
        return True
    if not sys.stdin.isatty():
        message = f"there is no terminal to ask on: {question} Nothing was done. To answer yes: --yes"
        raise click.UsageError(message)
    while True:
        said = click.prompt(f"{question} [y/N]", default="", show_default=False).strip().lower()
        if said in ("y", "yes", "n", "no", ""):
            return said.startswith("y")
        click.echo("Answer y or n.")
