"""The screen of `attsync check`: a line a finding, with its sign; what is not good says what to do."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from attsync.findings import Finding
from attsync.show.parts import BAD, CHECK, DIM, GOOD, Sheet, Signs, plural


def check(findings: Sequence[Finding], signs: Signs, exit_code: int) -> RenderableType:
    """Show every finding, then how many there are to act on."""
    shown = {"good": (signs.good, GOOD, ""), "check": (signs.check, CHECK, ""), "bad": (signs.bad, BAD, BAD)}
    sheet = Sheet(signs, ("", "", ""), gap=2)
    for finding in findings:
        sign, colour, style = shown[finding.sign]
        text = Text(finding.text, style=style)
        if finding.code and finding.sign != "good":
            text.append(f" [{finding.code}]", style=DIM)
        if finding.next:
            text.append(f"\n{signs.arrow} {finding.next}", style="not bold default")
        sheet.add(Text(sign, style=colour), finding.what, text)
    bad = sum(finding.sign == "bad" for finding in findings)
    to_know = sum(finding.sign == "check" for finding in findings)
    end = Text(plural(bad, "problem") if bad else "No problem", style=BAD if bad else GOOD)
    if to_know:
        end.append(f", {plural(to_know, 'thing', 'things')} to know", style="not bold default")
    return Group(sheet, Text(), Text.assemble(end, f". Exit code {exit_code}."))
