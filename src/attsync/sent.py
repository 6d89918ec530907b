"""Reads back what a body said, as the log keeps it. Apart from `wire`, because `status` must not pay for Pydantic.

Knows the DfE's names of fields; checks nothing, for all of it was checked before it was sent.
"""

import json
from dataclasses import dataclass

from attsync.model import Cell, Cells, Session


@dataclass(frozen=True, slots=True)
class Sent:
    """What a stored body said."""

    cells: Cells
    on_roll: int
    roll: dict[str, int]


def read(content: bytes | str) -> Sent:
    """Read back a body that `build` made."""
    message = json.loads(content)
    return Sent(
        cells={
            Cell(item["ncYearGroup"], Session(item["schoolSession"])): {
                count["attendanceCode"]: count["value"] for count in item["attendances"]
            }
            for item in message["submissionData"]
        },
        on_roll=message["totalNoOfPupils"],
        roll={group["ncYearGroup"]: group["noOfPupils"] for group in message.get("yearGroups", ())},
    )
