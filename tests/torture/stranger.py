"""A server that does what no decent one does: drips, resets, hangs, floods, redirects, speaks no TLS.

What Flask cannot do is written here on bare sockets. It listens on 127.0.0.1 only.
"""

import json
import socket
import ssl
import struct
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Self

import trustme

TOKEN = "a-token-that-must-not-be-seen-0123456789"

Behaviour = Callable[["Talk"], None]


@dataclass(frozen=True, slots=True)
class Identity:
    """An authority and the certificates that it gave out."""

    ca: Path
    good: Path
    other_host: Path
    expired: Path
    unknown: Path
    self_signed: Path
    not_yet: Path


_NAMES = ("ca", "good", "other_host", "expired", "unknown", "self_signed", "not_yet")


def make_identity(folder: Path) -> Identity:
    """Make certificates: one that is right, and those that are wrong."""
    authority, nobody = trustme.CA(), trustme.CA()
    made = Identity(*(folder / f"{name}.pem" for name in _NAMES))
    yesterday, tomorrow = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    authority.cert_pem.write_to_path(made.ca)
    for path, certificate in (
        (made.good, authority.issue_cert("localhost", "127.0.0.1")),
        (made.other_host, authority.issue_cert("elsewhere.example")),
        (made.expired, authority.issue_cert("localhost", "127.0.0.1", not_after=yesterday)),
        (made.unknown, nobody.issue_cert("localhost", "127.0.0.1")),
        (made.not_yet, authority.issue_cert("localhost", "127.0.0.1", not_before=tomorrow)),
    ):
        certificate.private_key_and_cert_chain_pem.write_to_path(path)
    made.self_signed.write_bytes(nobody.private_key_pem.bytes() + nobody.cert_pem.bytes())
    return made


class Talk:
    """One request, and the connection on which to answer it in whatever way."""

    def __init__(self, connection: socket.socket, raw: socket.socket, head: bytes, body: bytes, stopped: Event) -> None:
        self.head = head
        self.body = body
        self.stopped = stopped
        self._connection = connection
        self._raw = raw

    def send(self, *parts: bytes) -> None:
        """Send bytes as they are."""
        self._connection.sendall(b"".join(parts))

    def reply(self, status: int, body: bytes | str = b"", kind: str = "application/json", *headers: str) -> None:
        """Send an answer as it should be."""
        content = body.encode() if isinstance(body, str) else body
        lines = [
            f"HTTP/1.1 {status} Whatever",
            f"Date: {format_datetime(datetime.now(UTC), usegmt=True)}",
            f"Content-Type: {kind}",
            f"Content-Length: {len(content)}",
            *headers,
        ]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n", content)

    def flood(self, *parts: bytes, most: int = 400 * 2**20) -> None:
        """Send the same bytes again and again until the other side has had enough."""
        part = b"".join(parts) * max(1, 2**16 // sum(map(len, parts)))
        for _ in range(most // len(part)):
            if self.stopped.is_set():
                return
            self.send(part)

    def drip(self, content: bytes, pause: float = 0.02) -> None:
        """Send one byte at a time, for ever."""
        for number in count():
            if self.stopped.wait(pause):
                return
            self.send(content[number % len(content) :][:1])

    def hang(self) -> None:
        """Send nothing until the server stops, or the other side goes."""
        with suppress(OSError):
            self._connection.recv(1)

    def reset(self) -> None:
        """Break the connection off with RST."""
        self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(self._raw)
        raise ConnectionResetError


def good_token(talk: Talk) -> None:
    """Answer as the DfE's token endpoint does."""
    talk.reply(200, json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3599}))


def good_receipt(talk: Talk) -> None:
    """Confirm."""
    talk.reply(201, json.dumps([{"submissionRef": "ref-1", "errors": []}]))


class Stranger:
    """A server on 127.0.0.1: `with Stranger(identity.good, api=behaviour) as server: ... server.origin`."""

    def __init__(
        self,
        certificate: Path | None,
        *,
        token: Behaviour = good_token,
        api: Behaviour = good_receipt,
        also: Mapping[bytes, Behaviour] | None = None,
        tls_version: ssl.TLSVersion | None = None,
        on_connect: Callable[[socket.socket], None] | None = None,
    ) -> None:
        """Without a certificate it speaks no TLS; `also` are other paths.

        `on_connect` gets the bare connection before anything is said.
        """
        self.requests: list[bytes] = []
        self.connections = 0
        self._behaviours = {b"/token": token, b"/attendances": api, **(also or {})}
        self._context = _context(certificate, tls_version) if certificate else None
        self._on_connect = on_connect
        self._stopped = Event()
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.origin = f"https://localhost:{self.port}"
        self._thread = Thread(target=self._accept, daemon=True)
        self._talks: list[Thread] = []

    @property
    def posts(self) -> list[bytes]:
        """The requests that carried counts."""
        return [request for request in self.requests if request.startswith(b"POST /attendances")]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for talk in self._talks:
            talk.join()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = Thread(target=self._serve, args=(raw,), daemon=True)
            self._talks.append(thread)
            thread.start()

    def _serve(self, raw: socket.socket) -> None:
        with self._lock:
            self._open.add(raw)
        connection = raw
        try:
            if self._on_connect:
                self._on_connect(raw)
            if self._context:
                connection = self._context.wrap_socket(raw, server_side=True)
                with self._lock:
                    self._open.discard(raw)
                    self._open.add(connection)
            with connection:
                self._talk(connection)
        except (OSError, ValueError):
            pass  # the other side had enough, or did not trust us
        finally:
            with self._lock:
                self._open -= {raw, connection}
            socket.socket.close(raw)

    def _talk(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        while line := reader.readline():
            head = line
            while (line := reader.readline()) not in (b"\r\n", b""):
                head += line
            length = next((int(h.split(b":")[1]) for h in head.splitlines() if h.lower().startswith(b"content-len")), 0)
            body = reader.read(length)
            self.requests.append(head + b"\r\n" + body)
            path = head.split(b" ", 2)[1]
            behaviour = self._behaviours.get(path, _not_found)
            behaviour(Talk(connection, connection, head, body, self._stopped))


def _not_found(talk: Talk) -> None:
    talk.reply(404, "{}")


def _context(certificate: Path, version: ssl.TLSVersion | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if version:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of old TLS; here it is the point
            context.minimum_version = version
            context.maximum_version = version
    return context
