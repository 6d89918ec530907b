"""The texts that make a machine run `attsync send` by itself: lines for cron, units for systemd.

Knows their grammar; installs nothing.
"""

import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from attsync.schedule.clock import Clock
from attsync.settings import Settings
from attsync.window import LONDON

_SPREAD_MINUTES: Final = 20
"""Schools start at different minutes, so that they do not all call at once. Less than status waits for a late send."""

_MONDAYS: Final = (date(2026, 1, 12), date(2026, 7, 13))
"""In winter and in summer."""


def program() -> list[str]:
    """Give the full path of this very program; cron has no PATH to look it up in."""
    started = Path(sys.argv[0]).absolute()
    found = started if started.name == "attsync" and started.exists() else shutil.which("attsync")
    return [str(found)] if found else [sys.executable, "-m", "attsync"]


def run_times(settings: Settings, urn: int) -> list[time]:
    """Give the times of the settings, each later by some minutes that follow from the URN, on the same day."""
    day = datetime(2026, 11, 23, tzinfo=LONDON)
    late, end = timedelta(minutes=urn % _SPREAD_MINUTES), day.replace(hour=23, minute=59)
    return [min(datetime.combine(day, at, LONDON) + late, end).time() for at in settings.schedule.times]


def send_command(settings: Settings) -> str:
    """Give the command to run, with full paths."""
    return shlex.join(
        [*program(), "send", "--window", str(settings.window.days), "--quiet", "--config", str(settings.path)]
    )


def cron_entries(settings: Settings, urn: int) -> list[tuple[str, str]]:
    """Give each entry's time and command; in a crontab % would end the command."""
    command = send_command(settings).replace("%", r"\%")
    return [(f"{at.minute} {at.hour} * * 1-5", command) for at in run_times(settings, urn)]


def by_clock(settings: Settings, clock: Clock) -> str:
    """Say how the entries should begin by a clock that does not go as in the UK."""
    winter, summer = (" and ".join(_cron_times(settings, clock, monday)) for monday in _MONDAYS)
    if winter == summer:
        return f"By this server's clock the entries should begin: {summer}"
    return (
        f"By this server's clock the entries should begin {summer} in summer, and {winter} in winter;"
        " a timer of systemd knows London: attsync crontab --systemd"
    )


def _cron_times(settings: Settings, clock: Clock, monday: date) -> Iterator[str]:
    for at in run_times(settings, first_urn(settings)):
        there = datetime.combine(monday, at, LONDON).astimezone(clock.zone)
        first = 1 + (there.date() - monday).days
        yield f'"{there.minute} {there.hour} * * {first}-{first + 4}"'


def first_urn(settings: Settings) -> int:
    """Give the URN that the minutes follow from; a database that lists its schools itself has none here."""
    return next((school.urn for database in settings.database for school in database.schools), 0)


def service_unit(settings: Settings, account: str) -> str:
    """Write the service: one run, with the secrets handed over by systemd, and as little of the machine as can be."""
    folder = settings.log.path.parent
    credentials = "\n".join(f"LoadCredential={name}:{_escaped(path)}" for name, path in _credentials(settings))
    lines = [
        "[Unit]",
        "Description=Send attendance counts (attsync)",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=oneshot",
        f"User={account}",
        f"ExecStart={_unit_words(send_command(settings))}",
        f'Environment="ATTSYNC_LOG__PATH={_escaped(settings.log.path)}"',
        *([credentials] if credentials else []),
        f"ReadWritePaths={_unit_path(folder)}",
        f"TimeoutStartSec={settings.dfe.run_minutes + 2}min",
        "UMask=0077",
        *_HARDENING,
    ]
    return "\n".join(lines) + "\n"


def timer_unit(settings: Settings, urn: int) -> str:
    """Write the timer, in UK time; a send that was missed is made up for when the machine is up again."""
    calendar = [f"OnCalendar=Mon..Fri {at:%H:%M} Europe/London" for at in run_times(settings, urn)]
    lines = ["[Unit]", "Description=When attendance counts are sent (attsync)", "", "[Timer]", *calendar]
    return "\n".join([*lines, "Persistent=true", "", "[Install]", "WantedBy=timers.target", ""])


def _credentials(settings: Settings) -> Iterable[tuple[str, Path]]:
    if settings.dfe.client_secret_file:
        yield "client-secret", settings.dfe.client_secret_file
    if settings.dfe.private_key_file:
        yield "private-key", settings.dfe.private_key_file
    if settings.dfe.subscription_key_file:
        yield "subscription-key", settings.dfe.subscription_key_file
    if len(settings.database) == 1 and settings.database[0].url_file:
        yield "database-url", settings.database[0].url_file


def _unit_words(command: str) -> str:
    return command.replace("%", "%%").replace("$", "$$")


def _unit_path(path: Path) -> str:
    text = _escaped(path)
    return f'"{text}"' if " " in text else text


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


_HARDENING: Final = (
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
)
