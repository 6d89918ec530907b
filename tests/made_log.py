"""Makes a log through its own way of writing: consents, runs, messages and their outcomes. For tests without a send."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

from attsync.accounts import Person
from attsync.consent import Terms, notice, record
from attsync.log import ConsentRow, Log, Submission
from attsync.model import Body, Cell, Day, Fault, Outcome, School, Session, State, Try
from attsync.problems import Problem
from attsync.window import Window
from attsync.wire import build

RECEIVER: Final = "https://dfe.example"
OTHER: Final = "https://other.example"
TERMS: Final = Terms(RECEIVER, "working", year_groups=True)
ABBEY: Final = School(900001, "Abbey Lane Primary")
ELM: Final = School(900031, "Elmhurst Primary School")
FRIDAY, MONDAY, TUESDAY = (date(2026, 11, day) for day in (20, 23, 24))
WINDOW: Final = Window(FRIDAY, MONDAY)
AT: Final = datetime(2026, 11, 24, 10, 17, tzinfo=UTC)
"""When most runs begin, on Tuesday."""
IN_SEPTEMBER: Final = datetime(2026, 9, 3, 8, 12, tzinfo=UTC)
BOTH: Final = (Session.AM, Session.PM)
BUSY: Final = Problem("DFE-BUSY")
REFUSAL: Final = Problem("COUNT-WRONG", urn=ABBEY.urn, day=MONDAY, most=10_000)


def decide(
    log: Log,
    school: School = ABBEY,
    action: Literal["given", "removed", "lapsed"] = "given",
    at: datetime = IN_SEPTEMBER,
    terms: Terms = TERMS,
    **more: Any,  # noqa: ANN401  columns of the record
) -> ConsentRow:
    """Record a grant, or a removal."""
    shown = notice(terms) if action == "given" else None
    return record(log, school, action, Person("head", None), terms, at, shown, **more)


def message(when: date = MONDAY, *sessions: Session, school: School = ABBEY, ill: int = 20, of: int = 420) -> Body:
    """Return a message about one year group: so many are ill, the others are there."""
    present = {Session.AM: "/", Session.PM: "\\"}
    cells = {Cell("4", each): {present[each]: of - ill, "I": ill} for each in sessions or BOTH}
    made = build(school, Day(date=when, cells=cells, roll={"4": of}), {})
    assert isinstance(made, Body)
    return made


def outcome(
    state: State = State.ACCEPTED, at: datetime = AT, problem: Problem | None = None, faults: Iterable[Fault] = ()
) -> Outcome:
    """Return how a sending ended, after one try."""
    tries = (Try(at=at, seconds=0.4, answer="an answer"),)
    reference = "a1f9c2e0-1111-4222-8333-444455556666" if state.is_received else None
    return Outcome(state=state, tries=tries, reference=reference, problem=problem, faults=tuple(faults))


def newest(log: Log, day: date = MONDAY, school: School = ABBEY, receiver: str = RECEIVER) -> Submission | None:
    """Return the newest submission of a day."""
    past = log.submissions(receiver, Window(day, day), school.urn).get(school.urn, {}).get(day, [None])
    return past[-1]


class Runs:
    """Runs of one school, one after the other, each with what it did."""

    def __init__(self, log: Log, school: School = ABBEY, receiver: str = RECEIVER) -> None:
        self.log, self.school, self.receiver = log, school, receiver

    def run(
        self,
        *days: tuple[Body | date, Outcome | Problem | None],
        at: datetime = AT,
        first: date = MONDAY,
        failed: Problem | None = None,
        problem: Problem | None = None,
        to_check: tuple[Problem, ...] = (),
    ) -> int:
        """Record a run; a day is refused for a Problem, and one with None has had no answer yet."""
        log, school = self.log, self.school
        number = log.begin_run(Window(first, at.date()), self.receiver, at)
        with log.writing():
            kind: Literal["failed", "read"] = "failed" if failed else "read"
            log.record_school(number, school, kind, problem=failed or problem, to_check=to_check)
            for what, ended in days:
                if isinstance(ended, Problem):
                    assert isinstance(what, date)
                    log.refuse(number, self.receiver, school, what, ended, at)
                    continue
                assert isinstance(what, Body)
                submission = log.begin_sending(number, self.receiver, school, what, at)
                if ended:
                    log.record(submission, replace(ended, tries=_at(ended.tries, at)), at)
        if all(ended for _, ended in days):
            log.end_run(number, 0, at + timedelta(seconds=2))
        return number


def _at(tries: tuple[Try, ...], at: datetime) -> tuple[Try, ...]:
    return tuple(replace(each, at=at) for each in tries)
