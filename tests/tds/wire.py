"""TDS 7.4 as bytes: packets (plain or inside TLS), the tokens of an answer, the values of a call and of a row.

Follows [MS-TDS]. Imports nothing of attsync, and does not read SQL.
"""

import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

BATCH, CALL, RESPONSE, ATTENTION, TRANSACTION, LOGIN, PRELOGIN = 1, 3, 4, 6, 14, 16, 18
DONE, DONE_IN_CALL, CALL_DONE = 0xFD, 0xFF, 0xFE
_ERROR, _NOTE = 0xAA, 0xAB
_MORE, _FAILED, _COUNTED, _STOPPED = 1, 2, 0x10, 0x20
_SIZE: Final = 4096
_COLLATION: Final = bytes.fromhex("0904d00034")  # SQL_Latin1_General_CP1_CI_AS
_FIRST_DAY: Final = date(1, 1, 1)
_NOTHING, _LONG = 0xFFFF, 0xFFFF
_TEXTS: Final = {0xE7: "utf-16-le", 0xEF: "utf-16-le", 0xA7: "cp1252", 0xAF: "cp1252"}  # NVARCHAR NCHAR VARCHAR CHAR


class SqlError(Exception):
    """An error as SQL Server reports it: number, text, and whether the connection ends with it."""

    def __init__(self, number: int, text: str, *, ends: bool = False) -> None:
        super().__init__(text)
        self.number, self.text, self.ends = number, text, ends


class Packets:
    """The packets of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def receive(self) -> tuple[int, bytes]:
        """Return the kind of the next message and its bytes. Raise EOFError if the client has gone."""
        message = b""
        while True:
            kind, status, length = struct.unpack(">BBH4x", self._read(8))
            message += self._read(length - 8)
            if status & 1:
                return kind, message

    def send(self, message: bytes, kind: int = RESPONSE, *, cut: bool = False) -> None:
        """Send a message; `cut`: without its end."""
        parts = [message[i : i + _SIZE - 8] for i in range(0, len(message), _SIZE - 8)] or [b""]
        packets = [
            struct.pack(">BBHHBB", kind, not cut and n == len(parts), len(part) + 8, 0, n % 256, 0) + part
            for n, part in enumerate(parts, 1)
        ]
        self._write(b"".join(packets))

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the handshake, which goes inside of packets; all packets after it go inside of TLS."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                is_done = True
            except ssl.SSLWantReadError:
                is_done = False
            if made := self._outgoing.read():
                self.send(made, PRELOGIN)
            if is_done:
                break
            self._incoming.write(self.receive()[1])
        self._tls = tls

    def _read(self, number: int) -> bytes:
        found = b""
        while len(found) < number:
            try:
                found += self._tls.read(number - len(found)) if self._tls else self._from_socket(number - len(found))
            except ssl.SSLWantReadError:
                self._incoming.write(self._from_socket(65536))
        return found

    def _from_socket(self, most: int) -> bytes:
        if not (found := self.connection.recv(most)):
            raise EOFError
        return found

    def _write(self, data: bytes) -> None:
        if self._tls:
            self._tls.write(data)
            data = self._outgoing.read()
        self.connection.sendall(data)


def short_text(text: str) -> bytes:
    """Return a text of at most 255 characters with its length in a byte."""
    return bytes([len(text)]) + text.encode("utf-16-le")


def note(number: int, text: str) -> bytes:
    """Return the token of a message that is not an error."""
    return _message(_NOTE, number, 0, text)


def failure(error: SqlError, kind: int = DONE) -> bytes:
    """Return the answer to a statement that failed."""
    return _message(_ERROR, error.number, 16, error.text) + done(kind, _FAILED)


def done(kind: int = DONE, status: int = 0, rows: int = 0) -> bytes:
    """Return the token at the end of an answer or of a part of it."""
    return struct.pack("<BHHQ", kind, status, 0xC1 if status == _COUNTED else 0, rows)


def stopped() -> bytes:
    """Return the answer to a client that wants no more of an answer."""
    return done(DONE, _STOPPED)


def changed(what: int, new: bytes | str, old: bytes | str = "") -> bytes:
    """Return the token that says that something about the session changed."""
    both = b"".join(short_text(v) if isinstance(v, str) else bytes([len(v)]) + v for v in (new, old))
    return struct.pack("<BHB", 0xE3, len(both) + 1, what) + both


def signed_in(database: str, version: int) -> bytes:
    """Return the answer to a sign-in."""
    name = "Microsoft SQL Server"
    server = b"\x01" + struct.pack(">I", 0x74000004) + short_text(name) + struct.pack(">BBH", version, 0, 1000)
    return (
        changed(1, database, "master")
        + note(5701, f"Changed database context to '{database}'.")
        + changed(7, _COLLATION, b"")
        + changed(4, str(_SIZE), str(_SIZE))
        + struct.pack("<BH", 0xAD, len(server))
        + server
        + done()
    )


def prelogin(version: int, encryption: int) -> bytes:
    """Return the answer to a client's first packet."""
    options = [
        (0, struct.pack(">BBHH", version, 0, 1000, 0)),
        (1, bytes([encryption])),
        (2, b"\0"),
        (3, b""),
        (4, b"\0"),
    ]
    place, head, body = 5 * len(options) + 1, b"", b""
    for number, value in options:
        head += struct.pack(">BHH", number, place + len(body), len(value))
        body += value
    return head + b"\xff" + body


class Login(NamedTuple):
    """What a client wants to be."""

    user: str
    password: str
    database: str
    reads_only: bool
    """ApplicationIntent=ReadOnly."""


def login(packet: bytes) -> Login:
    """Read a sign-in; its password is written with its bits turned round."""

    def field(place: int) -> bytes:
        start, length = struct.unpack_from("<HH", packet, place)
        return packet[start : start + 2 * length]

    password = bytes((b ^ 0xA5) >> 4 | ((b ^ 0xA5) << 4 & 0xF0) for b in field(44))
    user, secret, database = (raw.decode("utf-16-le") for raw in (field(40), password, field(68)))
    return Login(user, secret, database, bool(packet[26] & 0x20))


def without_headers(message: bytes) -> bytes:
    """Return a batch or a call without the headers in front of it."""
    return message[struct.unpack_from("<I", message)[0] :]


class Call(NamedTuple):
    """A call of a stored procedure."""

    procedure: str | int
    values: list[Any]


def call(message: bytes) -> Call:
    """Read a call with its parameters."""
    (length,) = struct.unpack_from("<H", message)
    named = length != _NOTHING
    procedure = message[2 : 2 + 2 * length].decode("utf-16-le") if named else struct.unpack_from("<H", message, 2)[0]
    i = (2 + 2 * length if named else 4) + 2
    values = []
    while i < len(message) and message[i] not in (0x80, 0xFF):
        i += 2 + 2 * message[i]  # the name of the parameter, and its flags
        value, i = _parameter(message, i)
        values.append(value)
    return Call(procedure, values)


def called(status: bytes = b"") -> bytes:
    """Return the end of the answer to a call."""
    return b"\x79" + struct.pack("<i", 0) + status + done(CALL_DONE)


def handle(number: int) -> bytes:
    """Return the token that carries the number of a prepared statement."""
    return b"\xac\0\0\0\x01" + struct.pack("<IH", 0, 0) + b"\x26\x04\x04" + struct.pack("<i", number)


def _message(kind: int, number: int, severity: int, text: str) -> bytes:
    said = struct.pack("<H", len(text)) + text.encode("utf-16-le")
    body = struct.pack("<iBB", number, 1, severity) + said + short_text("TESTS") + short_text("") + struct.pack("<i", 1)
    return struct.pack("<BH", kind, len(body)) + body


def _parameter(data: bytes, i: int) -> tuple[Any, int]:
    """Return the value of a parameter that begins with its type at `i`, and where the next one begins."""
    kind = data[i]
    i += 1
    if kind in _TEXTS:
        (size,) = struct.unpack_from("<H", data, i)
        raw, i = (_in_chunks if size == _LONG else _in_one)(data, i + 7)
        return raw if raw is None else raw.decode(_TEXTS[kind]), i
    scale = data[i] if kind == 0x2A else 0
    i += 0 if kind == 0x28 else 1  # DATE has no size
    raw = data[i + 1 : i + 1 + data[i]]
    i += 1 + data[i]
    read: dict[int, Callable[[bytes], Any]] = {
        0x26: lambda v: int.from_bytes(v, "little", signed=len(v) > 1),
        0x28: lambda v: _FIRST_DAY + timedelta(int.from_bytes(v, "little")),
        0x2A: lambda v: _moment(v, scale),
        0x68: lambda v: bool(v[0]),
    }
    if kind not in read:
        raise SqlError(50000, f"the server of the tests cannot read a parameter of type {kind:#x}")
    return read[kind](raw) if raw else None, i


def _in_one(data: bytes, i: int) -> tuple[bytes | None, int]:
    (length,) = struct.unpack_from("<H", data, i)
    return (None, i + 2) if length == _NOTHING else (data[i + 2 : i + 2 + length], i + 2 + length)


def _in_chunks(data: bytes, i: int) -> tuple[bytes, int]:
    found, i = b"", i + 8  # after the length of all
    while length := struct.unpack_from("<I", data, i)[0]:
        found += data[i + 4 : i + 4 + length]
        i += 4 + length
    return found, i + 4


def _moment(raw: bytes, scale: int) -> datetime:
    days, ticks = int.from_bytes(raw[-3:], "little"), int.from_bytes(raw[:-3], "little")
    return datetime.min + timedelta(days=days, microseconds=ticks * 10**6 // 10**scale)  # noqa: DTZ901  as T-SQL's


def result(names: Sequence[str], types: Sequence[str], rows: Iterable[Sequence[Any]], kind: int) -> bytes:
    """Return the answer with rows; `types` are the names of types of DuckDB."""
    columns = [_column(name) for name in types]
    head = [struct.pack("<IH", 0, 9) + info + short_text(name) for name, (info, _) in zip(names, columns, strict=True)]
    made = [b"\xd1" + b"".join(write(value) for value, (_, write) in zip(row, columns, strict=True)) for row in rows]
    return struct.pack("<BH", 0x81, len(names)) + b"".join(head + made) + done(kind, _COUNTED, len(made))


def _column(name: str) -> tuple[bytes, Callable[[Any], bytes]]:
    """Return the description of a column, and what writes a value of it."""
    if name.startswith("DECIMAL"):
        return b"\x6a\x11\x26\x06", _sized(
            lambda v: bytes([v >= 0]) + abs(int(Decimal(v).scaleb(6))).to_bytes(16, "little")
        )
    return _COLUMNS.get(name, (b"\xe7" + struct.pack("<H", 8000) + _COLLATION, _text))


def _sized(write: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def sized(value: Any) -> bytes:  # noqa: ANN401
        raw = b"" if value is None else write(value)
        return bytes([len(raw)]) + raw

    return sized


def _text(value: Any) -> bytes:  # noqa: ANN401
    if value is None:
        return struct.pack("<H", _NOTHING)
    raw = str(value).encode("utf-16-le")
    return struct.pack("<H", len(raw)) + raw


def _days(value: date) -> bytes:
    return (date(value.year, value.month, value.day) - _FIRST_DAY).days.to_bytes(3, "little")


def _datetime(value: datetime) -> bytes:
    since = value - datetime(1900, 1, 1)  # noqa: DTZ001  as T-SQL's
    return struct.pack("<iI", since.days, round((since - timedelta(since.days)).total_seconds() * 300))


def _datetimeoffset(value: datetime) -> bytes:
    moment = value.astimezone(UTC)
    ticks = ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 10**7 + moment.microsecond * 10
    offset = value.utcoffset() or timedelta()
    return ticks.to_bytes(5, "little") + _days(moment) + struct.pack("<h", int(offset.total_seconds()) // 60)


_COLUMNS: Final[dict[str, tuple[bytes, Callable[[Any], bytes]]]] = {
    "SMALLINT": (b"\x26\x02", _sized(lambda v: struct.pack("<h", v))),
    "INTEGER": (b"\x26\x04", _sized(lambda v: struct.pack("<i", v))),
    "BIGINT": (b"\x26\x08", _sized(lambda v: struct.pack("<q", v))),
    "HUGEINT": (b"\x26\x08", _sized(lambda v: struct.pack("<q", v))),
    "BOOLEAN": (b"\x68\x01", _sized(lambda v: bytes([v]))),
    "DOUBLE": (b"\x6d\x08", _sized(lambda v: struct.pack("<d", v))),
    "DATE": (b"\x28", _sized(_days)),
    "TIMESTAMP": (b"\x6f\x08", _sized(_datetime)),
    "TIMESTAMP WITH TIME ZONE": (b"\x2b\x07", _sized(_datetimeoffset)),
    "UUID": (b"\x24\x10", _sized(lambda v: UUID(str(v)).bytes_le)),
}
