"""SQL as people may read it: set in lines, where only the blanks between its words change; and without its texts.

A text in a SELECT of the settings may be a secret or a name. Knows words, quotation marks and comments; refuses to
know what the SQL means.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from attsync.sql_guard import tokens

_COLUMNS: Final = 100
_CLAUSES: Final = frozenset({"select", "from", "where", "group", "having", "order", "union", "intersect", "except"})
_QUERIES: Final = frozenset({"select", "with"})
_INDENT: Final = "  "
_PLAIN_LITERAL: Final = re.compile(r"(['\"])(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[^'\"]{0,2})\1")
_PLAIN_NAME: Final = re.compile(r"[\"`\[]\w+[\"`\]]")
_TAKES_FOR_TEXT: Final = frozenset({"mysql", "mariadb", "sqlite"})
"""There "Ada" is a text: in MySQL always, in SQLite where there is no such column."""
_BEFORE_A_NAME: Final = frozenset({".", "collate"})


def without_texts(statement: str, dialect: str) -> str:
    """Leave out comments, and what stands in quotation marks: all but dates, the shortest of codes, and plain names.

    A quotation mark or a comment that nothing closes ends what is shown.
    """
    parts: list[str] = []
    before = ""
    for kind, part in tokens(statement, dialect):
        is_name = part[0] in ("`[" if dialect in _TAKES_FOR_TEXT else '"`[') or before in _BEFORE_A_NAME
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


def laid_out(text: str, dialect: str) -> str:
    """Begin a line for each clause and each column that is selected; move queries in brackets in."""
    layout = _Layout()
    parts = [(kind, part) for kind, part in tokens(text, dialect) if not part.isspace()]
    gaps = _gaps(tokens(text, dialect))
    following = [*(part.lower() for _, part in parts[1:]), ""]
    for (kind, part), has_gap, then in zip(parts, gaps, following, strict=True):
        layout.add(kind, part, has_gap=has_gap, opens_query=then in _QUERIES)
    return layout.text()


def in_one_line(text: str, dialect: str, dates: Mapping[str, str]) -> str:
    """Leave out comments and line breaks, and put `dates` for :start and :end, so that it can be pasted anywhere."""
    words: list[str] = []
    for kind, part in tokens(text, dialect):
        word = dates[part[1:]] if kind == "bind" else " " if kind == "comment" or part.isspace() else part
        if kind != "stop" and not (word == " " and words[-1:] in ([], [" "])):
            words.append(word)
    return "".join(words).rstrip()


def _gaps(found: Iterable[tuple[str, str]]) -> list[bool]:
    """Tell for each word whether there is a blank before it."""
    gaps, has_gap = [], False
    for _, part in found:
        if not part.isspace():
            gaps.append(has_gap)
        has_gap = part.isspace()
    return gaps


class _Layout:
    def __init__(self) -> None:
        self._lines: list[tuple[int, list[str]]] = [(0, [])]
        self._brackets: list[bool] = []
        """Of those that are open: whether a query stands in it."""
        self._clauses = ["", ""]
        """Of each query that is open: its last clause."""

    def add(self, kind: str, part: str, *, has_gap: bool, opens_query: bool) -> None:
        """Put the next word where it belongs."""
        word = part.lower() if kind == "other" else ""
        if part == ")" and kind == "bracket" and self._brackets:
            if self._brackets.pop():
                self._clauses.pop()
                self._begin_line(0)
        elif word in _CLAUSES and self._is_in_query():
            self._clauses[-1] = word
            self._begin_line(0)
        self._append(part, has_gap=has_gap)
        if part == "(" and kind == "bracket":
            self._brackets.append(opens_query)
            if opens_query:
                self._clauses.append("")
                self._begin_line(0)
        ends_column = part == "," and self._is_in_query() and self._clauses[-1] == "select"
        if ends_column or (kind == "comment" and not part.startswith("/*")):  # that goes on to the end of its line
            self._begin_line(1)

    def text(self) -> str:
        """Give the lines, broken between words where they are too long."""
        return "\n".join(line for indent, words in self._lines if words for line in _broken(indent, words))

    def _is_in_query(self) -> bool:
        return not self._brackets or self._brackets[-1]

    def _begin_line(self, more: int) -> None:
        self._lines.append((len(self._clauses) - 2 + more, []))

    def _append(self, part: str, *, has_gap: bool) -> None:
        words = self._lines[-1][1]
        if has_gap or not words:
            words.append(part)
        else:
            words[-1] += part


def _broken(indent: int, words: list[str]) -> Iterable[str]:
    line = _INDENT * indent + words[0]
    for word in words[1:]:
        if len(line) + 1 + len(word) > _COLUMNS:
            yield line
            line = _INDENT * (indent + 2) + word
        else:
            line += f" {word}"
    yield line
