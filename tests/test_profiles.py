"""examples/profiles: one school, held in every shape and on every engine, gives the same bytes.

The marks are drawn by dice; what is expected is counted over them in plain Python, without any SQL.
"""

import csv
import json
import os
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from attsync.database import holds_permission, read
from attsync.database.inspect import look
from attsync.deadline import Deadline
from attsync.model import Body, Cell, Day, School, SchoolDays, Session, Unlisted
from attsync.problems import SchoolError
from attsync.settings import DatabaseSettings
from attsync.window import LONDON, is_working_day, window_ending
from attsync.wire import build
from tests.engines import NAMES, EngineDatabase

PROFILES = Path(__file__).parent.parent / "examples" / "profiles"
OAKFIELD = School(900023, "Oakfield School")
ELM = School(900024, "Elm Grove School")
TODAY = date(2026, 11, 23)
WINDOW = window_ending(TODAY, 8, "working")
DAYS = [day for n in range(21) if is_working_day(day := TODAY - timedelta(days=20 - n))]
CODES = ("/", "L", "I", "M", "C1", "O", "N", "V", None)
SHARES = (80, 3, 6, 2, 2, 2, 1, 2, 2)


class Pupil(NamedTuple):
    """One child: a number, a year group, and from when to when."""

    number: int
    year_group: str
    entry: date
    leaving: date | None
    """The last day."""


class Mark(NamedTuple):
    """One mark as the DfE would call it; None: no one looked."""

    pupil: Pupil
    day: date
    session: str
    code: str | None


@cache
def pupils() -> tuple[Pupil, ...]:
    """Ninety children; one joins and two leave inside the window."""
    some = {3: (date(2026, 11, 18), None), 4: (date(2025, 9, 1), date(2026, 11, 17)), 50: (date(2025, 9, 1), TODAY)}
    usual = (date(2025, 9, 1), None)
    return tuple(Pupil(1000 + n, "7" if n < 40 else "8", *some.get(n, usual)) for n in range(90))


@cache
def marks() -> tuple[Mark, ...]:
    """Three weeks; today has its morning only."""
    dice = Random(8)  # noqa: S311  the same each time
    made = []
    for day in DAYS:
        for session in ("AM",) if day == TODAY else ("AM", "PM"):
            for pupil in pupils():
                if pupil.entry <= day and (pupil.leaving is None or day <= pupil.leaving):
                    (code,) = dice.choices(CODES, SHARES)
                    made.append(Mark(pupil, day, session, "\\" if code == "/" and session == "PM" else code))
    return tuple(made)


def expected(only: Callable[[Mark], bool] = lambda mark: True, school: School = OAKFIELD) -> list[bytes]:  # noqa: ARG005
    """Count in plain Python, and make the bodies of it."""
    bodies = []
    for day in WINDOW:
        cells: dict[Cell, Counter[str]] = {}
        for mark in marks():
            if mark.day == day and mark.code and only(mark):
                cell = Cell(mark.pupil.year_group, Session(mark.session))
                cells.setdefault(cell, Counter())[mark.code] += 1
        roll = Counter(p.year_group for p in pupils() if p.entry <= day and (p.leaving is None or day <= p.leaving))
        body = build(school, Day(date=day, cells=cells, roll=roll), {})
        if isinstance(body, Body):
            bodies.append(body.content)
    return bodies


def create(database: EngineDatabase, table: str, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """Make a table with these rows."""
    rows = list(rows)
    database.execute(f"CREATE TABLE {table} ({columns})")
    database.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(rows[0]))})", rows)


def iso(day: date | None) -> str | None:
    """Write a date as every engine takes it."""
    return day.isoformat() if day else None


def enrolments(database: EngineDatabase, *, off: int = 0, year: str = "year_group", site: str | None = None) -> None:
    """Make the enrolments, some of them twice over time; `off`: days from the last day to the leaving date."""
    first = [f"'{site}'"] if site else []
    database.execute(
        f"CREATE TABLE enrolments ({'site VARCHAR(9), ' if site else ''}pupil_id INTEGER, {year} VARCHAR(9),"
        " entry_date DATE, leaving_date DATE)"
    )
    rows: list[tuple[object, ...]] = []
    for p in pupils():
        if p.number % 10 == 0:  # was here before, and came back
            rows.append((p.number, p.year_group, iso(date(2024, 9, 1)), iso(date(2025, 3, 1))))
        leaving = p.leaving + timedelta(days=off) if p.leaving else None
        rows.append((p.number, p.year_group, iso(p.entry), iso(leaving)))
    database.execute(f"INSERT INTO enrolments VALUES ({', '.join([*first, '%s', '%s', '%s', '%s'])})", rows)


def row_a_mark(database: EngineDatabase) -> None:
    """Pupil, date, session, mark, with local names of everything."""
    names = {"/": "PRES", "\\": "PRES", None: "-"}
    create(
        database,
        "pupils",
        "pupil_id INTEGER, name VARCHAR(40), year_group VARCHAR(9)",
        [(p.number, f"Gawain Fotheringay {p.number}", f"Year {p.year_group}") for p in pupils()],
    )
    create(
        database,
        "roll_call_marks",
        "pupil_id INTEGER, mark_date DATE, session VARCHAR(9), mark VARCHAR(4)",
        [
            (m.pupil.number, iso(m.day), {"AM": "Morning", "PM": "Afternoon"}[m.session], names.get(m.code, m.code))
            for m in marks()
        ],
    )
    enrolments(database)


def wide_row(database: EngineDatabase) -> None:
    """One row a pupil and day."""
    days: dict[tuple[Pupil, date], dict[str, str | None]] = {}
    for m in marks():
        days.setdefault((m.pupil, m.day), {})[m.session] = m.code
    create(
        database,
        "daily_register",
        "pupil_id INTEGER, day DATE, year_group VARCHAR(9), am_mark CHAR(4), pm_mark CHAR(4)",
        [(p.number, iso(day), p.year_group, both.get("AM"), both.get("PM")) for (p, day), both in days.items()],
    )
    enrolments(database, off=1)


def mark_string(database: EngineDatabase) -> None:
    """One string a pupil and week, two characters a mark."""
    weeks: dict[tuple[Pupil, date], list[str]] = {}
    for m in marks():
        monday = m.day - timedelta(days=m.day.weekday())
        week = weeks.setdefault((m.pupil, monday), ["  "] * 14)
        week[2 * m.day.weekday() + (m.session == "PM")] = f"{m.code or '--':2}"
    create(
        database,
        "week_marks",
        "pupil_id INTEGER, year_group VARCHAR(9), week_begins DATE, marks VARCHAR(28)",
        [(p.number, p.year_group, iso(monday), "".join(week).rstrip()) for (p, monday), week in weeks.items()],
    )
    enrolments(database)


def lesson_registers(database: EngineDatabase) -> None:
    """Three lessons a session; the last one counts, one of them was deleted."""
    own = {"/": "P", "\\": "P", "L": "LA"}
    rows: list[tuple[object, ...]] = []
    for m in marks():
        first = 1 if m.session == "AM" else 4
        at = (m.pupil.number, m.pupil.year_group, iso(m.day))
        rows += [(*at, first, "O", 0), (*at, first + 2, "G", 1)] if m.code else []
        rows.append((*at, first + 1, m.code and own.get(m.code, m.code), 0))
        rows.append((*at, first + 2, None, 0))
    columns = (
        "pupil_id INTEGER, year_group VARCHAR(9), lesson_date DATE, period INTEGER, mark VARCHAR(4), is_deleted INTEGER"
    )
    create(database, "lesson_marks", columns, rows)
    enrolments(database)


def flags(database: EngineDatabase) -> None:
    """There, late, off site, with leave, and why."""
    as_flags: dict[str, tuple[object, ...]] = {
        "/": (1, 0, 0, None, None),
        "\\": (1, 0, 0, None, None),
        "L": (1, 1, 0, None, None),
        "V": (1, 0, 1, None, None),
        "I": (0, 0, 0, 1, "ILL"),
        "M": (0, 0, 0, 1, "DOCTOR"),
        "C1": (0, 0, 0, 1, "LEAVE"),
        "O": (0, 0, 0, 0, None),
        "N": (0, 0, 0, None, None),
    }
    columns = (
        "pupil_id INTEGER, school_year INTEGER, day DATE, half INTEGER, is_present INTEGER, is_late INTEGER,"
        " is_off_site INTEGER, is_authorised INTEGER, reason VARCHAR(9)"
    )
    create(
        database,
        "registrations",
        columns,
        [
            (m.pupil.number, int(m.pupil.year_group), iso(m.day), 1 + (m.session == "PM"), *as_flags[m.code])
            for m in marks()
            if m.code
        ],
    )
    enrolments(database, year="school_year")


def unix_seconds(database: EngineDatabase) -> None:
    """When each mark was made; someone marked just after midnight, and someone just before."""
    hours = {"AM": (time(0, 0, 1), time(8, 55), time(11, 59)), "PM": (time(12, 0), time(13, 5), time(23, 59, 59))}
    create(
        database,
        "timed_marks",
        "pupil_id INTEGER, year_group VARCHAR(9), taken_at BIGINT, mark VARCHAR(4)",
        [
            (
                m.pupil.number,
                m.pupil.year_group,
                int(datetime.combine(m.day, hours[m.session][m.pupil.number % 3], LONDON).astimezone(UTC).timestamp()),
                m.code,
            )
            for m in marks()
        ],
    )
    enrolments(database)


def several_schools(database: EngineDatabase) -> None:
    """Two schools with the same pupils' marks, in clashing codes, and a third that no one lists."""
    own = {"OAK": {"I": "E", "L": "LATE"}, "ELM": {"I": "Z9", "V": "E", "L": "LATE"}, "ASH": {}}
    columns = (
        "site VARCHAR(9), pupil_id INTEGER, mark_date DATE, session VARCHAR(9), year_group VARCHAR(9), mark VARCHAR(9)"
    )
    create(
        database,
        "trust_marks",
        columns,
        [
            (site, m.pupil.number, iso(m.day), m.session, m.pupil.year_group, codes.get(m.code or "", m.code))
            for site, codes in own.items()
            for m in marks()
            if site == "OAK" or m.pupil.number % 2
        ],
    )
    enrolments(database, site="OAK")


def session_marks(database: EngineDatabase) -> None:
    """Sessions that have a time, marks of them, and years with a beginning and an end."""
    starts = {(m.day, m.session): n for n, m in enumerate({(m.day, m.session): m for m in marks()}.values())}
    hours = {"AM": "08:45", "PM": "13:10"}
    create(
        database,
        "school_session",
        "session_id INTEGER, start_time TIMESTAMP",
        [(number, f"{iso(day)} {hours[session]}") for (day, session), number in starts.items()],
    )
    create(
        database,
        "session_mark",
        "session_id INTEGER, person_id INTEGER, mark VARCHAR(2)",
        [(starts[m.day, m.session], m.pupil.number, m.code or "-") for m in marks()],
    )
    rows = [(p.number, f"Year  {p.year_group}", iso(p.entry), iso(p.leaving)) for p in pupils()]
    before = [(n, year, "2024-09-01", "2025-03-01") for n, year, *_ in rows if n % 10 == 0]
    columns = "person_id INTEGER, year_name VARCHAR(20), start_date TIMESTAMP, end_date TIMESTAMP"
    create(database, "year_membership", columns, [*rows, *before])
    create(database, "system_user", "user_id INTEGER, user_name VARCHAR(40)", [(1, "sam"), (2, "alex")])
    permissions = [(1, "Data Returns: Administer"), (2, "Data Returns: View")]
    create(database, "user_permission", "user_id INTEGER, permission VARCHAR(40)", permissions)


def registrations(database: EngineDatabase) -> None:
    """Registrations with flags, lessons among them, and pupils of two schools."""
    flags = {"/": (1, 1, 0, ""), "\\": (1, 1, 0, ""), "L": (1, 1, 1, ""), "N": (1, 0, 0, ""), None: (0, 0, 0, None)}
    at = {"AM": ("08:50", "Morning Registration"), "PM": ("13:05", "Afternoon Registration")}
    periods = {key: n for n, key in enumerate(dict.fromkeys((m.day, m.session) for m in marks()))}
    columns = "PeriodId INTEGER, SchoolCode VARCHAR(9), StartsAt TIMESTAMP, Name VARCHAR(40), IsRollCall BOOLEAN"
    roll_calls = [(n, "OAK", f"{iso(day)} {at[half][0]}", at[half][1], True) for (day, half), n in periods.items()]
    lessons = [(n + 1000, "OAK", f"{iso(day)} {at[half][0]}", "Maths", False) for (day, half), n in periods.items()]
    create(database, "RegistrationPeriod", columns, [*roll_calls, *lessons])
    rows = [
        (n, m.pupil.number, *flags.get(m.code, (1, 0, 0, m.code)))
        for m in marks()
        for n in (periods[m.day, m.session], periods[m.day, m.session] + 1000)
    ]
    columns = (
        "PeriodId INTEGER, SchoolId INTEGER, Registered BOOLEAN, Present BOOLEAN, Late BOOLEAN, AbsenceCode VARCHAR(2)"
    )
    create(database, "RegistrationStudent", columns, rows)
    columns = "SchoolId INTEGER, SchoolCode VARCHAR(9), NCYear SMALLINT, EnrolledAt VARCHAR(10), LeftAt DATE"
    off = timedelta(days=1)
    own = [
        (p.number, "OAK", int(p.year_group), f"{p.entry:%d/%m/%Y}", iso(p.leaving and p.leaving + off))
        for p in pupils()
    ]
    create(database, "Pupil", columns, [*own, (1, "ELM", 7, "01/09/2025", None)])


def export(
    folder: Path, *, day: str = "", delimiter: str = ",", encoding: str = "utf-8-sig", form: str = "%Y-%m-%d"
) -> None:
    """Write the files of a nightly export, with names of pupils that attsync does not read."""
    # The last two signs are in Windows-1252 and not in Latin-1: Word makes the first of every straight apostrophe.
    name = "Zo\xeb O\u2019Brien; \u20ac"

    def written(value: date | None) -> str:
        return value.strftime(form) if value else ""

    files: dict[str, list[tuple[object, ...]]] = {
        f"marks{day}.csv": [
            ("Date", "Session", "Year Group", "Mark", "Pupil ID", "Pupil Name"),
            *((written(m.day), m.session, m.pupil.year_group, m.code or "", m.pupil.number, name) for m in marks()),
        ],
        "pupils.csv": [
            ("Year Group", "Entry Date", "Leaving Date", "Pupil ID", "Pupil Name"),
            *((p.year_group, written(p.entry), written(p.leaving), p.number, name) for p in pupils()),
        ],
    }
    for name, rows in files.items():
        with (folder / name).open("w", encoding=encoding, newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows(rows)


SHAPES: dict[str, tuple[Callable[[EngineDatabase], None], Collection[str]]] = {
    "row-a-mark": (row_a_mark, (*NAMES, "sqlserver")),
    "wide-row": (wide_row, NAMES),
    "mark-string": (mark_string, NAMES),
    "lesson-registers": (lesson_registers, (*NAMES, "sqlserver")),
    "flags": (flags, NAMES),
    "unix-seconds": (unix_seconds, NAMES),
    "several-schools": (several_schools, (*NAMES, "sqlserver")),
    "session-marks": (session_marks, ["sqlserver"]),
    "registrations": (registrations, ["sqlserver"]),
}
EXPORTS: dict[str, dict[str, str]] = {
    "export-csv": {},
    "export-semicolons": {"day": "-2026-11-23", "delimiter": ";", "encoding": "windows-1252", "form": "%d/%m/%Y"},
}


def profile(shape: str, engine: str) -> dict[str, Any]:
    """Return the settings fragment of a shape, without its address: that of the engine, where there is one."""
    own = PROFILES / f"{shape}.{engine}.toml"
    file = own if own.exists() else PROFILES / f"{shape}.toml"
    (database,) = tomllib.loads(file.read_text(encoding="utf-8"))["database"]
    return {key: value for key, value in database.items() if key not in ("url", "url_file")}


def bodies_of(found: SchoolDays) -> list[bytes]:
    """Make the bodies of what was read."""
    assert found.problem is None
    bodies = [build(found.school, day, {}) for day in found.days if not day.problem]
    return [body.content for body in bodies if isinstance(body, Body)]


def read_all(settings: DatabaseSettings, *urns: int) -> list[SchoolDays | Unlisted]:
    """Read schools of `settings`."""
    with Deadline() as far_away:
        return list(read(settings, settings.schools, urns, WINDOW, far_away))


def bodies_read(settings: DatabaseSettings) -> list[bytes]:
    """Read the one school of `settings`, and make the bodies of it."""
    found = [each for each in read_all(settings, OAKFIELD.urn) if isinstance(each, SchoolDays)]
    assert [each.school for each in found] == [OAKFIELD]
    assert [day.problem for day in found[0].days if day.problem] == []
    return bodies_of(found[0])


@pytest.mark.parametrize(("shape", "engine"), [(shape, e) for shape, (_, engines) in SHAPES.items() for e in engines])
def test_one_school_gives_the_same_bytes_in_every_shape(
    database: Callable[[str], EngineDatabase], shape: str, engine: str
) -> None:
    """Exact to the last count against a plain-Python computation over the raw rows."""
    made = database(engine)
    SHAPES[shape][0](made)

    assert bodies_read(DatabaseSettings.model_validate(profile(shape, engine) | {"url": made.url})) == expected()


def of_export(shape: str, url: str, folder: Path) -> DatabaseSettings:
    """Return the profile of an export, with its files in `folder`."""
    settings = profile(shape, "duckdb") | {"url": url}
    settings["select"] = {
        name: sql.replace("/srv/attsync/export", str(folder)) for name, sql in settings["select"].items()
    }
    return DatabaseSettings.model_validate(settings)


@pytest.mark.parametrize("shape", EXPORTS)
def test_a_folder_of_exports_gives_the_same_bytes(
    database: Callable[[str], EngineDatabase], tmp_path: Path, shape: str
) -> None:
    """Whatever the encoding and the form of dates; only the newest file counts, and `check` sees its age."""
    export(tmp_path, **EXPORTS[shape])
    if day := EXPORTS[shape].get("day"):
        older = (tmp_path / f"marks{day}.csv").read_bytes()
        (tmp_path / "marks-2026-11-20.csv").write_bytes(older)

    read_by = of_export(shape, database("duckdb").url, tmp_path)
    assert bodies_read(read_by) == expected()
    with Deadline() as far_away:
        assert [each.is_stale for each in look(read_by, (), WINDOW, far_away).selects] == [False, False]
        moment = datetime(2026, 11, 19, 23, 59, tzinfo=UTC).timestamp()
        for file in tmp_path.iterdir():
            os.utime(file, (moment, moment))
        marks, roll = look(read_by, (), WINDOW, far_away).selects
    assert marks.is_stale
    assert roll.newest_file == date(2026, 11, 19)


def test_an_export_without_a_header_loses_no_line_and_one_of_another_order_is_refused(
    database: Callable[[str], EngineDatabase], tmp_path: Path
) -> None:
    """Where the columns of a file are named in the SELECT, DuckDB does not compare them with its header."""
    shape = "export-semicolons"
    export(tmp_path, **EXPORTS[shape])
    marks, pupils = tmp_path / "marks-2026-11-23.csv", tmp_path / "pupils.csv"
    read_by = of_export(shape, database("duckdb").url, tmp_path)
    for file in (marks, pupils):
        file.write_bytes(file.read_bytes().partition(b"\n")[2])
    assert bodies_read(read_by) == expected()

    marks.write_bytes(b"Pupil Name;Mark;Session;Date\r\n" + marks.read_bytes())
    with pytest.raises(SchoolError) as raised:
        bodies_read(read_by)
    assert raised.value.problem.case == "csv"
    marks.write_bytes(b"Session;Date;Year Group;Mark;Pupil ID;Pupil Name\r\n" + marks.read_bytes().partition(b"\n")[2])
    with pytest.raises(SchoolError) as raised:
        bodies_read(read_by)
    assert raised.value.problem.case == "value"


@pytest.mark.parametrize(("username", "holds"), [("sam", True), ("alex", False)])
def test_the_permission_is_looked_up_in_sql_server(
    database: Callable[[str], EngineDatabase], username: str, *, holds: bool
) -> None:
    """Of the profile with an administrators SELECT, which joins two tables."""
    made = database("sqlserver")
    session_marks(made)
    settings = DatabaseSettings.model_validate(profile("session-marks", "sqlserver") | {"url": made.url})

    with Deadline() as far_away:
        assert holds_permission(settings, settings.schools[0], username, far_away) is holds


def test_what_is_expected_is_what_the_raw_rows_say() -> None:
    """The yardstick itself: a few numbers counted in another way."""
    body = json.loads(expected()[-1])

    assert body["totalNoOfPupils"] == 89
    assert len(expected()) == 8
    values = [a["value"] for item in body["submissionData"] for a in item["attendances"]]
    assert sum(values) == sum(1 for m in marks() if m.day == TODAY and m.code)


@pytest.mark.parametrize("engine", [*NAMES, "sqlserver"])
def test_clashing_codes_of_two_schools_are_read_as_each_means_them(
    database: Callable[[str], EngineDatabase], engine: str
) -> None:
    """E is ill at Oakfield and a visit at Elm Grove; a third school's marks are counted and not sent."""
    made = database(engine)
    several_schools(made)
    settings = DatabaseSettings.model_validate(profile("several-schools", engine) | {"url": made.url})
    by_school = {
        each.school: each for each in read_all(settings, OAKFIELD.urn, ELM.urn) if isinstance(each, SchoolDays)
    }
    unlisted = [each for each in read_all(settings, ELM.urn) if not isinstance(each, SchoolDays)]
    half = [mark for mark in marks() if mark.pupil.number % 2 and mark.day in WINDOW and mark.code]

    assert bodies_of(by_school[OAKFIELD]) == expected()
    cells = [json.loads(body)["submissionData"] for body in bodies_of(by_school[ELM])]
    wanted = [json.loads(body)["submissionData"] for body in expected(lambda mark: mark.pupil.number % 2 == 1, ELM)]
    assert cells == wanted
    assert [each.marks for each in unlisted] == [len(half)]
    assert {problem.code for problem in by_school[ELM].to_check} == {"MARKS-HIGH"}, "no one of it is on roll"


def test_every_profile_is_tried() -> None:
    """A file that no test reads would be wrong before long; each stands alone and says what it is."""
    files = {file.name for file in PROFILES.glob("*.toml")}
    own = {f"{shape}.{engine}.toml" for shape, (_, engines) in SHAPES.items() for engine in engines}
    read_files = {f"{shape}.toml" for shape in SHAPES} | own | {f"{shape}.duckdb.toml" for shape in EXPORTS}

    assert files <= read_files
    for file in files:
        assert (PROFILES / file).read_text(encoding="utf-8").startswith("# ")
        assert file.split(".")[0] in (PROFILES / "README.md").read_text(encoding="utf-8")
