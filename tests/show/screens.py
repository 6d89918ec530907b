"""Views of made-up schools, and screens as people see them: nothing here is read from a log or a database."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

from rich.console import Console, Group, RenderableType

from attsync import messages
from attsync.consent import ActiveConsent
from attsync.log import ConsentRow, Run, SchoolRun, Submission
from attsync.model import Cell, DayStatus, School, Session, Sign, State, Try
from attsync.problems import Problem
from attsync.show.day import Detail, status_day
from attsync.show.symbols import UNICODE, Signs
from attsync.show.table import View
from attsync.status.overview import Overview, SchoolStatus
from attsync.window import Window
from attsync.wire import Parsed

MONDAY = date(2026, 11, 23)
FRIDAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)
SENT = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
WINDOW = Window(date(2026, 11, 12), MONDAY)
DAYS = [date(2026, 11, day) for day in (23, 20, 19, 18, 17, 16, 13, 12)]
RECEIVER = "https://api.example.gov.uk"
BUSY = Problem("DFE-BUSY", host="api.example.gov.uk", status=503, tries=4)
CLOSED = Problem("DFE-CLOSED", host="api.example.gov.uk")
NO_CONSENT = Problem("CONSENT-NONE", "removed", person="sam", at=date(2026, 11, 20), urn=900001)
NAMES = (
    "Abbey Lane Primary", "Ashdown Academy", "Beacon Hill Primary", "Birchwood High", "Bluebell Infants",
    "Brookside Junior", "Castle View Academy", "Cedar Park Primary", "Chapel Street Primary", "Dale Valley High",
    "Eastgate Academy", "Elm Grove Primary", "Fairfield Infants", "Greenway Primary", "Hawthorn Special",
    "Heathland Academy", "Highcliff Primary", "Kingsmead High", "Larkspur Primary", "Meadowbank Primary",
    "Millbrook Academy", "Northfield Primary", "Oakfield Primary", "Parkside PRU", "Priory Primary",
    "Ridgeway High", "Riverside Academy", "St Aidan's CE Primary", "Westbury Junior", "Woodlands Primary",
)  # fmt: skip
SCHOOLS = tuple(School(900001 + number, name) for number, name in enumerate(NAMES))


def named(name: str) -> School:
    """Return one of the schools."""
    return next(school for school in SCHOOLS if school.name == name)


def faults() -> Problem:
    """Return what the DfE found in a day: someone has to correct it in the MIS."""
    return Problem(
        "DFE-FAULTS", "attendance-code", faults=3, kind="VAL104", places=("Year 9, AM",), value="ZZ", days=()
    )


def text_of(screen: RenderableType | Iterable[RenderableType], columns: int | None = 100) -> str:
    """Return a screen as it is seen without colours; `columns` None: in a pipe, whose width is not known."""
    file = StringIO()
    console = Console(file=file, width=columns or 1000, highlight=False, markup=False, emoji=False)
    console.print(Group(*screen) if isinstance(screen, Iterable) else screen, crop=False)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def one_line(screen: RenderableType | Iterable[RenderableType]) -> str:
    """Return the words of a screen, wherever its lines end."""
    return " ".join(text_of(screen, 1000).split())


def consent(school: School) -> ActiveConsent:
    """Return a consent from the beginning of the term."""
    return ActiveConsent(
        ConsentRow(
            school=school,
            action="given",
            person="sam",
            username=None,
            login_uid=1000,
            role="School business manager",
            reason=None,
            receiver=RECEIVER,
            data_set=1,
            window_count="working",
            year_groups=True,
            notice=2,
            at=datetime(2026, 9, 3, 8, 12, tzinfo=UTC),
            notice_sha256="3fa9c1d2" * 8,
        )
    )


def a_day(day: date = FRIDAY, am: Sign = Sign.RECEIVED, pm: Sign = Sign.RECEIVED, **more: Any) -> DayStatus:  # noqa: ANN401  of the dataclass
    """Return a day that was received, but for what is named."""
    signs = {Session.AM: am, Session.PM: pm}
    sent = {session: 418 for session, sign in signs.items() if sign not in (Sign.NOT_DUE, Sign.NO_REGISTER)}
    status = DayStatus(
        date=day, signs=signs, state=State.ACCEPTED, marks=sent, on_roll=418, attendance=0.951, sent_at=SENT
    )
    return replace(status, **more)


def closed_day(day: date) -> DayStatus:
    """Return a day without a register."""
    return DayStatus(date=day, signs=dict.fromkeys(Session, Sign.NO_REGISTER), note=f"{day:%A}")


def a_school(school: School = SCHOOLS[0], *changed: DayStatus, **more: Any) -> SchoolStatus:  # noqa: ANN401  of the dataclass
    """Return a school that was sent at 10:15 today, but for the days that are named."""
    late: dict[str, Any] = {"note": "afternoon is sent at 14:45"}
    usual = [a_day(day, pm=Sign.NOT_DUE, **late) if day == MONDAY else a_day(day) for day in DAYS]
    by_date = {day.date: day for day in (*usual, *changed)}
    status = SchoolStatus(
        school=school,
        consent=consent(school),
        no_consent=None,
        last=SchoolRun(school=school, run=a_run(), outcome="read", problem=None, to_check=()),
        days=tuple(by_date[day] for day in sorted(by_date, reverse=True)),
    )
    return replace(status, **more)


def a_run() -> Run:
    """Return the run of 10:15 today."""
    return Run(id=214, started_at=SENT, ended_at=SENT + timedelta(seconds=38), window=WINDOW, exit_code=0)


def no_consent(school: School, problem: Problem = NO_CONSENT, *, days: Sequence[DayStatus] = ()) -> SchoolStatus:
    """Return a school without consent."""
    return a_school(school, consent=None, no_consent=problem.but(urn=school.urn), days=tuple(days))


def an_overview(*schools: SchoolStatus, **more: Any) -> Overview:  # noqa: ANN401  of the dataclass
    """Return what `status` shows of these schools at 10:20."""
    status = Overview(
        now=NOW,
        schools=schools,
        last_run=a_run(),
        next_send=datetime(2026, 11, 23, 14, 45, tzinfo=UTC),
        can_send=True,
        receiver=RECEIVER,
        sends=WINDOW,
    )
    return replace(status, **more)


def failing(school: School, problem: Problem, *days: date, sign: Sign = Sign.NOT_RECEIVED) -> SchoolStatus:
    """Return a school whose `days` were not received, for this reason."""
    state = State.FAULTY if sign is Sign.FAULTY else State.FAILED
    words = f"{'faulty' if sign is Sign.FAULTY else 'not received'}: {messages.brief(problem)}"
    changed = [a_day(day, sign, sign, state=state, problem=problem, note=words) for day in days]
    return a_school(school, *changed)


def oakfield() -> Overview:
    """Return one school: two marks of Friday have changed, and Tuesday has no afternoon."""
    friday = a_day(FRIDAY, changed=2, note="2 marks changed since Friday")
    note = "no afternoon register in the database"
    tuesday = a_day(date(2026, 11, 17), pm=Sign.NO_REGISTER, note=note)
    return an_overview(a_school(named("Oakfield Primary"), friday, tuesday))


def trust() -> Overview:
    """Return thirty schools: two fail, one lacks a register, one has no consent."""
    note = "no afternoon register in the database"
    tuesday = a_day(date(2026, 11, 17), pm=Sign.NO_REGISTER, note=note)
    special = {
        "Birchwood High": failing(named("Birchwood High"), faults(), MONDAY, sign=Sign.FAULTY),
        "Riverside Academy": failing(named("Riverside Academy"), BUSY, date(2026, 11, 19), FRIDAY),
        "Elm Grove Primary": a_school(named("Elm Grove Primary"), tuesday),
        "Parkside PRU": no_consent(named("Parkside PRU")),
    }
    return an_overview(*(special.get(school.name) or a_school(school) for school in SCHOOLS))


def in_full(
    school: SchoolStatus,
    day: date,
    signs: Signs = UNICODE,
    now: datetime = NOW,
    sends: Window = WINDOW,
    *,
    can_send: bool = True,
    **more: Any,  # noqa: ANN401  of Detail
) -> View:
    """Return the view of one day of a school, with all that was tried; `more` as Detail has it."""
    (status,) = [each for each in school.days if each.date == day]
    tries = tuple(Try(at=SENT, seconds=0.4, answer="503 busy") for _ in range(4))
    is_received = status.state is State.ACCEPTED
    if is_received:
        tries = (Try(at=SENT, seconds=0.4, answer="201 received"),)
    submission = Submission(
        id=1,
        run_id=214,
        urn=school.school.urn,
        day=day,
        state=status.state or State.FAILED,
        key="key",
        body_id=1,
        marks=status.marks,
        on_roll=418,
        attendance=0.951,
        changed=0,
        changed_from=None,
        recorded_at=SENT,
        answered_at=SENT,
        reference="a1f9c2e0-1111-4222-8333-444455556666" if is_received else None,
        tries=tries,
    )
    cells = {Cell("4", Session.AM): {"/": 398, "I": 20}, Cell("4", Session.PM): {"\\": 397, "I": 21}}
    sent = Parsed(cells=cells, roll={"4": 418})
    overview = an_overview(replace(school, days=(status,)), now=now, sends=sends, can_send=can_send)
    return status_day(overview, Detail([submission], sent)._replace(**more), signs)
