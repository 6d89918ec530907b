"""Finds what makes this machine send for an account: its crontab, /etc/cron.d, timers of systemd, whoever wrote them.

Reads files and the crontab; asks no service whether it runs, and changes nothing. Knows where entries stand, and
which of them send.
"""

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from attsync.person import name_of
from attsync.problems import SettingsError
from attsync.schedule import crontab
from attsync.schedule.clock import Clock, server_clock
from attsync.schedule.grammar import Week, calendar_week, cron_week
from attsync.settings import find
from attsync.settings.environment import home

_CONFIG: Final = re.compile(r"""(?:--config(?:=|\s+)|\bATTSYNC_CONFIG=)('[^']*'|"[^"]*"|[^\s'"]+)""")
_VARIABLE: Final = re.compile(r"""\s*(\w+)\s*=\s*["']?([^"']*?)["']?\s*""")
_LINE: Final = re.compile(r"\s*(@\w+|\S+(?:\s+\S+){4})\s+(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that makes this machine send."""

    source: str
    """Such as "crontab of sam"."""
    said: str
    """When, in its own words."""
    week: Week | None
    """When; None if it is no week that attsync understands."""
    config: Path | None
    """The settings file that it sends with; None if there would be none."""
    zone: tzinfo | None = None
    """The clock that it goes by; None: the server's."""
    by_cron_tz: bool = False
    """That clock is asked for by CRON_TZ, which not every cron knows."""
    enabled: bool = True
    missing_program: str | None = None
    """The program that it would run, and that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What there is on a machine for one account."""

    account: str
    clock: Clock
    crontab: Literal["read", "refused", "none"]
    """Whether there is a crontab program, and whether this account may use it."""
    entries: tuple[Entry, ...] = field(default=())


class Places(NamedTuple):
    """Where a machine keeps its entries."""

    cron_d: Path = Path("/etc/cron.d")
    systemd: Path = Path("/etc/systemd/system")
    localtime: Path = Path("/etc/localtime")


def look(environ: Mapping[str, str], places: Places = Places()) -> Machine:  # noqa: B008  a tuple
    """Find every entry that sends for the account of this process."""
    account = name_of(os.geteuid())
    state: Literal["read", "refused", "none"] = "read" if crontab.has_program() else "none"
    entries: list[Entry] = []
    if state == "read":
        try:
            entries += _of_crontab(crontab.read(), f"crontab of {account}")
        except SettingsError:
            state = "refused"
    for path in _files(places.cron_d, "*"):
        entries += _of_crontab(_text(path).splitlines(), str(path), user=account)
    entries += _of_systemd(places.systemd, account)
    if folder := home(environ):
        entries += _of_systemd(folder / ".config/systemd/user", None)
    return Machine(account=account, clock=server_clock(places.localtime), crontab=state, entries=tuple(entries))


def _of_crontab(lines: Iterable[str], source: str, user: str | None = None) -> Iterator[Entry]:
    """Find the lines that send; in files that name a `user` for each line, those of that one."""
    variables: dict[str, str] = {}
    for line in lines:
        if variable := _VARIABLE.fullmatch(line):
            variables[variable[1]] = variable[2]
        elif (match := _LINE.fullmatch(line)) and not line.lstrip().startswith("#"):
            when, command = match.groups()
            if user is not None:
                whose, _, command = command.partition(" ")
                if whose != user:
                    continue
            command = re.split(r"(?<!\\)%", command)[0].replace(r"\%", "%")
            if crontab.sends(command):
                zone = _zone(variables.get("CRON_TZ"))
                yield Entry(
                    source=source,
                    said=when,
                    week=cron_week(when),
                    config=_config(command, variables),
                    zone=zone,
                    by_cron_tz=zone is not None,
                    missing_program=_missing_program(command),
                )


def _of_systemd(folder: Path, account: str | None) -> Iterator[Entry]:
    """Find the timers whose service sends as `account`; None: in a folder that has but one."""
    for path in _files(folder, "*.timer"):
        timer = _unit(path)
        service = _unit(folder / (timer.get("Unit") or [f"{path.stem}.service"])[-1])
        command = (service.get("ExecStart") or [""])[-1].replace("%%", "%").replace("$$", "$")
        if not crontab.sends(command) or (account is not None and (service.get("User") or ["root"])[-1] != account):
            continue
        variables = dict(word.split("=", 1) for word in _words(" ".join(service.get("Environment", ()))) if "=" in word)
        for said in timer.get("OnCalendar", ()):
            week, zone = calendar_week(said) or (None, None)
            yield Entry(
                source=f"timer {path.name}",
                said=said,
                week=week,
                config=_config(command, variables),
                zone=zone,
                enabled=any(folder.glob(f"*.wants/{path.name}")),
                missing_program=_missing_program(command),
            )


def _config(command: str, variables: Mapping[str, str]) -> Path | None:
    named = _CONFIG.search(command)
    given = "".join(_words(named[1])) if named else variables.get("ATTSYNC_CONFIG")
    try:
        return Path(given).expanduser() if given else find(None, {})
    except (SettingsError, RuntimeError):  # there is none, or ~ of nobody
        return None


def _missing_program(command: str) -> str | None:
    programs = [word for word in _words(command) if word.startswith("/") and word.endswith("/attsync")]
    return next((program for program in programs if not os.access(program, os.X_OK)), None)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quotation mark that is never closed
        return command.split()


def _zone(name: str | None) -> tzinfo | None:
    with suppress(ValueError, OSError, KeyError):
        return ZoneInfo(name) if name else None
    return None


def _unit(path: Path) -> dict[str, list[str]]:
    """Read a unit: its settings, each with all its values."""
    found: dict[str, list[str]] = {}
    for line in _text(path).replace("\\\n", " ").splitlines():
        name, mark, value = line.partition("=")
        if mark and not name.startswith(("#", ";")):
            found.setdefault(name.strip(), []).append(value.strip())
    return found


def _files(folder: Path, pattern: str) -> list[Path]:
    with suppress(OSError):
        return sorted(path for path in folder.glob(pattern) if path.is_file())
    return []


def _text(path: Path) -> str:
    with suppress(OSError):  # not there, or not for this account
        return path.read_text(encoding="utf-8", errors="replace")
    return ""
