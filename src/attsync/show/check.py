"""The screens of `attsync check`: a line for each finding, with what to do; and the settings."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from attsync import messages
from attsync.checks import Finding
from attsync.checks.shown import Shown
from attsync.plural import plural
from attsync.settings.places import Origin
from attsync.show.symbols import BAD, CHECK, DIM, GOOD, Signs
from attsync.show.table import UNBROKEN, Sheet, prose


def check(findings: Sequence[Finding], signs: Signs, exit_code: int) -> RenderableType:
    """Show every finding, good ones about the same thing in one line, then how many there are to act on."""
    sheet = Sheet(signs, ("", "", ""), gap=2, names=1, wanted=48)
    for (sign, what), same in groupby(findings, key=lambda finding: (finding.sign, finding.what)):
        if sign == "good":
            sheet.add(Text(signs.good, style=GOOD), what, "; ".join(finding.text for finding in same))
            continue
        mark, colour, style = (signs.bad, BAD, BAD) if sign == "bad" else (signs.check, CHECK, "")
        for finding in same:
            place = f" ({finding.where})" if finding.where else ""
            said = finding.text.removesuffix(".") + place + "." if place else finding.text
            text = Text.assemble((said, style), (f" [{finding.code}]", DIM))
            text.append(
                "\n".join((f"\n{signs.arrow} {_next(finding)}", *(UNBROKEN + line for line in finding.paste))),
                style="not bold default",
            )
            sheet.add(Text(mark, style=colour), what, text)
    bad = sum(finding.sign == "bad" for finding in findings)
    to_check = sum(finding.sign == "check" for finding in findings)
    end = Text(plural(bad, "problem") if bad else "No problem", style=BAD if bad else GOOD)
    if to_check:
        end.append(f", {plural(to_check, 'thing')} to check", style="not bold default")
    return Group(sheet, Text(), Text.assemble(end, f". Exit code {exit_code}."))


def _next(finding: Finding) -> str:
    """Return what to do; a command at its end is on a line that is not broken: it is there to be copied."""
    *words, last = finding.next.parts
    said = messages.Text(tuple(words)).unbroken
    return f"{said}\n{UNBROKEN}{last.completed}" if isinstance(last, messages.Command) else said + last


def settings(path: Path, found: Iterable[tuple[Shown, Origin]], signs: Signs) -> RenderableType:
    """Show each setting, where it comes from, and its value; dim where no one has set it."""
    sheet = Sheet(signs, ("Setting", "From", "Value"))
    table = None
    for setting, origin in found:
        if table is not None and setting.location[:-1] != table:
            sheet.space()
        table = setting.location[:-1]
        sheet.add(setting.name, str(origin), _value(setting.value), style=DIM if origin.kind == "default" else "")
    foot = "Secrets are in separate files, which this does not open. A password in an address is shown as ***."
    return Group(Text(str(path), style="bold"), Text(), sheet, Text(), prose((foot, DIM)))


def _value(value: str | int | list[str] | None) -> str:
    match value:
        case None:
            return "not set"
        case bool():
            return "true" if value else "false"
        case list():
            return ", ".join(value) or "none"
        case _:
            text = " ".join(str(value).split())
            return "".join(sign if sign.isprintable() else "?" for sign in text)
