"""A SELECT as a person writes it: made safe to use in brackets inside a larger query, and shown without its texts.

What each kind of database quotes, which words leave rows out or merge them. Imports nothing of attsync.
"""

import re
from functools import cache
from typing import Final, NamedTuple

_LITERAL: Final = r"'(?:[^']|'')*'"
_ESCAPED: Final = r"'(?:[^'\\]|''|\\.)*'"
_NAME: Final = r'"(?:[^"]|"")*"'
_BACKTICKS: Final = r"`[^`]*`"
_SQUARE: Final = r"\[[^\]]*\]"
_DOLLARS: Final = r"(?<![\w$])(?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag)"
# What each kind of database quotes. A mistake here could hide a second statement from attsync, but not from the server.
_QUOTED: Final = {
    "sqlite": (_LITERAL, _NAME, _BACKTICKS, _SQUARE),
    "postgresql": ("[eE]" + _ESCAPED, _LITERAL, _NAME, _DOLLARS),
    "duckdb": ("[eE]" + _ESCAPED, _LITERAL, _NAME, _DOLLARS),
    "mysql": (_ESCAPED, _ESCAPED.replace("'", '"'), _BACKTICKS),
    "mysql+ansi_quotes": (_ESCAPED, _NAME, _BACKTICKS),
    "mysql+no_backslash_escapes": (_LITERAL, _NAME, _BACKTICKS),
    "mssql": (_LITERAL, _NAME, _SQUARE),
}
_OPENING: Final = {"sqlite": "'\"`[", "mysql": "'\"`", "mssql": "'\"["}
_MYSQL_COMMENT: Final = r"(?:--(?=[ \t\n]|\Z)|\#)[^\n]*"
_RUN_AS_SQL: Final = re.compile(r"/\*M?!|/\*\+.*\bset_var\b", re.IGNORECASE | re.DOTALL)
"""Comments that MySQL and MariaDB do not skip."""

_NO_NAME: Final = r"(?!\s*(?:[,.=<>)]|::|(?:from|as|is|in|and|or|asc|desc)\b|\Z))"
"""Not the name of a column: that is followed by one of these."""
_CUTS: Final = tuple(
    (re.compile(pattern + ("" if word == "ROWNUM" else _NO_NAME)), word)
    for pattern, word in (
        (r"(?<![.\w])limit\b", "LIMIT"),
        (r"(?<![.\w])offset\b", "OFFSET"),
        (r"\bfetch\s+(?:first|next)\b", "FETCH"),
        (r"\bselect\s+(?:(?:all|distinct)\s+)?top\b(?!\s*\(?\s*100\s*\)?\s*percent\b)", "TOP"),
        (r"\btablesample\b", "TABLESAMPLE"),
        (r"\busing\s+sample\b", "SAMPLE"),
        (r"\brownum\b", "ROWNUM"),
    )
)
"""Words with which a SELECT returns only some of its rows: counts would be too small, without any error."""
_MERGES: Final = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"\bselect\s+distinct(?!\s+on\b)", "DISTINCT"),
        (r"\b(?:union|intersect|except)\b(?!\s+all\b)", "UNION without ALL"),
        (r"\bgroup\s+by\b", "GROUP BY"),
    )
)
"""Words with which a SELECT merges rows that look the same."""

_NOT_IN_BRACKETS: Final = (
    (re.compile(r"\A\s*with\b"), "mssql_with"),
    (re.compile(r"\A(?!.*\btop\b).*\border\s+by\b", re.DOTALL), "mssql_order"),
    (re.compile(r"\boption\s*\("), "mssql_option"),
)
"""What SQL Server allows only at the end or the beginning of a statement: the case of DB-SELECT."""

_AFTER_FROM: Final = frozenset({"where", "group", "having", "window", "union", "intersect", "except", "order", "for"})

_PLAIN_LITERAL: Final = re.compile(r"(['\"])(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[^'\"]{0,2})\1")
_PLAIN_NAME: Final = re.compile(r"[\"`\[]\w+[\"`\]]")
_TAKES_FOR_TEXT: Final = frozenset({"mysql", "mariadb", "sqlite"})
"""There "Ada" is a text: in MySQL always, in SQLite where there is no such column."""


class NotOneSelect(ValueError):
    """The text cannot be used as one SELECT: a case of DB-SELECT, and the word of SQL that is wrong in it."""

    def __init__(self, case: str, word: str = "") -> None:
        self.case = case
        self.word = word
        super().__init__(case, word)


class Prepared(NamedTuple):
    """A SELECT that can be used in brackets, in the form that SQLAlchemy's text() needs."""

    text: str
    parameters: frozenset[str]
    """Which of `start` and `end` are in it."""
    merges: str | None
    """The word with which it merges rows; correct only if the rows name their pupil."""


def prepare(text: str, dialect: str) -> Prepared:
    """Prepare `text` for use in brackets: one statement, `:start` and `:end` its only parameters.

    A `:word` in a literal or a comment is not changed. A semicolon at the end is dropped; anything but comments
    after it is a second statement. Raise NotOneSelect.
    """
    text = re.sub(r"\r\n?", "\n", text).lstrip("; \t\n")  # ;WITH is common in SQL Server scripts
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text):
        raise NotOneSelect("control")
    found = tokens(text, dialect)
    stop = next((number for number, (kind, _) in enumerate(found) if kind == "stop"), len(found))
    if any(kind not in ("comment", "stop") and not part.isspace() for kind, part in found[stop:]):
        raise NotOneSelect("two_statements")
    if any(kind == "open" for kind, _ in found):
        raise NotOneSelect("not_closed")
    comments = [part for kind, part in found if kind == "comment" and part.startswith("/*")]
    if any("/*" in part[2:] for part in comments):
        raise NotOneSelect("nested_comment")
    if any(_RUN_AS_SQL.match(part) for part in comments):
        raise NotOneSelect("run_comment")
    outermost = _outermost(found)
    if not re.match(r"[\s()]*(select|with)\b", outermost):
        raise NotOneSelect("no_select")
    if cut := _first(_CUTS, outermost):
        raise NotOneSelect("leaves_out", cut)
    merges = _first(_MERGES, outermost)
    if dialect == "mssql" and (case := _first(_NOT_IN_BRACKETS, outermost)):
        raise NotOneSelect(case)
    parts = [
        part.replace(":", r"\:") if kind in ("comment", "literal", "colon") else part
        for kind, part in found
        if kind != "stop"
    ]
    # The line break ends a comment at the end, so that the closing bracket is not part of it.
    return Prepared("".join(parts) + "\n", frozenset(part[1:] for kind, part in found if kind == "bind"), merges)


def without_texts(statement: str, dialect: str) -> str:
    """Leave out comments and quoted text, except dates, the shortest codes and plain names.

    A text in a SELECT may be a secret or a name. Nothing is shown after a quotation mark or comment that is not closed.
    """
    parts: list[str] = []
    before = ""
    for kind, part in tokens(statement, dialect):
        is_name = part[0] in ("`[" if dialect in _TAKES_FOR_TEXT else '"`[') or before in (".", "collate")
        before = before if part.isspace() else part.lower()
        if kind == "open":
            parts.append("...")
            break
        if kind == "comment":
            parts.append("/* ... */" if part.startswith("/*") else "-- ...")
        elif kind == "literal" and not (_PLAIN_NAME if is_name else _PLAIN_LITERAL).fullmatch(part):
            parts.append("'...'")
        else:
            parts.append(part)
    return "".join(parts)


def names(text: str, dialect: str) -> set[str]:
    """Return the words of a SELECT that cannot be texts, in lower case: they can be shown."""
    found = tokens(text, dialect)
    return {part.strip("[]`").lower() for kind, part in found if kind == "other" or part[0] in "[`"}


def all_columns(text: str, dialect: str) -> str:
    """Return a SELECT of every column of the tables that the outermost SELECT of `text` reads, and of no row."""
    parts: list[str] = []
    depth = 0
    for kind, part in tokens(text, dialect):
        depth += {"(": 1, ")": -1}.get(part, 0) if kind == "bracket" else 0
        word = part.lower() if depth == 0 else ""
        if parts and (word in _AFTER_FROM or kind == "stop"):
            break
        if parts or word == "from":
            parts.append(part)
    return f"SELECT * {''.join(parts)}\nWHERE 1 = 0"


def tokens(text: str, dialect: str) -> list[tuple[str, str]]:
    """Split `text` into pieces, each with its kind, such as literal, comment, bracket or other."""
    pieces = _token("mysql" if dialect == "mariadb" else dialect).finditer(text)
    return [("literal" if piece.lastgroup == "tag" else piece.lastgroup or "", piece[0]) for piece in pieces]


@cache
def _token(dialect: str) -> re.Pattern[str]:
    kind = dialect.partition("+")[0]
    # Of MySQL's two modes the stricter one decides: with both, a backslash is a plain sign.
    grammar = "mysql+no_backslash_escapes" if "+no_backslash_escapes" in dialect else dialect
    quoted = "|".join(_QUOTED.get(grammar, (_LITERAL, _NAME)))
    opening = re.escape(_OPENING.get(kind, "'\""))
    comment = _MYSQL_COMMENT if kind == "mysql" else r"--[^\n]*"
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
    """Return the words outside of brackets, comments and quotation marks, in lower case, with signs for the others.

    Brackets around the whole SELECT are ignored. Raise NotOneSelect if brackets do not match.
    """
    signs = {"literal": "'", "bind": ":", "colon": ":", "cast": "::"}
    parts: list[str] = []
    depth = outer = 0
    for kind, part in found:
        if kind == "bracket":
            depth += 1 if part == "(" else -1
            if depth < 0:
                break
            if part == "(" and not "".join(parts).strip("( \n\t"):
                outer = depth
            parts.append(part)
        elif kind == "other" and (depth <= outer or part.isdecimal()):
            parts.append(part.lower())
        else:
            parts.append(signs.get(kind, " ") if depth <= outer else " ")
    if depth:
        raise NotOneSelect("brackets")
    return "".join(parts)


def _first(patterns: tuple[tuple[re.Pattern[str], str], ...], text: str) -> str | None:
    return next((word for pattern, word in patterns if pattern.search(text)), None)
