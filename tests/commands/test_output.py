"""Files that commands write for people: a receipt never replaces what is there."""

from collections.abc import Callable

from tests.commands.trial import Trial

Start = Callable[..., Trial]


def test_receipt_never_replaces_a_file(trial: Start) -> None:
    """It may be that of another school."""
    started = trial(consent=False)
    (started.folder / "receipt.txt").write_text("my own")

    ran = started("consent", "grant", "--yes", "--save", "receipt.txt")

    assert ran.exit_code == 2
    assert "[OUTPUT-FILE]" in ran.err
    assert (started.folder / "receipt.txt").read_text() == "my own"


def test_quiet_says_nothing_of_what_went_well(trial: Start) -> None:
    """A script asks the exit code."""
    started = trial(consent=False)

    for words in (
        ["consent", "grant", "--school", "900023", "--yes", "--save", "receipt.txt"],
        ["send"],
        ["check", "--offline"],
    ):
        ran = started(*words, "--quiet")
        assert (ran.exit_code, ran.out, ran.err) == (0, "", ""), words
    assert started("status", "--save", "status.csv", "--quiet").err == ""
    assert started("consent", "revoke", "--yes", "--quiet").out == ""
    assert started("consent", "show").exit_code == 1
    assert "Given by:" in (started.folder / "receipt.txt").read_text()
