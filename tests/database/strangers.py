"""Servers that are no good: one that never says a word, one that freezes, and two that ask for a password in clear."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress


@contextmanager
def listening(serve: Callable[[socket.socket], object]) -> Iterator[int]:
    """Serve each connection in a thread; return the port."""
    server = socket.create_server(("127.0.0.1", 0))
    opened: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                end, _ = server.accept()
                opened.append(end)
                threading.Thread(target=guarded, args=(end,), daemon=True).start()

    def guarded(end: socket.socket) -> None:
        with end, suppress(OSError, struct.error):  # it has gone
            serve(end)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        for each in (server, *opened):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def silent(end: socket.socket) -> None:
    """Send nothing."""
    while end.recv(4096):
        pass


def frozen_after(port: int, word: bytes) -> Callable[[socket.socket], object]:
    """Return a way to a real server which swallows everything once the client has sent `word`."""

    def serve(end: socket.socket) -> None:
        with closing(socket.create_connection(("127.0.0.1", port))) as real:
            frozen = threading.Event()

            def back() -> None:
                with suppress(OSError):
                    while data := real.recv(65536):
                        if frozen.is_set():
                            return
                        end.sendall(data)

            threading.Thread(target=back, daemon=True).start()
            while data := end.recv(65536):
                if word in data:
                    frozen.set()
                if not frozen.is_set():
                    real.sendall(data)

    return serve


def asks_postgresql_password(heard: list[bytes]) -> Callable[[socket.socket], object]:
    """Return a PostgreSQL that has no TLS and asks for the password as it is."""

    def serve(end: socket.socket) -> None:
        while True:
            (length,) = struct.unpack("!i", end.recv(4))
            (code,) = struct.unpack("!i", end.recv(length - 4)[:4])
            if code in (80877103, 80877104):  # SSLRequest, GSSENCRequest
                end.sendall(b"N")
                continue
            break
        end.sendall(b"R" + struct.pack("!ii", 8, 3))
        heard.append(end.recv(4096))

    return serve


def asks_mysql_password(heard: list[bytes]) -> Callable[[socket.socket], object]:
    """Return a MariaDB that has no TLS and asks for the password as it is."""

    def packet(number: int, content: bytes) -> bytes:
        return struct.pack("<I", len(content))[:3] + bytes([number]) + content

    def serve(end: socket.socket) -> None:
        capabilities = 0x000FF7FF & ~0x0800  # no TLS; authentication by plug-ins
        greeting = b"\x0a5.5.5-10.11.0-MariaDB\0" + struct.pack("<I", 1) + b"12345678\0"
        greeting += struct.pack("<H", capabilities & 0xFFFF) + b"\x2d" + struct.pack("<H", 2)
        greeting += (
            struct.pack("<H", capabilities >> 16) + b"\x15" + b"\0" * 10 + b"123456789012\0mysql_native_password\0"
        )
        end.sendall(packet(0, greeting))
        end.recv(4096)
        end.sendall(packet(2, b"\xfemysql_clear_password\0"))
        heard.append(end.recv(4096))

    return serve
