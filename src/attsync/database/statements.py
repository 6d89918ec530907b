"""The SQL that attsync puts around the SELECTs of the settings file, for every kind of database.

Filters are half-open on the raw column, so that an index serves; casts stand only in what is selected and grouped
(SPEC.md 4). Refuses to run anything.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Executable,
    Integer,
    Subquery,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)

from attsync.codes import YEARS_AT_SCHOOL
from attsync.database.source import Source
from attsync.window import Window

_DAY: Final = timedelta(days=1)


def marks_statement(
    source: Source,
    window: Window,
    leave_out: Sequence[str],
    *,
    sessions: Mapping[str, str],
    unmarked: Collection[str],
) -> Executable:
    """Count the marks of the window for each school, date, session, year group and code, in order of school.

    Rows: school, date, session, year_group, code, marks, pupils. Where the SELECT has a `pupil`, more rows follow, one
    a session, with year_group and code NULL: `marks` counts its marks that name a pupil, `pupils` the different ones.
    There the session is what `sessions` turns it into, so that two names of one session prove a pupil's second mark;
    the codes of `unmarked` are no marks. Schools whose value is in `leave_out` are not read.
    """
    mark = _typed_marks(source, window, leave_out, sessions).c
    group = (mark.school, mark.day, mark.session, mark.year_group, mark.code)
    counted = select(*group, func.count().label("marks"), cast(null(), Integer).label("pupils")).group_by(*group)
    if "pupil" not in source:
        return counted.order_by(mark.school)
    place = (mark.school, mark.day, mark.mapped)
    number, pupils = func.count(mark.pupil), func.count(mark.pupil.distinct())
    marked = _is_marked(mark.code, unmarked)
    proven = select(*place, null(), null(), number, pupils).where(marked).group_by(*place)
    return union_all(counted, proven).order_by("school")


def roll_statement(source: Source, window: Window, leaving_date_is: str, leave_out: Sequence[str]) -> Executable:
    """Count the pupils on roll for each school and year group, as at each day of the window, in one pass.

    Rows: school, year_group, not_dates, endless, then one number a day. A pupil counts on a day if the entry date is
    not after it and the leaving date, where there is one, not before it (DOMAIN.md 6); with `leaving_date_is`
    "first_day_off" the leaving date itself no longer counts. `endless` are on roll on the last day and came longer
    ago than anybody stays.
    """
    counts = []
    for day in window:
        on_roll = _is_on_roll(source, day, leaving_date_is)
        if "pupil" in source:
            # An enrolment that names no pupil is one all the same.
            nameless = func.count(case((and_(on_roll, source.column("pupil").is_(None)), 1)))
            counts.append(func.count(case((on_roll, source.pupil())).distinct()) + nameless)
        else:
            counts.append(func.count(case((on_roll, 1))))
    long_ago = date(window.last.year - YEARS_AT_SCHOOL, window.last.month, 1)
    came_long_ago = and_(~source.none("entry_date"), source.before("entry_date", long_ago))
    typed = select(
        source.text("school").label("school"),
        source.text("year_group").label("year_group"),
        func.count(case((or_(_not_a_date(source, "entry_date"), _not_a_date(source, "leaving_date")), 1))),
        func.count(case((and_(came_long_ago, _is_on_roll(source, window.last, leaving_date_is)), 1))),
        *counts,
    )
    if leave_out:
        typed = typed.where(_asked_for(source, leave_out))
    # SQL Server refuses to group by what holds no column.
    return typed.group_by(*(source.text(name) for name in ("school", "year_group") if name in source))


def administrators_statement(source: Source, username: str, school: str) -> Executable:
    """Count the rows that give `username` the permission, for `school` where the SELECT tells schools apart."""
    found = select(func.count()).select_from(source.subquery).where(source.text("username") == username)
    return found.where(source.text("school") == school) if "school" in source else found


def schools_statement(source: Source) -> Executable:
    """List the schools: school, urn, name."""
    return select(source.text("school"), source.text("urn"), source.text("name")).distinct()


def rows_statement(source: Source) -> Executable:
    """Count the rows of a whole SELECT; of marks also those without a date, with a text that is none, and in UTC."""
    counts: list[ColumnElement[Any]] = [func.count()]
    if source.name == "marks":
        not_a_date = _not_a_date(source, "date")
        counts += [func.count(case((and_(source.none("date"), ~not_a_date), 1))), func.count(case((not_a_date, 1)))]
        if source.kinds["date"] == "text":
            written = source.text("date")
            in_utc = or_(written.like("____-__-__%Z"), written.like("____-__-__%+00:00"))
            counts.append(func.count(case((in_utc, 1))))
    return select(*counts).select_from(source.subquery)


def overlaps_statement(source: Source, day: date, leaving_date_is: str) -> Executable:
    """Count the pupils who are on the roll of one school in more than one year group on `day`."""
    year_groups = func.count(source.text("year_group").distinct())
    pupils = (
        select(source.pupil().label("pupil"))
        .where(_is_on_roll(source, day, leaving_date_is), source.column("pupil").is_not(None))
        .group_by(*(source.text(name) for name in ("school",) if name in source), source.pupil())
        .having(year_groups > 1)
    )
    return select(func.count()).select_from(pupils.subquery("several"))


def _is_on_roll(source: Source, day: date, leaving_date_is: str) -> ColumnElement[bool]:
    last_out = day if leaving_date_is == "last_day" else day + _DAY
    return and_(
        or_(source.none("entry_date"), source.before("entry_date", day + _DAY)),
        or_(source.none("leaving_date"), ~source.before("leaving_date", last_out)),
    )


def _typed_marks(source: Source, window: Window, leave_out: Sequence[str], sessions: Mapping[str, str]) -> Subquery:
    session = source.text("session")
    columns: list[ColumnElement[Any]] = [
        source.text("school").label("school"),
        source.day("date").label("day"),
        session.label("session"),
        source.text("year_group").label("year_group"),
        source.text("code").label("code"),
    ]
    if "pupil" in source:
        # Mapped here, not in the GROUP BY: there some databases do not see that two CASEs with values are the same.
        none = func.nullif(session, "").is_(None)
        whens = [(session == name if name else none, literal(to)) for name, to in sessions.items()]
        columns.append((case(*whens, else_=session) if whens else session).label("mapped"))
        columns.append(source.pupil().label("pupil"))
    typed = select(*columns).where(~source.before("date", window.first), source.before("date", window.end))
    if leave_out:
        typed = typed.where(_asked_for(source, leave_out))
    return typed.subquery("mark")


def _is_marked(code: ColumnElement[Any], unmarked: Collection[str]) -> ColumnElement[bool]:
    named = [value for value in sorted(unmarked) if value]
    is_marked = code.not_in(named) if named else true()
    if "" in unmarked:
        return and_(func.nullif(code, "").is_not(None), is_marked)
    return or_(code.is_(None), is_marked)


def _not_a_date(source: Source, name: str) -> ColumnElement[bool]:
    if source.kinds[name] == "text":
        written = source.text(name)
        return and_(func.nullif(written, "").is_not(None), written.not_like("____-__-__%"))
    return false()


def _asked_for(source: Source, leave_out: Sequence[str]) -> ColumnElement[bool]:
    # Written into the SQL, not bound: a supplier's list is longer than the parameters that a statement may have.
    school = source.text("school")
    values: BindParameter[Any] = bindparam(
        "leave_out", list(leave_out), type_=source.string(), expanding=True, literal_execute=True
    )
    return or_(school.is_(None), school.not_in(values))
