"""The view of `attsync status`: one school with a row per day, or a row per school."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import groupby
from typing import Final
from urllib.parse import urlsplit

from rich.text import Text

from attsync import messages
from attsync.log import Run
from attsync.model import DayStatus, Session, Sign
from attsync.plural import plural
from attsync.problems import Problem, entry_of
from attsync.show.symbols import BAD, CHECK, DIM, DUE, GOOD, Signs, by, number_of, share, strip_of, took, when
from attsync.show.table import Prose, Section, Sheet, View, paragraph, prose, side_by_side
from attsync.status.day import SIGN_WORDS
from attsync.status.overview import Overview, SchoolStatus, Standing
from attsync.window import Window

_WIDE: Final = 120
"""Columns from which a trust's table shows everything."""
_ROOMY: Final = 96
"""Columns from which a trust's table has wide gaps, and that of one school its attendance."""
_MOST_NAMED: Final = 3
"""Schools that are named in one command."""
_ATTENDANCE: Final = "Attendance is shown to help spot mistakes. It is not an official figure."
_SIGNAL: Final = 128
"""Exit codes above this are those of signals."""


def status(overview: Overview, signs: Signs, *, heading: str | None = None) -> View:
    """Return the view of one school, or with a row per school for several."""
    if is_one_school(overview):
        (school,) = overview.schools
        said = [prose(consent(school, signs), indent=2)]
        if school.days:
            said.append(side_by_side([*verdict(school, overview, signs), *last_and_next(overview)]))
        table = [days_table(school, overview, signs)] if school.days else []
    else:
        said = [side_by_side(each) for each in ([*counts(overview, signs)], [*last_and_next(overview)]) if each]
        table = [schools_table(overview, signs)] if overview.schools else []
    if moved := receiver(overview):
        said.append(prose((f"{signs.check} {moved}", CHECK), indent=2))
    sections = [Section(said)]
    if table:
        strip = signs if is_one_school(overview) else strip_of(signs)
        sections.append(Section([*table, side_by_side(Text(meaning, DIM) for meaning in legend(strip))]))
    if to_do := [*steps(overview, signs)]:
        sections.append(Section(to_do, "What to do next"))
    return View(*title_of(overview, heading), sections)


# Tables


def days_table(school: SchoolStatus, overview: Overview, signs: Signs) -> Sheet:
    """Return a row per day, newest first."""
    columns = ("Date", "AM", "PM", ">Marks", ">On roll", ">Attendance", "Last sent", "Note")
    sheet = Sheet(signs, columns, less={">Attendance": _ROOMY}, caption=f"Days, newest first. {_ATTENDANCE}")
    is_past = school.consent is None
    for day in school.days:
        style = BAD if day.needs_telling else CHECK if day.no_register else DIM if day.is_closed else ""
        sheet.add(
            f"{day.date:%a} {day.date.day:>2} {day.date:%b}",
            *(signs.of(day, session, is_past=is_past) for session in Session),
            number_of(day.total),
            number_of(day.on_roll),
            share(day.attendance),
            when(day.sent_at, overview.now),
            Text(day.note, style=DIM if is_past else style),
        )
    return sheet


def schools_table(overview: Overview, signs: Signs) -> Sheet:
    """Return a row per school, with two signs per date and a gap between two weeks; those to act on come first."""
    dates = dates_of(overview)
    above = "\n" if dates else ""  # the days of the week
    urn, attendance, last_sent = less = (f"{above}URN", f">{above}Attendance", f"{above}Last sent")
    heads = ["" if day is None else f"{day:%a}\n{day.day}" for day in dates]
    columns = (f"{above}School", urn, *heads, attendance, last_sent, f"{above}Result")
    caption = f"Schools, problems first. Each date has a sign for the morning and one for the afternoon. {_ATTENDANCE}"
    sheet = Sheet(signs, columns, names=0, less=dict.fromkeys(less, _WIDE), roomy=_ROOMY, caption=caption)
    strip, made = strip_of(signs), dict[object, Text]()
    for schools in ranked(overview):
        if sheet.rows:
            sheet.space()
        for school in schools:
            days: dict[date | None, DayStatus] = {day.date: day for day in school.days}
            sheet.add(
                school.school.name,
                Text(str(school.school.urn), style=DIM),
                *(_two_signs(days.get(day), strip, made, is_past=school.consent is None) for day in dates),
                share(next((day.attendance for day in school.days if day.attendance is not None), None)),
                when(school.sent_at, overview.now) or "never",
                result(school, signs),
            )
    return sheet


def _two_signs(day: DayStatus | None, strip: Signs, made: dict[object, Text], *, is_past: bool) -> Text:
    """Return the signs of a day; `made`: what was returned before, as most of thousands of days are the same."""
    key = day and (*day.signs.values(), day.is_closed, is_past)
    if key not in made:
        made[key] = Text().join(strip.of(day, session, is_past=is_past) for session in Session if day)
    return made[key]


def dates_of(overview: Overview) -> list[date | None]:
    """Return every date of which a school has something to show, oldest first; None: between two weeks."""
    days = sorted({day.date for school in overview.schools for day in school.days})
    weeks = [[None, *week] for _, week in groupby(days, key=lambda day: day.isocalendar()[:2])]
    return [day for week in weeks for day in week][1:]


def ranked(overview: Overview) -> list[list[SchoolStatus]]:
    """Return the schools in two groups: those to act on, worst first, and the others by name."""
    return [list(group) for _, group in groupby(_worst_first(overview), key=lambda each: _rank(each) < _WELL)]


def _rank(school: SchoolStatus) -> int:
    return _STANDINGS[school.standing][4]


def _worst_first(overview: Overview) -> list[SchoolStatus]:
    return sorted(overview.schools, key=lambda school: (_rank(school), school.school.name.casefold()))


# Words


def is_one_school(overview: Overview) -> bool:
    """Whether one school was asked for, and has its days to show; otherwise each school is a row."""
    return len(overview.schools) == 1 and not overview.left_out


def title_of(overview: Overview, trust: str | None) -> tuple[str, str]:
    """Return what is shown, and what is smaller beside it: a school with its URN, or a number of schools."""
    every = (*overview.schools, *overview.left_out)
    if len(every) == 1:
        return every[0].school.name, f"URN {every[0].school.urn}"
    return trust or "All schools", plural(len(every), "school") if every else "none known yet"


def consent(school: SchoolStatus, signs: Signs) -> Text:
    """Return who gave consent, or why none is in force."""
    if school.consent:
        return Text.assemble((f"{signs.good} Consent given", GOOD), f" by {by(school.consent.row)}")
    text = str(messages.text(school.no_consent)) if school.no_consent else ""
    sign, style, *_ = _STANDINGS[school.standing]
    return Text(f"{getattr(signs, sign)} {text}", style=style if style == CHECK else "")


def verdict(school: SchoolStatus, overview: Overview, signs: Signs) -> Iterator[Text]:
    """Yield in a few words whether all is well with the one school that is shown; nothing before its first send."""
    to_check = len(school.to_check) + len(overview.to_check)
    if school.standing == "failed":
        number = len(messages.by_cause((school, told) for told in school.told()))
        yield Text(f"{signs.bad} {plural(number, 'problem')}", style=BAD)
    elif school.consent and to_check:
        yield Text(f"{signs.check} {plural(to_check, 'thing')} to check", style=CHECK)
    elif school.standing == "well":
        yield Text(f"{signs.good} Up to date", style=GOOD)


def receiver(overview: Overview) -> str:
    """Return the sentence that nothing was sent to this receiver yet, if something was sent elsewhere before."""
    if overview.receiver_before is None:
        return ""
    now, before = (urlsplit(each).netloc for each in (overview.receiver, overview.receiver_before))
    return f"Nothing has been sent to {now} yet. What was sent before went to {before}."


def last_and_next(overview: Overview) -> Iterator[Text]:
    """Yield when the last send was and how it ended, and when the next is planned, each in a sentence."""
    run, now = overview.last_run, overview.now
    if run is None:
        if not receiver(overview):  # it shows this in full
            yield Text("Nothing has been sent yet.")
    elif overview.under_way:
        yield Text(f"A send is under way (started {when(run.started_at, now)}).")
    else:
        yield Text(f"Last send {when(run.started_at, now)}, {_how_it_ended(run)}.")
    if overview.next_send:
        yield Text(f"Next send {when(overview.next_send, now)}.")
    elif overview.can_send:
        yield Text.assemble("No schedule found. To make one: ", (messages.attsync("crontab").completed, "bold"))


def _how_it_ended(run: Run) -> str:
    if run.ended_at is None:
        return "did not finish"
    if (run.exit_code or 0) > _SIGNAL:
        return "was stopped"
    return f"took {took((run.ended_at - run.started_at).total_seconds())}"


_WELL: Final = 3
_STANDINGS: Final[Mapping[Standing, tuple[str, str, str, str, int]]] = {
    "well": ("good", GOOD, "up to date", "up to date", _WELL),
    "waiting": ("due", DUE, "not sent yet", "nothing sent yet", _WELL),
    "to check": ("check", CHECK, "to check", "", 1),
    "consent again": ("check", CHECK, "to check", "consent needed again: nothing sent", 1),
    "failed": ("bad", BAD, "failed", "", 0),
    "no consent": ("without", DIM, "without consent", "no consent: nothing sent", 2),
    "undecided": ("without", DIM, "without consent", "no consent: nothing sent", 2),
}
"""For each standing: its sign, its style, its words after a number of schools and for one school, and its rank."""


def counts(overview: Overview, signs: Signs) -> Iterator[Text]:
    """Return how many schools are up to date, to check, failed and so on."""
    numbers = Counter(_STANDINGS[school.standing][:3] for school in (*overview.schools, *overview.left_out))
    for sign, style, words in dict.fromkeys(each[:3] for each in _STANDINGS.values()):
        if number := numbers[sign, style, words]:
            yield Text(f"{getattr(signs, sign)} {number} {words}", style=style)


def result(school: SchoolStatus, signs: Signs) -> Text:
    """Return in a few words whether all is well with a school."""
    sign, style, _, words, _ = _STANDINGS[school.standing]
    if school.standing == "failed":
        words = _failure(school)
    elif school.standing == "to check":
        words = _to_check(school)
    return Text(f"{getattr(signs, sign)} {words}", style=style)


def _failure(school: SchoolStatus) -> str:
    bad = [day for day in school.days if day.failed]
    if not bad:
        waits = any(day.not_again for day in school.days)
        return f"{'not sent again: ' if waits else ''}{messages.brief(school.told()[0].problem)}"
    number = sum(len(day.bad_sessions) for day in bad)
    names_its_session = len(bad[0].bad_sessions) == 1 and bad[0].marks
    return bad[0].note if number == 1 or names_its_session else f"{number} {bad[0].note}"


def _to_check(school: SchoolStatus) -> str:
    """Return what is to check, such as "no register: Tue PM"."""
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


def legend(signs: Signs) -> list[str]:
    """Return what each sign means."""
    return [
        f"{signs.good} {SIGN_WORDS[Sign.RECEIVED]} by DfE",
        f"{signs.bad} not received, or with faults",
        f"{signs.due} {SIGN_WORDS[Sign.NOT_DUE]}",
        f"{signs.none} {SIGN_WORDS[Sign.NO_REGISTER]}",
        f"{signs.closed} closed",
    ]


# What to do next


def steps(overview: Overview, signs: Signs) -> Iterator[Prose]:
    """Return what to do next, a paragraph per cause: about consent, about failures, about what is to check."""
    several = len(overview.schools) + len(overview.left_out) > 1
    schools = _worst_first(overview)
    if not (overview.schools or overview.left_out):  # a database lists them, and none has decided
        yield paragraph(signs.without, "", [], messages.Told(Problem("CONSENT-NONE", "nobody"), ()))
    yield from _about_consent(schools, signs, several=several)
    failures = [(each.school, told) for each in schools for told in [*each.told(), *_left(each, overview)]]
    odd = [(each.school, messages.Told(problem, ())) for each in schools if each.consent for problem in each.to_check]
    for hit, told in messages.by_cause(failures):
        yield paragraph(signs.bad, BAD, hit if several else [], told, too_late(told, overview.sends))
    for problem in overview.to_check:
        last = f"{signs.check} The last send " if several else signs.check
        yield paragraph(last, CHECK, [], messages.Told(problem, ()))
    for hit, told in messages.by_cause(odd):
        yield paragraph(signs.check, CHECK, hit if several else [], told)
    if command := send_now(overview):
        yield prose("To send now: ", command)


def _about_consent(schools: list[SchoolStatus], signs: Signs, *, several: bool) -> Iterator[Prose]:
    is_new = not any(school.consent for school in schools)
    missing = [(school, messages.Told(school.no_consent, ())) for school in schools if school.no_consent]
    missing = [(school, told) for school, told in missing if school.standing != "no consent"]  # removed: a decision
    for hit, told in messages.by_cause(missing):
        sign, style = (signs.check, CHECK) if hit[0].standing == "consent again" else (signs.without, "")
        if len(hit) > 1:
            if all(school.standing == "undecided" for school in schools):
                told = messages.Told(Problem("CONSENT-NONE", "nobody"), ())  # noqa: PLW2901
            for_all = messages.Text(("To give consent: ", messages.attsync("consent", "grant", "--all")))
            then = None if hit[0].standing == "undecided" and not is_new else for_all
            yield paragraph(sign, style, [each.school for each in hit], told, then)
        elif several:
            yield paragraph(sign, style, [hit[0].school], told)
        else:  # the reason is shown above
            yield prose((f"{sign} ", style), messages.next_step(told.problem), indent=2)
    if not several and any(school.standing == "waiting" for school in schools):
        said = f"{signs.due} Nothing has been sent for this school yet. To send now: "
        yield prose(said, messages.attsync("send"), indent=2)


def _left(school: SchoolStatus, overview: Overview) -> list[messages.Told]:
    """Return the days that left the window without being received, if problems were asked for."""
    days = school.left if overview.has_problems_only else ()
    return [
        messages.Told(Problem("DAY-LEFT", days=days, number=len(days), first=day, urn=school.school.urn), ())
        for day in days[:1]
    ]


def send_now(overview: Overview) -> messages.Command | None:
    """Return the command that sends again, if there is something to correct that it can send."""
    schools = [
        school.school.urn
        for school in overview.schools
        if overview.can_send and any(is_worth_sending(told, overview.sends) for told in school.told())
    ]
    only = schools if len(schools) <= _MOST_NAMED else []
    return messages.attsync("send", *(word for urn in only for word in ("--school", str(urn)))) if schools else None


def is_worth_sending(told: messages.Told, window: Window | None) -> bool:
    """Whether this was missed, or can be corrected, and can be sent at once; `window` is that of a send now."""
    entry = entry_of(told.problem)
    is_correctable = (entry["acts"], entry["exit"]) == ("data manager", 1) or told.problem.code == "SEND-MISSED"
    return is_correctable and window is not None and any(day in window for day in told.days)


def too_late(told: messages.Told, window: Window | None) -> messages.Text | None:
    """Return what replaces the next step if none of these days is in the window of a send any more."""
    if window is None or not told.days or any(day in window for day in told.days):
        return None
    these = "This day has" if len(told.days) == 1 else "These days have"
    return messages.Text(
        (f"{these} left the window, so attsync no longer sends {'it' if len(told.days) == 1 else 'them'}.",)
    )
