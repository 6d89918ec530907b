"""A SELECT as a person writes it, made safe to stand in brackets inside a larger query (SPEC.md 4).

Knows how each kind of database marks literals, names and comments, and which words of SQL leave rows out or merge them;
refuses to know what the SQL means.
"""

import re
from functools import cache
from typing import Final, NamedTuple

_LITERAL: Final = r"'(?:[^']|'')*'"
_ESCAPED: Final = r"'(?:[^'\\]|''|\\.)*'"
_NAME: Final = r'"(?:[^"]|"")*"'
_BACKTICKS: Final = r"`[^`]*`"
_SQUARE: Final = r"\[[^\]]*\]"
# What each kind of database quotes. A wrong guess here could hide a second statement from us, and not from the server.
_QUOTED: Final = {
    "sqlite": (_LITERAL, _NAME, _BACKTICKS, _SQUARE),
    "postgresql": (
        "[eE]" + _ESCAPED,
        _LITERAL,
        _NAME,
        r"(?<![\w$])(?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag)",
    ),
    "mysql": (_ESCAPED, _ESCAPED.replace("'", '"'), _BACKTICKS),
    "mssql": (_LITERAL, _NAME, _SQUARE),
    "oracle": (_LITERAL, _NAME),
}
_OPENING: Final = {"sqlite": "'\"`[", "postgresql": "'\"", "mysql": "'\"`", "mssql": "'\"[", "oracle": "'\""}
_MYSQL_COMMENT: Final = r"(?:--(?=[ \t\n]|\Z)|\#)[^\n]*"

_CUTS: Final = (
    (r"\blimit\s+[\d:]", "LIMIT"),
    (r"\bfetch\s+(?:first|next)\b", "FETCH"),
    (r"\bselect\s+(?:all\s+|distinct\s+)?top\b(?!\s+(?:100\s+)?percent\b)", "TOP"),
    (r"\brownum\b", "ROWNUM"),
    (r"\btablesample\b", "TABLESAMPLE"),
)
"""Words with which a SELECT gives some of its rows: numbers that would be too small, without a word."""

_MERGES: Final = (
    (r"\bselect\s+distinct(?!\s+on\b)", "DISTINCT"),
    (r"\b(?:union|intersect|except)\b(?!\s+all\b)", "UNION without ALL"),
    (r"\bgroup\s+by\b", "GROUP BY"),
)
"""Words with which a SELECT makes one row of several that look the same."""


class NotOneSelect(ValueError):
    """The text is not one complete SELECT; the message says why, without quoting the text."""


class Prepared(NamedTuple):
    """A SELECT for `sqlalchemy.text()`, and which of `start` and `end` it takes."""

    text: str
    parameters: frozenset[str]
    merges: str | None
    """The words with which it makes one row of several; right only where the rows name their pupil."""


def prepare(text: str, dialect: str) -> Prepared:
    """Make `text` ready to stand in brackets: one statement, `:start` and `:end` its only parameters.

    A `:word` in a literal or a comment survives as it is. A semicolon at the end is dropped; anything but comments
    after it is a second statement. Raises NotOneSelect.
    """
    text = re.sub(r"\r\n?", "\n", text)
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text):
        raise NotOneSelect("it holds an invisible character")
    found = tokens(text, dialect)
    stop = next((number for number, (kind, _) in enumerate(found) if kind == "stop"), len(found))
    if any(kind not in ("comment", "stop") and not part.isspace() for kind, part in found[stop:]):
        raise NotOneSelect("it holds more than one statement")
    if any(kind == "open" for kind, _ in found):
        raise NotOneSelect("a quotation mark or a comment in it is not closed")
    if any(kind == "comment" and part.startswith("/*") and "/*" in part[2:] for kind, part in found):
        raise NotOneSelect("a comment in it holds the beginning of another")
    outermost = _outermost(found)
    if not re.match(r"\s*(select|with)\b", outermost):
        raise NotOneSelect("it does not begin with SELECT or WITH")
    if cut := _first(_CUTS, outermost):
        raise NotOneSelect(f"{cut} in it leaves rows out")
    if dialect == "mssql":
        _refuse_what_sql_server_refuses(outermost)
    parts = [
        part.replace(":", r"\:") if kind in ("comment", "literal", "colon") else part
        for kind, part in found
        if kind != "stop"
    ]
    # The line break ends a comment that stands at the end, so that the closing bracket is not part of it.
    return Prepared(
        "".join(parts) + "\n",
        frozenset(part[1:] for kind, part in found if kind == "bind"),
        _first(_MERGES, outermost),
    )


def tokens(text: str, dialect: str) -> list[tuple[str, str]]:
    """Take `text` apart: each piece with its kind, such as literal, comment, bracket or other."""
    pieces = _token("mysql" if dialect == "mariadb" else dialect).finditer(text)
    return [("literal" if piece.lastgroup == "tag" else piece.lastgroup or "", piece[0]) for piece in pieces]


@cache
def _token(dialect: str) -> re.Pattern[str]:
    quoted = "|".join(_QUOTED.get(dialect, _QUOTED["oracle"]))
    opening = re.escape(_OPENING.get(dialect, _OPENING["oracle"]))
    comment = _MYSQL_COMMENT if dialect == "mysql" else r"--[^\n]*"
    return re.compile(
        rf"""
          (?P<comment> {comment} | /\*.*?\*/ )
        | (?P<literal> {quoted} )
        | (?P<open>    /\* | [{opening}] )
        | (?P<cast>    :: )
        | (?P<bind>    :(?:start|end)\b )
        | (?P<colon>   : )
        | (?P<stop>    ; )
        | (?P<bracket> [()] )
        | (?P<other>   \w+ | . )
        """,
        re.VERBOSE | re.DOTALL,
    )


def _outermost(found: list[tuple[str, str]]) -> str:
    """Give the words outside of brackets, comments and quotation marks, in lower case.

    A SELECT that stands in brackets as a whole counts as if it did not. Raises NotOneSelect if brackets do not match.
    """
    parts: list[str] = []
    depth = outer = 0
    for kind, part in found:
        if kind == "bracket":
            depth += 1 if part == "(" else -1
            if depth < 0:
                break
            if part == "(" and not "".join(parts).strip():
                outer = depth
        parts.append(part.lower() if kind == "other" and depth <= outer else " ")
    if depth:
        raise NotOneSelect("its brackets do not match")
    return "".join(parts)


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((word for pattern, word in patterns if re.search(pattern, text)), None)


def _refuse_what_sql_server_refuses(outermost: str) -> None:
    if re.match(r"\s*with\b", outermost):
        raise NotOneSelect("SQL Server takes no WITH here: make a view of it, and select from that")
    if re.search(r"\border\s+by\b", outermost) and not re.search(r"\boffset\b|\btop\b", outermost):
        raise NotOneSelect("SQL Server takes no ORDER BY here: leave it out, the order does not matter")
