"""places.py: a wrong line in a message costs a technician more time than none."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attsync.settings.places import Location, Origin, Origins, places, unclosed_line


def test_line_and_key_of_a_setting_are_found() -> None:
    """The caret is under the key as it is written."""
    assert places("\n[dfe]\n  timeout_seconds =  30  # half a minute\n")["dfe", "timeout_seconds"] == Origin(
        "file", "timeout_seconds", 3
    )


def test_heading_is_the_place_of_its_table() -> None:
    """What is missing from a table is shown at its heading."""
    found = places("[ dfe ] # where to send\n")

    assert found["dfe",] == Origin("file", "[ dfe ]", 1)


def test_tables_of_a_list_are_told_apart() -> None:
    """Thirty schools have thirty times the same keys."""
    found = places(
        "[[database]]\n[[database.schools]]\nurn=1\n[[database.schools]]\nurn=2\n[[database]]\n[database.x]\n"
    )

    assert found["database",].line == 1
    assert found["database", 0, "schools", 1, "urn"].line == 5
    assert found["database", 1].line == 6
    assert found["database", 1, "x"].line == 7


def test_table_above_is_where_it_is_first_implied() -> None:
    """An unknown [dfee.x] has to be shown although [dfee] is written nowhere."""
    found = places("[dfee.x]\n")

    assert found["dfee",].line == 1


def test_dotted_and_quoted_keys_are_followed() -> None:
    """TOML has several ways to write the same key."""
    found = places('dfe . "client id" = 1\n"a.\\u0062".\'c"\' = 2\n')

    assert found["dfe", "client id"] == Origin("file", 'dfe . "client id"', 1)
    assert found["a.b", 'c"'].line == 2


def test_what_is_in_a_list_is_found_at_its_setting() -> None:
    """The second of two times can be the wrong one: the key leads there."""
    found = Origins(Path(), 'times = [ # UK\n  "10:15",\n  "25:00", ]\ncodes = { "E" = "C", x = [] }\n', {})

    assert found.place(("times", 1)) == Origin("file", "times", 1)
    assert found.place(("codes", "E")) == Origin("file", "codes", 4)


@pytest.mark.parametrize(
    "text",
    [
        '"""\n[dfe]\nx = 1 \\""" still text"""',
        "'''\n[dfe]\nx = \\'''",
        '"""a"""""',
        "'''a'''''",
        '""""""',
        '"# no comment, no \\" end"',
        "'# no comment \\'",
        "1979-05-27 07:32:00",
        "[[1, 2], [[]], {a = {}}]",
    ],
)
def test_what_looks_like_toml_inside_a_value_is_none(text: str) -> None:
    """A SELECT of several lines may hold brackets, equals signs and quotation marks."""
    found = places(f"first = {text}\nlast = 1\n")

    assert set(found) >= {("first",), ("last",)}
    assert found["last",].line == text.count("\n") + 2
    assert ("dfe",) not in found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = 'x\nc = 2\n", 2),
        ('a = 1\nb = """\nc = 2\n', 2),
        ("a = 1\nb = [\n1, 2\n", 2),
        ("a = 1 # it's\nb = 'x' # \"\nc = [", 3),
        ("[", 1),
    ],
)
def test_line_where_something_unclosed_begins_is_found(text: str, line: int) -> None:
    """A missing quotation mark swallows the rest of the file: its end is not where to look."""
    assert unclosed_line(text) == line


def test_text_that_does_not_end_is_not_read_again_for_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trust's file has thousands of lines: reading the rest of it for each took 40 seconds."""
    read, real = [], tomllib.loads

    def loads(text: str) -> dict[str, Any]:
        read.append(text)
        return real(text)

    monkeypatch.setattr(tomllib, "loads", loads)

    assert unclosed_line('a = 1\nb = """\n' + "urn = 900012\nname = 'B'\n" * 2000) == 2
    assert len(read) < 5


def test_nearest_place_is_that_of_what_encloses() -> None:
    """A missing setting has no place of its own."""
    found = Origins(Path(), "[[database]]\n", {})

    assert found.place(("database", 0, "select", "marks")) == Origin("file", "[[database]]", 1)
    assert found.place(("dfe", "base_url")) is None


_KEYS = st.text("ab-_ .='\"#[]\\é", min_size=1, max_size=4)
_TEXTS = st.text("ab ='\"#[]{},\\\né", max_size=6)
_SCALARS = st.one_of(st.integers(-99, 99), st.booleans(), _TEXTS)
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3))
_TABLE = st.dictionaries(_KEYS, _VALUES, max_size=3)
_BLANKS = st.sampled_from(["", " ", "\t "])


def _basic(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _written(value: object, draw: st.DrawFn) -> str:
    match value:
        case str():
            ways = [_basic(value), '"""\n' + _basic(value)[1:-1].replace("\\n", "\n") + '"""']
            if "'" not in value:
                ways += ["'''\n" + value + "'''"] + [f"'{value}'"] * ("\n" not in value)
            return draw(st.sampled_from(ways))
        case list():
            items = [draw(st.sampled_from(["", "\n", " # ,]\n "])) + _written(item, draw) for item in value]
            return "[" + ",".join(items) + draw(st.sampled_from(["", "\n", ",\n # ]\n"]) if items else _BLANKS) + "]"
        case dict():
            return "{" + ",".join(_pair(key, item, draw) for key, item in value.items()) + "}"
        case _:
            return str(value).lower()


def _pair(key: str, value: object, draw: st.DrawFn) -> str:
    blanks = [draw(_BLANKS) for _ in range(4)]
    return f"{blanks[0]}{_basic(key)}{blanks[1]}={blanks[2]}{_written(value, draw)}{blanks[3]}"


@st.composite
def _files(draw: st.DrawFn) -> str:
    headings = [""]
    for _ in range(draw(st.integers(0, 2))):
        headings += [
            "[[list]]",
            *draw(st.sampled_from([[], ["[list.one]"], ["[[ list . below ]]", '[["list".below]]']])),
        ]
    lines = []
    for heading in headings:
        lines += [heading, *(_pair(key, value, draw) for key, value in draw(_TABLE).items())]
    return "\n".join(lines)


@given(_files())
def test_every_setting_of_any_file_is_found_where_it_is(text: str) -> None:
    """The one pass and tomllib read the same file in the same way, however it is written."""
    found, lines = places(text), text.split("\n")

    for location, place in found.items():
        assert place.name in lines[place.line - 1]
        assert _value_at(tomllib.loads(text), location) is not None
    for location in _top(tomllib.loads(text)):
        assert location in found


def _value_at(value: Any, location: Location) -> Any:  # noqa: ANN401  whatever TOML can hold
    for part in location:
        value = value[part]
    return value


def _top(read: dict[str, Any]) -> list[Location]:
    """Return the settings outside inline tables: those at the top, and those below [[list]]."""
    tables = read.get("list")
    below = enumerate(tables) if isinstance(tables, list) else ()
    return [(name,) for name in read] + [
        ("list", number, name) for number, table in below if isinstance(table, dict) for name in table
    ]
