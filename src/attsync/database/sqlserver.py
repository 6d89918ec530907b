"""What is specific to Microsoft SQL Server: words of an address, errors of its drivers, sockets, rights.

Imports nothing else of `database`.
"""

import logging
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import URL

_logger = logging.getLogger(__name__)

_BROWSER_PORT: Final = 1434
_BROWSER_SECONDS: Final = 2

_YES_NO: Final = ("yes", "no", "true", "false")
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "ApplicationIntent": ("readonly", "readwrite"),
    "ConnectRetryCount": (),
    "ConnectRetryInterval": (),
    "Encrypt": ("yes", "true", "mandatory", "strict"),
    "HostNameInCertificate": (),
    "IpAddressPreference": (),
    "KeepAlive": (),
    "KeepAliveInterval": (),
    "MultiSubnetFailover": _YES_NO,
    "PacketSize": (),
    "ServerSPN": (),
    "Trusted_Connection": _YES_NO,
    "TrustServerCertificate": _YES_NO,
}
"""The words allowed after the `?` of an address, with their values in lower case; none: any value. They do not include
`Authentication`, which would sign in at another host than that of the settings, and `Encrypt=no`, with which the
password could go in clear."""

_STATES: Final = {
    "Base table or view not found": "42S02",
    "Client unable to establish connection": "08001",
    "Column not found": "42S22",
    "Communication link failure": "08S01",
    "Connection timeout expired": "HYT01",
    "Datetime field overflow": "22008",
    "Division by zero": "22012",
    "Invalid authorization specification": "28000",
    "Invalid character value for cast specification": "22018",
    "Invalid datetime format": "22007",
    "Numeric value out of range": "22003",
    "Serialization failure": "40001",
    "Server rejected the connection": "08004",
    "String data, right-truncated": "22001",
    "Timeout expired": "HYT00",
}
"""What mssql-python says for an SQLSTATE. It reports neither that nor a number, only the server's message."""


_ERRORS: Final = (
    ("DB-SIGNIN", "expired", "", r"password of the account (?:has expired|must be changed)"),
    ("DB-SIGNIN", "disabled", "", r"account is (?:disabled|currently locked)"),
    ("DB-SIGNIN", "kerberos", "", r"sspi provider|kerberos"),
    ("DB-SIGNIN", "", "28", ""),
    ("DB-NONE", "not_opened", "", r"cannot open database|database '.*' does not exist"),
    ("DB-NONE", "replica", "", r"availability (?:group|database|replica)"),
    ("DB-RIGHTS", "no_entry", "08004", r"not able to access the database"),
    ("DB-NONE", "certificate_name", "08", r"subject name does not match"),
    ("DB-NONE", "certificate", "08", r"certificate"),
    ("DB-NONE", "no_encryption", "08", r"encryption not supported|wrong version number"),
    ("DB-NONE", "tls", "08", r"ssl provider"),
    ("DB-NONE", "instance", "08", r"error locating server/instance"),
    ("DB-SLOW", "", "HYT00", ""),
    ("DB-SLOW", "conflict", "40001", ""),
    ("DB-SLOW", "locked", "", r"lock request time ?out"),
    ("DB-SLOW", "full", "", r"insufficient (?:system )?memory|is full"),
    ("DB-NONE", "lost", "08", ""),
    ("DB-NONE", "lost", "", r"session is in the kill state|shutdown is in progress"),
    ("DB-RIGHTS", "", "", r"permission was denied|does not have permission"),
    ("DB-SELECT", "snapshot", "", r"snapshot isolation transaction failed"),
    ("DB-SELECT", "table", "42S02", ""),
    ("DB-SELECT", "column", "42S22", ""),
    ("DB-SELECT", "column", "", r"multi-part identifier"),
    ("DB-SELECT", "no_name", "", r"no column name was specified"),
    ("DB-SELECT", "ambiguous", "", r"ambiguous column name|was specified multiple times"),
    ("DB-SELECT", "function", "", r"built-in function name|user-defined function"),
    ("DB-SELECT", "value", "22", ""),
    ("DB-SELECT", "value", "", r"converting data type|are incompatible|operand type clash"),
    ("DB-SELECT", "syntax", "", r"incorrect syntax|non-boolean type"),
    ("DB-SELECT", "other", "[2-4]", ""),
)
"""Code, case, how the SQLSTATE begins, words of the message: the first that matches. A message is matched in lower
case, and never shown."""

ISOLATION: Final = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"
ROLES: Final = {
    "sysadmin": "IS_SRVROLEMEMBER('sysadmin')",
    "CONTROL SERVER": "HAS_PERMS_BY_NAME(NULL, NULL, 'CONTROL SERVER')",
    "securityadmin": "IS_SRVROLEMEMBER('securityadmin')",
    "db_owner": "IS_MEMBER('db_owner')",
    "CONTROL": "HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CONTROL')",
    "db_datawriter": "IS_MEMBER('db_datawriter')",
    "db_ddladmin": "IS_MEMBER('db_ddladmin')",
    "db_securityadmin": "IS_MEMBER('db_securityadmin')",
}
RIGHTS: Final = f"""
SELECT {", ".join(ROLES.values())},
       (SELECT COUNT(*)
        FROM (SELECT o.object_id, CONCAT(QUOTENAME(OBJECT_SCHEMA_NAME(o.object_id)), '.', QUOTENAME(o.name)) AS name
              FROM sys.objects AS o WHERE o.type IN ('U', 'V')) AS t
        WHERE HAS_PERMS_BY_NAME(t.name, 'OBJECT', 'INSERT') = 1 OR HAS_PERMS_BY_NAME(t.name, 'OBJECT', 'DELETE') = 1
           OR EXISTS (SELECT 1 FROM sys.columns AS c WHERE c.object_id = t.object_id
                      AND HAS_PERMS_BY_NAME(t.name, 'OBJECT', 'UPDATE', c.name, 'COLUMN') = 1))
"""  # noqa: S608  our own words
"""One row: 1 for each role or right that the account has, and the number of tables and views that it can change."""


def wrong_word(url: URL) -> tuple[str, str, tuple[str, ...]] | None:
    """Return the first word of an address that is not allowed, or not with its value.

    Returns a case of SETTINGS, the word, and its allowed values.
    """
    known = {word.lower(): (word, values) for word, values in _WORDS.items()}
    for written, value in url.query.items():
        word, values = known.get(written.lower(), ("", ()))
        if not word:
            return "address_word", written if re.fullmatch("[A-Za-z_ ]{2,40}", written) else "", ()
        if not isinstance(value, str) or not value or (values and value.lower() not in values):
            return "address_value", word, values
    return None if url.database else ("address_database", "", ())


def way(url: URL) -> Literal["encrypted", "verified"]:
    """Return how secure the connection is by the words of its address."""
    words = {word.lower(): str(value).lower() for word, value in url.query.items()}
    is_trusted = words.get("trustservercertificate") in ("yes", "true") and words.get("encrypt") != "strict"
    return "encrypted" if is_trusted else "verified"


def browser_answers(url: URL) -> bool:
    """Whether SQL Server Browser, which knows the ports of instances, answers on UDP port 1434 of the server."""
    host = str(url.host or "").partition("\\")[0]
    with suppress(OSError):
        for family, kind, protocol, _, place in socket.getaddrinfo(host, _BROWSER_PORT, type=socket.SOCK_DGRAM):
            with suppress(OSError), socket.socket(family, kind, protocol) as end:
                end.settimeout(_BROWSER_SECONDS)
                end.connect(place)
                end.send(b"\x03")  # [MC-SQLR]: which instances are there
                return bool(end.recv(1))
    return False


def case_of(error: BaseException) -> tuple[str, str]:
    """Return the problem code and the case of an error of mssql-python; DB-NONE if it is none of the known."""
    said = str(getattr(error, "driver_error", ""))
    code = "42000" if said == "Syntax error or access violation" else said.rpartition("code: ")[2]
    state = _STATES.get(said, code)
    message = str(getattr(error, "ddbc_error", error)).lower()
    _logger.info("%s, SQLSTATE %s", type(error).__name__, state)
    fits = (
        (code, case) for code, case, begins, words in _ERRORS if re.match(begins, state) and re.search(words, message)
    )
    return next(fits, ("DB-NONE", "lost"))


def has_offset(column: Any) -> bool:  # noqa: ANN401  an entry of the driver's description
    """Whether a column is a datetimeoffset: the driver describes it as a datetime2, but it is longer."""
    _, kind, _, _, size, scale, _ = column
    return kind is datetime and size - (scale + 1 if scale else 0) == len("2026-11-23 08:45:00 +00:00")


class Sockets:
    """The sockets of this process to one server since a moment: the driver has no other way to end a wait."""

    def __init__(self, url: URL) -> None:
        host, _, instance = str(url.host or "localhost").partition("\\")
        self._port = url.port if url.port or not instance else None
        self._hosts: set[str] = set()
        with suppress(OSError):
            self._hosts = {str(place[4][0]) for place in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        self._before = set(_sockets())

    def shut_down(self) -> None:
        """Shut them down, for the threads that wait on them."""
        for descriptor, inode in _sockets():
            if (descriptor, inode) in self._before:
                continue
            with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as end:
                host, port, *_ = end.getpeername()
                if host in self._hosts and self._port in (port, None):
                    end.shutdown(socket.SHUT_RDWR)


def _sockets() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/dev/fd"):  # noqa: PTH208  numbers, no paths
        with suppress(OSError):
            found = os.fstat(int(name))
            if stat.S_ISSOCK(found.st_mode):
                yield int(name), found.st_ino
