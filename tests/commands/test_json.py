"""What `--json` prints, against the schemas of the package: programs are written by them, so they only grow."""

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from attsync.model import SchoolOutcome, Sign, State
from attsync.problems import all_codes
from attsync.sandbox.faults import Fault
from tests.commands.trial import Trial, mark

Start = Callable[..., Trial]
Validator = Callable[[Any], None]

NAMES = ("check", "consent", "preview", "send", "settings", "status")
DEFINED = {
    "status": {"standing", "by", "at", "date", "AM", "PM", "marks", "on_roll", "sent_at", "state", "problem"},
    "send": {"run", "exit_code", "outcome", "date", "AM", "PM", "marks", "on_roll", "sent_at", "state", "problem"},
}
"""Members that version 1 has promised (SPEC 6): none may go."""


def schema(command: str) -> Any:  # noqa: ANN401  whatever the document holds
    """Read the schema that a command is described by."""
    name = "settings" if "--show-settings" in command else command.split(maxsplit=1)[0]
    file = files("attsync").joinpath("data", "schemas", f"{name}.json")
    return json.loads(file.read_text(encoding="utf-8"))


def validator(command: str, document: Any = None) -> Validator:  # noqa: ANN401
    """Make a validator of a schema; it may refer to the contract beside it."""
    contract = json.loads(files("attsync").joinpath("data", "openapi.json").read_text(encoding="utf-8"))
    registry: Registry[Any] = Registry().with_resource("file:///openapi.json", DRAFT202012.create_resource(contract))
    contents = (document or schema(command)) | {"$id": "file:///schemas/this.json"}
    return Draft202012Validator(contents, registry=registry).validate


def described(part: Any) -> Any:  # noqa: ANN401
    """Make a schema strict: no member that it does not describe."""
    if isinstance(part, list):
        return [described(each) for each in part]
    if not isinstance(part, dict):
        return part
    closed = {"additionalProperties": False} if part.get("type") == "object" else {}
    return {name: described(below) for name, below in part.items()} | closed


def objects(part: Any, *path: object) -> Iterator[tuple[object, ...]]:  # noqa: ANN401
    """Return the path of each member of each object of a document."""
    pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, below in pairs:
        if isinstance(part, dict):
            yield (*path, key)
        yield from objects(below, *path, key)


@pytest.fixture
def busy(trial: Start) -> Trial:
    """Run into every kind of day: received, faulty, refused, not due."""
    run = trial(Fault.FAULTY)
    run.change(("# connections = 8", "connections = 1"))
    mark(run, "2026-11-17", "ZZ")
    run("send")
    return run


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_one(name: str) -> None:
    """And closed to nothing: readers have to bear new members."""
    Draft202012Validator.check_schema(schema(name))
    assert "additionalProperties" not in json.dumps(schema(name))


def test_every_schema_is_tried() -> None:
    """A schema that no one validates against is a promise that no one keeps."""
    folder = files("attsync").joinpath("data", "schemas")
    assert sorted(file.name for file in folder.iterdir()) == [f"{name}.json" for name in NAMES]


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "status --problems",
        "status --date 2026-11-17",
        "send",
        "send --dry-run",
        "preview",
        "consent show",
        "consent show --history",
        "check",
        "check --offline",
        "check --show-settings",
    ],
)
def test_output_is_as_its_schema_says(busy: Trial, words: str) -> None:
    """Whatever has gone wrong."""
    validator(words)(busy(*words.split(), "--json").json)


@pytest.mark.parametrize("words", ["status", "send", "send --dry-run", "consent show"])
def test_school_without_consent_is_as_the_schema_says(trial: Start, words: str) -> None:
    """Many members are null then."""
    run = trial(consent=False)

    validator(words)(run(*words.split(), "--json").json)


@pytest.mark.parametrize("words", ["status", "status --date 2026-11-20", "send", "send --dry-run", "preview"])
def test_schema_describes_every_member(busy: Trial, words: str) -> None:
    """What is printed and not described cannot be relied on."""
    validator(words, described(schema(words)))(busy(*words.split(), "--json").json)


@pytest.mark.parametrize("name", ["status", "send", "check"])
def test_schema_misses_each_member_that_is_gone(busy: Trial, name: str) -> None:
    """Else it would prove nothing."""
    printed = busy(name, "--json").out
    validate = validator(name)
    paths = list(objects(json.loads(printed)))

    assert len(paths) > 20
    for path in paths[:60]:
        document = json.loads(printed)
        part: Any = document
        for step in path[:-1]:
            part = part[step]
        del part[path[-1]]
        with pytest.raises(ValidationError):
            validate(document)


@pytest.mark.parametrize("name", DEFINED)
def test_promised_members_stay_required(name: str) -> None:
    """Version 1 only grows."""
    text = json.dumps(schema(name))
    required = {member for part in _required(json.loads(text)) for member in part}
    assert required >= DEFINED[name] | {"version", "schools", "urn", "name", "days", "code", "text", "next"}


@pytest.mark.parametrize("words", ["send", "send --dry-run", "status"])
def test_what_is_to_check_is_printed(trial: Start, words: str) -> None:
    """`status` ends with 1 for it: a program has to find out why."""
    run = trial()
    run.school("DELETE FROM roll_call_marks WHERE mark_date = '2026-11-19' AND session = 'Afternoon'")
    run("send")

    ran = run(*words.split(), "--json")

    validator(words, described(schema(words)))(ran.json)
    (school,) = ran.json["schools"]
    assert "SESSION-NONE" in [problem["code"] for problem in school["to_check"]]
    assert ran.exit_code == (1 if words == "status" else 0)


def _required(part: Any) -> Iterator[list[str]]:  # noqa: ANN401
    if isinstance(part, dict):
        if isinstance(part.get("required"), list):
            yield part["required"]
        for below in part.values():
            yield from _required(below)


@pytest.mark.parametrize("name", ["status", "send"])
def test_words_of_the_schemas_are_those_of_the_code(name: str) -> None:
    """A new state that no schema knows would break every reader."""
    parts = schema(name)["$defs"]
    assert set(parts["sign"]["enum"]) == {*Sign}
    assert set(parts["day"]["properties"]["state"]["enum"]) == {*State, None}


def test_outcomes_and_codes_of_the_schemas_are_those_of_the_code() -> None:
    """As above."""
    school = schema("send")["properties"]["schools"]["items"]["properties"]
    assert set(school["outcome"]["enum"]) == set(get_args(SchoolOutcome))
    problem = Draft202012Validator(schema("send")["$defs"]["problem"]["properties"]["code"])
    assert all(problem.is_valid(code) for code in all_codes())
