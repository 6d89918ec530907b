"""What a run means to send: reads the schools, and decides for each day: send, refuse, or nothing to send.

Reads databases, contacts no DfE and records nothing; `preview` and a dry run end here.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from attsync import school as database_of
from attsync.log import Entry, Log, SchoolOutcome
from attsync.model import Body, Cells, Day, Fault, Outcome, School, SchoolDays, Session, State, Unlisted, session_total
from attsync.oddities import marks_fewer
from attsync.plural import plural
from attsync.problems import Problem, SchoolError
from attsync.report import DayResult, SchoolResult
from attsync.sent import read
from attsync.settings import DatabaseSettings, Settings
from attsync.window import Window
from attsync.wire import build


class Planned(NamedTuple):
    """One message that is ready to go, and what went before it for the same day."""

    body: Body
    last: Entry | None
    """The newest message; it may not have arrived."""
    before: Cells | None
    """The counts of the newest message that the DfE has received; None: of none."""


class Refused(NamedTuple):
    """One day that must not be sent."""

    day: Day
    problem: Problem


def read_schools(
    settings: Settings,
    wanted: Mapping[int, School],
    window: Window,
    time_is_up: Callable[[], Problem | None] = lambda: None,
) -> Iterator[SchoolDays | Unlisted]:
    """Read every database that may hold a wanted school, and give each of these once.

    A database that fails gives its schools a problem and does not stop the others. Once `time_is_up` gives a problem,
    no database is opened any more, nor the next school read: those that are left get that problem.
    """
    left = dict(wanted)
    failed: Problem | None = None
    late: Problem | None = None
    for database in settings.database:
        if late or not left or (late := time_is_up()):
            break
        try:
            for found in _read(database, window, left.__contains__):
                if isinstance(found, SchoolDays):
                    del left[found.school.urn]
                yield found
                if late := time_is_up():
                    break
        except SchoolError as error:
            failed = error.problem  # it may be the one that lists those left
    for school in left.values():
        yield SchoolDays(school=school, problem=late or failed or _nowhere(school))


def read_all(settings: Settings, window: Window, only: Collection[int]) -> Iterator[SchoolDays | Unlisted]:
    """Read every school there is, or those of `only`.

    Raises SchoolError if a database fails before it has said which schools it holds: of none could it be told.
    """
    for database in settings.database:
        yield from _read(database, window, lambda urn: not only or urn in only)


def _read(
    database: DatabaseSettings, window: Window, is_wanted: Callable[[int], bool]
) -> Iterator[SchoolDays | Unlisted]:
    """Read the wanted schools of one database; if it fails, those that are left get the problem.

    Raises SchoolError if it fails before it has said which schools it holds.
    """
    schools = database_of.schools_of(database)
    left = {each.urn: School(each.urn, each.name) for each in schools if is_wanted(each.urn)}
    try:
        for found in database_of.read(database, schools, left.keys(), window) if left else ():
            if isinstance(found, SchoolDays):
                del left[found.school.urn]
            yield found
    except SchoolError as error:
        yield from [SchoolDays(school=school, problem=error.problem) for school in left.values()]


def plan(settings: Settings, log: Log | None, found: SchoolDays, window: Window) -> list[Planned | Refused]:
    """Decide for each day of a school: send, refuse, or nothing to send."""
    entries = log.latest(window, found.school.urn, with_body=True) if log and found.days else []
    last = {entry.day: entry for entry in entries}
    plans: list[Planned | Refused] = []
    for day in found.days:
        entry = last.get(day.date)
        received = _received(log, entry) if log and entry else None
        sent_before: Cells = {}
        if log and entry and entry.content:
            faults = log.faults([received]).get(received.id, []) if received else []
            sent_before = _taken(read(entry.content).cells, faults)
        body: Body | Problem | None = day.problem or build(
            found.school, day, sent_before, send_year_groups=settings.dfe.send_year_groups
        )
        if isinstance(body, Body):
            before = read(received.content).cells if received and received.content else None
            plans.append(Planned(body, entry, before))
        elif body:
            plans.append(Refused(day, body))
    return plans


def to_check(found: SchoolDays, plans: Iterable[Planned | Refused]) -> tuple[Problem, ...]:
    """Give what is odd in a school: in what was read, and against what was sent before."""
    sendings = [(p.body.day, p.before, p.body.cells) for p in plans if isinstance(p, Planned) and p.before]
    fewer = marks_fewer(found.school, sendings)
    return (*found.to_check, fewer) if fewer else found.to_check


def school_result(found: SchoolDays, plans: Iterable[Planned | Refused]) -> SchoolResult:
    """Begin the result of a school."""
    outcome: SchoolOutcome = "failed" if found.problem else "read"
    return SchoolResult(school=found.school, outcome=outcome, problem=found.problem, to_check=to_check(found, plans))


def refusal(plan: Refused) -> DayResult:
    """Give the result of a day that must not be sent."""
    day = plan.day
    return DayResult(
        date=day.date, state=State.REFUSED, marks=_marks(day.cells), on_roll=day.on_roll, problem=plan.problem
    )


def day_result(plan: Planned, outcome: Outcome | None) -> DayResult:
    """Give the result of a message; without an outcome, of one that would be sent."""
    body = plan.body
    return DayResult(
        date=body.day,
        state=outcome.state if outcome else None,
        marks=_marks(body.cells),
        on_roll=body.on_roll,
        changed=_changed(plan.before, body.cells) if plan.before is not None else frozenset(),
        sent_at=outcome.tries[-1].at if outcome and outcome.tries else None,
        problem=outcome.problem if outcome else None,
        faults=outcome.faults if outcome else (),
    )


def unlisted(found: Unlisted) -> Problem:
    """Say that marks belong to no school of the settings; they are to check, and never sent (SPEC.md 4)."""
    words = plural(found.marks, "mark of the window that belongs", "marks of the window that belong")
    return Problem(
        "SCHOOL-UNLISTED",
        f"{found.database} holds {words} to no school of the settings file.",
        "If a school is missing, add it under [[database.schools]]; if its school value is wrong, correct it.",
        not_done=f"{'It is' if found.marks == 1 else 'They are'} never sent.",
    )


def _marks(cells: Cells) -> dict[Session, int]:
    sent = dict.fromkeys(cell.session for cell in cells)  # a session that the message leaves out is not there
    return {session: session_total(cells, session) for session in sent}


def _changed(before: Cells, now: Cells) -> frozenset[Session]:
    if before == now:
        return frozenset()
    return frozenset(cell.session for cell in before.keys() | now.keys() if before.get(cell) != now.get(cell))


def _received(log: Log, entry: Entry) -> Entry | None:
    """Give the newest message that the DfE has received: `entry`, or one before it."""
    if entry.state.is_received:
        return entry
    return next((each for each in reversed(log.history(entry.urn, entry.day)) if each.state.is_received), None)


def _taken(before: Cells, faults: list[Fault]) -> Cells:
    """Leave out what the DfE did not take: a code that it does not know would be a fault again, even as a zero."""
    refused = {(fault.cell, fault.attendance_code) for fault in faults if fault.code == "VAL104"}
    groups = {fault.cell.year_group for fault in faults if fault.code == "VAL103" and fault.cell}
    return {
        cell: {code: number for code, number in counts.items() if (cell, code) not in refused}
        for cell, counts in before.items()
        if cell.year_group not in groups
    }


def _nowhere(school: School) -> Problem:
    return Problem(
        "SCHOOL-NONE",
        "This school has given consent, but no database lists it any more.",
        f"Add it to the settings file, or remove its consent: attsync consent revoke --school {school.urn}",
        not_done="Nothing was sent for it.",
    )
