"""One keep-alive connection to one host, over verified TLS, with limits that hold whatever the server does.

Knows httpx; refuses to know what is said. A transport is used without a client around it: cookies, redirects, netrc and
the proxies of the environment then do not exist (RELIABILITY.md P6, 8).
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import lru_cache
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx

from attsync import __version__
from attsync.dfe.tls import Distrust, ending_of, moment_of, why_distrusted

if TYPE_CHECKING:
    from datetime import datetime

_LARGEST_ANSWER: Final = 64 * 1024

Permit = Callable[[], AbstractContextManager[object]]
"""Entered just before the first byte of a request leaves; what it raises stops the request."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class NoAnswer(Exception):
    """There is nothing to judge; which subclass says why."""

    words = ""
    """Why, where no more is known."""

    def __str__(self) -> str:
        return super().__str__() or self.words


class NotSent(NoAnswer):
    """No connection came about: surely no byte of the request arrived. Its text says why, in a few words."""

    def __init__(self, words: str, *, by_proxy: bool = False) -> None:
        super().__init__(words)
        self.by_proxy = by_proxy
        """It was the proxy of the settings that did not let us through."""


class TlsRefused(NotSent):
    """The TLS handshake was refused: another certificate, another protocol, or no TLS at all."""

    def __init__(self, why: Distrust, *, by_proxy: bool = False) -> None:
        super().__init__("certificate not trusted", by_proxy=by_proxy)
        self.why = why


class ConnectionLost(NoAnswer):
    """The answer is lost; the request may have arrived."""

    words = "the connection broke"


class Timeout(ConnectionLost):
    """The answer took too long."""

    words = "no answer in time"


class BadResponse(NoAnswer):
    """The answer is larger than any answer of the DfE, or packed, or not HTTP."""

    words = "an answer that cannot be read"


class Watch:
    """Shuts a connection down when its request has taken too long: a time-out bounds each wait, not all of them."""

    def __init__(self) -> None:
        self._open: dict[Connection, float] = {}
        self._changed = threading.Condition()
        self._wakes_at = inf
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    @contextmanager
    def over(self, line: "Connection", until: float) -> Iterator[None]:
        """Shut `line` down if the inside is not done at `until`, on the clock of `monotonic`."""
        with self._changed:
            self._open[line] = until
            if until < self._wakes_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._open[line]

    def close(self) -> None:
        """Stop watching."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                now = monotonic()
                for line, until in self._open.items():
                    if until <= now:
                        line.cut()
                # A line that was cut while it was still connecting has to be cut again once it is connected.
                self._wakes_at = min((max(until, now + _AGAIN_SECONDS) for until in self._open.values()), default=inf)
                self._changed.wait(None if self._wakes_at == inf else self._wakes_at - now)


_AGAIN_SECONDS: Final = 0.05


class Connection:
    """A connection to the host of `origin`; every other host is refused. Use it from one thread."""

    def __init__(
        self, origin: str, context: ssl.SSLContext, watch: Watch, *, timeout_seconds: float, proxy: str | None
    ) -> None:
        self._url = _parsed(origin)
        self._origin = _origin(self._url)
        self._watch = watch
        self._seconds = timeout_seconds
        self._timeout = httpx.Timeout(timeout_seconds).as_dict()
        self._socket: socket.socket | None = None
        self._cut = False
        self._has_proxy = proxy is not None
        self._is_through = False
        """The proxy has handed us on: what happens now happens at the host."""
        self._ending: str | None = None
        self._transport = httpx.HTTPTransport(
            verify=context,
            trust_env=False,
            http2=False,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            proxy=httpx.Proxy(proxy, ssl_context=context if proxy.startswith("https:") else None) if proxy else None,
        )

    @property
    def host(self) -> str:
        """The host, and its port unless that is the usual one."""
        return self._url.netloc.decode("ascii")

    @property
    def certificate_ends(self) -> "datetime | None":
        """The end of the certificate that the host has shown; None before there was one."""
        return moment_of(self._ending) if self._ending else None

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes = b"",
        until: float,
        permit: Permit = nullcontext,
    ) -> Answer:
        """Send one request and read the whole answer, within the time-out and at the latest `until`.

        The time-out holds for all of it, in whatever small steps the answer comes. Raises NoAnswer, and whatever
        `permit` raises.
        """
        # Gzip bombs: an answer is asked for as it is, and refused if it is packed all the same.
        fixed = {"User-Agent": f"attsync/{__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}
        with ExitStack() as starting:
            request = httpx.Request(
                method,
                _parsed(url),
                headers=fixed | dict(headers),
                content=content,
                extensions={"timeout": self._timeout, "trace": self._tracing(starting, permit)},
            )
            if _origin(request.url) != self._origin or request.url.userinfo:
                msg = "a request to a host that is not in the settings"
                raise AssertionError(msg)
            self._cut = False
            with self._watch.over(self, min(until, monotonic() + self._seconds)):
                return self._read(request)

    def cut(self) -> None:
        """Shut the connection down; a thread that waits for it wakes up. May be called from any thread."""
        self._cut = True
        if self._socket is not None:
            try:
                # Not SSLSocket.shutdown, which takes the TLS layer away from under the other thread.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return  # closed already

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _read(self, request: httpx.Request) -> Answer:
        try:
            response = self._transport.handle_request(request)
            try:
                return Answer(response.status_code, response.headers, _content(response))
            finally:
                response.close()
        except httpx.TransportError as error:
            raise self._in_our_words(error) from None  # its text may hold what a stranger said, or the token

    def _in_our_words(self, error: httpx.TransportError) -> Exception:
        if self._has_proxy and not self._is_through:
            return self._at_proxy(error)
        never_connected = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
        if self._cut or isinstance(error, httpx.TimeoutException):
            return NotSent("no connection in time") if never_connected else Timeout()
        if never_connected:
            why = why_distrusted(error)
            return TlsRefused(why) if why else NotSent(_why_not_connected(error))
        # What is not HTTP at all is no loss on the way: something else answers. h11 has no other sign for it.
        if isinstance(error, httpx.RemoteProtocolError) and not str(error).startswith(("Server disc", "peer ")):
            return BadResponse()
        return ConnectionLost()

    def _at_proxy(self, error: httpx.TransportError) -> Exception:
        """Say what kept us at the proxy; the host has heard nothing."""
        if isinstance(error, httpx.ProxyError):
            status = str(error)[:3]
            reason = "it wants another user name or password" if status == "407" else status
            return NotSent(f"the proxy refused the connection ({reason})", by_proxy=True)
        if self._cut or isinstance(error, httpx.TimeoutException):
            return NotSent("the proxy did not answer in time", by_proxy=True)
        if why := why_distrusted(error):
            return TlsRefused(why, by_proxy=True)
        no_proxy = isinstance(error, httpx.RemoteProtocolError) and not str(error).startswith("Server disc")
        return NotSent("what answers there is no proxy" if no_proxy else "the proxy does not answer", by_proxy=True)

    def _tracing(self, starting: ExitStack, permit: Permit) -> Callable[[str, Mapping[str, Any]], None]:
        def trace(event: str, info: Mapping[str, Any]) -> None:
            stream = info.get("return_value")
            if event.endswith("connect_tcp.started"):
                self._is_through = False
            elif event == "proxy.start_tls.started":
                self._is_through = True
            elif event.endswith(("connect_tcp.complete", "start_tls.complete")) and stream is not None:
                self._socket = stream.get_extra_info("socket")
                if event.endswith("start_tls.complete") and (self._is_through or not self._has_proxy):
                    self._ending = ending_of(stream.get_extra_info("ssl_object"))  # only check asks: read then
            elif event == "http11.send_request_headers.started":
                starting.enter_context(permit())
            elif event in ("http11.send_request_headers.complete", "http11.send_request_headers.failed"):
                starting.close()
            if event.endswith("start_tls.started") and not isinstance(self._socket, ssl.SSLSocket | None):
                # TLS takes the socket's number away from it: until it stands, only a second one can be cut.
                self._socket = starting.enter_context(self._socket.dup())
                if self._cut:  # while it was still connecting
                    self.cut()

        return trace


def _content(response: httpx.Response) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BadResponse
    parts, size = [], 0
    assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101  a synchronous transport gives no other
    for part in response.stream:
        parts.append(part)
        size += len(part)
        if size > _LARGEST_ANSWER:
            raise BadResponse
    return b"".join(parts)


def _why_not_connected(error: BaseException | None) -> str:
    while error is not None:
        if isinstance(error, socket.gaierror):
            return "no computer of that name is known"
        error = error.__cause__ or error.__context__
    return "no connection"


@lru_cache(maxsize=16)  # the few addresses of the settings, again for every message
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
