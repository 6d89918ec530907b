"""A proxy on loopback, as schools have them: takes CONNECT and hands on what follows."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread


@contextmanager
def proxy_answering(
    answer: bytes = b"200 OK", *, broken: int = 0, certificate: Path | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """Run a proxy that answers CONNECT so, and hands on what follows if that was 200.

    The first `broken` tunnels break after the first bytes of the client. With a certificate, it is spoken to over TLS.
    """
    seen: list[bytes] = []
    threads: list[Thread] = []
    taken: list[socket.socket] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate:
        context.load_cert_chain(certificate)

    def serve(raw: socket.socket, *, breaks: bool) -> None:
        kept = raw.dup()
        taken.append(kept)
        with suppress(OSError), kept, context.wrap_socket(raw, server_side=True) if certificate else raw as client:
            request = client.recv(65536)
            seen.append(request)
            client.sendall(b"HTTP/1.1 " + answer + b"\r\n\r\n")
            if not answer.startswith(b"200"):
                return
            if breaks:
                client.recv(1)
                return
            with socket.create_connection(("127.0.0.1", int(request.split()[1].split(b":")[1]))) as server:
                back = Thread(target=_hand_on, args=(server, client, []))
                back.start()
                _hand_on(client, server, seen)
                back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                raw, _ = listener.accept()
                threads.append(Thread(target=serve, args=(raw,), kwargs={"breaks": len(threads) < broken}))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = Thread(target=accept)
        accepting.start()
        yield listener.getsockname()[1], seen
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
    for one in taken:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()


def _hand_on(source: socket.socket, target: socket.socket, seen: list[bytes]) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            seen.append(part)
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
