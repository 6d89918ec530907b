"""A small HTTPS server on 127.0.0.1: a function from request to answer, in threads, on connections that are kept.

Makes its own certificates. Prints nothing that a client causes.
"""

import json
import os
import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import Any, Final, NamedTuple, Self

from attsync.problems import SettingsError

try:
    import trustme
except ModuleNotFoundError as error:
    raise SettingsError("SANDBOX", "packages", python=sys.executable) from error

HOST: Final = "127.0.0.1"
BODY_LIMIT: Final = 1024 * 1024
"""Bytes of one request; a whole window of a large school is a tenth of it."""

_IDLE_SECONDS: Final = 120.0
_WAITING: Final = 128  # connections that may wait for a thread
_DISCARDED: Final = 16 * BODY_LIMIT  # this much of a body that is too long is read and dropped, so that the 413 arrives


class Certificates(NamedTuple):
    """The two files that TLS needs here."""

    ca: Path
    """The authority's certificate; clients trust it (`ca_file` in the settings)."""
    server: Path
    """The server's key and certificate, mode 0600."""


class Request(NamedTuple):
    """One complete request."""

    method: str
    path: str
    headers: Message
    body: bytes


class Answer(NamedTuple):
    """One answer."""

    status: int
    body: object
    """Text as it is; anything else becomes JSON."""
    headers: Mapping[str, str] = {}


Application = Callable[[Request], Answer | None]
"""None: the connection is closed without an answer."""


def make_certificates(folder: Path) -> Certificates:
    """Make certificates for localhost and 127.0.0.1 in `folder`, once. Raise OSError if one of the files is there."""
    files = Certificates(folder / "ca.pem", folder / "server.pem")
    if not (files.ca.exists() and files.server.exists()):
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", HOST)
        write_new(files.server, certificate.private_key_and_cert_chain_pem.bytes())
        write_new(files.ca, authority.cert_pem.bytes())
    return files


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, for its owner only. Raise OSError, also where there is a link."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(content)


def listen(port: int) -> socket.socket:
    """Listen on `port`. Raise SettingsError SANDBOX if it is taken."""
    try:
        return socket.create_server((HOST, port), backlog=_WAITING)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()  # its message contains an address
        raise SettingsError("SANDBOX", "port", port=f"{port}", why=why) from error


def free_port(wished: int = 0) -> int:
    """Return a port that is free now: `wished`, if possible."""
    with suppress(SettingsError), listen(wished) as listener:
        return int(listener.getsockname()[1])
    return free_port()


class Server:
    """A running application: `with Server(answer, certificates) as server: ... server.base_url`."""

    def __init__(self, application: Application, certificates: Certificates, *, port: int = 0) -> None:
        """Prepare to serve `application` on `port`; 0: a free one, chosen at the first start."""
        self.port = port
        self._application = application
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(certificates.server)
        self._server: _TlsServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The value for `[dfe] base_url`."""
        return f"https://localhost:{self.port}"

    def start(self) -> None:
        """Listen and answer, in separate threads. Raise SettingsError SANDBOX if the port is taken."""
        self._server = _TlsServer(self._application, self._context, self.port)
        self.port = self._server.socket.getsockname()[1]
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening, close all connections and wait for their threads."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Handler(BaseHTTPRequestHandler):
    server: "_TlsServer"
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    wbufsize = -1  # collect the answer; http.server flushes it when the request is done
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        text = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (text.isascii() and text.isdecimal()):
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return
        length = int(text)
        body = self.rfile.read(min(length, _DISCARDED))
        if length > BODY_LIMIT:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif len(body) == length and (answer := self._answer(body)):
            self._write(answer)
        else:
            self.close_connection = True  # the client went away, or there is no answer

    do_POST = do_GET  # noqa: N815  the name that http.server looks for

    def _answer(self, body: bytes) -> Answer | None:
        return self.server.application(Request(self.command, self.path, self.headers, body))

    def _write(self, answer: Answer) -> None:
        content = (answer.body if isinstance(answer.body, str) else json.dumps(answer.body)).encode()
        self.send_response(answer.status)
        headers = {"Content-Type": "application/json", "Content-Length": f"{len(content)}", **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing: what was received can be listed, and the terminal belongs to attsync."""


class _TlsServer(ThreadingTCPServer):
    def __init__(self, application: Application, context: ssl.SSLContext, port: int) -> None:
        super().__init__((HOST, port), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listen(port)
        self.application = application
        self._context = context
        self._connections: set[socket.socket] = set()

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        # The handshake is made when the connection's own thread first reads: a client that stalls delays no one else.
        connection, address = self.socket.accept()
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as in socketserver
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  as above
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as above
        # A client that leaves, stalls or does not trust the certificate is not our fault; anything else is.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # its thread wakes up and ends
        super().server_close()  # waits for the threads
