"""The SQL that attsync puts around the SELECTs of the settings file, for every kind of database. Runs nothing.

Filters are half-open on the raw column, so that an index can be used; casts are only in what is selected and grouped.
Each expression of the settings is written once, in an inner query; constant conditions are written 1 = 0 (SQL Server).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    Executable,
    FromClause,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from attsync.codes import YEARS_AT_SCHOOL
from attsync.database.source import Source
from attsync.window import Window

_DAY: Final = timedelta(days=1)
_MARK: Final = ("school", "session", "year_group", "code")


def marks_statement(source: Source, window: Window, leave_out: Sequence[str]) -> Executable:
    """Count the marks of the window for each school, date, session, year group and code, in order of school.

    Rows: school, date, session, year_group, code, marks. Grouped byte by byte as the SELECT gives the values, then
    trimmed: two rows may differ only in blanks, so their counts have to be added. Schools whose value is in
    `leave_out` are not read.
    """
    raw = _raw_marks(source, window.first, window.last)
    # What differs most is first: then most comparisons of a sort end early.
    keys = [raw.c.day, *(raw.c[name] for name in ("school", "year_group", "code", "session") if name in source)]
    grouped = select(*keys, func.count().label("marks")).group_by(*keys)
    if leave_out:
        grouped = grouped.where(_not_among(source, source.text("school", raw.c.school), leave_out))
    counted = grouped.subquery("counted").c
    school, *others = (
        source.text(name, counted[name]).label(name) if name in source else null().label(name) for name in _MARK
    )
    rows = select(school, counted.day, *others, counted.marks)
    return rows.order_by(school) if "school" in source else rows


def suspects_statement(
    marks: Source,
    roll: Source,
    days: Sequence[date],
    leave_out: Sequence[str],
    *,
    sessions: Mapping[str, str],
    leaving_date_is: str,
) -> Executable:
    """Find the schools in which a pupil may have two marks in one session of `days`, or marks while not on roll.

    Rows: school, 1 if there may be two marks or one that names no pupil, 1 if there may be marks while not on roll. It
    misses none, but finds too much where rows without a mark are doubled or where a pupil left and came back: the two
    statements below count. This one is cheap, because it reads the marks once and has a group for each pupil, not for
    each mark.
    """
    mark = _proven_marks(marks, days, leave_out, (), lambda raw: _place(marks, raw, sessions, days).label("place")).c
    twice = func.count() > func.count(mark.place.distinct())
    if marks.dialect == "postgresql":  # which would sort all marks to count distinct pupils
        twice = func.sum(mark.place) > func.bit_or(mark.place)
    twice = or_(twice, mark.pupil.is_(None))
    keys = [mark[key] for key in ("pupil", "school") if key in mark]  # SQLite sorts faster if numbers are first
    first_and_last = (func.min(mark.day).label("first"), func.max(mark.day).label("last"))
    pupils = select(*keys, *first_and_last, _one_if(twice).label("twice")).group_by(*keys).subquery("pupils")
    if "pupil" not in roll:
        school = marks.text("school", pupils.c.school) if "school" in marks else null()
        return select(school, pupils.c.twice, literal_column("0")).where(pupils.c.twice == 1).distinct()
    marked, enrolment, joined = _beside_roll(marks, roll, pupils, leaving_date_is, trim=False)
    is_absent = and_(enrolment.c.pupil.is_(None), marked.c.pupil.is_not(None))
    school = marks.text("school", marked.c.school) if "school" in marks else null()
    return (
        select(school, marked.c.twice, _one_if(is_absent))
        .select_from(joined)
        .where(or_(marked.c.twice == 1, is_absent))
        .distinct()
    )


def doubled_statement(
    source: Source,
    days: Sequence[date],
    leave_out: Sequence[str],
    *,
    sessions: Mapping[str, str],
    unmarked: Collection[str],
) -> Executable:
    """Find the sessions of `days` in which a pupil has more than one mark, or a mark names no pupil.

    Rows: school, date, session, marks that name a pupil, pupils, marks that name none. The session is what `sessions`
    turns it into, so that two names of one session prove a second mark; the codes of `unmarked` are not marks.
    """

    def mapped(raw: Subquery) -> ColumnElement[Any]:
        whens = _whens(source, raw.c.session, {"AM": "'AM'", "PM": "'PM'"}, sessions)
        return case(*whens, else_=source.trimmed("session", raw.c.session)).label("session")

    mark = _proven_marks(source, days, leave_out, unmarked, mapped).c
    number, named, pupils = func.count(), func.count(mark.pupil), func.count(mark.pupil.distinct())
    keys = [mark[key] for key in ("school", "day", "session") if key in mark]
    school = mark.school if "school" in source else null()
    counts = (named.label("marks"), pupils.label("pupils"), (number - named).label("nameless"))
    wrong = select(school.label("school"), mark.day, mark.session, *counts).group_by(*keys)
    found = wrong.having(number > pupils).subquery("doubled").c
    of_school = source.text("school", found.school) if "school" in source else found.school
    return select(of_school, found.day, found.session, found.marks, found.pupils, found.nameless)


def not_on_roll_statement(
    marks: Source,
    roll: Source,
    days: Sequence[date],
    leave_out: Sequence[str],
    *,
    leaving_date_is: str,
    unmarked: Collection[str],
) -> Executable:
    """Count the marks of pupils who were not on roll on that date. Rows: school, date, marks."""
    mark = _proven_marks(marks, days, leave_out, unmarked).c
    keys = [mark[key] for key in ("school", "pupil") if key in mark]
    dated = select(*keys, mark.day.label("first"), mark.day.label("last"))
    of_day = dated.where(mark.pupil.is_not(None)).subquery("of_day")
    marked, enrolment, joined = _beside_roll(marks, roll, of_day, leaving_date_is, trim=True)
    keys = [marked.c[key] for key in ("school", "first") if key in marked.c]
    found = select(*keys, func.count().label("marks")).select_from(joined)
    counted = found.where(enrolment.c.pupil.is_(None)).group_by(*keys).subquery("absent").c
    return select(marks.text("school", counted.school) if "school" in marks else null(), counted.first, counted.marks)


def roll_statement(source: Source, window: Window, leaving_date_is: str, leave_out: Sequence[str]) -> Executable:
    """Count the pupils on roll for each school and year group, as at each day of the window.

    Rows: school, year_group, is_total, not_dates, endless, then one number per day. A pupil counts on a day if the
    entry date is not after it and the leaving date, where there is one, not before it (docs/design/domain.md 6); with
    `leaving_date_is` "first_day_off" the leaving date itself no longer counts. `endless` are on roll on the last day
    and came longer ago than any pupil stays. With a `pupil` there is one more row per school, `is_total`, in which each
    pupil counts once.
    """
    flags = _enrolments(source, window, leaving_date_is, leave_out).c

    def count(name: str) -> ColumnElement[Any]:
        if "pupil" not in source:
            return func.sum(flags[name])
        is_on_roll = flags[name] == 1  # an enrolment without a pupil counts as one
        nameless = _count_if(and_(is_on_roll, flags.pupil.is_(None)))
        return func.count(case((is_on_roll, flags.pupil)).distinct()) + nameless

    def by(*keys: str) -> Select[Any]:
        values = [
            flags[key] if key in keys and key in source else null().label(key) for key in ("school", "year_group")
        ]
        is_total: ColumnElement[Any] = literal_column("0" if "year_group" in keys else "1")
        sums = [func.sum(flags[name]) for name in ("not_dates", "endless")]
        query = select(*values, is_total, *sums, *(count(name) for _, name in _days(window)))
        return query.group_by(*(flags[key] for key in keys if key in source))

    return union_all(by("school", "year_group"), by("school")) if "pupil" in source else by("school", "year_group")


def administrators_statement(source: Source, username: str, school: str) -> Executable:
    """Count the rows that give `username` the permission, for `school` if the SELECT has a column for it."""
    wanted = {"username": username, "school": school}
    names = [name for name in wanted if name in source]
    raw = source.fenced(select(*(source.key(name).label(name) for name in names)), "administrator")
    found = select(func.count()).select_from(raw)
    return found.where(*(source.text(name, raw.c[name]) == wanted[name] for name in names))


def schools_statement(source: Source) -> Executable:
    """List the schools: school, urn, name."""
    names = ("school", "urn", "name")
    raw = source.fenced(select(*(source.key(name).label(name) for name in names)), "listed")
    return select(*(source.text(name, raw.c[name]).label(name) for name in names)).distinct()


def rows_statement(source: Source) -> Executable:
    """Count the rows of a whole SELECT; of marks also those without a date, with text that is not a date, or in UTC."""
    counts: list[ColumnElement[Any]] = [func.count()]
    if source.name == "marks":
        not_a_date = _not_a_date(source, "date")
        counts += [_count_if(and_(source.none("date"), ~not_a_date)), _count_if(not_a_date)]
        if source.is_a("text", "date"):
            written = source.text("date")
            counts.append(_count_if(or_(written.like("____-__-__%Z"), written.like("____-__-__%+00:00"))))
    return select(*counts).select_from(source.subquery)


def first_mark_statement(source: Source, *, is_dated: bool) -> Executable:
    """Return one row if there is a mark, whatever its date; with `is_dated`, if there is one whose date can be read."""
    first: Select[Any] = select(literal_column("1").label("found")).select_from(source.subquery).limit(1)
    return first.where(~source.none("date"), ~_not_a_date(source, "date")) if is_dated else first


def _raw_marks(source: Source, first: date, last: date, more: Sequence[str] = ()) -> Subquery:
    """Return the marks of the dates from `first` to `last`, each value as it can be grouped."""
    columns = [source.key(name).label(name) for name in (*_MARK, *more) if name in source]
    query = select(source.day("date").label("day"), *columns)
    query = query.where(~source.before("date", first), source.before("date", last + _DAY))
    return _once(source, query, "mark")


def _once(source: Source, query: Select[Any], name: str) -> Subquery:
    """Return `query` as a subquery whose expressions PostgreSQL computes once for each row.

    Elsewhere a fence costs a third more, and an expression is repeated 2 or 3 times without it.
    """
    return source.fenced(query, name) if source.dialect == "postgresql" else query.subquery(name)


def _proven_marks(
    source: Source,
    days: Sequence[date],
    leave_out: Sequence[str],
    unmarked: Collection[str],
    *more: Callable[[Subquery], ColumnElement[Any]],
) -> Subquery:
    """Return the marks of `days` that have no code of `unmarked`: school, day, pupil, and `more`."""
    raw = _raw_marks(source, min(days), max(days), ("pupil",))
    # `more` is computed here, not in a GROUP BY: some databases do not see that two CASEs with values are the same.
    columns = [raw.c[name] for name in ("school", "day", "pupil") if name in raw.c]
    query = select(*columns, *(each(raw) for each in more))
    query = query.where(_is_marked(source.trimmed("code", raw.c.code), unmarked))
    if len(days) <= (max(days) - min(days)).days:
        query = query.where(raw.c.day.in_([_as_day(source, day) for day in days]))
    if leave_out:
        query = query.where(_not_among(source, source.text("school", raw.c.school), leave_out))
    return _once(source, query, "proven")


def _enrolments(source: Source, window: Window, leaving_date_is: str, leave_out: Sequence[str]) -> Subquery:
    """Return one row per enrolment: which it is, and 1 for each day on which it is on roll."""
    keys = [name for name in ("school", "year_group", "pupil") if name in source]
    dates = [source.column(name).label(name) for name in ("entry_date", "leaving_date")]
    raw = source.fenced(select(*(source.key(name).label(name) for name in keys), *dates), "enrolment")
    entry, leaving = raw.c.entry_date, raw.c.leaving_date
    no_entry, no_leaving = source.none("entry_date", entry), source.none("leaving_date", leaving)

    def is_on_roll(day: date) -> ColumnElement[bool]:
        last_out = day if leaving_date_is == "last_day" else day + _DAY
        # A date that means "no date" is before every day.
        has_come = or_(entry.is_(None), source.before("entry_date", day + _DAY, entry))
        return and_(has_come, or_(no_leaving, ~source.before("leaving_date", last_out, leaving)))

    long_ago = date(window.last.year - YEARS_AT_SCHOOL, window.last.month, 1)
    came_long_ago = and_(~no_entry, source.before("entry_date", long_ago, entry), is_on_roll(window.last))
    not_dates = [_not_a_date(source, "entry_date", entry), _not_a_date(source, "leaving_date", leaving)]
    query = select(
        *((raw.c[name] if name == "pupil" else source.text(name, raw.c[name])).label(name) for name in keys),
        _one_if(or_(*not_dates)).label("not_dates"),
        _one_if(came_long_ago).label("endless"),
        *(_one_if(is_on_roll(day)).label(name) for day, name in _days(window)),
    )
    if leave_out:
        query = query.where(_not_among(source, source.text("school", raw.c.school), leave_out))
    return query.subquery("flags")


def _beside_roll(
    marks: Source, roll: Source, marked: Subquery, leaving_date_is: str, *, trim: bool
) -> tuple[Subquery, Subquery, FromClause]:
    """Join `marked` (pupil, school, first, last, more) with the enrolments that last from `first` to `last`.

    Return both, and the join, in which there is no enrolment beside pupils who were not on roll all that time. Without
    `trim`, there is none either beside a text with other blanks.
    """
    dates = [(marks, "date"), (roll, "entry_date"), (roll, "leaving_date")]
    is_text = any(each.is_a("text", name) for each, name in dates)

    def key(source: Source, name: str, raw: ColumnElement[Any]) -> ColumnElement[Any]:
        numbers = [each.is_a("number", name) for each in (marks, roll)]
        as_it_is = all(numbers) or not (trim or any(numbers))  # 7 in one SELECT may be '7' in the other
        return (raw if as_it_is else source.trimmed(name, raw)).label(name)

    def iso(source: Source, name: str, day: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast(day, source.string()) if is_text and not source.is_a("text", name) else day

    keys = [name for name in ("school", "pupil") if name in marks and name in roll]
    ends = [iso(marks, "date", marked.c[name]).label(name) for name in ("first", "last")]
    others = [column for column in marked.c if column.name not in ("first", "last", *keys)]
    typed = select(*(key(marks, name, marked.c[name]) for name in keys), *ends, *others).subquery("marked")

    names = ("entry_date", "leaving_date")
    columns = [*(roll.key(name).label(name) for name in keys), *(roll.column(name).label(name) for name in names)]
    raw = _once(roll, select(*columns), "enrolment").c
    dated = (
        case((~roll.none(name, raw[name]), iso(roll, name, roll.day(name, raw[name])))).label(name) for name in names
    )
    query = select(*(key(roll, name, raw[name]) for name in keys), *dated).where(raw.pupil.is_not(None))
    enrolment = roll.fenced(query, "enrolled")  # SQLite makes an index of it, in this query
    entry, leaving = enrolment.c.entry_date, enrolment.c.leaving_date
    is_there = typed.c.last <= leaving if leaving_date_is == "last_day" else typed.c.last < leaving
    is_on_roll = and_(
        *(enrolment.c[name] == typed.c[name] for name in keys),
        or_(entry.is_(None), entry <= typed.c.first),
        or_(leaving.is_(None), is_there),
    )
    return typed, enrolment, typed.outerjoin(enrolment, is_on_roll)


def _days(window: Window) -> list[tuple[date, str]]:
    return [(day, f"day{number}") for number, day in enumerate(window)]


def _whens(
    source: Source, session: ColumnElement[Any], values: Mapping[str, str], sessions: Mapping[str, str]
) -> list[tuple[ColumnElement[bool], ColumnElement[Any]]]:
    """Return a CASE of sessions, with an SQL value for AM and for PM; most are known as they are, without trimming."""
    known = {"AM": "AM", "PM": "PM"} | dict(sessions)
    trimmed = source.trimmed("session", session)
    tests: list[tuple[ColumnElement[bool], str]] = []
    if not source.is_a("number", "session"):
        tests = [(session == name, to) for name, to in known.items() if name]
    none = func.nullif(trimmed, "").is_(None)
    tests += [(trimmed == name if name else none, to) for name, to in known.items()]
    return [(test, literal_column(values[to])) for test, to in tests]


def _place(source: Source, raw: Subquery, sessions: Mapping[str, str], days: Sequence[date]) -> ColumnElement[Any]:
    """Return a bit for the day and session of a mark, as a number; everything that is neither AM nor PM shares one."""
    of_day = case(*((_as_day(source, day), literal_column(f"{1 << n}")) for n, day in enumerate(days)), value=raw.c.day)
    # A window has fewer than 31 days.
    of_session = _whens(source, raw.c.session, {"AM": "1", "PM": f"{1 << 32}"}, sessions)
    return func.coalesce(of_day * case(*of_session), literal_column(f"{1 << 31}"))


def _is_marked(code: ColumnElement[Any], unmarked: Collection[str]) -> ColumnElement[bool]:
    named = [value for value in sorted(unmarked) if value]
    if "" in unmarked:
        named = ["", *named]
        return and_(code.is_not(None), code.not_in(named))
    return or_(code.is_(None), code.not_in(named)) if named else _TRUE


def _not_a_date(source: Source, name: str, raw: ColumnElement[Any] | None = None) -> ColumnElement[bool]:
    if not source.is_a("text", name):
        return ~_TRUE
    written = func.trim(cast(source.column(name) if raw is None else raw, source.string()))
    return and_(func.nullif(written, "").is_not(None), written.not_like("____-__-__%"))


_TRUE: Final = literal_column("1") == literal_column("1")
"""SQL Server does not accept bare TRUE or FALSE."""


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return case((condition, 1), else_=0)


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.count(case((condition, 1)))


def _as_day(source: Source, day: date) -> ColumnElement[Any]:
    is_text = source.is_a("text", "date")
    return literal(day.isoformat(), source.string()) if is_text else literal(day, Date)


def _not_among(source: Source, school: ColumnElement[Any], leave_out: Sequence[str]) -> ColumnElement[bool]:
    # Written into the SQL, not bound: a supplier's list is longer than the parameters that a statement may have.
    values: BindParameter[Any] = bindparam(
        "leave_out", list(leave_out), type_=source.string(), expanding=True, literal_execute=True
    )
    return or_(school.is_(None), school.not_in(values))
