"""What `attsync check` says of the DfE's side and of consent: sign-in, service, look-ups, URNs, where consent stands.

Asks the DfE's look-ups (DOMAIN.md 2), never sends counts.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Final
from urllib.parse import urlsplit

from attsync.codes import codes_on
from attsync.consent import standing, why_not
from attsync.dfe import Credentials, Dfe
from attsync.dfe.answers import clean
from attsync.findings import Finding
from attsync.log import Log
from attsync.model import School
from attsync.problems import Problem, SettingsError
from attsync.settings import Settings
from attsync.window import LONDON

_SERVICE: Final = "DfE service"


def service_findings(settings: Settings, schools: Collection[School], today: date) -> Iterator[Finding]:
    """Sign in, ask for the lists and for each school's URN; a service that answers again is no longer closed."""
    host = urlsplit(settings.dfe.base_url).netloc
    try:
        credentials = Credentials.load(settings.dfe)
    except SettingsError as error:
        yield _bad("Secret files", error.problem)
        return
    with Dfe(settings.dfe, credentials) as dfe:
        known = dfe.look_up("/codes/attendance")
        if isinstance(known, Problem):
            yield _bad(_SERVICE, known)
            return
        yield Finding("good", _SERVICE, f"signed in as {settings.dfe.client_id}; {host} answers, certificate trusted")
        yield from _codes(known, today)
        for school in schools:
            yield _urn(school, dfe.look_up(f"/provider/{school.urn}"))
    log = Log.open_existing(settings.log.path)
    if log:
        with log:
            if log.closed_since(settings.dfe.origin):
                log.reopen_service(settings.dfe.origin)
                yield Finding("good", _SERVICE, "it was closed and answers again: the next send will send")


def consent_findings(settings: Settings, schools: Iterable[School]) -> Iterator[Finding]:
    """Say where consent stands, and when something was last sent."""
    log = Log.open_existing(settings.log.path)
    if log is None:
        yield Finding(
            "check",
            "Consent",
            "no school has given consent: nothing is sent",
            "To give it: attsync consent grant --all",
        )
        return
    with log:
        for school in schools:
            row = log.latest_consent(school.urn)
            if standing(row, settings.dfe.origin):
                yield Finding("good", "Consent", f"{school} has given consent")
            else:
                problem = why_not(school, row, settings.dfe.origin)
                yield Finding("check", "Consent", f"{school}: {problem.text}", problem.next, problem.code)
        run = log.last_run()
    when = f"{run.started_at.astimezone(LONDON):%a %-d %b %H:%M}, exit code {run.exit_code}" if run else "none yet"
    yield Finding("good", "Last send", when)


def _codes(known: object, today: date) -> Iterator[Finding]:
    rows = known if isinstance(known, list) else []
    theirs = {row.get("AttendanceCode") for row in rows if isinstance(row, dict)}
    missing = [code for code in codes_on(today) if code not in theirs]
    if missing:
        shown = ", ".join(missing[:12]) + (", ..." if len(missing) > 12 else "")  # noqa: PLR2004  a line's worth
        yield Finding(
            "check",
            _SERVICE,
            f"its list lacks {len(missing)} of today's attendance codes: {shown}",
            "Days with such a mark will come back with faults. Ask IT to ask the DfE which codes to use.",
        )
    else:
        yield Finding("good", _SERVICE, f"its list has all {len(codes_on(today))} attendance codes of today")


def _urn(school: School, found: object) -> Finding:
    if isinstance(found, Problem):
        return _bad(_SERVICE, found)
    if found is None:
        return Finding(
            "bad",
            _SERVICE,
            f"the DfE does not know the URN of {school}",
            "Check the URN in the settings file: an academy conversion or a merger brings a new one.",
            "DFE-REJECTED",
        )
    name = clean(str(found.get("name", ""))) if isinstance(found, dict) else ""
    return Finding("good", _SERVICE, f"{school.urn} is {name or 'known'}")


def _bad(what: str, problem: Problem) -> Finding:
    return Finding("bad", what, problem.text, problem.next, problem.code)
