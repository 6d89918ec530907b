"""What every command takes: dates, schools, and completion of what is typed."""

import re
from collections.abc import Callable

import pytest

from attsync.commands import COMMANDS
from tests.commands.trial import Trial
from tests.installed import attsync, here

Start = Callable[..., Trial]


@pytest.mark.parametrize("day", ["23;11;2026", "2026-02-30", "tomorrow"])
def test_date_that_is_none_is_told(trial: Start, day: str) -> None:
    """With one that is written right."""
    ran = trial()("preview", "--date", day)

    assert ran.exit_code == 2
    assert "write a date as 2026-11-23, 23/11/2026, 23 Nov, today or yesterday." in ran.err


@pytest.mark.parametrize(
    "typed",
    [
        *("12/11/2026", "12-11-2026", "12.11.2026", "12 Nov", "Thu 12 Nov", "12 November 2026", "Thursday, 12/11"),
        *("12th November", "Thursday 12th Nov 2026"),
    ],
)
def test_date_is_taken_as_people_write_it(trial: Start, typed: str) -> None:
    """As it is on a screen, too."""
    run = trial()

    assert run("status", "--date", typed).out == run("status", "--date", "2026-11-12").out != ""


@pytest.mark.parametrize(
    ("typed", "heading"), [("today", "Monday 23 November 2026"), ("Yesterday", "Sunday 22 November 2026")]
)
def test_day_may_be_named(trial: Start, typed: str, heading: str) -> None:
    """Most questions are about one of these two."""
    assert heading in trial()("status", "--date", typed).out


def test_date_without_a_year_is_the_last_one(trial: Start) -> None:
    """In January, December was last year's; no one asks for a day to come."""
    assert "24 December 2025" in trial()("status", "--date", "24 Dec").out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("attsync co", ["consent"]),
        ("attsync consent re", ["revoke"]),
        ("attsync send --dr", ["--dry-run"]),
        ("attsync sned ", [name for group in COMMANDS.values() for name in group]),  # an unknown word is no traceback
    ],
)
def test_completion_offers_what_there_is(typed: str, offered: list[str]) -> None:
    """The README says how to switch it on."""
    words = len(typed.split(" ")) - 1

    ended = attsync(_ATTSYNC_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=str(words))

    assert [line.removeprefix("plain,") for line in ended.out.split()] == offered
    assert ended.err == ""


@pytest.mark.parametrize("words", [(), ("consent",)])
def test_program_alone_shows_its_help(words: tuple[str, ...]) -> None:
    """The first thing that anyone types."""
    ended = here(*words)

    assert (ended.exit_code, ended.out) == (2, "")
    assert ended.err == here(*words, "--help").out
    assert ended.err.startswith("Usage: attsync")


@pytest.mark.parametrize("words", [("--school", "attsync demo"), ("-q", "--confog", "x", "send")])
def test_wrong_option_before_the_command_is_told(words: tuple[str, ...]) -> None:
    """Whatever it holds: no command runs yet."""
    ended = here(*words)

    assert ended.exit_code == 2
    option = next(word for word in words if word.startswith("--"))
    assert re.match(f"Error: No such option:? '?{option}", ended.err)  # click 8.2 has a colon, later ones quotes


@pytest.mark.parametrize("place", [0, 1, 2])
def test_common_options_stand_anywhere(trial: Start, place: int) -> None:
    """Before the command, in its middle, after it."""
    words = ["consent", "show"]
    words[place:place] = ["--config", str(trial().config)]

    ended = here(*words)

    assert (ended.exit_code, ended.err) == (0, "")
    assert "Oakfield Primary School" in ended.out


@pytest.mark.parametrize("window", ["eight", "9", "0", "", "12"])
def test_window_that_is_none_is_told(trial: Start, window: str) -> None:
    """In words, whatever was typed."""
    ran = trial()("send", "--window", window)

    assert (ran.exit_code, ran.out) == (2, "")
    assert "--window: a number of days from 1 to 8." in ran.err
