"""Finds the commands in words: what is to be typed next has to stay in one line, or it does not work when pasted.

Knows how the words of messages name a command; refuses to know where they are shown.
"""

import re
from typing import Final

COMMAND: Final = re.compile(
    r"""
    \battsync\ (?: (?P<reads> (?: send|preview|status|check|crontab|consent\ (?:grant|revoke|show) )\b )
                 | (?: init|demo|sandbox )\b )
    (?P<options> (?: \ --(?: config\ \S+ | [a-z-]+ (?: \ (?: [0-9][0-9-]* | [A-Z]+ )\b )? ) )* )
    """,
    re.VERBOSE,
)
"""A command of attsync with its options; `reads` are those that look for a settings file."""

_ANY: Final = re.compile(rf"{COMMAND.pattern} | \bchmod\ \S+\ (?: '[^']*' | \S+ )", re.VERBOSE)

BLANK: Final = "\ue000"
"""Stands for a blank at which no line may be broken, until the lines are made. No text uses this sign."""


def kept_whole(words: str) -> str:
    """Put BLANK for the blanks in each command."""
    return _ANY.sub(lambda found: found[0].replace(" ", BLANK), words)
