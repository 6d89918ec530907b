"""The view of `attsync status --date`: one day in four parts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import NamedTuple

from rich.text import Text

from attsync import messages
from attsync.codes import year_groups
from attsync.log import Submission
from attsync.model import Cells, DayStatus, Session, State
from attsync.plural import plural
from attsync.show.preview import codes_at_zero, counts_table
from attsync.show.status import send_now, title_of, too_late
from attsync.show.symbols import BAD, CHECK, DIM, GOOD, Signs, took, when, word_of
from attsync.show.table import Prose, Section, Sheet, View, paragraph, prose, side_by_side
from attsync.status.overview import Overview, SchoolStatus
from attsync.wire import Parsed


class Detail(NamedTuple):
    """Every request for one day of one school."""

    history: Sequence[Submission]
    """Every submission of the day, oldest first."""
    sent: Parsed | None
    """The message that is shown."""
    changes: Sequence[str] = ()
    """How it differs from the one before."""


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


def status_day(overview: Overview, detail: Detail, signs: Signs) -> View:
    """Return what went wrong, what was sent, what to do next, and every try, on the one day of one school."""
    (school,) = overview.schools
    (day,) = school.days
    return View(
        f"{school.school.name}, {day.date:%A %-d %B %Y}",
        f"URN {school.school.urn}",
        [
            Section([side_by_side(_sign(day, session, signs, school) for session in Session)]),
            Section([_what_went_wrong(school, day, overview.now)], "What went wrong"),
            *_what_was_sent(day, detail, signs, overview.now),
            Section(_what_to_do(overview, school, day, signs), "What to do next"),
            Section(_tries(detail.history, signs, overview.now), "Tries"),
        ],
    )


def nothing_on(day: date, overview: Overview, trust: str | None) -> View:
    """Return that there is nothing to show of a day."""
    said = prose(f"{day:%A %-d %B %Y}: nothing was sent, and nothing was due.")
    return View(*title_of(overview, trust), [Section([said])])


def _sign(day: DayStatus, session: Session, signs: Signs, school: SchoolStatus) -> Text:
    sign = replace(signs, has_words=False).of(day, session, is_past=school.consent is None)
    return Text.assemble(f"{session} ", sign, f" {word_of(day, session)}")


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


def _what_was_sent(day: DayStatus, detail: Detail, signs: Signs, now: datetime) -> Iterator[Section]:
    heading, sent = "What was sent", detail.sent
    if not day.sent_at:
        yield Section([prose("Nothing.")], heading)
        return
    if sent is None:
        yield Section([prose("The message is damaged in the log and cannot be shown.")], heading)
        return
    groups = len({cell.year_group for cell in sent.cells})
    has_arrived = any(submission.state.is_received for submission in detail.history)
    last = f"last sent {when(day.sent_at, now)}"
    if day.state and not has_arrived:
        last = f"last tried {when(day.sent_at, now)}: {_STATES[day.state]}"
    counts = f"{plural(day.total or 0, 'mark')} in {plural(groups, 'year group')}, {plural(day.on_roll or 0, 'pupil')}"
    said = prose(f"{counts} on roll; {last}. Counts only: no names, no pupil numbers.")
    small = prose(("Small counts could identify a child: keep them within the school.", DIM))
    yield Section([said, small], heading)
    if detail.changes:
        changes = [prose(f"  {change}", indent=2) for change in detail.changes]
        yield Section(changes, "Changed since the send before", level=3)
    for session in Session:
        if any(cell.session is session for cell in sent.cells):
            zeros = ", ".join(codes_at_zero(sent.cells, session))
            also = [prose(f"Also sent, as 0 in every year group: {zeros}.")] if zeros else []
            yield Section([counts_table(signs, sent.cells, session, sent.roll), *also], session, level=3)


def _what_to_do(overview: Overview, school: SchoolStatus, day: DayStatus, signs: Signs) -> list[Prose]:
    """Return what to do about this day, and about what keeps the whole school from being sent."""
    if school.no_consent:
        is_decided = school.standing == "no consent"
        then = messages.Text(()) if is_decided else messages.next_step(school.no_consent)
        return [prose(messages.text(school.no_consent) + then)]
    said: list[Prose] = []
    if day.problem and day.needs_telling:
        told = messages.Told(day.problem, (day.date,))
        said.append(prose(too_late(told, overview.sends) or messages.next_step(day.problem)))
    if command := send_now(overview):
        said.append(prose("To send now: ", command))
    said += [paragraph(signs.bad, BAD, [], told) for told in school.told() if not told.days]
    said += [paragraph(signs.check, CHECK, [], messages.Told(problem, ())) for problem in school.to_check]
    return said or [prose("Nothing.")]


def _tries(history: Sequence[Submission], signs: Signs, now: datetime) -> list[Prose | Sheet]:
    """Return a row per request, and below the table what the DfE calls each message that it has received."""
    sheet = Sheet(signs, (">Try", "Time", "Answer", ">Took", "Result"), caption="Every request, oldest first")
    references: list[Prose] = []
    number = 0
    for each in history:
        outcome = Text(_STATES[each.state], style=GOOD if each.state is State.ACCEPTED else BAD)
        if not each.tries:
            sheet.add("", when(each.recorded_at, now, seconds=True), "", "", outcome)
        for one in each.tries:
            number += 1
            result = outcome if one is each.tries[-1] else Text("tried again", style=DIM)
            sheet.add(str(number), when(one.at, now, seconds=True), one.answer, took(one.seconds), result)
        if each.reference:
            references.append(prose(f"The DfE's reference for try {number}: {each.reference}"))
    return [sheet, *references] if history else [prose("None.")]
