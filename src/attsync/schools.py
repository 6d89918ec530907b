"""The schools in the settings and the log, and which of them were named by URN. Opens no school database."""

from collections.abc import Collection, Mapping
from typing import Final

from attsync.log import Log
from attsync.model import School
from attsync.problems import SettingsError
from attsync.settings import Settings

_MOST_SHOWN: Final = 10


def known_schools(settings: Settings, log: Log | None) -> dict[int, School]:
    """Return the schools of the settings, by URN, and those of the log where a database lists its schools itself."""
    known = {s.urn: School(s.urn, s.name) for database in settings.database for s in database.schools}
    if log and lists_itself(settings):
        known = log.schools() | known
    return known


def shown_schools(settings: Settings, log: Log | None) -> dict[int, School]:
    """Return the same, and those that the newest run found in a database and that no one has decided about."""
    known = known_schools(settings, log)
    return (log.undecided() if log and lists_itself(settings) else {}) | known


def every_school(settings: Settings, log: Log | None) -> dict[int, School]:
    """Return the schools of the settings and every school that the log knows, by URN."""
    return (log.every_school() if log else {}) | known_schools(settings, log)


def lists_itself(settings: Settings) -> bool:
    """Whether a database lists its schools itself: then not all of them are known before it is read."""
    return any(database.select.schools for database in settings.database)


def chosen(
    settings: Settings, known: Mapping[int, School], urns: Collection[int], undone: str = "none"
) -> list[School]:
    """Return the schools that `urns` name; without any, all.

    Raise SettingsError if one of them is not known; `undone` names its sentence about what was not done.
    """
    for urn in urns:
        if urn not in known:
            raise not_known(settings, known, urn, undone)
    return [known[urn] for urn in urns or known]


def not_known(settings: Settings, known: Mapping[int, School], urn: int, undone: str) -> SettingsError:
    """Return the error that no school has the URN that was named, and which there are."""
    return SettingsError(
        "SCHOOL-NONE",
        "in_no_database" if lists_itself(settings) else "",
        urn=urn,
        known=[str(school) for school in known.values()] if len(known) <= _MOST_SHOWN else [],
        undone=undone,
    )
