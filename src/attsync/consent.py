"""The rules of consent: whether it is in force for a school, a receiver and what is sent; who is allowed to give it.

Also the notice that people agree to (docs/design/sending.md). Imports nothing that reads or sends.
"""

import hashlib
import tomllib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from attsync import data
from attsync.accounts import Person
from attsync.locks import Gate
from attsync.log import ConsentRow, Log
from attsync.model import DATA_SET, School
from attsync.problems import NotPermitted, Problem
from attsync.settings import Settings
from attsync.window import LONDON, LONGEST

PERMISSION: Final = "Data Returns: Administer"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a consent is given for: if what would be sent goes beyond it, it is not in force."""

    receiver: str
    """Origin of the API."""
    window_count: str
    """The kind of days in the window: working days reach further back than calendar days."""
    year_groups: bool
    """Whether the pupils on roll in each year group are sent."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what these settings would send, and to whom."""
        return cls(settings.dfe.origin, settings.window.count, settings.dfe.send_year_groups)


@dataclass(frozen=True, slots=True)
class ActiveConsent:
    """Proof that consent is in force. Sending needs one, and only `active_consent` makes it."""

    row: ConsentRow


def active_consent(row: ConsentRow | None, terms: Terms) -> ActiveConsent | None:
    """Return the consent in force after `row`, the newest grant or removal; None if there is none."""
    return ActiveConsent(row) if row and row.given and not _changed(row, terms) else None


def _changed(row: ConsentRow, terms: Terms) -> str:
    """Return what goes beyond a grant, as the case of CONSENT-CHANGED; empty if nothing does."""
    if row.receiver != terms.receiver:
        return "receiver"
    if row.data_set != DATA_SET or (terms.year_groups and not row.year_groups):
        return "data"
    if terms.window_count == "working" and row.window_count != "working":
        return "window"
    return "notice" if row.notice != _texts()["number"] else ""


def explain_missing(school: School, row: ConsentRow | None, terms: Terms) -> Problem:
    """Return the problem that says why no consent is in force."""
    if row is None:
        return Problem("CONSENT-NONE", urn=school.urn)
    said = {"urn": school.urn, "person": row.person, "at": row.at.astimezone(LONDON).date()}
    if row.action == "removed":
        return Problem("CONSENT-NONE", "removed", **said)
    case = "lapsed" if row.action == "lapsed" else _changed(row, terms)
    return Problem("CONSENT-CHANGED", case, was=row.receiver, now=terms.receiver, **said)


@contextmanager
def permit(log: Log, gate: Gate, school: School, terms: Terms) -> Iterator[None]:
    """Send the first byte of a request inside this block, behind the gate. Raise NotPermitted without consent (P2)."""
    with gate.starting_request():
        log.require_same_file()
        row = log.consent_now(school.urn)
        if active_consent(row, terms) is None:
            raise NotPermitted.of(explain_missing(school, row, terms))
        yield


def receipt(row: ConsentRow) -> str:
    """Return the number on the receipt: 8 hexadecimal digits that follow from what was recorded."""
    said = (
        row.school.urn,
        row.action,
        row.person,
        row.role,
        row.receiver,
        row.data_set,
        row.notice,
        row.at.isoformat(timespec="milliseconds"),
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Notice:
    """The notice that people read before they give consent, filled in for one settings file."""

    number: int
    short: tuple[tuple[str, str], ...]
    """Headings with their sentences."""
    full: str


def notice(terms: Terms) -> Notice:
    """Return the notice of data/notices.toml for these terms."""
    texts = _texts()
    # Not the days in the settings: they can be raised up to this without another consent.
    values = {
        "days": f"{LONGEST} {'working days' if terms.window_count == 'working' else 'days'}",
        "host": urlsplit(terms.receiver).netloc,
        "roll": texts["roll"]["each_year_group" if terms.year_groups else "total_only"],
    }
    short = tuple((part["heading"].format(**values), part["text"].format(**values)) for part in texts["short"])
    return Notice(texts["number"], short, texts["full"]["text"].format(**values))


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads(data.text("notices.toml"))


def record(
    log: Log,
    school: School,
    action: Literal["given", "removed", "lapsed"],
    person: Person,
    terms: Terms,
    at: datetime | None = None,
    shown: Notice | None = None,
    **words: str | None,
) -> ConsentRow:
    """Record a grant or a removal permanently, and return it as recorded.

    `shown` is the notice that was agreed to, `words` are username, role or reason.
    """
    at = at or datetime.now(UTC)
    row = ConsentRow(
        school=school,
        action=action,
        person=person.account,
        login_uid=person.login_uid,
        receiver=terms.receiver,
        data_set=DATA_SET,
        window_count=terms.window_count,
        year_groups=terms.year_groups,
        notice=shown.number if shown else 0,
        notice_sha256=hashlib.sha256(shown.full.encode()).hexdigest() if shown else None,
        at=at.replace(microsecond=at.microsecond // 1000 * 1000),  # as precise as the log
        # A command line may contain any bytes, and SQLite refuses what is not Unicode.
        **{name: text and text.encode(errors="replace").decode() for name, text in words.items()},
    )
    log.add_consent(row, shown.full if shown else "")
    return row


def lapse_missing(log: Log, listed: set[int], terms: Terms, at: datetime) -> None:
    """Record that the consent of schools that left the settings has lapsed: if they return, it is asked for again."""
    for urn, row in log.latest_consents().items():
        if row.given and row.receiver == terms.receiver and urn not in listed:
            reason = "its URN is no longer in the settings file"
            record(log, row.school, "lapsed", Person("attsync", None), terms, at, reason=reason)


def require_permission(
    school: School, person: Person, username: str, *, found: bool | None, listed: Collection[str] | None
) -> None:
    """Raise NotPermitted unless `username` has the permission.

    `found` is the answer of the school database. If there is none (None), `listed` are the user names in the
    settings file, which is not read if another account can change it.
    """
    if found is None and listed is None:
        raise NotPermitted("PERMISSION", "unknown", school=str(school))
    if not (username in (listed or ()) if found is None else found):
        raise NotPermitted(
            "PERMISSION",
            "" if found is None else "database",
            school=str(school),
            account=person.account,
            username="" if username == person.account else username,
            unmapped=person.account if username == person.account else None,
        )
