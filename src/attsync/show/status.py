"""The screens of `attsync status`: one school, or a row a school for a trust.

Knows what is worth telling first; refuses to know the log.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from attsync.model import School, Session, Sign
from attsync.overview import DayView, Overview, SchoolView
from attsync.plural import plural
from attsync.problems import Problem
from attsync.show.parts import (
    ASCII,
    ASCII_STRIP,
    BAD,
    CHECK,
    DIM,
    DUE,
    GOOD,
    Signs,
    by,
    number_of,
    share,
    title,
    when,
)
from attsync.show.sheet import Sheet, prose

_WIDE: Final = 120
"""Columns from which a trust's table shows everything (UX.md)."""
_ROOMY: Final = 110
_ATTENDANCE: Final = 96
"""Columns from which one school's table has wide gaps, and its attendance."""


def status(overview: Overview, signs: Signs, *, heading: str | None = None) -> RenderableType:
    """Show one school, or a row a school for several."""
    if len(overview.schools) == 1 and not overview.left_out:
        return _one_school(overview.schools[0], overview, signs)
    return _schools(overview, signs, heading=heading)


def _one_school(school: SchoolView, overview: Overview, signs: Signs) -> RenderableType:
    lines: list[RenderableType] = [title(school.school), _consent_line(school, signs)]
    if not school.days:
        return Group(*lines, *next_steps(overview, signs))
    lines += [_state_line(school, overview, signs), Text(), _Days(school, overview, signs)]
    return Group(*lines, Text(), _Legend(signs), *next_steps(overview, signs))


class _Days:
    """A row a day, newest first; how much of it depends on the room."""

    def __init__(self, school: SchoolView, overview: Overview, signs: Signs) -> None:
        self._school, self._overview, self._signs = school, overview, signs

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        has_attendance = options.max_width >= _ATTENDANCE
        columns = ["Date", "AM", "PM", ">Marks", ">On roll", *([">Attendance"] if has_attendance else [])]
        gap = 3 if options.max_width >= _ROOMY else 2
        sheet = Sheet(self._signs, (*columns, "Last sent", "Note"), gap=gap)
        for day in self._school.days:
            sheet.add(
                f"{day.date:%a} {day.date.day:>2} {day.date:%b}",
                *(self._signs.of(day.signs[session], is_closed=day.is_closed) for session in Session),
                number_of(day.marks),
                number_of(day.on_roll),
                *([share(day.attendance)] if has_attendance else []),
                when(day.sent_at, self._overview.now),
                Text(day.note, style=_note_style(day)),
            )
        yield sheet


def _note_style(day: DayView) -> str:
    return BAD if day.needs_telling else CHECK if day.to_check else DIM if day.is_closed else ""


def _schools(overview: Overview, signs: Signs, *, heading: str | None) -> RenderableType:
    lines: list[RenderableType] = [
        _heading(overview, heading),
        Text("   ").join(Text(*words) for words in counts(overview, signs)),
        _last_and_next(overview),
    ]
    strip = ASCII_STRIP if signs is ASCII else signs
    if overview.schools:
        lines += [Text(), _Strips(overview, signs, strip), Text(), _Legend(strip)]
    return Group(*lines, *next_steps(overview, signs))


def _heading(overview: Overview, heading: str | None) -> Text:
    every = (*overview.schools, *overview.left_out)
    if len(every) == 1:
        return title(every[0].school)
    return Text.assemble((heading or "All schools", "bold"), (f"  {plural(len(every), 'school')}", DIM))


class _Strips:
    """A row a school, worst first, with two signs a date; how much of it depends on the room."""

    def __init__(self, overview: Overview, signs: Signs, strip: Signs) -> None:
        self._overview, self._signs, self._strip = overview, signs, strip

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        is_wide = options.max_width >= _WIDE
        dates = sorted({day.date for school in self._overview.schools for day in school.days})
        sheet = Sheet(
            self._signs,
            (
                "\nSchool",
                *(["\nURN"] if is_wide else []),
                *(f"{day:%a}\n{day.day}" for day in dates),
                *([">\nAttendance", "\nLast sent"] if is_wide else []),
                "\nResult",
            ),
            gap=2 if options.max_width >= _ATTENDANCE else 1,
            names=0,
        )
        for rank, schools in groupby(sorted(self._overview.schools, key=order), key=lambda school: order(school)[0]):
            if rank and sheet.rows:
                sheet.space()
            for school in schools:
                days = {day.date: day for day in school.days}
                sheet.add(
                    school.school.name,
                    *([Text(str(school.school.urn), style=DIM)] if is_wide else []),
                    *(self._two_signs(days.get(day)) for day in dates),
                    *(
                        [share(school.attendance), when(school.sent_at, self._overview.now) or "never"]
                        if is_wide
                        else []
                    ),
                    result(school, self._signs),
                )
        yield sheet

    def _two_signs(self, day: DayView | None) -> Text:
        if day is None:
            return Text()
        return Text().join(self._strip.of(day.signs[session], is_closed=day.is_closed) for session in Session)


def order(school: SchoolView) -> tuple[int, str]:
    """Problems first, then what is to check, then those without consent, then the rest by name."""
    rank = 0 if school.failed else 1 if school.needs_a_look else 2 if not school.consent else 3
    return rank, school.school.name.casefold()


def result(school: SchoolView, signs: Signs) -> Text:
    """Say in a few words how it stands with a school."""
    if school.consent_needed_again:
        return Text(f"{signs.check} consent needed again: nothing sent", style=CHECK)
    if not school.consent:
        return Text(f"{signs.without} no consent: nothing sent", style=DIM)
    if school.failed:
        return Text(f"{signs.bad} {_failure(school)}", style=BAD)
    if school.to_check:
        return Text(f"{signs.check} {_oddity(school)}", style=CHECK)
    if not school.sent_at:
        return Text(f"{signs.due} nothing sent yet", style=DUE)
    return Text(f"{signs.good} up to date", style=GOOD)


def _oddity(school: SchoolView) -> str:
    """Name what is to check: no register: Tue PM."""
    sessions = [
        f"{day.date:%a} {session}"
        for day in school.days
        if day.to_check
        for session, sign in day.signs.items()
        if sign is Sign.NO_REGISTER
    ]
    first = f"no register: {', '.join(sessions)}" if sessions else school.to_check[0].brief
    others = len(school.to_check) - max(1, len(sessions))
    return f"{first}, and {plural(others, 'more thing')}" if others > 0 else first


def _failure(school: SchoolView) -> str:
    bad = [day for day in school.days if day.failed] or [day for day in school.days if day.not_again]
    if not bad:
        return school.problems[0].brief
    number = sum(len(day.bad_sessions) for day in bad)
    return f"{number} {bad[0].note}" if number > 1 and bad[0].note_session is None else bad[0].note


def counts(overview: Overview, signs: Signs) -> Iterable[tuple[str, str]]:
    """Count the schools by how it stands with them; with the style of each."""
    schools = (*overview.schools, *overview.left_out)
    failed = sum(school.failed for school in schools)
    check = sum(school.needs_a_look and not school.failed for school in schools)
    without = sum(not school.consent and not school.needs_a_look for school in schools)
    waiting = sum(bool(school.consent) and not school.needs_a_look and not school.sent_at for school in schools)
    good = len(schools) - failed - check - without - waiting
    for number, sign, words, style in (
        (good, signs.good, "up to date", GOOD),
        (waiting, signs.due, "not sent yet", DUE),
        (check, signs.check, "to check", CHECK),
        (failed, signs.bad, "failed", BAD),
        (without, signs.without, "without consent", DIM),
    ):
        if number:
            yield f"{sign} {number} {words}", style


def next_steps(overview: Overview, signs: Signs) -> list[RenderableType]:
    """Say what to do next, a paragraph a problem."""
    several = len(overview.schools) + len(overview.left_out) > 1
    steps: list[RenderableType] = []
    for school in sorted(overview.schools, key=order):
        if school.no_consent and (not several or school.consent_needed_again):
            sign, style = (signs.check, CHECK) if school.consent_needed_again else (signs.without, "")
            who, text = (f"{school.school}  ", f"{school.no_consent.text} ") if several else ("", "")
            steps.append(prose((f"{sign} {who}", style), f"{text}{school.no_consent.next}", indent=2))
    for schools, problem, days, is_bad in to_tell(overview):
        sign, style = (signs.bad, BAD) if is_bad else (signs.check, CHECK)
        who = f"{schools}  " if several else ""
        text = f"{days}{problem.text} {problem.next}"
        steps.append(prose((f"{sign} {who}", style), text, (f"  [{problem.code}]", DIM), indent=2))
    return [Text(), Text("What to do next", style="bold"), *steps] if steps else []


def to_tell(overview: Overview) -> Iterable[tuple[str, Problem, str, bool]]:
    """Give every problem once: the schools that have it, what it is, its days, and whether it is more than to check."""
    groups: dict[tuple[Problem, str, bool], list[School]] = {}
    for school in sorted(overview.schools, key=order):
        told = [(problem, days, True) for problem, days in school.told()]
        told += [(problem, "", False) for problem in (school.to_check if school.consent else ())]
        for each in told:
            groups.setdefault(each, []).append(school.school)
    for problem in overview.to_check:
        yield "The last send", problem, "", False
    for (problem, days, is_bad), (first, *others) in groups.items():
        more = f" and {plural(len(others), 'more school')}" if others else ""
        yield f"{first}{more}", problem, days, is_bad


def _consent_line(school: SchoolView, signs: Signs) -> RenderableType:
    if school.consent:
        return prose((f"{signs.good} Consent given", GOOD), f" by {by(school.consent.row)}")
    text = school.no_consent.text if school.no_consent else ""
    if school.consent_needed_again:
        return prose((f"{signs.check} {text}", CHECK), indent=2)
    return prose(f"{signs.without} {text}", indent=2)


def _state_line(school: SchoolView, overview: Overview, signs: Signs) -> Text:
    line = Text()
    if school.failed:
        line.append(f"{signs.bad} {plural(len(school.told()), 'problem')}   ", style=BAD)
    elif school.consent and (number := len(school.to_check) + len(overview.to_check)):
        line.append(f"{signs.check} {plural(number, 'thing')} to check   ", style=CHECK)
    elif school.consent and school.sent_at:
        line.append(f"{signs.good} Up to date   ", style=GOOD)
    return line + _last_and_next(overview)


def _last_and_next(overview: Overview) -> Text:
    run, parts = overview.last_run, []
    if run and overview.under_way:
        parts.append(f"A send is under way, since {when(run.started_at, overview.now)}.")
    elif run:
        took = f", took {max(1, round((run.ended_at - run.started_at).total_seconds()))} s" if run.ended_at else ""
        parts.append(f"Last send {when(run.started_at, overview.now)}{took or ', did not finish'}.")
    else:
        parts.append("Nothing has been sent yet.")
    if overview.next_send:
        parts.append(f"Next send {when(overview.next_send, overview.now)}.")
    return Text("  ".join(parts))


class _Legend:
    """What the signs mean; on a narrow screen on two lines, and no meaning is broken in two."""

    def __init__(self, signs: Signs) -> None:
        self._parts: Sequence[Text] = (
            Text.assemble((f"{signs.good} received", GOOD), " by DfE"),
            Text(f"{signs.bad} not received, or with faults", style=BAD),
            Text(f"{signs.due} not due yet", style=DUE),
            Text(f"{signs.none} no register taken", style=DIM),
            Text(f"{signs.closed} school closed", style=DIM),
        )

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        lines = [Text("   ").join(self._parts)]
        if lines[0].cell_len > options.max_width:
            lines = [Text("   ").join(self._parts[:3]), Text("   ").join(self._parts[3:])]
        yield from lines
