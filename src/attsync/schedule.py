"""What makes this machine run `attsync send`: crontab lines and systemd units, written, installed and found again.

Only attsync's own lines are read; other lines of a crontab are not changed. When a send last began is in the log.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from attsync import data
from attsync.problems import SettingsError
from attsync.settings import Settings
from attsync.settings.environment import home
from attsync.window import LONDON

_SPREAD_MINUTES: Final = 20
"""Schools start at different minutes, so that they do not all call at once. Less than the delay that `status`
allows."""
_LAST_MINUTE: Final = 24 * 60 - 1
_SYSTEMD: Final = Path("/etc/systemd/system")
_LOCALTIME: Final = Path("/etc/localtime")
_SENDS: Final = re.compile(r"\battsync\b.*\bsend\b(?!.*--dry-run)")


class Installed(NamedTuple):
    """Which of the lines and units that `attsync crontab` writes are installed for one settings file."""

    lines: int | None
    """In the crontab of this account; None: there is no crontab program."""
    timer: str = ""
    """The name of the systemd timer; empty: there is none."""
    is_enabled: bool = False
    """Whether the timer is enabled."""

    @property
    def sends(self) -> bool:
        """Whether any of it sends."""
        return bool(self.lines) or self.is_enabled


def program() -> list[str]:
    """Return the full path of this program: cron has no PATH to find it in."""
    started = Path(sys.argv[0]).absolute()
    found = started if started.name == "attsync" and started.exists() else shutil.which("attsync")
    return [str(found)] if found else [sys.executable, "-m", "attsync"]


def run_times(settings: Settings) -> tuple[time, ...]:
    """Return the times of [schedule], each later by some minutes that depend on the URN, but on the same day."""
    # A database that lists its schools itself has no URN in the settings.
    urn = next((school.urn for database in settings.database for school in database.schools), 0)
    late = urn % _SPREAD_MINUTES
    minutes = (min(at.hour * 60 + at.minute + late, _LAST_MINUTE) for at in settings.schedule.times)
    return tuple(time(*divmod(minute, 60)) for minute in minutes)


def is_on_uk_time(localtime: Path = _LOCALTIME) -> bool:
    """Whether this machine's clock, which cron follows, is on UK time in winter and in summer.

    TZ is not used: it is that of a shell, or was set to read a database.
    """
    try:
        with localtime.open("rb") as file:
            zone = ZoneInfo.from_file(file)
    except (OSError, ValueError):  # the system's own programs use UTC then
        return False
    days = [datetime(2026, month, 15, 12, tzinfo=UTC) for month in (1, 7)]
    return all(day.astimezone(zone).utcoffset() == day.astimezone(LONDON).utcoffset() for day in days)


# crontab. Not python-crontab, which rewrites every line in its own layout.


def cron_lines(settings: Settings) -> list[str]:
    """Return our lines, each with the comment by which it is found again. Raise SettingsError CRONTAB."""
    command = _send_command(settings).replace("%", r"\%")  # in a crontab % would end the command
    return [f"{at.minute} {at.hour} * * 1-5 {command} {_mark(settings)}" for at in run_times(settings)]


def is_ours(line: str, settings: Settings) -> bool:
    """Whether attsync wrote this line, for this settings file."""
    return line.endswith(f" {_mark(settings)}") and not line.startswith("#")


def also_sends(line: str) -> bool:
    """Whether a line that is not ours seems to run `attsync send`."""
    return not line.lstrip().startswith("#") and _SENDS.search(line) is not None


def read_crontab() -> list[str]:
    """Return the lines of this account's crontab. Raise SettingsError CRONTAB."""
    ended = _crontab("-l")
    if ended.returncode and (ended.stdout or "no crontab for" not in ended.stderr):
        raise SettingsError("CRONTAB")
    return [] if ended.returncode else ended.stdout.splitlines()


def write_crontab(lines: list[str]) -> None:
    """Replace this account's crontab. Raise SettingsError CRONTAB."""
    if _crontab("-", text="".join(f"{line}\n" for line in lines)).returncode:
        raise SettingsError("CRONTAB")


def installed(settings: Settings, environ: Mapping[str, str], systemd: Path = _SYSTEMD) -> Installed:
    """Return what there is for this settings file: our lines in the crontab, and our timer."""
    lines: int | None
    try:
        lines = sum(is_ours(line, settings) for line in read_crontab())
    except SettingsError as error:  # no cron, or not for this account
        lines = None if error.problem.case == "no_program" else 0
    ours = _escaped(f"--config {shlex.quote(str(settings.path))}").replace("$", "$$")
    own = home(environ)
    for folder in (systemd, *([own / ".config/systemd/user"] if own else [])):
        with suppress(OSError):  # not there, or not for this account
            for service in sorted(folder.glob("*.service")):
                timer = service.with_suffix(".timer")
                if timer.exists() and ours in service.read_text(encoding="utf-8", errors="replace"):
                    return Installed(lines, timer.name, is_enabled=any(folder.glob(f"*.wants/{timer.name}")))
    return Installed(lines)


def _mark(settings: Settings) -> str:
    return f"# attsync {settings.path}".replace("%", r"\%")


def _crontab(word: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    found = shutil.which("crontab")
    if found is None:
        raise SettingsError("CRONTAB", "no_program")
    env = os.environ | {"LC_ALL": "C"}
    return subprocess.run(  # noqa: S603  the system's program, without a word of the user's
        [found, word], input=text, capture_output=True, encoding="utf-8", errors="surrogateescape", env=env, check=False
    )


def _send_command(settings: Settings) -> str:
    words = [*program(), "send", "--window", str(settings.window.days), "--quiet", "--config", str(settings.path)]
    _refuse_unwritable(*words)
    return shlex.join(words)


def _refuse_unwritable(*paths: object, beyond: str = "") -> None:
    """Raise SettingsError CRONTAB for a path that would end a line, or be read as something else."""
    for path in map(str, paths):
        if not path.isprintable() or set(path) & set(beyond):
            raise SettingsError("CRONTAB", "path", path=ascii(path))


# systemd


def service_unit(settings: Settings, account: str) -> str:
    """Return the service: one run, with the secrets passed on by systemd, without access to the rest of the machine.

    Raise SettingsError CRONTAB if a path cannot be written there.
    """
    secrets = {
        name: path
        for name in ("client-secret", "private-key", "subscription-key")
        if (path := getattr(settings.dfe, f"{name.replace('-', '_')}_file"))
    }
    if settings.notify.addresses_file:
        secrets["notify-addresses"] = settings.notify.addresses_file
    if len(settings.database) == 1 and settings.database[0].url_file:
        secrets["database-url"] = settings.database[0].url_file
    _refuse_unwritable(settings.path, settings.log.path, *program(), *secrets.values(), beyond="'\"\\")
    folder = _escaped(settings.log.path.parent)
    return _template("service").format(
        account=account.removeprefix("uid "),
        command=_escaped(_send_command(settings)).replace("$", "$$"),
        log=_escaped(settings.log.path),
        credentials="".join(f"LoadCredential={name}:{_escaped(path)}\n" for name, path in secrets.items()),
        folder=f'"{folder}"' if " " in folder else folder,
        minutes=settings.dfe.run_minutes + 2,
    )


def timer_unit(settings: Settings) -> str:
    """Return the timer, in UK time; a send that was missed is made up for when the machine is on again."""
    calendar = "\n".join(f"OnCalendar=Mon..Fri {at:%H:%M} Europe/London" for at in run_times(settings))
    return _template("timer").format(calendar=calendar)


def _template(kind: str) -> str:
    return data.text(f"attsync.{kind}")


def _escaped(text: object) -> str:
    return str(text).replace("%", "%%")
