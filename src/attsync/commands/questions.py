"""The questions of `attsync init`: each answer is checked as it is typed, and a wrong one is asked for again.

Six for one school; Enter takes what stands in brackets. Must not know the settings file.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import click

from attsync.commands.terminal import for_people

_Answer = TypeVar("_Answer")

_LEAVING: Final = {"": "last_day", "1": "last_day", "2": "first_day_off"}


@dataclass(slots=True)
class Database:
    """One school database."""

    url: str
    """Empty: to be filled in later."""
    leaving_date_is: str
    schools: list[tuple[int, str]] = field(default_factory=list)
    """URN and name."""


@dataclass(slots=True)
class Answers:
    """What was answered."""

    databases: list[Database] = field(default_factory=list)
    base_url: str = ""
    """Empty: to be filled in later."""


def ask() -> Answers:
    """Ask everything."""
    from attsync.settings.types import typed_text

    answers = Answers()
    name = _ask("Name of the school", typed_text)
    while name:
        urn = _ask("Its URN, 6 digits (from Get Information About Schools)", lambda said: _new_urn(said, answers))
        _database(answers).schools.append((urn, name))
        name = _ask("Name of another school (Enter: no other school)", lambda said: said and typed_text(said), "")
    _explain("\nThe DfE gives you the address that counts are sent to.")
    answers.base_url = _ask("DfE address, https://... (Enter: fill it in later)", _base_url, "")
    return answers


def _database(answers: Answers) -> Database:
    """Return the database of a school: a new one, or the one of the school before."""
    if answers.databases:
        url = _ask("Address of its database (Enter: the same database)", _url, "")
        if known := [each for each in answers.databases if each.url == url] or answers.databases[-1:] * (not url):
            return known[0]
    else:
        _explain(
            "\nIts database: an address such as postgresql://attsync_ro@server/school, or the path of an SQLite file."
            " An address with a password is kept in a separate file that only this account can read."
        )
        url = _ask("Address of the school database (Enter: fill it in later)", _url, "")
    _explain(
        "\nA leaving date may be (1) the last day at school or (2) the day after. The school office knows; if you"
        " cannot ask now, press Enter and correct it later."
    )
    answers.databases.append(Database(url, _ask("1 or 2 (Enter: 1)", _leaving, "")))
    return answers.databases[-1]


def _new_urn(said: str, answers: Answers) -> int:
    from attsync.settings.types import typed_urn

    urn = typed_urn(said)
    if urn in [known for database in answers.databases for known, _ in database.schools]:
        raise ValueError("That school is already listed.")
    return urn


def _url(said: str) -> str:
    from attsync.settings.types import typed_database

    return said and typed_database(said)


def _leaving(said: str) -> str:
    said = said.strip()
    if said not in {**_LEAVING, **dict.fromkeys(_LEAVING.values())}:
        raise ValueError("Answer 1 or 2.")
    return _LEAVING.get(said, said)


def _base_url(said: str) -> str:
    from attsync.settings.types import typed_https

    address = said and typed_https(said)
    if address.endswith("/attendances"):
        raise ValueError("Leave out /attendances at the end: attsync adds it.")
    return address


def _ask(words: str, check: Callable[[str], _Answer], default: str | None = None) -> _Answer:
    """Ask until the answer passes `check`; without a default there has to be one."""
    while True:
        said = click.prompt(words, default=default or "", show_default=False, value_proc=str)
        if default is None and not said.strip():
            _explain("An answer is needed. Try again:")
            continue
        try:
            return check(said)
        except ValueError as error:
            _explain(f"{error} Try again:")


def _explain(words: str) -> None:
    lead = "\n" if words.startswith("\n") else ""
    click.echo(lead + for_people(words.lstrip("\n"), sys.stdout))
