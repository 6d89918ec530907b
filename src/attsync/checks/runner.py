"""The order of `attsync check`: settings, files, log, databases, the DfE, consent, schedule. What fails is a line."""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime

from attsync.checks import Finding
from attsync.checks.database import database_findings
from attsync.checks.files import file_findings, log_findings, schedule_findings
from attsync.checks.service import consent_findings, message_findings, service_findings
from attsync.clock import behind
from attsync.consent import Terms, active_consent
from attsync.database.inspect import look
from attsync.deadline import Deadline
from attsync.log import Log
from attsync.plural import plural
from attsync.problems import Problem, exit_code
from attsync.schedule import installed
from attsync.schools import shown_schools
from attsync.settings import Location, Origins, Settings
from attsync.window import Window


def check(
    settings: Settings,
    origins: Origins,
    only: Collection[int],
    window: Window,
    now: datetime,
    deadline: Deadline,
    *,
    offline: bool,
    test_message: bool = False,
) -> list[Finding]:
    """Test everything that a send needs: the schools of `only`, if there are any, otherwise all."""
    in_log = [*log_findings(settings.log.path)]
    is_sound = all(finding.sign == "good" for finding in in_log)
    found = [
        Finding("good", "Settings", f"{settings.path}: {plural(len(settings.database), 'school database')}"),
        *file_findings(settings, origins),
        *in_log,
        *_databases(settings, only, window, deadline),
    ]
    with (Log.open_existing(settings.log.path) if is_sound else None) or nullcontext() as log:
        if clock := behind(log, now):
            found.append(Finding("bad", "Clock", clock.but(undone="none")))
        known = [school for urn, school in shown_schools(settings, log).items() if not only or urn in only]
        if not offline and deadline.is_over:
            found.append(_not_tested("DfE service"))
        elif not offline:
            places = _places(settings)
            asked = {school: places.get(school.urn, ()) for school in known}
            found += service_findings(settings, origins, asked, log, now, deadline)
        found += message_findings(settings, is_test=test_message)
        if is_sound:
            found += consent_findings(settings, known, log)
        else:
            found.append(Finding("check", "Consent", Problem("LOG-DAMAGED", "consent")))
        rows = [log.latest_consent(school.urn) for school in known] if log else []
        since = min((row.at for row in rows if row and active_consent(row, Terms.of(settings))), default=None)
        found += schedule_findings(settings, installed(settings, os.environ), log, since, now)
    return [_placed(finding, settings, origins) for finding in found]


def exit_code_of(findings: Iterable[Finding]) -> int:
    """Reduce the bad lines to an exit code (docs/design/reliability.md 2)."""
    bad = [finding.found for finding in findings if finding.sign == "bad"]
    return exit_code([problem for problem in bad if isinstance(problem, Problem)], confirmed=False)


def _databases(settings: Settings, only: Collection[int], window: Window, deadline: Deadline) -> Iterator[Finding]:
    seen: set[int] = set()
    owner: dict[int, str] = {}
    for number, database in enumerate(settings.database):
        listed = [school.urn for school in database.schools]
        if only and listed and not set(only) & set(listed):
            continue
        if deadline.is_over:
            yield _not_tested(database.name)
            seen |= set(only)
            continue
        facts = look(database, only, window, deadline)
        seen |= {school.school.urn for school in facts.schools} | (set(listed) if facts.fails else set())
        yield from database_findings(facts, database, ("database", number))
        if twice := [urn for urn in facts.urns if urn in owner]:
            names = (owner[twice[0]], database.name)
            problem = Problem("SCHOOL-NONE", "two_databases", urn=f"{twice[0]}", databases=names, undone="none")
            yield Finding("bad", database.name, problem, ("database", number, "schools"))
        owner |= dict.fromkeys(facts.urns, database.name)
    for urn in sorted(set(only) - seen):
        yield Finding("bad", "Settings", Problem("SCHOOL-NONE", "check", urn=f"{urn}"))


def _not_tested(what: str) -> Finding:
    return Finding("bad", what, Problem("RUN-TIME", "check"))


def _placed(finding: Finding, settings: Settings, origins: Origins) -> Finding:
    """Return the finding with the place of its setting; for an address in a separate file, that file."""
    what = finding.what[:1].upper() + finding.what[1:]
    if finding.sign == "good" or not finding.setting:
        return replace(finding, what=what)
    where = origins.where(finding.setting)
    match finding.setting:
        case ("database", int(number), "url_file") if path := settings.database[number].url_file:
            where = str(path)
    return replace(finding, what=what, where=where)


def _places(settings: Settings) -> dict[int, Location]:
    """Return for each URN in the settings where it is."""
    return {
        school.urn: ("database", number, "schools", index, "urn")
        for number, database in enumerate(settings.database)
        for index, school in enumerate(database.schools)
    }
