"""What a screen says to type next works when it is pasted: messages.started_as, terminal.program, and every screen."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from attsync.accounts import who
from attsync.commands import terminal
from tests.commands.trial import Trial, mark
from tests.installed import PROGRAM, attsync

Start = Callable[..., Trial]


def test_program_that_is_not_in_path_is_named_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a virtual environment of its own, `attsync` alone is nothing that the shell finds."""
    monkeypatch.setattr(sys, "argv", [str(PROGRAM), "send"])
    monkeypatch.setenv("PATH", str(tmp_path))
    away = terminal.program()
    monkeypatch.setenv("PATH", str(PROGRAM.parent))
    here = terminal.program()
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "attsync" / "__main__.py"), "send"])
    module = terminal.program()
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "another" / "__main__.py"), "send"])

    assert (away, here, module) == (str(PROGRAM), "attsync", f"{sys.executable} -m attsync")
    assert terminal.program() == "attsync"


@pytest.mark.parametrize(
    ("command", "start"),
    [
        ("/usr/bin/attsync consent grant --all", f"sudo -u {who({}).account} attsync"),
        ("/bin/bash", "attsync"),
        ("", "attsync"),
    ],
)
def test_what_sudo_started_is_started_by_sudo_again(monkeypatch: pytest.MonkeyPatch, command: str, start: str) -> None:
    """A head has the rights of sudo's rule only; in a shell that sudo started, they are there already."""
    monkeypatch.setattr(sys, "argv", ["attsync", "status"])
    monkeypatch.setenv("PATH", str(PROGRAM.parent))
    monkeypatch.setenv("SUDO_COMMAND", command)
    monkeypatch.chdir(PROGRAM.parent)

    assert terminal.program() == start


@pytest.mark.slow
def test_every_command_on_every_screen_names_its_settings_in_one_line(trial: Start) -> None:
    """What was typed with --config has to be typed so again, and a command in two lines cannot be pasted."""
    run = trial(consent=False)
    ran = [run(*words, columns=80) for words in (["send"], ["status"], ["consent", "show"], ["preview"], ["crontab"])]
    ran += [run("check", "--offline", columns=80), run("consent", "grant", "--yes", columns=80)]
    mark(run, "2026-11-17", "ZZ")
    run.school("DELETE FROM roll_call_marks WHERE mark_date = '2026-11-19' AND session = 'Afternoon'")
    for words in ("send", "send -q", "status", "status --date 2026-11-17", "preview", "preview --date 2026-11-17"):
        ran.append(run(*words.split(), columns=80))
    ran += [run("send", "--dry-run", columns=80), run("status", "--school", "900099", columns=80)]

    lines = [line for one in ran for line in (one.out + one.err).splitlines()]
    shown = [line for line in lines if re.search(r"attsync (send|status|check|preview|crontab|consent \w+)\b", line)]
    assert len(shown) > 20
    assert [line for line in shown if not re.search(r"--config|--notice", line)] == []


def test_path_in_a_hint_is_one_that_starts() -> None:
    """Tried as cron's mail would have it: without PATH."""
    path = re.search(r"(\S+) init\b", attsync("status").err)

    assert path
    assert Path(path[1]) == PROGRAM
