"""What became of a run, as values: its schools and their days. Pure."""

from dataclasses import dataclass, field
from datetime import date, datetime

from attsync.log import SchoolOutcome
from attsync.model import Cells, Fault, School, Session, State
from attsync.problems import Problem
from attsync.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """What became of one day of one school."""

    date: date
    state: State | None
    """None: it would be sent (a dry run)."""
    cells: Cells
    on_roll: int
    before: Cells | None = None
    """What was sent before; None if nothing was."""
    sent_at: datetime | None = None
    problem: Problem | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True, kw_only=True)
class SchoolResult:
    """What became of one school in one run."""

    school: School
    outcome: SchoolOutcome
    problem: Problem | None = None
    to_check: tuple[Problem, ...] = ()
    days: list[DayResult] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def problems(self) -> list[Problem]:
        """Everything that somebody has to act on: the school's, then its days'."""
        return [p for p in (self.problem, *(day.problem for day in self.days)) if p]


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of a run."""

    window: Window
    number: int | None = None
    """The run's number in the log; None for a dry run."""
    schools: list[SchoolResult] = field(default_factory=list)
    to_check: list[Problem] = field(default_factory=list)
    exit_code: int = 0


def sessions_of(result: SchoolResult) -> tuple[int, int]:
    """Count the sessions of a school that were received (or would be sent), and those of them that changed."""
    received = changed = 0
    for day in result.days:
        if day.state not in (State.ACCEPTED, State.FAULTY, None):
            continue
        faulty = {fault.cell.session if fault.cell else None for fault in day.faults}
        for session in Session:
            now = {cell: counts for cell, counts in day.cells.items() if cell.session is session}
            if not now or session in faulty or None in faulty:
                continue
            received += 1
            before = {c: n for c, n in (day.before or {}).items() if c.session is session}
            changed += day.before is not None and before != now
    return received, changed
