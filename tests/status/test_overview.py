"""overview: what the log means to a person, for each day and session."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attsync.show.words import last_and_next, result

from attsync.accounts import Person
from attsync.consent import record
from attsync.log import Log
from attsync.model import Outcome, School, Session, Sign, State
from attsync.problems import Problem
from attsync.settings import WindowSettings
from attsync.show.symbols import UNICODE
from attsync.status import Overview, SchoolView, look, next_send
from attsync.window import Window
from tests.show.screens import BUSY, UNKNOWN, body, faulty, give_consent, received, trust_settings

if TYPE_CHECKING:
    from attsync.settings import Settings

SCHOOL = School(900001, "Abbey Lane Primary")
TUESDAY, MONDAY = date(2026, 11, 24), date(2026, 11, 23)
AT = datetime(2026, 11, 24, 10, 17, tzinfo=UTC)
SATURDAY_SCHOOL = date(2026, 11, 21)


class Told:
    """A log that tells one school's story, and how it looks then."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = trust_settings(folder, (SCHOOL,))
        self.log = Log.open(self.settings.log.path)

    def consent(self) -> "Told":
        """Give consent, in September."""
        give_consent(self.log, SCHOOL, self.settings)
        return self

    def run(
        self,
        *days: tuple[date, tuple[Session, ...], Outcome | Problem],
        at: datetime = AT,
        failed: Problem | None = None,
        first: date = MONDAY,
    ) -> "Told":
        """Log a run."""
        number = self.log.begin_run(Window(first, at.date()), at)
        with self.log.writing():
            self.log.record_school(number, SCHOOL, "failed" if failed else "read", problem=failed)
            for day, sessions, outcome in days:
                if isinstance(outcome, Problem):
                    self.log.refuse(number, SCHOOL, day, outcome, at)
                else:
                    last = next(iter(self.log.latest(Window(day, day), SCHOOL.urn, with_body=True)), None)
                    entry = self.log.begin_sending(number, SCHOOL, body(day, *sessions), last, at)
                    self.log.record(entry, outcome, at)
        self.log.end_run(number, 0, at + timedelta(seconds=2))
        return self

    def look(self, now: datetime, first: date = MONDAY) -> Overview:
        """Look at the log at a moment."""
        return look(self.settings, self.log, [SCHOOL], Window(first, now.date()), now)

    def school(self, now: datetime, first: date = MONDAY) -> SchoolView:
        """Look at the school."""
        return self.look(now, first).schools[0]

    def signs(self, now: datetime, first: date = MONDAY) -> dict[int, tuple[str, str]]:
        """Give the signs of each day."""
        return {
            d.date.day: (d.signs[Session.AM].value, d.signs[Session.PM].value) for d in self.school(now, first).days
        }


BOTH = (Session.AM, Session.PM)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """Begin a story."""
    story = Told(tmp_path)
    with story.log:
        yield story


def test_afternoon_is_not_due_before_its_time(told: Told) -> None:
    """A red cross at noon would frighten for nothing."""
    story = told.consent().run((MONDAY, BOTH, received(AT)), (TUESDAY, (Session.AM,), received(AT)))

    assert story.signs(AT) == {24: ("received", "not_due"), 23: ("received", "received")}
    assert not story.look(AT).needs_a_look
    assert story.school(AT).days[0].note == "afternoon is sent at 14:45"


def test_afternoon_is_missed_half_an_hour_after_its_time(told: Told) -> None:
    """Nobody else would tell that cron does not run."""
    story = told.consent().run((TUESDAY, (Session.AM,), received(AT)))
    due = datetime(2026, 11, 24, 14, 45, tzinfo=UTC)

    assert story.signs(due + timedelta(minutes=29), TUESDAY) == {24: ("received", "not_due")}
    late = story.school(due + timedelta(minutes=30), TUESDAY)
    assert late.days[0].signs[Session.PM] is Sign.NOT_RECEIVED
    assert [problem.code for problem in late.problems] == ["SEND-MISSED"]


def test_day_that_no_send_has_covered_is_missed(told: Told) -> None:
    """A send of one day alone looks at that day alone: the day before is not known to have no register."""
    at = datetime(2026, 11, 24, 14, 47, tzinfo=UTC)
    story = told.consent().run((TUESDAY, BOTH, received(at)), at=at, first=TUESDAY)

    assert story.signs(at) == {24: ("received", "received"), 23: ("not_received", "not_received")}
    assert [problem.code for problem in story.school(at).problems] == ["SEND-MISSED"]
    assert story.run((TUESDAY, BOTH, received(at)), at=at).signs(at)[23] == ("no_register", "no_register")


@pytest.mark.parametrize("what", [UNKNOWN, Outcome(state=State.REJECTED, problem=BUSY), Outcome(state=State.FAILED)])
def test_day_whose_marks_are_gone_is_not_refused_for_ever(told: Told, what: Outcome | Problem) -> None:
    """Three marks by mistake, refused and deleted: there is nothing to send, and nothing to correct."""
    story = told.consent().run((MONDAY, BOTH, what), (TUESDAY, BOTH, received(AT)))
    assert story.school(AT).problems

    school = story.run((TUESDAY, BOTH, received(AT))).school(AT)

    assert story.signs(AT)[23] == ("no_register", "no_register")
    assert school.problems == []


def test_missing_afternoon_that_was_looked_for_is_to_check(told: Told) -> None:
    """The register may not have been taken: lawful, and odd."""
    at = datetime(2026, 11, 24, 14, 47, tzinfo=UTC)
    story = told.consent().run((TUESDAY, (Session.AM,), received(at)), at=at)

    school = story.school(at, TUESDAY)

    assert story.signs(at, TUESDAY) == {24: ("received", "no_register")}
    assert school.to_check[0].text == "Tue 24 Nov: no afternoon register in the database."
    assert story.look(at, TUESDAY).needs_a_look


def test_nothing_is_due_before_consent(told: Told) -> None:
    """Consent of today does not make last week late."""
    at = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    record(told.log, SCHOOL, given=True, person=Person("sam", None), receiver=told.settings.dfe.origin, at=at)

    assert set(told.signs(at).values()) == {("not_due", "not_due")}
    assert not told.look(at).needs_a_look


def test_send_that_never_came_after_consent_is_missed(told: Told) -> None:
    """Somebody forgot the crontab."""
    at = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    record(told.log, SCHOOL, given=True, person=Person("sam", None), receiver=told.settings.dfe.origin, at=at)

    assert told.signs(at + timedelta(hours=2), TUESDAY) == {24: ("not_received", "not_due")}


def test_refused_day_has_its_reason(told: Told) -> None:
    """The morning is refused; the afternoon is not due yet."""
    story = told.consent().run((TUESDAY, (), UNKNOWN))

    (day,) = story.school(AT, TUESDAY).days

    assert (day.signs[Session.AM], day.signs[Session.PM]) == (Sign.REFUSED, Sign.NOT_DUE)
    assert day.note == 'refused: unknown mark code "ZZ"'
    assert day.marks is None
    assert day.problem
    assert day.problem.as_json() == UNKNOWN.as_json()


def test_fault_is_shown_in_its_session_only(told: Told) -> None:
    """The other session was received."""
    story = told.consent().run((MONDAY, BOTH, faulty(AT)))

    assert story.signs(AT)[23] == ("received", "faulty")


def test_day_that_could_not_be_sent_is_not_received(told: Told) -> None:
    """With the DfE's reason."""
    story = told.consent().run((MONDAY, BOTH, Outcome(state=State.FAILED, problem=BUSY)))

    assert story.signs(AT)[23] == ("not_received", "not_received")
    assert story.school(AT).days[1].note == "not received: DfE busy"


@pytest.mark.parametrize("state", [State.FAILED, State.UNKNOWN])
def test_day_that_was_received_stays_so_if_it_could_not_be_sent_again(told: Told, state: State) -> None:
    """The DfE holds these very counts; but somebody has to hear that the newest send did not get through."""
    story = told.consent().run((MONDAY, BOTH, received(AT)))
    story.run((MONDAY, BOTH, Outcome(state=state, problem=BUSY)), at=AT + timedelta(hours=4))

    school = story.school(AT + timedelta(hours=4))

    assert story.signs(AT + timedelta(hours=4))[23] == ("received", "received")
    assert school.days[1].note == "not sent again: DfE busy"
    assert school.days[1].as_json()["state"] == state
    assert BUSY in school.problems
    assert result(school, UNICODE).plain == "✗ not sent again: DfE busy"


def test_day_whose_change_did_not_get_through_is_not_received(told: Told) -> None:
    """What the DfE holds is not what is true now."""
    story = told.consent().run((MONDAY, (Session.AM,), received(AT)))
    story.run((MONDAY, BOTH, Outcome(state=State.FAILED, problem=BUSY)), at=AT + timedelta(hours=4))

    assert story.signs(AT + timedelta(hours=4))[23][0] == "not_received"


def test_send_without_an_answer_yet_is_not_received(told: Told) -> None:
    """Killed half-way: nobody knows, so nobody claims."""
    told.consent()
    number = told.log.begin_run(Window(MONDAY, TUESDAY), AT)
    with told.log.writing():
        told.log.record_school(number, SCHOOL, "read")
        told.log.begin_sending(number, SCHOOL, body(MONDAY, *BOTH), None, AT)

    assert told.signs(AT)[23] == ("not_received", "not_received")
    assert [problem.code for problem in told.school(AT).problems] == ["STOPPED"]


def test_database_that_failed_is_told_for_the_days_it_left_out(told: Told) -> None:
    """The day is not received because the database did not answer, not because cron slept."""
    failed = Problem("DB-NONE", "SIMS: cannot be opened.", "Ask IT.")
    at = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    story = told.consent().run((MONDAY, BOTH, received(AT)), at=AT - timedelta(days=1))
    story.run(at=at, failed=failed)

    school = story.school(datetime(2026, 11, 24, 16, 0, tzinfo=UTC))

    assert school.problems == [failed]
    assert school.told() == [(failed, "Tue 24 Nov: ")]


def test_changed_marks_are_noted(told: Told) -> None:
    """Late corrections went, and somebody can see it."""
    story = told.consent().run((MONDAY, BOTH, received(AT)), at=AT - timedelta(days=1))
    number = story.log.begin_run(Window(MONDAY, TUESDAY), AT)
    with story.log.writing():
        story.log.record_school(number, SCHOOL, "read")
        (last,) = story.log.latest(Window(MONDAY, MONDAY), SCHOOL.urn, with_body=True)
        entry = story.log.begin_sending(number, SCHOOL, body(MONDAY, *BOTH, ill=22), last, AT)
        story.log.record(entry, received(AT), AT)

    assert story.school(AT).days[1].note == "4 marks changed since Monday"


def test_saturday_school_is_shown_and_other_saturdays_are_not(told: Told) -> None:
    """The window's working days, and whatever else was sent (SPEC 6)."""
    story = told.consent().run((SATURDAY_SCHOOL, BOTH, received(AT)))

    days = [day.date.day for day in story.school(AT, date(2026, 11, 19)).days]

    assert days == [24, 23, 21, 20, 19]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 23, 9, 0, tzinfo=UTC), "Mon 23 10:15"),
        (datetime(2026, 11, 23, 10, 15, tzinfo=UTC), "Mon 23 14:45"),
        (datetime(2026, 11, 27, 18, 0, tzinfo=UTC), "Mon 30 10:15"),
        (datetime(2026, 7, 1, 9, 30, tzinfo=UTC), "Wed 1 14:45"),  # 10:30 in London
    ],
)
def test_next_send_is_counted_in_london(told: Told, now: datetime, expected: str) -> None:
    """Monday to Friday, at the times of the settings."""
    found = next_send(told.settings.schedule.times, now)

    assert found is not None
    assert f"{found:%a} {found.day} {found:%H:%M}" == expected


def test_working_day_without_any_register_is_said_to_have_none(told: Told) -> None:
    """A training day, or marks that nobody entered: not a bank holiday, and not a Tuesday as such."""
    story = told.consent().run((MONDAY, BOTH, received(AT)), at=AT + timedelta(hours=6))

    (tuesday,) = [day for day in story.school(AT + timedelta(hours=6)).days if day.date == TUESDAY]
    assert (tuesday.note, tuesday.is_closed) == ("no register", True)


@pytest.mark.parametrize(
    ("day", "note"),
    [(SATURDAY_SCHOOL, "Saturday"), (date(2026, 12, 25), "bank holiday"), (date(2026, 12, 27), "Sunday")],
)
def test_day_on_which_no_school_is_open_says_which_it_is(told: Told, day: date, note: str) -> None:
    """Where every day of the calendar is shown, somebody would wonder."""
    told.settings = told.settings.model_copy(update={"window": WindowSettings(count="calendar")})
    now = datetime.combine(day, AT.time(), UTC) + timedelta(hours=8)
    overview = look(told.consent().settings, told.log, [SCHOOL], Window(day, day), now)

    assert [each.note for each in overview.schools[0].days] == [note]


def test_day_that_a_stranger_rejected_meanwhile_is_held_all_the_same(told: Told) -> None:
    """Who refuses a message has not taken away what was received before: here a slip in the address, then an outage."""
    rejected = Outcome(state=State.REJECTED, problem=Problem("DFE-ANSWER", "Something answers.", "Ask IT."))
    failed = Outcome(state=State.FAILED, problem=Problem("DFE-UNREACHABLE", "It could not be reached.", "Wait."))
    story = told.consent().run((MONDAY, BOTH, received(AT)))
    for number, outcome in enumerate((rejected, failed), 1):
        story.run((MONDAY, BOTH, outcome), at=AT + timedelta(minutes=number))

    (monday,) = [day for day in story.school(AT + timedelta(minutes=5)).days if day.date == MONDAY]
    assert {sign.value for sign in monday.signs.values()} == {"received"}
    assert monday.note == "not sent again: DfE not reached"


def test_nothing_is_promised_after_consent_was_removed(told: Told) -> None:
    """Whoever has just stopped it would read that the afternoon is sent all the same."""
    story = told.consent().run((TUESDAY, (Session.AM,), received(AT)))
    assert story.school(AT).days[0].note == "afternoon is sent at 14:45"
    person, receiver = Person("sam", None), story.settings.dfe.origin
    record(story.log, SCHOOL, given=False, person=person, receiver=receiver, at=AT)

    assert story.school(AT).days[0].note == ""


def test_schools_without_a_log_have_no_days(told: Told) -> None:
    """Before anything was ever sent."""
    overview = look(told.settings, None, [SCHOOL], Window(MONDAY, TUESDAY), AT)
    assert overview.schools[0].days == ()
    assert overview.last_run is None


def began(story: Told, at: datetime, *, ill: int = 20) -> Told:
    """Log a run that has begun to send Monday, and has had no answer yet."""
    number = story.log.begin_run(Window(MONDAY, TUESDAY), at)
    with story.log.writing():
        story.log.record_school(number, SCHOOL, "read")
        last = next(iter(story.log.latest(Window(MONDAY, MONDAY), SCHOOL.urn, with_body=True)), None)
        story.log.begin_sending(number, SCHOOL, body(MONDAY, *BOTH, ill=ill), last, at)
    return story


@pytest.mark.parametrize("ill", [20, 22])
def test_day_that_is_being_sent_shows_what_stood_before(told: Told, ill: int) -> None:
    """At 10:16 nothing has gone wrong yet, and what was received stays received, with its time."""
    story = told.consent().run((MONDAY, BOTH, received(AT)), (TUESDAY, BOTH, received(AT)))
    later = AT + timedelta(hours=5)
    began(story, later, ill=ill)

    overview = look(story.settings, story.log, [SCHOOL], Window(MONDAY, TUESDAY), later, under_way=True)
    day = overview.schools[0].days[1]

    assert [*day.signs.values()] == [Sign.RECEIVED, Sign.RECEIVED]
    assert (day.note, day.sent_at, day.problem) == ("being sent now", AT, None)
    assert day.as_json()["state"] == "sending"
    assert not overview.needs_a_look


def test_day_that_is_sent_for_the_first_time_is_not_due_yet(told: Told) -> None:
    """Nor is its register missing."""
    began(told.consent(), AT)

    overview = look(told.settings, told.log, [SCHOOL], Window(MONDAY, MONDAY), AT, under_way=True)

    assert [*overview.schools[0].days[0].signs.values()] == [Sign.NOT_DUE, Sign.NOT_DUE]
    assert not overview.needs_a_look


def test_stopped_send_of_other_counts_is_not_settled_and_keeps_the_time_of_the_last(told: Told) -> None:
    """What was sent at 10:17 was received; whether the change of 15:17 was, nobody knows."""
    story = told.consent().run((MONDAY, BOTH, received(AT)))
    later = AT + timedelta(hours=5)
    began(story, later, ill=22)

    day = story.school(later).days[1]

    assert (day.sent_at, day.note) == (AT, "not settled: send was stopped")


def test_first_send_that_was_stopped_was_tried(told: Told) -> None:
    """It may have arrived: "nothing was sent" would be wrong."""
    began(told.consent(), AT)

    assert told.school(AT).days[1].sent_at == AT


def test_several_stopped_sends_in_a_row_take_no_tick(told: Told) -> None:
    """Nothing but the very counts that the DfE confirmed can have arrived."""
    story = told.consent().run((MONDAY, BOTH, received(AT)))
    for hours in (1, 2):
        began(story, AT + timedelta(hours=hours))
    story.run((MONDAY, BOTH, Outcome(state=State.FAILED, problem=BUSY)), at=AT + timedelta(hours=3))

    day = story.school(AT + timedelta(hours=4)).days[1]

    assert [*day.signs.values()] == [Sign.RECEIVED, Sign.RECEIVED]
    assert day.sent_at == AT


def test_day_refused_after_a_stopped_send_is_held_all_the_same(told: Told) -> None:
    """Whatever became of the stopped one: it said the same."""
    story = told.consent().run((MONDAY, BOTH, received(AT)))
    began(story, AT + timedelta(hours=1))
    story.run((MONDAY, (), UNKNOWN), at=AT + timedelta(hours=2))

    day = story.school(AT + timedelta(hours=2)).days[1]

    assert (day.state, day.still_held, day.sent_at) == (State.REFUSED, True, AT)


def test_stopped_send_of_the_same_counts_is_told(told: Told) -> None:
    """The DfE holds them, and somebody may wonder what became of the send."""
    story = told.consent().run((MONDAY, BOTH, received(AT)))
    began(story, AT + timedelta(hours=1))

    day = story.school(AT + timedelta(hours=1)).days[1]

    assert [*day.signs.values()] == [Sign.RECEIVED, Sign.RECEIVED]
    assert (day.sent_at, day.note) == (AT, "not sent again: send was stopped")


@pytest.mark.parametrize(
    ("exit_code", "words"), [(0, "took 2 s."), (130, "was stopped."), (143, "was stopped."), (70, "took 2 s.")]
)
def test_send_that_was_stopped_is_not_said_to_be_done(told: Told, exit_code: int, words: str) -> None:
    """Ctrl-C at a terminal, or a machine that shuts down."""
    number = told.log.begin_run(Window(MONDAY, TUESDAY), AT)
    told.log.end_run(number, exit_code, AT + timedelta(seconds=2))

    assert last_and_next(told.look(AT), AT)[0].endswith(words)


def test_marks_that_are_gone_are_a_problem_of_the_school(told: Told) -> None:
    """Every day was received, as zeros: the ticks alone would say that all is well."""
    gone = Problem("MARKS-GONE", "Not one mark is left.", "Ask IT.")
    number = told.consent().log.begin_run(Window(MONDAY, TUESDAY), AT)
    with told.log.writing():
        told.log.record_school(number, SCHOOL, "read", problem=gone)
    told.log.end_run(number, 1, AT)

    assert gone in told.school(AT).problems
