"""Renders a screen as plain text, and makes logs of many schools through the log's own way of writing."""

import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from io import StringIO
from pathlib import Path

from rich.console import Console, RenderableType

from attsync.accounts import Person
from attsync.consent import record
from attsync.log import Log
from attsync.model import Body, Cell, Fault, Outcome, School, Session, State, Try
from attsync.problems import Problem
from attsync.settings import Settings
from attsync.window import Window
from tests.settings_file import DFE, loaded, settings_text

MONDAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)
WINDOW = Window(date(2026, 11, 12), MONDAY)
DAYS = [date(2026, 11, day) for day in (12, 13, 16, 17, 18, 19, 20, 23)]
BUSY = Problem("DFE-BUSY", "The DfE service was busy (503) on 4 tries.", "Nothing to do: the next send covers this.")
UNKNOWN = Problem(
    "MARK-UNKNOWN",
    '3 marks in Year 9 on Mon 23 Nov AM have the code "ZZ", which is not a DfE attendance code.',
    "Correct it in the MIS; it then goes with the next send.",
    not_done="This day was not sent.",
    words='unknown mark code "ZZ"',
)
NAMES = (
    "Abbey Lane Primary", "Ashdown Academy", "Beacon Hill Primary", "Birchwood High", "Bluebell Infants",
    "Brookside Junior", "Castle View Academy", "Cedar Park Primary", "Chapel Street Primary", "Dale Valley High",
    "Eastgate Academy", "Elm Grove Primary", "Fairfield Infants", "Greenway Primary", "Hawthorn Special",
    "Heathland Academy", "Highcliff Primary", "Kingsmead High", "Larkspur Primary", "Meadowbank Primary",
    "Millbrook Academy", "Northfield Primary", "Oakfield Primary", "Parkside PRU", "Priory Primary",
    "Ridgeway High", "Riverside Academy", "St Aidan's CE Primary", "Westbury Junior", "Woodlands Primary",
)  # fmt: skip
SCHOOLS = tuple(School(900001 + number, name) for number, name in enumerate(NAMES))


def text_of(screen: RenderableType, columns: int) -> str:
    """Render a screen as somebody sees it, without colours."""
    file = StringIO()
    Console(file=file, width=columns, highlight=False, markup=False, emoji=False).print(screen, crop=False)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def trust_settings(folder: Path, schools: tuple[School, ...] = SCHOOLS) -> Settings:
    """Write the settings of a trust."""
    tables = tuple(f'urn = {s.urn}\nname = "{s.name}"' for s in schools)
    return loaded(settings_text(top='trust = "Example Learning Trust"', dfe=DFE, schools=tables), folder)


def body(day: date, *sessions: Session, on_roll: int = 420, ill: int = 20) -> Body:
    """Make a body with one year group: so many are ill, the others are there."""
    cells = {
        Cell("4", session): {"/" if session is Session.AM else "\\": on_roll - ill, "I": ill} for session in sessions
    }
    content = json.dumps(
        {
            "submissionData": [
                {
                    "ncYearGroup": cell.year_group,
                    "schoolSession": cell.session,
                    "attendances": [{"attendanceCode": code, "value": number} for code, number in counts.items()],
                }
                for cell, counts in cells.items()
            ],
            "totalNoOfPupils": on_roll,
            "yearGroups": [{"ncYearGroup": "4", "noOfPupils": on_roll}],
        }
    ).encode()
    return Body(day=day, content=content, sha256=sha256(content).hexdigest(), cells=cells, on_roll=on_roll)


def give_consent(log: Log, school: School, settings: Settings) -> None:
    """Record a consent, of the beginning of the term."""
    at = datetime(2026, 9, 3, 8, 12, tzinfo=UTC)
    record(
        log,
        school,
        given=True,
        person=Person("sam", None),
        receiver=settings.dfe.origin,
        at=at,
        role="School business manager",
    )


def trust_log(settings: Settings) -> Log:
    """Log one run of the whole trust: two schools fail, one lacks a register, one has no consent."""
    log = Log.open(settings.log.path)
    at = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
    run = log.begin_run(WINDOW, at)
    for school in SCHOOLS:
        if school.name == "Parkside PRU":
            with log.writing():
                log.record_school(run, school, "skipped", problem=None)
            continue
        give_consent(log, school, settings)
        with log.writing():
            log.record_school(run, school, "read")
            for day in DAYS:
                _log_day(log, run, school, day, at)
    log.end_run(run, 1, at + timedelta(seconds=38))
    return log


def one_school_log(settings: Settings) -> Log:
    """Log two runs of Oakfield Primary: on Monday, two marks of Friday have changed, and Tuesday has no afternoon."""
    (school,) = [school for school in SCHOOLS if school.name == "Oakfield Primary"]
    log = Log.open(settings.log.path)
    give_consent(log, school, settings)
    for at in (datetime(2026, 11, 20, 14, 48, tzinfo=UTC), datetime(2026, 11, 23, 10, 18, tzinfo=UTC)):
        run = log.begin_run(Window(DAYS[0], at.date()), at)
        with log.writing():
            log.record_school(run, school, "read")
            for day in DAYS:
                if day > at.date():
                    continue
                is_short = day == MONDAY or day.day == 17
                sessions = [Session.AM] if is_short else [*Session]
                changed = day.day == 20 and at.date() == MONDAY
                sent = body(day, *sessions, on_roll=417 + (day.day > 18), ill=day.day % 8 + 18 + changed)
                last = next(iter(log.latest(Window(day, day), school.urn, with_body=True)), None)
                log.record(log.begin_sending(run, school, sent, last, at), received(at), at)
        log.end_run(run, 0, at + timedelta(seconds=4))
    return log


def _log_day(log: Log, run: int, school: School, day: date, at: datetime) -> None:
    sessions = [Session.AM] if day == MONDAY else [*Session]
    outcome = received(at)
    match school.name, day.day:
        case "Birchwood High", 23:
            log.refuse(run, school, day, UNKNOWN, at)
            return
        case "Riverside Academy", 19 | 20:
            outcome = Outcome(state=State.FAILED, tries=(Try(at=at, seconds=0.4, answer="503 busy"),) * 4, problem=BUSY)
        case "Elm Grove Primary", 17:
            sessions = [Session.AM]
    entry = log.begin_sending(run, school, body(day, *sessions, ill=school.urn % 30 + 8), None, at)
    log.record(entry, outcome, at)


def received(at: datetime) -> Outcome:
    """Make the outcome of a day that arrived."""
    tries = (Try(at=at, seconds=0.4, answer="201 received"),)
    return Outcome(state=State.ACCEPTED, tries=tries, reference="a1f9c2e0-1111-4222-8333-444455556666")


def faulty(at: datetime) -> Outcome:
    """Make the outcome of a day in which the DfE found a fault."""
    problem = Problem("DFE-FAULTS", "The DfE stored this day and found 1 fault.", "Correct it in the MIS.")
    fault = Fault("VAL104", Cell("4", Session.PM), "I", "not known")
    tries = (Try(at=at, seconds=0.4, answer="201 with faults"),)
    return Outcome(state=State.FAULTY, tries=tries, problem=problem, faults=(fault,))
