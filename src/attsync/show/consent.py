"""The screens of `attsync consent`: the notice, the receipt, the consent of each school, its history."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.text import Text

from attsync import messages
from attsync.consent import PERMISSION, ActiveConsent, Notice, receipt
from attsync.log import ConsentRow
from attsync.model import School
from attsync.plural import plural
from attsync.problems import Problem
from attsync.show.symbols import CHECK, DIM, GOOD, Signs, by, title, who
from attsync.show.table import PROSE_COLUMNS, Sheet, prose
from attsync.window import LONDON

_HASH: Final = 12
"""Characters of a notice's SHA-256 that are shown: enough to compare by eye."""
_ACTIONS: Final = {"given": ("given", GOOD), "removed": ("removed", "bold"), "lapsed": ("lapsed", CHECK)}


def consent_notice(schools: Sequence[School], notice: Notice) -> RenderableType:
    """Return the notice as it is shown before the question; once, however many schools it is for."""
    heading = title(schools[0]) if len(schools) == 1 else Text(f"For {plural(len(schools), 'school')}", "bold")
    said = [prose((what, "bold"), f" {words}", indent=2) for what, words in notice.short]
    full = prose((f"Notice {notice.number}, full text: ", DIM), messages.attsync("consent", "show", "--notice"))
    return Group(heading, *said, full)


def consent_holder(account: str, username: str, *, in_settings: bool) -> RenderableType:
    """Return who is about to give consent, and by what right."""
    name = account if account == username else f"{account} ({username})"
    place = "the settings file" if in_settings else "the school database"
    return prose("You are ", (name, "bold"), f', who holds "{PERMISSION}" in {place}.')


def consent_given(row: ConsentRow, signs: Signs, *, is_alone: bool) -> RenderableType:
    """Return the confirmation of a grant; where several schools give consent at once, it says for which."""
    at = row.at.astimezone(LONDON)
    return prose(
        (f"{signs.good} Consent given", GOOD),
        f"{'' if is_alone else f' for {row.school}'} by {who(row)}"
        f" on {at:%-d %B %Y} at {at:%H:%M}. Receipt {receipt(row)}.",
        indent=2,
    )


def consent_next(first: str, which: tuple[str, ...], *, for_another: bool) -> RenderableType:
    """Return what can be done after consent was given; `for_another`: by a person whom sudo lets do little else."""
    receipt = prose(
        "  Keep the receipt: ", messages.attsync("consent", "show", "--receipt"), " > receipt.txt", indent=2
    )
    then = f", first {first}" if first else ""
    send = (
        prose("  To send now: ", messages.attsync("send"), indent=2),
        prose(f"  To send automatically twice a day{then}: ", messages.attsync("crontab"), indent=2),
    )
    remove = prose("  Remove it at any time: ", messages.attsync("consent", "revoke", *which), indent=2)
    return Group(*((receipt,) if for_another else send), remove)


def consent_removed(school: School, signs: Signs, *, was_given: bool) -> RenderableType:
    """Return the confirmation of a removal, or that a school that never decided has declined."""
    if not was_given:
        return prose((f"{signs.good} Consent declined", GOOD), f" for {school}. Nothing is sent for it.", indent=2)
    text = f" for {school}. Nothing more is sent for it. What was sent before stays with the DfE."
    return prose((f"{signs.good} Consent removed", GOOD), text, indent=2)


def consent_table(rows: Iterable[tuple[School, ActiveConsent | Problem]], signs: Signs) -> RenderableType:
    """Return for each school its consent, or why there is none."""
    sheet = Sheet(signs, ("", "School", "URN", "Consent"), gap=2)
    for school, found in rows:
        if isinstance(found, ActiveConsent):
            words = f"given by {by(found.row)}, receipt {receipt(found.row)}"
            sheet.add(Text(signs.good, GOOD), school.name, str(school.urn), words)
        else:
            again = found.code == "CONSENT-CHANGED"
            sheet.add(
                Text(signs.check if again else signs.without, CHECK if again else DIM),
                school.name,
                str(school.urn),
                Text((messages.text(found) + messages.next_step(found)).unbroken, CHECK if again else ""),
            )
    return Constrain(sheet, PROSE_COLUMNS)


def consent_history(school: School, rows: Iterable[ConsentRow], signs: Signs) -> RenderableType:
    """Return every grant and removal of a school."""
    sheet = Sheet(signs, ("When", "What", "By whom, and for what"), gap=2)
    for row in rows:
        at = row.at.astimezone(LONDON)
        notice = f"notice {row.notice} ({(row.notice_sha256 or '')[:_HASH]})" if row.notice_sha256 else ""
        said = [who(row), f"for {row.receiver.removeprefix('https://')}", notice, f"receipt {receipt(row)}"]
        reason = f". Reason: {row.reason}" if row.reason else ""
        sheet.add(
            f"{at.day:>2} {at:%b %Y %H:%M}", Text(*_ACTIONS[row.action]), f"{', '.join(filter(None, said))}{reason}"
        )
    none = prose("No one has ever decided about consent for this school.")
    return Group(title(school), Constrain(sheet, PROSE_COLUMNS) if sheet.rows else none)


def receipt_text(row: ConsentRow, notice: str) -> str:
    """Return the receipt of a grant or a removal, to keep or to print; `notice` is the text that was agreed to."""
    at = row.at.astimezone(LONDON)
    if not row.given:
        return f"""\
Removal {receipt(row)}

School:     {row.school}
Removed by: {who(row)}
On:         {at:%-d %B %Y at %H:%M} (UK time)
Reason:     {row.reason or "none given"}

Nothing more is sent for this school. What was sent before stays with the DfE.
"""
    remove = messages.attsync("consent", "revoke", "--school", str(row.school.urn)).completed
    return f"""\
Consent {receipt(row)}

School:    {row.school}
Given by:  {who(row)}
Right:     {PERMISSION}, checked when consent was given
On:        {at:%-d %B %Y at %H:%M} (UK time)
To send:   data set {row.data_set}, to {row.receiver}
Notice {row.notice} ({row.notice_sha256}):

{notice}
To remove this consent: {remove}
"""
