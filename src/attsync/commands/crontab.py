"""`attsync crontab`: prints, installs or removes what `schedule` writes. Refuses to know the grammar of cron."""

import os
from typing import TYPE_CHECKING

import click

from attsync.commands.options import common, given, load_settings, page
from attsync.plural import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attsync.settings import Settings


@click.command(
    "crontab",
    help=page(
        """
        Print the two crontab entries, with full paths.

        The minutes follow from the URN, so that schools do not all call at once. --install and --remove change the
        crontab of the account that runs this, and there nothing but attsync's own lines.
        """,
        "attsync crontab",
        "attsync crontab --install",
        "attsync crontab --systemd",
    ),
    short_help="Print or install what makes cron send twice a day.",
)
@click.option("--install", is_flag=True, help="Put the entries into this account's crontab.")
@click.option("--remove", is_flag=True, help="Take attsync's entries out of this account's crontab.")
@click.option("--systemd", is_flag=True, help="Print a service and a timer instead.")
@common
def command(*, install: bool, remove: bool, systemd: bool) -> None:
    """Print, install or remove."""
    if install + remove + systemd > 1:
        message = "--install, --remove and --systemd do not go together."
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
    from attsync.person import who
    from attsync.schedule.clock import server_clock
    from attsync.schedule.units import by_clock, cron_entries, first_urn

    account = who(os.environ).account
    click.echo(f"# attsync sends attendance counts: settings {settings.path}, account {account}.")
    click.echo(complete("# To put these lines in:    attsync crontab --install"))
    click.echo(complete("# To take them out again:   attsync crontab --remove"))
    clock = server_clock()
    if not clock.is_of_london:
        click.echo(
            "# These times are those of this computer's clock, which does not go as in the UK: correct the hours."
        )
        click.echo(complete(f"# {by_clock(settings, clock)}"))
    for when, what in cron_entries(settings, first_urn(settings)):
        click.echo(f"{when}  {what}")


def _print_units(settings: "Settings") -> None:
    from attsync.person import who
    from attsync.schedule.units import first_urn, service_unit, timer_unit

    click.echo("# Save as /etc/systemd/system/attsync.service")
    click.echo(service_unit(settings, who(os.environ).account))
    click.echo("# Save as /etc/systemd/system/attsync.timer, then: systemctl enable --now attsync.timer")
    click.echo(timer_unit(settings, first_urn(settings)), nl=False)


def _install(settings: "Settings") -> None:
    from attsync.schedule.clock import server_clock
    from attsync.schedule.crontab import is_ours, mark, read, write
    from attsync.schedule.units import by_clock, cron_entries, first_urn

    entries = cron_entries(settings, first_urn(settings))
    lines = read()
    others = [line for line in lines if not is_ours(line, settings)]
    ours = [f"{when} {what} {mark(settings)}" for when, what in entries]
    write([*others, *ours])
    if given().quiet:
        return
    click.echo(f"{'Put into' if others == lines else 'Changed in'} the crontab of this account:")
    for when, what in entries:
        click.echo(f"  {when}  {what}")
    replaced = [line for line in lines if line not in others and line not in ours]
    for words, found in (
        ("In the place of what stood there:", replaced),
        ("Left as they are, and they run attsync too:", _also_sending(others, settings)),
    ):
        if found:
            click.echo("\n  ".join([words, *found]))
    clock = server_clock()
    if not clock.is_of_london:
        click.echo("This computer's clock does not go as in the UK. Correct the hours with: crontab -e")
        click.echo(complete(by_clock(settings, clock)))
    click.echo(complete("After the next of these times, to see that it works: attsync status"))


def _also_sending(lines: "Iterable[str]", settings: "Settings") -> list[str]:
    from attsync.schedule.crontab import sends

    return [line for line in lines if not line.startswith("#") and sends(line) and str(settings.path) in line]


def _remove(settings: "Settings") -> None:
    from attsync.schedule.crontab import is_ours, read, sends, write

    lines = read()
    others = [line for line in lines if not is_ours(line, settings)]
    removed = len(lines) - len(others)
    if removed:
        write(others)
    if given().quiet:
        return
    if removed:
        click.echo(f"Took {plural(removed, 'entry', 'entries')} out of the crontab of this account.")
    else:
        click.echo(f"The crontab of this account has no entry for {settings.path}. Nothing was changed.")
    if also := [line for line in others if not line.startswith("#") and sends(line)]:
        click.echo("\n  ".join(["Left as they are, for they name other settings or are somebody's own:", *also]))
