"""A tick is true, and silence is earned: what the log of one receiver may say of another, and what a clock may do."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from attsync.codes import codes_on
from attsync.locks import wait_for_starting_requests
from attsync.log import Log
from attsync.model import Cell, Day, Session, Sign
from attsync.problems import LogError, Problem, SettingsError
from attsync.run.plan import Planner
from attsync.run.report import Report, mail
from attsync.run.send import dry_run, preview, send
from attsync.sandbox.faults import Fault
from attsync.sandbox.server import Certificates
from attsync.schools import every_school, shown_schools
from attsync.settings import Settings, load
from attsync.status.overview import Overview, overview
from attsync.window import Window, window_ending
from tests.factories import ELMHURST, OAKFIELD, PretendDfe, SchoolDatabase, give_consent, pretend_dfe, settings

URN = OAKFIELD.urn
TUESDAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Make it Tuesday afternoon; the test may move the clock."""
    with time_machine.travel(TUESDAY, tick=True) as traveller:
        yield traveller


@pytest.fixture
def school(tmp_path: Path) -> SchoolDatabase:
    """Make a school with registers on the 10 working days up to Tuesday."""
    made = SchoolDatabase(tmp_path / "school.db")
    made.enrol()
    for day in window_ending(TUESDAY.date(), 8, "working"):
        if day.weekday() < 5:
            for session in Session:
                made.mark(day, session, PRESENT=28, I=2)
    return made


def run(loaded: Settings, *only: int) -> Report:
    """Send the usual window of today."""
    return send(loaded, window(), only, lambda _: None)


def window() -> Window:
    """Return the window that ends today."""
    return window_ending(datetime.now(UTC).date(), 8, "working")


def status(loaded: Settings) -> Overview:
    """Read what `status` shows."""
    with Log.open(loaded.log.path) as log:
        return overview(loaded, log, shown_schools(loaded, log).values(), window(), datetime.now(UTC))


@pytest.mark.usefixtures("clock", "school")
def test_ticks_belong_to_one_receiver(dfe: PretendDfe, certificates: Certificates, tmp_path: Path) -> None:
    """A1: after a change of address nothing is received there, zeros and changes start again, and status says so."""
    first = settings(tmp_path, dfe)
    give_consent(first)
    assert run(first).exit_code == 0
    with pretend_dfe(certificates) as other:
        second = settings(tmp_path, other)
        give_consent(second)

        shown = status(second)

        assert shown.receiver_before == first.dfe.origin
        assert not any(Sign.RECEIVED in day.signs.values() for day in shown.schools[0].days)
        assert run(second).exit_code == 0
        assert other.counts == dfe.counts
        assert status(second).receiver_before is None
    assert all(Sign.RECEIVED in day.signs.values() for day in status(first).schools[0].days[1:])


@pytest.mark.usefixtures("clock", "school")
@pytest.mark.parametrize("state", ["sending", "unknown", "accepted", "faulty", "rejected", "failed"])
def test_receiver_changed_at_each_state(
    dfe: PretendDfe, certificates: Certificates, tmp_path: Path, state: str
) -> None:
    """A1: whatever the log says of the old receiver, the new one gets every day under a new key."""
    first = settings(tmp_path, dfe)
    give_consent(first)
    run(first)
    with closing(sqlite3.connect(first.log.path)) as log, log:
        log.execute("UPDATE submission SET state = ?", (state,))
    with pretend_dfe(certificates) as other:
        second = settings(tmp_path, other)
        give_consent(second)

        assert run(second).exit_code == 0

        assert other.counts == dfe.counts
        assert not {key for _, key, _ in dfe.posts} & {key for _, key, _ in other.posts}


@pytest.mark.usefixtures("clock", "school")
def test_log_that_is_gone_is_noticed(dfe: PretendDfe, tmp_path: Path) -> None:
    """A3: with another log no one has ever decided: 7 and a line for cron at every run, not silence."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    assert run(loaded).exit_code == 0
    loaded.log.path.unlink()

    for _ in range(2):
        report = run(loaded)
        assert report.exit_code == 7
        assert len(mail(report, ())) == 2


@pytest.mark.usefixtures("clock", "school")
def test_run_without_a_consent_is_not_called_a_send(dfe: PretendDfe, tmp_path: Path) -> None:
    """A1: "Last send today" stood above "Nothing has been sent to it yet"."""
    loaded = settings(tmp_path, dfe)
    assert run(loaded).exit_code == 7
    give_consent(loaded)
    assert status(loaded).last_run is None

    assert run(loaded).exit_code == 0
    give_consent(loaded, given=False)
    assert run(loaded).exit_code == 0
    last = status(loaded).last_run
    assert last
    assert last.id == 2


def test_run_of_a_clock_that_was_ahead_is_no_planned_send(
    clock: time_machine.Traveller, dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """A4: it would make a gap of the sends between now and then, until that day has come."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    clock.move_to(TUESDAY + timedelta(days=70))
    with Log.open(loaded.log.path) as log:
        ahead = log.begin_run(window(), loaded.dfe.origin, datetime.now(UTC))
        with log.writing():
            log.record_school(ahead, OAKFIELD, "read")
        log.end_run(ahead, 5, datetime.now(UTC))
    clock.move_to(TUESDAY + timedelta(minutes=1))
    school.change("UPDATE marks SET code = 'M' WHERE code = 'I'")

    run(loaded)

    assert {code for *_, code in dfe.counts} == {"/", "\\", "I", "M"}, "not every code there is, as after a gap"


@pytest.mark.usefixtures("clock")
def test_log_that_is_gone_is_noticed_where_the_database_lists_its_schools(
    dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """A3: then not one school is known at all."""
    school.change("CREATE TABLE schools AS SELECT 900023 AS school, 900023 AS urn, 'Oakfield' AS name")
    loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", ()),))

    report = run(loaded)

    assert (report.exit_code, report.problem and report.problem.case) == (7, "nobody")
    assert mail(report, ())


@pytest.mark.usefixtures("clock")
def test_new_school_that_the_database_lists_is_told(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """A3: a schools SELECT may bring a school that no one decided about; without its name, which may be no school's."""
    school.change("CREATE TABLE schools AS SELECT 900023 AS school, 900023 AS urn, 'Oakfield' AS name")
    loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", ()),))
    give_consent(loaded)
    school.change("INSERT INTO schools VALUES (900031, 900031, 'Ada Lovelace')")

    reports = [run(loaded), dry_run(loaded, window(), (), lambda _: None)]

    for report in reports:
        told = [(result.school.urn, p.code, p.case) for result in report.schools for p in result.problems]
        assert told == [(ELMHURST.urn, "CONSENT-NONE", "")]
        assert "Ada" not in "".join(mail(report, ()))
    assert [report.exit_code for report in reports] == [1, 7]
    assert run(loaded, URN).exit_code == 0
    assert run(loaded).exit_code == 1
    assert [each.standing for each in status(loaded).schools if each.school.urn == ELMHURST.urn] == ["undecided"]
    with Log.open(loaded.log.path) as log:
        assert every_school(loaded, log).keys() == {URN, ELMHURST.urn}  # it can decline
    give_consent(loaded, ELMHURST, given=False)
    assert (run(loaded).exit_code, mail(run(loaded), ())) == (0, [])


@pytest.mark.usefixtures("clock")
def test_school_that_the_database_lists_no_longer_is_not_asked_for_a_decision(
    dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """A3: a URN that was mistyped once is not told for ever."""
    school.change("CREATE TABLE schools AS SELECT 900023 AS school, 900023 AS urn, 'Oakfield' AS name")
    loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", ()),))
    give_consent(loaded)
    school.change("INSERT INTO schools VALUES (900031, 900031, 'Elmhurst')")
    run(loaded)
    school.change("DELETE FROM schools WHERE urn = 900031")

    assert run(loaded).exit_code == 0
    assert [each.school.urn for each in status(loaded).schools] == [URN]


@pytest.mark.usefixtures("clock", "school")
def test_database_that_cannot_say_which_schools_it_has_is_told(dfe: PretendDfe, tmp_path: Path) -> None:
    """A3: no one may have decided about its schools yet, so none of them could tell it."""
    databases = (("sqlite:///school.db", (OAKFIELD,)), ("sqlite:///missing.db", ()))
    loaded = settings(tmp_path, dfe, databases=databases)
    give_consent(loaded)

    report = run(loaded)

    assert (report.exit_code, report.problem and report.problem.code) == (1, "DB-NONE")
    assert len(mail(report, ())) == 2
    assert run(loaded, URN).exit_code == 0


@pytest.mark.usefixtures("clock", "school")
def test_new_school_in_the_settings_is_told(dfe: PretendDfe, tmp_path: Path) -> None:
    """A3: a URN that no one decided about is told beside one that is sent; a removed one is not."""
    loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", (OAKFIELD, ELMHURST)),))
    give_consent(loaded)

    report = run(loaded)

    assert report.exit_code == 1
    assert [p.code for result in report.schools for p in result.problems] == ["CONSENT-NONE"]
    give_consent(loaded, ELMHURST, given=False)
    assert (run(loaded).exit_code, mail(run(loaded), ())) == (0, [])


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize("jump", [timedelta(days=4 * 365), timedelta(days=70)], ids=str)
def test_clock_that_is_ahead_forgets_nothing(
    clock: time_machine.Traveller, dfe: PretendDfe, tmp_path: Path, jump: timedelta
) -> None:
    """A4: neither in the first run with the wrong clock nor in the next; and the right clock is right after that."""
    loaded = settings(tmp_path, dfe, more="keep_days = 31")
    give_consent(loaded)
    run(loaded)
    clock.move_to(TUESDAY + jump)
    dfe.server.stop()  # its clock would show the mistake
    for _ in range(2):
        run(loaded.model_copy(update={"dfe": loaded.dfe.model_copy(update={"run_minutes": 0.02})}))
        clock.move_to(datetime.now(UTC) + timedelta(hours=5))
    clock.move_to(TUESDAY + timedelta(hours=20))
    dfe.server.start()

    with Log.open(loaded.log.path) as log:
        assert len(log.submissions(loaded.dfe.origin, window_ending(TUESDAY.date(), 8, "working"))[URN]) == 8
    assert run(loaded).exit_code == 0


@pytest.mark.usefixtures("school")
def test_old_runs_are_forgotten_once_the_clock_is_confirmed(
    clock: time_machine.Traveller, dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """keep_days holds: what is older is deleted by the next send that reaches the service."""
    loaded = settings(tmp_path, dfe, more="keep_days = 31")
    give_consent(loaded)
    run(loaded)
    clock.move_to(TUESDAY + timedelta(days=63))
    school.mark(datetime.now(UTC).date(), PRESENT=30)
    run(loaded)

    with Log.open(loaded.log.path) as log:
        assert log.submissions(loaded.dfe.origin, window_ending(TUESDAY.date(), 8, "working")) == {}


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize("back", [timedelta(weeks=3), timedelta(days=700)], ids=str)
def test_clock_that_is_behind_is_a_problem(
    clock: time_machine.Traveller, dfe: PretendDfe, tmp_path: Path, back: timedelta
) -> None:
    """A5: the newest run, or the date of the release, is later than now: 2, before anything is read."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    clock.move_to(TUESDAY - back)

    today = window()
    for act in (run, lambda _: dry_run(loaded, today, (), lambda _: None), lambda _: [*preview(loaded, today, ())]):
        with pytest.raises(SettingsError) as raised:
            act(loaded)
        assert (raised.value.problem.code, raised.value.exit_code) == ("CLOCK", 2)
    assert [problem.code for problem in status(loaded).to_check][:1] == (["CLOCK"] if status(loaded).last_run else [])


@pytest.mark.usefixtures("school")
def test_clock_is_compared_with_the_service_when_nothing_is_due(
    clock: time_machine.Traveller, certificates: Certificates, tmp_path: Path
) -> None:
    """A5: no marks in the window of the wrong date: the Date header says why. No secret is sent for it."""
    with pretend_dfe(certificates) as dfe:
        loaded = settings(tmp_path, dfe)
        give_consent(loaded)
        with pytest.MonkeyPatch.context() as patch:
            # The pretend DfE keeps the right time, this computer is 3 weeks ahead: no marks there.
            patch.setattr(
                "http.server.BaseHTTPRequestHandler.date_time_string", lambda *_: "Tue, 24 Nov 2026 15:00:00 GMT"
            )
            clock.move_to(TUESDAY + timedelta(days=21))
            report = run(loaded)
        assert dfe.posts == []

    assert (report.exit_code, report.problem and report.problem.code) == (2, "CLOCK")


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("state", ["sending", "unknown", "accepted", "rejected", "failed", "none"])
def test_log_restored_at_each_state(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path, state: str) -> None:
    """A9: an old copy of the log, while the service has newer counts: in the end it has the truth, zeros too."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    school.change("UPDATE marks SET code = 'L' WHERE code = 'I'")
    if state != "none":
        run(loaded)
        with closing(sqlite3.connect(loaded.log.path)) as log, log:
            log.execute("UPDATE submission SET state = ?", (state,))
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(loaded.log.path)) as log, closing(sqlite3.connect(backup)) as copy:
        log.backup(copy)
    school.change("UPDATE marks SET code = 'M' WHERE code = 'L'")  # sent, and then lost with the newer log
    with time_machine.travel(TUESDAY + timedelta(days=1, hours=-1), tick=True):
        run(loaded)
    school.change("UPDATE marks SET code = 'I' WHERE code = 'M'")
    for ending in ("", "-wal", "-shm"):
        (loaded.log.path.parent / f"attsync.db{ending}").unlink(missing_ok=True)
    shutil.copyfile(backup, loaded.log.path)
    loaded.log.path.chmod(0o600)

    with time_machine.travel(TUESDAY + timedelta(days=2), tick=True):
        assert {p.code for result in run(loaded).schools for p in result.problems} <= {"DAY-LEFT"}
        believed = {figure[1:]: n for figure, n in dfe.counts.items() if n and figure[1] >= window().first}
        rows = school.ask("SELECT date, session, year_group, code, count(*) FROM marks GROUP BY 1, 2, 3, 4")
        truth = {(date.fromisoformat(r[0]), *r[1:4]): r[4] for r in rows if r[0] >= f"{window().first}"}
    assert believed == truth


def test_after_a_gap_every_valid_code_is_sent(
    clock: time_machine.Traveller, dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """A9: a planned send that the log does not know may have sent codes that it does not know either."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    day = TUESDAY.date() + timedelta(days=1)
    school.mark(day, PRESENT=28, I=2)
    codes = []
    for hours in (20, 2 * 24):  # Wednesday morning in time, then not before Thursday afternoon
        clock.move_to(TUESDAY + timedelta(hours=hours - 0.5))
        run(loaded)
        codes.append({code for _, at, session, _, code in dfe.counts if at == day and session == "AM"})

    assert codes == [{"/", "I"}, {c.code for c in codes_on(day).values() if Session.AM in c.sessions}]


@pytest.mark.usefixtures("clock")
def test_after_a_gap_a_day_without_marks_is_sent_as_0(dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path) -> None:
    """A9: the lost log may have sent it. No tick for it, and nothing to check: as if it had never been sent."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    day = TUESDAY.date() + timedelta(days=1)
    school.mark(day, PRESENT=30)
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(loaded.log.path)) as log, closing(sqlite3.connect(backup)) as copy:
        log.backup(copy)
    with time_machine.travel(TUESDAY + timedelta(days=1), tick=True):
        run(loaded)
        assert day in {figure[0] for figure in believed(dfe)}
    school.change("DELETE FROM marks WHERE date = ?", f"{day}")
    for ending in ("", "-wal", "-shm"):
        Path(f"{loaded.log.path}{ending}").unlink(missing_ok=True)
    shutil.copyfile(backup, loaded.log.path)
    loaded.log.path.chmod(0o600)

    with time_machine.travel(TUESDAY + timedelta(days=2), tick=True):
        school.mark(datetime.now(UTC).date(), PRESENT=30)
        reports = [run(loaded), run(loaded)]
        (shown,) = (each for each in status(loaded).schools[0].days if each.date == day)

    assert day not in {figure[0] for figure in believed(dfe)}
    assert [report.exit_code for report in reports] == [0, 0]
    assert not any(p.code in ("MARKS-FEWER", "MARKS-GONE") for each in reports for p in each.schools[0].to_check)
    assert (set(shown.signs.values()), shown.note, shown.is_closed) == ({Sign.NO_REGISTER}, "no register", True)


@pytest.mark.usefixtures("school")
def test_key_that_is_older_than_a_day_is_not_used_again(
    clock: time_machine.Traveller, dfe: PretendDfe, tmp_path: Path
) -> None:
    """A9: the service may have forgotten it, or the log may be an old copy."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    with closing(sqlite3.connect(loaded.log.path)) as log, log:
        log.execute("UPDATE submission SET state = 'unknown'")
    before = {key for _, key, _ in dfe.posts}
    clock.move_to(TUESDAY + timedelta(hours=25))

    run(loaded)

    assert len({key for _, key, _ in dfe.posts} - before) == 7  # the first day has left the window


@pytest.mark.usefixtures("school")
def test_day_that_leaves_the_window_rejected_is_said_once_more(
    clock: time_machine.Traveller, dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """A10: by the first run without it; then `status --problems` keeps it for a term."""
    loaded = settings(tmp_path, dfe, dfe_lines="connections = 1")
    give_consent(loaded)
    first = window().first
    dfe.faults.append(Fault.REJECT)
    assert run(loaded).exit_code == 1
    codes = []
    for number in (1, 2):
        clock.move_to(TUESDAY + timedelta(days=number))
        school.mark(datetime.now(UTC).date(), PRESENT=30)
        school.mark(datetime.now(UTC).date(), "PM", PRESENT=30)
        codes.append([(p.code, p.days) for result in run(loaded).schools for p in result.problems])

    assert codes == [[("DAY-LEFT", (first,))], []]
    assert status(loaded).only_problems().schools[0].left == (first,)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("only", [(), (OAKFIELD.urn,)])
def test_school_that_left_the_settings_is_asked_again(
    dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path, only: tuple[int, ...]
) -> None:
    """C15: a run went by without it; when it comes back nothing is sent until it agrees again, and cron hears of it."""
    school.mark(TUESDAY.date(), "AM", "1", ELMHURST, PRESENT=30)
    both = settings(tmp_path, dfe, databases=(("sqlite:///school.db", (OAKFIELD, ELMHURST)),))
    give_consent(both, OAKFIELD, ELMHURST)
    text = (tmp_path / "config.toml").read_text()
    settings(tmp_path, dfe)
    run(load(tmp_path / "config.toml", {}), *only)
    (tmp_path / "config.toml").write_text(text)

    report = run(load(tmp_path / "config.toml", {}))

    assert [(p.code, p.case) for result in report.schools for p in result.problems] == [("CONSENT-CHANGED", "lapsed")]
    with Log.open(both.log.path) as log:
        assert [row.action for row in log.consent_history(ELMHURST.urn)] == ["given", "lapsed"]
    give_consent(both, ELMHURST)
    assert run(both).exit_code == 0


@pytest.mark.usefixtures("clock", "school")
def test_log_that_is_replaced_during_a_run_stops_it(certificates: Certificates, tmp_path: Path) -> None:
    """C16: consent removed in the new file would not be seen in the old one."""

    def replace(_: float) -> None:
        copy = loaded.log.path.with_name("copy")
        shutil.copyfile(loaded.log.path, copy)
        copy.replace(loaded.log.path)

    with pretend_dfe(certificates, Fault.SLOW, pause=replace) as dfe:
        loaded = settings(tmp_path, dfe, dfe_lines="connections = 1")
        give_consent(loaded)
        with pytest.raises(LogError) as raised:
            run(loaded)

        assert (raised.value.exit_code, raised.value.problem.case) == (9, "replaced")
        assert len(dfe.posts) == 1


@pytest.mark.usefixtures("clock", "school")
def test_wider_window_asks_for_consent_again(dfe: PretendDfe, tmp_path: Path) -> None:
    """C3: working days reach further back than the calendar days that the notice named."""
    narrow = settings(tmp_path, dfe, more='[window]\ncount = "calendar"')
    give_consent(narrow)
    wide = settings(tmp_path, dfe)

    report = run(wide)

    assert [(p.code, p.case) for result in report.schools for p in result.problems] == [("CONSENT-CHANGED", "window")]
    assert run(narrow).exit_code == 0


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("hour", "afternoon", "sent"),
    [(10, "ahead", False), (10, "none yet", False), (14, "ahead", True), (10, "taken", True)],
)
def test_session_that_is_not_registered_yet_is_not_sent(
    clock: time_machine.Traveller,
    dfe: PretendDfe,
    tmp_path: Path,
    hour: int,
    afternoon: str,
    sent: bool,  # noqa: FBT001
) -> None:
    """B1: marks entered ahead, or N for everyone, are no register before its time; after it they are sent and told."""
    clock.move_to(TUESDAY.replace(hour=hour, minute=50))
    made = SchoolDatabase(tmp_path / "school.db")
    made.enrol()
    made.mark(TUESDAY.date(), "AM", PRESENT=28, I=2)
    marks: dict[str, int] = {"ahead": {"M": 2, "C": 1}, "none yet": {"N": 30}, "taken": {"PRESENT": 27, "I": 3}}[
        afternoon
    ]
    made.mark(TUESDAY.date(), "PM", "1", OAKFIELD, **marks)
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    report = run(loaded)

    assert ("PM" in {session for _, _, session, *_ in dfe.counts}) is sent
    told = {p.code for p in report.schools[0].to_check}
    assert ("SESSION-NONE" in told) is (hour == 14)


def test_session_that_was_sent_is_sent_again_whatever_it_looks_like(
    clock: time_machine.Traveller, dfe: PretendDfe, tmp_path: Path
) -> None:
    """B1: the last sending is the whole truth."""
    clock.move_to(TUESDAY.replace(hour=10, minute=50))
    made = SchoolDatabase(tmp_path / "school.db")
    made.enrol()
    for session in Session:
        made.mark(TUESDAY.date(), session, PRESENT=30)
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    made.change("DELETE FROM marks WHERE session = 'PM' AND rowid % 10")

    run(loaded)

    assert 0 < dfe.counts[URN, TUESDAY.date(), "PM", "1", "\\"] < 30


@pytest.mark.usefixtures("clock")
def test_no_marks_in_term_time_is_not_silent(dfe: PretendDfe, tmp_path: Path) -> None:
    """An empty window in the middle of a term: 1, and a line; in the holidays nothing."""
    SchoolDatabase(tmp_path / "school.db").enrol()
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    report = run(loaded)

    assert (report.exit_code, [p.code for p in report.schools[0].problems]) == (1, ["MARKS-NONE"])
    assert mail(report, ())
    with time_machine.travel(datetime(2026, 12, 29, 15, tzinfo=UTC), tick=True):
        assert [code for code, _ in _told(run(loaded))] == ["DAY-LEFT"]
        assert run(loaded).exit_code == 0


def believed(dfe: PretendDfe) -> dict[tuple[date, str, str, str], int]:
    """Return the counts of the receiver that are not 0, without the URN."""
    return {(f[1], f[2], f[3], f[4]): number for f, number in dfe.counts.items() if number}


def in_database(school: SchoolDatabase) -> dict[tuple[date, str, str, str], int]:
    """Return the counts of the database."""
    rows = school.ask("SELECT date, session, year_group, code, count(*) FROM marks GROUP BY 1, 2, 3, 4")
    return {(date.fromisoformat(day), session, group, code): number for day, session, group, code, number in rows}


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("second", [Fault.CLOSED, Fault.UNRULY])
def test_refusal_after_a_lost_answer_leaves_the_message_open(
    dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path, second: Fault
) -> None:
    """What refuses may stand in front of the DfE: the codes of the first try are still sent as 0 when they are gone."""
    loaded = settings(tmp_path, dfe, dfe_lines="connections = 1")
    give_consent(loaded)
    run(loaded)
    school.change("UPDATE marks SET code = 'L' WHERE code = 'I'")
    dfe.faults.extend([Fault.LOST, second])
    run(loaded)
    school.change("UPDATE marks SET code = 'I' WHERE code = 'L'")

    assert run(loaded).exit_code == 0
    assert believed(dfe) == in_database(school)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("first", ["other school", "another year group"])
def test_gap_is_over_only_when_each_day_was_received(
    dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path, first: str
) -> None:
    """A9: a run of another school says nothing of this one; year groups that the log lacks are sent as 0 too."""
    loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", (OAKFIELD, ELMHURST)),))
    school.enrol("2", 5)
    give_consent(loaded, OAKFIELD, ELMHURST)
    run(loaded, URN)
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(loaded.log.path)) as log, closing(sqlite3.connect(backup)) as copy:
        log.backup(copy)
    school.change("UPDATE marks SET code = 'M', year_group = '2' WHERE code = 'I'")
    with time_machine.travel(TUESDAY + timedelta(hours=23), tick=True):
        run(loaded, URN)
    school.change("UPDATE marks SET code = 'I', year_group = '1' WHERE code = 'M'")
    for ending in ("", "-wal", "-shm"):
        Path(f"{loaded.log.path}{ending}").unlink(missing_ok=True)
    shutil.copyfile(backup, loaded.log.path)
    loaded.log.path.chmod(0o600)

    with time_machine.travel(TUESDAY + timedelta(days=2), tick=True):
        if first == "other school":
            run(loaded, ELMHURST.urn)
        run(loaded, URN)
        in_window = {figure: number for figure, number in believed(dfe).items() if figure[0] in window()}
        assert in_window == {figure: n for figure, n in in_database(school).items() if figure[0] in window()}


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("how", ["marks and roll", "codes"])
def test_emptied_database_is_not_silent_in_term_time(dfe: PretendDfe, tmp_path: Path, how: str) -> None:
    """Also where no one is on roll any more, and where all marks have lost their codes."""
    made = SchoolDatabase(tmp_path / "school.db")
    if how == "codes":
        made.enrol()
        for day in window():
            made.mark(day, "AM", X=30)
        made.change("UPDATE marks SET code = NULL")
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)

    report = run(loaded)

    assert report.exit_code == 1
    assert "[MARKS-NONE]" in "".join(mail(report, ()))


@pytest.mark.usefixtures("clock")
def test_log_that_is_replaced_during_the_last_answer_is_no_success(
    certificates: Certificates, school: SchoolDatabase, tmp_path: Path
) -> None:
    """C16: what is recorded then goes into a file that is no longer there."""

    def replace(_: float) -> None:
        copy = loaded.log.path.with_name("copy")
        shutil.copyfile(loaded.log.path, copy)
        copy.chmod(0o600)
        copy.replace(loaded.log.path)

    school.change("DELETE FROM marks WHERE date <> ?", f"{TUESDAY.date()}")
    with pretend_dfe(certificates, Fault.SLOW, pause=replace) as running:
        loaded = settings(tmp_path, running, dfe_lines="connections = 1")
        give_consent(loaded)
        with pytest.raises(LogError, match="LOG-WRITE replaced"):
            run(loaded)


def test_day_that_left_the_window_is_told_also_after_a_run_without_it(
    clock: time_machine.Traveller, dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """A10: a run of another school, or of one day, does not count as the run that told it."""
    both = (("sqlite:///school.db", (OAKFIELD, ELMHURST)),)
    loaded = settings(tmp_path, dfe, dfe_lines="connections = 1", databases=both)
    give_consent(loaded, OAKFIELD, ELMHURST)
    dfe.faults.append(Fault.REJECT)
    run(loaded, URN)
    clock.move_to(TUESDAY + timedelta(days=1))
    today = datetime.now(UTC).date()
    for session in Session:
        school.mark(today, session, PRESENT=30)
    run(loaded, ELMHURST.urn)
    send(loaded, Window(today, today), (URN,), lambda _: None)

    assert [p.code for result in run(loaded, URN).schools for p in result.problems] == ["DAY-LEFT"]


def _told(report: Report) -> list[tuple[str, list[date]]]:
    return [(p.code, [*p.days]) for result in report.schools for p in result.problems]


@pytest.mark.parametrize("narrow", [8, 7])
def test_day_that_left_the_window_is_told_once_whatever_weekends_are_in_it(
    clock: time_machine.Traveller, dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path, narrow: int
) -> None:
    """A10: 8 working days last 10 or 12 days, so a window of 7 may be longer than one of 8."""
    loaded = settings(tmp_path, dfe, dfe_lines="connections = 1")
    give_consent(loaded)
    dfe.faults.append(Fault.REJECT)
    run(loaded)
    told = []
    for days in range(1, 9):
        clock.move_to(TUESDAY + timedelta(days=days))
        today = datetime.now(UTC).date()
        if today.weekday() < 5:
            for session in Session:
                school.mark(today, session, PRESENT=28, I=2)
        if days == 1 and narrow < 8:  # it leaves out the day, and does not count as the run that told it
            send(loaded, window_ending(today, narrow, "working"), (), lambda _: None)
        told += _told(run(loaded))

    assert told == [("DAY-LEFT", [date(2026, 11, 13)])]


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize("weeks", [2, 6])
def test_days_that_left_the_window_while_no_send_came_are_told(
    clock: time_machine.Traveller, dfe: PretendDfe, tmp_path: Path, weeks: int
) -> None:
    """A10: no run has tried them, and none will. Holidays and weekends are none of them."""
    clock.move_to(TUESDAY - timedelta(weeks=weeks))
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    clock.move_to(TUESDAY)

    (found,) = _told(run(loaded))

    first = TUESDAY.date() - timedelta(weeks=weeks) + timedelta(days=1)
    assert found[0] == "DAY-LEFT"
    assert (min(found[1]), max(found[1])) == (max(first, date(2026, 11, 10)), date(2026, 11, 12))
    assert {day.weekday() for day in found[1]} <= {0, 1, 2, 3, 4}
    assert _told(run(loaded)) == []


@pytest.mark.usefixtures("clock")
def test_code_that_was_taken_before_a_fault_is_sent_as_0(
    dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """The receiver holds a count of it, whatever it says of the code now."""
    loaded = settings(tmp_path, dfe, dfe_lines="connections = 1")
    give_consent(loaded)
    run(loaded)
    dfe.faults.append(Fault.FAULTY)
    run(loaded)
    school.change("UPDATE marks SET code = 'L' WHERE code = '/'")

    run(loaded)

    assert believed(dfe) == in_database(school)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("hours", [0, 4])
def test_session_is_due_by_the_clock_of_the_receiver(
    dfe: PretendDfe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """B1: with a clock that is hours ahead, on the same date, what was entered ahead is not taken for a register."""
    made = SchoolDatabase(tmp_path / "school.db")
    made.enrol()
    made.mark(TUESDAY.date(), "AM", PRESENT=28, I=2)
    made.mark(TUESDAY.date(), "PM", M=2, C=1)
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    true_time = f"Tue, 24 Nov 2026 {15 - hours}:00:00 GMT"
    monkeypatch.setattr("http.server.BaseHTTPRequestHandler.date_time_string", lambda *_: true_time)

    report = run(loaded)

    assert report.exit_code == 0
    assert ("PM" in {session for _, _, session, *_ in dfe.counts}) is (hours == 0)
    assert ("SESSION-NONE" in {p.code for p in report.schools[0].to_check}) is (hours == 0)


@pytest.mark.parametrize("minute", [10, 16, 25])
def test_send_and_status_agree_when_a_session_is_due(
    clock: time_machine.Traveller, dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path, minute: int
) -> None:
    """A14: at the school's own minute, by which `attsync crontab` spreads schools, for both."""
    school.change("DELETE FROM marks WHERE date = ? AND session = 'PM'", f"{TUESDAY.date()}")
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    clock.move_to(TUESDAY.replace(hour=14, minute=minute))

    told = {problem.code for problem in run(loaded).schools[0].to_check}

    (shown,) = (day for day in status(loaded).schools[0].days if day.date == TUESDAY.date())
    assert (shown.signs[Session.PM] is Sign.NO_REGISTER) is ("SESSION-NONE" in told) is (minute == 25)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("ahead", [timedelta(hours=-16), timedelta(days=-40_000), timedelta(days=40_000)])
def test_clock_of_the_receiver_decides_for_each_school(dfe: PretendDfe, tmp_path: Path, ahead: timedelta) -> None:
    """A receiver whose date is another: not only the first school's morning is withheld, and nothing is made up."""
    loaded = settings(tmp_path, dfe)
    planner = Planner(loaded, None, Window(TUESDAY.date(), TUESDAY.date()), datetime.now(UTC), lambda: ahead)
    early = Day(date=TUESDAY.date(), cells={Cell("1", Session.PM): {"M": 2}}, roll={"1": 30})

    sent = [planner.without_early_sessions(early, {}).marks for _ in range(2)]

    assert sent == ([0, 0] if ahead < timedelta() else [2, 2])


@pytest.mark.usefixtures("school")
def test_clock_that_is_hours_behind_shows_the_time(
    clock: time_machine.Traveller, dfe: PretendDfe, tmp_path: Path
) -> None:
    """Twice the same date would explain nothing."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    clock.move_to(TUESDAY - timedelta(hours=4))

    with pytest.raises(SettingsError) as raised:
        run(loaded)
    assert raised.value.problem == Problem("CLOCK", "before_run_today", now="11:00", newest="15:00")


@pytest.mark.usefixtures("school")
def test_run_that_was_refused_for_its_clock_hides_no_missed_send(
    clock: time_machine.Traveller, dfe: PretendDfe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read the school, at a time that was not yet: the sends of that day are missed all the same."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    with monkeypatch.context() as patch:
        patch.setattr("http.server.BaseHTTPRequestHandler.date_time_string", lambda *_: "Tue, 24 Nov 2026 15:00:00 GMT")
        clock.move_to(TUESDAY + timedelta(days=1))
        assert run(loaded).exit_code == 2

    clock.move_to(TUESDAY + timedelta(hours=22))  # 13:00 on the day that the wrong clock showed

    shown = status(loaded).schools[0].days[0]
    assert (shown.date, shown.signs[Session.AM]) == (TUESDAY.date() + timedelta(days=1), Sign.NOT_RECEIVED)


def test_clock_far_ahead_in_the_holidays_is_not_silent(
    clock: time_machine.Traveller, dfe: PretendDfe, school: SchoolDatabase, tmp_path: Path
) -> None:
    """Nothing is due then, and the service cannot show its clock: said, unless a run of the last days compared them."""
    loaded = settings(tmp_path, dfe)
    give_consent(loaded)
    run(loaded)
    school.change("DELETE FROM marks")
    clock.move_to(datetime(2026, 12, 24, 15, tzinfo=UTC))
    assert [code for code, _ in _told(run(loaded))] == ["DAY-LEFT"]
    codes = [run(loaded).exit_code]
    dfe.server.stop()
    for day in (28, 29 + 7):
        clock.move_to(datetime(2026, 12, 1, 15, tzinfo=UTC) + timedelta(days=day))
        codes.append(run(loaded).exit_code)

    assert codes == [0, 0, 5]


@pytest.mark.usefixtures("clock", "school")
def test_consent_removed_and_given_again_during_a_run_is_told(certificates: Certificates, tmp_path: Path) -> None:
    """What was not sent in between is due after all: silence is for schools that have stopped."""

    def change(_: float) -> None:
        give_consent(loaded, given=False)
        wait_for_starting_requests(loaded.log.path)

    def give_again(_: object) -> None:
        give_consent(loaded)

    with pretend_dfe(certificates, Fault.SLOW, pause=change) as running:
        loaded = settings(tmp_path, running, dfe_lines="connections = 1")
        give_consent(loaded)
        report = send(loaded, window(), (), give_again)
        posts = len(running.posts)

    assert posts == 1
    assert report.schools[0].problem == Problem("CONSENT-NONE", "again", urn=URN)
    assert (report.exit_code, len(mail(report, ()))) == (1, 2)
