"""`attsync crontab`: prints, installs or removes what `schedule` writes."""

import os
from typing import TYPE_CHECKING, Final

import click

from attsync.commands.options import common, given, load_settings, page
from attsync.messages import attsync
from attsync.plural import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attsync.settings import Settings

_OTHER_CLOCK: Final = "This computer's clock is not on UK time."
_CORRECT: Final = "Correct the hours, and again when the UK's clocks change. A systemd timer does so itself:"


@click.command(
    "crontab",
    help=page(
        """
        Print the two crontab entries, with full paths.

        The minutes are chosen from the URN, so that schools do not all call at once. --install and --remove change the
        crontab of the account that runs this, and only attsync's own lines in it.
        """,
        "attsync crontab",
        "attsync crontab --install",
        "attsync crontab --systemd",
    ),
    short_help="Print or install the cron entries that send twice a day.",
)
@click.option("--install", is_flag=True, help="Put the entries into this account's crontab.")
@click.option("--remove", is_flag=True, help="Remove attsync's entries from this account's crontab.")
@click.option("--systemd", is_flag=True, help="Print a systemd service and timer instead.")
@common
def command(*, install: bool, remove: bool, systemd: bool) -> None:
    """Print, install or remove."""
    if install + remove + systemd > 1:
        message = "use only one of --install, --remove and --systemd."
        raise click.UsageError(message)
    settings = load_settings()
    if remove:
        _remove(settings)
    elif install:
        _install(settings)
    elif systemd:
        _print_units(settings)
    else:
        _print_lines(settings)


def _print_lines(settings: "Settings") -> None:
    from attsync.accounts import who
    from attsync.schedule import cron_lines, is_on_uk_time

    lines = cron_lines(settings)
    click.echo(f"# attsync sends attendance counts: settings {settings.path}, account {who(os.environ).account}.")
    click.echo(f"# To install these lines:  {attsync('crontab', '--install').completed}")
    click.echo(f"# To remove them:          {attsync('crontab', '--remove').completed}")
    if not is_on_uk_time():
        click.echo(f"# {_OTHER_CLOCK} {_CORRECT}\n# {attsync('crontab', '--systemd').completed}")
    click.echo("\n".join(lines))


def _print_units(settings: "Settings") -> None:
    from attsync.accounts import who
    from attsync.schedule import service_unit, timer_unit

    service = service_unit(settings, who(os.environ).account)
    click.echo(f"# Save as /etc/systemd/system/attsync.service\n{service}")
    click.echo("# Save as /etc/systemd/system/attsync.timer, then: systemctl enable --now attsync.timer")
    click.echo(timer_unit(settings), nl=False)


def _install(settings: "Settings") -> None:
    from attsync.schedule import also_sends, cron_lines, is_on_uk_time, is_ours, read_crontab, write_crontab

    ours, lines = cron_lines(settings), read_crontab()
    others = [line for line in lines if not is_ours(line, settings)]
    write_crontab([*others, *ours])
    if given().quiet:
        return
    _list(f"{'Added to' if others == lines else 'Changed in'} this account's crontab:", ours)
    _list("Replaced:", [line for line in lines if is_ours(line, settings) and line not in ours])
    also = [line for line in others if also_sends(line) and str(settings.path) in line]
    _list("Not changed, but these run attsync too:", also)
    if not is_on_uk_time():
        click.echo(f"{_OTHER_CLOCK} {_CORRECT}\n  {attsync('crontab', '--systemd').completed}")
    click.echo(f"After the next of these times, check that it ran: {attsync('status').completed}")


def _remove(settings: "Settings") -> None:
    from attsync.schedule import also_sends, is_ours, read_crontab, write_crontab

    lines = read_crontab()
    others = [line for line in lines if not is_ours(line, settings)]
    removed = len(lines) - len(others)
    if removed:
        write_crontab(others)
    if given().quiet:
        return
    if removed:
        click.echo(f"Removed {plural(removed, 'entry', 'entries')} from this account's crontab.")
    else:
        click.echo(f"This account's crontab has no entry for {settings.path}. Nothing was changed.")
    _list("Not changed, because they use other settings or were written by someone else:", filter(also_sends, others))


def _list(heading: str, lines: "Iterable[str]") -> None:
    if found := list(lines):
        click.echo("\n  ".join([heading, *found]))
