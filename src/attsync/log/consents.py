"""Grants and removals of consent, in the order in which they were made; triggers in the file keep them for good.

Knows the table consent; refuses to know whether one stands.
"""

import sqlite3
from typing import Final

from attsync.log.file import LogFile
from attsync.log.rows import ConsentRow, consent_of, utc
from attsync.model import School

_LATEST: Final = "SELECT * FROM consent WHERE urn = ? ORDER BY id DESC LIMIT 1"


class Consents(LogFile):
    """The part of the log that knows consent."""

    def add_consent(self, row: ConsentRow) -> int:
        """Record a grant or a removal, for good; gives its number. `row.id` does not count."""
        with self.writing():
            return self._insert(
                "consent",
                urn=row.school.urn,
                name=row.school.name,
                given=row.given,
                person=row.person,
                username=row.username,
                login_uid=row.login_uid,
                role=row.role,
                reason=row.reason,
                receiver=row.receiver,
                data_set=row.data_set,
                notice=row.notice,
                at=utc(row.at),
            )

    def latest_consent(self, urn: int) -> ConsentRow | None:
        """Give the newest grant or removal of a school."""
        return _latest(self._rows(_LATEST, (urn,)))

    def consent_now(self, urn: int) -> ConsentRow | None:
        """Give the same, from whichever thread, also while another is writing to the log."""
        return _latest(self._rows_now(_LATEST, (urn,)))

    def consent_history(self, urn: int) -> list[ConsentRow]:
        """Give every grant and removal of a school, oldest first."""
        return [consent_of(row) for row in self._rows("SELECT * FROM consent WHERE urn = ? ORDER BY id", (urn,))]

    def schools(self) -> dict[int, School]:
        """Give every school that ever gave or removed consent, by URN, with its newest name."""
        rows = self._rows("SELECT urn, name FROM consent ORDER BY id")
        return {row["urn"]: School(row["urn"], row["name"]) for row in rows}


def _latest(rows: list[sqlite3.Row]) -> ConsentRow | None:
    return consent_of(rows[0]) if rows else None
