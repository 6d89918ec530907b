"""What a database says when something fails, in our own words.

Its own text may quote data (RELIABILITY.md 8): it is sorted by number or SQLSTATE, and never repeated.
"""

import logging
import re
import sqlite3
from typing import Final

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from attsync.problems import SchoolError
from attsync.settings import DatabaseSettings

CONNECT_SECONDS: Final = 10
STATEMENT_SECONDS: Final = 120

_logger = logging.getLogger(__name__)

_TABLE, _COLUMN, _SYNTAX, _TWICE, _VALUE = "table", "column", "syntax", "twice", "value"
_WHY: Final = {
    _TABLE: "it names a table or view that is not there",
    _COLUMN: "it names a column that is not there",
    _SYNTAX: "the database cannot read it: it is mistyped",
    _TWICE: "two of its columns have the same name",
    _VALUE: "a value cannot be turned into what it, or attsync, compares it with; dates must be dates",
}

_SQLSTATES: Final = {
    "42P01": _TABLE,
    "3F000": _TABLE,
    "42703": _COLUMN,
    "42601": _SYNTAX,
    "42702": _TWICE,
    "42701": _TWICE,
    "42883": _VALUE,
    "42846": _VALUE,
}
_NUMBERS: Final = {
    1146: _TABLE,
    1049: _TABLE,
    208: _TABLE,
    942: _TABLE,
    1054: _COLUMN,
    207: _COLUMN,
    904: _COLUMN,
    1064: _SYNTAX,
    102: _SYNTAX,
    156: _SYNTAX,
    1052: _TWICE,
    1060: _TWICE,
    8156: _TWICE,
    1292: _VALUE,
    241: _VALUE,
}
_SQLITE: Final = (
    ("no such table", _TABLE),
    ("no such column", _COLUMN),
    ("near ", _SYNTAX),
    ("incomplete", _SYNTAX),
    ("unrecognized", _SYNTAX),
    ("no such function", _SYNTAX),
    ("wrong number of arguments", _SYNTAX),
    ("incorrect number of binding", _SYNTAX),
    ("you did not supply a value for binding", _SYNTAX),
    ("selects to the left and right", _SYNTAX),
    ("ambiguous column", _TWICE),
)

_SIGNIN: Final = r'authentication failed|no pg_hba\.conf entry|role "[^"]*" does not exist'
"""PostgreSQL gives no SQLSTATE before the sign-in is done."""
_NONE_SUCH: Final = r'database "[^"]*" does not exist'
_NO_DATABASE: Final = (1049, 4060)
"""MySQL's and SQL Server's numbers for the same."""
_NONE_SUCH_NEXT: Final = "Ask IT to check the name of the database, at the end of its address in the settings file."
_LOST: Final = 2013
"""PyMySQL's number for a connection that ended, whatever the reason."""

NOT_SENT: Final = "Nothing was sent for its schools."
"""What did not happen, when a database cannot be read."""

_WORDS: Final = {
    "DB-NONE": (
        "cannot be opened, or does not answer.",
        "Ask IT to check the address of the database in the settings file, and that its server runs.",
    ),
    "DB-SIGNIN": (
        "the database refused the sign-in.",
        "Ask your database administrator to check the account and password in the address of the database.",
    ),
    "DB-RIGHTS": (
        "the account may not read what the SELECTs name.",
        "Ask your database administrator to grant it SELECT on these tables or views, and nothing else.",
    ),
    "DB-SLOW": (
        f"no answer within {STATEMENT_SECONDS} seconds, or what it reads is locked by another program.",
        "Ask your database administrator for an index on the date column of the marks; the next send tries again.",
    ),
    "DB-SELECT": (
        "a SELECT of the settings file does not work.",
        "Ask whoever wrote the SELECTs to try them in the database's own tool.",
    ),
}


def in_our_words(database: DatabaseSettings, error: Exception, select: str | None) -> SchoolError:
    """Say what `error` means; `select` is the SELECT of the settings that was run."""
    original = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = str(getattr(original, "sqlstate", None) or "")
    number = original.args[0] if original is not None and original.args else None
    number = number if isinstance(number, int) else getattr(number, "code", None)  # Oracle's is inside an object
    _logger.info("%s: %s, SQLSTATE %s, number %s", database.name, type(original).__name__, sqlstate, number)
    message = str(original).lower()
    why = _why(sqlstate, number, message if isinstance(original, sqlite3.Error) else "")
    if why is None and getattr(original, "sqlite_errorname", "") == "SQLITE_ERROR":
        why = ""  # something about the SELECT, such as a value that a function does not take
    code = "DB-SELECT" if why is not None else _code(sqlstate, number, message)
    if code == "DB-SELECT" and select:
        what = f"the {select} SELECT does not work" + (f": {_WHY[why]}." if why in _WHY else ".")
        then = f"Mend {select} under [database.select] in the settings file; try it in the database's own tool."
    else:
        what, then = _WORDS[code]
        if select is None and (number in _NO_DATABASE or re.search(_NONE_SUCH, message)):
            code, what, then = "DB-NONE", "its server answers, but has no database of that name.", _NONE_SUCH_NEXT
        if code == "DB-NONE" and getattr(original, "sqlite_errorname", "").startswith(_IN_USE):
            what, then = f"another program keeps the file {_file(database)} locked.", _IN_USE_NEXT
        elif code == "DB-NONE" and isinstance(original, sqlite3.Error):
            what, then = f"the file {_file(database)} cannot be opened, or is no SQLite database.", _SQLITE_NONE
    return SchoolError(code, f"{database.name}: {what}", then, not_done=NOT_SENT)


_IN_USE: Final = ("SQLITE_BUSY", "SQLITE_LOCKED")
_IN_USE_NEXT: Final = "Nothing to do once: the next send tries again. If it stays so, ask IT which program holds it."
_SQLITE_NONE: Final = "Ask IT to check url in the settings file, and that this account may read the file."


def _file(database: DatabaseSettings) -> str:
    return make_url(database.database_url().get_secret_value()).database or "(no name)"


def _why(sqlstate: str, number: object, sqlite_message: str) -> str | None:
    """Find out why a SELECT does not work: one of `_WHY`, or "" where it is the SELECT but no more is known."""
    if sqlite_message:
        return next((why for start, why in _SQLITE if sqlite_message.startswith(start)), None)
    if isinstance(number, int):  # MySQL's own SQLSTATEs are too coarse to tell a right from a comma
        return _NUMBERS.get(number)
    if sqlstate.startswith("22"):
        return _VALUE
    return _SQLSTATES.get(sqlstate, "" if sqlstate.startswith("42") and sqlstate != "42501" else None)


def _code(sqlstate: str, number: object, message: str) -> str:
    """Sort what is not a SELECT's fault: by SQLSTATE (PostgreSQL), by number (MySQL), or by SQLite's few words."""
    if sqlstate.startswith("28") or number in (1045, 1698, 18456, 1017) or re.search(_SIGNIN, message):
        return "DB-SIGNIN"
    if sqlstate == "42501" or number in (1044, 1142, 1143, 229, 1031):
        return "DB-RIGHTS"
    timed_out = message == "interrupted" or (number == _LOST and "timed out" in message)
    if sqlstate in ("57014", "55P03") or number in (1969, 3024, 1205, 1222) or timed_out:
        return "DB-SLOW"
    return "DB-NONE"
