"""What the column pupil proves: every day in the first send of a day, later only today and what has changed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import Engine, event

from attsync.run.report import Report
from attsync.run.send import dry_run, preview, send
from attsync.settings import Settings, load
from attsync.window import Window
from tests.factories import PretendDfe, SchoolDatabase, give_consent, settings

MORNING = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
FRIDAY, MONDAY, TUESDAY = date(2026, 11, 20), date(2026, 11, 23), date(2026, 11, 24)
WINDOW = Window(FRIDAY, TUESDAY)
ALL = {"2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"}


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Make it Tuesday morning; the test may move the clock."""
    with time_machine.travel(MORNING, tick=True) as traveller:
        yield traveller


@pytest.fixture
def school(tmp_path: Path) -> SchoolDatabase:
    """Make a school of 3 pupils with registers on 3 days, each mark with its pupil."""
    made = SchoolDatabase(tmp_path / "school.db")
    for pupil in (1, 2, 3):
        made.change("INSERT INTO roll VALUES ('900023', '1', '2025-09-01', NULL, ?)", pupil)
        for day in (FRIDAY, MONDAY, TUESDAY):
            marked(made, day, pupil)
    return made


@pytest.fixture
def loaded(dfe: PretendDfe, tmp_path: Path) -> Settings:
    """Write settings whose SELECTs return the pupil, and give consent."""
    settings(tmp_path, dfe)
    file = tmp_path / "config.toml"
    file.write_text(re.sub("(code|leaving_date) FROM", r"\1, pupil FROM", file.read_text()))
    made = load(file, {})
    give_consent(made)
    return made


def marked(school: SchoolDatabase, day: date, pupil: int, code: str = "/") -> None:
    """Add a mark of one pupil."""
    school.change("INSERT INTO marks VALUES ('900023', ?, 'AM', '1', ?, ?, '')", f"{day}", code, pupil)


@contextmanager
def proven() -> Iterator[list[set[str]]]:
    """Write down of each search for what has to be proven which days it is about."""
    found: list[set[str]] = []

    def note(_connection: object, _cursor: object, statement: str, values: tuple[object, ...], *_: object) -> None:
        if "count(DISTINCT proven.place)" in statement:
            dates = {text for text in map(str, values) if re.fullmatch("2026-..-..", text)}
            found.append(dates - {max(dates)})  # the day after the last

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def run(loaded: Settings) -> Report:
    """Send the window."""
    return send(loaded, WINDOW, (), lambda _: None)


def problems(report: Report) -> dict[date, str]:
    """Return the problem of each day that has one."""
    return {day.date: day.problem.code for result in report.schools for day in result.days if day.problem}


@pytest.mark.usefixtures("school")
def test_second_send_of_a_day_proves_today_alone(clock: time_machine.Traveller, loaded: Settings) -> None:
    """Until the next morning: then every day is proven once more."""
    with proven() as days:
        run(loaded)
        assert days == [ALL]
        clock.move_to(MORNING + timedelta(hours=4))
        run(loaded)
        assert days[1:] == [{"2026-11-24"}]
        clock.move_to(MORNING + timedelta(days=1))
        send(loaded, Window(FRIDAY, TUESDAY + timedelta(days=1)), (), lambda _: None)
        assert days[2:] == [ALL | {"2026-11-25"}]


@pytest.mark.usefixtures("clock")
def test_change_made_after_the_proof_is_proven_before_it_is_sent(
    school: SchoolDatabase, loaded: Settings, dfe: PretendDfe
) -> None:
    """A correction of Friday, and a mark of Monday that comes twice: both days are proven, that one is refused."""
    run(loaded)
    sent = len(dfe.posts)
    school.change("UPDATE marks SET code = 'I' WHERE date = '2026-11-20' AND pupil = 1")
    marked(school, MONDAY, 1)
    with proven() as days:
        report = run(loaded)

    assert days == [{"2026-11-24"}, {"2026-11-20", "2026-11-23"}]
    assert problems(report) == {MONDAY: "MARK-DOUBLE"}
    assert len(dfe.posts) == sent + 2
    with proven() as days:
        assert problems(run(loaded)) == {MONDAY: "MARK-DOUBLE"}
    assert days == [{"2026-11-24"}, {"2026-11-23"}], "a day that is refused is proven each time, a correction once"


@pytest.mark.usefixtures("clock")
def test_day_that_was_refused_with_the_counts_sent_before_stays_refused(
    school: SchoolDatabase, loaded: Settings
) -> None:
    """The message received is the same: that the newest submission is a refusal decides."""
    without = loaded.database[0].select.model_copy(
        update={"marks": "SELECT school, date, session, year_group, code FROM marks"}
    )
    marked(school, MONDAY, 1)
    run(loaded.model_copy(update={"database": (loaded.database[0].model_copy(update={"select": without}),)}))

    assert [problems(run(loaded)) for _ in range(2)] == [{MONDAY: "MARK-DOUBLE"}] * 2


@pytest.mark.usefixtures("clock")
def test_what_only_a_proof_shows_is_not_forgotten_by_the_next_send(school: SchoolDatabase, loaded: Settings) -> None:
    """Marks of pupils not on roll: to check after each send."""
    for pupil in (1, 2, 3):
        school.change("UPDATE roll SET leaving_date = '2026-11-20' WHERE pupil = ?", pupil)

    for _ in range(2):
        (result,) = run(loaded).schools
        assert [problem.days for problem in result.to_check if problem.case == "not_on_roll"] == [(MONDAY, TUESDAY)]


@pytest.mark.usefixtures("clock")
def test_send_of_today_alone_does_not_stand_for_the_proof_of_the_window(
    school: SchoolDatabase, loaded: Settings
) -> None:
    """What the first send of the day found on Monday is not forgotten because the second did not look there."""
    for pupil in (1, 2, 3):
        school.change("UPDATE roll SET leaving_date = '2026-11-20' WHERE pupil = ?", pupil)
    for pupil in (1, 2, 3):
        school.change("DELETE FROM marks WHERE date = ? AND pupil = ?", f"{TUESDAY}", pupil)
    run(loaded)
    send(loaded, Window(TUESDAY, TUESDAY), (), lambda _: None)

    (result,) = run(loaded).schools

    assert [problem.days for problem in result.to_check if problem.case == "not_on_roll"] == [(MONDAY,)]


@pytest.mark.usefixtures("clock", "school")
def test_preview_and_a_dry_run_prove_every_day(loaded: Settings) -> None:
    """They are looked at."""
    run(loaded)
    with proven() as days:
        dry_run(loaded, WINDOW, (), lambda _: None)
        list(preview(loaded, WINDOW, ()))

    assert days == [ALL, ALL]
