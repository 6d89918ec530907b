"""status.overview: what a real log means to a person, for each school and day."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from attsync.log import Log, Submission
from attsync.log.rows import submission_of
from attsync.model import School, Session, Sign, State
from attsync.problems import Problem
from attsync.settings import Settings
from attsync.settings.models import WindowSettings
from attsync.status.overview import Overview, SchoolStatus, consent_as_json, day_as_json, overview
from attsync.window import Window
from tests.made_log import (
    ABBEY,
    AT,
    BOTH,
    BUSY,
    ELM,
    MONDAY,
    OTHER,
    RECEIVER,
    REFUSAL,
    TERMS,
    TUESDAY,
    Runs,
    decide,
    message,
    outcome,
)
from tests.settings_file import loaded, settings_text

AM, PM = Session
RECEIVED = outcome()
REJECTED = outcome(State.REJECTED, problem=Problem("DFE-ANSWER"))
FAILED = outcome(State.FAILED, problem=BUSY)
SATURDAY = date(2026, 11, 21)
YESTERDAY, LATER = AT - timedelta(days=1), AT + timedelta(hours=5)


@dataclass
class Story:
    """A log, and how it looks at a moment."""

    settings: Settings
    log: Log

    @property
    def runs(self) -> Runs:
        """Write runs of Abbey Lane."""
        return Runs(self.log)

    def seen(self, now: datetime = AT, first: date = MONDAY, **more: Any) -> Overview:  # noqa: ANN401  of overview
        """Look at the log."""
        return overview(self.settings, self.log, [ABBEY], Window(first, now.date()), now, **more)

    def school(self, now: datetime = AT, first: date = MONDAY) -> SchoolStatus:
        """Look at the school."""
        return self.seen(now, first).schools[0]

    def signs(self, now: datetime = AT, first: date = MONDAY) -> dict[int, tuple[Sign, Sign]]:
        """Return the signs of each day."""
        return {day.date.day: (day.signs[AM], day.signs[PM]) for day in self.school(now, first).days}


def codes(problems: list[Problem]) -> list[str]:
    """Return the codes."""
    return [problem.code for problem in problems]


def problems_of(school: SchoolStatus) -> list[Problem]:
    """Return what has to be acted on."""
    return [told.problem for told in school.told()]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Story]:
    """Return a log in which nothing has happened."""
    with Log.open(tmp_path / "attsync.db") as log:
        yield Story(loaded(settings_text(), tmp_path), log)


@pytest.fixture
def story(empty: Story) -> Story:
    """Return a log in which Abbey Lane has given consent in September."""
    decide(empty.log)
    return empty


def test_days_are_those_of_the_window_newest_first(story: Story) -> None:
    """And what is not due yet is no fault."""
    story.runs.run((message(), RECEIVED), (message(TUESDAY, AM), RECEIVED))

    found = story.seen()

    assert story.signs() == {24: (Sign.RECEIVED, Sign.NOT_DUE), 23: (Sign.RECEIVED, Sign.RECEIVED)}
    assert not found.needs_a_look
    school = found.schools[0]
    assert (school.sent_at, school.standing) == (AT, "well")
    assert (found.last_run and found.last_run.exit_code, found.receiver) == (0, RECEIVER)
    assert found.next_send == datetime(2026, 11, 24, 10, 27, tzinfo=UTC), "as attsync crontab writes it"


def test_ticks_belong_to_one_receiver(story: Story) -> None:
    """A1: the sandbox first, then the real address: nothing was sent there yet."""
    story.runs.run((message(), RECEIVED), to_check=(REFUSAL,))
    assert story.seen().receiver_before is None
    story.settings = story.settings.model_copy(
        update={"dfe": story.settings.dfe.model_copy(update={"base_url": f"{OTHER}/v1"})}
    )
    decide(story.log, terms=TERMS.of(story.settings), at=AT)

    found = story.seen(AT + timedelta(minutes=1))

    school = found.schools[0]
    assert {sign for day in school.days for sign in day.signs.values()} == {Sign.NOT_DUE}
    assert (school.sent_at, school.last, school.to_check, found.last_run) == (None, None, [], None)
    assert (found.receiver, found.receiver_before) == (OTHER, RECEIVER)
    Runs(story.log, receiver=OTHER).run((message(), FAILED), at=LATER)
    assert story.seen(LATER).receiver_before is None


def test_day_that_no_send_has_covered_is_missed(story: Story) -> None:
    """A send of one day alone reads that day alone: the day before is not known to have no register."""
    at = datetime(2026, 11, 24, 14, 47, tzinfo=UTC)
    story.runs.run((message(TUESDAY), RECEIVED), at=at, first=TUESDAY)

    assert story.signs(at) == {24: (Sign.RECEIVED, Sign.RECEIVED), 23: (Sign.NOT_RECEIVED, Sign.NOT_RECEIVED)}
    assert codes(problems_of(story.school(at))) == ["SEND-MISSED"]
    story.runs.run((message(TUESDAY), RECEIVED), at=at)
    assert story.signs(at)[23] == (Sign.NO_REGISTER, Sign.NO_REGISTER)


def test_send_that_never_came_after_consent_is_missed(empty: Story) -> None:
    """Someone forgot the crontab. What was due before consent is not late."""
    decide(empty.log, at=AT.replace(hour=9))

    assert set(empty.signs(AT).values()) == {(Sign.NOT_DUE, Sign.NOT_DUE)}
    assert not empty.seen(AT).needs_a_look
    assert empty.signs(AT.replace(hour=11), TUESDAY) == {24: (Sign.NOT_RECEIVED, Sign.NOT_DUE)}


@pytest.mark.parametrize("what", [REFUSAL, REJECTED, FAILED])
def test_day_whose_marks_are_gone_has_no_problem_any_more(story: Story, what: object) -> None:
    """Marks by mistake, refused and deleted: there is nothing to send, and nothing to correct."""
    day = (MONDAY, what) if what is REFUSAL else (message(), what)
    story.runs.run(day, (message(TUESDAY), RECEIVED))  # type: ignore[arg-type]
    assert problems_of(story.school())

    story.runs.run((message(TUESDAY), RECEIVED))

    assert story.signs()[23] == (Sign.NO_REGISTER, Sign.NO_REGISTER)
    assert problems_of(story.school()) == []


def test_register_that_was_looked_for_and_is_not_there_is_to_check(story: Story) -> None:
    """Once: not again where what was read says so already."""
    at = datetime(2026, 11, 24, 14, 47, tzinfo=UTC)
    story.runs.run((message(TUESDAY, AM), RECEIVED), at=at)
    (problem,) = story.school(at, TUESDAY).to_check
    assert (problem.code, problem.case, problem["day"]) == ("SESSION-NONE", "not_in_database", "2026-11-24")
    assert story.seen(at, TUESDAY).needs_a_look

    said = Problem("SESSION-NONE", days=[TUESDAY], session=PM, day=TUESDAY)
    story.runs.run((message(TUESDAY, AM), RECEIVED), at=at, to_check=(said,))
    assert story.school(at, TUESDAY).to_check == [said]


def test_only_what_is_unusual_on_the_days_asked_for_is_told(story: Story) -> None:
    """`status --date`."""
    monday, always = Problem("DAYS-NONE", days=[MONDAY]), Problem("MARKS-HIGH")
    story.runs.run((message(TUESDAY), RECEIVED), to_check=(monday, always))

    assert story.school().to_check == [monday, always]
    assert story.school(first=TUESDAY).to_check == [always]


@pytest.mark.parametrize("state", [State.FAILED, State.UNKNOWN])
def test_day_that_was_received_stays_so_if_it_could_not_be_sent_again(story: Story, state: State) -> None:
    """The receiver holds these very counts; but someone has to hear that the newest send did not get through."""
    story.runs.run((message(), RECEIVED))
    story.runs.run((message(), outcome(state, problem=BUSY)), at=LATER)

    school = story.school(LATER)

    assert story.signs(LATER)[23] == (Sign.RECEIVED, Sign.RECEIVED)
    assert (school.days[1].state, school.days[1].not_again, school.days[1].sent_at) == (state, True, AT)
    assert BUSY in problems_of(school)


def test_day_whose_change_did_not_get_through_is_not_received(story: Story) -> None:
    """What the receiver holds is not what is true now."""
    story.runs.run((message(MONDAY, AM), RECEIVED))
    story.runs.run((message(), FAILED), at=LATER)

    assert story.signs(LATER)[23][0] is Sign.NOT_RECEIVED
    assert story.school(LATER).days[1].still_held


def test_day_that_was_rejected_meanwhile_is_held_all_the_same(story: Story) -> None:
    """Who rejects a message has not taken away what was received before: a mistake in the address, then an outage."""
    story.runs.run((message(), RECEIVED))
    for number, ended in enumerate((REJECTED, FAILED), 1):
        story.runs.run((message(), ended), at=AT + timedelta(minutes=number))

    assert story.signs(AT + timedelta(minutes=5))[23] == (Sign.RECEIVED, Sign.RECEIVED)


def test_day_refused_after_a_stopped_send_is_held_all_the_same(story: Story) -> None:
    """Whatever became of the stopped one: it said the same."""
    story.runs.run((message(), RECEIVED))
    story.runs.run((message(), None), at=AT - timedelta(hours=1))
    story.runs.run((MONDAY, REFUSAL), at=AT + timedelta(hours=2))

    day = story.school(AT + timedelta(hours=2)).days[1]

    assert (day.state, day.still_held, day.sent_at, day.problem) == (State.REFUSED, True, AT, REFUSAL)


@pytest.mark.parametrize("ill", [20, 22])
def test_day_that_is_being_sent_shows_what_was_there_before(story: Story, ill: int) -> None:
    """At 10:16 nothing has gone wrong yet, and what was received stays received, with its time."""
    story.runs.run((message(), RECEIVED), (message(TUESDAY), RECEIVED))
    story.runs.run((message(ill=ill), None), at=LATER)

    found = story.seen(LATER, under_way=True)

    day = found.schools[0].days[1]
    assert set(day.signs.values()) == {Sign.RECEIVED}
    assert (day.is_going, day.sent_at, day.problem, day.state) == (True, AT, None, State.SENDING)
    assert not found.needs_a_look


def test_day_that_is_sent_for_the_first_time_is_not_due_yet(story: Story) -> None:
    """Nor is its register missing."""
    story.runs.run((message(), None))

    found = story.seen(under_way=True)

    assert set(found.schools[0].days[1].signs.values()) == {Sign.NOT_DUE}
    assert not found.needs_a_look


@pytest.mark.parametrize(("ill", "sign"), [(20, Sign.RECEIVED), (22, Sign.NOT_RECEIVED)])
def test_stopped_send_is_told_with_the_time_of_the_last_that_surely_left(story: Story, ill: int, sign: Sign) -> None:
    """What was sent at 10:17 was received; whether a change at 15:17 was, no one knows."""
    story.runs.run((message(), RECEIVED))
    story.runs.run((message(ill=ill), None), at=LATER)

    day = story.school(LATER).days[1]

    assert set(day.signs.values()) == {sign}
    assert (day.sent_at, day.problem) == (AT, Problem("STOPPED", "unsettled"))


def test_first_send_that_was_stopped_was_tried(story: Story) -> None:
    """It may have arrived: "nothing was sent" would be wrong."""
    story.runs.run((message(), None))

    assert story.school().days[1].sent_at == AT


def test_several_stopped_sends_in_a_row_take_no_tick(story: Story) -> None:
    """Nothing but the very counts that the receiver confirmed can have arrived."""
    story.runs.run((message(), RECEIVED))
    for hours in (1, 2):
        story.runs.run((message(), None), at=AT + timedelta(hours=hours))
    story.runs.run((message(), FAILED), at=AT + timedelta(hours=3))

    day = story.school(AT + timedelta(hours=4)).days[1]

    assert (set(day.signs.values()), day.sent_at) == ({Sign.RECEIVED}, AT)


def test_database_that_failed_is_told_for_the_days_it_left_out(story: Story) -> None:
    """Once, with the days: not because cron slept."""
    failed = Problem("DB-NONE", name="SIMS")
    story.runs.run((message(), RECEIVED), at=YESTERDAY)
    story.runs.run(at=LATER, failed=failed)

    school = story.school(LATER + timedelta(hours=1))

    assert problems_of(school) == [failed]
    assert [(told.problem, told.days) for told in school.told()] == [(failed, (TUESDAY,))]


def test_problem_of_the_whole_school_is_told_though_every_day_was_received(story: Story) -> None:
    """All marks are gone, and every day went as zeros: the ticks alone would say that all is well."""
    gone = Problem("MARKS-GONE", number=2, first=MONDAY)
    story.runs.run((message(), RECEIVED), (message(TUESDAY), RECEIVED), problem=gone)

    school = story.school()

    assert (problems_of(school), school.standing) == ([gone], "failed")


def test_saturday_school_is_shown_and_other_saturdays_are_not(story: Story) -> None:
    """The working days of the window, and any other date that was sent; with calendar days, all."""
    story.runs.run((message(SATURDAY), RECEIVED), first=SATURDAY)

    def days() -> list[int]:
        return [day.date.day for day in story.school(first=date(2026, 11, 14)).days]

    assert days() == [24, 23, 21, 20, 19, 18, 17, 16]
    story.settings = story.settings.model_copy(update={"window": WindowSettings(count="calendar")})
    decide(story.log, terms=TERMS.of(story.settings))
    assert days() == [24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14]


# Days that left the window


def test_day_that_left_the_window_unreceived_is_kept_for_a_term(story: Story) -> None:
    """A10: `status --problems` has it; not one that was received, nor one whose marks are gone."""
    thursday, friday = date(2026, 11, 19), date(2026, 11, 20)
    story.runs.run((message(thursday), REJECTED), (message(friday), RECEIVED), (SATURDAY, REFUSAL), first=thursday)
    story.runs.run((message(), RECEIVED), first=friday)  # Saturday was read again, and had nothing to send

    found = story.seen()

    assert found.schools[0].left == (thursday,)
    assert found.schools[0].standing == "well"
    only = found.only_problems()
    assert ([school.school for school in only.schools], only.left_out, only.has_problems_only) == ([ABBEY], (), True)
    assert story.school(AT + timedelta(weeks=12), TUESDAY + timedelta(weeks=12)).left == (thursday,)
    assert story.school(AT + timedelta(weeks=14), TUESDAY + timedelta(weeks=14)).left == ()


def test_schools_where_all_is_well_can_be_left_out(story: Story) -> None:
    """`status --problems` of a trust."""
    decide(story.log, ELM)
    story.runs.run((message(), RECEIVED))
    Runs(story.log, ELM).run((message(school=ELM), FAILED))

    found = overview(story.settings, story.log, [ABBEY, ELM], Window(MONDAY, MONDAY), AT)

    only = found.only_problems()
    assert [school.school for school in only.schools] == [ELM]
    assert [school.school for school in only.left_out] == [ABBEY]
    assert found.needs_a_look


# Consent


def test_school_that_no_one_decided_about_is_told_from_one_that_was_removed(empty: Story) -> None:
    """A3: silence only after a decision."""
    school = empty.school()
    assert (school.standing, school.consent, school.days, empty.seen().next_send) == ("undecided", None, (), None)

    decide(empty.log, action="removed")
    school = empty.school()
    assert (school.standing, empty.seen().needs_a_look) == ("no consent", False)


def test_consent_that_no_longer_fits_needs_a_look(empty: Story) -> None:
    """Someone has to give it again, or the address is a mistake."""
    decide(empty.log, action="lapsed")

    school = empty.school()
    assert (school.standing, empty.seen().needs_a_look) == ("consent again", True)


def test_school_whose_consent_was_removed_still_shows_what_was_sent(story: Story) -> None:
    """Without problems: nothing is due any more."""
    story.runs.run((message(TUESDAY, AM), RECEIVED), (message(), FAILED))
    decide(story.log, action="removed", at=AT)

    school = story.school()

    assert len(school.days) == 2
    assert (school.days[0].note, school.told(), school.standing) == ("", [], "no consent")
    assert story.seen().next_send is None


def test_next_send_is_not_promised_where_nothing_sends(story: Story) -> None:
    """Settings have times from the beginning; only a planned send that came, or a schedule, says that one comes."""
    story.runs.run((message(), RECEIVED), at=AT - timedelta(hours=1))

    alone, scheduled = story.seen(), story.seen(is_scheduled=lambda: True)

    assert (alone.next_send, alone.can_send) == (None, True)
    assert scheduled.next_send == datetime(2026, 11, 24, 10, 27, tzinfo=UTC)


def test_closed_service_has_no_next_send(story: Story) -> None:
    """Nothing is sent until it answers again."""
    for _ in range(2):
        with story.log.writing():
            story.log.record_closed(RECEIVER, AT)

    assert story.seen().next_send is None


def test_schools_without_a_log_have_no_days(empty: Story) -> None:
    """Before anything was ever sent."""
    found = overview(empty.settings, None, [ABBEY], Window(MONDAY, TUESDAY), AT)

    assert (found.schools[0].days, found.schools[0].standing, found.last_run) == ((), "undecided", None)


# JSON, and how often the log is asked


def test_json_has_the_members_that_programs_rely_on(story: Story) -> None:
    """Version 1 only grows."""
    stray = Problem("SCHOOL-UNLISTED", name="SIMS", marks=7, database="SIMS")
    story.runs.run((MONDAY, REFUSAL), (message(TUESDAY, AM), RECEIVED))
    story.log.end_run(1, 1, AT, [stray])

    found = story.seen().as_json()

    assert (found["version"], [each["code"] for each in found["to_check"]]) == (1, ["SCHOOL-UNLISTED"])
    (school,) = found["schools"]
    assert (school["urn"], school["name"], school["to_check"]) == (ABBEY.urn, ABBEY.name, [])
    assert school["consent"] == {"standing": True, "by": "head", "at": "2026-09-03T09:12:00+01:00"}
    newest, oldest = school["days"]
    assert newest == {
        "date": "2026-11-24",
        "AM": "received",
        "PM": "not_due",
        "marks": 420,
        "on_roll": 420,
        "sent_at": "2026-11-24T10:17:00+00:00",
        "state": "accepted",
        "problem": None,
    }
    assert (oldest["state"], oldest["problem"]["code"], oldest["marks"], oldest["sent_at"]) == (
        "refused", "COUNT-WRONG", None, None,
    )  # fmt: skip
    assert consent_as_json(None) == {"standing": False, "by": None, "at": None}
    assert day_as_json(story.school().days[0]) == newest


def test_log_is_asked_equally_often_for_one_school_and_for_fifty(story: Story) -> None:
    """One question for each kind of thing, however many schools and days there are."""
    schools = [School(900_100 + number, f"School {number}") for number in range(50)]
    for school in schools:
        decide(story.log, school)
    days = [message(MONDAY - timedelta(days=back), *BOTH) for back in range(10)]
    for school in schools:
        Runs(story.log, school).run(*((day, RECEIVED) for day in days), first=days[-1].day)
        Runs(story.log, school).run(*((day, FAILED) for day in days), first=days[-1].day)

    def asked(of: list[School], first: date) -> list[str]:
        statements: list[str] = []
        story.log._connection.set_trace_callback(statements.append)  # noqa: SLF001
        seen = overview(story.settings, story.log, of, Window(first, TUESDAY), AT)
        story.log._connection.set_trace_callback(None)  # noqa: SLF001
        assert len(seen.schools) == len(of)
        return statements

    one, fifty = asked(schools[:1], MONDAY), asked(schools, date(2026, 11, 13))
    assert len(one) == len(fifty) <= 11


def test_days_of_the_last_term_are_not_read_one_by_one(story: Story, rows: Callable[[], int]) -> None:
    """A trust has millions of submissions a term: only those days are read that were not received."""
    for back in reversed(range(20)):
        day = MONDAY - timedelta(days=7 + back)
        story.runs.run((message(day), RECEIVED if back else REJECTED), first=day)

    recorded = rows()

    story.seen()

    assert rows() - recorded == 1


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count the submissions that are read from the log."""
    seen: list[object] = []

    def counted(row: object) -> Submission:
        seen.append(row)
        return submission_of(row)

    monkeypatch.setattr("attsync.log.log.submission_of", counted)
    return lambda: len(seen)
