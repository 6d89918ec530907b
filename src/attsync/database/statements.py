"""The SQL that attsync puts around the SELECTs of the settings file, for every kind of database. Runs nothing.

Filters are half-open on the raw column, so that an index serves; casts stand only in what is selected and grouped. Each
expression of the settings stands once, in an inner query; constant conditions are written 1 = 0 (SQL Server).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    Executable,
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
    trimmed: two rows may be the same but for blanks, and anyone who reads them adds up. Schools whose value is in
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


def doubled_statement(
    source: Source,
    days: Sequence[date],
    leave_out: Sequence[str],
    *,
    sessions: Mapping[str, str],
    unmarked: Collection[str],
) -> Executable:
    """Find the sessions of `days` in which a pupil has more than one mark.

    Rows: school, date, session, marks, pupils. The session is what `sessions` turns it into, so that two names of one
    session prove a second mark; the codes of `unmarked` are no marks.
    """
    mark = _proven_marks(source, days, leave_out, unmarked, _mapped(source, sessions)).c
    number, pupils = func.count(), func.count(mark.pupil.distinct())
    keys = [mark[key] for key in ("school", "day", "session") if key in mark]
    school = mark.school if "school" in source else null()
    wrong = select(school.label("school"), mark.day, mark.session, number.label("marks"), pupils.label("pupils"))
    found = wrong.group_by(*keys).having(number > pupils).subquery("doubled").c
    of_school = source.text("school", found.school) if "school" in source else found.school
    return select(of_school, found.day, found.session, found.marks, found.pupils)


def not_on_roll_statement(
    marks: Source,
    roll: Source,
    window: Window,
    days: Sequence[date],
    leave_out: Sequence[str],
    *,
    leaving_date_is: str,
    unmarked: Collection[str],
) -> Executable:
    """Count the marks of pupils who were not on roll on that date. Rows: school, date, marks."""
    as_text = not all(each.is_a("number", "pupil") for each in (marks, roll))  # 7 in one may be '7' in the other
    mark = _proven_marks(marks, days, leave_out, unmarked).c
    pupil = marks.trimmed("pupil", mark.pupil) if as_text else mark.pupil
    typed = [value.label(name) for name, value in (("day", mark.day), ("pupil", pupil))]
    if "school" in marks:
        typed.append(marks.trimmed("school", mark.school).label("school"))
    marked = select(*typed).subquery("marked")
    on_roll = _on_roll(roll, window, leaving_date_is, as_text=as_text)
    same = [on_roll.c[key] == marked.c[key] for key in ("school", "pupil") if key in on_roll.c and key in marked.c]
    flags = ((marked.c.day == _as_day(marks, day), on_roll.c[name]) for day, name in _days(window))
    keys = [marked.c[key] for key in ("school", "day") if key in marked.c]
    school = marked.c.school if "school" in marks else null()
    found = select(school, marked.c.day, func.count()).select_from(marked.outerjoin(on_roll, and_(*same)))
    # Most are on roll on every day: then the day need not be looked at.
    is_absent = and_(func.coalesce(on_roll.c.always, 0) == 0, func.coalesce(case(*flags), 0) == 0)
    return found.where(is_absent).group_by(*keys)


def roll_statement(source: Source, window: Window, leaving_date_is: str, leave_out: Sequence[str]) -> Executable:
    """Count the pupils on roll for each school and year group, as at each day of the window.

    Rows: school, year_group, is_total, not_dates, endless, then one number a day. A pupil counts on a day if the entry
    date is not after it and the leaving date, where there is one, not before it (docs/design/domain.md 6); with
    `leaving_date_is` "first_day_off" the leaving date itself no longer counts. `endless` are on roll on the last day
    and came longer ago than any pupil stays. With a `pupil` there is one more row a school, `is_total`, in which each
    pupil counts once.
    """
    flags = _enrolments(source, window, leaving_date_is, leave_out).c

    def count(name: str) -> ColumnElement[Any]:
        if "pupil" not in source:
            return func.sum(flags[name])
        is_on_roll = flags[name] == 1  # an enrolment that names no pupil is one all the same
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
        if source.is_a("text", "date"):
            written = source.text("date")
            counts.append(_count_if(or_(written.like("____-__-__%Z"), written.like("____-__-__%+00:00"))))
    return select(*counts).select_from(source.subquery)


def _raw_marks(source: Source, first: date, last: date, more: Sequence[str] = ()) -> Subquery:
    """Return the marks of the dates from `first` to `last`, each value as it can be grouped."""
    columns = [source.key(name).label(name) for name in (*_MARK, *more) if name in source]
    query = select(source.day("date").label("day"), *columns)
    query = query.where(~source.before("date", first), source.before("date", last + _DAY))
    # Elsewhere a fence costs a third more, and an expression stands two or three times without it.
    return source.fenced(query, "mark") if source.dialect == "postgresql" else query.subquery("mark")


def _proven_marks(
    source: Source,
    days: Sequence[date],
    leave_out: Sequence[str],
    unmarked: Collection[str],
    mapped: Callable[[ColumnElement[Any]], ColumnElement[Any]] | None = None,
) -> Subquery:
    """Return the marks of `days` that name a pupil and are no empty rows: school, day, session (mapped), pupil."""
    raw = _raw_marks(source, min(days), max(days), ("pupil",))
    # The session here, not in a GROUP BY: there some databases do not see that two CASEs with values are the same.
    columns = [raw.c[name] for name in ("school", "day", "pupil") if name in raw.c]
    if mapped:
        columns.append(mapped(raw.c.session).label("session"))
    is_mark = _is_marked(source.trimmed("code", raw.c.code), unmarked)
    query = select(*columns).where(raw.c.pupil.is_not(None), is_mark)
    if len(days) <= (max(days) - min(days)).days:
        query = query.where(raw.c.day.in_([_as_day(source, day) for day in days]))
    if leave_out:
        query = query.where(_not_among(source, source.text("school", raw.c.school), leave_out))
    return query.subquery("proven")


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
    pupil = source.trimmed("pupil", flags.pupil) if as_text else flags.pupil
    keyed = select(
        *([flags.school] if "school" in source else []), pupil.label("pupil"), *(flags[n] for _, n in _days(window))
    )
    named = keyed.where(flags.pupil.is_not(None)).subquery("named")
    group = [named.c[key] for key in ("school", "pupil") if key in named.c]
    largest = {name: func.max(named.c[name]) for _, name in _days(window)}
    always = _one_if(and_(*(value == 1 for value in largest.values()))).label("always")
    flags_of = (value.label(name) for name, value in largest.items())
    return select(*group, always, *flags_of).group_by(*group).subquery("on_roll")


def _days(window: Window) -> list[tuple[date, str]]:
    return [(day, f"day{number}") for number, day in enumerate(window)]


def _mapped(source: Source, sessions: Mapping[str, str]) -> Callable[[ColumnElement[Any]], ColumnElement[Any]]:
    """Return what turns a session into the DfE's; most are known as they are and need no trimming."""
    known = {"AM": "AM", "PM": "PM"} | dict(sessions)

    def map_it(session: ColumnElement[Any]) -> ColumnElement[Any]:
        trimmed = source.trimmed("session", session)
        none = func.nullif(trimmed, "").is_(None)
        whens = [(trimmed == name if name else none, literal(to)) for name, to in known.items()]
        if source.is_a("number", "session"):
            return case(*whens, else_=trimmed)
        at_once = [(session == name, literal(to)) for name, to in known.items() if name]
        return case(*at_once, *whens, else_=trimmed)

    return map_it


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
"""SQL Server takes no bare TRUE or FALSE."""


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
