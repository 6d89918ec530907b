"""A SELECT as a person writes it, made safe to stand in brackets inside a larger query (SPEC.md 4).

Knows how SQL marks literals, names and comments; refuses to know what the SQL means.
"""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<literal> '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | (?P<tag>\$[A-Za-z_]*\$).*?(?P=tag) )
    | (?P<open>    /\* | ' | " | ` )
    | (?P<cast>    :: )
    | (?P<bind>    :(?:start|end)\b )
    | (?P<colon>   : )
    | (?P<stop>    ; )
    | (?P<bracket> [()] )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.DOTALL,
)

# MySQL and MariaDB read a backslash in a literal as an escape, and # as the start of a comment.
_MYSQL_TOKEN = re.compile(
    _TOKEN.pattern.replace("--[^\\n]*", "(?:--(?=\\s|$)|\\#)[^\\n]*", 1)
    .replace("(?:[^']|'')*", "(?:[^'\\\\]|''|\\\\.)*", 1)
    .replace('(?:[^"]|"")*', '(?:[^"\\\\]|""|\\\\.)*', 1),
    re.VERBOSE | re.DOTALL,
)


class NotOneSelect(ValueError):
    """The text is not one complete SELECT; the message says why, without quoting the text."""


class Prepared(NamedTuple):
    """A SELECT for `sqlalchemy.text()`, and which of `start` and `end` it takes."""

    text: str
    parameters: frozenset[str]


def prepare(text: str, *, mysql: bool = False) -> Prepared:
    """Make `text` ready to stand in brackets: one statement, `:start` and `:end` its only parameters.

    A `:word` in a literal or a comment survives as it is. A semicolon at the end is dropped; anything but comments
    after it is a second statement. Raises NotOneSelect.
    """
    tokens = _tokens(text, mysql=mysql)
    stop = next((number for number, (kind, _) in enumerate(tokens) if kind == "stop"), len(tokens))
    if any(kind not in ("comment", "stop") and not part.isspace() for kind, part in tokens[stop:]):
        raise NotOneSelect("it holds more than one statement")
    if any(kind == "open" for kind, _ in tokens):
        raise NotOneSelect("a quotation mark or a comment in it is not closed")
    if not _match([part for kind, part in tokens if kind == "bracket"]):
        raise NotOneSelect("its brackets do not match")
    plain = "".join(" " if kind == "comment" else part for kind, part in tokens)
    if not re.match(r"\s*\(*\s*(select|with)\b", plain, re.IGNORECASE):
        raise NotOneSelect("it does not begin with SELECT or WITH")
    parts = [
        part.replace(":", r"\:") if kind in ("comment", "literal", "colon") else part
        for kind, part in tokens
        if kind != "stop"
    ]
    # The line break ends a comment that stands at the end, so that the closing bracket is not part of it.
    return Prepared("".join(parts) + "\n", frozenset(part[1:] for kind, part in tokens if kind == "bind"))


def _tokens(text: str, *, mysql: bool) -> list[tuple[str, str]]:
    tokens = (_MYSQL_TOKEN if mysql else _TOKEN).finditer(text)
    return [("literal" if token.lastgroup == "tag" else token.lastgroup or "", token[0]) for token in tokens]


def _match(brackets: list[str]) -> bool:
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket == "(" else -1
        if depth < 0:
            return False
    return depth == 0
