"""From problems to sentences: the one module with grammar. The texts are in data/problems.toml.

A command inside a sentence is a value, `Command`, and is written out once, with the program and the settings file that
this process was started with. Imports nothing of attsync above `codes`.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, NamedTuple, TypeVar

from attsync.plural import plural
from attsync.problems import Problem, Value, catalogue, entry_of

_WITHOUT_SETTINGS: Final = frozenset({"demo", "explain", "init", "sandbox", "--help", "--version"})
"""Commands that do not read the settings file, so --config is not added to them."""


_COUNTS: Final = frozenset({"before", "enrolments", "marks", "more_marks", "most", "other_marks", "present", "pupils"})
"""Parameters that count marks or pupils: below 5 they could identify a child, and are not shown in an email."""
_FEW: Final = 5
UNBREAKABLE: Final = "\ue000"
"""Replaces a space at which no line may be broken, until the lines are made. No text uses this character."""


class _Few(int):
    """A count that is not shown."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something to type: a program and its arguments."""

    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.arguments)

    @property
    def completed(self) -> str:
        """The command as it works when it is pasted: started as this process was, with the same settings file."""
        program, *arguments = self.arguments
        if program != "attsync":
            return str(self)
        words = " ".join([_invocation.program, *([shlex.join(arguments)] if arguments else [])])
        reads = not {*arguments[:1], *arguments} & {*_WITHOUT_SETTINGS, "--config"}
        return f"{words} --config {shlex.quote(_invocation.config)}" if _invocation.config and reads else words

    @property
    def unbroken(self) -> str:
        """The command as it is pasted, with no space at which a line may be broken."""
        return self.completed.replace(" ", UNBREAKABLE)


@dataclass(slots=True)
class _Invocation:
    program: str = "attsync"
    """What starts this program again, quoted for a shell."""
    config: str = ""
    """The settings file that was named with --config; empty: none was."""


_invocation: Final = _Invocation()


def started_as(program: str | None = None, config: str | None = None) -> None:
    """Set how this process was started; every command that is shown from now on is completed with it."""
    if program is not None:
        _invocation.program = program
    if config is not None:
        _invocation.config = config


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence or several: plain text, with commands as values in it."""

    parts: tuple[str | Command, ...]

    def __str__(self) -> str:
        return "".join(map(str, self.parts))

    def __bool__(self) -> bool:
        return any(map(str, self.parts))

    def __add__(self, other: "Text") -> "Text":
        """Return both, with a space between them if neither is empty."""
        return Text((*self.parts, *([" "] if self and other else []), *other.parts))

    @property
    def completed(self) -> str:
        """The text with its commands as they work when they are pasted."""
        return "".join(part if isinstance(part, str) else part.completed for part in self.parts)

    @property
    def unbroken(self) -> str:
        """The text with its commands as they are pasted, none of which may be broken across lines."""
        return "".join(part if isinstance(part, str) else part.unbroken for part in self.parts)


def attsync(*arguments: str) -> Command:
    """Return a command of attsync."""
    return Command(("attsync", *arguments))


class Told(NamedTuple):
    """A problem that is shown once, with the days it is about."""

    problem: Problem
    days: tuple[date, ...]


_EACH: Final = frozenset({"MARK-UNKNOWN", "DFE-FAULTS", "DFE-REJECTED"})
"""Problems of single marks: each has to be corrected, so each is shown. The others are corrected once for all days."""
_NAME_THEIR_DAY: Final = frozenset(
    {"MARK-UNKNOWN", "SESSION-UNKNOWN", "YEAR-UNKNOWN", "MARK-DOUBLE", "COLUMN-WRONG", "COUNT-WRONG"}
)
"""Problems of a day whose sentence names the day."""
_OF_ONE_SCHOOL: Final = _EACH | _NAME_THEIR_DAY
"""Problems whose sentence is about the marks of one school; any other can affect several schools."""


def is_shared(problem: Problem) -> bool:
    """Whether one cause may have led to this problem for several schools."""
    return problem.code not in _OF_ONE_SCHOOL


def grouped(problems: Iterable[tuple[Problem | None, date | None]]) -> list[Told]:
    """Return the problems that several days share, each once with its days."""
    groups: dict[object, tuple[Problem, list[date]]] = {}
    for problem, day in problems:
        if problem:
            _, days = groups.setdefault(_kind(problem), (problem, []))
            days += [day] if day else []
    return [Told(problem, tuple(sorted(days))) for problem, days in groups.values()]


def _kind(problem: Problem) -> object:
    """Return a key that is equal for problems that are shown once."""
    if problem.code in _EACH:
        return problem
    return problem.code if problem.code in _NAME_THEIR_DAY else (problem.code, problem.case, str(next_step(problem)))


_Hit = TypeVar("_Hit")


def by_cause(told: Iterable[tuple[_Hit, Told]], *, alike: bool = False) -> list[tuple[list[_Hit], Told]]:
    """Return each cause once, with everything that it affects, such as schools, and with the days of all of them.

    `alike`: also problems of single marks that are of one kind.
    """
    causes: dict[object, tuple[list[_Hit], Problem, set[date]]] = {}
    for number, (who, (problem, days)) in enumerate(told):
        if problem.code == "DFE-CLOSED":  # the answer of one request, and what was known before: one cause
            key: object = problem.code
        else:
            key = problem.but(urn=None) if is_shared(problem) else problem.code if alike else number
        hit, _, all_days = causes.setdefault(key, ([], problem, set()))
        hit += [who] if who not in hit else []
        all_days.update(days)
    return [
        (hit, Told(of_several(problem) if hit[1:] else problem, tuple(sorted(days))))
        for hit, problem, days in causes.values()
    ]


def of_several(problem: Problem) -> Problem:
    """Return a problem as it is shown for several schools at once: their URNs are beside it."""
    return problem.but(urn="URN") if problem.get("urn") else problem


def happened(problem: Problem, *, discreet: bool = False) -> Text:
    """Return what happened; if `discreet`, for an email: counts below 5 are not shown, nor is their year group."""
    return _say(problem, entry_of(problem)["happened"], discreet=discreet)


def not_done(problem: Problem) -> Text:
    """Return the sentence that says what did not happen because of it."""
    name = str(problem.get("undone") or entry_of(problem).get("not_done", "none"))
    return _fill(catalogue()["not_done"][name], problem.parameters)


def in_general(problem: Problem) -> Text:
    """Return what a problem means and what did not happen, for several schools that have it."""
    entry = entry_of(problem)
    return Text((entry["meaning"],)) + not_done(
        problem.but(undone="days" if entry.get("not_done") == "day" else "none")
    )


def text(problem: Problem, days: Sequence[date] = (), *, discreet: bool = False) -> Text:
    """Return what happened and what did not happen because of it, with the days it is about; `discreet` as above."""
    more = plural(len(days) - 1, "more day") if days[1:] else ""
    if problem.code in _NAME_THEIR_DAY:
        same = Text((f"The same applies to {more}.",) if more else ())
        return happened(problem, discreet=discreet) + same + not_done(problem)
    when = Text((f"{days[0]:%a %-d %b}{f' and {more}' if more else ''}:",) if days else ())
    return when + happened(problem, discreet=discreet) + not_done(problem)


def next_step(problem: Problem, *, discreet: bool = False, sends: bool = True) -> Text:
    """Return what to do next; `discreet` as in `happened`. If not `sends`, leave out the next send."""
    entry = entry_of(problem)
    then = entry["next"]
    if sends and "later" in entry:
        then = f"{catalogue()['later'][entry['later']]} If this continues, {then[0].lower()}{then[1:]}"
    return _say(problem, then, discreet=discreet)


def brief(problem: Problem) -> str:
    """Return the problem in a few words, for a cell of a table."""
    return str(_say(problem, entry_of(problem)["brief"]))


def as_json(problem: Problem) -> dict[str, str]:
    """Return a problem as `--json` has it."""
    return {"code": problem.code, "text": str(text(problem)), "next": str(next_step(problem))}


def _say(problem: Problem, template: str, *, discreet: bool = False) -> Text:
    values = dict(problem.parameters)
    few = {n: _Few(v) for n, v in values.items() if n in _COUNTS and isinstance(v, int) and 0 < v < _FEW}
    return _fill(template, (values | few if discreet else values).items(), discreet=discreet and bool(few))


def _fill(template: str, parameters: Iterable[tuple[str, Value]], *, discreet: bool = False) -> Text:
    values = dict(parameters)
    parts: list[str | Command] = []
    for kind, piece in _pieces(template):
        names = _names(piece)
        if kind == "optional" and (not all(map(values.get, names)) or (discreet and "year_group" in names)):
            continue
        if kind == "optional":
            parts += _fill(piece, values.items(), discreet=discreet).parts
        elif kind == "command":
            parts.append(Command(tuple(word for part in shlex.split(piece) for word in _arguments(part, values))))
        else:
            words = _words(piece, values)
            parts.append(re.sub(r"(^|(?<=\. ))fewer", "Fewer", words) if discreet else words)
    return Text(tuple(part for part in parts if part))


@cache
def _pieces(template: str) -> tuple[tuple[str, str], ...]:
    """Return the template in pieces: plain text, <optional text> and `commands`."""
    found = re.finditer(r"<(?P<optional>[^<>]*)>|`(?P<command>[^`]*)`|(?P<plain>[^<`]+)", template)
    return tuple((piece.lastgroup or "", piece[piece.lastgroup or 0]) for piece in found)


def _names(template: str) -> list[str]:
    return re.findall(r"\{(\w+)", template)


def _words(template: str, values: Mapping[str, Value]) -> str:
    # A parameter may be missing in a problem that another version of attsync has recorded.
    return re.sub(
        r"\{(\w+)(?::([^{}]*))?\}",
        lambda found: _write(values[found[1]], found[2] or "") if found[1] in values else "?",
        template,
    )


def _arguments(template: str, values: Mapping[str, Value]) -> tuple[str, ...]:
    """Return one argument of a command; several where it is a parameter that is a tuple, none where it is empty."""
    if template.startswith("{") and template.endswith("}"):
        value = values.get(template[1:-1], ())
        return value if isinstance(value, tuple) else (str(value),)
    return (_words(template, values),)


def _write(value: Value, how: str) -> str:  # noqa: PLR0911  one line per format
    """Write one parameter in the format of its template."""
    if isinstance(value, tuple):
        return listed([_write(item, how) for item in value])
    if how == "date":
        return f"{date.fromisoformat(str(value)[:10]):%a %-d %b}"
    if how == "longdate":
        return f"{date.fromisoformat(str(value)[:10]):%-d %B %Y}"
    if how == "quoted":
        return f'"{value}"'
    if how == "year":
        from attsync.codes import year_groups  # noqa: PLC0415  the help page does not need year groups

        return year_groups().get(str(value), str(value))
    if isinstance(value, str):
        return value
    if how.startswith("="):
        one, several = how[1:].split("|")
        return one if value == 1 and not isinstance(value, _Few) else several
    if how == "count":
        return f"fewer than {_FEW}" if isinstance(value, _Few) else f"{value:,}"
    if not how or how[0] in ",.0123456789":
        return format(value, how)
    one, _, several = how.partition("|")
    return (
        f"fewer than {_FEW} {several or one + 's'}"
        if isinstance(value, _Few)
        else plural(int(value), one, several or None)
    )


def listed(items: list[str]) -> str:
    """Write items as a sentence has them: a, b and c."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
