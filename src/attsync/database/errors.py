"""From the error of a driver to a problem code and its case.

A database's own text may quote data: it is sorted by SQLSTATE, number or a few of its words, and never repeated.
"""

import logging
import re
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from attsync.database import sqlserver
from attsync.problems import SchoolError
from attsync.settings import DatabaseSettings
from attsync.sql_guard import names

PORTS: Final = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
CLEAR_PASSWORD: Final = 2059
"""MySQL's number for a way to sign in that is not taken; ours for one that sends the password in clear."""

_logger = logging.getLogger(__name__)

_STATES: Final = {
    "42P01": "table", "3F000": "table", "42703": "column", "42883": "function", "42601": "syntax",
    "42702": "ambiguous", "42701": "ambiguous", "42846": "value", "42804": "value", "42501": "rights",
    "42P17": "definer", "57014": "slow", "55P03": "locked", "40": "conflict", "53": "full", "54": "full", "58": "full",
    "22021": "encoding", "22P05": "encoding", "22": "value", "25006": "writes", "08": "lost", "57P": "lost",
    "XX": "damaged", "42": "other",
}  # fmt: skip
"""PostgreSQL's SQLSTATE, or how it begins."""

_MYSQL: Final[dict[str, tuple[int, ...]]] = {
    "table": (1146, 1049),
    "column": (1054,),
    "function": (1305, 1128),
    "syntax": (1064,),
    "ambiguous": (1052, 1060),
    "value": (1292, 1366, 1525),
    "rights": (1044, 1142, 1143, 1370),
    "definer": (1356, 1449),
    "slow": (1969, 3024, 1317),
    "locked": (1205,),
    "conflict": (1213, 1020, 1412),
    "full": (3, 1021, 1030, 1037, 1038, 1041, 1114, 1135),
    "writes": (1792,),
    "encoding": (1300, 3854),
    "damaged": (126, 144, 145, 1034, 1194, 1195),
    "lost": (0, 1053, 1077, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 2014, 4031),
}
"""The numbers of MySQL, whose SQLSTATEs are too coarse to tell a right from a comma."""

_WORDS: Final = {
    "table": "no such table|catalog error: table",
    "column": "no such column|binder error: (?:(?:referenced|values list).* not found|.*does not have a column named)",
    "function": "no such function|wrong number of arguments|(?:catalog|binder) error: .*function",
    "syntax": (
        "near |incomplete|unrecognized|incorrect number of binding|you did not supply a value for binding"
        "|selects to the left and right|parser error|values were not provided"
    ),
    "ambiguous": "ambiguous column|binder error: ambiguous",
    "value": "conversion error|binder error: cannot (?:compare|mix)|invalid input error",
    "encoding": "could not decode",
    "writes": "attempt to write",
    "slow": "interrupted",
    "locked": "database (?:table )?is locked",
    "full": "database or disk is full|out of memory|disk i/o error",
    "damaged": "database disk image is malformed|file is not a database",
    "file": "unable to open database|io error",
}
"""How SQLite and DuckDB begin their messages, in lower case; they have no numbers for these."""

_CODES: Final = {
    "rights": ("DB-RIGHTS", ""),
    "slow": ("DB-SLOW", ""),
    **{case: ("DB-SLOW", case) for case in ("locked", "conflict", "full")},
    **{case: ("DB-NONE", case) for case in ("lost", "damaged", "file")},
}
"""Where it is not DB-SELECT with this case."""

_COLUMN: Final = re.compile(r"(?:column named?|column:?|identifier) ['\"]?(?!not found)(?:\w+\.)*(\w+)", re.IGNORECASE)
"""How every database names a column that it does not find; mssql-python says "Column not found" before that."""

_IN_CONNECTING: Final = (
    ("DB-SIGNIN", "clear", "cleartext password"),
    ("DB-NONE", "no_database", r'database "[^"]*" does not exist|unknown database|cannot open database'),
    ("DB-SIGNIN", "", r'authentication failed|no pg_hba\.conf entry|role "[^"]*" |no password supplied|access denied'),
    ("DB-NONE", "tls", r"certificate|\[ssl|ssl error|not support ssl|ssl is required|unsupported protocol"),
    ("DB-NONE", "full", "too many c|remaining connection slots|starting up|shutting down|is blocked because"),
)
"""Before the sign-in is done PostgreSQL gives no SQLSTATE: words of its messages, and of MySQL's."""


def wrong_address(database: DatabaseSettings) -> SchoolError:
    """Return the error of an address that cannot be read; it is not shown, for a password may be anywhere in it."""
    return SchoolError("DB-NONE", "address", name=database.name, where=_where(database))


def wrong_word(database: DatabaseSettings, wrong: sqlserver.WrongWord) -> SchoolError:
    """Return the error of something behind the `?` of an address; only words of the driver are shown."""
    return SchoolError(
        "SETTINGS", wrong.case, name=database.name, where=_where(database), word=wrong.word, values=wrong.values
    )


def in_connecting(database: DatabaseSettings, error: Exception, url: URL, reach: Callable[[], str]) -> SchoolError:
    """Return what `error` means before there is a connection; `reach` finds out how far one comes."""
    original = _original(error)
    kind = url.get_backend_name().replace("mariadb", "mysql")
    port = url.port or PORTS.get(kind)
    what: dict[str, Any] = {
        "name": database.name,
        "where": _where(database),
        "account": url.username,
        "server": url.host and (f"{url.host}:{port}" if port else url.host),
    }
    if kind == "mssql" and "\\" in (url.host or "") and not url.port:
        what["server"] = url.host
    if found := _case_in_connecting(original, kind, url):
        return SchoolError(*found, **what)
    message = str(original).lower()
    try:
        case = reach()
    except TimeoutError:
        case = "silent"
    if case == "answers" and (isinstance(original, TimeoutError) or "timeout" in message or "timed out" in message):
        case = "silent"
    return SchoolError("DB-NONE", case if what["server"] else "", **what)


def _case_in_connecting(error: BaseException, kind: str, url: URL) -> tuple[str, str] | None:
    """Return the code and case of an error that says what is wrong; None: the way to the server has to be tried."""
    if kind in ("sqlite", "duckdb"):
        is_locked = _class_of(error, kind) == "locked" or "lock" in str(error).lower()
        return "DB-NONE", "file_locked" if is_locked else "file"
    if kind == "mssql":
        code, case = sqlserver.case_of(error)
        if case == "instance" and not sqlserver.browser_answers(url):
            case = "browser"
        if (code, case) != ("DB-NONE", "lost"):
            return code, case
    for code, case, words in _IN_CONNECTING:
        if re.search(words, str(error).lower()):
            return code, case
    if _number(error) == 1049:  # noqa: PLR2004  MySQL's for an unknown database, whatever its language
        return "DB-NONE", "no_database"
    return ("DB-SIGNIN", "") if _number(error) in (1045, 1698) or _state(error).startswith("28") else None


def in_a_select(database: DatabaseSettings, error: Exception, kind: str, select: str) -> SchoolError:
    """Return what `error` means once the connection was made: `select` is the SELECT of the settings that was asked."""
    written = getattr(database.select, select, None) or ""
    if kind == "mssql":
        code, case = sqlserver.case_of(_original(error))
    else:
        case = _class_of(_original(error), kind)
        code, case = _CODES.get(case, ("DB-SELECT", case))
    named = _COLUMN.search(str(_original(error)))
    column = named[1] if case == "column" and named and named[1].lower() in names(written, kind) else None
    sets = "time_zone = 'Europe/London'" if kind == "mysql" else "TimeZone = 'Europe/London'"
    return SchoolError(
        code, case, name=database.name, select=select, where=_where(database), column=column,
        session=f"SET {sets}" if kind in ("mysql", "postgresql", "duckdb") else "",
    )  # fmt: skip


def _class_of(error: BaseException, kind: str) -> str:
    """Return the class of an error of a driver: a case of DB-SELECT, or a key of `_CODES`."""
    _logger.info("%s, SQLSTATE %s, number %s", type(error).__name__, _state(error), _number(error))
    if isinstance(error, UnicodeError):
        return "encoding"
    if kind in ("sqlite", "duckdb"):
        message = str(error).lower()
        return next((case for case, words in _WORDS.items() if re.match(words, message)), "other")
    number = _number(error)
    if number is not None:
        numbers_of = _MYSQL if kind == "mysql" else {}
        found = next((case for case, numbers in numbers_of.items() if number in numbers), "other")
        return "slow" if found == "lost" and "timed out" in str(error).lower() else found
    state = _state(error)
    parts = (state, state[:3], state[:2])
    return next((_STATES[part] for part in parts if part in _STATES), "other" if state else "lost")


def _original(error: Exception) -> BaseException:
    original = error.orig if isinstance(error, DBAPIError) else error
    return original or error


def _state(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def _number(error: BaseException) -> int | None:
    number = error.args[0] if error.args else None
    return number if isinstance(number, int) else None


def _where(database: DatabaseSettings) -> str:
    """Return the setting that holds the address."""
    return "url_file" if database.url_file else "url"
