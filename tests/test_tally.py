"""tally.py: every mark ends in a cell, among the refused or among the unmarked; nothing else can happen to one."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attsync import messages
from attsync.codes import all_codes, year_groups
from attsync.mapping import Maps
from attsync.model import Cell, Day, School, SchoolDays, Session, Uncounted, Unmapped
from attsync.problems import Problem
from attsync.tally import MarkRow, Proofs, PupilRow, RollRow, Tally, prove
from attsync.window import Window

MONDAY = date(2026, 11, 23)
WINDOW = Window(MONDAY - timedelta(days=3), MONDAY)
OAKFIELD = School(900023, "Oakfield Primary School")
AM_7, PM_7 = Cell("7", Session.AM), Cell("7", Session.PM)
NAME = "Gawain Fotheringay"
"""A name in the wrong column."""


def marks(
    code: str | None = "/",
    number: int = 1,
    *,
    day: date | None = MONDAY,
    session: str | None = "AM",
    year_group: str | None = "7",
) -> MarkRow:
    """Make a group of marks."""
    return MarkRow(day, session, year_group, code, number)


def roll(number: int, year_group: str | None = "7", *, not_dates: int = 0, endless: int = 0) -> RollRow:
    """Make a year group that is the same each day."""
    return RollRow(year_group, not_dates, endless, (number,) * 4)


def tally(
    *rows: MarkRow | RollRow,
    proofs: Proofs = Proofs(),  # noqa: B008  frozen
    pupils: Sequence[int] | None = None,
    codes: dict[str, str] | None = None,
    sessions: dict[str, str] | None = None,
    year_groups: dict[str, str] | None = None,
) -> SchoolDays:
    """Tally rows of one school."""
    tallying = Tally(OAKFIELD, Maps(codes=codes or {}, sessions=sessions or {}, year_groups=year_groups or {}), WINDOW)
    for row in rows:
        match row:
            case MarkRow():
                tallying.add(row)
            case RollRow():
                tallying.add_roll(row)
    if pupils:
        tallying.add_pupils(pupils)
    return prove(tallying.days(), WINDOW, proofs)


def monday(*rows: MarkRow | RollRow, **more: Any) -> Day:  # noqa: ANN401  as tally takes it
    """Tally rows and give the last day."""
    return tally(*rows, **more).days[-1]


def problem_of(day: Day) -> tuple[str, str, dict[str, Any]]:
    """Return code, case and parameters of a day's problem, which has words."""
    assert day.problem
    assert str(messages.text(day.problem)).endswith("This day was not sent.")
    assert str(messages.next_step(day.problem))
    return day.problem.code, day.problem.case, dict(day.problem.parameters)


def test_values_of_the_dfe_need_no_map() -> None:
    """A school that has the DfE's letters writes no map at all."""
    day = monday(marks("/", 28), marks("C1", 2), marks("\\", 27, session="PM"), roll(30))

    assert day.cells == {AM_7: {"/": 28, "C1": 2}, PM_7: {"\\": 27}}
    assert (day.marks, day.on_roll, day.unmarked, day.refused, day.problem) == (57, 30, 0, 0, None)


def test_own_values_are_mapped_and_added_up() -> None:
    """Two codes of a school may be one of the DfE's."""
    day = monday(
        marks("PRES", 20, session="Morning", year_group="Reception"),
        marks("/", 3, session="AM", year_group="R"),
        marks("PRES", 22, session="Afternoon", year_group="R"),
        codes={"PRES": "present"},
        sessions={"Morning": "AM", "Afternoon": "PM"},
        year_groups={"Reception": "R"},
    )

    assert day.cells == {Cell("R", Session.AM): {"/": 23}, Cell("R", Session.PM): {"\\": 22}}


@pytest.mark.parametrize("code", [None, "", "-", "?"])
def test_rows_without_a_mark_are_counted_and_not_sent(code: str | None) -> None:
    """Unmarked is not a code (docs/design/domain.md 6)."""
    day = monday(marks(code, 3), marks("/", 27), codes={"?": "unmarked"})

    assert (day.unmarked, day.marks, day.problem) == (3, 27, None)


def test_a_school_may_give_nothing_and_a_dash_a_meaning() -> None:
    """The map goes before our own reading: some systems hold present as NULL."""
    day = monday(marks(None, 3), marks("-", 2), codes={"": "present", "-": "N"})

    assert day.cells == {AM_7: {"/": 3, "N": 2}}


@pytest.mark.parametrize(
    ("value", "year_group"),
    [("07", "7"), ("7.0", "7"), ("007.00", "7"), ("0", "R"), ("00", "R"), ("10", "10"), ("10.0", "10")],
)
def test_a_number_is_the_same_however_it_is_written(value: str, year_group: str) -> None:
    """ZEROFILL gives 07, a column of fractions 7.0; neither can be another year."""
    assert set(monday(marks(year_group=value), year_groups={"0": "R"}).cells) == {Cell(year_group, Session.AM)}


def test_a_longer_number_with_a_map_of_its_own_keeps_it() -> None:
    """The shorter form is only tried where the value itself means nothing."""
    assert set(monday(marks(year_group="07"), year_groups={"07": "8"}).cells) == {Cell("8", Session.AM)}


@pytest.mark.parametrize("value", ["7a", "7.5", "70", "x", "\uff17", "-7"])
def test_what_only_resembles_a_year_group_is_refused(value: str) -> None:
    """Nothing is guessed."""
    assert monday(marks(year_group=value)).refused == 1


@pytest.mark.parametrize(
    ("row", "code", "case"),
    [
        (marks("ZZ", 3), "MARK-UNKNOWN", ""),
        (marks("l"), "MARK-UNKNOWN", "hidden"),
        (marks("/", session="PM"), "MARK-UNKNOWN", ""),
        (marks("H"), "MARK-UNKNOWN", "withdrawn"),
        (marks("X01"), "MARK-UNKNOWN", "withdrawn"),
        (marks("OWN"), "MARK-UNKNOWN", "mapped"),
        (marks("HOL"), "MARK-UNKNOWN", "mapped"),
        (marks(session="P3"), "SESSION-UNKNOWN", ""),
        (marks(session="Lunch"), "SESSION-UNKNOWN", "hidden"),
        (marks(session=None), "SESSION-UNKNOWN", "empty"),
        (marks(year_group="7A"), "YEAR-UNKNOWN", "hidden"),
        (marks(year_group=None), "YEAR-UNKNOWN", "empty"),
    ],
)
def test_a_value_in_no_list_refuses_its_day(row: MarkRow, code: str, case: str) -> None:
    """Which marks, where, how many, and what to do: otherwise someone has to guess."""
    known = marks(number=1000, day=MONDAY - timedelta(days=3))
    found = tally(row, known, codes={"OWN": "\\", "HOL": "H"})

    found_code, found_case, parameters = problem_of(found.days[-1])

    assert (found_code, found_case) == (code, case)
    facts = {"marks": row.marks, "day": "2026-11-23", "urn": OAKFIELD.urn}
    facts |= {"value": row.code if code == "MARK-UNKNOWN" else row.session} if case in ("", "withdrawn") else {}
    assert parameters | facts == parameters
    assert found.days[-1].refused == row.marks
    assert found.days[0].problem is None, "the other days go"


@pytest.mark.parametrize(
    ("code", "since", "instead"),
    [
        ("H", "2024-08-19", "C or G"),
        ("J", "2024-08-19", "J1"),
        ("Y", "2024-08-19", "Y1 to Y7"),
        ("X01", "2022-04-19", "X"),
    ],
)
def test_a_withdrawn_code_says_since_when_and_what_replaced_it(code: str, since: str, instead: str) -> None:
    """Also where the map leads to it, without the school's own value."""
    known = marks(number=1000)

    *_, shown = problem_of(monday(marks(code), known))
    *_, mapped = problem_of(monday(marks("Gawain"), known, codes={"Gawain": code}))

    assert (shown["value"], shown["since"], shown["instead"]) == (code, since, instead)
    assert (mapped["target"], mapped["since"], mapped["instead"]) == (code, since, instead)
    assert "value" not in mapped


def test_more_than_one_unknown_value_is_told_with_the_worst() -> None:
    """One message a day: the largest group, and how many marks more."""
    *_, parameters = problem_of(monday(marks("ZZ", 20), marks("QQ", 9), marks("/", 1000)))

    assert (parameters["marks"], parameters["value"], parameters["more_marks"]) == (20, "ZZ", 9)


@pytest.mark.parametrize("value", ["/\u00a0", "\t/", "\u200b/\ufeff", " / "])
def test_what_no_value_can_hold_is_trimmed(value: str) -> None:
    """Blanks, tabs and invisible characters around a value; alone they are no mark."""
    day = monday(marks(value, session="AM\u00a0", year_group="\u00a07"), marks("\u00a0", 2))

    assert (day.cells, day.unmarked) == ({AM_7: {"/": 1}}, 2)


@pytest.mark.parametrize(
    ("row", "character"),
    [
        (marks("\N{CYRILLIC CAPITAL LETTER ES}"), "U+0421"),
        (marks("C\N{FULLWIDTH DIGIT ONE}"), "U+FF11"),
        (marks("\N{EN DASH}"), "U+2013"),
        (marks("O\N{ZERO WIDTH SPACE}WN"), "U+200B"),
        (marks(session="\N{GREEK CAPITAL LETTER ALPHA}M"), "U+0391"),
        (marks(year_group="\N{FULLWIDTH DIGIT SEVEN}"), "U+FF17"),
        (marks(year_group="Year\u00a07"), "U+00A0"),
        (marks("\N{CYRILLIC CAPITAL LETTER ES}\N{CYRILLIC SMALL LETTER A}m"), None),
        (marks("\N{CYRILLIC CAPITAL LETTER O}akes"), None),
        (marks("Zo\u00eb"), None),
    ],
)
def test_character_that_only_looks_like_another_is_named(row: MarkRow, character: str | None) -> None:
    """It is refused, and no list can show why. What could be a name is told nothing of."""
    found = tally(row, marks(number=100), codes={"OWN": "I"}, year_groups={"Year 7": "7"})

    assert found.days[-1].problem
    assert found.days[-1].problem.get("character") == (character or "")


def test_counts_below_five_are_not_in_a_mail() -> None:
    """Nor is their year group; the screen says both, and the mail how to see them."""
    few = monday(marks("ZZ", 1), marks("QQ", 1), marks("/", 1000)).problem
    many = monday(marks("ZZ", 5), marks("/", 1000)).problem
    assert few
    assert many

    mail = str(messages.text(few, discreet=True))

    assert mail.startswith("Fewer than 5 marks on Mon 23 Nov AM have")
    assert "Fewer than 5 more marks" in mail
    assert "Year 7" not in mail
    assert "preview --school 900023 --date 2026-11-23" in str(messages.next_step(few, discreet=True))
    assert messages.text(few) != messages.text(few, discreet=True)
    assert messages.text(many) == messages.text(many, discreet=True)


def test_hardly_any_known_value_is_a_wrong_column() -> None:
    """Then the SELECT is to be corrected, not thousands of marks."""
    assert problem_of(monday(marks("ZZ", 20), marks("/", 9)))[1] == "column"


@pytest.mark.parametrize("value", ["0", "00", "0.0"])
def test_a_number_that_means_no_mark_may_be_written_otherwise(value: str) -> None:
    """As with codes and year groups."""
    day = monday(marks(value, 3), marks("/", 27), codes={"0": "unmarked"})

    assert (day.unmarked, day.marks, day.problem) == (3, 27, None)


def test_a_number_that_names_a_session_may_be_written_otherwise() -> None:
    """A column of fractions."""
    assert set(monday(marks(session="1.0"), sessions={"1": "AM"}).cells) == {Cell("7", Session.AM)}


def test_pupils_in_no_year_group_are_listed_though_they_have_left() -> None:
    """The message of the days on which they were there sends people to look for them."""
    late = RollRow("Oakes", 0, 0, (1, 1, 1, 0))

    assert [(each.shown, each.number) for each in tally(marks(), roll(30), late).unmapped] == [(None, 1)]


def test_a_stray_code_is_shown_among_known_ones() -> None:
    """`ZZ` cannot be a name, and the data manager has to find it."""
    day = monday(marks("ZZ", 3), marks("/", 97))

    assert problem_of(day)[2]["value"] == "ZZ"
    assert day.problem
    assert messages.brief(day.problem) == 'unknown mark code "ZZ"'


def test_what_may_be_a_name_is_in_no_words() -> None:
    """Nor in those for a cell of a table."""
    assert "Oakes" not in repr(monday(marks("Oakes", 3), marks("/", 97)))


@pytest.mark.parametrize("value", [NAME, "Gawain", "A", "GF", "SEN", "1234567"])
@pytest.mark.parametrize("column", ["code", "session", "year_group"])
def test_a_column_of_names_is_never_shown(column: str, value: str) -> None:
    """Nor its initials: where few values are known, the column is the wrong one."""
    found = tally(marks(number=9), marks()._replace(**dict[str, Any]({column: value})))

    assert f'"{value}"' not in str(messages.text(found.days[-1].problem or Problem("BUG")))
    assert "value" not in problem_of(found.days[-1])[2]
    assert found.unmapped == (Unmapped(found.unmapped[0].what, found.unmapped[0].table, None, 1),)


def test_a_name_that_strayed_into_a_column_of_codes_is_never_shown() -> None:
    """95 % known is not enough: it has to look like a code as well."""
    found = tally(marks(NAME), marks(number=1000))

    assert NAME not in repr(found)


def test_values_that_no_map_knows_are_listed_with_their_numbers() -> None:
    """`check` says what to put into the map."""
    found = tally(marks("ZZ", 3), marks("ZZ", 2, day=MONDAY - timedelta(days=3)), marks(number=995), roll(4, "Staff"))

    assert found.unmapped == (
        Unmapped("code", "database.codes", "ZZ", 5),
        Unmapped("year group", "database.year_groups", None, 4, pupils=True),
    )


def test_no_value_at_all_is_no_name_to_hide() -> None:
    """NULL can be mapped, or left out; "not shown, because it may be a name" sends people searching."""
    found = tally(marks()._replace(session=None), marks(number=999), roll(1, None), roll(2, "Staff"))

    assert found.unmapped == (
        Unmapped("session", "database.sessions", "", 1),
        Unmapped("year group", "database.year_groups", "", 1, pupils=True),
        Unmapped("year group", "database.year_groups", None, 2, pupils=True),
    )


def test_far_too_many_values_are_a_wrong_column_and_not_kept() -> None:
    """A column of names has one value a pupil; none of them stays in memory."""
    rows = [marks(f"{NAME} {number}") for number in range(6000)]
    day = monday(*rows)

    assert problem_of(day) == ("COLUMN-WRONG", "", {"day": "2026-11-23"})
    assert day.refused == 6000
    assert NAME not in repr(day)


@pytest.mark.parametrize(("session", "shown"), [("AM", {"session": "AM"}), (NAME, {})])
def test_more_marks_than_pupils_in_a_session_prove_a_second_row(session: str, shown: dict[str, str]) -> None:
    """A join that doubles would double every number, and no one would notice; an unknown session is not repeated."""
    day = monday(marks("/", 32), proofs=Proofs([MONDAY], {MONDAY: PupilRow(session, 32, 30)}))

    assert problem_of(day) == ("MARK-DOUBLE", "", {"day": "2026-11-23", "marks": 32, "pupils": 30} | shown)


def test_what_only_the_column_pupil_proves_is_of_its_day() -> None:
    """Each pupil once in the total; the rest is unusual, and sent."""
    found = tally(
        marks("/", 60), roll(63), pupils=[63, 63, 63, 60], proofs=Proofs([MONDAY], not_on_roll=Counter({MONDAY: 28}))
    )

    day = found.days[-1]
    assert (day.total_on_roll, day.roll, day.in_two_groups, day.not_on_roll) == (60, {"7": 63}, 3, 28)
    assert {problem.code for problem in found.to_check} >= {"ROLL-DOUBLE", "MARKS-HIGH"}
    assert tally(roll(63)).days[0].total_on_roll == 63, "without pupils the sum is all that is known"


def test_missing_column_pupil_is_told_once_a_school() -> None:
    """A doubled mark would not be noticed."""
    tallying = Tally(OAKFIELD, Maps(codes={}, sessions={}, year_groups={}), WINDOW, provable=False)
    tallying.add(marks())

    found = prove(tallying.days(), WINDOW, Proofs())

    assert not found.provable
    assert [problem.code for problem in found.to_check].count("MARKS-UNPROVEN") == 1


def test_pupils_on_roll_are_counted_for_each_day() -> None:
    """Joiners and leavers inside the window."""
    found = tally(
        marks(),
        RollRow("7", 0, 0, (30, 30, 31, 29)),
        RollRow("Year 8", 0, 0, (1, 1, 1, 1)),
        year_groups={"Year 8": "8"},
    )

    assert [day.roll for day in found.days] == [
        {"7": 30, "8": 1},
        {"7": 30, "8": 1},
        {"7": 31, "8": 1},
        {"7": 29, "8": 1},
    ]


def test_pupils_of_an_unknown_year_group_refuse_the_days_that_have_marks() -> None:
    """The total would not be the sum of its parts."""
    found = tally(marks(), roll(30), roll(2, NAME))

    assert problem_of(found.days[-1]) == ("ROLL-UNKNOWN", "", {"pupils": 2, "urn": OAKFIELD.urn})
    assert found.days[0].problem is None, "there is nothing to send"
    assert NAME not in repr(found)


def test_year_groups_without_anybody_on_roll_do_no_harm() -> None:
    """Leavers of long ago may have year groups that no one knows any more."""
    assert monday(marks(), roll(0, "Old")).problem is None


@pytest.mark.parametrize(
    ("row", "case", "number"),
    [
        (marks(day=None, number=12), "dates", 12),
        (marks(day=MONDAY + timedelta(days=1)), "dates", 1),
        (roll(30, not_dates=2), "roll_dates", 2),
    ],
)
def test_dates_that_are_none_refuse_the_school(row: MarkRow | RollRow, case: str, number: int) -> None:
    """No day can be told from another."""
    found = tally(row, marks())

    assert found.problem == Problem("COLUMN-WRONG", case, rows=number)
    assert str(messages.not_done(found.problem)) == "Nothing was sent for this school."
    assert found.days == ()


def test_what_is_unusual_goes_along() -> None:
    """The tally asks plausibility.py about its days."""
    assert [problem.code for problem in tally(roll(30, endless=1)).to_check] == ["MARKS-NONE", "ROLL-ENDLESS"]


VALUES = st.one_of(
    st.none(), st.sampled_from(["", "-", "AM", "PM", "7", "R", "07", "/", "I", "ZZ", "Morning"]), st.text(max_size=3)
)
ROWS = st.builds(MarkRow, st.sampled_from(list(WINDOW)), VALUES, VALUES, VALUES, st.integers(1, 500))


@given(
    rows=st.lists(ROWS, max_size=40),
    codes=st.dictionaries(VALUES.map(lambda v: v or ""), st.sampled_from(["present", "unmarked", *all_codes()])),
    sessions=st.dictionaries(VALUES.map(lambda v: v or ""), st.sampled_from(["AM", "PM"])),
    groups=st.dictionaries(VALUES.map(lambda v: v or ""), st.sampled_from(list(year_groups()))),
)
def test_every_mark_is_in_a_cell_or_refused_or_unmarked(
    rows: list[MarkRow], codes: dict[str, str], sessions: dict[str, str], groups: dict[str, str]
) -> None:
    """Nothing is dropped silently, whatever a school's rows and maps are; and only what is refused is a problem."""
    given_marks: Counter[date | None] = Counter()
    for row in rows:
        given_marks[row.day] += row.marks

    found = tally(*rows, codes=codes, sessions=sessions, year_groups=groups)

    for day in found.days:
        assert day.marks + day.refused + day.unmarked == given_marks[day.date]
        assert (day.problem is not None) == (day.refused > 0)


def test_every_place_that_cannot_be_counted_is_kept() -> None:
    """Someone has to find them all; what may be a name is not shown, nor is it told apart from another."""
    rows = (marks("ZZ", 2), marks("ZZ", 3, session="PM"), marks(NAME), marks("Galahad"), marks(None), marks("/", 1000))
    day = monday(*rows)

    assert day.uncounted == {
        Uncounted(Session.AM, "7", 'the code "ZZ"'): 2,
        Uncounted(Session.PM, "7", 'the code "ZZ"'): 3,
        Uncounted(Session.AM, "7", "a code (not shown)"): 2,
    }
    assert sum(day.uncounted.values()) == day.refused


def test_wrong_column_keeps_no_place() -> None:
    """A column of names, with far more values than there are codes."""
    assert monday(*(marks(f"{NAME} {number}") for number in range(2000))).uncounted == {}
