"""problems.py: every problem has an exit code, and several at once follow the order of docs/design/reliability.md 2."""

import signal
from datetime import UTC, date, datetime
from itertools import combinations
from pathlib import Path

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
    """Return a problem with this exit code."""
    return Problem(next(code for code in all_codes() if catalogue()[code]["exit"] == number))


def test_without_problems_the_run_went_well() -> None:
    """Whether anything was due or not; what is only to check does not count."""
    assert exit_code([], confirmed=True) == exit_code([], confirmed=False) == exit_code([of(0)], confirmed=True) == 0


@pytest.mark.parametrize("number", FIRST_TO_LAST)
def test_one_problem_gives_its_own_code(number: int) -> None:
    """Also several of a kind; 1 as soon as anything was confirmed, but an error of attsync itself is not hidden."""
    assert exit_code([of(number), of(number), of(0)], confirmed=False) == number
    assert exit_code([of(number)], confirmed=True) == (70 if number == 70 else 1)


def test_worse_of_two_problems_counts() -> None:
    """In the order of the table, wherever they stand."""
    for first, second in combinations(FIRST_TO_LAST, 2):
        assert exit_code([of(second), of(first)], confirmed=False) == first, second


def test_codes_are_those_of_the_table() -> None:
    """No exit code is used that the table does not have."""
    assert {catalogue()[code]["exit"] for code in all_codes()} == {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 70}


def test_case_may_have_another_exit_code() -> None:
    """No marks in a holiday are to check; in term time they are a failure."""
    problem = Problem("MARKS-NONE")

    assert (problem.exit_code, problem.but("term").exit_code) == (0, 1)


def test_code_that_is_not_in_the_table_cannot_be_used() -> None:
    """It would have no exit code and no sentence."""
    with pytest.raises(KeyError):
        _ = Problem("NO-SUCH").exit_code


def test_parameters_are_what_json_can_hold() -> None:
    """So that a problem read back from the log equals the one written; what is empty is as good as left out."""
    problem = Problem(
        "DFE-BUSY",
        path=Path("/a"),
        day=date(2026, 11, 23),
        at=datetime(2026, 11, 23, 10, 15, tzinfo=UTC),
        days=[date(2026, 11, 23)],
        names={"one"},
        number=0,
        share=0.5,
        none=None,
        empty="",
        nothing=[],
    )

    assert dict(problem.parameters) == {
        "path": "/a",
        "day": "2026-11-23",
        "at": "2026-11-23T10:15:00+00:00",
        "days": ("2026-11-23",),
        "names": ("one",),
        "number": 0,
        "share": 0.5,
    }
    assert problem.days == (date(2026, 11, 23),)
    assert problem == Problem("DFE-BUSY", **dict(reversed(problem.parameters)))


def test_parameters_are_read_and_replaced() -> None:
    """A problem is a value: another has other parameters, or another case with the same."""
    problem = Problem("DFE-CLOSED", host="a", number=1)

    assert (problem["host"], problem.get("port"), problem.get("port", 443)) == ("a", "", 443)
    with pytest.raises(KeyError):
        _ = problem["port"]
    assert problem.but(number=2) == Problem("DFE-CLOSED", host="a", number=2)
    assert problem.but("since", host=None) == Problem("DFE-CLOSED", "since", number=1)
    assert len({problem, problem.but(), problem.but("since")}) == 2


def test_setting_to_change_is_that_of_the_code_unless_it_is_given() -> None:
    """For its line in the settings file."""
    problem = Problem("CONSENT-CHANGED", "receiver")

    assert problem.setting == ("dfe", "base_url")
    assert problem.but("notice").setting == ()
    assert problem.but(setting=("dfe", "token_url")).setting == ("dfe", "token_url")


@pytest.mark.parametrize(
    ("kind", "code", "number"),
    [
        (SettingsError, "SETTINGS-NONE", 2),
        (SchoolError, "DB-NONE", 3),
        (AlreadyRunning, "RUNNING", 6),
        (NotPermitted, "PERMISSION", 7),
        (LogError, "LOG-WRITE", 9),
    ],
)
def test_error_carries_a_problem(kind: type[AttsyncError], code: str, number: int) -> None:
    """Which decides its exit code; one can be made of a problem that exists."""
    error = kind(code, "case", path=Path("/a"))

    assert (error.exit_code, error.problem) == (number, Problem(code, "case", path="/a"))
    assert kind.of(error.problem).problem is error.problem


def test_signal_passes_through_everything() -> None:
    """It is no Exception, so that no `except Exception` catches it."""
    assert not issubclass(Stopped, Exception)
    assert [Stopped(number).exit_code for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)] == [129, 130, 143]
