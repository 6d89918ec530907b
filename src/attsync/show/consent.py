"""The screens of `attsync consent`: the notice, the receipt, where consent stands, its history."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attsync.consent import PERMISSION, notice, receipt
from attsync.log import ConsentRow
from attsync.model import School
from attsync.problems import Problem
from attsync.show.parts import Signs, by, table_of, title
from attsync.window import LONDON


def consent_notice(school: School, receiver: str, days: int) -> RenderableType:
    """Show the notice before the question."""
    table = Table.grid(padding=(0, 2))
    for what, words in notice(receiver, days):
        table.add_row(Text(what, style="bold"), Text(words))
    return Group(title(school), table, Text("Full text: attsync consent show --notice", style="dim"))


def consent_holder(account: str, username: str, *, in_settings: bool) -> Text:
    """Say who is about to give consent, and by what right."""
    name = account if account == username else f"{account} ({username})"
    return Text(
        f'You are {name}, who holds "{PERMISSION}" in {"the settings file" if in_settings else "the school database"}.'
    )


def consent_receipt(row: ConsentRow, signs: Signs, next_send: str) -> RenderableType:
    """Confirm that consent was given."""
    at = row.at.astimezone(LONDON)
    return Group(
        Text.assemble(
            (f"{signs.good} Consent given", "green"),
            f" by {row.person}{f' ({row.role})' if row.role else ''} on {at:%-d %B %Y} at {at:%H:%M}."
            f" Receipt {receipt(row)}. {next_send}",
        ),
        Text(f"  Remove it at any time: attsync consent revoke --school {row.school.urn}"),
    )


def consent_table(rows: Iterable[tuple[School, ConsentRow | None, Problem | None]], signs: Signs) -> RenderableType:
    """Show where consent stands for each school."""
    lines = []
    for school, row, problem in rows:
        if problem is None and row:
            lines.append(
                Text.assemble(
                    (f"{signs.good} {school}", "green"), f"  consent given by {by(row)}. Receipt {receipt(row)}."
                )
            )
        elif problem:
            lines.append(Text.assemble((f"{signs.without} {school}", "bold"), f"  {problem.text} {problem.next}"))
    return Group(*lines)


def consent_history(school: School, rows: Iterable[ConsentRow]) -> RenderableType:
    """Show every grant and removal of a school."""
    table = table_of("When", "What", "Who", "Role or reason", "Receiver", "Notice", "Receipt")
    for row in rows:
        at = row.at.astimezone(LONDON)
        table.add_row(
            f"{at:%-d %b %Y %H:%M}",
            "given" if row.given else "removed",
            Text(row.person),
            Text(row.role or row.reason or ""),
            Text(row.receiver),
            str(row.notice),
            receipt(row),
        )
    return Group(title(school), table)
