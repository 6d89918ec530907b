"""What `attsync check` says of each database, from the facts of `database.inspect`. Pure."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from attsync.checks import Finding, Sign
from attsync.codes import PRESENT, all_codes, year_groups
from attsync.database import is_tested
from attsync.database.inspect import DatabaseFacts, SelectFacts
from attsync.mapping import usual_word
from attsync.model import SchoolDays, Session, Unlisted, Unmapped, session_total
from attsync.plural import plural
from attsync.problems import Problem
from attsync.run.reading import unlisted
from attsync.settings import DatabaseSettings, Location

_MANY_ROWS: Final = 20_000
"""Rows from which a missing index on the date is noticeable."""
_MOST_LINES: Final = 3
"""More schools than this without a problem share one line."""
_TO_MAP: Final = ("MARK-UNKNOWN", "SESSION-UNKNOWN", "YEAR-UNKNOWN", "ROLL-UNKNOWN")
"""Codes of days that are refused because a value is in no map."""


def database_findings(facts: DatabaseFacts, database: DatabaseSettings, at: Location) -> Iterator[Finding]:
    """Return what was found in the database whose settings are at `at`, in the order in which to correct it."""
    name = facts.name
    if facts.problem and not facts.selects:
        # A problem with the file is in the line about the files.
        is_file = facts.problem.code == "SECRET-FILE"
        problem = Problem("SECRET-FILE", "not_opened") if is_file else facts.problem
        yield Finding("bad", name, problem, (*at, facts.address))
        return
    yield from (Finding("check", name, problem) for problem in _account(facts))
    for select in facts.selects:
        for sign, problem in _select(select):
            yield Finding(sign, name, problem, (*at, "select", select.name))
    if facts.problem and facts.problem.case != "no_dates":  # reported for its SELECT, with numbers
        yield Finding("bad", name, facts.problem, (*at, "select"))
    if facts.unlisted:
        yield Finding("check", name, unlisted(Unlisted(name, facts.unlisted)), (*at, "schools"))
    yield from _schools(facts, database, at)


def _account(facts: DatabaseFacts) -> Iterator[Problem]:
    """Return what is to check about the account and the server."""
    if not is_tested(facts.kind):
        yield Problem("DB-WRITE", "untested", kind=facts.kind)
    if facts.writes:
        yield Problem("DB-WRITE", rights=facts.writes)
    if not facts.is_frozen:
        yield Problem("DB-SELECT", "apart")
    if facts.hides:
        yield Problem("DB-SELECT", "hides", hides=facts.hides)
    if facts.way in ("plain", "encrypted"):
        yield Problem("DB-SIGNIN", f"way_{facts.way}")
    if not facts.knows_london:
        yield Problem("DATE-NONE", "time_zone")


def _schools(facts: DatabaseFacts, database: DatabaseSettings, at: Location) -> Iterator[Finding]:
    good = []
    for school in facts.schools:
        problems = [*_school(school, facts.selects)]
        yield from (Finding(sign, school.school.name, problem, (*at, *to)) for sign, problem, to in problems)
        if not problems and not school.unmapped:
            good.append(school)
    if any(school.unmapped for school in facts.schools):
        yield _to_map(facts, database, at)
    if not facts.fails:
        yield Finding("good", facts.name, _opens(facts))
    if len(good) > _MOST_LINES:
        yield Finding("good", facts.name, f"{len(good)} schools: {_summary(good)}")
    else:
        yield from (Finding("good", school.school.name, _summary([school])) for school in good)


def _select(facts: SelectFacts) -> Iterator[tuple[Sign, Problem]]:
    """Return what is wrong with one SELECT; bad is what would make a send fail."""
    if facts.problem:
        yield "bad", facts.problem
        return
    if not facts.rows:
        yield "check", Problem("DB-SELECT", "no_rows", select=facts.name)
    is_all = 0 < facts.rows == facts.no_date + facts.not_dates
    for case, number in (("no_date", facts.no_date), ("not_dates", facts.not_dates)):
        if number:
            code = "COLUMN-WRONG" if is_all else "DATE-NONE"
            yield "bad" if is_all else "check", Problem(code, case, marks=number, rows=facts.rows)
    if facts.in_utc:
        yield "check", Problem("DATE-NONE", "utc", marks=facts.in_utc)
    if facts.overlaps:
        yield "check", Problem("ROLL-HIGH", "overlaps", pupils=facts.overlaps)
    if facts.is_stale:
        yield "check", Problem("DB-SELECT", "old_file", select=facts.name, at=facts.newest_file)
    if facts.has_index is False and facts.rows >= _MANY_ROWS:
        yield "check", Problem("DB-SLOW", "no_index", select=facts.name, rows=facts.rows)


def _school(found: SchoolDays, selects: Sequence[SelectFacts]) -> Iterator[tuple[Sign, Problem, tuple[str, ...]]]:
    """Return what is wrong with one school, whether it is bad, and below which table to correct it."""
    if found.problem:
        yield "bad", found.problem, ("select",)
        return
    refused = [day.problem for day in found.days if day.problem]
    for code, number in Counter(problem.code for problem in refused).items():
        if code not in _TO_MAP or not found.unmapped:
            first = next(problem for problem in refused if problem.code == code)
            yield "bad", first.but(undone="days_dry", number=number), ("select",)
    if any(problem.code == "COLUMN-WRONG" for problem in refused):
        for select in selects:
            columns = [f"{name} ({kind})" if kind else name for name, kind in select.columns]
            yield "check", Problem("COLUMN-WRONG", "columns", select=select.name, columns=columns), ("select",)
    for problem in found.to_check:
        yield "check", problem, ()
    if not refused and not any(day.on_roll or day.marks for day in found.days):
        yield "check", Problem("MARKS-NONE", "nobody"), ("schools",)


def _to_map(facts: DatabaseFacts, database: DatabaseSettings, at: Location) -> Finding:
    """Return one problem for all values that are in no map, with the lines to add to the settings file."""
    tables: dict[str, dict[tuple[str, str | None], list[Unmapped]]] = {}
    for each in (unmapped for school in facts.schools for unmapped in school.unmapped):
        tables.setdefault(each.table, {}).setdefault((each.what, each.shown), []).append(each)
    lines: list[str] = []
    is_new = {table: table.split(".")[1] not in database.model_fields_set for table in tables}
    for table in sorted(tables, key=lambda table: (is_new[table], table)):
        # A heading that is written twice is an error; below a new one, nothing else may come.
        lines += [f"[{table}]" if is_new[table] else f"# below [{table}]:", *map(_line, tables[table].values())]
    days = [day.problem.code for school in facts.schools for day in school.days if day.problem]
    problem = Problem(
        next((code for code in days if code in _TO_MAP), _TO_MAP[0]),
        "to_map",
        values=sum(map(len, tables.values())),
        number=sum(code in _TO_MAP for code in days),
        schools=[school.school.name for school in facts.schools if school.unmapped],
    )
    return Finding("bad", facts.name, problem, (*at, min(tables).partition(".")[2]), paste=tuple(lines))


def _line(found: Sequence[Unmapped]) -> str:
    """Return a line of a map as TOML, with how often the value is there; or where to find one that may be a name."""
    what, shown = found[0].what, found[0].shown
    counted = [(sum(each.number for each in found if each.pupils is pupils), pupils) for pupils in (False, True)]
    number = " and ".join(
        plural(n, "pupil") + " on roll" if pupils else plural(n, "mark") for n, pupils in counted if n
    )
    if shown is None:
        select = "marks" if counted[0][0] else "roll"
        where = f"the column {what.replace(' ', '_')} of the {select} SELECT"
        return f'# "..." = "..."  # {number}: not shown, may be a name. See {where}.'
    is_dfe_code = what == "code" and shown in all_codes()
    why = ", a DfE code, but not for that date and session" if is_dfe_code else "" if shown else f" without a {what}"
    word, names = usual_word(shown), {"session": [*Session], "year group": [*year_groups()]}.get(what, [])
    target = PRESENT if shown in ("/", "\\") else word if word in names else "..."
    return f'{json.dumps(shown, ensure_ascii=False)} = "{target}"  # {number}{why}'


def _opens(facts: DatabaseFacts) -> str:
    rows = ", ".join(f"{each.name} {plural(each.rows, 'row')}{_age(each)}" for each in facts.selects)
    read = f"; {plural(len(facts.schools), 'school')} read in {facts.seconds:.1f} s" if facts.schools else ""
    right = ["read-only"] if facts.writes == () else []
    right += ["over a verified connection"] if facts.way == "verified" else []
    return f"{' '.join(['opens', *right])}; {rows}{read}"


def _age(facts: SelectFacts) -> str:
    return f" (newest file written on {facts.newest_file:%a %-d %b})" if facts.newest_file else ""


def _summary(schools: Sequence[SchoolDays]) -> str:
    marked = sorted((day for school in schools for day in school.days if day.marks), key=lambda day: day.date)
    pupils = f"{sum(school.days[-1].on_roll for school in schools):,} on roll"
    if not marked:
        return f"{pupils}, no marks on these days"
    last = [day for day in marked if day.date == marked[-1].date]
    session = Session.PM if any(session_total(day.cells, Session.PM) for day in last) else Session.AM
    unmarked = sum(day.unmarked for school in schools for day in school.days)
    rows = f" and {plural(unmarked, 'row')} without a mark" if unmarked else ""
    days = plural(len({day.date for day in marked}), "day")
    marks = plural(sum(day.marks for day in marked), "mark")
    return f"{pupils}, {marks}{rows}, {days} to {last[0].date:%a %-d %b} {session}"
