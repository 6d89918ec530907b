"""What is particular to Microsoft SQL Server: words of an address, errors of its drivers, sockets, rights.

Imports nothing else of `database`.
"""

import logging
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

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
"""The words that an address may have behind its `?`, with their values in lower case; none: any. Not among them are
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
"""What mssql-python says for an SQLSTATE. It gives neither that nor a number, but the words of the server's message."""


class _Error(NamedTuple):
    """A kind of error: it has one of these numbers, or an SQLSTATE that begins so and these words, if any."""

    code: str
    case: str
    numbers: tuple[int, ...] = ()
    state: str = ""
    words: str = ""

    def fits(self, number: int | None, state: str, message: str) -> bool:
        """Whether an error is of this kind."""
        if number in self.numbers:
            return True
        is_told = bool(self.state or self.words)
        return is_told and re.match(self.state, state) is not None and re.search(self.words, message) is not None


_ERRORS: Final = (
    _Error("DB-SIGNIN", "expired", (18487, 18488), "", r"password of the account (?:has expired|must be changed)"),
    _Error("DB-SIGNIN", "disabled", (18470, 18486), "", r"account is (?:disabled|currently locked)"),
    _Error("DB-SIGNIN", "kerberos", (), "", r"sspi provider|kerberos"),
    _Error("DB-SIGNIN", "", (18452, 18456), "28"),
    _Error("DB-NONE", "not_opened", (4060, 911), "", r"cannot open database|database '.*' does not exist"),
    _Error("DB-NONE", "replica", (976, 978, 982, 983), "", r"availability (?:group|database|replica)"),
    _Error("DB-RIGHTS", "no_entry", (916,), "08004", r"not able to access the database"),
    _Error("DB-NONE", "certificate_name", (), "08", r"subject name does not match"),
    _Error("DB-NONE", "certificate", (), "08", r"certificate"),
    _Error("DB-NONE", "no_encryption", (), "08", r"encryption not supported|wrong version number"),
    _Error("DB-NONE", "tls", (), "08", r"ssl provider"),
    _Error("DB-NONE", "instance", (), "08", r"error locating server/instance"),
    _Error("DB-SLOW", "", (), "HYT00"),
    _Error("DB-SLOW", "conflict", (1205,), "40001"),
    _Error("DB-SLOW", "locked", (1222,), "", r"lock request time ?out"),
    _Error("DB-SLOW", "full", (701, 1105, 9002), "", r"insufficient (?:system )?memory|is full"),
    _Error("DB-NONE", "lost", (), "08"),
    _Error("DB-NONE", "lost", (596, 6005), "", r"session is in the kill state|shutdown is in progress"),
    _Error("DB-RIGHTS", "", (229, 230, 297, 300), "", r"permission was denied|does not have permission"),
    _Error("DB-SELECT", "snapshot", (3952,), "", r"snapshot isolation transaction failed"),
    _Error("DB-SELECT", "table", (208,), "42S02"),
    _Error("DB-SELECT", "column", (207,), "42S22"),
    _Error("DB-SELECT", "column", (4104,), "", r"multi-part identifier"),
    _Error("DB-SELECT", "no_name", (8155,), "", r"no column name was specified"),
    _Error("DB-SELECT", "ambiguous", (209, 8156), "", r"ambiguous column name|was specified multiple times"),
    _Error("DB-SELECT", "function", (195, 4121), "", r"built-in function name|user-defined function"),
    _Error("DB-SELECT", "value", (206, 241, 242, 245, 402, 8114, 8115, 8134), "22"),
    _Error("DB-SELECT", "value", (), "", r"converting data type|are incompatible|operand type clash"),
    _Error("DB-SELECT", "syntax", (102, 156, 170, 4145), "", r"incorrect syntax|non-boolean type"),
    _Error("DB-SELECT", "other", (), "[2-4]"),
)
"""The first that fits. A message is matched in lower case, and never shown."""

ISOLATION: Final = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"
_ROLES: Final = {
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
SELECT {", ".join(_ROLES.values())},
       (SELECT COUNT(*)
        FROM (SELECT o.object_id, CONCAT(QUOTENAME(OBJECT_SCHEMA_NAME(o.object_id)), '.', QUOTENAME(o.name)) AS name
              FROM sys.objects AS o WHERE o.type IN ('U', 'V')) AS t
        WHERE HAS_PERMS_BY_NAME(t.name, 'OBJECT', 'INSERT') = 1 OR HAS_PERMS_BY_NAME(t.name, 'OBJECT', 'DELETE') = 1
           OR EXISTS (SELECT 1 FROM sys.columns AS c WHERE c.object_id = t.object_id
                      AND HAS_PERMS_BY_NAME(t.name, 'OBJECT', 'UPDATE', c.name, 'COLUMN') = 1))
"""  # noqa: S608  our own words
"""One row: 1 for each role or right that the account has, and the number of tables and views that it may change."""


@dataclass(frozen=True, slots=True)
class WrongWord:
    """Something behind the `?` of an address that the driver would not take."""

    case: str
    word: str
    values: tuple[str, ...] = ()
    """Those that it may have."""


def wrong_word(url: URL) -> WrongWord | None:
    """Return the first word of an address that Microsoft's driver does not take, or takes with other values only."""
    known = {word.lower(): (word, values) for word, values in _WORDS.items()}
    for written, value in url.query.items():
        word, values = known.get(written.lower(), ("", ()))
        if not word:
            return WrongWord("address_word", written if re.fullmatch("[A-Za-z_ ]{2,40}", written) else "")
        if not isinstance(value, str) or not value or (values and value.lower() not in values):
            return WrongWord("address_value", word, values)
    return None if url.database else WrongWord("address_database", "")


def way(url: URL) -> Literal["encrypted", "verified"]:
    """Return how safe the way to the server is by the words of its address."""
    words = {word.lower(): str(value).lower() for word, value in url.query.items()}
    is_trusted = words.get("trustservercertificate") in ("yes", "true") and words.get("encrypt") != "strict"
    return "encrypted" if is_trusted else "verified"


def browser_answers(url: URL) -> bool:
    """Whether SQL Server Browser, which knows the ports of instances, answers on UDP port 1434 of the server."""
    host = str(url.host or "").partition("\\")[0]
    try:
        places = socket.getaddrinfo(host, _BROWSER_PORT, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, protocol, _, place in places:
        with suppress(OSError), socket.socket(family, kind, protocol) as end:
            end.settimeout(_BROWSER_SECONDS)
            end.connect(place)
            end.send(b"\x03")  # [MC-SQLR]: which instances are there
            return bool(end.recv(1))
    return False


def roles(row: Any) -> Iterator[str]:  # noqa: ANN401  a row of RIGHTS
    """Yield the roles and rights with which an account may do more than read."""
    yield from (name for name, has in zip(_ROLES, row, strict=False) if has == 1)


def case_of(error: BaseException) -> tuple[str, str]:
    """Return the problem code and the case of an error of a driver for SQL Server; DB-NONE if it is none of the known.

    The driver is mssql-python; the SQLSTATE of pyodbc and the number of pymssql are taken too.
    """
    first = error.args[0] if error.args else None
    while isinstance(first, tuple) and first:  # pymssql's, of a sign-in that was refused
        first = first[0]
    number = first if isinstance(first, int) else None
    said = str(getattr(error, "driver_error", ""))
    state = _STATES.get(said, "") or (first if isinstance(first, str) and re.fullmatch("[0-9A-Z]{5}", first) else "")
    state = state or ("42000" if said == "Syntax error or access violation" else said.rpartition("code: ")[2])
    message = str(getattr(error, "ddbc_error", error)).lower()
    found = next((each for each in _ERRORS if each.fits(number, state, message)), None)
    _logger.info("%s, SQLSTATE %s, number %s", type(error).__name__, state, number)
    return (found.code, found.case) if found else ("DB-NONE", "lost")


def has_offset(column: Any) -> bool:  # noqa: ANN401  an entry of the driver's description
    """Whether a column is a datetimeoffset: the driver describes it as a datetime2, but it is longer."""
    _, kind, _, _, size, scale, _ = column
    return kind is datetime and size - (scale + 1 if scale else 0) == len("2026-11-23 08:45:00 +00:00")


class Sockets:
    """The connections of this process to one server since a moment: the driver has no way to end a wait but these."""

    def __init__(self, url: URL) -> None:
        host, _, instance = str(url.host or "localhost").partition("\\")
        self._port = url.port if url.port or not instance else None
        self._hosts: set[str] = set()
        with suppress(OSError):
            self._hosts = {str(place[4][0]) for place in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        self._before = set(_sockets())

    def shut_down(self) -> None:
        """End them, for the threads that wait on them."""
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
