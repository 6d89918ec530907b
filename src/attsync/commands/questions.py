"""The questions of `attsync init`: each answer is checked as it is typed, and a wrong one is asked for again.

Six for one school; Enter takes what is in brackets. Imports nothing that reads or writes a settings file.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import click

from attsync.commands.terminal import say
from attsync.settings.types import typed_database, typed_https, typed_text, typed_urn

_Answer = TypeVar("_Answer")

_LEAVING: Final = {"1": "last_day", "2": "first_day_off"}


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
    """Empty: the example's."""
    base_url: str = ""
    """Empty: to be filled in later."""


def ask() -> Answers:
    """Put every question."""
    answers = Answers()
    name = _ask("Name of the school", typed_text)
    while name:
        urn = _ask("Its URN, 6 digits (from Get Information About Schools)", lambda said: _new_urn(said, answers))
        _database(answers).schools.append((urn, name))
        name = _ask("Name of another school (Enter: no other school)", typed_text, "")
    _explain("\nThe DfE gives you the address that counts are sent to.")
    answers.base_url = _ask("DfE address, https://... (Enter: fill it in later)", _base_url, "")
    return answers


def _database(answers: Answers) -> Database:
    """Return the database of a school: a new one, or the one of the school before."""
    if answers.databases:
        url = _ask("Address of its database (Enter: the same database)", typed_database, "")
        if known := [each for each in answers.databases if each.url == url] or answers.databases[-1:] * (not url):
            return known[0]
    else:
        _explain(
            "\nIts database: an address such as postgresql://attsync_ro@server/school, or the path of an SQLite file."
            " An address with a password is kept in a separate file that only this account can read."
        )
        url = _ask("Address of the school database (Enter: fill it in later)", typed_database, "")
    _explain(
        "\nA leaving date may be (1) the last day at school or (2) the day after. The school office knows; if you"
        " cannot ask now, press Enter and correct it later."
    )
    answers.databases.append(Database(url, _ask("1 or 2 (Enter: 1)", _leaving, "last_day")))
    return answers.databases[-1]


def _new_urn(said: str, answers: Answers) -> int:
    urn = typed_urn(said)
    if urn in [known for database in answers.databases for known, _ in database.schools]:
        raise ValueError("That school is already listed.")
    return urn


def _leaving(said: str) -> str:
    said = said.strip()
    if said not in {*_LEAVING, *_LEAVING.values()}:
        raise ValueError("Answer 1 or 2.")
    return _LEAVING.get(said, said)


def _base_url(said: str) -> str:
    address = typed_https(said)
    if address.endswith("/attendances"):
        raise ValueError("Leave out /attendances at the end: attsync adds it.")
    return address


def _ask(words: str, check: Callable[[str], _Answer], default: _Answer | None = None) -> _Answer:
    """Repeat the question until the answer passes `check`; Enter alone is `default`, if there is one."""
    while True:
        said = click.prompt(words, default="", show_default=False, value_proc=str)
        if default is not None and not said.strip():
            return default
        if not said.strip():
            _explain("An answer is needed. Try again:")
            continue
        try:
            return check(said)
        except ValueError as error:
            _explain(f"{error} Try again:")


def _explain(words: str) -> None:
    if words.startswith("\n"):
        click.echo()
    say(words.lstrip("\n"))
