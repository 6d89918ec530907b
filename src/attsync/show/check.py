"""The screens of `attsync check`: a line a finding, where what is not good says what to do; and the settings.

Refuses to know how anything was found.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from attsync.checks.finding import Finding
from attsync.plural import plural
from attsync.settings import Origin, Shown
from attsync.show.symbols import BAD, CHECK, DIM, GOOD, Signs
from attsync.show.table import UNBROKEN, Sheet, prose


def check(findings: Sequence[Finding], signs: Signs, exit_code: int) -> RenderableType:
    """Show every finding, then how many there are to act on."""
    shown = {"good": (signs.good, GOOD, ""), "check": (signs.check, CHECK, ""), "bad": (signs.bad, BAD, BAD)}
    sheet = Sheet(signs, ("", "", ""), gap=2, names=1, wanted=48)
    for finding in findings:
        sign, colour, style = shown[finding.sign]
        # A command to copy stays at the end of its line; then the place stands with what was found.
        in_next = finding.next.endswith(".")
        text = Text(finding.text if in_next else _with(finding.text, finding.where), style=style)
        if finding.code and finding.sign != "good":
            text.append(f" [{finding.code}]", style=DIM)
        if finding.next:
            then = _with(finding.next, finding.where) if in_next else _apart(finding.next)
            text.append(f"\n{signs.arrow} {then}", style="not bold default")
        sheet.add(Text(sign, style=colour), finding.what, text)
    bad = sum(finding.sign == "bad" for finding in findings)
    to_know = sum(finding.sign == "check" for finding in findings)
    end = Text(plural(bad, "problem") if bad else "No problem", style=BAD if bad else GOOD)
    if to_know:
        end.append(f", {plural(to_know, 'thing', 'things')} to know", style="not bold default")
    return Group(sheet, Text(), Text.assemble(end, f". Exit code {exit_code}."))


def _apart(then: str) -> str:
    """Set a command at the end of `then` apart, in a line that is not broken: it is there to be copied."""
    words, colon, command = then.partition(": SELECT ") if ": SELECT " in then else then.rpartition(": ")
    command = colon.removeprefix(": ") + command
    return f"{words}:\n{UNBROKEN}{command}" if colon else then


def settings(path: Path, found: Iterable[tuple[Shown, Origin]], signs: Signs) -> RenderableType:
    """Show each setting, where it comes from, and its value; dim where nobody has set it."""
    sheet = Sheet(signs, ("Setting", "From", "Value"))
    table = None
    for setting, origin in found:
        if table is not None and setting.location[:-1] != table:
            sheet.space()
        table = setting.location[:-1]
        sheet.add(setting.name, str(origin), _value(setting.value), style=DIM if origin.kind == "default" else "")
    foot = "Secrets are in files of their own, which this does not open; a password in an address is shown as ***."
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


def _with(text: str, where: str) -> str:
    if not where:
        return text
    return f"{text.removesuffix('.')} ({where})" + ("." if text.endswith(".") else "")
