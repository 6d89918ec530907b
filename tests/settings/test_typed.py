"""typed.py: what somebody types is held against the same rules as the file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from attsync.settings import typed


def test_urn_is_six_digits() -> None:
    """With blanks around, as from a page."""
    assert typed.urn(" 900023 ") == 900023


@pytest.mark.parametrize(
    ("check", "said", "words"),
    [
        (typed.urn, "900/1234", "LAESTAB"),
        (typed.urn, "9000234", "LAESTAB"),
        (typed.urn, "12", "6 digits"),
        (typed.urn, "nine", "6 digits"),
        (typed.urn, "", "6 digits"),
        (typed.text, "  ", "empty"),
        (typed.text, "a\x1bb", "invisible"),
        (typed.https, "http://dfe.example", "https://"),
        (typed.https, "https://user@dfe.example", "https://"),
        (typed.database, "school.db", "There is no such file here"),
        (typed.database, "1://x", "as SQLAlchemy writes it"),
    ],
)
def test_wrong_values_are_refused_in_words(check: Callable[[str], object], said: str, words: str) -> None:
    """The same words as for a value of the file."""
    with pytest.raises(ValueError, match=words):
        check(said)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (typed.urn, "hunter2"),
        (typed.text, "hunter2\x1b"),
        (typed.https, "http://hunter2"),
        (typed.database, "hunter2"),
        (typed.database, "1://hunter2"),
    ],
)
def test_wrong_values_are_never_repeated(check: Callable[[str], object], said: str) -> None:
    """A secret may have been typed in the wrong place; the error holds it nowhere, nor does one behind it."""
    with pytest.raises(ValueError, match=r"\w") as raised:
        check(said)
    assert "hunter2" not in f"{raised.value!r} {raised.value.__context__!r} {raised.value.__cause__!r}"


def test_slash_at_the_end_of_an_address_is_left_out() -> None:
    """As in the file."""
    assert typed.https("https://dfe.example/v1/ ") == "https://dfe.example/v1"


def test_database_that_is_here_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without its sqlite:///."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "school.db").touch()

    assert typed.database("school.db") == typed.database("sqlite:///school.db") == f"sqlite:///{tmp_path}/school.db"
    assert typed.database("sqlite:///elsewhere.db") == "sqlite:///elsewhere.db"
    assert typed.database("postgresql://ro:pw@server/school") == "postgresql://ro:pw@server/school"
