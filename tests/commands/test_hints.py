"""hints.py: what a screen says to type next works when it is pasted."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from attsync.commands import attsync as program
from attsync.commands.hints import complete
from attsync.commands.options import Given
from tests.commands.trial import Trial, mark
from tests.installed import PROGRAM, attsync

Start = Callable[..., Trial]


@pytest.fixture
def with_config() -> Iterator[None]:
    """Pretend that --config was given."""
    with click.Context(program, obj=Given(config="my school.toml")):
        yield


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("attsync send", "attsync send --config 'my school.toml'"),
        ("To send now: attsync send.", "To send now: attsync send --config 'my school.toml'."),
        ("see: attsync status --problems", "see: attsync status --problems --config 'my school.toml'"),
        (
            "attsync consent grant --school 900023  [X]",
            "attsync consent grant --school 900023 --config 'my school.toml'  [X]",
        ),
        ("attsync preview --date 2026-11-23", "attsync preview --date 2026-11-23 --config 'my school.toml'"),
        (
            "attsync check, then attsync crontab --install",
            "attsync check --config 'my school.toml', then attsync crontab --install --config 'my school.toml'",
        ),
        ("attsync send --config other.toml", "attsync send --config other.toml"),
        ("attsync consent show --notice", "attsync consent show --notice"),
        ("attsync demo", "attsync demo"),
        ("attsync sends counts", "attsync sends counts"),
        ("Another attsync is sending", "Another attsync is sending"),
    ],
)
@pytest.mark.usefixtures("with_config")
def test_commands_get_the_settings_file_that_was_given(words: str, completed: str) -> None:
    """And nothing else in the words changes."""
    assert complete(words) == completed


def test_program_that_is_not_in_path_is_named_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a virtual environment of its own, `attsync` alone is nothing that the shell knows."""
    with click.Context(program, obj=Given()):
        monkeypatch.setattr(sys, "argv", [str(PROGRAM), "send"])
        monkeypatch.setenv("PATH", str(tmp_path))
        away = complete("attsync status")
        monkeypatch.setenv("PATH", str(PROGRAM.parent))
        here = complete("attsync status")
        monkeypatch.setattr(sys, "argv", [str(tmp_path / "attsync" / "__main__.py"), "send"])
        module = complete("attsync status")
        monkeypatch.setattr(sys, "argv", [str(tmp_path / "another" / "__main__.py"), "send"])
        another = complete("attsync status")

    assert (away, here) == (f"{PROGRAM} status", "attsync status")
    assert (module, another) == (f"{sys.executable} -m attsync status", "attsync status")


@pytest.mark.slow
def test_every_command_on_every_screen_names_its_settings(trial: Start) -> None:
    """Whatever goes wrong: it was typed with --config, and has to be typed so again."""
    run = trial(consent=False)
    ran = [run(*words) for words in (["send"], ["status"], ["check"], ["consent", "show"], ["preview"], ["crontab"])]
    run("consent", "grant", "--yes")
    mark(run, "2026-11-17", "ZZ")
    ran += [run(*words) for words in (["send"], ["send", "-q"], ["status"], ["preview"], ["send", "--dry-run"])]
    ran.append(run("status", "--school", "900099"))

    said = " ".join("\n".join(one.out + "\n" + one.err for one in ran).split())
    found = re.findall(
        r"attsync (?:send|status|check|preview|crontab|consent [a-z]+)\b(?: (?!--config)\S+)?.{0,60}", said
    )

    assert len(found) > 10
    for words in found:
        assert "--config" in words or "--notice" in words, words


def test_path_in_a_hint_is_one_that_starts(tmp_path: Path) -> None:
    """Tried as cron's mail would have it: without PATH."""
    ended = attsync("status")

    path = re.search(r"To write one: (\S+) init", ended.err)
    assert path
    assert Path(path[1]) == PROGRAM
    assert not list(tmp_path.iterdir())
