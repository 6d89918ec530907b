"""`attsync crontab`."""

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import click

from attsync.commands.hints import complete
from attsync.commands.options import common, given, load_settings, page
from attsync.problems import SettingsError

if TYPE_CHECKING:
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
    from attsync.commands.units import clock_is_of_london, cron_entries
    from attsync.person import who

    account = who(os.environ).account
    click.echo(f"# attsync sends attendance counts: settings {settings.path}, account {account}.")
    click.echo(complete("# To put these lines in:    attsync crontab --install"))
    click.echo(complete("# To take them out again:   attsync crontab --remove"))
    if not clock_is_of_london():
        click.echo(
            "# These times are those of this computer's clock, which does not go as in the UK: correct the hours."
        )
    for when, what in cron_entries(settings, _urn(settings)):
        click.echo(f"{when}  {what}")


def _print_units(settings: "Settings") -> None:
    from attsync.commands.units import service_unit, timer_unit
    from attsync.person import who

    click.echo("# Save as /etc/systemd/system/attsync.service")
    click.echo(service_unit(settings, who(os.environ).account))
    click.echo("# Save as /etc/systemd/system/attsync.timer, then: systemctl enable --now attsync.timer")
    click.echo(timer_unit(settings, _urn(settings)), nl=False)


def _install(settings: "Settings") -> None:
    from attsync.commands.units import clock_is_of_london, cron_entries

    entries = cron_entries(settings, _urn(settings))
    lines = _read()
    others = [line for line in lines if not _is_ours(line, settings)]
    ours = [f"{when} {what} {_mark(settings)}" for when, what in entries]
    _write([*others, *ours])
    if given().quiet:
        return
    click.echo(f"{'Put into' if others == lines else 'Changed in'} the crontab of this account:")
    for when, what in entries:
        click.echo(f"  {when}  {what}")
    replaced = [line for line in lines if line not in others and line not in ours]
    for words, found in (
        ("In the place of what stood there:", replaced),
        ("Left as they are, and they run attsync too:", [line for line in others if _runs(line, settings)]),
    ):
        if found:
            click.echo("\n  ".join([words, *found]))
    if not clock_is_of_london():
        click.echo("This computer's clock does not go as in the UK. Correct the hours with: crontab -e")
    click.echo(complete("After the next of these times, to see that it works: attsync status"))


def _remove(settings: "Settings") -> None:
    lines = _read()
    others = [line for line in lines if not _is_ours(line, settings)]
    removed = len(lines) - len(others)
    if removed:
        _write(others)
    if not given().quiet:
        entries = f"{removed} {'entry' if removed == 1 else 'entries'}"
        words = f"Took {entries} out of" if removed else "There was nothing of attsync in"
        click.echo(f"{words} the crontab of this account.")


def _mark(settings: "Settings") -> str:
    """Give the comment by which our lines are known: those of another settings file are not ours."""
    path = str(settings.path).replace("%", r"\%")
    return f"# attsync {path}"


def _is_ours(line: str, settings: "Settings") -> bool:
    return line.endswith(f" {_mark(settings)}") and not line.startswith("#")


def _runs(line: str, settings: "Settings") -> bool:
    return not line.startswith("#") and "attsync" in line and " send " in line and str(settings.path) in line


def _urn(settings: "Settings") -> int:
    return next((school.urn for database in settings.database for school in database.schools), 0)


# Not python-crontab: it writes every line anew, in its own layout; here other people's lines stay byte for byte.


def _read() -> list[str]:
    ended = _crontab("-l")
    if ended.returncode:
        if ended.stdout or "no crontab for" not in ended.stderr:
            raise _refused()
        return []
    return ended.stdout.splitlines()


def _write(lines: list[str]) -> None:
    if _crontab("-", text="".join(f"{line}\n" for line in lines)).returncode:
        raise _refused()


def _crontab(word: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    program = shutil.which("crontab")
    if program is None:
        raise SettingsError(
            "SETTINGS",
            "This computer has no crontab program. Nothing was changed.",
            "Install cron, or use a timer of systemd: attsync crontab --systemd",
        )
    return subprocess.run(  # noqa: S603  the program of the system, without a word of the user's
        [program, word],
        input=text,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env=os.environ | {"LC_ALL": "C"},
        check=False,
    )


def _refused() -> SettingsError:
    return SettingsError(
        "SETTINGS",
        "The crontab of this account cannot be read or written. Nothing was changed.",
        "Ask IT whether this account may use cron, or put the lines in by hand: attsync crontab",
    )
