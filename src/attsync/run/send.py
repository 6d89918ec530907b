"""The story of a send: consent, read, build, record, send, record (SPEC.md).

Joins the school's database and the DfE and knows neither's insides; nothing of screens or command lines. What becomes
of a school is a value, not an exception: a school without consent, or whose database fails, does not stop the others.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from attsync.consent import active_consent, explain_missing
from attsync.deadline import Deadline
from attsync.dfe import Credentials, Dfe
from attsync.locks import Gate, one_run
from attsync.log import Log
from attsync.model import School, SchoolDays, Unlisted
from attsync.problems import LogError, Problem
from attsync.report import Report, SchoolResult, Tell
from attsync.run.dispatch import Dispatch
from attsync.run.plan import Planned, Refused, all_gone, day_result, plan, refusal, school_result, to_check
from attsync.run.reading import read_all, read_schools, unlisted
from attsync.schools import known_schools, lists_itself, not_known
from attsync.settings import Settings
from attsync.shield import Shield
from attsync.window import LONDON, Window

_CONNECTIONS_A_SCHOOL: Final = 2
"""A small school opens fewer connections: each costs the DfE a handshake, and here as much as four requests."""

_logger = logging.getLogger(__name__)


def send(
    settings: Settings, window: Window, only: Collection[int], tell: Tell, begin: Callable[[], None] = lambda: None
) -> Report:
    """Send the window for every school with consent, or those of `only`, and record what became of it.

    `begin` is called once nothing is left that could stop the whole run before it has read anything; `tell` hears of
    each school when it is done. Raises AttsyncError where nothing at all can be done.
    """
    path = settings.log.path
    with one_run(path), Log.open(path) as log, Deadline(settings.dfe.run_minutes * 60) as deadline, Shield() as shield:
        due = _due(settings, log, only)
        # Before the run is recorded: whatever is wrong with the settings shows here.
        with _dfe(settings, due, deadline) if due.wanted else nullcontext() as dfe:
            with shield.held():
                report = Report(window=window, number=log.begin_run(window, _now()))
            _logger.info("run %s begins", report.number)
            with _ended(log, report, shield):
                with suppress(OSError):
                    begin()
                _record_done(log, report, due.done, _careful(tell))
                if dfe:
                    _cross(settings, log, dfe, due.wanted, report, _careful(tell), shield)
                report.exit_code = report.exit_code_of(only)
        with suppress(LogError):  # everything is sent and recorded; the next run tidies up
            log.forget(_now() - timedelta(days=settings.log.keep_days))
    return report


def dry_run(
    settings: Settings, window: Window, only: Collection[int], tell: Tell, begin: Callable[[], None] = lambda: None
) -> Report:
    """Do all that `send` does but the sending and the recording."""
    report = Report(window=window)
    with _log_to_read(settings) as log:
        due = _due(settings, log, only)
        if due.wanted:
            with Deadline() as deadline, _dfe(settings, due, deadline):
                pass  # whatever is wrong with the settings shows here; nobody is contacted
        begin()
        _record_done(None, report, due.done, tell)
        for found in read_schools(settings, due.wanted, window):
            if isinstance(found, Unlisted):
                report.to_check.append(unlisted(found))
                continue
            plans = plan(settings, log, found, window)
            result = school_result(found, plans)
            for each in plans:
                result.days.append(refusal(each) if isinstance(each, Refused) else day_result(each, None))
            report.schools.append(result)
            tell(result)
    report.exit_code = report.exit_code_of(only)
    return report


def preview(
    settings: Settings, window: Window, only: Collection[int]
) -> Iterator[tuple[SchoolDays, list[Planned | Refused]]]:
    """Give what would be sent for each school, with or without consent. Contacts nobody and records nothing."""
    with _log_to_read(settings) as log:
        for found in read_all(settings, window, only):
            if isinstance(found, SchoolDays):
                plans = plan(settings, log, found, window)
                gone = all_gone(plans)
                yield replace(found, to_check=(*([gone] if gone else []), *to_check(found, plans))), plans


class _Due(NamedTuple):
    wanted: dict[int, School]
    """Schools to read and send for, by URN."""
    done: list[SchoolResult]
    """What is to be said of the others."""


def _due(settings: Settings, log: Log | None, only: Collection[int]) -> _Due:
    """Tell the schools whose consent stands from the others."""
    known = known_schools(settings, log)
    missing = [urn for urn in only if urn not in known]
    if missing and not lists_itself(settings):
        raise not_known(settings, known, missing[0], "Nothing was read or sent.")
    closed = _closed(settings, log)
    due = _Due({}, [])
    for urn in dict.fromkeys(only or known):
        school = known.get(urn) or School(urn, f"URN {urn}")
        row = log.latest_consent(urn) if log else None
        if not active_consent(row, settings.dfe.origin):
            problem = explain_missing(school, row, settings.dfe.origin)
            due.done.append(SchoolResult(school=school, outcome="skipped", problem=problem))
        elif closed:
            due.done.append(SchoolResult(school=school, outcome="failed", problem=closed))
        else:
            due.wanted[urn] = school
    return due


def _dfe(settings: Settings, due: _Due, deadline: Deadline) -> Dfe:
    """Make ready to send, without contacting anybody. Raises SettingsError if a secret, or a file, cannot be used."""
    for database in settings.database:
        database.database_url()
    return Dfe(settings.dfe, Credentials.load(settings.dfe), deadline, schools=len(due.wanted))


def _closed(settings: Settings, log: Log | None) -> Problem | None:
    since = log.closed_since(settings.dfe.origin) if log else None
    if since is None:
        return None
    return Problem("DFE-CLOSED", "since", since=since.astimezone(LONDON).date())


def _record_done(log: Log | None, report: Report, done: list[SchoolResult], tell: Tell) -> None:
    if log and done:
        with log.writing():
            for result in done:
                log.record_school(report.number, result.school, result.outcome, problem=result.problem)
    for result in done:
        report.schools.append(result)
        tell(result)


def _cross(
    settings: Settings, log: Log, dfe: Dfe, wanted: Mapping[int, School], report: Report, tell: Tell, shield: Shield
) -> None:
    connections = min(settings.dfe.connections, _CONNECTIONS_A_SCHOOL * len(wanted))
    with Gate(log.path) as gate, ThreadPoolExecutor(connections) as pool:
        pool.submit(dfe.get_ready)
        dispatch = Dispatch(log, gate, dfe, pool, report, tell, shield, connections=connections)
        try:
            for found in read_schools(settings, wanted, report.window, dfe.time_is_up):
                if isinstance(found, Unlisted):
                    report.to_check.append(unlisted(found))
                else:
                    plans = plan(settings, log, found, report.window)
                    dispatch.take(school_result(found, plans), plans)
            dispatch.finish()
        except BaseException:
            dispatch.abandon()
            raise


@contextmanager
def _ended(log: Log, report: Report, shield: Shield) -> Iterator[None]:
    """Record how the run ends, also if it is stopped or fails."""
    try:
        yield
    except BaseException as error:
        with shield.held(), suppress(LogError):
            log.end_run(report.number, getattr(error, "exit_code", 70), _now(), report.to_check)
        if isinstance(error, LogError):
            raise _after_sending(error) from error
        raise
    with shield.held():
        log.end_run(report.number, report.exit_code, _now(), report.to_check)
    _logger.info("run %s ended, exit code %s", report.number, report.exit_code)


def _after_sending(error: LogError) -> LogError:
    ended = "This run ended early. What it sent and could not record is sent again by the next one."
    return LogError.of(error.problem.but(not_done=ended))


def _careful(tell: Tell) -> Tell:
    """Keep on sending when there is nobody to tell any more: a closed pipe, a terminal that is gone, a full disk."""

    def tell_if_possible(result: SchoolResult) -> None:
        with suppress(OSError):
            tell(result)

    return tell_if_possible


@contextmanager
def _log_to_read(settings: Settings) -> Iterator[Log | None]:
    log = Log.open_existing(settings.log.path)
    with log or nullcontext():
        yield log


def _now() -> datetime:
    return datetime.now(UTC)
