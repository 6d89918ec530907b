"""The story of `attsync check`: settings, files, log, databases, the DfE, consent, schedule, one after the other.

What fails is a line; the rest is looked at all the same. Knows the order; prints nothing, and sends no counts.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from datetime import datetime
from typing import Final

from attsync.checks.database import database_findings, missing
from attsync.checks.files import file_findings, log_findings
from attsync.checks.finding import Finding, placed
from attsync.checks.schedule import schedule_findings
from attsync.checks.service import consent_findings, service_findings
from attsync.database.inspect import look
from attsync.deadline import Deadline
from attsync.log import Log
from attsync.plural import plural
from attsync.schedule.machine import look as look_for_entries
from attsync.schools import known_schools
from attsync.settings import Location, Origins, Settings
from attsync.window import Window

_SECONDS: Final = 600


def check(
    settings: Settings, origins: Origins, only: Collection[int], window: Window, now: datetime, *, offline: bool
) -> list[Finding]:
    """Look at everything that a send needs; at the schools of `only`, if there are any, else at all."""
    in_log = [*log_findings(settings.log.path)]
    is_sound = all(finding.sign == "good" for finding in in_log)
    number = len(settings.database)
    findings = [
        Finding("good", "Settings", f"{settings.path}: {plural(number, 'school database')}"),
        *file_findings(settings, origins),
        *in_log,
        *_databases(settings, only, window),
    ]
    with (Log.open_existing(settings.log.path) if is_sound else None) or nullcontext() as log:
        known = [school for urn, school in known_schools(settings, log).items() if not only or urn in only]
        if not offline:
            places = _places(settings)
            asked = {school: places.get(school.urn) for school in known}
            findings += service_findings(settings, origins, asked, log, now)
        if is_sound:
            findings += consent_findings(settings, known, log)
        else:
            text = "not known, because the log cannot be used: nothing is sent"
            findings.append(Finding("check", "Consent", text, "Put the log right first."))
    findings += schedule_findings(settings, look_for_entries(os.environ), now)
    return placed(findings, origins)


def _databases(settings: Settings, only: Collection[int], window: Window) -> Iterator[Finding]:
    seen: set[int] = set()
    for number, database in enumerate(settings.database):
        listed = [school.urn for school in database.schools]
        if only and listed and not set(only) & set(listed):
            continue
        with Deadline(_SECONDS) as deadline:
            facts = look(database, only, window, deadline)
        seen |= {found.school.urn for found in facts.schools} | (set(listed) if facts.fails else set())
        yield from database_findings(facts, ("database", number))
    yield from missing(set(only) - seen)


def _places(settings: Settings) -> dict[int, Location]:
    """Give for each URN of the settings where it stands."""
    return {
        school.urn: ("database", number, "schools", index, "urn")
        for number, database in enumerate(settings.database)
        for index, school in enumerate(database.schools)
    }
