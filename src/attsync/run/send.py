"""The main job, from consent to report: find the schools with consent, read, plan, dispatch, record. Imports no screen.

The result of a school is a value, not an exception: a school without consent, or whose database fails, does not stop
the others.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from attsync.clock import require_clock
from attsync.consent import Terms, active_consent, explain_missing, lapse_missing
from attsync.database import schools_by_database
from attsync.deadline import Deadline
from attsync.dfe import Credentials, Dfe
from attsync.due import is_term_time
from attsync.locks import Gate, one_run
from attsync.log import Log
from attsync.model import School, SchoolDays, Unlisted
from attsync.problems import LogError, Problem
from attsync.run.dispatch import Dispatch
from attsync.run.plan import Plan, Planner, all_gone
from attsync.run.reading import Listed, listed_schools, read_schools, unlisted
from attsync.run.report import Report, SchoolResult, Tell, day_of, failing, is_wanted
from attsync.schedule import run_times
from attsync.schools import known_schools, lists_itself, not_known
from attsync.settings import Settings
from attsync.window import LONDON, Window, is_working_day

_CLOCK_KNOWN: Final = timedelta(days=7)
"""How long a clock that was right is trusted while nothing is due and the service does not answer."""
_HALF_TERM: Final = 5
"""Working days that a school may be closed for in term time."""
_CONNECTIONS_PER_SCHOOL: Final = 2
"""A small school opens fewer connections: each costs the DfE a handshake, and here as much as four requests."""

_logger = logging.getLogger(__name__)


def send(
    settings: Settings, window: Window, only: Collection[int], tell: Tell, begin: Callable[[], None] = lambda: None
) -> Report:
    """Send the window for every school with consent, or those of `only`, and record the results.

    `begin` is called once nothing is left that could stop the whole run before it has read anything; `tell` is called
    for each school when it is done. Raise AttsyncError where nothing at all can be done.
    """
    with Deadline(settings.dfe.run_minutes * 60) as deadline, one_run(settings.log.path), ExitStack() as stack:
        log = stack.enter_context(Log.open(settings.log.path))
        require_clock(log)
        terms = Terms.of(settings)
        wanted, done = _due(settings, log, only)
        # Before the run is recorded: every problem with the settings is raised here.
        dfe = stack.enter_context(_dfe(settings, wanted, deadline)) if wanted else None
        listed = schools_by_database(settings.database, deadline) if dfe else []
        done += [] if only else _undecided(listed, log)
        report = Report(window=window, now=datetime.now(UTC), times=run_times(settings))
        planner = Planner(settings, log, window, report.now, dfe.clock_ahead if dfe else timedelta)
        lapse_missing(log, set(known_schools(settings, log)), terms, report.now)
        if settings.notify.addresses_file:
            report.failing_before = failing(log, terms.receiver)
        report.number = log.begin_run(window, terms.receiver, report.now)
        _logger.info("run %s begins", report.number)
        with _recorded(log, report, dfe, terms.receiver):
            with suppress(OSError):
                begin()
            tell = _careful(tell)
            _record_done(log, report, done, tell)
            if dfe:
                connections = min(settings.dfe.connections, _CONNECTIONS_PER_SCHOOL * len(wanted))
                with (
                    Gate(log.path, deadline) as gate,
                    Dispatch(log, gate, dfe, report, terms, connections=connections) as dispatch,
                ):
                    found = read_schools(listed, wanted, window, deadline, planner)
                    for result in dispatch.results(_planned(found, planner, report)):
                        tell(result)
                report.problem = _wrong_clock(log, dfe, report, deadline) or (
                    None if only else _not_listed(listed, report)
                )
                _tell_given_again(log, report, wanted, terms)
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
    """Do everything that `send` does except sending and recording."""
    report = Report(window=window, now=datetime.now(UTC), times=run_times(settings))
    with (
        Deadline(settings.dfe.run_minutes * 60) as deadline,
        Log.open_existing(settings.log.path) or nullcontext() as log,
    ):
        require_clock(log)
        wanted, done = _due(settings, log, only)
        if wanted:
            with _dfe(settings, wanted, deadline):
                pass  # every problem with the settings is raised here; no one is contacted
        listed = schools_by_database(settings.database, deadline) if wanted else []
        done += [] if only else _undecided(listed, log)
        begin()
        _record_done(None, report, done, tell)
        planner = Planner(settings, log, window, report.now)
        for result, plans in _planned(read_schools(listed, wanted, window, deadline), planner, report):
            for plan in plans:
                result.add(day_of(plan, None, report))
            report.schools.append(result)
            tell(result)
        report.problem = None if only else _not_listed(listed, report)
    report.exit_code = report.exit_code_of(only)
    return report


def preview(settings: Settings, window: Window, only: Collection[int]) -> Iterator[tuple[SchoolDays, list[Plan]]]:
    """Return what would be sent for each school, with or without consent. Contact only the school databases."""
    with (
        Deadline(settings.dfe.run_minutes * 60) as deadline,
        Log.open_existing(settings.log.path) or nullcontext() as log,
    ):
        require_clock(log)
        planner = Planner(settings, log, window, datetime.now(UTC))
        listed = schools_by_database(settings.database, deadline)
        for found in read_schools(listed, listed_schools(listed, only), window, deadline):
            if isinstance(found, SchoolDays):
                plans = planner.plan(found)
                gone = all_gone(plans)
                yield replace(found, to_check=(*([gone] if gone else []), *planner.to_check(found, plans))), plans


def _due(settings: Settings, log: Log | None, only: Collection[int]) -> tuple[dict[int, School], list[SchoolResult]]:
    """Return the schools to read and send for, by URN, and the problems of those without consent."""
    known = known_schools(settings, log)
    missing = [urn for urn in only if urn not in known]
    if missing and not lists_itself(settings):
        raise not_known(settings, known, missing[0], "read")
    terms = Terms.of(settings)
    since = log.closed_since(terms.receiver) if log else None
    closed = since and Problem("DFE-CLOSED", "since", since=since.astimezone(LONDON).date())
    consents = log.latest_consents() if log else {}
    wanted: dict[int, School] = {}
    done = []
    for urn in dict.fromkeys(only or known):
        school = known.get(urn) or School(urn, f"URN {urn}")
        row = consents.get(urn)
        if active_consent(row, terms) is None:
            problem = explain_missing(school, row, terms)
            done.append(SchoolResult(school=school, outcome="skipped", problem=problem))
        elif closed:
            done.append(SchoolResult(school=school, outcome="failed", problem=closed))
        else:
            wanted[urn] = school
    return wanted, done


def _undecided(listed: Listed, log: Log | None) -> list[SchoolResult]:
    """Return the schools that a schools SELECT returns and that no one has decided about.

    Without their names: no one has confirmed yet that these are schools (docs/design/sending.md 8).
    """
    decided = log.latest_consents() if log else {}
    found = [
        each.urn
        for database, schools in listed
        if database.select.schools and not isinstance(schools, Problem)
        for each in schools
    ]
    return [
        SchoolResult(school=School(urn, f"URN {urn}"), outcome="skipped", problem=Problem("CONSENT-NONE", urn=urn))
        for urn in found
        if urn not in decided
    ]


def _not_listed(listed: Listed, report: Report) -> Problem | None:
    """Return the problem of a database that cannot list its schools, if no school has reported it."""
    told = [problem for result in report.schools for problem in result.problems]
    return next((found for _, found in listed if isinstance(found, Problem) and found not in told), None)


def _dfe(settings: Settings, wanted: Collection[int], deadline: Deadline) -> Dfe:
    """Make ready to send, without contacting anyone. Raise SettingsError if a secret, or a file, cannot be used."""
    for database in settings.database:
        database.database_url()
    return Dfe(settings.dfe, Credentials.load(settings.dfe), deadline, schools=len(wanted))


def _record_done(log: Log | None, report: Report, done: list[SchoolResult], tell: Tell) -> None:
    if log and done:
        with log.writing():
            for result in done:
                log.record_school(report.number, result.school, result.outcome, problem=result.problem)
    for result in done:
        report.schools.append(result)
        tell(result)


def _tell_given_again(log: Log, report: Report, wanted: Collection[int], terms: Terms) -> None:
    """Report schools whose consent was removed and given again meanwhile: what was not sent then is due after all."""
    for result in report.schools:
        urn, was_removed = result.school.urn, any(map(is_wanted, result.problems))
        if was_removed and urn in wanted and active_consent(log.latest_consent(urn), terms):
            result.problem = Problem("CONSENT-NONE", "again", urn=urn)


def _planned(
    read: Iterable[SchoolDays | Unlisted], planner: Planner, report: Report
) -> Iterator[tuple[SchoolResult, list[Plan]]]:
    """Begin the result of each school that was read, and plan its days."""
    for found in read:
        if isinstance(found, Unlisted):
            report.to_check.append(unlisted(found))
            continue
        plans = planner.plan(found)
        result = SchoolResult(
            school=found.school,
            outcome="failed" if found.problem else "read",
            problem=found.problem or all_gone(plans) or _stopped(found) or planner.days_left(found.school.urn),
            to_check=planner.to_check(found, plans),
        )
        yield result, plans


def _stopped(found: SchoolDays) -> Problem | None:
    """Return the problem that there are no marks in term time, which would otherwise look like success."""
    none = next((problem for problem in found.to_check if problem.code == "MARKS-NONE"), None)
    if none is None and found.days and not any(day.marks or day.problem for day in found.days):
        days = [day.date for day in found.days]
        none = Problem("MARKS-NONE", "emptied", urn=found.school.urn, days=days, first=days[0], last=days[-1])
    if none is None or not all(map(is_term_time, none.days)):
        return None
    if sum(map(is_working_day, none.days)) < min(_HALF_TERM + 1, max(_HALF_TERM, len(found.days))):
        return None
    return none if none.case == "emptied" else none.but("term")


# The clock


def _wrong_clock(log: Log, dfe: Dfe, report: Report, deadline: Deadline) -> Problem | None:
    """Compare the clock with the service's if nothing was sent: a wrong date may be why nothing was due.

    If the service does not answer, that is no problem where a run of the last days has compared them. Once the time of
    the run is over, it is not asked: the schools that were left say so.
    """
    if (
        deadline.is_over
        or dfe.clock_is_confirmed
        or any(day.sent_at for result in report.schools for day in result.days)
    ):
        return None
    problem, newest = dfe.clock_problem(), log.clock_confirmed_at()
    is_old = newest is None or report.now - newest > _CLOCK_KNOWN
    return problem if problem and (problem.code == "CLOCK" or is_old) else None


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
    if any(result.confirmed for result in report.schools):
        log.reopen(receiver)  # a 410 counts only if the run after it gets one too
    _logger.info("run %s ended, exit code %s", report.number, report.exit_code)


def _careful(tell: Tell) -> Tell:
    """Keep on sending when output is no longer possible: a closed pipe, a lost terminal, a full disk."""

    def tell_if_possible(result: SchoolResult) -> None:
        with suppress(OSError):
            tell(result)

    return tell_if_possible
