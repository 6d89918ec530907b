"""The main job, from consent to report: who may be sent for, read, plan, dispatch, record. Imports no screen.

What becomes of a school is a value, not an exception: a school without consent, or whose database fails, does not stop
the others.
"""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from attsync import __released__
from attsync.consent import Terms, active_consent, explain_missing, lapse_missing
from attsync.database import schools_by_database
from attsync.deadline import Deadline
from attsync.dfe import Credentials, Dfe
from attsync.due import is_term_time
from attsync.locks import Gate, one_run
from attsync.log import Log
from attsync.model import School, SchoolDays, Unlisted
from attsync.problems import LogError, Problem, SettingsError
from attsync.run.dispatch import Dispatch
from attsync.run.plan import Plan, Planner, Refused, all_gone
from attsync.run.reading import Listed, read_all, read_schools, unlisted
from attsync.run.report import Report, SchoolResult, Tell, day_of_outcome, day_of_refusal, failing
from attsync.schools import known_schools, lists_itself, not_known
from attsync.settings import Settings
from attsync.status.history import is_received
from attsync.window import LONDON, Window, is_working_day

_CLOCK_STEP: Final = timedelta(minutes=30)
"""How far a clock may be set back while it is corrected."""
_RELEASED: Final = date.fromisoformat(__released__)
_HALF_TERM: Final = 5
"""Working days that a school may be closed for in term time."""
_CONNECTIONS_PER_SCHOOL: Final = 2
"""A small school opens fewer connections: each costs the DfE a handshake, and here as much as four requests."""

_logger = logging.getLogger(__name__)


def send(
    settings: Settings, window: Window, only: Collection[int], tell: Tell, begin: Callable[[], None] = lambda: None
) -> Report:
    """Send the window for every school with consent, or those of `only`, and record what became of it.

    `begin` is called once nothing is left that could stop the whole run before it has read anything; `tell` is called
    for each school when it is done. Raise AttsyncError where nothing at all can be done.
    """
    with Deadline(settings.dfe.run_minutes * 60) as deadline, one_run(settings.log.path), ExitStack() as stack:
        log = stack.enter_context(Log.open(settings.log.path))
        _require_clock(log)
        terms = Terms.of(settings)
        due = _due(settings, log, only)
        # Before the run is recorded: whatever is wrong with the settings shows here.
        dfe = stack.enter_context(_dfe(settings, due, deadline)) if due.wanted else None
        listed = schools_by_database(settings.database, deadline) if dfe else []
        report = _report(settings, window)
        planner = Planner(settings, log, window, report.now)
        due.left.update(_left_window(settings, log, planner, due.wanted))
        lapse_missing(log, set(known_schools(settings, log)), terms, report.now)
        if settings.notify.addresses_file:
            report.failing_before = failing(log, terms.receiver)
        report.number = log.begin_run(window, terms.receiver, report.now)
        _logger.info("run %s begins", report.number)
        with _recorded(log, report, dfe, terms.receiver):
            with suppress(OSError):
                begin()
            _record_done(log, report, due.done, _careful(tell))
            if dfe:
                _dispatch(settings, log, dfe, listed, due, planner, report, _careful(tell))
                report.problem = _wrong_clock(dfe, report)
            elif not report.schools:
                report.problem = Problem("CONSENT-NONE", "nobody")
            report.exit_code = report.exit_code_of(only)
        if dfe and dfe.clock_is_confirmed:  # a clock that is years ahead must not make this log forget everything
            with suppress(LogError):  # everything is sent and recorded; the next run tidies up
                log.forget(report.now - timedelta(days=settings.log.keep_days))
    return report


def dry_run(
    settings: Settings, window: Window, only: Collection[int], tell: Tell, begin: Callable[[], None] = lambda: None
) -> Report:
    """Do all that `send` does but the sending and the recording."""
    report = _report(settings, window)
    with Deadline(settings.dfe.run_minutes * 60) as deadline, _log_to_read(settings) as log:
        due = _due(settings, log, only)
        if due.wanted:
            with _dfe(settings, due, deadline):
                pass  # whatever is wrong with the settings shows here; no one is contacted
        begin()
        _record_done(None, report, due.done, tell)
        planner = Planner(settings, log, window, report.now)
        listed = schools_by_database(settings.database, deadline) if due.wanted else []
        for found in read_schools(listed, due.wanted, window, deadline):
            if isinstance(found, Unlisted):
                report.to_check.append(unlisted(found))
                continue
            plans = planner.plan(found)
            result = _school_result(found, plans, planner)
            for plan in plans:
                day = day_of_refusal(plan, report) if isinstance(plan, Refused) else day_of_outcome(plan, None, report)
                result.days.append(day)
            report.schools.append(result)
            tell(result)
    report.exit_code = report.exit_code_of(only)
    return report


def preview(settings: Settings, window: Window, only: Collection[int]) -> Iterator[tuple[SchoolDays, list[Plan]]]:
    """Return what would be sent for each school, with or without consent. Contact only the school databases."""
    with Deadline(settings.dfe.run_minutes * 60) as deadline, _log_to_read(settings) as log:
        planner = Planner(settings, log, window, datetime.now(UTC))
        for found in read_all(schools_by_database(settings.database, deadline), window, only, deadline):
            if isinstance(found, SchoolDays):
                plans = planner.plan(found)
                gone = all_gone(plans)
                yield replace(found, to_check=(*([gone] if gone else []), *planner.to_check(found, plans))), plans


class _Due(NamedTuple):
    wanted: dict[int, School]
    """Schools to read and send for, by URN."""
    done: list[SchoolResult]
    """What is to be said of the others."""
    left: dict[int, Problem]
    """Days that have left the window without being received, by URN."""


def _due(settings: Settings, log: Log | None, only: Collection[int]) -> _Due:
    """Return the schools whose consent is in force, and what is to be said of the others."""
    known = known_schools(settings, log)
    missing = [urn for urn in only if urn not in known]
    if missing and not lists_itself(settings):
        raise not_known(settings, known, missing[0], "read")
    terms = Terms.of(settings)
    since = log.closed_since(terms.receiver) if log else None
    closed = since and Problem("DFE-CLOSED", "since", since=since.astimezone(LONDON).date())
    consents = log.latest_consents() if log else {}
    due = _Due({}, [], {})
    for urn in dict.fromkeys(only or known):
        school = known.get(urn) or School(urn, f"URN {urn}")
        row = consents.get(urn)
        if active_consent(row, terms) is None:
            problem = explain_missing(school, row, terms)
            due.done.append(SchoolResult(school=school, outcome="skipped", problem=problem))
        elif closed:
            due.done.append(SchoolResult(school=school, outcome="failed", problem=closed))
        else:
            due.wanted[urn] = school
    return due


def _dfe(settings: Settings, due: _Due, deadline: Deadline) -> Dfe:
    """Make ready to send, without contacting anyone. Raise SettingsError if a secret, or a file, cannot be used."""
    for database in settings.database:
        database.database_url()
    return Dfe(settings.dfe, Credentials.load(settings.dfe), deadline, schools=len(due.wanted))


def _report(settings: Settings, window: Window) -> Report:
    return Report(window=window, now=datetime.now(UTC), times=settings.schedule.times)


def _record_done(log: Log | None, report: Report, done: list[SchoolResult], tell: Tell) -> None:
    if log and done:
        with log.writing():
            for result in done:
                log.record_school(report.number, result.school, result.outcome, problem=result.problem)
    for result in done:
        report.schools.append(result)
        tell(result)


def _dispatch(
    settings: Settings,
    log: Log,
    dfe: Dfe,
    listed: Listed,
    due: _Due,
    planner: Planner,
    report: Report,
    tell: Tell,
) -> None:
    connections = min(settings.dfe.connections, _CONNECTIONS_PER_SCHOOL * len(due.wanted))
    with (
        Gate(log.path, dfe.deadline) as gate,
        Dispatch(log, gate, dfe, report, Terms.of(settings), connections=connections) as dispatch,
    ):
        for found in read_schools(listed, due.wanted, report.window, dfe.deadline, planner):
            if isinstance(found, Unlisted):
                report.to_check.append(unlisted(found))
                continue
            plans = planner.plan(found)
            dispatch.take(_school_result(found, plans, planner, due.left.get(found.school.urn)), plans)
            for result in dispatch.finished():
                tell(result)
        for result in dispatch.rest():
            tell(result)


def _school_result(found: SchoolDays, plans: list[Plan], planner: Planner, left: Problem | None = None) -> SchoolResult:
    """Begin the result of a school."""
    problem = found.problem or all_gone(plans) or _stopped(found) or left
    return SchoolResult(
        school=found.school,
        outcome="failed" if found.problem else "read",
        problem=problem,
        to_check=planner.to_check(found, plans),
    )


def _stopped(found: SchoolDays) -> Problem | None:
    """Return the problem that there is not one mark in term time: silence would look like success."""
    none = next((problem for problem in found.to_check if problem.code == "MARKS-NONE"), None)
    if none is None and found.days and not any(day.marks or day.problem for day in found.days):
        days = [day.date for day in found.days]
        none = Problem("MARKS-NONE", "emptied", urn=found.school.urn, days=days, first=days[0], last=days[-1])
    if none is None or not all(map(is_term_time, none.days)):
        return None
    if sum(map(is_working_day, none.days)) < min(_HALF_TERM + 1, max(_HALF_TERM, len(found.days))):
        return None
    return none if none.case == "emptied" else none.but("term")


def _left_window(settings: Settings, log: Log, planner: Planner, wanted: Collection[int]) -> dict[int, Problem]:
    """Return, by URN, the days that have left the window since the last run without being received."""
    gone = {urn: part for urn in wanted if (part := planner.left_window(urn))}
    if not gone:
        return {}
    first, last = min(part.first for part in gone.values()), max(part.last for part in gone.values())
    found = {}
    for urn, days in log.not_accepted(settings.dfe.origin, Window(first, last)).items():
        left = [day for day, past in sorted(days.items()) if urn in gone and day in gone[urn] and not is_received(past)]
        if left:
            found[urn] = Problem("DAY-LEFT", days=left, number=len(left), first=left[0], urn=urn)
    return found


# The clock


def _require_clock(log: Log) -> None:
    """Raise SettingsError if this computer's clock is behind what the log, or this release, has seen."""
    now = datetime.now(UTC)
    newest = log.clock_confirmed_at()
    if newest and now < newest - _CLOCK_STEP:
        raise SettingsError(
            "CLOCK", "before_run", now=now.astimezone(LONDON).date(), newest=newest.astimezone(LONDON).date()
        )
    if now.date() < _RELEASED:
        raise SettingsError("CLOCK", "before_release", now=now.astimezone(LONDON).date(), released=_RELEASED)


def _wrong_clock(dfe: Dfe, report: Report) -> Problem | None:
    """Compare the clock with the service's if nothing was sent: a wrong date may be why nothing was due."""
    sent = any(day.sent_at for result in report.schools for day in result.days) or dfe.clock_is_confirmed
    return None if sent else dfe.clock_problem()


# How a run ends


@contextmanager
def _recorded(log: Log, report: Report, dfe: Dfe | None, receiver: str) -> Iterator[None]:
    """Record how the run ends, also if it is stopped or fails."""
    try:
        yield
    except BaseException as error:
        with suppress(LogError):
            log.end_run(report.number, getattr(error, "exit_code", 70), datetime.now(UTC), report.to_check)
        if isinstance(error, LogError):
            raise LogError.of(error.problem.but(undone="run_ended")) from error
        raise
    confirmed = dfe is not None and dfe.clock_is_confirmed
    log.end_run(report.number, report.exit_code, datetime.now(UTC), report.to_check, clock_confirmed=confirmed)
    if any(result.sums.confirmed for result in report.schools):
        log.reopen(receiver)  # a 410 counts only if the run after it gets one too
    _logger.info("run %s ended, exit code %s", report.number, report.exit_code)


def _careful(tell: Tell) -> Tell:
    """Keep on sending when no one can be told any more: a closed pipe, a terminal that is gone, a full disk."""

    def tell_if_possible(result: SchoolResult) -> None:
        with suppress(OSError):
            tell(result)

    return tell_if_possible


@contextmanager
def _log_to_read(settings: Settings) -> Iterator[Log | None]:
    log = Log.open_existing(settings.log.path)
    with log or nullcontext():
        yield log
