"""types.py: what someone types follows the same rules as the file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from attsync.settings import types


def test_urn_is_six_digits() -> None:
    """With blanks around, as from a page."""
    assert types.typed_urn(" 900023 ") == 900023


@pytest.mark.parametrize(
    ("check", "said", "words"),
    [
        (types.typed_urn, "900/1234", "LAESTAB"),
        (types.typed_urn, "9000234", "LAESTAB"),
        (types.typed_urn, "12", "6 digits"),
        (types.typed_urn, "nine", "6 digits"),
        (types.typed_urn, "", "6 digits"),
        (types.typed_text, "  ", "empty"),
        (types.typed_text, "a\x1bb", "invisible"),
        (types.typed_https, "http://dfe.example", "https://"),
        (types.typed_https, "https://user@dfe.example", "https://"),
        (types.typed_database, "school.db", "That file does not exist"),
        (types.typed_database, "1://x", "in the form of SQLAlchemy"),
    ],
)
def test_wrong_values_are_refused_in_words(check: Callable[[str], object], said: str, words: str) -> None:
    """The same words as for a value of the file."""
    with pytest.raises(ValueError, match=words):
        check(said)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (types.typed_urn, "hunter2"),
        (types.typed_text, "hunter2\x1b"),
        (types.typed_https, "http://hunter2"),
        (types.typed_database, "hunter2"),
        (types.typed_database, "1://hunter2"),
    ],
)
def test_wrong_values_are_never_repeated(check: Callable[[str], object], said: str) -> None:
    """A secret may have been typed in the wrong place; the error holds it nowhere, nor does one behind it."""
    with pytest.raises(ValueError, match=r"\w") as raised:
        check(said)
    assert "hunter2" not in f"{raised.value!r} {raised.value.__context__!r} {raised.value.__cause__!r}"


def test_slash_at_the_end_of_an_address_is_left_out() -> None:
    """As in the file."""
    assert types.typed_https("https://dfe.example/v1/ ") == "https://dfe.example/v1"


def test_database_that_is_here_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without its sqlite:///."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "school.db").touch()

    assert (
        types.typed_database("school.db")
        == types.typed_database("sqlite:///school.db")
        == f"sqlite:///{tmp_path}/school.db"
    )
    assert types.typed_database("sqlite:///elsewhere.db") == "sqlite:///elsewhere.db"
    assert types.typed_database("postgresql://ro:pw@server/school") == "postgresql://ro:pw@server/school"
