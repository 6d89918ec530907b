"""One keep-alive connection to one host, over verified TLS: a request out, a whole answer back.

An httpx transport is used without a client around it: cookies, redirects, netrc and the proxies of the environment then
do not exist (docs/design/reliability.md P6, 8). Imports nothing that can read requests or answers.
"""

import ssl
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple, cast

import httpx

from attsync import __version__
from attsync.deadline import Deadline
from attsync.dfe.network import BadResponse, Network, NoAnswer, Permit, ProxyRefused
from attsync.dfe.tls import moment_of

_LARGEST_ANSWER: Final = 64 * 1024


class Answer(NamedTuple):
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Connection:
    """A connection to the host of `url`; every other host is refused. Use it from one thread.

    It is opened when it is needed, and again after any failure and after an answer with extra bytes.
    """

    def __init__(
        self, url: str, context: ssl.SSLContext, deadline: Deadline, *, timeout_seconds: float, proxy: str | None
    ) -> None:
        self._url = _parsed(url)
        self._context = context
        self._deadline = deadline
        self._seconds = timeout_seconds
        self._proxy = proxy
        self._network = Network(seconds=timeout_seconds, has_proxy=proxy is not None)
        self._transport: httpx.HTTPTransport | None = None

    @property
    def host(self) -> str:
        """The host, and its port unless that is the usual one."""
        return self._url.netloc.decode("ascii")

    @property
    def certificate_ends(self) -> datetime | None:
        """The expiry of the certificate that the host has shown; None before there was one."""
        ending = self._network.certificate_ending
        return moment_of(ending) if ending else None

    def exchange(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes = b"", permit: Permit = nullcontext
    ) -> Answer:
        """Send one request and return the whole answer, within the time-out and before the deadline.

        The time-out is for the whole request, even if the answer comes in small steps. Raise NoAnswer, and what
        `permit` raises.
        """
        # Gzip bombs: an uncompressed answer is requested, and a compressed one is refused.
        fixed = {"User-Agent": f"attsync/{__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}
        request = httpx.Request(method, _parsed(url), headers=fixed | dict(headers), content=content)
        if _origin(request.url) != _origin(self._url) or request.url.userinfo:
            msg = "a request to a host that is not in the settings"
            raise AssertionError(msg)
        self._network.begin(permit)
        try:
            with self._deadline.guard(self._network.cut, seconds=self._seconds):
                return self._read(request)
        except BaseException as error:
            self.close(has_failed=True)  # nothing more from it is trusted
            if isinstance(error, httpx.TransportError):
                raise self._reason(error) from None  # its text may contain the server's words, or the token
            raise

    def cut(self) -> None:
        """End the request in progress, and all that follow. May be called from any thread."""
        self._network.cut(for_good=True)

    def close(self, *, has_failed: bool = False) -> None:
        """Close the connection; the next request opens another one."""
        if self._transport is not None:
            self._transport.close()
        self._transport = None
        self._network.close(has_failed=has_failed)

    def _read(self, request: httpx.Request) -> Answer:
        response = self._opened().handle_request(request)
        try:
            if self._network.stream and (length := response.headers.get("Content-Length", "")).isdecimal():
                self._network.stream.body_left = int(length)
            return Answer(response.status_code, response.headers, _content(response))
        finally:
            response.close()  # httpcore closes the connection if there are bytes left over (Stream.get_extra_info)

    def _opened(self) -> httpx.HTTPTransport:
        if self._transport is None:
            to_proxy = self._context if self._proxy and self._proxy.startswith("https:") else None
            self._transport = httpx.HTTPTransport(
                verify=self._context,
                trust_env=False,
                http2=False,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
                proxy=httpx.Proxy(self._proxy, ssl_context=to_proxy) if self._proxy else None,
            )
            # httpx does not hand on this option of httpcore. With httpcore's own network, addresses are tried one after
            # the other for the whole time-out, and an answer without a request is taken for the next one.
            self._transport._pool._network_backend = self._network  # type: ignore[assignment]  # noqa: SLF001
        return self._transport

    def _reason(self, error: httpx.TransportError) -> NoAnswer:
        """Return what an error of HTTP means; those of the network are raised by the network."""
        network = self._network
        if isinstance(error, httpx.ProxyError):
            return ProxyRefused(int(str(error)[:3]))
        if network.is_cut or network.has_ended or not isinstance(error, httpx.RemoteProtocolError):
            return network.failure(OSError())
        # An answer that is not HTTP is not a lost answer: another server answers there.
        return ProxyRefused(0) if network.is_at_proxy else BadResponse()


def _content(response: httpx.Response) -> bytes:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BadResponse
    content = b""
    for part in cast("httpx.SyncByteStream", response.stream):
        content += part
        if len(content) > _LARGEST_ANSWER:
            raise BadResponse
    return content


@lru_cache(maxsize=16)  # the same few addresses of the settings, for every message
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
