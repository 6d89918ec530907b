"""The lines of `attsync send`: one per school, and a summary."""

from collections import Counter
from collections.abc import Collection
from datetime import date
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from attsync import messages
from attsync.model import DayStatus, State
from attsync.plural import plural
from attsync.run.report import Report, SchoolResult
from attsync.show.symbols import BAD, CHECK, DIM, GOOD, Signs, took
from attsync.show.table import Sheet, paragraph, prose
from attsync.window import Window

_MOST_PROBLEMS: Final = 5
"""How many are written out at the end; `attsync status` has them all."""

_WORDS_COLUMNS: Final = 48
"""Columns that the words of a line get; a school's name is shortened for them."""

_TOOK_COLUMNS: Final = 6

_DONE: Final = {"failed": "nothing read", "skipped": "nothing sent"}

_WORDS: Final = {State.REFUSED: "refused", State.REJECTED: "rejected", State.FAULTY: "faulty"}
"""The days to act on, in the order of the summary; anything else was not received."""
_NOT_RECEIVED: Final = "not received"


def send_heading(window: Window, days: str, schools: int, *, dry_run: bool) -> RenderableType:
    """Return what is about to be done; `days` is such as "8 working days". No schools: the database lists them."""
    what = "Dry run, nothing is sent:" if dry_run else "Sending"
    whose = plural(schools, "school") if schools else "the schools that the database lists"
    return prose(f"{what} {span(window.first, window.last)} ({days}) for {whose}")


def span(first: date, last: date) -> str:
    """Return two dates as "Mon 16 to Mon 23 November 2026", with no more of the first than differs."""
    if first == last:
        return f"{last:%a %-d %B %Y}"
    start = "%a %-d %B %Y" if first.year != last.year else "%a %-d %B" if first.month != last.month else "%a %-d"
    return f"{first:{start}} to {last:%a %-d %B %Y}"


def send_line(result: SchoolResult, signs: Signs, *, name_width: int, dry_run: bool) -> RenderableType:
    """Return one line with the result of a school, and how long that took."""
    sign, words, style = _result(result, signs, dry_run=dry_run)
    is_skipped = result.outcome == "skipped"
    seconds = "" if is_skipped or dry_run else took(result.seconds)
    widths = (len(signs.bad), name_width, 0 if dry_run else _TOOK_COLUMNS)
    sheet = Sheet(signs, ("", "", ">", ""), widths=widths, names=1, wanted=_WORDS_COLUMNS)
    name = Text(result.school.name, DIM if is_skipped else "")
    sheet.add(Text(sign, style or GOOD), name, Text(seconds, DIM), Text(words, style))
    return sheet


def _result(result: SchoolResult, signs: Signs, *, dry_run: bool) -> tuple[str, str, str]:
    """Return a sign, some words, and their style."""
    if result.outcome == "skipped":
        changed = result.problem is not None and result.problem.code == "CONSENT-CHANGED"
        return signs.without, f"{'consent needed again' if changed else 'no consent'}: not read, not sent", DIM
    if result.problems:
        return signs.bad, _what_is_wrong(result), BAD
    words = f"{plural(result.received, 'session')} {'would be sent' if dry_run else 'received'}"
    if result.changed:
        words += f", {result.changed} of them changed since the last send"
    if not result.received:
        words = "no marks on these days: nothing to send"
    if result.to_check:
        words += f"; {len(result.to_check)} to check"
    return signs.good, words, ""


def send_summary(report: Report, signs: Signs, named: Collection[int], *, dry_run: bool) -> RenderableType:
    """Return how a run ended and what comes next.

    `named` are schools that were asked for: without consent, they are a problem.
    """
    told = messages.by_cause((result.school, each) for result, each in report.told(named))
    if report.problem:
        told.insert(0, ([], messages.Told(report.problem, ())))
    odd = [(result.school, messages.Told(problem, ())) for result in report.schools for problem in result.to_check]
    to_check = [*(([], messages.Told(problem, ())) for problem in report.to_check), *messages.by_cause(odd)]
    is_well = not (told or to_check)
    tail = f" {_totals(report, dry_run=dry_run)}."
    tail += f" Recorded as run {report.number}." if report.number else " Nothing was sent."
    start = (f"Finished with {plural(len(told), 'problem')}.", BAD) if told else ("Finished.", "bold")
    lines: list[RenderableType] = [prose(start, tail)] if is_well else [Text(), prose(start, tail), Text()]
    lines += [paragraph(signs.bad, BAD, *each) for each in told[:_MOST_PROBLEMS]]
    if (left := len(told) - _MOST_PROBLEMS) > 0:
        lines.append(prose(f"  and {plural(left, 'more problem')}."))
    lines += [paragraph(signs.check, CHECK, *each) for each in to_check[:_MOST_PROBLEMS]]
    lines += [] if is_well else [Text()]
    lines.append(prose("Next: ", _next(report, is_well=not told if dry_run else is_well, dry_run=dry_run)))
    return Group(*lines)


def _next(report: Report, *, is_well: bool, dry_run: bool) -> messages.Command:
    asked = [each.school for each in report.schools if not each.problem or each.problem.case != "removed"]
    if all(result.outcome == "skipped" for result in report.schools) and (asked or not report.schools):
        which = ("--school", str(asked[0].urn)) if len(asked) == 1 else ("--all",)
        return messages.attsync("consent", "grant", *which)
    if dry_run:
        return messages.attsync("send" if is_well else "check")
    return messages.attsync("status", *([] if is_well else ["--problems"]))


def _what_is_wrong(result: SchoolResult) -> str:
    """Return a result in a few words: 2 of 15 sessions refused: unknown mark code "ZZ" (Tue 17 Nov)."""
    (problem, days), *others = result.told()
    tail = f", and {plural(len(others), 'other problem')}" if others else ""
    if not days:
        done = _DONE.get(result.outcome) or plural(result.received, "session")
        return f"{done}: {messages.brief(problem)}{tail}"
    alike = [day for day in result.days if day.date in days]
    bad, every = sum(len(day.bad_sessions) for day in alike), sum(len({*d.marks, *d.bad_sessions}) for d in result.days)
    when = f"{days[0]:%a %-d %b}" + (f" and {plural(len(days) - 1, 'more day')}" if days[1:] else "")
    return f"{bad} of {plural(every, 'session')} {_word(alike[0])}: {messages.brief(problem)} ({when}){tail}"


def _totals(report: Report, *, dry_run: bool) -> str:
    results = [result for result in report.schools if result.outcome != "skipped"]
    received = sum(result.received for result in results)
    parts = [f"{plural(received, 'session')} {'would be sent' if dry_run else 'received'}"]
    days = [day for result in results for day in result.days if day.problem]
    bad = Counter(_word(day) for day in days for _ in day.bad_sessions)
    parts += [f"{bad[word]:,} {word}" for word in (*_WORDS.values(), _NOT_RECEIVED) if bad[word]]
    if skipped := len(report.schools) - len(results):
        parts.append(f"{plural(skipped, 'school')} without consent")
    return ", ".join(parts)


def _word(day: DayStatus) -> str:
    if day.problem and day.problem.code == "DFE-CLOSED":  # one message was answered, the others were not sent
        return _NOT_RECEIVED
    return _WORDS.get(day.state or State.REFUSED, _NOT_RECEIVED)
