"""The screens of `attsync consent`: the notice, the receipt, where consent stands, its history.

Refuses to know the rule by which it stands.
"""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.text import Text

from attsync.consent import PERMISSION, Consent, notice, receipt
from attsync.log import ConsentRow
from attsync.model import School
from attsync.problems import Problem
from attsync.show.symbols import CHECK, DIM, GOOD, Signs, by, title, who
from attsync.show.table import PROSE_COLUMNS, Sheet, prose
from attsync.window import LONDON


def consent_notice(school: School | None, receiver: str, days: str) -> RenderableType:
    """Show the notice before the question; where it is for many schools at once, without a name."""
    said = [prose((what, "bold"), f" {words}", indent=2) for what, words in notice(receiver, days)]
    return Group(*([title(school)] if school else []), *said, prose(("Full text: attsync consent show --notice", DIM)))


def consent_holder(account: str, username: str, *, in_settings: bool) -> RenderableType:
    """Say who is about to give consent, and by what right."""
    name = account if account == username else f"{account} ({username})"
    place = "the settings file" if in_settings else "the school database"
    return prose("You are ", (name, "bold"), f', who holds "{PERMISSION}" in {place}.')


def consent_given(row: ConsentRow, signs: Signs, *, is_alone: bool) -> RenderableType:
    """Confirm that consent was given; where several schools give it at once, say for which."""
    at = row.at.astimezone(LONDON)
    return prose(
        (f"{signs.good} Consent given", GOOD),
        f"{'' if is_alone else f' for {row.school}'} by {who(row)}"
        f" on {at:%-d %B %Y} at {at:%H:%M}. Receipt {receipt(row)}.",
        indent=2,
    )


def consent_next(first: str, which: str) -> RenderableType:
    """Say what can be done after consent was given."""
    then = f", first {first}" if first else ""
    return Group(
        prose("  To send now: ", ("attsync send", "bold"), indent=2),
        prose(f"  To have it sent twice a day{then}: ", ("attsync crontab", "bold"), indent=2),
        prose("  Remove it at any time: ", (f"attsync consent revoke {which}", "bold"), indent=2),
    )


def consent_removed(school: School, signs: Signs) -> RenderableType:
    """Confirm that consent was removed."""
    text = f" for {school}. Nothing more is sent for it. What was sent before stays with the DfE."
    return prose((f"{signs.good} Consent removed", GOOD), text, indent=2)


def consent_table(rows: Iterable[tuple[School, Consent | Problem]], signs: Signs) -> RenderableType:
    """Show for each school the consent that stands, or why none does."""
    sheet = Sheet(signs, ("", "School", "URN", "Consent"), gap=2)
    for school, found in rows:
        if isinstance(found, Consent):
            words = f"given by {by(found.row)}, receipt {receipt(found.row)}"
            sheet.add(Text(signs.good, GOOD), school.name, str(school.urn), words)
        else:
            again = found.code == "CONSENT-CHANGED"
            sheet.add(
                Text(signs.check if again else signs.without, CHECK if again else DIM),
                school.name,
                str(school.urn),
                Text(f"{found.text} {found.next}", CHECK if again else ""),
            )
    return Constrain(sheet, PROSE_COLUMNS)


def consent_history(school: School, rows: Iterable[ConsentRow], signs: Signs) -> RenderableType:
    """Show every grant and removal of a school."""
    sheet = Sheet(signs, ("When", "What", "Who", "Receipt", "To", "Reason"), gap=2)
    for row in rows:
        at = row.at.astimezone(LONDON)
        sheet.add(
            f"{at.day:>2} {at:%b %Y %H:%M}",
            Text("given", GOOD) if row.given else Text("removed", "bold"),
            who(row),
            receipt(row),
            row.receiver.removeprefix("https://"),
            row.reason or "",
        )
    return Group(
        title(school), Constrain(sheet, PROSE_COLUMNS) if sheet.rows else prose("No consent has ever been given.")
    )


def receipt_text(row: ConsentRow, days: str) -> str:
    """Write the receipt as a file that can be kept or printed."""
    at = row.at.astimezone(LONDON)
    lines = [
        f"Consent {receipt(row)}",
        "",
        f"School:    {row.school}",
        f"Given by:  {who(row)}, who held {PERMISSION!r} at that moment",
        f"On:        {at:%-d %B %Y at %H:%M} (UK time)",
        f"To send:   data set {row.data_set}, notice {row.notice}",
        "",
        *(f"{what} {words}" for what, words in notice(row.receiver, days)),
        "",
        "To see the full text of the notice: attsync consent show --notice",
        f"To remove this consent: attsync consent revoke --school {row.school.urn}",
        "",
    ]
    return "\n".join(lines)
