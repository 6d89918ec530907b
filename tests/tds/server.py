"""The SQL Server of the tests: speaks TDS to Microsoft's own driver, on loopback, with a school's marks behind it.

What it does wrong on purpose is a `Fault`; what it was asked is in `statements`.
"""

import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self
from urllib.parse import quote

import duckdb

from tests.tds import tsql, wire
from tests.tds.wire import Packets, SqlError

Encryption = Literal["offered", "required", "not supported"]
_ENCRYPTION: Final[dict[Encryption, int]] = {"offered": 1, "required": 3, "not supported": 2}
_PROCEDURES: Final = {10: "sp_executesql", 13: "sp_prepexec", 15: "sp_unprepare"}
_SESSION: Final = re.compile(r"(set|use|declare|begin tran|commit|rollback|if @@trancount)\b", re.IGNORECASE)
_LEVEL: Final = re.compile(r"set transaction isolation level (\w+(?: \w+)?)", re.IGNORECASE)


class _Left(Exception):
    """The client has asked for an end of the statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong when a statement comes in which `pattern` is found; each that fits is done, in turn."""

    pattern: str
    number: int = 0
    """Answer with this error."""
    text: str = ""
    ends: bool = False
    """And close the connection, as error 596 does."""
    hangs: bool = False
    """Send nothing until the client asks for an end or goes."""
    cuts: int = 0
    """Break the connection after so many bytes of the answer."""
    cuts_rows: int = 0
    """Break it after so many whole rows: the driver takes them for all there are."""
    is_deaf: bool = False
    """Keep the connection after that, and say nothing more whatever comes."""
    first_runs: str = ""
    """Another program changes the data just before."""


@dataclass
class SqlServer:
    """A server with one database. Use as a context manager."""

    context: ssl.SSLContext
    name: str = "SIMS"
    host: str = "127.0.0.1"
    user: str = "attsync_ro"
    password: str = "pa;s}s w0rd@1"
    encryption: Encryption = "offered"
    version: int = 15
    """15 is SQL Server 2019; TRIM came with 14."""
    signs_in: bool = True
    """Else the sign-in gets no answer."""
    faults: list[Fault] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    logins: list[wire.Login] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2  # TDS 7 goes no further
        self.data = tsql.new_database(self.name)
        self._listening = socket.create_server((self.host, 0))
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listening, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def url(self, *, trust: bool = True, **changes: str) -> str:
        """Return the address as a person writes it; `changes` replace its parts, or are words of its query."""
        parts = {"user": self.user, "password": self.password, "host": f"localhost:{self.port}", "database": self.name}
        parts |= {key: changes.pop(key) for key in parts if key in changes}
        words = ({"TrustServerCertificate": "yes"} if trust else {}) | changes
        user, password, host, database = (quote(value, safe="\\:,") for value in parts.values())
        query = "&".join(f"{key}={quote(value)}" for key, value in words.items())
        return f"mssql://{user}:{password}@{host}/{database}" + (f"?{query}" if query else "")

    def execute(self, statement: str, rows: Iterable[Sequence[object]] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement of DuckDB on the data, as the school's own system does; a value is written `%s`."""
        return execute(self.data, statement, rows)

    @contextmanager
    def browser(self, *instances: str) -> Iterator[None]:
        """Be SQL Server Browser too, on UDP port 1434, which knows the ports of these instances."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.bind((self.host, 1434))
            answering = threading.Thread(target=self._browse, args=(end, instances), daemon=True)
            answering.start()
            yield
            end.sendto(b"end", (self.host, 1434))
            answering.join()

    def _browse(self, end: socket.socket, instances: Sequence[str]) -> None:
        while True:
            asked, client = end.recvfrom(1024)
            if asked == b"end":
                return
            for name in instances:
                if asked[:1] == b"\x03" or asked[1:].rstrip(b"\0").decode().lower() == name.lower():
                    words = f"ServerName;TESTS;InstanceName;{name};IsClustered;No;Version;15.0.2000.5;tcp;{self.port};;"
                    end.sendto(b"\x05" + struct.pack("<H", len(words)) + words.encode(), client)

    def allow_snapshots(self) -> None:
        """ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON."""
        self.execute("UPDATE sys.databases SET snapshot_isolation_state = 1")

    def grant(self, kind: str, name: str, allowed: str = "") -> None:
        """Return the account a right: ("server", "sysadmin"), ("role", "db_owner"), ("OBJECT", "[dbo].[t]", "INSERT").

        One for a column is ("COLUMN", "[dbo].[t].code", "UPDATE").
        """
        self.execute("INSERT INTO sys.rights VALUES (%s, %s, %s)", [(kind, name, allowed)])

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.append(client)
                threading.Thread(target=_Session(self, client).run, daemon=True).start()


def execute(
    data: duckdb.DuckDBPyConnection, statement: str, rows: Iterable[Sequence[object]] | None = None
) -> list[tuple[Any, ...]]:
    """Run a statement of DuckDB, once for all of `rows` if they are given; a value is written `%s`."""
    if rows is None:
        return data.execute(statement).fetchall()
    head, _, place = statement.replace("%s", "?").partition(" VALUES ")
    for some in batched(list(rows), 1000):
        data.execute(f"{head} VALUES {', '.join([place] * len(some))}", [value for row in some for value in row])
    return []


def batched(rows: Sequence[Sequence[object]], size: int) -> Iterator[Sequence[Sequence[object]]]:
    """Yield `rows`, so many at a time."""
    return (rows[i : i + size] for i in range(0, len(rows), size))


class _Session:
    """One connection of a client."""

    def __init__(self, server: SqlServer, client: socket.socket) -> None:
        self.server = server
        self.packets = Packets(client)
        self.data: duckdb.DuckDBPyConnection
        self.level = "READ COMMITTED"
        self.in_snapshot = False
        self.cut = self.cut_rows = 0
        self.is_deaf = False

    def run(self) -> None:
        with suppress(EOFError, OSError), self.packets.connection:
            if self._sign_in():
                while self._serve(*self.packets.receive()):
                    pass

    def _sign_in(self) -> bool:
        server, packets = self.server, self.packets
        kind, _ = packets.receive()
        if kind != wire.PRELOGIN:  # Encrypt=strict begins with TLS: SQL Server 2022 and later
            return False
        packets.send(wire.prelogin(server.version, _ENCRYPTION[server.encryption]))
        if server.encryption != "not supported":
            packets.start_tls(server.context)
        asked = wire.login(packets.receive()[1])
        server.logins.append(asked)
        if not server.signs_in:
            packets.receive()
        refused = SqlError(18456, f"Login failed for user '{asked.user}'.")
        if (asked.user, asked.password) != (server.user, server.password):
            packets.send(wire.failure(refused))
            return False
        if asked.database.lower() != server.name.lower():
            absent = SqlError(
                4060, f'Cannot open database "{asked.database}" requested by the login. The login failed.'
            )
            packets.send(wire.failure(absent))
            return False
        self.data = server.data.cursor()
        self.data.execute(f'USE "{server.name}".dbo')
        packets.send(wire.signed_in(server.name, server.version))
        return True

    def _serve(self, kind: int, message: bytes) -> bool:
        """Answer one message; return whether the connection goes on."""
        try:
            match kind:
                case wire.ATTENTION:
                    made = wire.stopped()
                case wire.TRANSACTION:
                    made = self._transaction(wire.without_headers(message))
                case wire.BATCH:
                    made = self._run(wire.without_headers(message).decode("utf-16-le"), {}, wire.DONE)
                case _:
                    made = self._call(wire.call(wire.without_headers(message)))
        except _Left:
            made = wire.stopped()
        except SqlError as error:
            self.packets.send(wire.failure(error, wire.DONE if kind == wire.BATCH else wire.CALL_DONE))
            return not error.ends
        if self.cut:
            self.packets.send(made[: self.cut], cut=True)
            while self.is_deaf:
                self.packets.receive()
            self.packets.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        self.packets.send(made)
        return True

    def _transaction(self, request: bytes) -> bytes:
        begins = request[0] == 5  # TM_BEGIN_XACT
        if not begins:
            self._end_snapshot()
        what = 8 if begins else request[0] + 2
        number = b"\1\0\0\0\0\0\0\0"
        return (wire.changed(what, number, b"") if begins else wire.changed(what, b"", number)) + wire.done()

    def _call(self, call: wire.Call) -> bytes:
        name = _PROCEDURES.get(call.procedure, call.procedure) if isinstance(call.procedure, int) else call.procedure
        values = call.values
        match name:
            case "sp_executesql":
                made = self._run(values[0], _named(values[1] if values[1:] else "", values[2:]), wire.DONE_IN_CALL)
                return made + wire.called()
            case "sp_prepexec":
                made = self._run(values[2], _named(values[1], values[3:]), wire.DONE_IN_CALL)
                return made + wire.called(wire.handle(1))
            case "sp_unprepare":
                return wire.called()
        raise SqlError(2812, f"Could not find stored procedure '{name}'.")

    def _run(self, sql: str, values: dict[str, Any], kind: int) -> bytes:
        self.server.statements.append(sql)
        for fault in self.server.faults:
            if re.search(fault.pattern, sql, re.IGNORECASE | re.DOTALL):
                self._fail(fault)
        if _SESSION.match(sql.strip()):
            if level := _LEVEL.search(sql):
                self.level = level[1].upper()
            return wire.done(kind)
        constants = {
            "@@VERSION": f"Microsoft SQL Server (tests) - {self.server.version}.0.1000.6 (X64)",
            "@@SPID": 51,
            "@@TRANCOUNT": 0,
        }
        made = b""
        for statement in tsql.translate(sql, constants, self.server.version):
            if statement.reads_tables and self.level == "SNAPSHOT" and not self.in_snapshot:
                self._begin_snapshot()
            names, types, rows = tsql.answer(self.data, statement, values)
            if self.cut_rows:
                made = wire.result(names, types, rows[: self.cut_rows], kind)
                self.cut = len(made) - len(wire.done())
                return made
            made += wire.result(names, types, rows, kind)
        return made or wire.done(kind)

    def _begin_snapshot(self) -> None:
        if self.data.execute("SELECT snapshot_isolation_state FROM sys.databases").fetchall() != [(1,)]:
            raise SqlError(
                3952,
                f"Snapshot isolation transaction failed accessing database '{self.server.name}' because snapshot"
                " isolation is not allowed in this database.",
            )
        self.data.execute("BEGIN")
        self.in_snapshot = True

    def _end_snapshot(self) -> None:
        if self.in_snapshot:
            self.data.execute("ROLLBACK")
        self.in_snapshot = False

    def _fail(self, fault: Fault) -> None:
        if fault.first_runs:
            self.server.execute(fault.first_runs)
        if fault.number:
            raise SqlError(fault.number, fault.text, ends=fault.ends)
        if fault.hangs:
            self.packets.receive()
            while fault.is_deaf:
                self.packets.receive()
            raise _Left
        self.cut, self.cut_rows, self.is_deaf = fault.cuts, fault.cuts_rows, fault.is_deaf


def _named(declared: str, values: Sequence[Any]) -> dict[str, Any]:
    """Return values by the names that a call declares, such as `@P1 date, @P2 nvarchar(20)`."""
    return dict(zip(re.findall(r"@(\w+) ", declared or ""), values, strict=False))
