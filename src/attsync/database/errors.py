"""From the error of a driver to a problem code and its case.

A database's own text may quote data: it is classified by SQLSTATE, number or a few of its words, and never shown.
"""

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from attsync.database import sqlserver
from attsync.problems import SchoolError
from attsync.settings import DatabaseSettings
from attsync.sql_guard import names

PORTS: Final = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
CLEAR_PASSWORD: Final = 2059
"""MySQL's number for a sign-in method that is not accepted; ours for one that sends the password in clear."""

_logger = logging.getLogger(__name__)

_NONE: Final = "(?!)"
_CLASSES: Final = {
    "extension": (_NONE, _NONE, "(?s:.*)(?:install the required extension|encodings extension)"),
    "csv_encoding": (_NONE, _NONE, "invalid input error: (?s:.*)(?:not utf-8 encoded|not latin-1|not utf-16)"),
    "csv": (_NONE, _NONE, "invalid input error: (?:csv error|error when sniffing)"),
    "table": ("42P01|3F000", "1146|1049", "no such table|catalog error: table"),
    "column": (
        "42703",
        "1054",
        "no such column|binder error: (?:.* not found|.*does not have a column named|column .* referenced that)",
    ),
    "function": (
        "42883",
        "1305|1128",
        "no such function|wrong number of arguments|(?:catalog|binder) error: .*function",
    ),
    "syntax": (
        "42601",
        "1064",
        (
            "near |incomplete|unrecognized|incorrect number of binding|you did not supply a value for binding"
            "|selects to the left and right|parser error|values were not provided"
        ),
    ),
    "ambiguous": ("42702|42701", "1052|1060", "ambiguous column|binder error: ambiguous"),
    "encoding": ("22021|22P05", "1300|3854", "could not decode"),
    "value": (
        "42846|42804|22",
        "1292|1366|1525",
        "conversion error|binder error: cannot (?:compare|mix)|invalid input error",
    ),
    "rights": ("42501", "1044|1142|1143|1370", _NONE),
    "definer": ("42P17", "1356|1449", _NONE),
    "writes": ("25006", "1792", "attempt to write"),
    "slow": ("57014", "1969|3024|1317", "interrupted"),
    "locked": ("55P03", "1205", "database (?:table )?is locked"),
    "conflict": ("40", "1213|1020|1412", _NONE),
    "full": (
        "53|54|58",
        "3|1021|1030|1037|1038|1041|1114|1135",
        "database or disk is full|out of memory|disk i/o error",
    ),
    "damaged": ("XX", "126|144|145|1034|1194|1195", "database disk image is malformed|file is not a database"),
    "lost": ("08|57P|$", "0|1053|1077|1158|1159|1160|1161|1927|2006|2013|2014|4031", _NONE),
    "export": (_NONE, _NONE, "io error"),
    "file": (_NONE, _NONE, "unable to open database"),
}
"""How each kind of error is recognised: how the SQLSTATE of PostgreSQL begins (there is none if the connection broke);
the number of MySQL, as its SQLSTATEs do not separate rights from syntax; how the message of SQLite and DuckDB begins,
in lower case. The first that matches; a key is a case of DB-SELECT, or one of `_CODES`."""

_CODES: Final = {
    "rights": ("DB-RIGHTS", ""),
    "slow": ("DB-SLOW", ""),
    **{case: ("DB-SLOW", case) for case in ("locked", "conflict", "full")},
    **{case: ("DB-NONE", case) for case in ("lost", "damaged", "export", "file")},
}
"""Kinds that are not DB-SELECT with this case."""

_COLUMN: Final = re.compile(r"(?:column named?|column:?|identifier) ['\"]?(?!not found)(?:\w+\.)*(\w+)", re.IGNORECASE)
"""How databases name a column that they do not find; mssql-python writes "Column not found" before that."""

_WORD: Final = re.compile(r"(?:invalid connection option|unexpected keyword argument) ['\"](\w+)")
"""How psycopg and Python name a word after the `?` of an address that the driver does not accept."""
_VALUE: Final = re.compile(r"(?:invalid|bad value for) (\w+)(?: value)?: ['\"]")
_LINE: Final = re.compile(r"csv error on line: (\d+)", re.IGNORECASE)

_IN_CONNECTING: Final = (
    ("DB-SIGNIN", "clear", "cleartext password"),
    ("DB-NONE", "no_database", r'database "[^"]*" does not exist|unknown database|cannot open database'),
    ("DB-SIGNIN", "", r'authentication failed|no pg_hba\.conf entry|role "[^"]*" |no password supplied|access denied'),
    ("DB-NONE", "tls", r"certificate|\[ssl|ssl error|not support ssl|ssl is required|unsupported protocol"),
    ("DB-NONE", "full", "too many c|remaining connection slots|starting up|shutting down|is blocked because"),
)
"""Before the sign-in is done PostgreSQL gives no SQLSTATE: words of its messages, and of MySQL's."""


def wrong_address(database: DatabaseSettings, error: BaseException | None = None) -> SchoolError:
    """Return the error of an address that cannot be read; it is not shown, because a password may be anywhere in it.

    If the driver's `error` names a word after the `?`, that word is shown.
    """
    if found := _WORD.search(str(error)):
        return wrong_word(database, "address_word", found[1])
    if found := _VALUE.search(str(error)):
        return wrong_word(database, "address_value", found[1])
    return SchoolError("DB-NONE", "address", name=database.name, where=_where(database))


def wrong_word(database: DatabaseSettings, case: str, word: str, values: Sequence[str] = ()) -> SchoolError:
    """Return the error of a driver, or of something behind the `?`, in an address; only words of drivers are shown.

    `values` are those that the word may have.
    """
    return SchoolError("SETTINGS", case, name=database.name, where=_where(database), word=word, values=values)


def in_connecting(database: DatabaseSettings, error: Exception, url: URL, reach: Callable[[], str]) -> SchoolError:
    """Return the SchoolError for `error` before there is a connection; `reach` finds out how far one gets."""
    original = _original(error)
    if any(words.search(str(original)) for words in (_WORD, _VALUE)):
        return wrong_address(database, original)
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
    """Return the code and case of an error that says what is wrong; None: the connection has to be tried."""
    if kind in ("sqlite", "duckdb"):
        is_locked = _class_of(error, kind) == "locked" or "lock" in str(error).lower()
        return "DB-NONE", "file_locked" if is_locked else "file"
    if kind == "mssql":
        code, case = sqlserver.case_of(error)
        if (code, case) == ("DB-SIGNIN", "") and "\\" in (url.username or ""):
            case = "windows"
        if case == "instance" and not sqlserver.browser_answers(url):
            case = "browser"
        if (code, case) != ("DB-NONE", "lost"):
            return code, case
    if isinstance(error, FileNotFoundError) and "ssl_ca" in url.query:
        return "DB-NONE", "tls"
    for code, case, words in _IN_CONNECTING:
        if re.search(words, str(error).lower()):
            return code, case
    if _number(error) == 1049:  # noqa: PLR2004  MySQL's for an unknown database, whatever its language
        return "DB-NONE", "no_database"
    return ("DB-SIGNIN", "") if _number(error) in (1045, 1698) or _state(error).startswith("28") else None


def in_a_select(database: DatabaseSettings, error: Exception, kind: str, select: str) -> SchoolError:
    """Return the SchoolError for `error` after the connection was made; `select` is the SELECT that was run."""
    written = getattr(database.select, select, None) or ""
    if kind == "mssql":
        code, case = sqlserver.case_of(_original(error))
    else:
        case = _class_of(_original(error), kind)
        code, case = _CODES.get(case, ("DB-SELECT", case))
    named, line = (sign.search(str(_original(error))) for sign in (_COLUMN, _LINE))
    column = named[1] if case == "column" and named and named[1].lower() in names(written, kind) else None
    sets = "time_zone = 'Europe/London'" if kind == "mysql" else "TimeZone = 'Europe/London'"
    return SchoolError(
        code, case, name=database.name, select=select, where=_where(database), column=column,
        line=line and line[1],
        session=f"SET {sets}" if kind in ("mysql", "postgresql", "duckdb") else "",
    )  # fmt: skip


def _class_of(error: BaseException, kind: str) -> str:
    """Return the class of an error of a driver: a case of DB-SELECT, or a key of `_CODES`."""
    _logger.info("%s, SQLSTATE %s, number %s", type(error).__name__, _state(error), _number(error))
    if isinstance(error, UnicodeError):
        return "encoding"
    message = str(error).lower()
    place, told = {"postgresql": (0, _state(error)), "mysql": (1, str(_number(error)))}.get(kind, (2, message))
    end = r"\b" if kind == "mysql" else ""
    found = next((case for case, signs in _CLASSES.items() if re.match(f"(?:{signs[place]}){end}", told)), "other")
    return "slow" if kind == "mysql" and found == "lost" and "timed out" in message else found


def _original(error: Exception) -> BaseException:
    original = error.orig if isinstance(error, DBAPIError) else error
    return original or error


def _state(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def _number(error: BaseException) -> int | None:
    number = error.args[0] if error.args else None
    return number if isinstance(number, int) else None


def _where(database: DatabaseSettings) -> str:
    """Return the setting with the address."""
    return "url_file" if database.url_file else "url"
