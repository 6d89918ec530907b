"""The words of `attsync status`, for its screen and for its page: of the schools, their days, and the last send.

Knows what is worth telling first. Refuses to know where a line ends, and HTML.
"""

from collections.abc import Iterable
from datetime import date, datetime
from itertools import groupby
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from rich.text import Text

from attsync import messages
from attsync.log import Run
from attsync.model import DayStatus, School, Session, Sign
from attsync.plural import plural
from attsync.problems import Problem
from attsync.show.symbols import BAD, CHECK, DIM, DUE, GOOD, Signs, by, number_of, share, when
from attsync.status.day import SIGN_WORDS
from attsync.status.overview import Overview, SchoolStatus

WORDS: Final = SIGN_WORDS
"""What a sign is called, for someone who cannot see it."""


def is_one_school(overview: Overview) -> bool:
    """Tell whether one school was asked for, and has its days to show; else each school is a row."""
    return len(overview.schools) == 1 and not overview.left_out


def heading(overview: Overview, trust: str | None) -> tuple[str, str]:
    """Name what is shown, and what stands smaller beside it: a school with its URN, or so many schools."""
    every = _every(overview)
    if len(every) == 1:
        return every[0].school.name, f"URN {every[0].school.urn}"
    return trust or "All schools", plural(len(every), "school")


def consent(school: SchoolStatus, signs: Signs) -> Text:
    """Say who gave consent, or why none stands."""
    if school.consent:
        return Text.assemble((f"{signs.good} Consent given", GOOD), f" by {by(school.consent.row)}")
    text = str(messages.text(school.no_consent)) if school.no_consent else ""
    if school.consent_needed_again:
        return Text(f"{signs.check} {text}", style=CHECK)
    return Text(f"{signs.without} {text}")


def verdict(school: SchoolStatus, overview: Overview, signs: Signs) -> Text:
    """Say in a few words how it stands with the one school that is shown; nothing while nothing was ever sent."""
    if school.failed:
        return Text(f"{signs.bad} {plural(len(school.told()), 'problem')}", style=BAD)
    if school.consent and (number := len(school.to_check) + len(overview.to_check)):
        return Text(f"{signs.check} {plural(number, 'thing')} to check", style=CHECK)
    if school.consent and school.sent_at:
        return Text(f"{signs.good} Up to date", style=GOOD)
    return Text()


def receiver(overview: Overview) -> str:
    """Return the sentence that nothing was sent to this receiver yet, if something was sent elsewhere before."""
    if overview.receiver_before is None:
        return ""
    now, before = (urlsplit(each).netloc for each in (overview.receiver, overview.receiver_before))
    return f"Nothing has been sent to {now} yet. What was sent before went to {before}."


def last_and_next(overview: Overview, now: datetime) -> list[str]:
    """Say when the last send was and how it went, and when the next is planned, each in a sentence."""
    run, said = overview.last_run, []
    if run and overview.under_way:
        said.append(f"A send is under way, since {when(run.started_at, now)}.")
    elif run:
        said.append(f"Last send {when(run.started_at, now)}, {_how_it_ended(run)}.")
    else:
        said.append("Nothing has been sent yet.")
    if overview.next_send:
        said.append(f"Next send {when(overview.next_send, now)}.")
    return said


def _how_it_ended(run: Run) -> str:
    if run.ended_at is None:
        return "did not finish"
    if (run.exit_code or 0) > _SIGNAL:
        return "was stopped"
    return f"took {max(1, round((run.ended_at - run.started_at).total_seconds()))} s"


_SIGNAL: Final = 128
"""Exit codes above it are those of signals."""


def counts(overview: Overview, signs: Signs) -> Iterable[Text]:
    """Count the schools by how it stands with them."""
    schools = _every(overview)
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
            yield Text(f"{sign} {number} {words}", style=style)


class DayRow(NamedTuple):
    """What is said of a day beside its date and its signs."""

    marks: str
    on_roll: str
    attendance: str
    sent_at: str
    note: Text


def day_row(day: DayStatus, now: datetime) -> DayRow:
    """Say in a row what is known of a day."""
    style = BAD if day.needs_telling else CHECK if day.no_register else DIM if day.is_closed else ""
    return DayRow(
        number_of(day.total),
        number_of(day.on_roll),
        share(day.attendance),
        when(day.sent_at, now),
        Text(day.note, style=style),
    )


class SchoolRow(NamedTuple):
    """What is said of a school beside its name and the signs of its days."""

    attendance: str
    sent_at: str
    result: Text


def school_row(school: SchoolStatus, signs: Signs, now: datetime) -> SchoolRow:
    """Say in a row how it stands with a school."""
    return SchoolRow(share(school.attendance), when(school.sent_at, now) or "never", result(school, signs))


def ranked(overview: Overview) -> list[list[SchoolStatus]]:
    """Put the schools in groups: problems first, then what is to check, then those without consent, then the rest."""
    return [list(schools) for _, schools in groupby(sorted(overview.schools, key=_order), key=_rank)]


def dates(overview: Overview) -> list[date]:
    """Give every date of which some school has something to show, oldest first."""
    return sorted({day.date for school in overview.schools for day in school.days})


def result(school: SchoolStatus, signs: Signs) -> Text:
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


def legend(signs: Signs) -> list[Text]:
    """Say what each sign means."""
    return [
        Text.assemble((f"{signs.good} {WORDS[Sign.RECEIVED]}", GOOD), " by DfE"),
        Text(f"{signs.bad} not received, or with faults", style=BAD),
        Text(f"{signs.due} {WORDS[Sign.NOT_DUE]}", style=DUE),
        Text(f"{signs.none} {WORDS[Sign.NO_REGISTER]}", style=DIM),
        Text(f"{signs.closed} school closed", style=DIM),
    ]


class Step(NamedTuple):
    """Something to do next, and why."""

    sign: str
    style: str
    who: str
    """The schools that it is about; empty where there is one school alone."""
    why: messages.Text
    """Empty where it was said above."""
    next: messages.Text
    code: str | None = None


def steps(overview: Overview, signs: Signs) -> Iterable[Step]:
    """Say what to do next: about consent, then about every problem once, then about what is to check."""
    several = len(_every(overview)) > 1
    for school in sorted(overview.schools, key=_order):
        if school.no_consent and (not several or school.consent_needed_again):
            sign, style = (signs.check, CHECK) if school.consent_needed_again else (signs.without, "")
            who, why = (str(school.school), messages.text(school.no_consent)) if several else ("", _NOTHING)
            yield Step(sign, style, who, why, messages.next_step(school.no_consent))
        elif school.consent and not school.sent_at and not several and not school.failed:
            why = messages.Text(("Nothing has been sent for this school yet.",))
            yield Step(signs.due, "", "", why, messages.Text(("To send now: ", messages.attsync("send"))))
    for schools, told, is_bad in _to_tell(overview):
        sign, style = (signs.bad, BAD) if is_bad else (signs.check, CHECK)
        text, then = messages.text(told.problem, told.days), messages.next_step(told.problem)
        yield Step(sign, style, schools if several else "", text, then, told.problem.code)


_NOTHING: Final = messages.Text(())


def _to_tell(overview: Overview) -> Iterable[tuple[str, messages.Told, bool]]:
    """Return every problem once: the schools that have it, the problem with its days, and whether it is a failure."""
    groups: dict[tuple[messages.Told, bool], list[School]] = {}
    for school in sorted(overview.schools, key=_order):
        told = [(each, True) for each in school.told()]
        told += [(messages.Told(problem, ()), False) for problem in (school.to_check if school.consent else ())]
        if school.left and overview.has_problems_only:
            left = Problem(
                "DAY-LEFT", days=school.left, number=len(school.left), first=school.left[0], urn=school.school.urn
            )
            told.append((messages.Told(left, ()), True))
        for each in told:
            groups.setdefault(each, []).append(school.school)
    for problem in overview.to_check:
        yield "The last send", messages.Told(problem, ()), False
    for (told_once, is_bad), (first, *others) in groups.items():
        more = f" and {plural(len(others), 'more school')}" if others else ""
        yield f"{first}{more}", told_once, is_bad


def _every(overview: Overview) -> tuple[SchoolStatus, ...]:
    return (*overview.schools, *overview.left_out)


def _order(school: SchoolStatus) -> tuple[int, str]:
    return _rank(school), school.school.name.casefold()


def _rank(school: SchoolStatus) -> int:
    return 0 if school.failed else 1 if school.needs_a_look else 2 if not school.consent else 3


def _oddity(school: SchoolStatus) -> str:
    """Name what is to check: no register: Tue PM."""
    sessions = [
        f"{day.date:%a} {session}"
        for day in school.days
        if day.no_register
        for session in Session
        if day.signs[session] is Sign.NO_REGISTER
    ]
    first = f"no register: {', '.join(sessions)}" if sessions else messages.brief(school.to_check[0])
    others = len(school.to_check) - max(1, len(sessions))
    return f"{first}, and {plural(others, 'more thing')}" if others > 0 else first


def _failure(school: SchoolStatus) -> str:
    bad = [day for day in school.days if day.failed]
    if not bad:
        waits = any(day.not_again for day in school.days)
        return f"{'not sent again: ' if waits else ''}{messages.brief(school.problems[0])}"
    number = sum(len(day.bad_sessions) for day in bad)
    return f"{number} {bad[0].note}" if number > 1 and bad[0].note_session is None else bad[0].note
