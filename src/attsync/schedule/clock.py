"""The clock by which cron goes: that of the machine, not of whoever asks.

TZ in a shell, or set by the reading of a database, says nothing about cron, so /etc/localtime is asked. Knows no
entry.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from attsync.window import LONDON

_LOCALTIME: Final = Path("/etc/localtime")
_DAYS_TO_COMPARE: Final = (datetime(2026, 1, 15, 12, tzinfo=LONDON), datetime(2026, 7, 15, 12, tzinfo=LONDON))


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock with its zone."""

    zone: tzinfo
    name: str

    @property
    def is_of_london(self) -> bool:
        """It goes as in the UK, in winter and in summer."""
        return all(day.astimezone(self.zone).utcoffset() == day.utcoffset() for day in _DAYS_TO_COMPARE)


def server_clock(localtime: Path = _LOCALTIME) -> Clock:
    """Read the zone of this machine, as the system's own programs do: without the file it is UTC."""
    try:
        with localtime.open("rb") as file:
            zone = ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return Clock(UTC, "UTC")
    _, mark, name = os.path.realpath(localtime).rpartition("/zoneinfo/")
    return Clock(zone, name if mark else f"{datetime.now(zone):%Z}")
