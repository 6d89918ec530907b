"""messages.py and data/problems.toml: each problem has its sentences, and each call has the parameters they need."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import external_file

import attsync
from attsync import messages
from attsync.messages import Command, Text, Told, grouped, started_as
from attsync.problems import Problem, all_codes, catalogue, entry_of

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
SENTENCES = ("happened", "next", "brief")
KEYS = {
    *SENTENCES, "section", "exit", "acts", "meaning", "not_done", "later", "setting", "help",
}  # fmt: skip
SOURCES = [*Path(attsync.__file__).parent.rglob("*.py")]

# The template language


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401  a function
    """Return a function that fills in a template."""

    def filled(template: str, /, **parameters: object) -> Text:
        monkeypatch.setitem(catalogue(), "BUG", {"exit": 70, "happened": template})
        return messages.happened(Problem("BUG", **parameters))

    return filled


@pytest.mark.parametrize(
    ("template", "parameters", "said"),
    [
        ("{name} it is", {"name": "Oak"}, "Oak it is"),
        ("URN {urn}", {"urn": 900023}, "URN 900023"),
        ("{n:mark}", {"n": 1}, "1 mark"),
        ("{n:mark}", {"n": 1204}, "1,204 marks"),
        ("{n:entry|entries}", {"n": 2}, "2 entries"),
        ("{n:mark} {n:=has|have}", {"n": 1}, "1 mark has"),
        ("{n:mark} {n:=has|have}", {"n": 0}, "0 marks have"),
        ("{n:,}", {"n": 1204}, "1,204"),
        ("{share:.0%}", {"share": 0.953}, "95%"),
        ("{day:date}", {"day": date(2026, 11, 3)}, "Tue 3 Nov"),
        ("{day:longdate}", {"day": date(2026, 11, 3)}, "3 November 2026"),
        ("{days:date}", {"days": [MONDAY, TUESDAY]}, "Mon 23 Nov and Tue 24 Nov"),
        ("{names}", {"names": ("a", "b", "c")}, "a, b and c"),
        ("{names:quoted}", {"names": ("a", "b")}, '"a" and "b"'),
        ("{x:quoted}", {"x": "ZZ"}, '"ZZ"'),
        ("{group:year}", {"group": "R"}, "Reception"),
        ("a< and {b}>.", {"b": "b"}, "a and b."),
        ("a< and {b}>.", {}, "a."),
        ("a< and {b:mark}>.", {"b": 0}, "a."),
        ("a< ({b} of {c})>.", {"b": "b"}, "a."),
        ("a<, see `attsync send --school {b}`>.", {"b": 900023}, "a, see attsync send --school 900023."),
        ("a<, see `attsync send --school {b}`>.", {}, "a."),
        ("`chmod 600 {path}`", {"path": "/a b"}, "chmod 600 '/a b'"),
        ("`attsync check {more}`", {"more": ("--school", "1")}, "attsync check --school 1"),
    ],
)
def test_template_is_filled_in(say: Any, template: str, parameters: dict[str, object], said: str) -> None:  # noqa: ANN401
    """As the head of data/problems.toml describes it."""
    assert str(say(template, **parameters)) == said


def test_value_is_never_read_as_a_template(say: Any) -> None:  # noqa: ANN401
    """A path or a server's text may contain any of its signs."""
    value = "{day:date} `rm` <b>"

    text = say("{a}< {b}> `attsync {c}`", a=value, b=value, c=value)

    assert str(text) == f"{value} {value} attsync '{value}'"


def test_small_counts_are_not_named_in_a_mail(say: Any) -> None:  # noqa: ANN401
    """C23: with the year group they could identify a child; on the screen they are named."""
    say("{marks:mark}< in {year_group:year}> {marks:=is|are} {code:quoted}. {marks:count} of {of}.", marks=1)
    problem = Problem("BUG", marks=1, year_group="9", code="ZZ", of=3)

    assert str(messages.happened(problem)) == '1 mark in Year 9 is "ZZ". 1 of 3.'
    assert str(messages.happened(problem, discreet=True)) == 'Fewer than 5 marks are "ZZ". Fewer than 5 of 3.'
    many = problem.but(marks=5)
    assert messages.happened(many, discreet=True) == messages.happened(many)


def test_command_works_when_it_is_pasted(say: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    """Started as this process was, with the same settings file; other programs are left as they are."""
    text = say(
        "Run `attsync send --school {urn}`, `attsync demo`, `attsync` or `chmod 600 {path}`.", urn=1, path="/a b"
    )
    monkeypatch.setattr(messages, "_invocation", messages._Invocation())  # noqa: SLF001  that of this process
    assert text.completed == str(text)

    started_as("'/opt/my venv/attsync'", "/etc/my config.toml")

    program, config = "'/opt/my venv/attsync'", "--config '/etc/my config.toml'"
    assert text.completed == (
        f"Run {program} send --school 1 {config}, {program} demo, {program} {config} or chmod 600 '/a b'."
    )
    assert str(text).startswith("Run attsync send --school 1, ")
    assert Command(("attsync", "send", "--config", "x")).completed == f"{program} send --config x"


def test_texts_are_joined_by_a_space_if_both_say_something() -> None:
    """What was not done is often left out."""
    a, b, nothing = Text(("a.",)), Text((Command(("attsync", "send")),)), Text(("",))

    assert [str(a + b), str(a + nothing), str(nothing + b), str(nothing + nothing)] == [
        "a. attsync send", "a.", "attsync send", "",
    ]  # fmt: skip
    assert not nothing


# Problems of several days


def test_problem_that_several_days_share_is_said_once() -> None:
    """With its days in order; what each has to be corrected is said each time."""
    gone, busy = Problem("DFE-FAULTS", number=1, day=MONDAY), Problem("DFE-BUSY")
    other = gone.but(number=2)

    told = grouped([(busy, TUESDAY), (None, MONDAY), (gone, MONDAY), (busy, MONDAY), (other, MONDAY), (busy, None)])

    assert told == [Told(busy, (MONDAY, TUESDAY)), Told(gone, (MONDAY,)), Told(other, (MONDAY,))]


def test_days_of_a_problem_are_named_before_it_or_counted() -> None:
    """The first by its name, and how many more there are; not twice where the sentence has the day."""
    problem = Problem("STOPPED")
    alone = str(messages.text(problem))

    assert str(messages.text(problem, [MONDAY])) == f"Mon 23 Nov: {alone}"
    assert str(messages.text(problem, [MONDAY, TUESDAY])) == f"Mon 23 Nov and 1 more day: {alone}"
    named = Problem("COUNT-WRONG")
    first, last = messages.happened(named), messages.not_done(named)
    assert str(messages.text(named, [MONDAY])) == f"{first} {last}"
    assert str(messages.text(named, [MONDAY, TUESDAY, MONDAY])) == f"{first} The same applies to 2 more days. {last}"


def test_what_was_not_done_is_said_after_what_happened() -> None:
    """The usual sentence of the code, or the one that the caller names."""
    usual = str(messages.text(Problem("CONSENT-NONE", urn=1)))
    assert usual.endswith(catalogue()["not_done"]["nothing_read_sent"])
    assert str(messages.text(Problem("CONSENT-NONE", urn=1, undone="run"))).endswith(catalogue()["not_done"]["run"])
    assert messages.as_json(Problem("RUNNING"))["code"] == "RUNNING"


# The catalogue


@dataclass(frozen=True)
class Entry:
    """One code, or one of its cases."""

    code: str
    case: str

    def __str__(self) -> str:
        return f"{self.code}.{self.case}" if self.case else self.code

    @property
    def texts(self) -> dict[str, Any]:
        """Return what data/problems.toml says of it."""
        return entry_of(Problem(self.code, self.case))

    def problem(self, number: int, *, with_optional: bool = True) -> Problem:
        """Return the problem with a value for each parameter in its sentences; each number is `number`."""
        found = chain.from_iterable(_fields(self.texts[each], with_optional) for each in SENTENCES)
        fields = dict(sorted(found, key=lambda field: bool(field[1])))
        return Problem(self.code, self.case, **{name: _value(name, how, number) for name, how in fields.items()})


def _fields(template: str, with_optional: bool) -> Iterator[tuple[str, str]]:  # noqa: FBT001
    if not with_optional:
        template = re.sub(r"<[^<>]*>", "", template)
    yield from re.findall(r"\{(\w+):?([^{}]*)\}", template)


def _value(name: str, how: str, number: int) -> object:
    match how:
        case "date" | "longdate":
            return MONDAY
        case "year":
            return "4"
        case "" | "quoted":
            return {"urn": 900023, "path": "/etc/a file"}.get(name, name.upper())
    return number


def entries() -> list[Entry]:
    """Return every code, and every case."""
    cases = {code: [name for name, each in catalogue()[code].items() if isinstance(each, dict)] for code in all_codes()}
    return [Entry(code, case) for code in all_codes() for case in ("", *cases[code])]


WRITTEN = [each for each in entries() if "happened" in each.texts and "next" in each.texts]


def test_every_code_has_its_sentences() -> None:
    """None is written elsewhere. A code that is only raised as one of its cases needs none itself."""
    raised = {call.entry.code for call in calls() if not call.entry.case}
    assert [str(each) for each in entries() if each not in WRITTEN and (each.case or each.code in raised)] == []


def test_entries_have_known_members() -> None:
    """A misspelt one would be silent."""
    sections = {section["title"] for section in catalogue()["section"]}
    for each in entries():
        own = catalogue()[each.code]
        assert set(own[each.case] if each.case else own) - (set() if each.case else _cases(own)) <= KEYS, each
        assert each.texts["section"] in sections, each
        assert each.texts.get("not_done", "none") in catalogue()["not_done"], each
        assert all(isinstance(part, str) for part in each.texts.get("setting", [])), each


def _cases(entry: dict[str, Any]) -> set[str]:
    return {name for name, each in entry.items() if isinstance(each, dict)}


@pytest.mark.parametrize("entry", WRITTEN, ids=str)
def test_sentences_can_be_made_of_any_number(entry: Entry) -> None:
    """None, one, several, and without what is optional; no sign of the template language is left over."""
    for problem in (entry.problem(0), entry.problem(1), entry.problem(3), entry.problem(3, with_optional=False)):
        for said in (messages.text(problem), messages.next_step(problem), messages.brief(problem)):
            assert not re.search(r"[{}`<>?\n]|\b1 \w+s\b", str(said)), said
    assert not re.search(
        r"  | [.,:](\s|$)", f"{messages.text(entry.problem(3))} {messages.next_step(entry.problem(3))}"
    )
    for which in SENTENCES:
        template = entry.texts[which]
        assert not re.search(r"\w[<>]\w", template), "two words would be joined"
        assert which == "brief" or not re.search(r"`[^`]+`\.", template), "a command would be pasted with a full stop"
        assert "".join(kind and _again(kind, piece) for kind, piece in messages._pieces(template)) == template  # noqa: SLF001


def _again(kind: str, piece: str) -> str:
    return {"optional": "<{}>", "command": "`{}`", "plain": "{}"}[kind].format(piece)


def test_sentences_are_those_that_were_read() -> None:
    """To take over a change: pytest --inline-snapshot=fix tests/test_messages.py."""
    lines = []
    for entry in WRITTEN:
        problem = entry.problem(3)
        lines += [f"{entry}: {messages.brief(problem)}", f"    {messages.text(problem)}"]
        lines += [f"    {messages.next_step(problem)}"]
    assert "\n".join([*lines, ""]) == external_file("messages.txt")


# Where problems are made


@dataclass(frozen=True)
class Call:
    """One place where a problem, or an error with one, is made."""

    place: str
    entry: Entry
    names: frozenset[str]
    """Of its parameters."""
    is_complete: bool
    """It takes over no parameters from elsewhere (`**`)."""


def calls() -> Iterator[Call]:
    """Find the calls whose code and case are written there; those of the old form have a sentence instead."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) not in (1, 2):
                continue
            words = [str(each.value) for each in node.args if isinstance(each, ast.Constant)]
            if len(words) == len(node.args) and words[0] in all_codes():
                names = frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
                entry = Entry(words[0], words[1] if words[1:] else "")
                yield Call(f"{path.name}:{node.lineno}", entry, names, len(names) == len(node.keywords))


@pytest.mark.parametrize("call", [*calls()], ids=lambda call: f"{call.place} {call.entry}")
def test_call_has_the_parameters_of_its_sentences(call: Call) -> None:
    """A case that is not in the file would be said as another; a parameter that is missing as a question mark."""
    assert call.entry in entries()
    if call.is_complete and call.entry in WRITTEN:
        needed = {name for which in SENTENCES for name, _ in _fields(call.entry.texts[which], with_optional=False)}
        added = {"what", "path", "account"} if call.entry.code == "SECRET-FILE" else set()  # by read_secret, to each
        assert needed - call.names <= added


def test_every_case_is_used() -> None:
    """Or its sentence is never said."""
    words = {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
    }
    beginnings = tuple(word for word in words if isinstance(word, str) and word.endswith("_") and word != "_")
    unused = [entry for entry in entries() if entry.case and entry.case not in words]
    assert [str(entry) for entry in unused if not entry.case.startswith(beginnings)] == []
