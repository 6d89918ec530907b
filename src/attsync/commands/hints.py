"""Completes the commands that words name, so that they work when they are typed next.

Words are written as in the README, `attsync status --problems`. Whoever started this program by its path, or named a
settings file, has to do so again: what that takes is put in here, at the one place where words are shown. Knows how
this program was started; refuses to know what else the words say.
"""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from attsync.commands.options import given
from attsync.to_type import BLANK, COMMAND, kept_whole


def completions(words: str) -> Iterator[tuple[int, int, str]]:
    """Find the commands in `words`: where each begins and ends, and what is to stand there."""
    for found in COMMAND.finditer(words):
        command = _program() + found[0].removeprefix("attsync")
        config = given().config
        if config and found["reads"] and not {"--config", "--help", "--notice"} & set(found["options"].split()):
            command += f" --config {shlex.quote(config)}"
        yield found.start(), found.end(), command


def complete(words: str, *, blank: str = " ") -> str:
    """Complete every command in `words`, with `blank` for the blanks in it."""
    for start, end, command in reversed([*completions(words)]):
        words = words[:start] + command.replace(" ", blank) + words[end:]
    return words


def for_people(words: str, stream: IO[str], *, indent: int = 0) -> str:
    """Complete the commands in `words`, and break lines at a terminal, though never inside a command.

    A mail or a file gets one line, whole in itself.
    """
    if not stream.isatty():
        return complete(words)
    from shutil import get_terminal_size
    from textwrap import fill

    return fill(
        kept_whole(complete(words, blank=BLANK)),
        min(get_terminal_size().columns, 100),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    ).replace(BLANK, " ")


def _program() -> str:
    """Give what starts this program again: its name if the shell finds it by that, else what was typed."""
    typed = Path(sys.argv[0])
    if typed.name == "__main__.py" and typed.parent.name == "attsync":  # python -m attsync
        return f"{shlex.quote(sys.executable)} -m attsync"
    if typed.name != "attsync":
        return "attsync"
    from shutil import which

    found = which("attsync")
    return "attsync" if found and typed.exists() and Path(found).samefile(typed) else shlex.quote(sys.argv[0])
