"""Sockets: names, addresses, TLS and bytes, each with a limit that is enforced on this side.

`Network` is what httpcore calls a network backend, and `Stream` what it reads from. Imports nothing of HTTP.
"""

import re
import select
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import chain, zip_longest
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Final

from attsync.dfe.tls import Distrust, TlsInTls, why_distrusted

_NEXT_ADDRESS_SECONDS: Final = 0.25
"""RFC 8305: without a connection after this time, the next address of the host is tried as well."""
_LOOK_SECONDS: Final = 0.05
"""How soon a connection that is ended while it looks up a name, or connects, notices that."""
_END: Final = re.compile(rb"\n\r?\n")
"""The end of the head of an answer, and of its body if that comes in chunks."""

Permit = Callable[[], AbstractContextManager[object]]
"""Entered just before the first byte of a request leaves; an exception in it stops the request."""
_Address = tuple[int, tuple[Any, ...]]


_WORDS: Final = {
    "none": "no connection",
    "slow": "no connection in time",
    "name": "unknown host name",
    "early": "closed or answered too early",
    "tls": "no trusted TLS connection",
    "status": "proxy cannot connect",
    "lost": "connection lost",
    "late": "no answer in time",
    "": "not an HTTP answer",
}
"""Case of a NoAnswer -> how a request ended, for the table of tries and for -v."""


class NoAnswer(Exception):
    """There is no usable answer; the subclass and `case` say why."""

    case = ""
    """A case of DFE-UNREACHABLE."""

    def __str__(self) -> str:
        return _WORDS[self.case]


class NotSent(NoAnswer):
    """No byte of the request has left."""

    def __init__(self, case: str, *, by_proxy: bool = False) -> None:
        super().__init__()
        self.case = case
        self.by_proxy = by_proxy
        """The failure is at the proxy of the settings."""


class TlsRefused(NotSent):
    """The TLS handshake failed: another certificate, another protocol, or no TLS at all."""

    def __init__(self, why: Distrust, *, by_proxy: bool) -> None:
        super().__init__("tls", by_proxy=by_proxy)
        self.why = why


class ProxyRefused(NotSent):
    """The proxy did not answer CONNECT with 200; `status` is 0 if its answer was not HTTP."""

    def __init__(self, status: int) -> None:
        super().__init__("status", by_proxy=True)
        self.status = status


class ConnectionLost(NoAnswer):
    """The answer is lost; the request may have arrived."""

    case = "lost"


class Timeout(ConnectionLost):
    """The answer took too long; the request may have arrived."""

    case = "late"


class BadResponse(NoAnswer):
    """The answer is larger than any answer of the DfE, or compressed, or not HTTP."""


class Network:
    """One connection at a time to one host, or to the proxy before it, and how far its request has come."""

    def __init__(self, *, seconds: float, has_proxy: bool) -> None:
        self._seconds = seconds
        self._has_proxy = has_proxy
        self._address: _Address | None = None
        self._failed: _Address | None = None
        self.socket: socket.socket | None = None
        self.stream: Stream | None = None
        self.is_at_proxy = has_proxy
        """The proxy has not connected to the host yet."""
        self.certificate_ending = ""
        """The expiry of the certificate that the host has shown; empty before there was one."""
        self._is_cut = self._is_over = False
        self.begin(nullcontext)

    def begin(self, permit: Permit) -> None:
        """Reset for a new request."""
        self.permit = permit
        self._is_cut = self.is_begun = self.has_ended = False

    @property
    def is_cut(self) -> bool:
        """Whether the request was ended from outside."""
        return self._is_cut or self._is_over

    def cut(self, *, for_good: bool = False) -> None:
        """Shut the connection down; a thread that waits for it wakes up. May be called from any thread.

        `for_good`: later requests end as well.
        """
        self._is_cut = True
        self._is_over = self._is_over or for_good
        if (connected := self.socket) is not None:
            with suppress(OSError):  # closed already
                # Not SSLSocket.shutdown, which removes the TLS layer while the other thread uses it.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)

    def close(self, *, has_failed: bool = False) -> None:
        """Close the connection; after a failure, its address is the last that is tried next time."""
        self._failed, self._address = self._address if has_failed else None, None
        if self.socket is not None:
            self.socket.close()
        self.socket = self.stream = None

    def connect_tcp(self, host: str, port: int, **_: object) -> "Stream":
        """Return a stream to the first address of the host that takes the connection (httpcore calls this)."""
        self.is_at_proxy = self._has_proxy
        try:
            addresses = sorted(self._look_up(host, port), key=lambda address: address == self._failed)
            self.socket, self._address = self._connect(addresses)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, UnicodeError) as error:
            raise self.failure(error) from None
        self.stream = Stream(self, self.socket)
        return self.stream

    def _look_up(self, host: str, port: int) -> list[_Address]:
        """Return the addresses of a host, both kinds in turn. The system's look-up can only be abandoned."""
        found: SimpleQueue[list[Any] | Exception] = SimpleQueue()

        def look_up() -> None:
            try:
                found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except Exception as error:  # noqa: BLE001  the thread that waits raises it
                found.put(error)

        Thread(target=look_up, name="look-up", daemon=True).start()
        answer: list[Any] | Exception | None = None
        while answer is None:
            self.stop_if_cut()
            with suppress(Empty):
                answer = found.get(timeout=_LOOK_SECONDS)
        if isinstance(answer, Exception):
            raise answer
        addresses = [(family, address) for family, *_, address in answer]
        first = [each for each in addresses if each[0] == addresses[0][0]]
        other = [each for each in addresses if each[0] != addresses[0][0]]
        return [each for each in chain.from_iterable(zip_longest(first, other)) if each]

    def _connect(self, addresses: list[_Address]) -> tuple[socket.socket, _Address]:
        """Return a socket to the first address that takes the connection; each is tried a moment after the one before.

        An address that never answers, as IPv6 in many schools, then costs a quarter of a second (RFC 8305).
        """
        failure: OSError = ConnectionRefusedError()
        next_at = 0.0
        under_way: dict[socket.socket, _Address] = {}
        try:
            while addresses or under_way:
                self.stop_if_cut()
                if addresses and monotonic() >= next_at:
                    address = addresses.pop(0)
                    try:
                        begun = socket.socket(address[0], socket.SOCK_STREAM)
                    except OSError as error:  # this computer does not have such a network
                        failure = error
                        continue
                    under_way[begun] = address
                    begun.setblocking(False)  # noqa: FBT003  socket's own signature
                    begun.connect_ex(address[1])  # an error is raised below
                    next_at = monotonic() + _NEXT_ADDRESS_SECONDS
                for done in select.select([], under_way, [], _LOOK_SECONDS)[1]:
                    address = under_way.pop(done)
                    try:
                        done.getpeername()
                    except OSError:
                        failure, next_at = OSError(done.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), ""), 0.0
                        done.close()
                    else:
                        done.settimeout(self._seconds)
                        return done, address
            raise failure
        finally:
            for left in under_way:
                left.close()

    def stop_if_cut(self) -> None:
        """Raise TimeoutError after `cut`."""
        if self.is_cut:
            raise TimeoutError

    def failure(self, error: Exception) -> NoAnswer:
        """Return the NoAnswer for an error of the system, by how far the request had come."""
        is_late = self.is_cut or isinstance(error, TimeoutError)
        if self.is_begun:
            return Timeout() if is_late else ConnectionLost()
        if is_late:
            return NotSent("slow", by_proxy=self.is_at_proxy)
        if why := why_distrusted(error):
            return TlsRefused(why, by_proxy=self.is_at_proxy)
        is_name = isinstance(error, socket.gaierror | UnicodeError)
        return NotSent("name" if is_name else "none", by_proxy=self.is_at_proxy)


class Stream:
    """Bytes to and from a host or proxy. It returns one answer at a time, and keeps what comes after it."""

    def __init__(self, network: Network, connected: Any) -> None:  # noqa: ANN401  a socket, or TlsInTls
        self._network = network
        self._socket = connected
        self._has_written = False
        self._rest = self._tail = b""
        self.body_left: int | None = None
        """Bytes of the answer's body that are still to come; None before its head, or if the head does not say."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  the request's own is used
        """Return some bytes of the answer and none of what comes after it; no bytes if the other side has closed it."""
        if not self._rest:
            self._rest = self._receive(max_bytes)
        size = len(self._rest)
        if self.body_left is not None:
            size = min(size, self.body_left)
            self.body_left -= size
        elif found := _END.search(self._tail + self._rest):
            size = found.end() - len(self._tail)
            self._tail = b""
        else:
            self._tail = (self._tail + self._rest)[-2:]
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send bytes; the first of a request to the host need its permit."""
        network = self._network
        if network.is_at_proxy or network.is_begun:
            self._send(buffer)
            return
        if self._has_more():
            raise NotSent("early")
        self._tail, self.body_left = b"", None
        with network.permit():
            network.is_begun = True
            self._send(buffer)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str,
        timeout: float | None = None,  # noqa: ARG002
    ) -> "Stream":
        """Return a stream over TLS with the proxy or, after CONNECT, with the host behind it."""
        network = self._network
        if self._has_written:
            network.is_at_proxy = False
        secure: Any
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                secure = TlsInTls(self._socket, ssl_context, server_hostname)
            else:
                secure = network.socket = ssl_context.wrap_socket(
                    self._socket, server_hostname=server_hostname, do_handshake_on_connect=False
                )
            network.stop_if_cut()  # a moment ago there was no socket that could be shut down
            secure.do_handshake()
        except (OSError, ValueError) as error:
            raise network.failure(error) from None
        if not network.is_at_proxy:
            network.certificate_ending = secure.getpeercert()["notAfter"]
        network.stream = Stream(network, secure)
        return network.stream

    def get_extra_info(self, info: str) -> object:
        """Whether there is something to read between two answers: httpcore then closes the connection."""
        return self._has_more() if info == "is_readable" else None

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _send(self, buffer: bytes) -> None:
        self._has_written = True
        try:
            self._socket.sendall(buffer)
        except OSError as error:
            raise self._network.failure(error) from None

    def _receive(self, size: int) -> bytes:
        try:
            received: bytes = self._socket.recv(size)
            self._network.stop_if_cut()  # otherwise an answer that ends with its connection would seem complete
        except OSError as error:
            raise self._network.failure(error) from None
        self._network.has_ended = not received
        return received

    def _has_more(self) -> bool:
        """Whether there are bytes outside an answer, or the other side has closed the connection."""
        if self._rest:
            return True
        seconds = self._socket.gettimeout()
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True  # it is broken
        finally:
            self._socket.settimeout(seconds)
        return True
