"""The story of a send: consent, read, build, record, send, record (SPEC.md).

Joins the school's database and the DfE and knows neither's insides; nothing of screens or command lines. What becomes
of a school is a value, not an exception: a school without consent, or whose database fails, does not stop the others.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, NamedTuple

from attsync import school as database_of
from attsync.consent import Consent, standing, why_not
from attsync.dfe import Credentials, Dfe
from attsync.lock import one_run, starting_request
from attsync.log import Entry, Log, SchoolOutcome
from attsync.model import Body, Cells, Day, Fault, Outcome, School, SchoolDays, State, Unlisted
from attsync.overview import known_schools
from attsync.problems import NotPermitted, Problem, SchoolError, SettingsError, Stopped, exit_code
from attsync.report import DayResult, Report, SchoolResult
from attsync.sent import read
from attsync.settings import Settings
from attsync.window import Window
from attsync.wire import build

_BATCH: Final = 64
"""Most messages that share a commit (RELIABILITY.md 3)."""
_BATCH_SECONDS: Final = 0.2
"""Longest that an answer waits for others to share a commit with."""

_STOP_SECONDS: Final = 5
"""How long a run that is stopped waits for answers to requests that are under way."""


class Planned(NamedTuple):
    """One message that is ready to go, and the newest one that was sent before for the same day."""

    body: Body
    last: Entry | None
    before: Cells | None
    """The counts of `last`."""


class Refused(NamedTuple):
    """One day that must not be sent."""

    day: Day
    problem: Problem


Tell = Callable[[SchoolResult], None]


def send(settings: Settings, window: Window, only: Collection[int], tell: Tell) -> Report:
    """Send the window for every school with consent, or those of `only`, and record what became of it.

    `tell` hears of each school when it is done. Raises AttsyncError where nothing at all can be done.
    """
    with one_run(settings.log.path), Log.open(settings.log.path) as log:
        wanted, skipped = _by_consent(settings, log, only)
        credentials = Credentials.load(settings.dfe) if wanted else None
        report = Report(window=window, number=log.begin_run(window, _now()))
        _record_skipped(log, report, skipped, tell)
        if credentials:
            with (
                ThreadPoolExecutor(settings.dfe.connections) as pool,
                Dfe(settings.dfe, credentials, schools=len(wanted)) as dfe,
            ):
                crossing = _Crossing(settings, log, dfe, pool, report, tell)
                try:
                    for found in _read(settings, wanted, window, report):
                        crossing.take(_result(found), _plan(settings, log, found, window))
                    crossing.finish()
                except Stopped:
                    crossing.abandon()
                    raise
        report.exit_code = _exit_code(report, only)
        log.end_run(report.number or 0, report.exit_code, _now())
        log.forget(_now() - timedelta(days=settings.log.keep_days))
    return report


def rehearse(settings: Settings, window: Window, only: Collection[int], tell: Tell) -> Report:
    """Do all that `send` does but the sending and the recording."""
    report = Report(window=window)
    with _log_to_read(settings) as log:
        wanted, skipped = _by_consent(settings, log, only)
        if wanted:
            Credentials.load(settings.dfe)
        _record_skipped(None, report, skipped, tell)
        for found in _read(settings, wanted, window, report):
            result = _result(found)
            for plan in _plan(settings, log, found, window):
                result.days.append(_refusal(plan) if isinstance(plan, Refused) else _day_result(plan, None))
            report.schools.append(result)
            tell(result)
    report.exit_code = _exit_code(report, only)
    return report


def preview(
    settings: Settings, window: Window, only: Collection[int]
) -> Iterator[tuple[SchoolDays, list[Planned | Refused]]]:
    """Give what would be sent for each school, with or without consent. Contacts nobody and records nothing."""
    report = Report(window=window)
    with _log_to_read(settings) as log:
        for found in _read(settings, None, window, report, only):
            yield found, _plan(settings, log, found, window)


class _Crossing:
    """Takes messages over to the DfE: recorded before the first byte, sent by the pool, recorded after the answer."""

    def __init__(
        self, settings: Settings, log: Log, dfe: Dfe, pool: ThreadPoolExecutor, report: Report, tell: Tell
    ) -> None:
        self._receiver = settings.dfe.origin
        self._connections = settings.dfe.connections
        self._log = log
        self._dfe = dfe
        self._pool = pool
        self._report = report
        self._tell = tell
        self._waiting: list[tuple[SchoolResult, list[Planned | Refused]]] = []
        self._under_way: dict[Future[Outcome], tuple[SchoolResult, Planned, Entry]] = {}
        self._left: dict[int, int] = {}
        self._started: dict[int, float] = {}

    def take(self, result: SchoolResult, plans: list[Planned | Refused]) -> None:
        """Take one school's messages; they leave at once if a sender is free, else with others."""
        self._started[result.school.urn] = monotonic()
        self._waiting.append((result, plans))
        has_room = len(self._under_way) < self._connections
        if has_room or sum(len(plans) for _, plans in self._waiting) >= _BATCH:
            self._embark()
        while len(self._under_way) >= self._connections + _BATCH:
            self._land(FIRST_COMPLETED)
        self._land(None)

    def finish(self) -> None:
        """Send what is left and wait for every answer."""
        self._embark()
        while self._under_way:
            self._land(ALL_COMPLETED)

    def abandon(self) -> None:
        """Start nothing more; record the answers that come within a few seconds. The rest stays open in the log."""
        self._dfe.stop()
        for future in self._under_way:
            future.cancel()
        self._under_way = {future: sent for future, sent in self._under_way.items() if not future.cancelled()}
        wait(self._under_way, _STOP_SECONDS)
        self._land(None)

    def _embark(self) -> None:
        now = _now()
        entries: list[tuple[SchoolResult, Planned, Entry, Consent]] = []
        number = self._report.number or 0
        with self._log.writing():
            for result, plans in self._waiting:
                # Read in the transaction that records the attempt (RELIABILITY.md P2).
                row = self._log.latest_consent_in_transaction(result.school.urn)
                consent = standing(row, self._receiver)
                if consent is None:
                    result.outcome, result.problem = "skipped", why_not(result.school, row, self._receiver)
                    plans.clear()
                self._log.record_school(
                    number, result.school, result.outcome, problem=result.problem, to_check=result.to_check
                )
                for plan in plans:
                    if isinstance(plan, Refused):
                        self._log.refuse(number, result.school, plan.day.date, plan.problem, now)
                    elif consent:
                        entry = self._log.begin_sending(number, result.school, plan.body, plan.last, now)
                        entries.append((result, plan, entry, consent))
        for result, plans in self._waiting:
            result.days += [_refusal(plan) for plan in plans if isinstance(plan, Refused)]
            self._left[result.school.urn] = sum(isinstance(plan, Planned) for plan in plans)
            self._finish_if_done(result)
        self._waiting.clear()
        for result, plan, entry, consent in entries:
            permit = self._permit(result.school)
            future = self._pool.submit(self._dfe.send, consent, plan.body.content, entry.key or "", permit)
            self._under_way[future] = (result, plan, entry)

    def _land(self, until: str | None) -> None:
        """Record the answers that have come; `until` says which to wait for, at most a fifth of a second."""
        if until:
            wait(self._under_way, _BATCH_SECONDS, until)
        done = [future for future in self._under_way if future.done()]
        if not done:
            return
        now = _now()
        with self._log.writing():
            for future in done:
                self._log.record(self._under_way[future][2], future.result(), now)
        for future in done:
            result, plan, _ = self._under_way.pop(future)
            result.days.append(_day_result(plan, future.result()))
            self._left[result.school.urn] -= 1
            self._finish_if_done(result)

    def _finish_if_done(self, result: SchoolResult) -> None:
        if self._left[result.school.urn] == 0:
            result.days.sort(key=lambda day: day.date)
            result.seconds = monotonic() - self._started.pop(result.school.urn)
            self._report.schools.append(result)
            self._tell(result)

    def _permit(self, school: School) -> Callable[[], AbstractContextManager[None]]:
        @contextmanager
        def permit() -> Iterator[None]:
            with starting_request(self._log.path):
                row = self._log.latest_consent(school.urn)
                if standing(row, self._receiver) is None:
                    problem = why_not(school, row, self._receiver)
                    raise NotPermitted(problem.code, problem.text, problem.next)
                yield

        return permit


def _by_consent(
    settings: Settings, log: Log | None, only: Collection[int]
) -> tuple[dict[int, School], list[SchoolResult]]:
    """Give the schools whose consent stands, by URN, and what is to be said of the others."""
    known = known_schools(settings, log)
    _must_be_known(settings, only, known)
    wanted: dict[int, School] = {}
    skipped: list[SchoolResult] = []
    for urn in only or known:
        school = known.get(urn) or School(urn, f"URN {urn}")
        row = log.latest_consent(urn) if log else None
        if standing(row, settings.dfe.origin):
            wanted[urn] = school
        else:
            problem = why_not(school, row, settings.dfe.origin)
            skipped.append(SchoolResult(school=school, outcome="skipped", problem=problem))
    return wanted, skipped


def _record_skipped(log: Log | None, report: Report, skipped: list[SchoolResult], tell: Tell) -> None:
    if log and skipped:
        with log.writing():
            for result in skipped:
                log.record_school(report.number or 0, result.school, "skipped", problem=result.problem)
    for result in skipped:
        report.schools.append(result)
        tell(result)


def _must_be_known(settings: Settings, only: Collection[int], known: Mapping[int, School]) -> None:
    missing = [urn for urn in only if urn not in known]
    if missing and not any(database.select.schools for database in settings.database):
        raise SettingsError(
            "SCHOOL-NONE",
            f"The settings file has no school with the URN {missing[0]}. Nothing was read or sent.",
            f"It has: {', '.join(map(str, known))}." if len(known) <= 10 else "Check the URN.",  # noqa: PLR2004
        )


def _read(
    settings: Settings,
    wanted: Mapping[int, School] | None,
    window: Window,
    report: Report,
    only: Collection[int] = (),
) -> Iterator[SchoolDays]:
    """Read every database that holds a wanted school; without `wanted`, every school, or those of `only`.

    A database that fails gives its schools a problem and does not stop the others.
    """
    left = dict(wanted or {})
    failed: Problem | None = None
    for database in settings.database:
        mine: dict[int, School] = {}
        try:
            schools = database_of.schools_of(database) if left or wanted is None else ()
            mine = {
                s.urn: School(s.urn, s.name)
                for s in schools
                if (s.urn in left if wanted is not None else not only or s.urn in only)
            }
            for found in database_of.read(database, schools, mine.keys(), window) if mine else ():
                if isinstance(found, Unlisted):
                    report.to_check.append(_unlisted(found))
                else:
                    del mine[found.school.urn]
                    left.pop(found.school.urn, None)
                    yield found
        except SchoolError as error:
            failed = error.problem
            for school in mine.values():
                left.pop(school.urn, None)
                yield SchoolDays(school=school, problem=error.problem)
    for school in left.values():
        yield SchoolDays(school=school, problem=failed or _nowhere(school))


def _plan(settings: Settings, log: Log | None, found: SchoolDays, window: Window) -> list[Planned | Refused]:
    """Decide for each day of a school: send, refuse, or nothing to send."""
    entries = log.latest(window, found.school.urn, with_body=True) if log else []
    faults = log.faults(entries) if log else {}
    last = {entry.day: entry for entry in entries}
    plans: list[Planned | Refused] = []
    for day in found.days:
        entry = last.get(day.date)
        before = read(entry.content).cells if entry and entry.content else None
        body: Body | Problem | None = day.problem or build(
            found.school,
            day,
            _sent(before, faults.get(entry.id, [])) if entry and before else {},
            send_year_groups=settings.dfe.send_year_groups,
        )
        if isinstance(body, Body):
            plans.append(Planned(body, entry, before))
        elif body:
            plans.append(Refused(day, body))
    return plans


def _sent(before: Cells, faults: list[Fault]) -> Cells:
    """Leave out what the DfE did not take: a code that it does not know would be a fault again, even as a zero."""
    refused = {(fault.cell, fault.attendance_code) for fault in faults if fault.code == "VAL104"}
    groups = {fault.cell for fault in faults if fault.code == "VAL103"}
    return {
        cell: {code: number for code, number in counts.items() if (cell, code) not in refused}
        for cell, counts in before.items()
        if cell not in groups
    }


def _result(found: SchoolDays) -> SchoolResult:
    outcome: SchoolOutcome = "failed" if found.problem else "read"
    return SchoolResult(school=found.school, outcome=outcome, problem=found.problem, to_check=found.to_check)


def _refusal(plan: Refused) -> DayResult:
    return DayResult(
        date=plan.day.date, state=State.REFUSED, cells=plan.day.cells, on_roll=plan.day.on_roll, problem=plan.problem
    )


def _day_result(plan: Planned, outcome: Outcome | None) -> DayResult:
    return DayResult(
        date=plan.body.day,
        state=outcome.state if outcome else None,
        cells=plan.body.cells,
        on_roll=plan.body.on_roll,
        before=plan.before,
        sent_at=outcome.tries[-1].at if outcome and outcome.tries else None,
        problem=outcome.problem if outcome else None,
        faults=outcome.faults if outcome else (),
    )


def _exit_code(report: Report, only: Collection[int]) -> int:
    # Without consent nothing is due, unless the school was named (RELIABILITY.md 2).
    counted = [r for r in report.schools if r.outcome != "skipped" or r.school.urn in only]
    confirmed = any(day.state is State.ACCEPTED for result in counted for day in result.days)
    return exit_code([p for result in counted for p in result.problems], confirmed=confirmed)


def _unlisted(found: Unlisted) -> Problem:
    return Problem(
        "SCHOOL-UNLISTED",
        f"{found.database} holds {found.marks:,} marks of the window that belong to no school of the settings file."
        " They were not sent.",
        "If a school is missing, add it under [[database.schools]]; if its school value is wrong, correct it.",
    )


def _nowhere(school: School) -> Problem:
    return Problem(
        "SCHOOL-NONE",
        "This school has given consent, but no database lists it any more. Nothing was sent for it.",
        f"Add it to the settings file, or remove its consent: attsync consent revoke --school {school.urn}",
    )


@contextmanager
def _log_to_read(settings: Settings) -> Iterator[Log | None]:
    log = Log.open_existing(settings.log.path)
    with log or nullcontext():
        yield log


def _now() -> datetime:
    return datetime.now(UTC)
