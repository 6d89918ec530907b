"""What `attsync check` says of the DfE and of consent: sign-in, certificate, clock, look-ups, where consent stands.

Knows the DfE's look-ups (DOMAIN.md 2); refuses to send counts.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from math import inf
from typing import Final

from attsync.checks.finding import Finding, told
from attsync.checks.probe import Met, Probe
from attsync.codes import codes_on, year_groups
from attsync.consent import active_consent, explain_missing
from attsync.deadline import Deadline
from attsync.dfe import Credentials
from attsync.locks import is_running
from attsync.log import Log
from attsync.model import School
from attsync.plural import plural
from attsync.problems import Problem, SettingsError
from attsync.settings import Location, Origins, Settings
from attsync.window import LONDON

_SIGN_IN: Final = "DfE sign-in"
_SERVICE: Final = "DfE service"
_TOLD_OF: Final = {"SIGNIN-REFUSED": _SIGN_IN, "CLOCK": "Clock"}
"""Code of a problem at the sign-in -> what its line is about, if not the service."""
_ENDS_SOON: Final = timedelta(days=30)
_CLOCKS_DIFFER: Final = timedelta(minutes=1)


def service_findings(
    settings: Settings, origins: Origins, schools: Mapping[School, Location | None], log: Log | None, now: datetime
) -> Iterator[Finding]:
    """Sign in, look at certificate and clock, ask for the lists and for the URN of each school.

    `schools` come with the place of their URN in the settings, if it has one. A service that answers again is no
    longer closed.
    """
    try:
        credentials = Credentials.load(settings.dfe)
    except SettingsError as error:  # told in full among the file rights
        text = "not tried, because a file that it needs cannot be used."
        yield Finding("bad", _SIGN_IN, text, "Put that file right, then: attsync check", error.problem.code)
        return
    with Deadline(settings.dfe.run_minutes * 60) as deadline, Probe(settings.dfe, credentials, deadline) as dfe:
        lasts = dfe.sign_in()
        if isinstance(lasts, Problem):
            yield told(_TOLD_OF.get(lasts.code, _SERVICE), lasts)
            known: frozenset[str] | Problem = lasts
        else:
            minutes = f", token valid for {lasts / 60:.0f} minutes" if lasts < inf else ""
            yield Finding("good", _SIGN_IN, f"signed in as {settings.dfe.client_id}{minutes}")
            known = dfe.codes()
        way = _way(settings, origins)
        clock = [_clock_words(dfe.clock_differs)] if dfe.clock_differs is not None else []
        for met in dfe.met():
            yield _connection(met, way, now, clock)
            clock = []  # that of the first: the sign-in's
        if dfe.clock_differs and not (isinstance(lasts, Problem) and lasts.code == "CLOCK"):
            yield from _clock(dfe.clock_differs)
        if isinstance(known, Problem):
            if known is not lasts:
                yield told(_SERVICE, known)
            return
        codes = codes_on(now.astimezone(LONDON).date())
        yield _listed(known, codes, "attendance codes of today")
        yield _listed(dfe.year_groups(), year_groups(), "year groups")
        for school, place in schools.items():
            yield _urn(school, place, dfe.name_of(school.urn))
    if log and log.closed_since(settings.dfe.origin):
        log.reopen_service(settings.dfe.origin)
        yield Finding("good", _SERVICE, "it was closed and answers again: the next send will send")


def consent_findings(settings: Settings, schools: Iterable[School], log: Log | None) -> Iterator[Finding]:
    """Say where consent stands, and when something was last sent."""
    if log is None:
        yield Finding(
            "check",
            "Consent",
            "no school has given consent: nothing is sent",
            "To give it: attsync consent grant --all",
        )
        return
    for school in schools:
        row = log.latest_consent(school.urn)
        if active_consent(row, settings.dfe.origin):
            yield Finding("good", "Consent", f"{school} has given consent")
        else:
            problem = explain_missing(school, row, settings.dfe.origin)
            yield Finding("check", "Consent", f"{school}: {problem.text}", problem.next, problem.code)
    yield _last_send(log, is_alive=is_running(settings.log.path))


def _last_send(log: Log, *, is_alive: bool) -> Finding:
    run = log.last_run()
    if run is None:
        return Finding("good", "Last send", "none yet")
    when = f"{run.started_at.astimezone(LONDON):%a %-d %b %H:%M}"
    if run.exit_code is None and is_alive:
        return Finding("good", "Last send", f"{when}, under way")
    if run.exit_code is None:
        text = f"{when}, cut off before it ended"
        return Finding(
            "check", "Last send", text, "Nothing to do once: the next send covers it. If it happens again, ask IT."
        )
    if run.exit_code:
        return Finding(
            "check",
            "Last send",
            f"{when}, exit code {run.exit_code}",
            "To see what was wrong: attsync status --problems",
        )
    return Finding("good", "Last send", f"{when}, exit code 0")


def _way(settings: Settings, origins: Origins) -> str:
    if settings.dfe.proxy is None:
        return "directly"
    origin = origins.of(("dfe", "proxy"))
    return f"through the proxy of the {'settings file' if origin.kind == 'file' else origin}"


def _connection(met: Met, way: str, now: datetime, clock: list[str]) -> Finding:
    left = met.certificate_ends - now
    until = f"{met.certificate_ends.astimezone(LONDON):%-d %B %Y}"
    if left < _ENDS_SOON:
        ends = f"certificate trusted, but it ends in {plural(left.days, 'day')}, on {until}"
        return Finding(
            "check",
            _SERVICE,
            "; ".join([f"{met.host} answers {way}", ends, *clock]) + ".",
            "Whoever runs that server has to renew it, or sends will stop. Ask IT to look again a week before.",
        )
    parts = [f"{met.host} answers {way}", f"certificate trusted, valid until {until}", *clock]
    return Finding("good", _SERVICE, "; ".join(parts))


def _clock_words(ahead: timedelta) -> str:
    seconds = round(abs(ahead.total_seconds()))
    return f"clock differs by {seconds:,} s" if seconds else "clock differs by less than a second"


def _clock(ahead: timedelta) -> Iterator[Finding]:
    if abs(ahead) > _CLOCKS_DIFFER:
        seconds = abs(ahead.total_seconds())
        way = "behind" if ahead > timedelta() else "ahead of"
        yield Finding(
            "check",
            "Clock",
            f"This computer's clock is {seconds:,.0f} s {way} the DfE's: sends begin at the wrong moment.",
            "Ask IT to let a time service set the clock, such as: timedatectl set-ntp true",
        )


def _listed(found: frozenset[str] | Problem, ours: Collection[str], what: str) -> Finding:
    """Compare a list of the DfE's with what may be sent."""
    if isinstance(found, Problem):
        return told(_SERVICE, found)
    missing = [value for value in ours if value not in found]
    if not missing:
        return Finding("good", _SERVICE, f"its list has all {len(ours)} {what}")
    shown = ", ".join(missing[:12]) + (", ..." if len(missing) > 12 else "")  # noqa: PLR2004  a line's worth
    return Finding(
        "check",
        _SERVICE,
        f"its list lacks {len(missing)} of our {len(ours)} {what}: {shown}",
        "Days with such a mark will come back with faults. Ask IT to ask the DfE which values to use.",
    )


def _urn(school: School, place: Location | None, name: str | Problem | None) -> Finding:
    if isinstance(name, Problem):
        return told(_SERVICE, name)
    if name is None:
        return Finding(
            "bad",
            _SERVICE,
            f"the DfE does not know the URN of {school}",
            "Check the URN in the settings file: an academy conversion or a merger brings a new one.",
            "DFE-REJECTED",
            place,
        )
    if name and not _words(name) & _words(school.name):
        return Finding(
            "check",
            _SERVICE,
            f'the DfE calls {school.urn} "{name}", the settings call it "{school.name}"',
            "Check the URN: with that of another school, counts would be sent in its name.",
            setting=place,
        )
    return Finding("good", _SERVICE, f"{school.urn} is {name or 'known'}")


_COMMON: Final = frozenset(
    {"the", "of", "and", "school", "primary", "junior", "infant", "infants", "secondary", "high", "academy", "college"}
)


def _words(name: str) -> set[str]:
    """Take the words by which a school's name is told from others; of a name that has none, all."""
    words = set(re.findall(r"\w+", name.casefold()))
    return words - _COMMON or words
