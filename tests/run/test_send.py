"""run/: from real SQLite schools to a pretend DfE over TLS, and what the log says of it."""

import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from threading import Barrier, Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import Engine, Pool, event

from attsync.database import schools_by_database
from attsync.deadline import Deadline
from attsync.locks import one_run, wait_for_starting_requests
from attsync.log import Log, Submission
from attsync.model import School, SchoolDays, State
from attsync.problems import AlreadyRunning, LogError, Problem, SettingsError, Stopped
from attsync.run.plan import Planned, Planner, Refused
from attsync.run.reading import read_schools
from attsync.run.report import Report, SchoolResult
from attsync.run.send import dry_run, preview, send
from attsync.sandbox.faults import Fault
from attsync.sandbox.server import Certificates
from attsync.settings import Settings, load
from attsync.window import Window
from tests.factories import (
    ELMHURST,
    FRIDAY,
    MONDAY,
    OAKFIELD,
    WINDOW,
    PretendDfe,
    SchoolDatabase,
    give_consent,
    pretend_dfe,
    settings,
)

URN = OAKFIELD.urn
SATURDAY = date(2026, 11, 21)


@pytest.fixture
def school(tmp_path: Path) -> SchoolDatabase:
    """Make a school: 30 on roll in year group 1, marks on Friday and Monday morning."""
    made = SchoolDatabase(tmp_path / "school.db")
    made.enrol()
    made.mark(FRIDAY, PRESENT=30)
    made.mark(MONDAY, PRESENT=28, I=2)
    return made


def run(loaded: Settings, *only: int, window: Window = WINDOW) -> Report:
    """Send, and tell no one."""
    return send(loaded, window, only, lambda _: None)


def states(report: Report) -> dict[date, State | None]:
    """Return the state of each day of the only school."""
    (school,) = report.schools
    return {day.date: day.state for day in school.days}


def logged(loaded: Settings, urn: int = URN) -> dict[date, State]:
    """Return the newest state of each day in the log."""
    return {day: past[-1].state for day, past in history(loaded, urn).items()}


def history(loaded: Settings, urn: int = URN) -> dict[date, list[Submission]]:
    """Return every submission of each day, oldest first."""
    with Log.open(loaded.log.path) as log:
        found = {day: log.history(loaded.dfe.origin, day, urn) for day in WINDOW}
        return {day: past for day, past in found.items() if past}


@pytest.mark.usefixtures("school")
def test_counts_arrive(dfe: PretendDfe, tmp_path: Path) -> None:
    """The whole story: read, counted, sent, confirmed, recorded."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    report = run(loaded)

    assert (report.exit_code, states(report)) == (0, {FRIDAY: State.ACCEPTED, MONDAY: State.ACCEPTED})
    assert logged(loaded) == states(report)
    assert dfe.counts == {
        (URN, FRIDAY, "AM", "1", "/"): 30,
        (URN, MONDAY, "AM", "1", "/"): 28,
        (URN, MONDAY, "AM", "1", "I"): 2,
    }


@pytest.mark.usefixtures("school")
def test_second_run_changes_nothing(dfe: PretendDfe, tmp_path: Path) -> None:
    """The whole window again, with the same bodies under keys of their own."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    before = dfe.counts

    report = run(loaded)

    assert (report.exit_code, dfe.counts) == (0, before)
    assert len({body for _, _, body in dfe.posts}) == 2
    assert len({key for _, key, _ in dfe.posts}) == 4


def test_late_correction_arrives_with_zeros(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """A code that is gone, and a whole session that is gone, are sent as 0."""
    school.mark(FRIDAY, "PM", PRESENT=30)
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    school.change("UPDATE marks SET code = 'L' WHERE code = 'I'")
    school.change("DELETE FROM marks WHERE session = 'PM'")

    run(loaded)

    assert dfe.counts == {
        (URN, FRIDAY, "AM", "1", "/"): 30,
        (URN, FRIDAY, "PM", "1", "\\"): 0,
        (URN, MONDAY, "AM", "1", "/"): 28,
        (URN, MONDAY, "AM", "1", "I"): 0,
        (URN, MONDAY, "AM", "1", "L"): 2,
    }


def test_day_whose_marks_are_all_gone_is_sent_as_zeros(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """SPEC 3: every date that was sent before is sent again."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    school.change("DELETE FROM marks")

    report = run(loaded)

    assert states(report) == {FRIDAY: State.ACCEPTED, MONDAY: State.ACCEPTED}
    assert set(dfe.counts.values()) == {0}
    (school_result,) = report.schools
    assert (report.exit_code, school_result.outcome) == (1, "read")
    assert [problem.code for problem in school_result.problems] == ["MARKS-GONE"]
    assert not {"MARKS-FEWER", "MARKS-NONE"} & {problem.code for problem in school_result.to_check}
    assert school_result.problems[0] == Problem("MARKS-GONE", number=2, first=FRIDAY, last=MONDAY)
    assert run(loaded).exit_code == 1  # as long as it is so


def test_day_whose_marks_are_gone_is_told_as_long_as_it_is_so(
    dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """With cron twice a day, someone who looks tomorrow has to see it too."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    school.change("DELETE FROM marks WHERE date = ?", f"{MONDAY}")

    told = [[problem.code for problem in run(loaded).schools[0].to_check] for _ in range(3)]

    assert all("MARKS-FEWER" in codes for codes in told)


def test_what_the_dfe_has_rejected_is_not_taken_back(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """It never had these counts: zeros for them would be the first it hears of that day."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    dfe.faults.extend([Fault.REJECT, Fault.REJECT])
    assert set(states(run(loaded)).values()) == {State.REJECTED}
    school.change("DELETE FROM marks")

    report = run(loaded)

    assert (report.exit_code, states(report)) == (0, {})
    assert len(dfe.posts) == 2


def test_marks_that_are_gone_are_told_when_the_dfe_hears_of_it(
    dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """A send that did not get through in between took nothing from what the DfE held."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    school.change("DELETE FROM marks")
    dfe.server.stop()
    away = run(loaded.model_copy(update={"dfe": loaded.dfe.model_copy(update={"run_minutes": 0.02})}))
    dfe.server.start()

    report = run(loaded)

    assert away.exit_code == 5
    assert set(dfe.counts.values()) == {0}
    assert [problem.code for problem in report.schools[0].problems] == ["MARKS-GONE"]
    assert report.schools[0].changed == 2


@pytest.mark.parametrize("between", [False, True], ids=["at once", "after a bad day"])
def test_code_that_the_dfe_does_not_know_is_not_zeroed(
    dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path, *, between: bool
) -> None:
    """It would be found faulty again, for ever; also when a send that failed lies in between."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    dfe.faults.append(Fault.FAULTY)
    school.change("DELETE FROM marks WHERE date = ? OR code = '/'", f"{FRIDAY}")
    assert states(run(loaded)) == {MONDAY: State.FAULTY}
    if between:
        dfe.faults.append(Fault.CLOSED)
        run(loaded)
        with Log.open(loaded.log.path) as log:
            log.reopen(loaded.dfe.origin)
    school.change("UPDATE marks SET code = 'L'")

    assert states(run(loaded)) == {MONDAY: State.ACCEPTED}
    assert b'"I"' not in dfe.posts[-1][2]


def test_code_is_zeroed_once_the_dfe_has_taken_it(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """Faulty once, accepted later: then it is there, and has to be taken back."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    school.change("DELETE FROM marks WHERE date = ? OR code = '/'", f"{FRIDAY}")
    dfe.faults.append(Fault.FAULTY)
    run(loaded)
    run(loaded)
    school.change("UPDATE marks SET code = 'L'")

    run(loaded)

    assert dfe.counts == {(URN, MONDAY, "AM", "1", "I"): 0, (URN, MONDAY, "AM", "1", "L"): 2}


@pytest.mark.parametrize(("given", "code"), [(None, 7), (False, 0)], ids=["never decided", "removed"])
def test_without_consent_the_database_is_not_opened(
    dfe: PretendDfe,
    tmp_path: Path,
    given: bool | None,  # noqa: FBT001
    code: int,
) -> None:
    """Opening this one would fail. Silence only where someone removed consent: a log that is gone has no decisions."""
    loaded = settings(tmp_path, dfe, databases=(("nosuchkind://nowhere", (OAKFIELD,)),))
    if given is False:
        give_consent(loaded)
        give_consent(loaded, given=False)

    report = run(loaded)

    (result,) = report.schools
    assert (report.exit_code, result.outcome, result.problem and result.problem.code) == (
        code,
        "skipped",
        "CONSENT-NONE",
    )
    assert dfe.posts == []
    with Log.open(loaded.log.path) as log:
        assert log.latest_school_runs(loaded.dfe.origin)[URN].outcome == "skipped"
    assert run(loaded, URN).exit_code == 7  # it was named


@pytest.mark.usefixtures("school")
def test_consent_for_another_receiver_does_not_count(dfe: PretendDfe, tmp_path: Path) -> None:
    """Anyone who changes the address has to ask again."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded, receiver="https://other.example")

    (result,) = run(loaded).schools

    assert (result.outcome, result.problem and result.problem.code) == ("skipped", "CONSENT-CHANGED")
    assert dfe.posts == []


@pytest.mark.usefixtures("school")
def test_one_database_that_fails_does_not_stop_another(dfe: PretendDfe, tmp_path: Path) -> None:
    """Each school stands for itself: 1, because the other is fine."""
    databases = (("sqlite:///nowhere.db", (ELMHURST,)), ("sqlite:///school.db", (OAKFIELD,)))
    loaded = settings(tmp_path, dfe, databases=databases)
    give_consent(loaded, OAKFIELD, ELMHURST)

    report = run(loaded)

    assert report.exit_code == 1
    found = {result.school: (result.outcome, result.problem and result.problem.code) for result in report.schools}
    assert found == {ELMHURST: ("failed", "DB-NONE"), OAKFIELD: ("read", None)}
    assert len(dfe.posts) == 2
    assert not (tmp_path / "nowhere.db").exists()


def test_all_databases_fail(dfe: PretendDfe, tmp_path: Path) -> None:
    """Exit 3: for all schools tried."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    assert run(loaded).exit_code == 3


def test_time_limit_of_a_run_holds_before_a_database_is_opened(dfe: PretendDfe, tmp_path: Path) -> None:
    """P7: a long series of slow databases must end too. Opening these would fail with another problem, exit 3."""
    databases = (("nosuchkind://one", (OAKFIELD,)), ("nosuchkind://two", (ELMHURST,)))
    loaded = settings(tmp_path, dfe, databases=databases, run_minutes=0)
    give_consent(loaded, OAKFIELD, ELMHURST)

    report = run(loaded)

    found = {result.school: (result.outcome, result.problem and result.problem.code) for result in report.schools}
    assert found == {OAKFIELD: ("failed", "RUN-TIME"), ELMHURST: ("failed", "RUN-TIME")}
    assert (report.exit_code, report.problem) == (5, None), "the DfE, which is not asked any more, is not blamed"
    with Log.open(loaded.log.path) as log:
        assert {row.outcome for row in log.latest_school_runs(loaded.dfe.origin).values()} == {"failed"}


def test_time_limit_of_a_run_holds_between_two_schools(school: SchoolDatabase, tmp_path: Path) -> None:
    """What was read is kept; the school after it and the databases after that are left to the next run."""
    school.enrol(school=ELMHURST)
    third = School(900045, "Ashgrove Primary School")
    databases = (("sqlite:///school.db", (OAKFIELD, ELMHURST)), ("nosuchkind://nowhere", (third,)))
    loaded = settings(tmp_path, databases=databases)
    wanted = {school.urn: school for school in (OAKFIELD, ELMHURST, third)}
    with Deadline(60) as deadline:
        found = read_schools(schools_by_database(loaded.database, deadline), wanted, WINDOW, deadline)
        first = next(found)
        deadline.until = monotonic()
        rest = [*found]

    told = [
        (each.school, each.problem and each.problem.code) for each in (first, *rest) if isinstance(each, SchoolDays)
    ]
    assert told == [(OAKFIELD, None), (ELMHURST, "RUN-TIME"), (third, "RUN-TIME")]


def test_only_the_schools_named_are_sent(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """--school, once or twice, also the same twice."""
    school.enrol(school=ELMHURST)
    school.mark(MONDAY, school=ELMHURST, PRESENT=30)
    loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", (OAKFIELD, ELMHURST)),))
    give_consent(loaded, OAKFIELD, ELMHURST)

    report = run(loaded, ELMHURST.urn, ELMHURST.urn)

    assert [result.school for result in report.schools] == [ELMHURST]
    assert {urn for urn, *_ in dfe.counts} == {ELMHURST.urn}


def test_school_that_is_not_known_is_told(dfe: PretendDfe, tmp_path: Path) -> None:
    """A URN mistyped; nothing is recorded."""
    loaded = settings(tmp_path, dfe)

    with pytest.raises(SettingsError, match="SCHOOL-NONE"):
        run(loaded, 900099)
    with Log.open(loaded.log.path) as log:
        assert log.last_run() is None


def test_refused_day_does_not_stop_the_others(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """An unknown code: that day is held back, the others go, and the run says 1."""
    school.mark(MONDAY, Q9=1)
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    report = run(loaded)

    assert (report.exit_code, states(report)) == (1, {FRIDAY: State.ACCEPTED, MONDAY: State.REFUSED})
    assert [*states(report)] == [FRIDAY, MONDAY]  # in order, though what is refused here waits for no answer
    assert logged(loaded) == states(report)
    assert {when for _, when, *_ in dfe.counts} == {FRIDAY}


def test_names_in_place_of_codes_go_nowhere(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """A column mapped by mistake: not sent, not logged, not told, not even in part."""
    school.change("UPDATE marks SET code = 'Tamsin Loxley ' || rowid")
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    report = run(loaded)

    assert set(states(report).values()) == {State.REFUSED}
    assert dfe.posts == []
    assert "Tamsin" not in repr(report)
    for file in (tmp_path / "state").iterdir():
        assert b"Tamsin" not in file.read_bytes()


def test_nothing_is_read_before_the_secrets_are_right(dfe: PretendDfe, tmp_path: Path) -> None:
    """Exit 2, and no run in the log."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    secret = tmp_path / "client-secret"
    secret.chmod(0o644)
    for _ in range(2):
        with pytest.raises(SettingsError, match="SECRET-FILE"):
            run(loaded)
        secret.unlink(missing_ok=True)
    with Log.open(loaded.log.path) as log:
        assert log.last_run() is None


def test_ca_file_is_checked_before_anything_is_recorded(dfe: PretendDfe, tmp_path: Path) -> None:
    """Exit 2, and no run in the log."""
    loaded = settings(tmp_path, dfe, ca_file=tmp_path / "none.pem")
    give_consent(loaded)

    with pytest.raises(SettingsError, match="SETTINGS ca-file"):
        run(loaded)
    with Log.open(loaded.log.path) as log:
        assert log.last_run() is None


@pytest.mark.usefixtures("school")
def test_second_run_at_the_same_time_does_nothing(dfe: PretendDfe, tmp_path: Path) -> None:
    """Cron and a person."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    with one_run(loaded.log.path), pytest.raises(AlreadyRunning):
        run(loaded)
    assert dfe.posts == []


@pytest.mark.usefixtures("school")
def test_closed_service_is_left_alone_until_it_is_checked(dfe: PretendDfe, tmp_path: Path) -> None:
    """410 in 2 runs in a row: after that not even a sign-in is sent, until a check finds it open again."""
    dfe.faults += [Fault.CLOSED, Fault.CLOSED]
    loaded = settings(tmp_path, dfe, connections=1)
    give_consent(loaded)

    reports = [run(loaded), run(loaded), run(loaded), dry_run(loaded, WINDOW, (), lambda _: None)]

    assert [report.exit_code for report in reports] == [4, 4, 4, 4]
    assert [status for status, _, _ in dfe.posts] == [410, 410]
    (result,) = reports[2].schools
    assert (result.outcome, result.problem and result.problem.code) == ("failed", "DFE-CLOSED")
    with Log.open(loaded.log.path) as log:
        log.reopen(loaded.dfe.origin)
    assert run(loaded).exit_code == 0


@pytest.mark.usefixtures("school")
def test_one_410_between_two_good_runs_closes_nothing(dfe: PretendDfe, tmp_path: Path) -> None:
    """A gateway that says so once by mistake must not end all sending."""
    loaded = settings(tmp_path, dfe, connections=1)
    give_consent(loaded)
    codes = []
    for fault in (Fault.CLOSED, Fault.NONE, Fault.CLOSED, Fault.NONE):
        dfe.faults.append(fault)
        codes.append(run(loaded).exit_code)

    assert codes == [4, 0, 4, 0]


def _lose_answers(loaded: Settings) -> None:
    """Leave what a run leaves that dies after its requests."""
    with closing(sqlite3.connect(loaded.log.path)) as log, log:
        log.execute("UPDATE submission SET state = 'sending', answered_at = NULL")


@pytest.mark.usefixtures("school")
def test_lost_answer_is_asked_for_again_under_the_same_key(dfe: PretendDfe, tmp_path: Path) -> None:
    """The DfE stores it once."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    _lose_answers(loaded)

    assert run(loaded).exit_code == 0

    keys = [key for _, key, _ in dfe.posts]
    assert len(keys) == 2  # the sandbox lists a repeat only once
    assert [each.state for each in history(loaded)[MONDAY]] == [State.ACCEPTED]


@pytest.mark.usefixtures("school")
def test_what_may_have_arrived_stays_open_if_the_dfe_is_away(dfe: PretendDfe, tmp_path: Path) -> None:
    """A later run that does not get through must not say that it never arrived."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    _lose_answers(loaded)
    dfe.server.stop()

    report = run(loaded.model_copy(update={"dfe": loaded.dfe.model_copy(update={"run_minutes": 0.02})}))

    assert report.exit_code == 5
    assert set(states(report).values()) == set(logged(loaded).values()) == {State.UNKNOWN}


@pytest.mark.usefixtures("school")
def test_lost_answer_and_late_correction(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """Another body gets another key; the old attempt is superseded."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    _lose_answers(loaded)
    school.change("UPDATE marks SET code = 'L' WHERE code = 'I'")

    run(loaded)

    assert [each.state for each in history(loaded)[MONDAY]] == [State.SUPERSEDED, State.ACCEPTED]
    assert dfe.counts[URN, MONDAY, "AM", "1", "I"] == 0


@pytest.mark.usefixtures("school")
def test_consent_removed_in_the_middle_stops_the_next_request(certificates: Certificates, tmp_path: Path) -> None:
    """No request starts after the removal has returned; what was under way may end. It is no failure either."""
    started, removed = Event(), Event()

    def pause(_: float) -> None:
        started.set()
        removed.wait(10)

    with pretend_dfe(certificates, Fault.SLOW, pause=pause) as dfe:
        loaded = settings(tmp_path, dfe, connections=1)
        give_consent(loaded)

        def remove() -> None:
            started.wait(10)
            give_consent(loaded, given=False)
            wait_for_starting_requests(loaded.log.path)
            removed.set()

        remover = Thread(target=remove)
        remover.start()
        report = run(loaded)
        remover.join()
        posts = dfe.posts

    assert len(posts) == 1
    assert states(report) == {FRIDAY: State.ACCEPTED, MONDAY: State.FAILED}
    assert report.exit_code == 0
    assert logged(loaded)[MONDAY] is State.FAILED


@pytest.mark.usefixtures("school")
def test_consent_removed_before_the_attempt_is_recorded(dfe: PretendDfe, tmp_path: Path) -> None:
    """It is read in the transaction that records the attempt (docs/design/reliability.md P2)."""
    loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", (OAKFIELD,)),))
    give_consent(loaded)

    real = Planner.plan

    def remove_first(*args: Any) -> Any:  # noqa: ANN401  those of plan
        give_consent(loaded, given=False)
        return real(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Planner, "plan", remove_first)
        (result,) = run(loaded).schools

    assert (result.outcome, result.days, dfe.posts) == ("skipped", [], [])
    assert logged(loaded) == {}


@pytest.mark.usefixtures("school")
def test_signal_stops_the_run_and_what_was_answered_is_recorded(dfe: PretendDfe, tmp_path: Path) -> None:
    """The rest is covered by the next run; the log says how this one ended."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    def stop(_: SchoolResult) -> None:
        raise Stopped(15)

    with pytest.raises(Stopped):
        send(loaded, WINDOW, (), stop)

    assert logged(loaded) == {FRIDAY: State.ACCEPTED, MONDAY: State.ACCEPTED}
    with Log.open(loaded.log.path) as log:
        last = log.last_run()
    assert last
    assert last.exit_code == 143
    assert run(loaded).exit_code == 0


@pytest.mark.usefixtures("school")
def test_signal_ends_a_run_that_nobody_listens_to(dfe: PretendDfe, tmp_path: Path) -> None:
    """`attsync send | less`: while it waits for someone to take what it says, Ctrl-C counts at once."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    def stop(number: int, _: object) -> None:
        raise Stopped(number)

    told: list[SchoolResult] = []

    def wait(result: SchoolResult) -> None:
        signal.raise_signal(signal.SIGTERM)
        told.append(result)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(Stopped):
            send(loaded, WINDOW, (), wait)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told == []


def test_answers_are_recorded_once_when_telling_fails(
    certificates: Certificates, school: SchoolDatabase, tmp_path: Path
) -> None:
    """Two answers that come together; what goes wrong while the first is told does not touch the second."""
    school.enrol(school=ELMHURST)
    school.mark(MONDAY, school=ELMHURST, PRESENT=30)
    school.change("DELETE FROM marks WHERE date = ?", f"{FRIDAY}")
    both = Barrier(2)

    def fail(_: SchoolResult) -> None:
        raise ZeroDivisionError

    with pretend_dfe(certificates, Fault.SLOW, Fault.SLOW, pause=lambda _: both.wait(10) and None) as dfe:
        loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", (OAKFIELD, ELMHURST)),))
        give_consent(loaded, OAKFIELD, ELMHURST)
        with pytest.raises(ZeroDivisionError):
            send(loaded, WINDOW, (), fail)

    for each in (OAKFIELD, ELMHURST):
        assert [(s.state, len(s.tries)) for s in history(loaded, each.urn)[MONDAY]] == [(State.ACCEPTED, 1)]


def test_signal_leaves_the_rest_to_the_next_run(certificates: Certificates, tmp_path: Path) -> None:
    """What waits for a sender is not sent any more, what is under way may end; what the log says of both is true."""
    schools = tuple(School(900100 + number, f"School {number}") for number in range(12))
    database = SchoolDatabase(tmp_path / "school.db")
    for school in schools:
        database.enrol(school=school)
        database.mark(MONDAY, school=school, PRESENT=30)
    go_on = Event()

    def stop(_: SchoolResult) -> None:
        go_on.set()
        raise Stopped(15)

    with pretend_dfe(certificates, Fault.NONE, Fault.SLOW, pause=lambda _: go_on.wait(10)) as dfe:
        loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", schools),), connections=1)
        give_consent(loaded, *schools)
        with pytest.raises(Stopped):
            send(loaded, WINDOW, (), stop)
        stored = {urn for urn, *_ in dfe.counts}
        accepted = {school.urn for school in schools if State.ACCEPTED in logged(loaded, school.urn).values()}
        others = {state for school in schools for state in logged(loaded, school.urn).values()} - {State.ACCEPTED}
        second = run(loaded)
        everything = {urn for urn, *_ in dfe.counts}

    assert stored == accepted == {900100, 900101}
    assert others == {State.FAILED}
    assert second.exit_code == 0
    assert everything == {school.urn for school in schools}


@pytest.mark.usefixtures("school")
def test_sending_goes_on_when_there_is_nobody_to_tell(dfe: PretendDfe, tmp_path: Path) -> None:
    """`attsync send | head -1`, a terminal that is gone, a full disk behind stdout."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    def gone(_: SchoolResult) -> None:
        raise BrokenPipeError

    assert send(loaded, WINDOW, (), gone).exit_code == 0
    assert len(dfe.posts) == 2


@pytest.mark.usefixtures("school")
def test_log_that_fails_in_the_middle_ends_the_run_without_a_lie(
    dfe: PretendDfe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 9; it does not say that nothing was sent, and the next run clears up."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    real = Log.record

    def full(*_: object) -> None:
        raise sqlite3.OperationalError

    monkeypatch.setattr(Log, "record", full)
    with pytest.raises(LogError) as raised:
        run(loaded)
    assert raised.value.problem["undone"] == "run_ended"
    monkeypatch.setattr(Log, "record", real)

    assert set(logged(loaded).values()) == {State.SENDING}
    assert run(loaded).exit_code == 0
    assert set(logged(loaded).values()) == {State.ACCEPTED}
    assert len(dfe.posts) == 2


@pytest.mark.usefixtures("school")
def test_bug_in_a_sender_is_not_swallowed(dfe: PretendDfe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reaches the one place that turns it into exit 70; the run is recorded as such."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("attsync.dfe.client.judge", broken)
    with pytest.raises(ZeroDivisionError):
        run(loaded)
    with Log.open(loaded.log.path) as log:
        last = log.last_run()
    assert last
    assert last.exit_code == 70


def test_rows_of_a_school_that_is_not_listed_are_told(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """Never sent, never counted under another."""
    school.mark(MONDAY, school=School(900099, "x"), I=7)
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    report = run(loaded)

    assert [problem.code for problem in report.to_check] == ["SCHOOL-UNLISTED"]
    assert report.exit_code == 0
    assert {urn for urn, *_ in dfe.counts} == {URN}
    with Log.open(loaded.log.path) as log:
        assert [*log.to_check(loaded.dfe.origin)] == report.to_check  # cron is silent: `status` has to know


def test_school_that_no_database_lists_any_more(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """Its consent stands, so something was due: it is told, not passed over."""
    school.change("CREATE TABLE schools AS SELECT 900023 AS school, 900023 AS urn, 'Oakfield' AS name")
    loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", ()),))
    give_consent(loaded, OAKFIELD, ELMHURST)

    report = run(loaded)

    found = {result.school.urn: result.problem and result.problem.code for result in report.schools}
    assert found == {URN: None, ELMHURST.urn: "SCHOOL-NONE"}
    assert report.exit_code == 1

    # It returns: each run told that it was gone.
    school.change("INSERT INTO schools VALUES (900031, 900031, 'Elmhurst')")
    assert {result.outcome for result in run(loaded).schools} == {"read"}


def test_school_that_no_database_lists_is_told_so_whatever_else_fails(dfe: PretendDfe, tmp_path: Path) -> None:
    """A database that names its schools in the settings is not the reason."""
    school = SchoolDatabase(tmp_path / "school.db")
    school.change("CREATE TABLE schools AS SELECT 900023 AS school, 900023 AS urn, 'Oakfield' AS name")
    third = School(900_055, "Third School")
    databases = (("sqlite:///school.db", ()), ("sqlite:///nowhere.db", (third,)))
    loaded = settings(tmp_path, dfe, databases=databases)
    give_consent(loaded, OAKFIELD, ELMHURST, third)

    found = {result.school.urn: result.problem and result.problem.code for result in run(loaded).schools}

    assert (found[ELMHURST.urn], found[third.urn]) == ("SCHOOL-NONE", "DB-NONE")


@contextmanager
def busy_while_read(path: Path) -> Iterator[None]:
    """Let another program hold the log for as long as the school's database is read: all messages gather."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:

        def hold(*_: object) -> None:
            if not other.in_transaction:
                other.execute("BEGIN IMMEDIATE")

        def release(*_: object) -> None:
            other.rollback()

        event.listen(Engine, "before_cursor_execute", hold)
        event.listen(Pool, "close", release)
        try:
            yield
        finally:
            event.remove(Engine, "before_cursor_execute", hold)
            event.remove(Pool, "close", release)


@pytest.mark.parametrize(("number", "days"), [(40, (FRIDAY, SATURDAY, MONDAY)), (60, (FRIDAY, MONDAY))])
def test_more_schools_than_fit_into_one_batch(
    dfe: PretendDfe, tmp_path: Path, number: int, days: tuple[date, ...]
) -> None:
    """Many schools, a few senders, commits shared, never by more than 64: each day arrives once."""
    schools = tuple(School(900100 + n, f"School {n}") for n in range(number))
    database = SchoolDatabase(tmp_path / "school.db")
    for school in schools:
        database.enrol(school=school)
        for when in days:
            database.mark(when, school=school, PRESENT=school.urn - 900099)
    loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", schools),), connections=1)
    give_consent(loaded, *schools)

    with busy_while_read(loaded.log.path):
        report = run(loaded)

    assert report.exit_code == 0
    assert dfe.counts == {(s.urn, when, "AM", "1", "/"): s.urn - 900099 for s in schools for when in days}
    assert len(dfe.posts) == len(report.schools) * len(days) == 120
    with closing(sqlite3.connect(loaded.log.path)) as log:
        recorded, answered = (
            max(log.execute(f"SELECT count(*) FROM submission GROUP BY {moment}"))[0]
            for moment in ("recorded_at", "answered_at")
        )
    assert len(days) < recorded <= 64
    assert answered <= 64


def test_no_more_is_handed_over_than_can_leave_soon(certificates: Certificates, tmp_path: Path) -> None:
    """A run that dies leaves what is recorded and not answered to the next: never a whole trust, only two batches."""
    schools = tuple(School(900100 + number, f"School {number}") for number in range(150))
    database = SchoolDatabase(tmp_path / "school.db")
    for school in schools:
        database.enrol(school=school)
        database.mark(MONDAY, school=school, PRESENT=30)
    recorded: list[int] = []

    def pause(_: float) -> None:
        sleep(1)  # time enough to read them all
        with closing(sqlite3.connect(loaded.log.path)) as log:
            recorded.extend(*log.execute("SELECT count(*) FROM submission"))

    with pretend_dfe(certificates, Fault.SLOW, pause=pause) as dfe:
        loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", schools),), connections=1)
        give_consent(loaded, *schools)

        assert run(loaded).exit_code == 0
        assert len(dfe.posts) == 150
    (number,) = recorded
    assert 64 <= number <= 1 + 2 * 64


@pytest.mark.usefixtures("school")
def test_message_does_not_wait_for_the_database_after_it(dfe: PretendDfe, tmp_path: Path) -> None:
    """One that is slow to answer holds up its own schools alone. Here it answers, badly, once the DfE has a message."""
    posts: list[int] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(10)

    def answer() -> None:
        connection, _ = server.accept()
        until = monotonic() + 5
        while not dfe.posts and monotonic() < until:
            sleep(0.01)
        posts.append(len(dfe.posts))
        server.close()
        connection.close()

    slow = f"postgresql+psycopg://u:p@127.0.0.1:{server.getsockname()[1]}/school"
    loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", (OAKFIELD,)), (slow, (ELMHURST,))))
    give_consent(loaded, OAKFIELD, ELMHURST)
    thread = Thread(target=answer)
    thread.start()

    report = run(loaded)
    thread.join()

    assert {result.school: result.outcome for result in report.schools} == {OAKFIELD: "read", ELMHURST: "failed"}
    assert posts[0] > 0


def test_dfe_that_answers_on_no_connection_holds_up_one_run(certificates: Certificates, tmp_path: Path) -> None:
    """All 32 senders wait; at the run's time limit all stop. The next run asks for the answers under the same keys."""
    schools = tuple(School(900100 + number, f"School {number}") for number in range(50))
    database = SchoolDatabase(tmp_path / "school.db")
    for school in schools:
        database.enrol(school=school)
        database.mark(MONDAY, school=school, PRESENT=30)
    opened = len(list(Path("/proc/self/fd").iterdir()))
    awake = Event()
    with pretend_dfe(certificates, *[Fault.SLOW] * 32, pause=lambda _: awake.wait(10) and None) as dfe:
        loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", schools),), connections=32)
        give_consent(loaded, *schools)
        hurried = loaded.model_copy(update={"dfe": loaded.dfe.model_copy(update={"run_minutes": 1 / 30})})
        started = monotonic()

        first = run(hurried)

        assert monotonic() - started < 8
        states = [day.state for result in first.schools for day in result.days]
        assert (first.exit_code, states.count(State.UNKNOWN), states.count(State.FAILED)) == (5, 32, 18)
        assert {p.code for result in first.schools for p in result.problems} <= {"DFE-UNREACHABLE", "RUN-TIME"}
        awake.set()
        assert run(loaded).exit_code == 0
        assert {urn for urn, *_ in dfe.counts} == {school.urn for school in schools}
        entries = [each for school in schools for each in history(loaded, school.urn)[MONDAY]]
        assert {entry.state for entry in entries} == {State.ACCEPTED, State.FAILED}
        assert len(entries) == 50 + 18
    assert len(list(Path("/proc/self/fd").iterdir())) == opened


@pytest.mark.usefixtures("school")
def test_preview_shows_what_is_sent_and_touches_nothing(dfe: PretendDfe, tmp_path: Path) -> None:
    """Byte for byte, with or without consent."""
    loaded = settings(tmp_path, dfe)
    ((found, plans),) = preview(loaded, WINDOW, ())
    assert not (tmp_path / "state").exists()
    give_consent(loaded)
    run(loaded)

    assert found.school == OAKFIELD
    assert {p.body.content for p in plans if isinstance(p, Planned)} == {body for _, _, body in dfe.posts}


def test_preview_shows_refused_days(school: SchoolDatabase, tmp_path: Path) -> None:
    """With the reason."""
    school.mark(MONDAY, Q9=1)
    ((_, plans),) = preview(settings(tmp_path), WINDOW, (URN,))

    assert [plan.problem.code for plan in plans if isinstance(plan, Refused)] == ["MARK-UNKNOWN"]


@pytest.mark.usefixtures("school")
def test_rehearsal_sends_and_records_nothing(dfe: PretendDfe, tmp_path: Path) -> None:
    """--dry-run."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    before = loaded.log.path.read_bytes()

    report = dry_run(loaded, WINDOW, (), lambda _: None)

    assert states(report) == {FRIDAY: None, MONDAY: None}
    assert (dfe.posts, loaded.log.path.read_bytes()) == ([], before)


@pytest.mark.usefixtures("school")
def test_rehearsal_finds_what_a_send_would_find_in_the_settings(dfe: PretendDfe, tmp_path: Path) -> None:
    """A certificate file that is not there."""
    loaded = settings(tmp_path, dfe, ca_file=tmp_path / "none.pem")
    give_consent(loaded)

    with pytest.raises(SettingsError, match="SETTINGS ca-file"):
        dry_run(loaded, WINDOW, (), lambda _: None)


def test_address_file_of_a_second_database_is_looked_at_before_the_first_is_sent(
    dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """Exit 2 says that nothing was sent: so it has to show before anything is."""
    school.enrol(school=ELMHURST)
    databases = (("sqlite:///school.db", (OAKFIELD,)), ("sqlite:///school.db", (ELMHURST,)))
    loaded = settings(tmp_path, dfe, databases=databases)
    give_consent(loaded, OAKFIELD, ELMHURST)
    text = (tmp_path / "config.toml").read_text()
    start, mark, end = text.rpartition('url = "sqlite:///school.db"')
    (tmp_path / "config.toml").write_text(f'{start}url_file = "none"{end}')

    with pytest.raises(SettingsError, match="SECRET-FILE missing"):
        run(load(tmp_path / "config.toml", {}))

    assert mark
    assert dfe.posts == []


def test_rehearsal_tells_of_rows_of_other_schools(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """As the send will."""
    school.mark(MONDAY, school=School(900099, "x"), I=7)
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    report = dry_run(loaded, WINDOW, (), lambda _: None)

    assert [problem.code for problem in report.to_check] == ["SCHOOL-UNLISTED"]
