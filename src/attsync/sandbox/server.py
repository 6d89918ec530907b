"""Serves the sandbox over TLS on 127.0.0.1 only, with Werkzeug's threaded server; three things differ from it.

Connections are kept (HTTP/1.1), an answer leaves in one piece, and the TLS handshake is made in the connection's own
thread, so that a client that stalls does not delay others. Prints nothing that a client causes.
"""

import os
import socket
import ssl
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Thread, current_thread
from typing import Any, NamedTuple, Self

import trustme
from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response

from attsync.problems import SettingsError
from attsync.sandbox.app import BODY_LIMIT

HOST = "127.0.0.1"

_HANDSHAKE_SECONDS = 10.0
_IDLE_SECONDS = 120.0
_WAITING = 128  # connections that may wait for a thread
_DISCARDED = 16 * BODY_LIMIT  # this much of a body that is too long is read and dropped, so that the answer arrives


class Certificates(NamedTuple):
    """The two files that TLS needs here."""

    ca: Path
    """The authority's certificate; clients trust it (`ca_file` in the settings)."""
    server: Path
    """The server's key and certificate, mode 0600."""


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


def free_port(wished: int = 0) -> int:
    """Return a port of 127.0.0.1 that is free now: the one wished for, if possible."""
    for port in (wished, 0):
        with suppress(OSError), socket.create_server((HOST, port)) as listener:
            return int(listener.getsockname()[1])
    raise SettingsError("SANDBOX", "port", port=f"{wished}", why="no port is free")


class Server:
    """A running application: `with Server(app, certificates) as server: ... server.base_url`."""

    def __init__(self, app: Flask, certificates: Certificates, *, port: int = 0) -> None:
        """Prepare to serve `app` on `port`; 0: a free one, chosen at the first start."""
        self.port = port
        self._app = app
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(certificates.server)
        self._server: _TlsServer | None = None
        self._thread: Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The value for `[dfe] base_url`."""
        return f"https://localhost:{self.port}"

    @property
    def token_url(self) -> str:
        """The value for `[dfe] token_url`."""
        return f"{self.base_url}/oauth/token"

    def start(self) -> None:
        """Listen and answer, in separate threads. Raise SettingsError SANDBOX if the port is taken."""
        with listen(self.port) as listener:
            self._server = _TlsServer(self._app, self._context, listener)
        self.port = self._server.port
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, close all connections and wait for their threads."""
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server = self._thread = None


def listen(port: int) -> socket.socket:
    """Listen on `port`. Raise SettingsError SANDBOX if it is taken."""
    try:
        return socket.create_server((HOST, port), backlog=_WAITING)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()  # its own words contain an address
        raise SettingsError("SANDBOX", "port", port=f"{port}", why=why) from error


class _Handler(WSGIRequestHandler):
    timeout = _IDLE_SECONDS
    wbufsize = -1  # collect the answer; http.server flushes it when the request is done
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        text = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (text.isascii() and text.isdecimal()):
            self.close_connection = True
            self.send_error(411)
            return
        length = int(text)
        body = self.rfile.read(min(length, _DISCARDED))
        if length > BODY_LIMIT:
            self.close_connection = True  # some of it may still be on its way; the application says 413
        elif len(body) < length:
            self.close_connection = True  # the client went away
            return
        answer = Response.from_app(self.server.app, self.make_environ() | {"wsgi.input": BytesIO(body)}, buffered=True)
        self.send_response(answer.status_code)
        for name, value in answer.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.get_data())

    def log(self, type: str, message: str, *_: object) -> None:  # noqa: A002  Werkzeug's word
        """Print nothing: what was received can be listed, and the terminal belongs to attsync."""


class _TlsServer(ThreadedWSGIServer):
    def __init__(self, app: Flask, context: ssl.SSLContext, listener: socket.socket) -> None:
        self._connections: dict[Thread, ssl.SSLSocket] = {}
        super().__init__(HOST, 0, app, handler=_Handler, fd=listener.fileno())
        self._context = context
        self.ssl_context = context  # only makes Werkzeug say https; the listening socket stays plain

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as in socketserver
        request.settimeout(_HANDSHAKE_SECONDS)
        with self._context.wrap_socket(request, server_side=True) as connection:
            self._connections[current_thread()] = connection
            super().finish_request(connection, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as above
        try:
            super().process_request_thread(request, client_address)
        finally:  # after an error was reported: stopping the server waits for that too
            self._connections.pop(current_thread(), None)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as above
        # A client that leaves, stalls or does not trust the certificate is not our fault; anything else is.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        for thread, connection in list(self._connections.items()):
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # the thread wakes up and ends
            thread.join(_HANDSHAKE_SECONDS)
