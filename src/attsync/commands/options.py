"""What every command takes: the settings file, how much to say, and where it is said.

The common options work before and after the command's name.
"""

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from attsync.problems import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from attsync.settings import Settings
    from attsync.show.parts import Signs
    from attsync.window import Window

_WIDTH_WITHOUT_TERMINAL = 200
# Without a terminal rich takes 80 columns and cuts cells; here nothing is ever cut (RELIABILITY.md 8).


@dataclass(slots=True)
class Given:
    """The common options as they were given."""

    config: str | None = None
    quiet: bool = False
    verbose: int = 0
    no_color: bool = False


class UrnType(click.ParamType[int]):
    """A URN on the command line."""

    name = "urn"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401
        """Read six digits."""
        text = str(value)
        if not (text.isascii() and text.isdecimal() and len(text) == 6 and text[0] != "0"):  # noqa: PLR2004
            self.fail("a URN has 6 digits, for example 900012.", param, ctx)
        return int(text)


schools_option = click.option(
    "--school",
    "schools",
    type=UrnType(),
    multiple=True,
    metavar="URN",
    help="Only this school; can be repeated. Without it: every school in the settings file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
window_option = click.option(
    "--window", "days", type=click.IntRange(1, 8), metavar="1..8", help="Days to look back, today included."
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


def examples(*lines: str) -> str:
    """Make the examples that open a help page."""
    return "\b\n" + "\n".join(f"  {line}" for line in lines)


def given() -> Given:
    """Give the common options of the running command."""
    return click.get_current_context().ensure_object(Given)


def load_settings() -> "Settings":
    """Find and read the settings file. Raises SettingsError."""
    from attsync.settings import find, load

    options = given()
    if options.verbose:
        logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
        logging.getLogger("attsync").setLevel(logging.INFO if options.verbose == 1 else logging.DEBUG)
    return load(find(options.config, os.environ), os.environ)


def window_of(settings: "Settings", days: int | None) -> "Window":
    """Make the window that ends today in London."""
    from attsync.window import today_in_london, window_ending

    return window_ending(today_in_london(), days or settings.window.days, settings.window.count)


def console() -> "Console":
    """Make the console for results, on stdout."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        no_color=given().no_color or None,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        width=None if terminal else int(os.environ.get("COLUMNS") or _WIDTH_WITHOUT_TERMINAL),
        force_terminal=terminal,
        legacy_windows=False,
    )


def signs() -> "Signs":
    """Choose the signs that stdout can show."""
    from attsync.show.parts import signs_for

    return signs_for(sys.stdout.encoding)


def iso_date(_ctx: click.Context, _param: click.Parameter, value: str | None) -> date | None:
    """Read a date from the command line."""
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        message = "a date is written 2026-11-23."
        raise click.BadParameter(message) from None


def now() -> datetime:
    """Give the time, in UTC."""
    return datetime.now(UTC)


def need_terminal(what: str) -> None:
    """Raise SettingsError where a question cannot be asked."""
    if not sys.stdin.isatty():
        raise SettingsError(
            "SETTINGS", f"There is no terminal to ask {what} on. Nothing was done.", "Add --yes to answer yes."
        )


def _keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
    kept = ctx.find_root().ensure_object(Given)
    if value and param.name:
        setattr(kept, param.name, value)
    ctx.obj = kept
