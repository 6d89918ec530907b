"""problems.py: every problem has an exit code, and several at once follow the order of RELIABILITY.md 2."""

import signal
from itertools import combinations

import pytest

from attsync.problems import (
    AlreadyRunning,
    AttsyncError,
    LogError,
    NotPermitted,
    Problem,
    SchoolError,
    SettingsError,
    Stopped,
    all_codes,
    catalogue,
    exit_code,
)

FIRST_TO_LAST = (70, 9, 2, 7, 4, 8, 3, 5, 1)


def of(number: int) -> Problem:
    """Make a problem with this exit code."""
    return Problem(next(code for code in all_codes() if catalogue()[code]["exit"] == number), "x", "y")


def test_without_problems_the_run_went_well() -> None:
    """Whether anything was due or not; what is only to check does not count."""
    assert exit_code([], confirmed=True) == exit_code([], confirmed=False) == exit_code([of(0)], confirmed=True) == 0


@pytest.mark.parametrize("number", FIRST_TO_LAST)
def test_one_problem_gives_its_own_code(number: int) -> None:
    """Also several of a kind."""
    assert exit_code([of(number), of(number), of(0)], confirmed=False) == number


@pytest.mark.parametrize(("first", "second"), list(combinations(FIRST_TO_LAST, 2)))
def test_worse_of_two_problems_counts(first: int, second: int) -> None:
    """In the order of the table, wherever they stand."""
    assert exit_code([of(second), of(first)], confirmed=False) == first


@pytest.mark.parametrize("number", FIRST_TO_LAST)
def test_part_of_a_run_is_1(number: int) -> None:
    """As soon as anything was confirmed, others are fine; only an error of attsync itself is not to be hidden."""
    assert exit_code([of(number)], confirmed=True) == (70 if number == 70 else 1)


def test_codes_are_those_of_the_table() -> None:
    """No code is used that the table does not have."""
    assert {catalogue()[code]["exit"] for code in all_codes()} == {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 70}


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem("DFE-BUSY", "x", "y"), "DfE busy"),
        (Problem("OUTPUT", "x", "y"), catalogue()["OUTPUT"]["brief"]),
        (Problem("DFE-REJECTED", "x", "y", words="400: Odd date"), "400: Odd date"),
    ],
)
def test_problem_is_called_by_what_says_most(problem: Problem, words: str) -> None:
    """In a cell of a table: what is known of this one, else the words of its code."""
    assert problem.brief == words


def test_sentences_are_told_with_what_was_not_done_and_where_more_is_seen() -> None:
    """Each can be left out where it goes without saying, or where it is being shown."""
    problem = Problem(
        "MARK-UNKNOWN", "It is odd.", "Mend it.", not_done="It was not sent.", to_see="To see it: attsync"
    )

    assert problem.as_json() == {
        "code": "MARK-UNKNOWN",
        "text": "It is odd. It was not sent.",
        "next": "Mend it. To see it: attsync",
    }


def test_code_that_is_not_in_the_table_cannot_be_used() -> None:
    """A slip in a message would have no exit code and no place in the README."""
    with pytest.raises(KeyError):
        Problem("NO-SUCH", "x", "y")


@pytest.mark.parametrize(
    ("kind", "code", "number"),
    [
        (SettingsError, "SETTINGS", 2),
        (SchoolError, "DB-NONE", 3),
        (AlreadyRunning, "RUNNING", 6),
        (NotPermitted, "PERMISSION", 7),
        (LogError, "LOG-WRITE", 9),
    ],
)
def test_error_is_a_problem_with_words(kind: type[AttsyncError], code: str, number: int) -> None:
    """What happened, and what to do."""
    error = kind(code, "It happened.", "Do this.")

    assert (error.exit_code, str(error)) == (number, "It happened.")
    assert error.problem.as_json() == {"code": code, "text": "It happened.", "next": "Do this."}


def test_signal_passes_through_everything() -> None:
    """It is no Exception, so that nothing on the way swallows it."""
    assert not issubclass(Stopped, Exception)
    assert [Stopped(number).exit_code for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)] == [129, 130, 143]
