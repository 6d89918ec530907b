"""log.log: every attempt is on disk before its first byte, every body once, every consent for good."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attsync import __version__
from attsync.log import Log, log
from attsync.log.rows import all_from_json, all_to_json, from_json, to_json
from attsync.model import Body, Cell, Day, Fault, School, Session, State, Try
from attsync.problems import LogError, Problem
from attsync.window import Window
from attsync.wire import build
from tests.made_log import (
    ABBEY,
    AT,
    BUSY,
    ELM,
    FRIDAY,
    MONDAY,
    OTHER,
    RECEIVER,
    REFUSAL,
    WINDOW,
    Runs,
    decide,
    message,
    newest,
    outcome,
)

RECEIVED = outcome()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Log]:
    """Return a log in which Abbey Lane has given consent."""
    with Log.open(tmp_path / "attsync.db") as opened:
        decide(opened)
        yield opened


def count(opened: Log, table: str) -> int:
    """Return the number of rows."""
    return len(rows(opened, f"SELECT 1 FROM {table}"))


def rows(opened: Log, sql: str) -> list[tuple[object, ...]]:
    """Return what another process reads."""
    with closing(sqlite3.connect(opened.path)) as other:
        return other.execute(sql).fetchall()


# Submissions


def test_attempt_is_seen_by_others_as_soon_as_it_is_recorded(made: Log) -> None:
    """Before the first byte leaves, another process finds it, with its key and its receiver."""
    Runs(made).run((message(), None))

    sending = newest(made)

    assert sending
    assert rows(made, "SELECT state, key, receiver FROM submission") == [("sending", sending.key, RECEIVER)]
    assert rows(made, "SELECT version, receiver, ended_at FROM run") == [(__version__, RECEIVER, None)]


def test_failed_transaction_leaves_nothing(made: Log) -> None:
    """All or nothing, also for Ctrl-C; and the next one works."""
    number = made.begin_run(WINDOW, RECEIVER, AT)

    def both() -> None:
        with made.writing():
            made.begin_sending(number, RECEIVER, ABBEY, message(), AT)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        both()
    assert newest(made) is None
    Runs(made).run((message(), RECEIVED))
    assert newest(made)


def test_what_was_recorded_is_read_back(made: Log) -> None:
    """All of it: what begin_sending returned, with the outcome."""
    faults = (Fault("VAL104", Cell("4", Session.AM), "I", "odd \udcff"), Fault("VAL105", None, None, "é"))
    number = made.begin_run(WINDOW, RECEIVER, AT)
    body = message(MONDAY, Session.PM)
    with made.writing():
        begun = made.begin_sending(number, RECEIVER, ABBEY, body, AT, changed=3, changed_from=AT - timedelta(days=1))
    assert newest(made) == begun
    with made.writing():
        made.record(begun, outcome(State.FAULTY, AT, BUSY, faults), AT)

    kept = newest(made)

    assert kept
    assert (kept.marks, kept.on_roll, kept.attendance) == ({Session.PM: 420}, 420, body.attendance)
    assert (kept.changed, kept.changed_from) == (3, AT - timedelta(days=1))
    assert (kept.state, kept.reference, kept.problem, kept.answered_at) == (State.FAULTY, RECEIVED.reference, BUSY, AT)
    assert (kept.faults, kept.tries) == (faults, (Try(at=AT, seconds=0.4, answer="an answer"),))
    assert made.content(kept) == body.content


def test_submissions_belong_to_one_receiver(made: Log) -> None:
    """A1: what one receiver confirmed says nothing about another."""
    Runs(made).run((message(), RECEIVED))
    Runs(made, receiver=OTHER).run((message(), outcome(State.FAILED)))

    assert [(each and each.state) for each in (newest(made), newest(made, receiver=OTHER))] == ["accepted", "failed"]
    assert made.submissions("https://third.example", WINDOW) == {}
    assert made.last_receiver(other_than=OTHER) == RECEIVER
    last, of_receiver = made.last_run(), made.last_run(RECEIVER)
    assert last
    assert of_receiver
    assert (last.id, of_receiver.id) == (2, 1)


def test_refusal_is_no_message_to_another_receiver(made: Log) -> None:
    """`receiver before` is one that something was sent to."""
    Runs(made).run((MONDAY, REFUSAL))

    assert made.last_receiver(other_than=OTHER) is None


def test_each_body_is_kept_once_and_compressed(made: Log) -> None:
    """Unchanged days are sent twice a day, for years; each sending has its own key."""
    for _ in range(3):
        Runs(made).run((message(), RECEIVED))

    past = made.history(RECEIVER, MONDAY, ABBEY.urn)
    assert rows(made, "SELECT size, length(content) < size FROM body") == [(len(message().content), 1)]
    assert (len({each.key for each in past}), {each.body_id for each in past}) == (3, {1})
    assert past[-1].marks == {Session.AM: 420, Session.PM: 420}
    assert made.has_body(past[-1], message())
    assert not made.has_body(past[-1], message(ill=1))


@pytest.mark.parametrize("damage", ["x'00'", "zeroblob(0)", "x'789c030000000001'", "'text'", "7"])
def test_damaged_body_is_none_and_nothing_else_is_lost(made: Log, damage: str) -> None:
    """Not what was sent, so it is neither shown nor compared with; the other days are."""
    Runs(made).run((message(), RECEIVED), (message(FRIDAY), RECEIVED), first=FRIDAY)
    with closing(sqlite3.connect(made.path)) as other, other:
        other.execute(f"UPDATE body SET content = {damage} WHERE id = 1")

    days = made.submissions(RECEIVER, WINDOW)[ABBEY.urn]

    assert made.content(days[MONDAY][0]) is None
    assert made.content(days[FRIDAY][0]) == message(FRIDAY).content
    assert days[MONDAY][0].marks == {Session.AM: 420, Session.PM: 420}


def test_bytes_that_a_submission_takes_are_bounded(made: Log) -> None:
    """Three years of a school are 9,000 submissions and have to stay below 6 MB, with their bodies."""

    def body(day: date, version: int) -> Body:
        codes = {"L": 52, "I": day.day % 7, "M": day.day % 3, "B": 1, "C": version, "V": 0}
        cells = {Cell(str(group), each): codes for group in range(1, 8) for each in Session}
        built = build(ABBEY, Day(date=day, cells=cells, roll={str(group): 60 for group in range(1, 8)}), {})
        assert isinstance(built, Body)
        return built

    def bytes_used() -> int:
        made._rows("PRAGMA wal_checkpoint(TRUNCATE)")  # noqa: SLF001
        return made.path.stat().st_size

    before = bytes_used()
    for number in range(25):
        days = [date(2026, 1, 1) + timedelta(days=number - back) for back in range(8)]
        Runs(made).run(*((body(day, int(age in (1, 5))), RECEIVED) for age, day in enumerate(days)))

    assert (bytes_used() - before) / 200 < 700


def test_dead_run_leaves_what_it_sent_open(made: Log) -> None:
    """What was `sending` when a run died may have arrived; anyone who it was sent to."""
    Runs(made, receiver=OTHER).run((message(), None))

    made.begin_run(WINDOW, RECEIVER, AT)

    open_one = newest(made, receiver=OTHER)
    assert open_one
    assert (open_one.state, open_one.problem) == (State.UNKNOWN, Problem("STOPPED", "died"))


def test_sending_again_keeps_the_key_and_the_time_of_the_first(made: Log) -> None:
    """The receiver recognises the repeat, and after a day the key has to be given up: by recorded_at."""
    Runs(made).run((message(), None))
    number = made.begin_run(WINDOW, RECEIVER, AT + timedelta(hours=4))
    first = newest(made)
    assert first

    with made.writing():
        made.continue_sending(number, first)

    again = newest(made)
    assert again
    assert (again.key, again.id, again.recorded_at) == (first.key, first.id, AT)
    assert (again.state, again.run_id, again.problem) == (State.SENDING, number, None)


def test_tries_of_all_runs_are_kept(made: Log) -> None:
    """`status --date` shows each."""
    Runs(made).run((message(), outcome(State.UNKNOWN)))
    first = newest(made)
    assert first
    number = made.begin_run(WINDOW, RECEIVER, AT)
    with made.writing():
        made.continue_sending(number, first)
        made.record(first, outcome(at=AT + timedelta(hours=1)), AT)

    again = newest(made)
    assert again
    assert [each.at for each in again.tries] == [AT, AT + timedelta(hours=1)]
    assert again.sent_at == AT + timedelta(hours=1)


def test_superseded_message_keeps_its_own_key_and_body(made: Log) -> None:
    """One key never stands for two bodies."""
    Runs(made).run((message(ill=1), outcome(State.UNKNOWN)))
    first = newest(made)
    assert first
    number = made.begin_run(WINDOW, RECEIVER, AT)
    with made.writing():
        made.begin_sending(number, RECEIVER, ABBEY, message(ill=2), AT, supersedes=first)

    older, newer = made.submissions(RECEIVER, WINDOW)[ABBEY.urn][MONDAY]
    assert (older.state, newer.state) == (State.SUPERSEDED, State.SENDING)
    assert (older.key, older.body_id) == (first.key, first.body_id)
    assert older.key != newer.key
    assert older.body_id != newer.body_id


def test_submission_taken_up_again_is_the_newest(made: Log) -> None:
    """Though its row is older than that of a refusal in between."""
    Runs(made).run((message(), None))
    Runs(made).run((MONDAY, REFUSAL))
    first = made.submissions(RECEIVER, WINDOW)[ABBEY.urn][MONDAY][0]
    number = made.begin_run(WINDOW, RECEIVER, AT)
    with made.writing():
        made.continue_sending(number, first)
        made.record(first, RECEIVED, AT)

    assert [each.state for each in made.history(RECEIVER, MONDAY, ABBEY.urn)] == [State.REFUSED, State.ACCEPTED]


def test_submissions_are_found_by_school_and_day(made: Log) -> None:
    """Of one school or of all, in the window and not outside."""
    Runs(made).run((message(FRIDAY), RECEIVED), (message(), RECEIVED), (message(date(2026, 11, 12)), RECEIVED))
    Runs(made, ELM).run((message(school=ELM), RECEIVED))

    found = made.submissions(RECEIVER, WINDOW)

    assert {urn: [*days] for urn, days in found.items()} == {ABBEY.urn: [FRIDAY, MONDAY], ELM.urn: [MONDAY]}
    assert made.submissions(RECEIVER, WINDOW, ELM.urn) == {ELM.urn: found[ELM.urn]}


def test_submissions_before_the_newest_accepted_are_left_out(made: Log) -> None:
    """A day is sent 16 times: what counts is what came since it was accepted by this receiver."""
    Runs(made).run((message(ill=1), RECEIVED), (message(FRIDAY), outcome(State.FAILED)), first=FRIDAY)
    Runs(made).run((message(ill=2), RECEIVED))
    Runs(made).run((message(ill=3), outcome(State.FAULTY)))
    Runs(made).run((message(ill=4), outcome(State.FAILED)))
    Runs(made, receiver=OTHER).run((message(ill=5), RECEIVED))

    days = made.submissions(RECEIVER, WINDOW)[ABBEY.urn]

    assert {day: [each.state for each in past] for day, past in days.items()} == {
        FRIDAY: [State.FAILED],
        MONDAY: [State.ACCEPTED, State.FAULTY, State.FAILED],
    }
    assert len(made.history(RECEIVER, MONDAY, ABBEY.urn)) == 4


@pytest.mark.parametrize(
    ("asked", "more_schools", "more_runs"),
    [
        (lambda log: log.submissions(RECEIVER, WINDOW, ABBEY.urn), 1.1, 3),
        (lambda log: log.submissions(RECEIVER, WINDOW), 11, 3),
        (lambda log: log.history(RECEIVER, MONDAY, ABBEY.urn), 1.1, 11),
        (lambda log: log.not_accepted(RECEIVER, WINDOW), 1.1, 1.1),
        (lambda log: log.latest_school_runs(RECEIVER), 11, 1.1),
        (lambda log: log.latest_consents(), 11, 1.1),
        (lambda log: log.last_receiver(other_than=OTHER), 1.1, 1.1),
        (lambda log: log.forget(AT - timedelta(hours=1)), 11, 2),
    ],
    ids=["school", "schools", "history", "not_accepted", "school_runs", "consents", "receiver", "forget"],
)
def test_work_grows_no_faster_than_what_is_asked_for(
    tmp_path: Path, asked: Callable[[Log], object], more_schools: float, more_runs: float
) -> None:
    """A supplier has 2,000 schools, and years of runs: with ten times as many of either, SQLite's instructions say."""

    def instructions(schools: int, runs: int) -> int:
        done: list[None] = []
        with Log.open(tmp_path / f"{schools}-{runs}" / "attsync.db") as log:
            log._rows("PRAGMA synchronous = OFF")  # noqa: SLF001  what is measured comes after it
            named = [School(ABBEY.urn + number, f"School {number}") for number in range(schools)]
            for school in named:
                decide(log, school)
            for back in (60 * 24, *reversed(range(runs))):
                for number, school in enumerate(named):
                    days = [(message(day, school=school, ill=number), RECEIVED) for day in WINDOW]
                    Runs(log, school).run(*days, at=AT - timedelta(minutes=back))
            log._connection.set_progress_handler(lambda: done.append(None), 10)  # noqa: SLF001
            asked(log)
        return len(done)

    few = instructions(4, 4)
    assert instructions(40, 4) <= few * more_schools
    assert instructions(4, 40) <= few * more_runs


def test_days_that_were_not_accepted_are_found_without_the_others(made: Log) -> None:
    """A10: with all that happened to them; not those whose marks were gone when they were read again."""
    gone, rejected = date(2026, 11, 12), date(2026, 11, 13)
    Runs(made).run((message(FRIDAY), RECEIVED), (message(rejected), RECEIVED), (gone, REFUSAL), first=gone)
    Runs(made).run((message(rejected), outcome(State.REJECTED)), first=gone)
    Runs(made).run((message(), outcome(State.REJECTED)), first=FRIDAY)
    Runs(made, receiver=OTHER).run((message(), RECEIVED), first=gone)

    found = made.not_accepted(RECEIVER, Window(gone, MONDAY))

    states = {day: [each.state for each in past] for day, past in found[ABBEY.urn].items()}
    assert states == {rejected: ["accepted", "rejected"], MONDAY: ["rejected"]}


# Problems


values = st.one_of(
    st.text(), st.integers(), st.floats(allow_nan=False), st.dates(), st.datetimes(), st.lists(st.text()), st.none()
)


@given(st.dictionaries(st.sampled_from(["code", "case", "name", "parameters", "days", "happened"]), values), st.text())
def test_problem_read_back_equals_the_one_recorded(parameters: dict[str, object], case: str) -> None:
    """Whatever its parameters are called; a path may contain what is not UTF-8."""
    problem = Problem("MARK-UNKNOWN", case, **parameters, path=Path(os.fsdecode(b"/\xe9cole")))

    assert from_json(to_json(problem)) == problem
    assert all_from_json(all_to_json([problem, BUSY])) == (problem, BUSY)
    assert (to_json(problem) or "").isascii()
    assert (to_json(None), from_json(None)) == (None, None)


# Runs


def test_runs_are_read_back(made: Log) -> None:
    """When each began and ended, and what it did for each school."""
    stray = Problem("SCHOOL-UNLISTED", days=tuple(WINDOW), marks=7)
    number = made.begin_run(WINDOW, RECEIVER, AT)
    with made.writing():
        made.record_school(number, ABBEY, "read", to_check=[REFUSAL])
    made.end_run(number, 5, AT, [stray])
    second = made.begin_run(WINDOW, RECEIVER, AT + timedelta(hours=1))
    with made.writing():
        made.record_school(second, ABBEY, "failed", problem=BUSY)

    last, school = made.last_run(), made.latest_school_runs(RECEIVER)[ABBEY.urn]

    assert last
    assert (last.id, last.window, last.ended_at, last.exit_code) == (second, WINDOW, None, None)
    assert (school.school, school.outcome, school.problem, school.to_check) == (ABBEY, "failed", BUSY, ())
    assert [run.id for run in made.reads(WINDOW, RECEIVER, AT)[ABBEY.urn]] == [number]
    assert made.reads(Window(WINDOW.end, WINDOW.end), RECEIVER, AT) == {}
    assert made.reads(WINDOW, RECEIVER, AT - timedelta(seconds=1)) == {}, "a run of a clock that was ahead says nothing"
    assert made.to_check(RECEIVER) == (stray,)  # of the newest run that has ended
    assert [run.id for run in made.runs_since(AT + timedelta(minutes=1))] == [second]
    assert (made.latest_school_runs(OTHER), made.reads(WINDOW, OTHER, AT), made.to_check(OTHER)) == ({}, {}, ())


def test_clock_is_that_of_the_newest_run_that_confirmed_it(made: Log) -> None:
    """A run on a wrong clock says nothing about the time."""
    assert made.clock_confirmed_at() is None
    for days, is_confirmed in ((0, True), (1, True), (1400, False)):
        number = made.begin_run(WINDOW, RECEIVER, AT + timedelta(days=days))
        made.end_run(number, 0, AT, clock_confirmed=is_confirmed)

    assert made.clock_confirmed_at() == AT + timedelta(days=1)


def test_old_runs_are_forgotten_with_their_bodies(made: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """In slices, so that a send which starts meanwhile waits for one; what is still named stays."""
    monkeypatch.setattr(log, "_FORGOTTEN_AT_ONCE", 2)
    many = [(message(MONDAY - timedelta(days=back), ill=back), RECEIVED) for back in range(5)]
    Runs(made).run(*many)
    Runs(made).run((message(ill=0), RECEIVED), at=AT + timedelta(days=40))
    commits: list[str] = []
    made._connection.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)  # noqa: SLF001

    made.forget(AT + timedelta(days=1))

    assert len(commits) == len(["2", "2", "1", "none left", "the run"])
    found = made.submissions(RECEIVER, Window(date(2026, 1, 1), date(2027, 1, 1)))[ABBEY.urn]
    assert {day: len(past) for day, past in found.items()} == {MONDAY: 1}
    assert made.content(found[MONDAY][0]) == message(ill=0).content
    assert [count(made, table) for table in ("run", "school_run", "body", "consent", "notice")] == [1, 1, 1, 1, 1]


def test_service_is_closed_by_the_second_run_in_a_row(made: Log) -> None:
    """A11: one 410 may be a mistake. Another receiver is another service."""
    for hours in (0, 1):
        assert made.closed_since(RECEIVER) is None
        with made.writing():
            made.record_closed(RECEIVER, AT + timedelta(hours=hours))

    assert (made.closed_since(RECEIVER), made.closed_since(OTHER)) == (AT, None)
    made.reopen(RECEIVER)
    with made.writing():
        made.record_closed(RECEIVER, AT)
    assert made.closed_since(RECEIVER) is None


# Consent


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE consent SET action = 'removed'",
        "DELETE FROM consent",
        "INSERT OR REPLACE INTO consent SELECT * FROM consent",
        "UPDATE notice SET content = ''",
        "DELETE FROM notice",
    ],
)
def test_consent_and_its_notice_are_never_changed(made: Log, change: str) -> None:
    """Not by a mistake, in attsync or in someone's shell."""
    with closing(sqlite3.connect(made.path)) as other, pytest.raises(sqlite3.IntegrityError, match="never"):
        other.execute(change)


def test_consent_has_a_history(made: Log) -> None:
    """The newest row counts; schools keep their newest name."""
    renamed = School(ABBEY.urn, "Abbey Academy")
    decide(made, ELM)
    row = decide(made, renamed, "removed", at=AT, reason="\udcff")

    latest = made.latest_consent(ABBEY.urn)

    assert latest
    assert (latest.given, latest.school, latest.at) == (False, renamed, AT)
    assert [each.action for each in made.consent_history(ABBEY.urn)] == ["given", "removed"]
    assert made.schools() == {ABBEY.urn: renamed, ELM.urn: ELM}
    assert {urn: each.given for urn, each in made.latest_consents().items()} == {ABBEY.urn: False, ELM.urn: True}
    assert made.latest_consent(1) is None
    assert row.at == AT


def test_notice_is_kept_once_as_it_was_shown(made: Log) -> None:
    """What was agreed to can be read again, also after a release that says something else."""
    decide(made, ELM)
    row = made.latest_consent(ELM.urn)
    removal = decide(made, ELM, "removed")
    latest = made.latest_consent(ELM.urn)

    assert row
    assert latest
    assert "dfe.example" in made.notice(row)
    assert made.notice(removal) == made.notice(latest) == ""
    assert count(made, "notice") == 1


def test_consent_is_read_from_several_threads(made: Log) -> None:
    """Each sender asks before its request, also while another message is being recorded."""
    seen: list[bool] = []

    def ask() -> None:
        seen.extend(bool(made.consent_now(ABBEY.urn)) for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    number = made.begin_run(WINDOW, RECEIVER, AT)
    for thread in threads:
        thread.start()
    with made.writing():
        for ill in range(20):
            made.begin_sending(number, RECEIVER, ABBEY, message(ill=ill), AT)
    for thread in threads:
        thread.join()

    assert seen == [True] * 200


def test_removal_by_another_process_is_seen_at_once(made: Log) -> None:
    """A transaction that is open here does not hide it from the senders."""
    assert made.consent_now(ABBEY.urn)
    with Log.open(made.path) as other:
        decide(other, action="removed")

    row = made.consent_now(ABBEY.urn)
    assert row
    assert not row.given


@pytest.mark.parametrize("how", ["replaced", "deleted"])
def test_log_that_is_replaced_during_a_run_is_noticed(made: Log, tmp_path: Path, how: str) -> None:
    """C16: what is written here would be lost, and a removal of consent is in the other file."""
    made.require_same_file()
    made.path.unlink()
    if how == "replaced":
        Log.open(tmp_path / "new.db").close()
        (tmp_path / "new.db").rename(made.path)

    with pytest.raises(LogError) as raised:
        made.require_same_file()
    assert (raised.value.problem.code, raised.value.problem.case, raised.value.exit_code) == (
        "LOG-WRITE",
        "replaced",
        9,
    )
