"""`attsync check`: everything that a send needs, tested; what fails is a line. Sends no counts."""

from dataclasses import dataclass
from typing import Literal

from attsync import messages
from attsync.problems import Problem
from attsync.settings import Location

Sign = Literal["good", "check", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `attsync check`."""

    sign: Sign
    what: str
    """What was tested."""
    found: str | Problem
    """A sentence if it is good, otherwise the problem."""
    setting: Location = ()
    """What has to be changed, if that is a setting."""
    where: str = ""
    """File and line of that setting."""
    paste: tuple[str, ...] = ()
    """Lines for the settings file."""

    @property
    def text(self) -> str:
        """What was found, without the sentence that nothing was sent."""
        if isinstance(self.found, str):
            return self.found
        would = self.found.get("undone") == "days_dry"
        said = str(messages.text(self.found) if would else messages.happened(self.found))
        start = f"{self.what}: "
        return said[len(start) :] if said.casefold().startswith(start.casefold()) else said

    @property
    def next(self) -> messages.Text:
        """What to do next: now, as this is not a send."""
        return messages.Text(()) if isinstance(self.found, str) else messages.next_step(self.found, sends=False)

    @property
    def code(self) -> str | None:
        """The code to look up."""
        return None if isinstance(self.found, str) else self.found.code

    def as_json(self) -> dict[str, str | None]:
        """Return the line as `--json` has it."""
        then = "\n".join(filter(None, (str(self.next), *self.paste)))
        return {
            "sign": self.sign,
            "what": self.what,
            "text": self.text,
            "next": then,
            "code": self.code,
            "where": self.where or None,
        }
