"""Grants and removals of consent, in the order in which they were made; triggers in the file keep them for good."""

from attsync.log.file import LogFile
from attsync.log.rows import ConsentRow, consent_of, utc
from attsync.model import School


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
        with self._lock:
            return self.latest_consent_in_transaction(urn)

    def latest_consent_in_transaction(self, urn: int) -> ConsentRow | None:
        """Give the same, inside `writing`."""
        rows = self._rows("SELECT * FROM consent WHERE urn = ? ORDER BY id DESC LIMIT 1", (urn,))
        return consent_of(rows[0]) if rows else None

    def consent_history(self, urn: int) -> list[ConsentRow]:
        """Give every grant and removal of a school, oldest first."""
        return [consent_of(row) for row in self._rows("SELECT * FROM consent WHERE urn = ? ORDER BY id", (urn,))]

    def schools(self) -> dict[int, School]:
        """Give every school that ever gave or removed consent, by URN, with its newest name."""
        rows = self._rows("SELECT urn, name FROM consent ORDER BY id")
        return {row["urn"]: School(row["urn"], row["name"]) for row in rows}
