"""What `attsync check` says of the DfE (sign-in, certificate, clock, look-ups), of messages, of consent."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from math import inf
from typing import Final

from attsync.checks import Finding
from attsync.checks.probe import Probe
from attsync.codes import codes_on, year_groups
from attsync.consent import Terms, active_consent, explain_missing
from attsync.deadline import Deadline
from attsync.dfe import Credentials
from attsync.log import Log
from attsync.messages import attsync, listed
from attsync.model import School
from attsync.notify import Message, deliver, kind_of, read_addresses, services
from attsync.problems import Problem, SettingsError
from attsync.settings import Location, Origins, Settings
from attsync.window import LONDON

_SIGN_IN: Final = "DfE sign-in"
_SERVICE: Final = "DfE service"
_CONSENT: Final = "Consent"
_MESSAGES: Final = "Messages"
_TEST: Final = Message(
    "attsync: a test", ["This is a test. attsync tells you here when a school turns bad or good again."]
)
_UNTESTED: Final = f"to send each a test message: {attsync('check', '--test-message')}"
_TOLD_OF: Final = {"SIGNIN-REFUSED": _SIGN_IN, "CLOCK": "Clock"}
"""Code of a problem at the sign-in -> what its line is about, if not the service."""
_ENDS_SOON: Final = timedelta(days=30)
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_MOST_NAMED: Final = 5
_MADE_UP: Final = "Sandbox School"
"""What the sandbox calls every school: not compared with the name in the settings."""


def service_findings(
    settings: Settings,
    origins: Origins,
    schools: Mapping[School, Location],
    log: Log | None,
    now: datetime,
    deadline: Deadline,
) -> Iterator[Finding]:
    """Sign in, look at certificate and clock, ask for the lists and for the URN of each school.

    `schools` come with the place of their URN in the settings. A service that answers again is no longer closed.
    """
    try:
        credentials = Credentials.load(settings.dfe)
    except SettingsError:  # the line about the files has it in full
        yield Finding("bad", _SIGN_IN, Problem("SECRET-FILE", "not_tried"))
        return
    with Probe(settings.dfe, credentials, deadline) as dfe:
        lasts = dfe.sign_in()
        if isinstance(lasts, Problem):
            yield Finding("bad", _TOLD_OF.get(lasts.code, _SERVICE), lasts, lasts.setting)
            known: frozenset[str] | Problem = lasts
        else:
            minutes = f", token valid for {lasts / 60:.0f} minutes" if lasts < inf else ""
            yield Finding("good", _SIGN_IN, f"signed in as {settings.dfe.client_id}{minutes}")
            known = dfe.codes()
        yield from _connections(dfe, _way(settings, origins), now, is_told=isinstance(lasts, Problem))
        if isinstance(known, Problem):
            if known is not lasts:
                yield Finding("bad", _SERVICE, known, known.setting)
            return
        codes = codes_on(now.astimezone(LONDON).date())
        yield from _lists({"attendance codes": (known, codes), "year groups": (dfe.year_groups(), year_groups())})
        yield from _urns(dfe, schools)
    if log and log.closed_since(settings.dfe.origin):
        log.reopen(settings.dfe.origin)
        yield Finding("good", _SERVICE, "it was closed but answers again: the next send will go ahead")


def consent_findings(settings: Settings, schools: Iterable[School], log: Log | None) -> Iterator[Finding]:
    """Return which schools have given consent, and which have not and why."""
    terms = Terms.of(settings)
    given: list[School] = []
    removed: list[School] = []
    missing: dict[str, list[School]] = {}
    for school in schools:
        row = log.latest_consent(school.urn) if log else None
        if active_consent(row, terms):
            given.append(school)
        elif row and row.action == "removed":  # a decision: the school is not asked again
            removed.append(school)
        else:
            missing.setdefault(explain_missing(school, row, terms).code, []).append(school)
    if given:
        yield Finding("good", _CONSENT, f"given for {_named(given)}")
    if removed:
        yield Finding("good", _CONSENT, f"removed for {_named(removed)}: nothing is sent")
    for code, without in missing.items():
        yield Finding("check", _CONSENT, Problem(code, "check", schools=_named(without)))
    says_who = settings.consent.administrators is not None or any(
        each.select.administrators for each in settings.database
    )
    if missing and not says_who:
        every = [school for without in missing.values() for school in without]
        yield Finding("check", _CONSENT, Problem("PERMISSION", "unknown", school=_named(every), undone="none"))


def message_findings(settings: Settings, *, is_test: bool) -> Iterator[Finding]:
    """Return whether messages about schools that turn bad can be sent; `is_test`: send each address one."""
    setting = ("notify", "addresses_file")
    if settings.notify.addresses_file is None and not is_test:
        return
    try:
        found, problems = services(settings, read_addresses(settings))
    except SettingsError as error:
        yield Finding("bad", _MESSAGES, error.problem.but(undone="message"), setting)
        return
    problems += deliver(settings, found, _TEST) if is_test else []
    yield from (Finding("bad", _MESSAGES, problem, setting) for problem in problems)
    failed = {problem["line"] for problem in problems}
    kinds = listed([kind_of(each) for line, each in found.items() if line not in failed])
    if kinds:
        yield Finding("good", _MESSAGES, f"{kinds} accepted a test message" if is_test else f"{kinds}; {_UNTESTED}")


def _named(schools: Collection[School]) -> str:
    return listed([school.name for school in schools]) if len(schools) <= _MOST_NAMED else f"{len(schools)} schools"


def _way(settings: Settings, origins: Origins) -> str:
    if settings.dfe.proxy is None:
        return "directly"
    origin = origins.of(("dfe", "proxy"))
    return f"through the proxy of the {'settings file' if origin.kind == 'file' else origin}"


def _connections(dfe: Probe, way: str, now: datetime, *, is_told: bool) -> Iterator[Finding]:
    """Return a line for each host, the first with its clock; with `is_told` a wrong date was reported already."""
    ahead = dfe.clock_differs
    seconds = 0 if ahead is None else round(abs(ahead.total_seconds()))
    clock = [] if ahead is None else [f"clock differs by {f'{seconds:,} s' if seconds else 'less than a second'}"]
    for host, ends in dfe.met():
        until, left = ends.astimezone(LONDON).date(), ends - now
        if left < _ENDS_SOON:
            problem = Problem(
                "DFE-CERTIFICATE", "ends_soon", host=host, way=way, left=left.days, until=until, clock=clock
            )
            yield Finding("check", _SERVICE, problem)
        else:
            trust = f"certificate trusted, valid until {until:%-d %B %Y}"
            yield Finding("good", _SERVICE, "; ".join([f"{host} answers {way}", trust, *clock]))
        clock = []
    if ahead is not None and abs(ahead) > _CLOCKS_DIFFER and not is_told:
        side = "behind" if ahead > timedelta() else "ahead of"
        yield Finding("check", "Clock", Problem("CLOCK", "differs", seconds=seconds, side=side))


def _lists(lists: Mapping[str, tuple[frozenset[str] | Problem, Collection[str]]]) -> Iterator[Finding]:
    """Compare the DfE's lists with what may be sent."""
    complete = []
    for what, (found, ours) in lists.items():
        if isinstance(found, Problem):
            yield Finding("bad", _SERVICE, found, found.setting)
        elif lacking := [value for value in ours if value not in found]:
            shown = ", ".join(lacking[:12]) + (", ..." if len(lacking) > 12 else "")  # noqa: PLR2004  a line's worth
            problem = Problem("DFE-FAULTS", "list", missing=len(lacking), ours=len(ours), what=what, shown=shown)
            yield Finding("check", _SERVICE, problem)
        else:
            complete.append(f"{len(ours)} {what}")
    if complete:
        yield Finding("good", _SERVICE, f"its list has all {listed(complete)}")


def _urns(dfe: Probe, schools: Mapping[School, Location]) -> Iterator[Finding]:
    """Return whether the DfE has the URN of each school, under a name like ours."""
    right = []
    for school, place in schools.items():
        name = dfe.name_of(school.urn)
        if isinstance(name, Problem):
            yield Finding("bad", _SERVICE, name, name.setting)
        elif name is None:
            yield Finding("bad", _SERVICE, Problem("DFE-REJECTED", "urn_check", school=school), place)
        elif name and not name.startswith(_MADE_UP) and not _words(name) & _words(school.name):
            problem = Problem("DFE-REJECTED", "other_name", urn=f"{school.urn}", theirs=name, ours=school.name)
            yield Finding("check", _SERVICE, problem, place)
        else:
            right.append(f"{school.urn} is {name or 'known'}")
    if right:
        yield Finding("good", _SERVICE, f"it knows {len(right)} URNs" if right[1:] else right[0])


_COMMON: Final = frozenset(
    {"the", "of", "and", "school", "primary", "junior", "infant", "infants", "secondary", "high", "academy", "college"}
)


def _words(name: str) -> set[str]:
    """Return the words that distinguish a school's name from others; all of them if there is none."""
    words = set(re.findall(r"\w+", name.casefold()))
    return words - _COMMON or words
