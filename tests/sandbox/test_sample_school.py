"""sample_school.py: the school looks like one, is the same each time, and its corrections are what they say."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from attsync.codes import codes_on, year_groups
from attsync.sandbox.sample_school import (
    FIRST_NAMES,
    LAST_NAMES,
    PERMISSION,
    YEAR_GROUPS,
    correct_marks,
    make_school,
    school_days,
)
from attsync.window import is_working_day, window_ending

MONDAY = date(2026, 11, 23)
SATURDAY = date(2026, 11, 28)

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make each school once: it is the same each time, as the first test below proves."""

    @cache
    def make(**changes: Any) -> Path:  # noqa: ANN401  any argument
        path = tmp_path_factory.mktemp("made") / "school.db"
        make_school(path, **{"today": MONDAY} | changes)
        return path

    return make


@pytest.fixture
def school(tmp_path: Path, made: Callable[..., Path]) -> Make:
    """Return the file of a school that the test may change."""

    def make(name: str = "school.db", /, **changes: Any) -> Path:  # noqa: ANN401  any argument
        return Path(copy(made(**changes), tmp_path / name))

    return make


def ask(path: Path, select: str) -> list[Any]:
    """Run a SELECT; a single column comes without its tuples."""
    with closing(sqlite3.connect(path)) as database:
        return [row[0] if len(row) == 1 else row for row in database.execute(select)]


def content(path: Path) -> list[str]:
    """Return everything in the file as SQL."""
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())


def counts(path: Path) -> Counter[tuple[str, ...]]:
    """Count the marks as attsync would."""
    select = "SELECT mark_date, session, year_group, mark FROM roll_call_marks"
    return Counter(row for row in ask(path, select) if row[3] != "-")


def test_same_day_makes_the_same_school(tmp_path: Path) -> None:
    """Anyone who reports what `attsync demo` showed can be understood by everyone else."""
    for name in ("one.db", "two.db"):
        make_school(tmp_path / name, today=MONDAY)

    assert content(tmp_path / "one.db") == content(tmp_path / "two.db")


@pytest.mark.parametrize("change", [{"pupils": 421}, {"today": SATURDAY}])
def test_another_size_or_day_makes_another_school(school: Make, change: dict[str, Any]) -> None:
    """The same school must not come from a generator that does not listen."""
    assert content(school("one.db")) != content(school("two.db", **change))


@pytest.mark.parametrize(
    ("marks", "share", "within"),
    [
        ({"PRES"}, 92.6, 1.0),
        ({"L"}, 1.1, 0.3),
        ({"I"}, 2.8, 0.6),
        ({"O", "N"}, 0.85, 0.35),
        ({"V"}, 0.73, 0.35),
        ({"G"}, 0.53, 0.3),
        ({"C"}, 0.37, 0.25),
        ({"M", "HOSP"}, 0.27, 0.15),
        ({"B"}, 0.19, 0.15),
        ({"U"}, 0.17, 0.15),
        ({"C2"}, 0.17, 0.15),
    ],
)
def test_marks_have_the_shares_of_primary_schools(school: Make, marks: set[str], share: float, within: float) -> None:
    """A figure that no school has would make the demo's table look wrong (docs/design/domain.md 10)."""
    found = Counter(ask(school(), "SELECT mark FROM roll_call_marks"))

    assert 100 * sum(found[mark] for mark in marks) / found.total() == pytest.approx(share, abs=within)


def test_every_mark_is_known_or_mapped(school: Make) -> None:
    """But for the school's own three words, the marks are the DfE's codes of that day."""
    marks = set(ask(school(), "SELECT mark FROM roll_call_marks"))

    assert {"PRES", "HOSP", "-"} <= marks
    assert marks - {"PRES", "HOSP", "-"} <= set(codes_on(MONDAY)) - {"/", "\\"}


def test_today_has_its_morning_only(school: Make) -> None:
    """The demo plays at 10:15: the afternoon is still to come."""
    rows = ask(school(), "SELECT DISTINCT mark_date, session FROM roll_call_marks ORDER BY 1 DESC, 2 LIMIT 3")

    assert rows == [("2026-11-23", "Morning"), ("2026-11-20", "Afternoon"), ("2026-11-20", "Morning")]


def test_last_day_before_a_weekend_is_whole(school: Make) -> None:
    """The demo also runs on a Saturday."""
    rows = ask(school(today=SATURDAY), "SELECT DISTINCT mark_date, session FROM roll_call_marks ORDER BY 1 DESC, 2")

    assert rows[:2] == [("2026-11-27", "Afternoon"), ("2026-11-27", "Morning")]


@pytest.mark.parametrize("today", [MONDAY, SATURDAY, date(2026, 9, 3), date(2027, 1, 4), date(2026, 8, 31)])
def test_three_weeks_of_working_days_have_marks(school: Make, today: date) -> None:
    """Whatever the day, the window of eight working days is full, also after Christmas."""
    days = [
        date.fromisoformat(day) for day in ask(school(today=today), "SELECT DISTINCT mark_date FROM roll_call_marks")
    ]

    assert sorted(days) == school_days(today)
    assert all(is_working_day(day) and today - timedelta(days=21) < day <= today for day in days)
    assert {day for day in window_ending(today, 8, "working") if is_working_day(day)} <= set(days)


def test_roll_is_about_420_in_seven_year_groups(school: Make) -> None:
    """Reception to Year 6, about 60 each; the names need a map, the numbers of it are the DfE's."""
    select = """
        SELECT year_group, COUNT(*) FROM enrolments
         WHERE entry_date <= '2026-11-23' AND (leaving_date IS NULL OR leaving_date >= '2026-11-23') GROUP BY 1
    """
    roll = dict(ask(school(), select))

    assert set(roll) == set(YEAR_GROUPS)
    assert all(57 <= number <= 63 for number in roll.values())
    assert 415 <= sum(roll.values()) <= 425
    assert {group.removeprefix("Year ") for group in roll} - {"Reception"} < set(year_groups())


def test_pupils_come_and_leave_within_the_three_weeks(school: Make) -> None:
    """The number on roll must change in the table, or a roll that is read at the wrong date would not show."""
    path = school()

    leavers = ask(path, "SELECT leaving_date FROM enrolments WHERE leaving_date >= '2026-11-03'")
    joiners = ask(path, "SELECT entry_date FROM enrolments WHERE entry_date > '2026-11-03'")
    assert len(leavers) == len(joiners) == 3
    assert any(day > "2026-11-23" for day in joiners)


def test_nobody_has_a_mark_while_not_on_roll_and_everybody_one_a_session(school: Make) -> None:
    """More or fewer marks than pupils would be shown as odd; leavers count on their last day.

    See docs/design/domain.md 6.
    """
    select = """
        SELECT COUNT(*) FROM enrolments JOIN (SELECT DISTINCT mark_date, session FROM roll_call_marks)
          LEFT JOIN roll_call_marks USING (pupil_id, mark_date, session)
         WHERE (entry_date <= mark_date AND (leaving_date IS NULL OR mark_date <= leaving_date)) <> (mark IS NOT NULL)
    """
    assert ask(school(), select) == [0]


def test_pupils_are_of_the_age_of_their_year(school: Make) -> None:
    """Reception is four years old when the school year begins."""
    select = (
        "SELECT DISTINCT year_group FROM pupils JOIN enrolments USING (pupil_id) WHERE date_of_birth BETWEEN ? AND ?"
    )
    with closing(sqlite3.connect(school())) as database:
        rows = database.execute(select, ("2021-09-01", "2022-08-31")).fetchall()

    assert rows == [("Reception",)]


def test_names_are_made_up_and_no_words_of_ours(school: Make) -> None:
    """Privacy tests look for each name in everything that leaves; a name that is a word would be found everywhere."""
    names = {name for row in ask(school(), "SELECT first_name, last_name FROM pupils") for name in row}
    package = Path(__file__).parents[2] / "src"
    ours = " ".join(path.read_text() for path in package.rglob("*.py") if path.name != "sample_school.py").lower()

    assert names <= {*FIRST_NAMES, *LAST_NAMES}
    assert not [name for name in names if name.lower() in ours]


def test_only_administrators_hold_the_permission(school: Make) -> None:
    """Consent depends on it."""
    path = school(administrator="alex")

    rows = ask(path, "SELECT username, permission FROM staff_permissions")
    assert [name for name, permission in rows if permission == PERMISSION] == ["alex"]
    assert any(permission != PERMISSION for _, permission in rows)


def test_problem_is_an_unknown_mark_on_one_day(school: Make) -> None:
    """Three marks of one year group; everything else is as without."""
    plain, path = school("plain.db"), school("problems.db", with_problems=True)

    rows = ask(
        path, "SELECT mark_date, session, year_group, COUNT(*) FROM roll_call_marks WHERE mark = 'ZZ' GROUP BY 1, 2, 3"
    )
    assert rows == [("2026-11-17", "Morning", "Year 4", 3)]
    assert len(set(content(plain)) - set(content(path))) == 3


def test_corrections_are_what_they_say(school: Make) -> None:
    """The second send of the demo must show as many changes as the sentences tell, on the last three days."""
    path = school()
    before = counts(path)

    sentences = correct_marks(path, MONDAY)

    after = counts(path)
    told = sum(int(sentence.split()[0]) for sentence in sentences)
    assert (after - before).total() == told
    assert after.total() == before.total() + 2
    assert {row[0] for row in (after - before)} == {"2026-11-23", "2026-11-20", "2026-11-19"}
    assert any("became L (Mon 23 Nov, morning)." in sentence for sentence in sentences)
    assert any("missing mark" in sentence for sentence in sentences)


def test_correction_empties_a_cell(school: Make) -> None:
    """A code that was sent and is gone must be sent as 0: the demo shows it."""
    path = school()
    before = counts(path)

    correct_marks(path, MONDAY)

    assert set(before) - set(counts(path))


def test_there_is_always_something_to_correct(school: Make) -> None:
    """Not only with lucky dice."""
    for pupils in (30, 200, 421):
        assert len(correct_marks(school(f"{pupils}.db", pupils=pupils), MONDAY)) == 4


def test_nothing_is_left_to_correct_in_the_end(school: Make) -> None:
    """Called too often, it says nothing and changes nothing."""
    path = school()
    while correct_marks(path, MONDAY):
        pass
    before = content(path)

    assert correct_marks(path, MONDAY) == []
    assert content(path) == before


def test_file_is_its_owners_alone_and_none_is_overwritten(school: Make) -> None:
    """A school database holds names; and anyone who names a real one by mistake must not lose it."""
    path = school()

    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        make_school(path, today=MONDAY)
