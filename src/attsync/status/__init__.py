"""What the log means to a person: for each school and day, two signs, the counts, a note and what to do.

Log entries in, views out; no screen, no clock.
"""

from attsync.status.day import BAD_SIGNS, DayView, day_of_result
from attsync.status.history import last_two
from attsync.status.overview import Overview, SchoolView, consent_as_json, look, next_send

__all__ = [
    "BAD_SIGNS",
    "DayView",
    "Overview",
    "SchoolView",
    "consent_as_json",
    "day_of_result",
    "last_two",
    "look",
    "next_send",
]
