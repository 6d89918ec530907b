"""The SQL that attsync puts around the SELECTs of the settings file, for every kind of database. Runs nothing.

Filters are half-open on the raw column, so that an index serves; casts stand only in what is selected and grouped. Each
expression of the settings stands once, in an inner query; constant conditions are written 1 = 0 (SQL Server).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    Executable,
    FromClause,
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
    trimmed: two rows may be the same but for blanks, and whoever reads them adds up. Schools whose value is in
    `leave_out` are not read.
    """
    raw = _raw_marks(source, window.first, window.last)
    keys = [raw.c.day, *(raw.c[name] for name in _MARK if name in source)]
    grouped = select(*keys, func.count().label("marks")).group_by(*keys)
    if leave_out:
        grouped = grouped.where(_not_among(source, source.text("school", raw.c.school), leave_out))
    counted = grouped.subquery("counted").c
    school, *others = (
        source.text(name, counted[name]).label(name) if name in source else null().label(name) for name in _MARK
    )
    rows = select(school, counted.day, *others, counted.marks)
    return rows.order_by(school) if "school" in source else rows


def proof_statement(
    marks: Source,
    roll: Source | None,
    window: Window,
    days: Collection[date],
    leave_out: Sequence[str],
    *,
    leaving_date_is: str,
    sessions: Mapping[str, str],
    unmarked: Collection[str],
) -> Executable:
    """Find what only the column `pupil` of the marks can prove, for the dates `days` of the window.

    Rows: school, date, session, marks, pupils, not_on_roll; only of sessions where a pupil has two marks, or has one and
    is not on roll. The session is what `sessions` turns it into, so that two names of one session prove a second mark;
    the codes of `unmarked` are no marks. `roll` is given if its SELECT has a pupil too.
    """
    raw = _raw_marks(marks, min(days), max(days), ("pupil",))
    school = marks.text("school", raw.c.school) if "school" in marks else literal_column("''")
    typed = select(
        school.label("school"),
        raw.c.day,
        # Here, not in the GROUP BY: there some databases do not see that two CASEs with values are the same.
        _mapped(marks.text("session", raw.c.session), sessions).label("session"),
        raw.c.pupil,
    ).where(raw.c.pupil.is_not(None), _is_marked(marks.text("code", raw.c.code), unmarked))
    if len(set(days)) <= (max(days) - min(days)).days:
        typed = typed.where(raw.c.day.in_([_as_day(marks, day) for day in sorted(days)]))
    if leave_out:
        typed = typed.where(_not_among(marks, school, leave_out))
    mark = typed.subquery("typed")
    number, pupils = func.count(), func.count(mark.c.pupil.distinct())
    absent: ColumnElement[Any] = literal_column("0")
    start: FromClause = mark
    if roll is not None:
        as_text = not (marks.kinds["pupil"] == roll.kinds["pupil"] == "number")  # 7 in one may be '7' in the other
        on_roll = _on_roll(roll, window, leaving_date_is, as_text=as_text)
        same = on_roll.c.pupil == (marks.text("pupil", mark.c.pupil) if as_text else mark.c.pupil)
        if "school" in marks and "school" in roll:
            same = and_(on_roll.c.school == mark.c.school, same)
        start = mark.outerjoin(on_roll, same)
        flags = ((mark.c.day == _as_day(marks, day), on_roll.c[name]) for day, name in _days(window))
        absent = func.count(case((func.coalesce(case(*flags), 0) == 0, 1)))
    keys = (mark.c.school, mark.c.day, mark.c.session) if "school" in marks else (mark.c.day, mark.c.session)
    found = select(mark.c.school if "school" in marks else null(), mark.c.day, mark.c.session, number, pupils, absent)
    wrong = or_(number > pupils, absent > 0) if roll is not None else number > pupils
    return found.select_from(start).group_by(*keys).having(wrong)


def roll_statement(source: Source, window: Window, leaving_date_is: str, leave_out: Sequence[str]) -> Executable:
    """Count the pupils on roll for each school and year group, as at each day of the window.

    Rows: school, year_group, not_dates, endless, one number a day, one NULL a day. A pupil counts on a day if the entry
    date is not after it and the leaving date, where there is one, not before it (DOMAIN.md 6); with `leaving_date_is`
    "first_day_off" the leaving date itself no longer counts. `endless` are on roll on the last day and came longer ago
    than any pupil stays. With a `pupil` there is one more row a school, which has numbers where the others have NULL:
    the pupils on roll on each day, each counted once, and those in more than one year group.
    """
    flags = _enrolments(source, window, leaving_date_is, leave_out)
    names = [name for _, name in _days(window)]
    nothing = [null() for _ in names]
    keys = [name for name in ("school", "year_group") if name in source]
    if "pupil" in source:
        # One row a pupil and year group. An enrolment that names no pupil is one all the same.
        largest = [case((flags.c.pupil.is_(None), func.sum(flags.c[n])), else_=func.max(flags.c[n])) for n in names]
        group = [flags.c[key] for key in (*keys, "pupil")]
        sums = [func.sum(flags.c[name]).label(name) for name in ("not_dates", "endless")]
        each = select(*group, *sums, *(value.label(name) for value, name in zip(largest, names, strict=True)))
        flags = each.group_by(*group).subquery("in_group")
    school, year_group = (flags.c[name] if name in keys else null().label(name) for name in ("school", "year_group"))
    totals = [func.sum(flags.c[name]) for name in ("not_dates", "endless", *names)]
    by_year = select(school, year_group, *totals, *nothing).group_by(*(flags.c[key] for key in keys))
    if "pupil" not in source:
        return by_year
    # One row a pupil, whose numbers say in how many year groups.
    group = [flags.c[key] for key in ("school", "pupil") if key in flags.c]
    pupils = select(*group, *(func.sum(flags.c[name]).label(name) for name in names)).group_by(*group).subquery("pupil")
    several = [and_(pupils.c.pupil.is_not(None), pupils.c[name] > 1) for name in names]
    once = [func.sum(case((is_in, 1), else_=pupils.c[name])) for is_in, name in zip(several, names, strict=True)]
    of_school = pupils.c.school if "school" in source else null()
    by_school = select(of_school, null(), null(), null(), *once, *map(_count_if, several))
    return union_all(by_year, by_school.group_by(pupils.c.school) if "school" in source else by_school)


def administrators_statement(source: Source, username: str, school: str) -> Executable:
    """Count the rows that give `username` the permission, for `school` where the SELECT tells schools apart."""
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
    """Count the rows of a whole SELECT; of marks also those without a date, with a text that is none, and in UTC."""
    counts: list[ColumnElement[Any]] = [func.count()]
    if source.name == "marks":
        not_a_date = _not_a_date(source, "date")
        counts += [_count_if(and_(source.none("date"), ~not_a_date)), _count_if(not_a_date)]
        if source.kinds["date"] == "text":
            written = source.text("date")
            counts.append(_count_if(or_(written.like("____-__-__%Z"), written.like("____-__-__%+00:00"))))
    return select(*counts).select_from(source.subquery)


def _raw_marks(source: Source, first: date, last: date, more: Sequence[str] = ()) -> Subquery:
    """Return the marks of the dates from `first` to `last`, each value as it can be grouped."""
    columns = [source.key(name).label(name) for name in (*_MARK, *more) if name in source]
    query = select(source.day("date").label("day"), *columns)
    return source.fenced(query.where(~source.before("date", first), source.before("date", last + _DAY)), "mark")


def _enrolments(source: Source, window: Window, leaving_date_is: str, leave_out: Sequence[str]) -> Subquery:
    """Return one row an enrolment: which it is, and 1 for each day on which it is on roll."""
    keys = [name for name in ("school", "year_group", "pupil") if name in source]
    dates = [source.column(name).label(name) for name in ("entry_date", "leaving_date")]
    raw = source.fenced(select(*(source.key(name).label(name) for name in keys), *dates), "enrolment")
    entry, leaving = raw.c.entry_date, raw.c.leaving_date
    no_entry, no_leaving = source.none("entry_date", entry), source.none("leaving_date", leaving)

    def is_on_roll(day: date) -> ColumnElement[bool]:
        last_out = day if leaving_date_is == "last_day" else day + _DAY
        has_come = or_(no_entry, source.before("entry_date", day + _DAY, entry))
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


def _on_roll(source: Source, window: Window, leaving_date_is: str, *, as_text: bool) -> Subquery:
    """Return one row a pupil: 1 for each day on which the pupil is on roll."""
    flags = _enrolments(source, window, leaving_date_is, ()).c
    pupil = source.text("pupil", flags.pupil) if as_text else flags.pupil
    keyed = select(
        *([flags.school] if "school" in source else []), pupil.label("pupil"), *(flags[n] for _, n in _days(window))
    )
    named = keyed.where(flags.pupil.is_not(None)).subquery("named")
    group = [named.c[key] for key in ("school", "pupil") if key in named.c]
    largest = (func.max(named.c[name]).label(name) for _, name in _days(window))
    return select(*group, *largest).group_by(*group).subquery("on_roll")


def _days(window: Window) -> list[tuple[date, str]]:
    return [(day, f"day{number}") for number, day in enumerate(window)]


def _mapped(session: ColumnElement[Any], sessions: Mapping[str, str]) -> ColumnElement[Any]:
    none = func.nullif(session, "").is_(None)
    whens = [(session == name if name else none, literal(to)) for name, to in sessions.items()]
    return case(*whens, else_=session) if whens else session


def _is_marked(code: ColumnElement[Any], unmarked: Collection[str]) -> ColumnElement[bool]:
    named = [value for value in sorted(unmarked) if value]
    if "" in unmarked:
        named = ["", *named]
        return and_(code.is_not(None), code.not_in(named))
    return or_(code.is_(None), code.not_in(named)) if named else _TRUE


def _not_a_date(source: Source, name: str, raw: ColumnElement[Any] | None = None) -> ColumnElement[bool]:
    if source.kinds[name] != "text":
        return ~_TRUE
    written = func.trim(cast(source.column(name) if raw is None else raw, source.string()))
    return and_(func.nullif(written, "").is_not(None), written.not_like("____-__-__%"))


_TRUE: Final = literal_column("1") == literal_column("1")
"""SQL Server takes no bare TRUE or FALSE."""


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return case((condition, 1), else_=0)


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.count(case((condition, 1)))


def _as_day(source: Source, day: date) -> ColumnElement[Any]:
    is_text = source.kinds["date"] == "text"
    return literal(day.isoformat(), source.string()) if is_text else literal(day, Date)


def _not_among(source: Source, school: ColumnElement[Any], leave_out: Sequence[str]) -> ColumnElement[bool]:
    # Written into the SQL, not bound: a supplier's list is longer than the parameters that a statement may have.
    values: BindParameter[Any] = bindparam(
        "leave_out", list(leave_out), type_=source.string(), expanding=True, literal_execute=True
    )
    return or_(school.is_(None), school.not_in(values))
