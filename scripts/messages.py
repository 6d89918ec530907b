"""Write docs/messages.md from data/problems.toml, for `make messages`; a test keeps the page current."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attsync.problems import all_codes, catalogue

PAGE: Final = Path(__file__).parents[1] / "docs" / "messages.md"

_HEAD: Final = """\
# What a message means, and what to do

<!-- Written by `make messages` from src/attsync/data/problems.toml. Change that file, not this page. -->

Each message ends with a code in brackets. Search this page for it. An email from cron starts with such a message.
To see what is wrong now:

    attsync status --problems

One school has a row per day. Several schools have each problem with its day, or with one day and the number of others;
`--school` and a URN show every day of one school.

**Who acts:** the **data manager** looks after marks and pupils in the management information system (MIS). **IT** looks
after the computer and the settings file, and the **database administrator** after the school's database. The **head**
decides about consent. **Exit code:** what a send with only this problem ends with. 0 means that the problem is shown,
but does not stop anything.

A message without a code is not about a school:

| Message | Reason | What to do |
| --- | --- | --- |
| *Error: there is no command ...* or a similar line | a command or an option is mistyped | `attsync --help` |
| *attsync: not found*, *bad interpreter*, *required file not found*; systemd: *status=203/EXEC* | \
the folder of the program was moved or deleted, or its Python was removed | \
[install it again](install.md#when-something-has-moved), then `attsync crontab --install` |
| *No module named 'attsync'* | Python was upgraded to another version | the same |
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *(part for section in catalogue()["section"] for part in _section(section))])


def _section(section: dict[str, str]) -> Iterator[str]:
    yield f"## {section['title']}\n"
    if intro := section["intro"].strip():
        yield f"{intro}\n"
    for code in all_codes():
        entry: dict[str, Any] = catalogue()[code]
        if entry["section"] == section["title"]:
            yield f"### {code}\n"
            yield f"{entry['meaning']}\\\nExit code {entry['exit']}. Who acts: {entry['acts']}.\n"
            yield f"{entry['help'].strip()}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
