"""The screen of `attsync status --date`: one day in four parts, which the saved page shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from rich.console import Group, RenderableType
from rich.text import Text

from attsync import messages
from attsync.codes import year_groups
from attsync.log import Submission
from attsync.model import Cells, DayStatus, Session, State
from attsync.plural import plural
from attsync.show.preview import CellsTable
from attsync.show.status import is_worth_sending, too_late
from attsync.show.symbols import BAD, CHECK, DIM, GOOD, Signs, title, when
from attsync.show.table import Prose, Sheet, paragraph, prose
from attsync.status.overview import SchoolStatus
from attsync.window import Window
from attsync.wire import Parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One day of one school with all that was tried."""

    school: SchoolStatus
    day: DayStatus
    history: Sequence[Submission]
    """Every submission of the day, oldest first."""
    sent: Parsed | None
    """The message that is shown."""
    changes: Sequence[str] = ()
    """How it differs from the one before."""
    sends: Window | None = None
    """The days that a send now would take."""
    can_send: bool = False
    """Whether a send can begin now."""


Content: TypeAlias = Prose | Text | CellsTable | Sheet
"""A paragraph, a heading (an empty one is a blank line), or a table."""

_STATES = {
    State.ACCEPTED: "received",
    State.FAULTY: "received, with faults",
    State.REJECTED: "rejected",
    State.REFUSED: "refused here, not sent",
    State.SENDING: "not settled yet",
    State.UNKNOWN: "not known",
    State.FAILED: "not sent",
    State.SUPERSEDED: "replaced by a newer one",
}


def status_day(detail: Detail, signs: Signs, now: datetime) -> RenderableType:
    """Return one day in its four parts."""
    school, day, is_past = detail.school, detail.day, detail.school.consent is None
    heading = Text.assemble(
        *(part for session in Session for part in (f"{session} ", signs.of(day, session, is_past=is_past), "  ")),
        (f"{day.date:%A %-d %B %Y}   ", "bold"),
        title(school.school),
    )
    parts = day_parts(detail, signs, now)
    return Group(heading, *(line for name, content in parts for line in (Text(), Text(name, style="bold"), *content)))


def day_parts(detail: Detail, signs: Signs, now: datetime) -> list[tuple[str, list[Content]]]:
    """Return what went wrong, what was sent, what to do next, and every try."""
    return [
        ("What went wrong", [_what_went_wrong(detail.school, detail.day, now)]),
        ("What was sent", _what_was_sent(detail, signs, now)),
        ("What to do next", _what_to_do(detail, signs)),
        ("Tries", _tries(detail.history, signs, now)),
    ]


def changed(day: date, before: Cells, after: Cells) -> list[str]:
    """Return how two messages of one day differ: "2 marks changed: N to I, Year 4, Friday AM"."""
    said = []
    for cell in dict.fromkeys((*after, *before)):
        old, new = before.get(cell, {}), after.get(cell, {})
        steps = {code: new.get(code, 0) - old.get(code, 0) for code in dict.fromkeys((*old, *new))}
        fewer = {code: -step for code, step in steps.items() if step < 0}
        more = {code: step for code, step in steps.items() if step > 0}
        where = f"{year_groups()[cell.year_group]}, {day:%A} {cell.session}"
        said += [f"{words}, {where}" for words in _steps(fewer, more)]
    return said


def _steps(fewer: dict[str, int], more: dict[str, int]) -> list[str]:
    if sum(fewer.values()) == sum(more.values()) and 1 in (len(fewer), len(more)):
        pairs = [(f"{old} to {new}", min(fewer[old], more[new])) for old in fewer for new in more]
        return [f"{plural(number, 'mark')} changed: {which}" for which, number in pairs]
    words = [f"{number} fewer {code}" for code, number in fewer.items()]
    words += [f"{number} more {code}" for code, number in more.items()]
    return [", ".join(words)] if words else []


def _what_went_wrong(school: SchoolStatus, day: DayStatus, now: datetime) -> Prose:
    if day.problem and day.needs_telling:
        held = f" The DfE still has the counts of {when(day.sent_at, now)}." if day.still_held else ""
        return prose(messages.text(day.problem), held, (f"  [{day.problem.code}]", DIM))
    if day.is_going:
        return prose("Nothing: this day is being sent now.")
    odd = len(school.to_check) if school.consent else 0
    return prose(f"Nothing. See the {plural(odd, 'thing')} to check below." if odd else "Nothing.")


def _what_was_sent(detail: Detail, signs: Signs, now: datetime) -> list[Content]:
    day, sent = detail.day, detail.sent
    if not day.sent_at:
        return [prose("Nothing.")]
    if sent is None:
        return [prose("The message is damaged in the log and cannot be shown.")]
    groups = len({cell.year_group for cell in sent.cells})
    has_arrived = any(submission.state.is_received for submission in detail.history)
    last = f"last sent {when(day.sent_at, now)}"
    if day.state and not has_arrived:
        last = f"last tried {when(day.sent_at, now)}: {_STATES[day.state]}"
    said: list[Content] = [
        prose(
            f"{plural(day.total or 0, 'mark')} in {plural(groups, 'year group')},"
            f" {plural(day.on_roll or 0, 'pupil')} on roll;"
            f" {last}. Counts only: no names, no pupil numbers."
        )
    ]
    if detail.changes:
        said += [Text(), Text("Changed since the send before")]
        said += [prose(f"  {change}", indent=2) for change in detail.changes]
    for session in Session:
        if any(cell.session is session for cell in sent.cells):
            table = CellsTable(signs, sent.cells, session, sent.roll)
            said += [Text(), Text(f"{session}", style="bold"), table]
            if table.zeros:
                said += [Text(), prose(f"Also sent, as 0 in every year group: {', '.join(table.zeros)}.")]
    said += [Text(), prose(("Small counts could identify a child: keep them within the school.", DIM))]
    return said


def _what_to_do(detail: Detail, signs: Signs) -> list[Content]:
    """Return what to do about this day, and about what keeps the whole school from being sent."""
    school, day = detail.school, detail.day
    if school.no_consent:
        return [prose(messages.text(school.no_consent) + messages.next_step(school.no_consent))]
    said: list[Content] = []
    if day.problem and day.needs_telling:
        told = messages.Told(day.problem, (day.date,))
        said.append(prose(too_late(told, detail.sends) or messages.next_step(day.problem)))
        if detail.can_send and is_worth_sending(told, detail.sends):
            said.append(prose("To send now: ", messages.attsync("send", "--school", str(school.school.urn))))
    said += [paragraph(signs.bad, BAD, [], told) for told in school.told() if not told.days]
    said += [paragraph(signs.check, CHECK, [], messages.Told(problem, ())) for problem in school.to_check]
    return said or [prose("Nothing.")]


def _tries(history: Sequence[Submission], signs: Signs, now: datetime) -> list[Content]:
    """Return a row per request, and below the table what the DfE calls each message that it has received."""
    sheet = Sheet(signs, (">Try", "Time", "Answer", ">Took", "Result"))
    references: list[Content] = []
    number = 0
    for each in history:
        outcome = Text(_STATES[each.state], style=GOOD if each.state is State.ACCEPTED else BAD)
        if not each.tries:
            sheet.add("", when(each.recorded_at, now, seconds=True), "", "", outcome)
        for one in each.tries:
            number += 1
            result = outcome if one is each.tries[-1] else Text("tried again", style=DIM)
            sheet.add(str(number), when(one.at, now, seconds=True), one.answer, f"{one.seconds:.1f} s", result)
        if each.reference:
            references.append(prose(f"The DfE's reference for try {number}: {each.reference}"))
    return [sheet, *([Text()] if references else []), *references] if history else [prose("None.")]
