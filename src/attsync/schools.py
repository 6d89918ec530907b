"""Which schools there are, and which of them somebody has named by URN.

Knows the settings file and the log; refuses to open a school's database.
"""

from collections.abc import Collection, Mapping
from typing import Final

from attsync.log import Log
from attsync.model import School
from attsync.problems import SettingsError
from attsync.settings import Settings

_MOST_SHOWN: Final = 10


def known_schools(settings: Settings, log: Log | None) -> dict[int, School]:
    """Give the schools of the settings file, by URN, and those of the log where a database lists its schools itself."""
    known = {s.urn: School(s.urn, s.name) for database in settings.database for s in database.schools}
    if log and lists_itself(settings):
        known = log.schools() | known
    return known


def lists_itself(settings: Settings) -> bool:
    """Tell whether a database lists its schools itself: then not all of them are known before it is read."""
    return any(database.select.schools for database in settings.database)


def chosen(settings: Settings, known: Mapping[int, School], urns: Collection[int], undone: str = "") -> list[School]:
    """Pick the schools that `urns` name; without any, all.

    Raises SettingsError if one of them is not known; `undone` is the sentence that says what was not done then.
    """
    for urn in urns:
        if urn not in known:
            raise not_known(settings, known, urn, undone)
    return [known[urn] for urn in urns or known]


def not_known(settings: Settings, known: Collection[int], urn: int, undone: str) -> SettingsError:
    """Say that no school has the URN that was named, and which there are."""
    who = "No school here has" if lists_itself(settings) else "The settings file has no school with"
    are_few = 0 < len(known) <= _MOST_SHOWN
    return SettingsError(
        "SCHOOL-NONE",
        f"{who} the URN {urn}.",
        f"Known here: {', '.join(map(str, known))}."
        if are_few
        else "Check the URN. To see the schools: attsync status",
        not_done=undone,
    )
