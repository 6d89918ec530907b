"""log: every attempt is on disk before its first byte, every body once, every consent for good."""

import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from attsync.log import Log, Submission
from attsync.log.file import _make, _why
from attsync.model import Body, Cell, Fault, Outcome, School, Session, State, Try
from attsync.problems import LogError, Problem
from attsync.window import Window
from attsync.wire import build
from tests.factories import ELMHURST, FRIDAY, MONDAY, NOON, OAKFIELD, WINDOW, day, give_consent, settings
from tests.other_account import needs_root

PROBLEM = Problem("DFE-BUSY", "It was busy.", "Wait.", words="very busy")
STRAY = Problem("SCHOOL-UNLISTED", "SIMS holds 7 marks of another school.", "Add it.", days=tuple(WINDOW))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """Make a log in which Oakfield has given consent."""
    loaded = settings(tmp_path)
    give_consent(loaded, OAKFIELD)
    with Log.open(loaded.log.path) as opened:
        yield opened


def body(when: date = MONDAY, **codes: int) -> Body:
    """Make a message."""
    made = build(OAKFIELD, day(when, **codes), {})
    assert isinstance(made, Body)
    return made


def begin(log: Log, number: int, sent: Body, last: Submission | None = None) -> Submission:
    """Record an attempt."""
    with log.writing():
        return log.begin_sending(number, OAKFIELD, sent, last, NOON)


def end(log: Log, entry: Submission, state: State, *faults: Fault, problem: Problem | None = None) -> None:
    """Record its end."""
    tries = (Try(at=NOON, seconds=0.1, answer="201 received"),)
    with log.writing():
        log.record(entry, Outcome(state=state, tries=tries, reference="ref", problem=problem, faults=faults), NOON)


def newest(log: Log) -> Submission:
    """Give the newest entry of Monday."""
    return log.latest(Window(MONDAY, MONDAY), OAKFIELD.urn)[0]


@needs_root
def test_log_that_may_not_be_known_is_not_taken_for_none(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """Else a wrong account hears that no school has given consent. Path.exists says so from Python 3.14 on."""
    path = open_folder / "closed" / "attsync.db"
    path.parent.mkdir(mode=0o700)
    Log.open(path).close()
    somebody_else()

    for opening in (Log.open, Log.open_existing):
        with pytest.raises(LogError, match="permission denied"):
            opening(path)


def test_log_belongs_to_its_account_alone(tmp_path: Path) -> None:
    """It holds counts in which a single pupil may be recognised."""
    path = tmp_path / "new" / "state" / "attsync.db"

    with Log.open(path) as log, log.writing():
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert modes == dict.fromkeys(("attsync.db", "attsync.db-wal", "attsync.db-shm"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    """`status` before the first send."""
    assert Log.open_existing(tmp_path / "attsync.db") is None
    assert list(tmp_path.iterdir()) == []


def test_commits_are_on_disk(log: Log) -> None:
    """WAL with synchronous FULL: a power cut takes nothing back."""
    with closing(sqlite3.connect(log.path)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    (synchronous,) = log._rows("PRAGMA synchronous")  # noqa: SLF001  the connection's own setting
    (keys,) = log._rows("PRAGMA foreign_keys")  # noqa: SLF001
    assert (synchronous[0], keys[0]) == (2, 1)


def test_attempt_is_seen_by_others_as_soon_as_it_is_recorded(log: Log) -> None:
    """Before the first byte leaves, another process would find it."""
    entry = begin(log, log.begin_run(WINDOW, NOON), body())

    with closing(sqlite3.connect(log.path)) as other:
        assert other.execute("SELECT state, key FROM submission").fetchall() == [("sending", entry.key)]


def test_failed_transaction_leaves_nothing(log: Log) -> None:
    """All or nothing."""
    number = log.begin_run(WINDOW, NOON)

    def both() -> None:
        with log.writing():
            log.begin_sending(number, OAKFIELD, body(), None, NOON)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        both()
    assert log.latest(WINDOW) == []
    end(log, begin(log, number, body()), State.ACCEPTED)  # and the next one works


def test_each_body_is_kept_once(log: Log) -> None:
    """Unchanged days are sent twice a day, for years."""
    for _ in range(3):
        end(log, begin(log, log.begin_run(WINDOW, NOON), body()), State.ACCEPTED)

    assert [row[0] for row in log._rows("SELECT content FROM body")] == [body().content.decode()]  # noqa: SLF001
    assert len({entry.key for entry in log.history(OAKFIELD.urn, MONDAY)}) == 3


def test_dead_run_leaves_an_open_fate(log: Log) -> None:
    """What was `sending` when a run died may have arrived."""
    begin(log, log.begin_run(WINDOW, NOON), body())

    log.begin_run(WINDOW, NOON)

    entry = newest(log)
    assert (entry.state, entry.problem and entry.problem.code) == (State.UNKNOWN, "STOPPED")


def test_open_fate_and_same_body_keep_the_key(log: Log) -> None:
    """The service recognises the repeat."""
    first = begin(log, log.begin_run(WINDOW, NOON), body())
    number = log.begin_run(WINDOW, NOON)

    again = begin(log, number, body(), newest(log))

    entry = newest(log)
    assert (again.key, again.id) == (first.key, first.id)
    assert (entry.state, entry.run_id, entry.problem) == (State.SENDING, number, None)


def test_open_fate_and_other_body_get_a_new_key(log: Log) -> None:
    """One key never stands for two bodies."""
    first = begin(log, log.begin_run(WINDOW, NOON), body(I=1))
    number = log.begin_run(WINDOW, NOON)

    begin(log, number, body(I=2), newest(log))

    older, newer = log.history(OAKFIELD.urn, MONDAY)
    assert (older.state, newer.state) == (State.SUPERSEDED, State.SENDING)
    assert (older.key, older.sha256) == (first.key, first.sha256)
    assert older.key != newer.key


@pytest.mark.parametrize("state", [State.ACCEPTED, State.FAULTY, State.REJECTED, State.FAILED])
def test_known_fate_gets_a_new_key_also_for_the_same_body(log: Log, state: State) -> None:
    """With A, then B, then A again, an old key would replay the first answer and the service would keep B."""
    first = begin(log, log.begin_run(WINDOW, NOON), body())
    end(log, first, state)

    again = begin(log, log.begin_run(WINDOW, NOON), body(), newest(log))

    assert again.key != first.key


def test_attempt_taken_up_again_is_the_newest(log: Log) -> None:
    """Though its row is older than that of a day which was refused meanwhile."""
    begin(log, log.begin_run(WINDOW, NOON), body())
    number = log.begin_run(WINDOW, NOON)
    with log.writing():
        log.refuse(number, OAKFIELD, MONDAY, PROBLEM, NOON)
    (open_one,) = log.latest(WINDOW, OAKFIELD.urn, with_body=True)

    end(log, begin(log, log.begin_run(WINDOW, NOON), body(), open_one), State.ACCEPTED)

    assert newest(log).state is State.ACCEPTED
    assert [entry.state for entry in log.history(OAKFIELD.urn, MONDAY)] == [State.REFUSED, State.ACCEPTED]


def test_newest_entry_of_each_day_is_found(log: Log) -> None:
    """For one school and for all; refused ones count unless a body is asked for."""
    number = log.begin_run(WINDOW, NOON)
    end(log, begin(log, number, body(FRIDAY)), State.ACCEPTED)
    end(log, begin(log, number, body(MONDAY, I=1)), State.ACCEPTED)
    end(log, begin(log, number, body(date(2026, 11, 12))), State.ACCEPTED)
    number = log.begin_run(WINDOW, NOON)
    with log.writing():
        log.refuse(number, OAKFIELD, MONDAY, PROBLEM, NOON)

    for urn in (None, OAKFIELD.urn):
        assert [(e.day, e.state) for e in log.latest(WINDOW, urn)] == [
            (FRIDAY, State.ACCEPTED),
            (MONDAY, State.REFUSED),
        ]
        assert [e.content for e in log.latest(WINDOW, urn, with_body=True)] == [
            body(FRIDAY).content.decode(),
            body(MONDAY, I=1).content.decode(),
        ]
    assert log.latest(WINDOW, ELMHURST.urn) == []


def test_what_was_recorded_is_read_back(log: Log) -> None:
    """State, problem, tries and faults."""
    fault = Fault("VAL104", Cell("1", Session.AM), "I", "odd")
    whole = Fault("VAL105", None, None, "odd")
    entry = begin(log, log.begin_run(WINDOW, NOON), body())

    end(log, entry, State.FAULTY, fault, whole, problem=PROBLEM)

    kept = newest(log)
    assert (kept.state, kept.reference, kept.problem, kept.answered_at) == (State.FAULTY, "ref", PROBLEM, NOON)
    assert log.tries(kept) == [Try(at=NOON, seconds=0.1, answer="201 received")]
    assert log.faults([kept]) == {kept.id: [fault, whole]}


def test_runs_are_read_back(log: Log) -> None:
    """When it began and ended, and what it did for each school."""
    number = log.begin_run(WINDOW, NOON)
    with log.writing():
        log.record_school(number, OAKFIELD, "read", to_check=[PROBLEM])
    log.end_run(number, 5, NOON, [STRAY])
    second = log.begin_run(WINDOW, NOON + timedelta(hours=1))
    with log.writing():
        log.record_school(second, OAKFIELD, "failed", problem=PROBLEM)

    last, school = log.last_run(), log.latest_school_runs()[OAKFIELD.urn]

    assert last
    assert (last.id, last.window, last.ended_at, last.exit_code) == (second, WINDOW, None, None)
    assert (school.outcome, school.problem, school.to_check) == ("failed", PROBLEM, ())
    assert [run.id for run in log.reads(WINDOW)[OAKFIELD.urn]] == [number]
    assert log.reads(Window(WINDOW.end, WINDOW.end)) == {}
    assert log.to_check() == (STRAY,)  # of the newest run that has ended


def test_old_runs_are_forgotten_with_their_bodies(log: Log) -> None:
    """[log] keep_days; what is still named stays."""
    end(log, begin(log, log.begin_run(WINDOW, NOON), body(I=1)), State.ACCEPTED)
    end(log, begin(log, log.begin_run(WINDOW, NOON), body(I=2)), State.ACCEPTED)
    end(log, begin(log, log.begin_run(WINDOW, NOON + timedelta(days=40)), body(I=2)), State.ACCEPTED)

    log.forget(NOON + timedelta(days=1))

    assert [entry.sha256 for entry in log.history(OAKFIELD.urn, MONDAY)] == [body(I=2).sha256]
    for table, left in (("run", 1), ("body", 1), ("try", 1), ("consent", 1)):
        assert log._rows(f"SELECT count(*) FROM {table}")[0][0] == left  # noqa: SLF001


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE consent SET given = 0",
        "DELETE FROM consent",
        (
            "INSERT OR REPLACE INTO consent SELECT id, urn, name, 0, person, username, login_uid, role, reason,"
            " receiver, data_set, notice, at FROM consent"
        ),
    ],
)
def test_consent_is_never_changed(log: Log, change: str) -> None:
    """Not by a slip, in attsync or in somebody's shell."""
    with closing(sqlite3.connect(log.path)) as other, pytest.raises(sqlite3.IntegrityError, match="never"):
        other.execute(change)


def test_consent_has_a_history(tmp_path: Path) -> None:
    """The newest row counts; schools keep their newest name."""
    loaded = settings(tmp_path)
    renamed = School(OAKFIELD.urn, "Oakfield Academy")
    give_consent(loaded, OAKFIELD, ELMHURST)
    row = give_consent(loaded, renamed, given=False)

    with Log.open(loaded.log.path) as log:
        latest = log.latest_consent(OAKFIELD.urn)
        assert latest
        assert (latest.given, latest.school) == (False, renamed)
        assert [r.given for r in log.consent_history(OAKFIELD.urn)] == [True, False]
        assert log.consent_history(OAKFIELD.urn)[-1].at == row.at
        assert log.schools() == {OAKFIELD.urn: renamed, ELMHURST.urn: ELMHURST}
        assert log.latest_consent(1) is None


def test_consent_is_read_from_several_threads(log: Log) -> None:
    """Each sender asks before its request, also while an attempt is being recorded."""
    seen: list[bool] = []

    def ask() -> None:
        seen.extend(bool(log.consent_now(OAKFIELD.urn)) for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    number = log.begin_run(WINDOW, NOON)
    for thread in threads:
        thread.start()
    for marks in range(20):
        begin(log, number, body(I=marks))
    for thread in threads:
        thread.join()

    assert seen == [True] * 200


def test_closed_service_is_remembered(log: Log) -> None:
    """410 holds until `attsync check` finds the service open; a receiver of another address is another service."""
    with log.writing():
        log.close_service("https://dfe.example", NOON)
        log.close_service("https://dfe.example", NOON + timedelta(days=1))

    assert log.closed_since("https://dfe.example") == NOON
    assert log.closed_since("https://other.example") is None
    log.reopen_service("https://dfe.example")
    assert log.closed_since("https://dfe.example") is None


@contextmanager
def _refused(path: Path, code: str, words: str = ".") -> Iterator[None]:
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(LogError, match=words) as raised:
        yield
    assert (raised.value.problem.code, raised.value.exit_code) == (code, 9)
    assert str(path) in raised.value.problem.text
    assert (path.read_bytes() if path.is_file() else b"") == before


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("no database at all, but long enough to be one" * 50)


def _other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE anything (a)")


def _torn(path: Path) -> None:
    Log.open(path).close()
    content = bytearray(path.read_bytes())
    content[100:4096] = os.urandom(3996)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [_nothing, _text, _other_database, _torn])
def test_damaged_log_is_told_and_left_as_it_is(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """It may be all that proves what was sent; a new one in its place would forget every consent."""
    path = tmp_path / "attsync.db"
    damage(path)

    with _refused(path, "LOG-DAMAGED"), Log.open(path) as log:
        log.latest(WINDOW)


def test_log_cut_short_is_told(tmp_path: Path) -> None:
    """A copy that stopped half-way."""
    path = tmp_path / "attsync.db"
    Log.open(path).close()
    os.truncate(path, 8192)

    with _refused(path, "LOG-DAMAGED"), Log.open(path) as log:
        log.begin_run(WINDOW, NOON)


@pytest.fixture
def old_log(tmp_path: Path) -> Path:
    """Make a log of layout 1 with a run and a consent in it."""
    loaded = settings(tmp_path)
    give_consent(loaded, OAKFIELD)
    with Log.open(loaded.log.path) as made:
        number = made.begin_run(WINDOW, NOON)
        with made.writing():
            made.record_school(number, OAKFIELD, "failed", problem=PROBLEM)
        made.end_run(number, 5, NOON)
    with closing(sqlite3.connect(loaded.log.path)) as other:
        other.executescript("""
            UPDATE school_run SET to_check = '[["SCHOOL-UNLISTED", "They are odd.", "Look."]]';
            ALTER TABLE submission DROP COLUMN problem_words; ALTER TABLE school_run DROP COLUMN problem_words;
            ALTER TABLE run DROP COLUMN to_check; PRAGMA user_version = 1
        """)
    return loaded.log.path


def test_log_of_an_older_attsync_is_brought_up_to_date(old_log: Path, tmp_path: Path) -> None:
    """By whichever command comes first; nothing in it is lost, and its tables are those of a new one."""
    with Log.open_existing(old_log) or pytest.fail("there is a log") as log:
        last = log.last_run()
        assert (last.exit_code if last else None, log.to_check()) == (5, ())
        kept = log.latest_school_runs()[OAKFIELD.urn]
        assert kept.problem == Problem("DFE-BUSY", "It was busy.", "Wait.")
        assert kept.to_check == (Problem("SCHOOL-UNLISTED", "They are odd.", "Look."),)
        assert log.latest_consent(OAKFIELD.urn)
        log.end_run(log.begin_run(WINDOW, NOON), 0, NOON, [STRAY])
        assert log.to_check() == (STRAY,)
        assert log.examine() == 3

    Log.open(tmp_path / "new.db").close()
    assert _tables(old_log) == _tables(tmp_path / "new.db")


def test_log_that_cannot_be_brought_up_to_date_is_left_as_it_is(old_log: Path) -> None:
    """All of it or nothing: while another writes, or on a full disk, it stays what it was."""
    before = _tables(old_log)
    with closing(sqlite3.connect(old_log, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogError, match="another program keeps it locked"):
            Log.open(old_log)

    with closing(sqlite3.connect(old_log)) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (1,)
    assert _tables(old_log) == before


def test_log_that_is_half_new_is_left_as_it_is(old_log: Path) -> None:
    """Somebody has changed it by hand: nothing is guessed."""
    with closing(sqlite3.connect(old_log)) as other:
        other.execute("ALTER TABLE run ADD COLUMN to_check TEXT")

    with pytest.raises(LogError, match="SQLite says SQLITE_ERROR"):
        Log.open(old_log)
    with closing(sqlite3.connect(old_log)) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (1,)


def test_two_that_bring_a_log_up_to_date_at_once_do_it_once(old_log: Path) -> None:
    """Cron and a person on the morning after an upgrade."""
    both, failed = threading.Barrier(2), []

    def open_it() -> None:
        both.wait()
        try:
            Log.open(old_log).close()
        except LogError as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert "to_check" in _tables(old_log)["run"]


def _tables(path: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(path)) as other:
        names = [name for (name,) in other.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: [row[1] for row in other.execute(f"PRAGMA table_info({name})")] for name in names}


def test_newer_log_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    """An older attsync must not write what a newer one cannot read."""
    path = tmp_path / "attsync.db"
    Log.open(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("PRAGMA user_version = 99")

    with _refused(path, "LOG-NEWER", "made by a newer attsync"):
        Log.open(path)


def test_folder_in_place_of_the_log_is_told(tmp_path: Path) -> None:
    """An odd mount in a container."""
    path = tmp_path / "attsync.db"
    path.mkdir()

    with _refused(path, "LOG-WRITE", "cannot be opened"):
        Log.open(path)


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file where the folder should be; also for root, who may write anywhere."""
    (tmp_path / "state").write_text("")

    with _refused(tmp_path / "state" / "attsync.db", "LOG-WRITE", "not a directory|exists"):
        Log.open(tmp_path / "state" / "attsync.db")


def test_log_locked_by_another_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five seconds in which it may become free."""
    monkeypatch.setattr("attsync.log.file._BUSY_SECONDS", 0.05)
    path = tmp_path / "attsync.db"
    with Log.open(path) as log, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogError, match="another program keeps it locked"):
            log.begin_run(WINDOW, NOON)


def test_remains_of_a_death_while_making_are_cleared_away(tmp_path: Path) -> None:
    """They hold nothing; fresh ones may be another attsync's."""
    old, fresh = tmp_path / ".attsync.db.0123", tmp_path / ".attsync.db.4567"
    for left in (old, fresh):
        left.write_text("")
    os.utime(old, (0, 0))

    Log.open(tmp_path / "attsync.db").close()

    assert sorted(file.name for file in tmp_path.iterdir()) == [".attsync.db.4567", "attsync.db"]


def test_log_that_another_made_at_the_same_moment_is_used(tmp_path: Path) -> None:
    """Two consents at once on a new machine: one finds no log, and when it has made one, the other's is there."""
    loaded = settings(tmp_path)
    give_consent(loaded, OAKFIELD)
    _make(loaded.log.path)

    with Log.open(loaded.log.path) as log:
        assert log.latest_consent(OAKFIELD.urn)
    assert [*loaded.log.path.parent.glob(".*")] == []


def test_file_beside_the_log_that_is_closed_is_named(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite makes it with the rights of the log; those of the log may be mended since."""
    beside = log.path.with_name("attsync.db-shm")
    beside.touch()
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != beside and real(path, mode))

    assert _why(log.path, "SQLITE_READONLY_CANTINIT") == "attsync.db-shm beside it may only be read"
    beside.unlink()
    assert _why(log.path, "SQLITE_READONLY") == "it may only be read"


def test_disk_that_is_full_is_told_as_that(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite calls some of its failures on a full disk an error of the disk."""
    assert _why(log.path, "SQLITE_IOERR_SHMSIZE") == "the disk reports an error"
    full = shutil.disk_usage(log.path.parent)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert _why(log.path, "SQLITE_IOERR_SHMSIZE") == "the disk is full"
