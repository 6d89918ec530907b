"""What `attsync check` says of this computer: who can read or change the files, the log, and what sends automatically.

Makes and changes nothing; does not show what is in a file.
"""

import os
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from attsync.accounts import WRITE, for_chown, mode_of, name_of, read_secret
from attsync.checks import Finding
from attsync.dfe import Credentials, trusted
from attsync.due import LATE, planned_sends
from attsync.files import BESIDE
from attsync.log import Log
from attsync.messages import listed
from attsync.plural import plural
from attsync.problems import LogError, Problem, SettingsError
from attsync.schedule import Installed
from attsync.settings import Location, Origins, Settings, holds_password, require_trusted
from attsync.window import LONDON, is_working_day

_FILES: Final = "Files"
_LOG: Final = "Log"
_SCHEDULE: Final = "Schedule"
_LOG_PATH: Final[Location] = ("log", "path")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_ENTER: Final = stat.S_IXGRP | stat.S_IXOTH


def file_findings(settings: Settings, origins: Origins) -> Iterator[Finding]:
    """Return what is wrong with the permissions of each file; then, in one line, what is right."""
    good = []
    for finding in (*_root(settings.log.path), *_files(settings, origins), *_log_files(settings.log.path)):
        if finding.sign == "good":
            good.append(finding.text)
        else:
            yield finding
    if good:
        yield Finding("good", _FILES, ", ".join(good))


def log_findings(path: Path) -> Iterator[Finding]:
    """Return whether the log at `path` can be read and written, and what is in it."""
    try:
        log = Log.open_existing(path)
        if log is None:
            yield _no_log(path)
            return
        with log:
            log.examine()
            run = log.last_run()
    except LogError as error:
        yield Finding("bad", _LOG, error.problem, _LOG_PATH)
        return
    newest = f"newest run {run.id}, {run.started_at.astimezone(LONDON):%a %-d %b %H:%M}" if run else "no run yet"
    yield Finding("good", _LOG, f"{path}: undamaged, writable, {path.stat().st_size / 10**6:.1f} MB; {newest}")


def schedule_findings(
    settings: Settings, found: Installed, log: Log | None, since: datetime | None, now: datetime
) -> Iterator[Finding]:
    """Return whether the last planned sends happened, and what `found` sends; `since` is when consent was given."""
    there = _there(found)
    if found.timer and not found.is_enabled:
        yield Finding("check", _SCHEDULE, Problem("SEND-MISSED", "not_enabled", timer=found.timer))
    planned = [at for at in _planned(settings, now) if log and since and at >= since]
    runs = [run.started_at for run in log.runs_since(planned[0] - LATE)] if log and planned else []
    came = [next((run for run in runs if abs(run - at) < LATE), None) for at in planned]
    if missed := [at for at, run in zip(planned, came, strict=True) if run is None]:
        problem = Problem("SEND-MISSED", "planned", at=f"{missed[-1]:%a %-d %b %H:%M}", there=there)
        yield Finding("check", _SCHEDULE, problem)
    elif planned:
        times = listed([f"{at.astimezone(LONDON):%a %-d %b %H:%M}" for at in came if at])
        yield Finding("good", _SCHEDULE, f"{there}; the last planned sends came on {times}")
    elif not found.lines and not found.timer:
        case = "no_crontab" if found.lines is None else "nothing"
        yield Finding("check", _SCHEDULE, Problem("SEND-MISSED", case, account=name_of(os.geteuid())))
    elif found.sends:
        yield Finding("good", _SCHEDULE, f"{there}; no planned send has been due yet")


def _planned(settings: Settings, now: datetime) -> list[datetime]:
    """Return the last planned sends that must have begun by now, as many as there are in a day, oldest first."""
    today = now.astimezone(LONDON).date()
    planned = planned_sends(settings.schedule.times, today - timedelta(days=14), today)
    due = [at for at in planned if is_working_day(at.date()) and at + LATE <= now]
    return due[-len(settings.schedule.times) :]


def _there(found: Installed) -> str:
    """Return what is there to send."""
    parts = []
    if found.lines:
        parts.append(f"{plural(found.lines, 'line')} in the crontab of {name_of(os.geteuid())}")
    if found.timer:
        parts.append(f"systemd timer {found.timer}")
    return " and ".join(parts) or "no crontab line or timer for attsync"


def _root(log: Path) -> Iterator[Finding]:
    folder = next(each for each in log.parents if each.exists())
    if os.geteuid() == 0 and (owner := folder.stat().st_uid):
        account = "#" * (for_chown(owner) == str(owner)) + for_chown(owner)
        yield Finding("check", _FILES, Problem("FILE-RIGHTS", "root", path=folder, account=account), _LOG_PATH)


def _files(settings: Settings, origins: Origins) -> Iterator[Finding]:
    """Test the settings file and each file that it names, as a send does."""
    passwords = [place for place in holds_password(settings) if origins.of(place).kind == "file"]
    yield from _tested(partial(trusted, settings.dfe.ca_file))
    yield from _tested(partial(require_trusted, settings, passwords), "settings file", settings.path)
    secrets = [
        finding
        for what in ("client secret", "private key", "subscription key")
        if (path := getattr(settings.dfe, name := f"{what.replace(' ', '_')}_file"))
        for finding in _tested(
            partial(read_secret, path, what=what, multiline=what == "private key"), what, path, ("dfe", name)
        )
    ]
    yield from secrets
    if all(each.sign == "good" for each in secrets):  # the permissions are right, but it may not be a key
        yield from _tested(partial(Credentials.load, settings.dfe))
    for number, database in enumerate(settings.database):
        if path := database.url_file:
            place = ("database", number, "url_file")
            yield from _tested(database.database_url, "database address", path, place)


def _tested(
    test: Callable[[], object], what: str = "", path: Path | None = None, at: Location = ()
) -> Iterator[Finding]:
    """Return what `test` finds to be wrong; otherwise mode and owner of `path`, if it is about one file."""
    try:
        test()
    except SettingsError as error:
        setting = at or tuple(int(part) if part.isdecimal() else part for part in error.problem.setting)
        yield Finding("bad", _FILES, error.problem, setting)
    else:
        if path:
            found = path.stat()
            yield Finding("good", _FILES, f"{what} {mode_of(found)} {name_of(found.st_uid)}")


def _log_files(path: Path) -> Iterator[Finding]:
    try:
        folder = path.parent.stat()
        files = {each: each.lstat() for each in (path.with_name(path.name + end) for end in BESIDE) if each.exists()}
    except OSError:
        return  # there is none yet, or its folder cannot be entered: `log_findings` says so
    foreign = [each for each, found in files.items() if found.st_uid != folder.st_uid]
    loose = [each for each, found in files.items() if found.st_mode & _OTHERS]
    if foreign:
        owners = sorted({name_of(files[each].st_uid) for each in foreign})
        account = for_chown(folder.st_uid)
        problem = Problem("LOG-WRITE", "foreign", folder=path.parent, files=foreign, owners=owners, account=account)
        yield Finding("bad", _FILES, problem, _LOG_PATH)
    if loose:
        problem = Problem("FILE-RIGHTS", "log", files=loose, mode=mode_of(files[loose[0]]))
        yield Finding("bad" if folder.st_mode & _ENTER else "check", _FILES, problem, _LOG_PATH)
    if folder.st_mode & _OTHERS:
        is_bad = folder.st_mode & WRITE and not folder.st_mode & stat.S_ISVTX
        case = "log_folder_write" if folder.st_mode & WRITE else "log_folder"
        owner = name_of(folder.st_uid)
        problem = Problem("FILE-RIGHTS", case, path=path.parent, mode_is=mode_of(folder), owner=owner)
        yield Finding("bad" if is_bad else "check", _FILES, problem, _LOG_PATH)
    if path in files and not foreign and not loose:
        log = f"log {mode_of(files[path])} {name_of(files[path].st_uid)} in a folder {mode_of(folder)}"
        yield Finding("good", _FILES, log)


def _no_log(path: Path) -> Finding:
    above = next(each for each in path.parents if each.exists())
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK, effective_ids=True):
        return Finding("good", _LOG, f"none yet; the first consent creates {path}")
    us = os.geteuid()
    whose = {"owner": name_of(above.stat().st_uid), "us": name_of(us), "account": for_chown(us)}
    problem = Problem("LOG-WRITE", "no_folder", path=path, folder=path.parent, above=above, **whose)
    return Finding("bad", _LOG, problem, _LOG_PATH)
