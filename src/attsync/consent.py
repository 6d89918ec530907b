"""The rule of consent: does it stand for this school, this receiver and what is sent now? And who may give it.

Knows the notice that people read and the permission they need (SPEC.md 8); refuses to know how anything is sent.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attsync.log import ConsentRow, Log
from attsync.model import DATA_SET, School
from attsync.others import open_to_change
from attsync.person import Person
from attsync.problems import NotPermitted, Problem
from attsync.window import LONDON

NOTICE: Final = 1
"""Version of the words of `notice`."""

PERMISSION: Final = "Data Returns: Administer"


@dataclass(frozen=True, slots=True)
class Consent:
    """Proof that consent stands. Sending asks for one, and only `active_consent` makes it."""

    row: ConsentRow


def active_consent(row: ConsentRow | None, receiver: str) -> Consent | None:
    """Give the consent that stands after `row`, the newest grant or removal; None if none does.

    It holds for one receiver (the origin of the API) and one data set: if either differs, it does not stand.
    """
    if row and row.given and row.receiver == receiver and row.data_set == DATA_SET:
        return Consent(row)
    return None


def explain_missing(school: School, row: ConsentRow | None, receiver: str) -> Problem:
    """Say why no consent stands."""
    grant = f"To give consent: attsync consent grant --school {school.urn}"
    nothing = "Nothing is read or sent."
    if row is None:
        return Problem("CONSENT-NONE", "No consent has been given.", grant, not_done=nothing)
    if not row.given:
        return Problem(
            "CONSENT-NONE",
            f"Consent was removed by {row.person} on {row.at.astimezone(LONDON):%-d %B %Y}.",
            grant,
            not_done=nothing,
        )
    is_other = row.receiver != receiver
    what = "receiver" if is_other else "data that is sent"
    on = f"{row.at.astimezone(LONDON):%-d %B %Y}"
    which = f": it was {row.receiver} and is now {receiver}" if is_other else ""
    return Problem(
        "CONSENT-CHANGED",
        f"Consent is needed again: the {what} is not the one that {row.person} agreed to on {on}{which}.",
        f"If the new address is a slip, ask IT to correct [dfe] base_url in the settings file. {grant}"
        if is_other
        else grant,
        not_done=nothing,
    )


def receipt(row: ConsentRow) -> str:
    """Give the number on the receipt: 8 hexadecimal digits that follow from what was recorded."""
    said = (
        row.school.urn,
        row.given,
        row.person,
        row.role,
        row.receiver,
        row.data_set,
        row.notice,
        row.at.isoformat(timespec="milliseconds"),
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()[:8]


def notice(receiver: str, days: str) -> tuple[tuple[str, str], ...]:
    """Give the notice: what it is about, and what is said. A change of meaning raises NOTICE."""
    return (
        (
            f"What is sent, twice a day, for the last {days}:",
            (
                "the number of roll-call marks for each code and year group, AM and PM; the number of pupils on roll"
                " in each year group."
            ),
        ),
        ("To:", f"the Department for Education ({urlsplit(receiver).netloc})."),
        ("What is never sent:", "names, pupil numbers, dates of birth, reasons, comments."),
        ("Small numbers", "are not rounded: one may point to a child for somebody who knows the school."),
    )


FULL_NOTICE: Final = """\
1. What is sent. For each school day and each session (AM, PM): how many
   roll-call marks of each attendance code each year group has; and how many
   pupils each year group has on roll. Only numbers.
2. How often. Twice a day, for today and the days before it in the window, so
   that late corrections arrive too.
3. To whom. To the Department for Education, at the address that the settings
   file names, over an encrypted connection. The DfE has closed the service
   that attsync was made for: ask whoever runs this who answers there now.
4. What is never sent. Names, pupil numbers, dates of birth, addresses,
   reasons, comments: no row about a pupil leaves the school's database. Small
   numbers are not rounded: a single mark of a rare code may point to a child
   for somebody who knows the school. Treat what is sent, and attsync's log,
   as confidential.
5. What is kept here. A log of what was sent, when, and what was answered, on
   this machine, readable by its owner only.
6. How to stop. attsync consent revoke stops the next request, also of a run
   under way. What was sent before stays with the Department for Education.
7. If anything more is ever sent, or sent to anybody else, this consent no
   longer counts and the school is asked again.
"""


def record(  # noqa: PLR0913  each is a column of the record
    log: Log,
    school: School,
    *,
    given: bool,
    person: Person,
    receiver: str,
    at: datetime,
    username: str | None = None,
    role: str | None = None,
    reason: str | None = None,
) -> ConsentRow:
    """Record a grant or a removal for good, and give it as recorded."""
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # as precise as the log
    row = ConsentRow(
        id=0,
        school=school,
        given=given,
        person=person.account,
        username=username,
        login_uid=person.login_uid,
        role=role,
        reason=reason,
        receiver=receiver,
        data_set=DATA_SET,
        notice=NOTICE,
        at=at,
    )
    log.add_consent(row)
    return row


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

    `look_up` asks the school database; where there is no SELECT for it, `listed` are the user names of the settings
    file, which then nobody but its owner and root may be able to write.
    """
    if look_up is not None:
        allowed = look_up()
        where = "the school database"
    elif listed is not None:
        _only_owner_writes(settings_file)
        allowed = username in listed
        where = "the settings file"
    else:
        raise NotPermitted(
            "PERMISSION",
            f'{school}: nothing says who holds "{PERMISSION}". Consent was not recorded.',
            "Ask IT to add the administrators SELECT, or the list [consent] administrators, to the settings file.",
        )
    if not allowed:
        name = person.account if username == person.account else f"{person.account} ({username})"
        raise NotPermitted(
            "PERMISSION",
            f'{school}: you are {name}, who does not hold "{PERMISSION}" in {where}. Consent was not recorded.',
            "If you need this permission, ask your office team to assign it to you."
            + (
                f' If you have another user name there, ask IT to add it below [consent.usernames]: "{name}" = "..."'
                if username == person.account
                else ""
            ),
        )


def _only_owner_writes(path: Path) -> None:
    if loose := open_to_change(path, {os.geteuid()}):
        place, _ = loose
        raise NotPermitted(
            "PERMISSION",
            f"Others may write {place}, so its list of administrators proves nothing. Consent was not recorded.",
            f"Ask IT to correct it: chmod go-w {place}, with root or the account that runs attsync as its owner.",
        )
