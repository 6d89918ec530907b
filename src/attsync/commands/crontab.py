"""`attsync crontab`: prints, installs or removes what `schedule` writes."""

import os
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

import click

from attsync import schedule
from attsync.accounts import who
from attsync.commands import options
from attsync.messages import attsync
from attsync.plural import plural
from attsync.settings import Settings
from attsync.window import today_in_london

_OTHER_CLOCK: Final = (
    "This computer's time zone is not the UK's. {when}, {change} {hours} in these lines, and check them again whenever"
    " clocks change. A systemd timer needs no correction:"
)


@options.subcommand(
    "crontab",
    "attsync crontab --install",
    "attsync crontab --systemd",
    text="""
    The minutes are chosen from the URN, so that schools do not all call at once. --install and --remove change the
    crontab of the account that runs this, and only attsync's own lines in it.
    """,
)
@click.option("--install", is_flag=True, help="Put the entries into this account's crontab.")
@click.option("--remove", is_flag=True, help="Remove attsync's entries from this account's crontab.")
@click.option("--systemd", is_flag=True, help="Print a systemd service and timer instead.")
def command(*, install: bool, remove: bool, systemd: bool) -> None:
    """Print, install or remove."""
    if install + remove + systemd > 1:
        message = "use only one of --install, --remove and --systemd."
        raise click.UsageError(message)
    settings = options.load_settings()
    is_silent = options.given().quiet and (install or remove)
    for line in (_remove if remove else _install if install else _units if systemd else _lines)(settings):
        if not is_silent:
            click.echo(line)


def _lines(settings: Settings) -> Iterator[str]:
    lines = schedule.cron_lines(settings)
    yield f"# attsync sends attendance counts: settings {settings.path}, account {who(os.environ).account}."
    yield f"# To install these lines:  {attsync('crontab', '--install').completed}"
    yield f"# To remove them:          {attsync('crontab', '--remove').completed}"
    if said := _other_clock():
        yield f"# {said}\n# {attsync('crontab', '--systemd').completed}"
    yield from lines


def _other_clock() -> str:
    """Return how to correct the lines where this computer's clock, which cron follows, is not on UK time."""
    today = today_in_london(options.now())
    found = schedule.first_difference(today)
    if found is None:
        return ""
    day, ahead = found
    when = "Now" if day == today else f"From {day:%-d %B %Y}"
    hours = f"{abs(ahead) / timedelta(hours=1):g}"
    change = "add" if ahead > timedelta() else "subtract"
    return _OTHER_CLOCK.format(when=when, change=change, hours="1 hour" if hours == "1" else f"{hours} hours")


def _units(settings: Settings) -> Iterator[str]:
    yield f"# Save as /etc/systemd/system/attsync.service\n{schedule.service_unit(settings, who(os.environ).account)}"
    yield "# Save as /etc/systemd/system/attsync.timer, then: systemctl enable --now attsync.timer"
    yield schedule.timer_unit(settings).rstrip("\n")
    if schedule.installed(settings, os.environ).lines:
        remove = attsync("crontab", "--remove").completed
        yield f"# This account's crontab sends too. Before you start the timer: {remove}"


def _install(settings: Settings) -> Iterator[str]:
    ours, lines = schedule.cron_lines(settings), schedule.read_crontab()
    others = [line for line in lines if not schedule.is_ours(line, settings)]
    schedule.write_crontab([*others, *ours])
    yield from _list(f"{'Added to' if others == lines else 'Changed in'} this account's crontab:", ours)
    yield from _list("Replaced:", [line for line in lines if schedule.is_ours(line, settings) and line not in ours])
    also = [line for line in others if schedule.also_sends(line) and str(settings.path) in line]
    yield from _list("Not changed, but these run attsync too:", also)
    if said := _other_clock():
        yield f"{said}\n  {attsync('crontab', '--systemd').completed}"
    yield f"After the next of these times, check that it ran: {attsync('status').completed}"


def _remove(settings: Settings) -> Iterator[str]:
    lines = schedule.read_crontab()
    others = [line for line in lines if not schedule.is_ours(line, settings)]
    if removed := len(lines) - len(others):
        schedule.write_crontab(others)
        yield f"Removed {plural(removed, 'entry', 'entries')} from this account's crontab."
    else:
        yield f"This account's crontab has no entry for {settings.path}. Nothing was changed."
    also = filter(schedule.also_sends, others)
    yield from _list("Not changed, because they use other settings or were written by someone else:", also)


def _list(heading: str, lines: Iterable[str]) -> Iterator[str]:
    if found := list(lines):
        yield "\n  ".join([heading, *found])
