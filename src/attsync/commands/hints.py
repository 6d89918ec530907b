"""Completes the commands that words name, so that they work when they are typed next.

Words are written as in the README, `attsync status --problems`. Whoever started this program by its path, or named a
settings file, has to do so again: what that takes is put in here, at the one place where words are shown.
"""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attsync.commands.options import given

_COMMAND: Final = re.compile(
    r"""
    \battsync\ (?: (?P<reads> (?: send|preview|status|check|crontab|consent\ (?:grant|revoke|show) )\b )
                 | (?: init|demo|sandbox )\b )
    (?P<options> (?: \ --(?: config\ \S+ | [a-z-]+ (?: \ (?: [0-9][0-9-]* | [A-Z]+ )\b )? ) )* )
    """,
    re.VERBOSE,
)
"""A command with its options; `reads` are those that look for a settings file."""


def completions(words: str) -> Iterator[tuple[int, int, str]]:
    """Find the commands in `words`: where each begins and ends, and what is to stand there."""
    for found in _COMMAND.finditer(words):
        command = _program() + found[0].removeprefix("attsync")
        config = given().config
        if config and found["reads"] and not {"--config", "--notice"} & set(found["options"].split()):
            command += f" --config {shlex.quote(config)}"
        yield found.start(), found.end(), command


def complete(words: str) -> str:
    """Complete every command in `words`."""
    for start, end, command in reversed([*completions(words)]):
        words = words[:start] + command + words[end:]
    return words


def _program() -> str:
    """Give what starts this program again: its name if the shell finds it by that, else what was typed."""
    typed = Path(sys.argv[0])
    if typed.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m attsync"
    if typed.name != "attsync":
        return "attsync"
    from shutil import which

    found = which("attsync")
    return "attsync" if found and typed.exists() and Path(found).samefile(typed) else shlex.quote(sys.argv[0])
