"""A proxy on loopback, as schools have them: takes CONNECT and hands on what follows."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread


@contextmanager
def proxy_answering(answer: bytes = b"200 OK") -> Iterator[tuple[int, list[bytes]]]:
    """Run a proxy for one connection: it answers CONNECT so, and hands on what follows if that was 200."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                seen.append(client.recv(65536))
                client.sendall(b"HTTP/1.1 " + answer + b"\r\n\r\n")
                if not answer.startswith(b"200"):
                    return
                with socket.create_connection(("127.0.0.1", int(seen[0].split()[1].split(b":")[1]))) as server:
                    back = Thread(target=_hand_on, args=(server, client, []))
                    back.start()
                    _hand_on(client, server, seen)
                    back.join()

        thread = Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], seen
        thread.join()


def _hand_on(source: socket.socket, target: socket.socket, seen: list[bytes]) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            seen.append(part)
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
