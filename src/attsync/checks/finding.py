"""One line of `attsync check`: a sign, what was looked at, what was found, what to do, and where in the settings.

Pure; refuses to know what is looked at.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from attsync.problems import Problem, exit_code
from attsync.settings import Location, Origins


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `attsync check`."""

    sign: Literal["good", "check", "bad"]
    what: str
    text: str
    next: str = ""
    code: str | None = None
    """The problem's code, for the exit code and for looking it up."""
    setting: Location | None = None
    """What has to be changed, if that is a setting."""
    where: str = ""
    """File and line of that setting."""

    def as_json(self) -> dict[str, str | None]:
        """Give the line as `--json` has it."""
        return {
            "sign": self.sign,
            "what": self.what,
            "text": self.text,
            "next": self.next,
            "code": self.code,
            "where": self.where or None,
        }


def told(what: str, problem: Problem, setting: Location | None = None) -> Finding:
    """Make a bad line of a problem; its setting is the one that it names, if none is given.

    What was not sent because of it goes without saying: a check sends nothing.
    """
    return Finding("bad", what, problem.happened, problem.next, problem.code, setting or problem.setting or None)


def placed(findings: Iterable[Finding], origins: Origins) -> list[Finding]:
    """Give the lines that say what to do the places of their settings."""
    return [
        finding
        if finding.sign == "good" or finding.setting is None
        else replace(finding, where=origins.where(finding.setting))
        for finding in findings
    ]


def exit_code_of(findings: Iterable[Finding]) -> int:
    """Reduce the bad lines to an exit code (RELIABILITY.md 2)."""
    problems = [Problem(f.code, f.text, f.next) for f in findings if f.sign == "bad" and f.code]
    return exit_code(problems, confirmed=False)
