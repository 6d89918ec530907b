"""The rule of consent: is it in force for this school, this receiver and what is sent now? And who may give it.

Also the notice that people agree to (docs/design/sending.md). Imports nothing that reads or sends.
"""

import hashlib
import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from attsync.accounts import Person, open_to_change
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
    """Proof that consent is in force. Sending asks for one, and only `active_consent` makes it."""

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
    on = row.at.astimezone(LONDON).date()
    if row.action == "removed":
        return Problem("CONSENT-NONE", "removed", urn=school.urn, person=row.person, at=on)
    if row.action == "lapsed":
        return Problem("CONSENT-CHANGED", "lapsed", urn=school.urn, at=on)
    return Problem(
        "CONSENT-CHANGED",
        _changed(row, terms),
        urn=school.urn,
        person=row.person,
        at=on,
        was=row.receiver,
        now=terms.receiver,
    )


@contextmanager
def permit(log: Log, gate: Gate, school: School, terms: Terms) -> Iterator[None]:
    """Let the first byte of a request leave inside, behind the gate. Raise NotPermitted without consent (P2)."""
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
    """What people read before they give consent, filled in for one settings file."""

    number: int
    short: tuple[tuple[str, str], ...]
    """Headings with their sentences."""
    full: str


def notice(terms: Terms) -> Notice:
    """Return the notice of data/notices.toml for these terms."""
    texts = _texts()
    # Not the days of the settings: they may be raised, up to this, without another consent.
    values = {
        "days": f"{LONGEST} {'working days' if terms.window_count == 'working' else 'days'}",
        "host": urlsplit(terms.receiver).netloc,
        "roll": texts["roll"]["each_year_group" if terms.year_groups else "total_only"],
    }
    short = tuple((part["heading"].format(**values), part["text"].format(**values)) for part in texts["short"])
    return Notice(texts["number"], short, texts["full"]["text"].format(**values))


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads(files("attsync").joinpath("data", "notices.toml").read_text(encoding="utf-8"))


def record(  # noqa: PLR0913  each is a column of the record
    log: Log,
    school: School,
    *,
    action: Literal["given", "removed", "lapsed"],
    person: Person,
    terms: Terms,
    at: datetime | None = None,
    username: str | None = None,
    role: str | None = None,
    reason: str | None = None,
    shown: Notice | None = None,
) -> ConsentRow:
    """Record a grant or a removal permanently, and return it as recorded; `shown` is the notice that was agreed to."""
    at = at or datetime.now(UTC)
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # as precise as the log
    row = ConsentRow(
        school=school,
        action=action,
        person=person.account,
        username=username,
        login_uid=person.login_uid,
        role=_readable(role),
        reason=_readable(reason),
        receiver=terms.receiver,
        data_set=DATA_SET,
        window_count=terms.window_count,
        year_groups=terms.year_groups,
        notice=shown.number if shown else 0,
        at=at,
    )
    log.add_consent(row, shown.full if shown else "")
    return row


def _readable(text: str | None) -> str | None:
    """Return `text` without what is not Unicode: a command line may contain any bytes, and SQLite refuses them."""
    return text and text.encode(errors="replace").decode()


def lapse_missing(log: Log, listed: set[int], terms: Terms, at: datetime) -> None:
    """Record that the consent of schools that left the settings has lapsed: if they return, it is asked for again."""
    for urn, row in log.latest_consents().items():
        if row.given and row.receiver == terms.receiver and urn not in listed:
            reason = "its URN is no longer in the settings file"
            record(log, row.school, action="lapsed", person=Person("attsync", None), terms=terms, at=at, reason=reason)


def require_permission(
    school: School,
    person: Person,
    username: str,
    *,
    look_up: Callable[[], bool] | None,
    listed: tuple[str, ...] | None,
    settings_file: Path,
) -> None:
    """Raise NotPermitted unless `username` holds the permission now.

    `look_up` asks the school database. Where there is no SELECT for it, `listed` are the user names in the settings
    file, which then only its owner and root may be able to write.
    """
    if look_up is None and listed is None:
        raise NotPermitted("PERMISSION", "unknown", school=str(school))
    if look_up is None and (loose := open_to_change(settings_file, {os.geteuid()})):
        raise NotPermitted("PERMISSION", "list_open", path=loose[0])
    if not (look_up() if look_up else username in (listed or ())):
        raise NotPermitted(
            "PERMISSION",
            "database" if look_up else "",
            school=str(school),
            account=person.account,
            username="" if username == person.account else username,
            unmapped=person.account if username == person.account else None,
        )
