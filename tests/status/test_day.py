"""status.day: two signs, a note and a problem for each day."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from attsync.log import Submission
from attsync.model import Cell, DayStatus, Fault, Session, Sign, State, Try
from attsync.problems import Problem
from attsync.status.day import SIGN_WORDS, Context, day_status, missing_signs, signs_of
from attsync.status.history import History
from tests.made_log import ABBEY, AT, BOTH, BUSY, IN_SEPTEMBER, MONDAY, REFUSAL, TUESDAY

AM, PM = Session
TWICE, ONCE = (time(10, 15), time(14, 45)), (time(10, 15),)
CONTEXT = Context(times=TWICE, has_consent=True, now=AT, since=IN_SEPTEMBER, unread=None)
SATURDAY = date(2026, 11, 21)
NOT_DUE = dict.fromkeys(Session, Sign.NOT_DUE)


def at(hour: int, minute: int = 0, day: date = TUESDAY) -> datetime:
    """Return a time of Tuesday, in winter."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def sent(
    state: State, *sessions: Session, problem: Problem | None = None, faults: Iterable[Fault] = (), day: date = TUESDAY
) -> Submission:
    """Return a submission of Tuesday with 400 marks in each of these sessions."""
    return Submission(
        id=1,
        run_id=1,
        urn=ABBEY.urn,
        day=day,
        state=state,
        key="1",
        body_id=1,
        marks=dict.fromkeys(sessions or BOTH, 400),
        on_roll=420,
        attendance=0.95,
        changed=0,
        changed_from=None,
        recorded_at=AT,
        tries=(Try(at=AT, seconds=0, answer=""),),
        problem=problem,
        faults=tuple(faults),
    )


def day_of(newest: Submission | None, context: Context = CONTEXT, read_at: datetime | None = AT) -> DayStatus:
    """Return the status of Tuesday with one submission, at 10:17 unless `context` has another time."""
    is_sent = newest is not None and newest.state is not State.REFUSED
    history = History(newest=newest, shown=newest if is_sent else None)
    return day_status(TUESDAY, history, read_at, context)


# Sessions without marks


@pytest.mark.parametrize(
    ("now", "read_at", "morning", "afternoon"),
    [
        (at(10), None, Sign.NOT_DUE, Sign.NOT_DUE),
        (at(10, 44), None, Sign.NOT_DUE, Sign.NOT_DUE),
        (at(10, 45), None, Sign.NOT_RECEIVED, Sign.NOT_DUE),
        (at(15, 14), at(10, 17), Sign.NO_REGISTER, Sign.NOT_DUE),
        (at(15, 15), at(10, 17), Sign.NO_REGISTER, Sign.NOT_RECEIVED),
        (at(15, 15), at(14, 47), Sign.NO_REGISTER, Sign.NO_REGISTER),
        (at(9), at(8), Sign.NOT_DUE, Sign.NOT_DUE),  # read too early to say anything
        (at(14, 20), at(14, 20), Sign.NO_REGISTER, Sign.NO_REGISTER),  # by hand, a little before its time
    ],
)
def test_session_without_marks_is_not_due_not_read_or_has_no_register(
    now: datetime, read_at: datetime | None, morning: Sign, afternoon: Sign
) -> None:
    """A red cross at noon would frighten for nothing; half an hour late, cron does not run."""
    assert missing_signs(TUESDAY, TWICE, IN_SEPTEMBER, read_at, now) == {AM: morning, PM: afternoon}


@pytest.mark.parametrize(("unread_at", "afternoon"), [(at(10, 17), Sign.NOT_DUE), (at(14, 47), Sign.NOT_RECEIVED)])
def test_afternoon_that_could_not_be_read_is_not_said_to_be_to_come(unread_at: datetime, afternoon: Sign) -> None:
    """Its send has failed: no one has to wait half an hour to see that."""
    signs = missing_signs(TUESDAY, TWICE, IN_SEPTEMBER, at(10, 17), at(14, 50), unread_at)

    assert signs == {AM: Sign.NO_REGISTER, PM: afternoon}


def test_with_one_time_a_day_the_afternoon_is_due_the_next_day() -> None:
    """A14: no afternoon is missing at 10:40."""
    now = at(10, 40)
    assert missing_signs(TUESDAY, ONCE, IN_SEPTEMBER, at(10, 17), now) == {AM: Sign.NO_REGISTER, PM: Sign.NOT_DUE}
    assert missing_signs(MONDAY, ONCE, IN_SEPTEMBER, at(10, 17), now) == dict.fromkeys(Session, Sign.NO_REGISTER)
    late = at(10, 45)
    assert missing_signs(MONDAY, ONCE, IN_SEPTEMBER, at(10, 17, MONDAY), late)[PM] is Sign.NOT_RECEIVED


@pytest.mark.parametrize("since", [None, at(10, 16)])
def test_nothing_is_late_that_was_due_before_sends_were_planned(since: datetime | None) -> None:
    """Consent of today does not make last week late."""
    assert missing_signs(TUESDAY, TWICE, since, None, at(12)) == NOT_DUE


@pytest.mark.parametrize("day", [SATURDAY, date(2026, 12, 25)])
def test_nothing_is_late_on_a_day_without_school(day: date) -> None:
    """Weekends and bank holidays."""
    now = datetime(2027, 1, 5, tzinfo=UTC)
    assert missing_signs(day, TWICE, IN_SEPTEMBER, None, now) == dict.fromkeys(Session, Sign.NO_REGISTER)


# Sessions with marks


@pytest.mark.parametrize(
    ("state", "sign"),
    [
        (State.ACCEPTED, Sign.RECEIVED),
        (State.FAULTY, Sign.FAULTY),
        (State.REJECTED, Sign.REJECTED),
        (State.SENDING, Sign.NOT_RECEIVED),
        (State.UNKNOWN, Sign.NOT_RECEIVED),
        (State.FAILED, Sign.NOT_RECEIVED),
        (State.SUPERSEDED, Sign.NOT_RECEIVED),
    ],
)
def test_sign_is_that_of_the_state_for_the_sessions_that_were_sent(state: State, sign: Sign) -> None:
    """The other session has no marks."""
    assert signs_of(state, {AM: 28}, (), NOT_DUE) == {AM: sign, PM: Sign.NOT_DUE}
    assert set(SIGN_WORDS) == set(Sign)


def test_fault_is_shown_in_its_session_only() -> None:
    """The other was received; a fault without a place is one of both."""
    fault = Fault("VAL104", Cell("4", PM), "I", "")
    marks = dict.fromkeys(Session, 28)

    assert signs_of(State.FAULTY, marks, [fault], NOT_DUE) == {AM: Sign.RECEIVED, PM: Sign.FAULTY}
    assert signs_of(State.FAULTY, marks, [replace(fault, cell=None)], NOT_DUE) == dict.fromkeys(Session, Sign.FAULTY)


def test_refused_day_is_refused_in_each_session_that_is_due() -> None:
    """It has no message that would say which sessions it is about."""
    missing = {AM: Sign.NO_REGISTER, PM: Sign.NOT_DUE}
    assert signs_of(State.REFUSED, {}, (), missing) == {AM: Sign.REFUSED, PM: Sign.NOT_DUE}


@pytest.mark.parametrize(
    ("state", "sign"),
    [(State.ACCEPTED, Sign.NO_REGISTER), (State.FAULTY, Sign.NO_REGISTER), (State.REJECTED, Sign.REJECTED)],
)
def test_session_that_was_sent_as_0_is_no_register_once_that_is_received(state: State, sign: Sign) -> None:
    """A tick for a closed day would be odd; that the receiver did not take it has to be told."""
    missing, fault = dict.fromkeys(Session, Sign.NO_REGISTER), Fault("VAL104", Cell("4", AM), "I", "")
    assert signs_of(state, {AM: 28, PM: 0}, [fault], missing)[PM] is sign


# Problems


@pytest.mark.parametrize("state", [State.FAILED, State.REJECTED, State.UNKNOWN, State.REFUSED])
def test_problem_is_that_of_the_newest_submission(state: State) -> None:
    """Whatever else was due."""
    problem = REFUSAL if state is State.REFUSED else BUSY
    day = day_of(sent(state, problem=problem))
    assert (day.problem, day.state, day.needs_telling) == (problem, state, True)


def test_send_without_an_answer_is_not_settled() -> None:
    """Killed half-way: no one knows, so no one claims."""
    day = day_of(sent(State.SENDING))
    assert (day.problem, set(day.signs.values())) == (Problem("STOPPED", "unsettled"), {Sign.NOT_RECEIVED})


def test_session_that_is_due_and_was_not_read_is_a_missed_send_or_a_failed_database() -> None:
    """The day is not received because the database did not answer, not because cron slept."""
    late = CONTEXT._replace(now=at(15, 30))
    assert day_of(sent(State.ACCEPTED, AM), late).problem == Problem("SEND-MISSED")
    failed = Problem("DB-NONE", name="SIMS")
    assert day_of(sent(State.ACCEPTED, AM), late._replace(unread=failed)).problem == failed
    assert day_of(sent(State.ACCEPTED, AM), CONTEXT._replace(unread=failed)).problem is None


def test_day_that_could_not_be_sent_again_is_received_and_told() -> None:
    """The receiver holds these very counts; someone has to hear that the newest send did not get through."""
    newest = sent(State.FAILED, problem=BUSY)
    day = day_status(TUESDAY, History(newest=newest, shown=newest, is_held=True), AT, CONTEXT)

    assert set(day.signs.values()) == {Sign.RECEIVED}
    assert (day.not_again, day.failed, day.needs_telling, day.problem) == (True, False, True, BUSY)


def test_day_that_is_being_sent_has_no_problem() -> None:
    """At 10:16 nothing has gone wrong yet; nothing was there before, so nothing is due."""
    newest = sent(State.SENDING)
    first = day_status(TUESDAY, History(newest=newest, is_going=True), AT, CONTEXT)
    again = day_status(
        TUESDAY, History(newest=newest, shown=sent(State.ACCEPTED), is_held=True, is_going=True), AT, CONTEXT
    )

    assert (first.signs, first.problem, first.state) == (NOT_DUE, None, State.SENDING)
    assert (set(again.signs.values()), again.problem, again.sent_at) == ({Sign.RECEIVED}, None, AT)


# Notes: what is most worth saying


def note(newest: Submission | None, context: Context = CONTEXT, **flags: bool) -> str:
    """Return the note of Tuesday."""
    shown = newest if newest and newest.state is not State.REFUSED else None
    day = day_status(TUESDAY, History(newest=newest, shown=shown, **flags), AT, context)
    return day.note


UNKNOWN = Problem("MARK-UNKNOWN", value="ZZ", words='unknown mark code "ZZ"')


@pytest.mark.parametrize(
    ("newest", "said"),
    [
        (sent(State.REFUSED, problem=UNKNOWN), 'refused: unknown mark code "ZZ"'),
        (sent(State.FAILED, problem=BUSY), "not received: DfE busy"),
        (sent(State.FAILED, AM, problem=BUSY), "AM not received: DfE busy"),
        (sent(State.SENDING), "not settled: send was stopped"),
        (sent(State.UNKNOWN, problem=Problem("STOPPED", "died")), "not settled: send was stopped"),
        (sent(State.FAILED, problem=Problem("STOPPED")), "not received: send was stopped"),
        (sent(State.ACCEPTED, AM), "afternoon is sent at 14:45"),
        (sent(State.ACCEPTED), ""),
    ],
)
def test_note_says_what_is_wrong_or_what_comes_next(newest: Submission, said: str) -> None:
    """What was stopped may have arrived all the same."""
    assert note(newest) == said


def test_note_of_one_faulty_session_names_it() -> None:
    """The other was received."""
    problem = Problem("DFE-FAULTS", number=1)
    newest = sent(State.FAULTY, problem=problem, faults=[Fault("VAL104", Cell("4", PM), "I", "")])
    assert note(newest).startswith("PM faulty:")


def test_note_of_a_day_that_is_held_or_being_sent() -> None:
    """Nothing is wrong with its counts."""
    assert note(sent(State.FAILED, problem=BUSY), is_held=True) == "not sent again: DfE busy"
    assert note(sent(State.SENDING), is_held=True) == "not sent again: send was stopped"
    assert note(sent(State.SENDING), is_held=True, is_going=True) == "being sent now"


@pytest.mark.parametrize(
    ("before", "now", "since"),
    [
        (at(10, 17), at(15), "10:17"),
        (at(10, 17, MONDAY), at(15), "Monday"),
        (at(10, 17, date(2026, 11, 10)), at(15), "Tue 10 Nov"),
        (datetime(2026, 7, 1, 9, 17, tzinfo=UTC), datetime(2026, 7, 1, 14, tzinfo=UTC), "10:17"),  # in London
    ],
)
def test_changed_marks_are_noted_with_when_the_others_were_sent(before: datetime, now: datetime, since: str) -> None:
    """Late corrections went, and someone can see it."""
    newest = replace(sent(State.ACCEPTED), changed=4, changed_from=before)
    assert note(newest, CONTEXT._replace(now=now)) == f"4 marks changed since {since}"


def test_nothing_is_promised_without_consent() -> None:
    """Who has just removed it would read that the afternoon is sent all the same."""
    assert note(sent(State.ACCEPTED, AM), CONTEXT._replace(has_consent=False)) == ""


def test_afternoon_that_is_sent_another_day_is_named_with_it() -> None:
    """A14."""
    assert note(sent(State.ACCEPTED, AM), CONTEXT._replace(times=ONCE)) == "afternoon is sent Wed at 10:15"


@pytest.mark.parametrize(("session", "half"), [(AM, "afternoon"), (PM, "morning")])
def test_register_that_was_looked_for_and_is_not_there_is_to_check(session: Session, half: str) -> None:
    """It may not have been taken: allowed, and unusual."""
    day = day_of(sent(State.ACCEPTED, session), CONTEXT._replace(now=at(15)), read_at=at(14, 47))
    assert (day.note, day.no_register, day.failed) == (f"no {half} register in the database", True, False)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (TUESDAY, "no register"),
        (SATURDAY, "Saturday"),
        (date(2026, 11, 22), "Sunday"),
        (date(2026, 8, 31), "bank holiday"),
    ],
)
def test_day_without_any_register_says_why(day: date, said: str) -> None:
    """A training day, or marks that no one entered, is not a bank holiday."""
    now = datetime.combine(day, time(16), UTC)
    status = day_status(day, History(), now - timedelta(hours=1), CONTEXT._replace(now=now))
    assert (status.note, status.is_closed, status.problem) == (said, True, None)
