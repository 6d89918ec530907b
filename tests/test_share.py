"""share/: what the wheel puts beside the program. Written by `make share`."""

import os
import subprocess
from pathlib import Path

import click
import pytest

from tests.installed import PROGRAM
from tests.test_docs import ROOT, all_commands, section

MAN_PAGE = (ROOT / "share" / "man" / "man1" / "attsync.1").read_text(encoding="utf-8")
COMPLETION = ROOT / "share" / "bash-completion" / "completions" / "attsync"


def plain(roff: str) -> str:
    """Take out what is for roff."""
    return roff.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


@pytest.mark.parametrize(("name", "command"), [*all_commands()], ids=str)
def test_man_page_has_every_command_and_option(name: str, command: click.Command) -> None:
    """A new option is in it as soon as `make share` is run."""
    page = plain(MAN_PAGE).partition(f".SS attsync {name}\n")[2].partition("\n.SS ")[0] + plain(MAN_PAGE)[:2000]
    said = " ".join((command.help or "").replace("\b", "").split("\n\n")[2].split())

    assert said in page
    for option in (each for each in command.params if isinstance(each, click.Option)):
        assert f".B {', '.join(sorted(option.opts, key=len))}" in page, option.opts


def test_man_page_has_the_exit_codes_of_the_reference() -> None:
    """Until `make share` is run again, it would have the old ones."""
    rows = [row.split("|")[1:3] for row in section("Exit codes").splitlines() if row.startswith("| ")]
    said = plain(MAN_PAGE).partition(".SH EXIT STATUS\n")[2].partition("\n.SH ")[0]

    numbered = [(codes.strip(), words) for codes, words in rows if codes.strip()[0].isdigit()]
    assert len(numbered) > 10
    for codes, words in numbered:
        assert f".B {codes}\n{words.strip().replace('`', '')}" in said


@pytest.mark.parametrize(
    ("words", "replies"),
    [(["sta"], {"status"}), (["consent", "r"], {"revoke"}), (["status", "--pro"], {"--problems"})],
)
def test_bash_completes(words: list[str], replies: set[str], tmp_path: Path) -> None:
    """With the file that the wheel puts where bash looks for it."""
    typed = " ".join(["attsync", *words])
    script = (
        f"source {COMPLETION}; COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _attsync_completion attsync;"
        ' printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environ = {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    ended = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=True)

    assert set(ended.stdout.split()) == replies
