"""line.py: one connection to one host, over verified TLS, with limits that hold whatever the server does."""

import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from time import monotonic

import pytest

from attsync.dfe.connection import (
    Answer,
    BadResponse,
    Connection,
    ConnectionLost,
    NotSent,
    Timeout,
    TlsRefused,
    Watch,
    _why_not_connected,
)
from attsync.dfe.tls import Distrust, trusted, why_distrusted
from attsync.problems import SettingsError
from tests.proxy import proxy_answering
from tests.torture.stranger import Behaviour, Identity, Stranger, Talk, make_identity

LIMIT = 64 * 1024


def _chunks_without_end(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n")
    talk.flood(b"400\r\n" + b"x" * 0x400 + b"\r\n")


def _headers_without_end(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 201 Created\r\n")
    talk.flood(b"X: " + b"x" * 1000 + b"\r\n")


def _drip_body(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 201 Created\r\nContent-Length: 60000\r\n\r\n")
    talk.drip(b" ")


def _truncated(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 201 Created\r\nContent-Length: 60000\r\n\r\n[{")
    _raise()


def _raise() -> None:
    raise ConnectionAbortedError


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Make certificates, right and wrong."""
    return make_identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def ask(identity: Identity) -> Iterator[Callable[..., Answer]]:
    """Post to a stranger that behaves so; give what came back."""
    with ExitStack() as running:
        watch = Watch()
        running.callback(watch.close)

        def ask(behaviour: Behaviour, *, seconds: float = 5, times: int = 1) -> Answer:
            server = running.enter_context(Stranger(identity.good, api=behaviour))
            line = Connection(server.origin, trusted(identity.ca), watch, timeout_seconds=seconds, proxy=None)
            running.callback(line.close)
            for _ in range(times):
                answer = line.exchange(
                    "POST", f"{server.origin}/attendances", headers={}, content=b"{}", until=monotonic() + 60
                )
            return answer

        yield ask


def test_answer_comes_back_whole(ask: Callable[..., Answer]) -> None:
    """Status, headers and body."""
    answer = ask(lambda talk: talk.reply(201, b"x" * LIMIT, "text/odd"))

    assert (answer.status, len(answer.content), answer.headers["content-type"]) == (201, LIMIT, "text/odd")


def test_connection_is_kept(identity: Identity) -> None:
    """A handshake for each of many messages would cost more than the messages."""
    watch = Watch()
    with Stranger(identity.good) as server:
        line = Connection(server.origin, trusted(identity.ca), watch, timeout_seconds=5, proxy=None)
        for _ in range(3):
            line.exchange("POST", f"{server.origin}/attendances", headers={}, until=monotonic() + 5)
        line.close()
        watch.close()

        assert (server.connections, len(server.posts)) == (1, 3)


def test_redirect_is_not_followed(ask: Callable[..., Answer]) -> None:
    """It would take the body and the key along."""
    assert ask(lambda talk: talk.reply(307, "", "text/plain", "Location: https://localhost:9/")).status == 307


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(lambda talk: talk.reply(201, b"x" * (LIMIT + 1)), id="large"),
        pytest.param(_chunks_without_end, id="endless"),
        pytest.param(lambda talk: talk.reply(201, b"x", "text/plain", "Content-Encoding: gzip"), id="packed"),
        pytest.param(lambda talk: talk.flood(b"not HTTP\r\n"), id="not HTTP"),
        pytest.param(_headers_without_end, id="endless headers"),
    ],
)
def test_answer_that_does_not_fit_is_not_kept(ask: Callable[..., Answer], behaviour: Behaviour) -> None:
    """At most 64 KiB come into memory, packed or not."""
    with pytest.raises(BadResponse):
        ask(behaviour)


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(Talk.hang, id="hangs"),
        pytest.param(lambda talk: talk.drip(b"HTTP/1.1 201 Created\r\nX: " + b"x" * 9000), id="drips headers"),
        pytest.param(_drip_body, id="drips body"),
        pytest.param(lambda talk: talk.drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0.001), id="drips 100"),
    ],
)
def test_time_limit_holds_for_the_whole_request(ask: Callable[..., Answer], behaviour: Behaviour) -> None:
    """Each byte comes in time, all of them never."""
    started = monotonic()

    with pytest.raises(Timeout):
        ask(behaviour, seconds=0.2)

    assert monotonic() - started < 2


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(Talk.reset, id="reset"),
        pytest.param(_truncated, id="truncated"),
        pytest.param(lambda _: _raise(), id="closed"),
    ],
)
def test_lost_answer_may_have_been_an_arrived_request(ask: Callable[..., Answer], behaviour: Behaviour) -> None:
    """Whether the request arrived is not known."""
    with pytest.raises(ConnectionLost):
        ask(behaviour)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("other_host", Distrust.OTHER_NAME),
        ("expired", Distrust.EXPIRED),
        ("unknown", Distrust.UNKNOWN),
        ("self_signed", Distrust.SELF_SIGNED),
        ("not_yet", Distrust.NOT_YET),
    ],
)
def test_wrong_certificate_is_not_trusted(identity: Identity, wrong: str, why: Distrust) -> None:
    """Nothing is said to such a server, and somebody else acts for each reason."""
    with Stranger(getattr(identity, wrong)) as server:
        failure = _failure(server, identity)

        assert isinstance(failure, TlsRefused)
        assert failure.why is why
        assert server.requests == []


def test_old_tls_is_not_trusted(identity: Identity) -> None:
    """TLS 1.1 can be broken."""
    with Stranger(identity.good, tls_version=ssl.TLSVersion.TLSv1_1) as server:
        failure = _failure(server, identity)

    assert isinstance(failure, TlsRefused)
    assert failure.why is Distrust.NO_TLS


def test_server_without_tls_is_not_trusted(identity: Identity) -> None:
    """A plain page on the port of https is no DfE."""
    with Stranger(None, on_connect=lambda raw: raw.sendall(b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        failure = _failure(server, identity)

    assert isinstance(failure, TlsRefused)
    assert failure.why is Distrust.NO_TLS


def test_connection_that_breaks_before_tls_is_the_network(identity: Identity) -> None:
    """A server that hangs up is no stranger; the next try may succeed."""
    with Stranger(None, on_connect=lambda raw: raw.close()) as server:
        failure = _failure(server, identity)

    assert isinstance(failure, NotSent)
    assert not isinstance(failure, TlsRefused)


def test_time_limit_holds_for_the_handshake(identity: Identity) -> None:
    """A server that takes the connection and never answers."""

    def say_nothing(raw: socket.socket) -> None:
        while raw.recv(10**6):
            pass

    with Stranger(None, on_connect=say_nothing) as server:
        failure = _failure(server, identity, seconds=0.2)

    assert str(failure) == "no connection in time"


def test_handshake_is_cut_like_an_answer(identity: Identity) -> None:
    """A run that is stopped does not wait for a server that takes the connection and never answers."""
    watch = Watch()

    def cut(raw: socket.socket) -> None:
        raw.recv(1)  # the handshake has begun
        line.cut()
        while raw.recv(10**6):
            pass

    with Stranger(None, on_connect=cut) as server:
        line = Connection(server.origin, trusted(identity.ca), watch, timeout_seconds=60, proxy=None)
        started = monotonic()
        with pytest.raises(NotSent):
            line.exchange("POST", f"{server.origin}/attendances", headers={}, until=started + 60)
        line.close()
    watch.close()

    assert monotonic() - started < 30


def test_end_of_a_handshake_is_no_distrust() -> None:
    """How a server hangs up is seen in one way or another, as the network will have it."""
    error = OSError()
    error.__cause__ = ssl.SSLEOFError()

    assert why_distrusted(error) is None


def test_proxy_of_the_settings_sees_only_what_is_sealed(identity: Identity) -> None:
    """Many schools have one. It learns the host's name; its password goes to it alone."""
    watch = Watch()
    with Stranger(identity.good) as server, proxy_answering(b"200 OK") as (port, seen):
        proxy = f"http://user:pass%25word@127.0.0.1:{port}"
        line = Connection(server.origin, trusted(identity.ca), watch, timeout_seconds=5, proxy=proxy)
        answer = line.exchange(
            "POST", f"{server.origin}/attendances", headers={"A": "secret"}, content=b"counts", until=monotonic() + 5
        )
        line.close()
        watch.close()

    assert answer.status == 201
    assert seen[0].startswith(b"CONNECT localhost:")
    assert b"Proxy-Authorization: Basic " + b64encode(b"user:pass%word") in seen[0]
    assert not any(b"secret" in part or b"counts" in part for part in seen)
    assert b"Proxy-Authorization" not in server.posts[0]


def test_proxy_that_refuses_is_told(identity: Identity) -> None:
    """Nothing was delivered."""
    watch = Watch()
    with proxy_answering(b"407 Proxy Authentication Required") as (port, _):
        line = Connection(
            "https://localhost:9", trusted(identity.ca), watch, timeout_seconds=5, proxy=f"http://127.0.0.1:{port}"
        )
        with pytest.raises(NotSent, match="the proxy refused the connection"):
            line.exchange("POST", "https://localhost:9/", headers={}, until=monotonic() + 5)
        line.close()
        watch.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "(it wants another user name or password)"),
        (b"HTTP/1.1 403 Forbidden by policy\r\n\r\n", "the proxy refused the connection (403)"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "what answers there is no proxy"),
        (b"", "the proxy does not answer"),
    ],
)
def test_proxy_that_does_not_let_through_is_told_apart(identity: Identity, answer: bytes, words: str) -> None:
    """The host has heard nothing, and it is the proxy that IT has to look at."""
    with _answering(answer) as port:
        failure = _failure_through(f"http://sam:hunter2@127.0.0.1:{port}", identity)

    assert isinstance(failure, NotSent)
    assert failure.by_proxy
    assert words in str(failure)


def test_proxy_that_is_not_there_or_says_nothing_is_told(identity: Identity) -> None:
    """Its own time limit is that of the request."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = f"http://127.0.0.1:{silent.getsockname()[1]}"
        slow = _failure_through(proxy, identity, seconds=0.2)
    nobody = _failure_through(proxy, identity)

    assert [(str(each), each.by_proxy) for each in (slow, nobody)] == [
        ("the proxy did not answer in time", True),
        ("the proxy does not answer", True),
    ]


def test_proxy_without_a_good_certificate_is_not_the_hosts_fault(identity: Identity) -> None:
    """A proxy that is spoken to over TLS has to prove itself too."""
    with Stranger(identity.expired) as proxy:
        failure = _failure_through(f"https://localhost:{proxy.port}", identity)

    assert isinstance(failure, TlsRefused)
    assert (failure.why, failure.by_proxy) == (Distrust.EXPIRED, True)


def test_host_behind_a_proxy_without_a_good_certificate_is_not_the_proxys_fault(identity: Identity) -> None:
    """The proxy only hands on."""
    with Stranger(identity.expired) as server, proxy_answering(b"200 OK") as (port, _):
        failure = _failure_through(f"http://127.0.0.1:{port}", identity, origin=server.origin)

    assert isinstance(failure, TlsRefused)
    assert (failure.why, failure.by_proxy) == (Distrust.EXPIRED, False)


@contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    """Run a server that says this, whatever it is asked, and hangs up."""

    def answer_once(raw: socket.socket) -> None:
        raw.recv(65536)
        raw.sendall(answer)
        raise ConnectionAbortedError

    with Stranger(None, on_connect=answer_once) as server:
        yield server.port


def _failure_through(
    proxy: str, identity: Identity, *, origin: str = "https://localhost:9", seconds: float = 5
) -> NotSent:
    watch = Watch()
    line = Connection(origin, trusted(identity.ca), watch, timeout_seconds=seconds, proxy=proxy)
    with pytest.raises(NotSent) as raised:
        line.exchange("POST", f"{origin}/attendances", headers={"A": "secret"}, until=monotonic() + 60)
    line.close()
    watch.close()
    assert "hunter2" not in f"{raised.value!r} {raised.value.__context__!r}"
    return raised.value


def test_other_host_is_refused(identity: Identity) -> None:
    """Whatever builds an address wrongly, the token goes to no other host."""
    watch = Watch()
    line = Connection("https://localhost:1", trusted(identity.ca), watch, timeout_seconds=1, proxy=None)
    for url in ("https://localhost:2/", "http://localhost:1/", "https://127.0.0.1:1/", "https://a:b@localhost:1/"):
        with pytest.raises(AssertionError, match="not in the settings"):
            line.exchange("POST", url, headers={}, until=monotonic() + 1)
    watch.close()


def test_ca_file_that_is_none_is_told(tmp_path: Path) -> None:
    """Before anything is read or sent."""
    for content in (b"", b"no certificate"):
        (tmp_path / "ca.pem").write_bytes(content)
        with pytest.raises(SettingsError, match="holds no certificate"):
            trusted(tmp_path / "ca.pem")
    with pytest.raises(SettingsError, match="cannot be read"):
        trusted(tmp_path / "none.pem")


def _failure(server: Stranger, identity: Identity, seconds: float = 5) -> BaseException:
    watch = Watch()
    line = Connection(server.origin, trusted(identity.ca), watch, timeout_seconds=seconds, proxy=None)
    with pytest.raises(NotSent) as raised:
        line.exchange("POST", f"{server.origin}/attendances", headers={"A": "secret"}, until=monotonic() + 60)
    line.close()
    watch.close()
    return raised.value


def test_line_that_is_cut_just_before_tls_begins_is_cut_there(identity: Identity) -> None:
    """A stop may come at any moment: between connecting and the handshake there is no socket of TLS yet."""
    watch = Watch()
    line = Connection("https://localhost", trusted(identity.ca), watch, timeout_seconds=5, proxy=None)
    ours, theirs = socket.socketpair()
    with ours, theirs, ExitStack() as starting:
        trace = line._tracing(starting, nullcontext)  # noqa: SLF001  what httpx calls, in this order
        trace("connection.connect_tcp.complete", {"return_value": _Stream(ours)})
        line._cut = True  # noqa: SLF001  as `cut` of another thread does, an instant too early for this socket
        trace("connection.start_tls.started", {})

        assert theirs.recv(1) == b""
    line.close()
    watch.close()


class _Stream:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def get_extra_info(self, name: str) -> socket.socket:
        assert name == "socket"
        return self._connection


def test_name_that_no_computer_has_is_told_as_that() -> None:
    """A slip in an address, not an outage that ends by itself."""
    error = OSError()
    error.__cause__ = socket.gaierror()

    assert _why_not_connected(error) == "no computer of that name is known"
    assert _why_not_connected(OSError()) == "no connection"
