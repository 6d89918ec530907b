"""What can go wrong: a problem is a code with parameters, and an error is an exception that carries one.

    AttsyncError            ends a command, or the part of it that is about one database
    +-- SettingsError   2   command line, settings file, a secret file, the clock
    +-- SchoolError     3   a school database
    +-- AlreadyRunning  6   another run is in progress
    +-- NotPermitted    7   consent or permission is missing
    +-- LogError        9   the log or the lock
    Stopped                 a signal: not an Exception, so that no `except Exception` catches it

The sentences are in data/problems.toml, and `messages` makes them. What the DfE answers (4, 5, 8) is not raised: it is
a `Problem` in an outcome. Imports no library; the module that calls one turns its errors into these.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final, Self

from attsync import data

Value = str | int | float | tuple[str, ...]
"""The type of a parameter of a problem, as JSON has it. A date is its ISO text."""

_FIRST_TO_LAST: Final = (70, 9, 2, 7, 4, 8, 3, 5)


@dataclass(frozen=True, slots=True, init=False)
class Problem:
    """One thing to report: a code of data/problems.toml, one of its cases, and the parameters of its text."""

    code: str
    case: str
    parameters: tuple[tuple[str, Value], ...]
    """Sorted by name. `days` are the dates it is about, `setting` is the path of the setting to change,
    `undone` names a sentence of [not_done] that replaces the usual one."""

    def __init__(self, code: str, case: str = "", /, **parameters: object) -> None:
        values = {name: _plain(value) for name, value in parameters.items()}
        for name, value in (
            ("code", code),
            ("case", case),
            ("parameters", tuple(sorted((n, v) for n, v in values.items() if v not in (None, "", ())))),
        ):
            object.__setattr__(self, name, value)

    def __getitem__(self, name: str) -> Value:
        """Return a parameter; raise KeyError if the problem does not have it."""
        return dict(self.parameters)[name]

    def get(self, name: str, default: Value = "") -> Value:
        """Return a parameter, or `default` if the problem does not have it."""
        return dict(self.parameters).get(name, default)

    def but(self, case: str | None = None, /, **parameters: object) -> "Problem":
        """Return the same problem with other parameters, or as another case."""
        return Problem(self.code, self.case if case is None else case, **(dict(self.parameters) | parameters))

    @property
    def days(self) -> tuple[date, ...]:
        """The days it is about, where it is a problem of a school and not of one of its days."""
        return tuple(date.fromisoformat(str(day)) for day in self._texts("days"))

    @property
    def setting(self) -> tuple[str, ...]:
        """The path of the setting to change, such as ("dfe", "base_url"); empty: none, or one of several."""
        return self._texts("setting") or tuple(entry_of(self).get("setting", ()))

    @property
    def exit_code(self) -> int:
        """The exit code that this problem alone would lead to."""
        return int(entry_of(self)["exit"])

    def _texts(self, name: str) -> tuple[str, ...]:
        value = self.get(name, ())
        return value if isinstance(value, tuple) else (str(value),)


def _plain(value: object) -> object:
    """Return `value` as JSON has it, so that a problem read back from the log equals the one written."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(str(_plain(item)) for item in value)
    return value if isinstance(value, str | int | float | None) else str(value)


@cache
def catalogue() -> dict[str, Any]:
    """Return data/problems.toml: a table for each code, [not_done] and the sections of docs/messages.md."""
    return tomllib.loads(data.text("problems.toml"))


def all_codes() -> tuple[str, ...]:
    """Return every problem code, in the order of docs/messages.md."""
    return tuple(name for name, entry in catalogue().items() if isinstance(entry, dict) and "exit" in entry)


def entry_of(problem: Problem) -> dict[str, Any]:
    """Return the entry of data/problems.toml for a problem: that of its code, overridden by that of its case."""
    entry: dict[str, Any] = catalogue()[problem.code]
    return entry | entry.get(problem.case, {}) if problem.case else entry


class AttsyncError(Exception):
    """Anything that ends a command, or a school's part of it, with a problem."""

    def __init__(self, code: str, case: str = "", /, **parameters: object) -> None:
        self.problem = Problem(code, case, **parameters)
        super().__init__()

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Return an error with this problem."""
        error = cls(problem.code)
        error.problem = problem
        return error

    def __str__(self) -> str:
        return " ".join(filter(None, [self.problem.code, self.problem.case]))

    @property
    def exit_code(self) -> int:
        """The exit code of docs/design/reliability.md 2."""
        return self.problem.exit_code


class SettingsError(AttsyncError):
    """The command line, the settings, a secret file or the clock is wrong. Nothing was sent."""


class SchoolError(AttsyncError):
    """A school database could not be read. The other databases are."""


class AlreadyRunning(AttsyncError):
    """Another run has the lock."""


class NotPermitted(AttsyncError):
    """Consent or the permission to give it is missing."""


class LogError(AttsyncError):
    """The log or the lock cannot be opened or written. A send ends there, or does not begin."""


class Stopped(BaseException):
    """A signal asked the program to end. Not an Exception, so that no handler on the way catches it."""

    def __init__(self, signal: int) -> None:
        self.exit_code = 128 + signal
        super().__init__()


def is_memory(error: BaseException) -> bool:
    """Whether an error means that this computer has no memory left, such as for a new thread or a library."""
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in ("start new thread", "malloc failure", "map segment")
    )


def exit_code(problems: Iterable[Problem], *, confirmed: bool) -> int:
    """Reduce a run's problems to its exit code (docs/design/reliability.md 2).

    `confirmed` says whether the DfE confirmed anything in this run: then a problem of one school or day
    makes 1, whatever it was, because the others are fine.
    """
    codes = {problem.exit_code for problem in problems} - {0}
    if not codes:
        return 0
    if confirmed and 70 not in codes:  # noqa: PLR2004  the table of docs/design/reliability.md 2
        return 1
    return next((code for code in _FIRST_TO_LAST if code in codes), 1)
