"""What `check` says of each database, from the facts of a look, in the order in which things are set right. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attsync.checks.finding import Finding, told
from attsync.codes import PRESENT, all_codes
from attsync.database.inspect import DatabaseFacts, SelectFacts
from attsync.model import Day, SchoolDays, Session, Unlisted, Unmapped, session_total
from attsync.plural import plural
from attsync.problems import DAY_WOULD_NOT_BE_SENT, Problem
from attsync.run.reading import unlisted
from attsync.settings import Location

_MANY_ROWS: Final = 20_000
"""From here on an index on the date is felt."""
_DATABASE: Final = "School database"
_PRESENT: Final = ("/", "\\")


def database_findings(facts: DatabaseFacts, at: Location) -> Iterator[Finding]:
    """Return what was found in the database whose settings are at `at`, in the order in which things are set right."""
    if facts.problem and not facts.selects:
        yield _not_opened(facts.name, facts.problem, (*at, facts.address))
        return
    yield _account(facts)
    if not facts.knows_london:
        yield Finding(
            "check",
            _DATABASE,
            f"{facts.name}: the server does not know Europe/London. Dates are right; instants (TIMESTAMP,"
            " FROM_UNIXTIME) near midnight are not, in weeks in which the clocks change.",
            "Ask your database administrator to load the time zones: mysql_tzinfo_to_sql.",
        )
    for select in facts.selects:
        yield from _select(facts.name, select, (*at, "select", select.name))
    if facts.problem:
        yield told(_DATABASE, facts.problem, (*at, "select"))
    if facts.unlisted:
        stray = unlisted(Unlisted(facts.name, facts.unlisted))
        yield Finding("check", _DATABASE, stray.text, stray.next, stray.code, (*at, "schools"))
    for school in facts.schools:
        yield from _school(school, at)
    if facts.schools:
        number = len(facts.schools)
        words = f"{plural(number, 'school')} read in {facts.seconds:.1f} s"
        yield Finding("good", _DATABASE, f"{facts.name}: {words}, as a send does")


def missing(urns: Iterable[int]) -> Iterator[Finding]:
    """Say of schools that were named on the command line and are nowhere."""
    for urn in sorted(urns):
        text = f"The settings have no school with the URN {urn}."
        yield Finding("bad", "Settings", text, "Check the URN, or add the school to the settings file.", "SCHOOL-NONE")


def _not_opened(name: str, problem: Problem, at: Location) -> Finding:
    if problem.code == "SECRET-FILE":  # told in full among the file rights
        text = f"{name}: not opened, because the file with its address cannot be used."
        return Finding("bad", _DATABASE, text, "Put that file right, then: attsync check", problem.code)
    return told(_DATABASE, problem, at)


def _account(facts: DatabaseFacts) -> Finding:
    if facts.writes is None:
        return Finding(
            "check",
            _DATABASE,
            f"{facts.name}: opens. What its account may do is not looked up on this kind of database ({facts.kind}).",
            "Ask your database administrator for an account that may only read.",
        )
    if facts.writes:
        return Finding(
            "check",
            _DATABASE,
            f"{facts.name}: opens, and its account may do more than read: it {' and '.join(facts.writes)}.",
            "Ask your database administrator for an account that may only SELECT what the SELECTs name.",
            "DB-WRITE",
        )
    return Finding("good", _DATABASE, f"{facts.name}: opens, read-only")


def _select(database: str, facts: SelectFacts, at: Location) -> Iterator[Finding]:
    what = f"SELECT {facts.name}"
    if facts.problem:
        yield told(what, facts.problem, at)
        return
    columns = ", ".join(f"{name} ({kind})" if kind else name for name, kind in facts.columns)
    yield Finding("good", what, f"{database}: {plural(facts.rows, 'row')} in {facts.seconds:.1f} s; {columns}")
    if not facts.rows:
        yield Finding(
            "check",
            what,
            f"{database}: it gives no row at all.",
            f"Try {facts.name} in the database's tool.",
            setting=at,
        )
    if facts.name in ("marks", "roll") and not facts.has_pupil:
        is_marks = facts.name == "marks"
        why = "no second mark of a pupil can be proven" if is_marks else "a pupil enrolled twice counts twice"
        yield Finding(
            "check",
            what,
            f"{database}: it has no column pupil: {why}.",
            f"Add the column pupil to {facts.name}.",
            setting=at,
        )
    yield from _dates(what, database, facts, at)
    if facts.overlaps:
        number = plural(facts.overlaps, "pupil is", "pupils are")
        yield Finding(
            "check",
            what,
            f"{database}: {number} on roll in more than one year group today, and counted in each.",
            "End the older enrolments in the MIS, or leave them out of the roll SELECT.",
            setting=at,
        )
    yield from _index(database, facts, at)


def _dates(what: str, database: str, facts: SelectFacts, at: Location) -> Iterator[Finding]:
    if bad := facts.no_date + facts.not_dates:
        parts = [(facts.no_date, "no date"), (facts.not_dates, "a text that is not a date (YYYY-MM-DD)")]
        words = " and ".join(f"{plural(n, 'has', 'have')} {lacking}" for n, lacking in parts if n)
        is_all = bad == facts.rows
        yield Finding(
            "bad" if is_all else "check",
            what,
            f"{database}: of {facts.rows:,} marks, {words}: {'it is' if bad == 1 else 'they are'} never sent.",
            "Ask whoever wrote the marks SELECT to give date as a date.",
            "COLUMN-WRONG" if is_all else "DATE-NONE",
            at,
        )
    if facts.in_utc:
        yield Finding(
            "check",
            what,
            f"{database}: {facts.in_utc:,} dates are texts in UTC; midnight in London is the day before in summer.",
            "Ask whoever wrote the marks SELECT to give the date in London.",
            setting=at,
        )


def _index(database: str, facts: SelectFacts, at: Location) -> Iterator[Finding]:
    if facts.has_index:
        yield Finding("good", f"SELECT {facts.name}", f"{database}: an index serves the filter on the date")
    elif facts.has_index is False and facts.rows >= _MANY_ROWS:
        yield Finding(
            "check",
            f"SELECT {facts.name}",
            f"{database}: no index serves the filter on the date: each send reads all {facts.rows:,} rows.",
            "Ask your database administrator for an index on the date column, and give that column as it is.",
            setting=at,
        )


_MAPS: Final = {
    "MARK-UNKNOWN": "codes",
    "SESSION-UNKNOWN": "sessions",
    "YEAR-UNKNOWN": "year_groups",
    "ROLL-UNKNOWN": "year_groups",
}
"""Code of a problem with a value -> the map where the value would stand."""


def _school(found: SchoolDays, at: Location) -> Iterator[Finding]:
    what = found.school.name
    if found.problem:
        yield told(what, found.problem, (*at, "select"))
        return
    refused = [day.problem for day in found.days if day.problem]
    numbers = Counter(problem.code for problem in refused)
    for code, number in numbers.items():
        first = next(problem for problem in refused if problem.code == code)
        more = f" The like on {plural(number - 1, 'more day')}." if number > 1 else ""
        yield Finding(
            "bad",
            what,
            f"{first.happened} {DAY_WOULD_NOT_BE_SENT}{more}",
            first.next,
            code,
            (*at, _MAPS.get(code, "select")),
        )
    for unmapped in found.unmapped:
        yield _unmapped(what, unmapped, at)
    for problem in found.to_check:
        yield Finding("check", what, problem.text, problem.next, problem.code)
    if not refused and not any(day.on_roll or day.marks for day in found.days):
        text = "nobody on roll and no marks in these days"
        then = "Check what the column school holds for this school, and school under [[database.schools]]."
        yield Finding("check", what, text, then, setting=(*at, "schools"))
    elif not refused and not any(problem.code == "MARKS-NONE" for problem in found.to_check):
        yield Finding("good", what, _summary(found))


def _unmapped(what: str, unmapped: Unmapped, at: Location) -> Finding:
    things = f"{unmapped.number:,} " + ("pupil" if unmapped.pupils else "mark")
    things += f"{' on roll' * unmapped.pupils} has" if unmapped.number == 1 else f"s{' on roll' * unmapped.pupils} have"
    if unmapped.shown is None:
        text = (
            f"{things} a {unmapped.what} that no map knows. It is not shown, because it may be a name: values are shown"
            " only where 95% of the marks are known, and only those that look like a code."
        )
        column = unmapped.what.replace(" ", "_")
        then = f"Add each to [{unmapped.table}]. To list them, run the SELECT in the database's own tool, by {column}."
    elif not unmapped.shown:
        text = f"{things} no {unmapped.what} (NULL)."
        add = f"add to [{unmapped.table}]:  {_line(unmapped, '...')}"
        then = f"Give them one in the MIS, leave them out of the SELECT, or {add}"
    elif unmapped.what == "code" and unmapped.shown in all_codes():
        text = f'{things} the code "{unmapped.shown}", which is a code of the DfE, but not of that date and session.'
        means, target = ("present", PRESENT) if unmapped.shown in _PRESENT else ("something else", "...")
        then = f"Correct it in the MIS; if it means {means}, add to [{unmapped.table}]:  {_line(unmapped, target)}"
    else:
        text = f'{things} the {unmapped.what} "{unmapped.shown}", which no map knows.'
        then = f"Correct it in the MIS, or say what it means in [{unmapped.table}]:  {_line(unmapped, '...')}"
    return Finding("check", what, text, then, setting=(*at, *unmapped.table.split(".")[1:]))


def _line(unmapped: Unmapped, meaning: str) -> str:
    """Write a line of a map as TOML has it: a string of JSON is one of TOML."""
    return f'{json.dumps(unmapped.shown, ensure_ascii=False)} = "{meaning}"'


def _summary(found: SchoolDays) -> str:
    marked = [day for day in found.days if day.marks]
    on_roll = found.days[-1].on_roll
    pupils = f"{plural(on_roll, 'pupil')} on roll"
    if not marked:
        return f"{pupils}, no marks in these days"
    last = marked[-1]
    session = Session.PM if session_total(last.cells, Session.PM) else Session.AM
    marks = sum(day.marks for day in marked)
    unmarked = _unmarked(found.days)
    return f"{pupils}, {marks:,} marks on {len(marked)} days{unmarked}, up to {last.date:%a %-d %b} {session}"


def _unmarked(days: Sequence[Day]) -> str:
    number = sum(day.unmarked for day in days)
    return f" and {plural(number, 'row')} without a mark" if number else ""
