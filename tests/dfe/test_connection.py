"""connection.py, network.py, tls.py: what comes back over one connection, and what never does."""

import select
import socket
import ssl
import struct
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest
import trustme

from attsync.deadline import Deadline
from attsync.dfe.connection import Answer, Connection
from attsync.dfe.network import (
    BadResponse,
    ConnectionLost,
    Network,
    NotSent,
    ProxyRefused,
    Stream,
    Timeout,
    TlsRefused,
)
from attsync.dfe.tls import Distrust, trusted, why_distrusted
from attsync.problems import SettingsError
from tests.proxy import proxy_answering
from tests.torture.stranger import Behaviour, Identity, Stranger, Talk

LIMIT = 64 * 1024
Connect = Callable[..., Connection]


def post(connection: Connection, **options: Any) -> Answer:  # noqa: ANN401  those of exchange
    """Post something to the host of the connection."""
    url = f"https://{connection.host}/attendances"
    return connection.exchange("POST", url, headers={"A": "secret"}, content=b"{}", **options)


def _chunks_without_end(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n")
    talk.flood(b"400\r\n" + b"x" * 0x400 + b"\r\n")


def _headers_without_end(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 201 Created\r\n")
    talk.flood(b"X: " + b"x" * 1000 + b"\r\n")


def _drip_body(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 201 Created\r\nContent-Length: 60000\r\n\r\n")
    talk.drip(b" ")


def _drip_body_without_length(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 201 Created\r\n\r\n")
    talk.drip(b" ")


def _truncated(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 201 Created\r\nContent-Length: 60000\r\n\r\n[{")
    _raise()


def _raise() -> None:
    raise ConnectionAbortedError


def _wait_for_more(connection: Connection) -> None:
    """Wait until something has arrived, if that has not been noticed already."""
    connected = connection._network.socket  # noqa: SLF001
    if connected and connected.fileno() >= 0:
        select.select([connected], [], [], 60)


@pytest.fixture
def ask(identity: Identity, connect: Connect) -> Iterator[Callable[..., Answer]]:
    """Post to a stranger that behaves so; return what came back."""
    with ExitStack() as running:

        def ask(behaviour: Behaviour, *, seconds: float = 5) -> Answer:
            server = running.enter_context(Stranger(identity.good, api=behaviour))
            return post(connect(server.origin, seconds=seconds))

        yield ask


def test_answer_comes_back_whole(ask: Callable[..., Answer]) -> None:
    """Status, headers and body."""
    answer = ask(lambda talk: talk.reply(201, b"x" * LIMIT, "text/odd"))

    assert (answer.status, len(answer.content), answer.headers["content-type"]) == (201, LIMIT, "text/odd")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 201 OK\r\nContent-Length: 4\r\n\r\na\n\nb",
        b"HTTP/1.1 201 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\n\n\r\n1\r\nb\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 OK\r\nContent-Length: 4\r\n\r\na\n\nb",
        b"HTTP/1.1 201 OK\nTransfer-Encoding: chunked\n\n4\r\na\n\nb\r\n0\r\nTrailer: x\r\n\r\n",
    ],
)
def test_connection_is_kept(identity: Identity, connect: Connect, answer: bytes) -> None:
    """A handshake for each of many messages would cost more than the messages; blank lines in an answer end nothing."""

    def drop_by_drop(talk: Talk) -> None:
        for at in range(len(answer)):
            talk.send(answer[at : at + 1])

    for behaviour in (lambda talk: talk.send(answer), drop_by_drop):
        with Stranger(identity.good, api=behaviour) as server:
            connection = connect(server.origin)
            contents = [post(connection).content for _ in range(3)]

            assert contents == [b"a\n\nb"] * 3
            assert (server.connections, len(server.posts)) == (1, 3)


_EXTRA = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nextra"


@pytest.mark.parametrize("extra", [_EXTRA, _EXTRA * 3, _EXTRA[:20], b"\r\n", b"x"])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_answer_that_comes_twice_is_not_taken_for_the_next(
    identity: Identity, connect: Connect, extra: bytes, *, is_chunked: bool
) -> None:
    """What is left over after an answer, whole or not, belongs to nothing: the next request has its own connection."""
    numbers = count(1)

    def answer(talk: Talk) -> None:
        number = b"%d" % next(numbers)
        if is_chunked:
            talk.send(
                b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n", number, b"\r\n0\r\n\r\n", extra
            )
        else:
            talk.send(b"HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n", number, extra)

    with Stranger(identity.good, api=answer) as server:
        connection = connect(server.origin)

        assert [post(connection).content for _ in range(3)] == [b"1", b"2", b"3"]
        assert server.connections == 3


def test_answer_that_nobody_asked_for_is_not_believed(identity: Identity, connect: Connect) -> None:
    """It comes between two requests, as the 408 of a server that was kept waiting."""
    talks: list[Talk] = []

    def answer(talk: Talk) -> None:
        talks.append(talk)
        talk.reply(201, b"%d" % len(talks))

    with Stranger(identity.good, api=answer) as server:
        connection = connect(server.origin)
        first = post(connection).content
        talks[0].send(_EXTRA)
        _wait_for_more(connection)

        assert (first, post(connection).content) == (b"1", b"2")


def test_answer_that_comes_before_the_first_request_is_not_believed() -> None:
    """Nothing is said to such a server."""
    network = Network(seconds=5, has_proxy=False)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(_EXTRA)
        with pytest.raises(NotSent) as raised:
            Stream(network, ours).write(b"POST")
        theirs.setblocking(False)  # noqa: FBT003
        with pytest.raises(BlockingIOError):
            theirs.recv(1)

    assert raised.value.case == "early"


@pytest.mark.parametrize("has_proxy", [False, True])
def test_connection_that_was_idle_too_long_is_replaced(
    identity: Identity, connect: Connect, *, has_proxy: bool
) -> None:
    """Servers close such connections; that costs no try."""

    def answer(talk: Talk) -> None:
        talk.reply(201, "{}")
        _raise()

    with Stranger(identity.good, api=answer) as server, proxy_answering(certificate=identity.good) as (port, _):
        connection = connect(server.origin, proxy=f"https://localhost:{port}" if has_proxy else None)
        for _ in range(3):
            assert post(connection).status == 201
            _wait_for_more(connection)

        assert server.connections == 3


def test_connection_that_is_broken_takes_no_request() -> None:
    """Whether that shows before the first byte, or at it."""
    network = Network(seconds=5, has_proxy=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for is_begun in (False, True):
            ours = socket.create_connection(listener.getsockname())
            theirs, _ = listener.accept()
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # it resets
            theirs.close()
            select.select([ours], [], [])
            network.is_begun = is_begun
            with ours, pytest.raises(ConnectionLost if is_begun else NotSent):
                Stream(network, ours).write(b"POST")


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
        pytest.param(_drip_body_without_length, id="drips body that has no length"),
        pytest.param(lambda talk: talk.drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0.001), id="drips 100"),
    ],
)
def test_time_limit_is_for_the_whole_request(ask: Callable[..., Answer], behaviour: Behaviour) -> None:
    """Each byte comes in time, all of them never."""
    started = monotonic()

    with pytest.raises(Timeout):
        ask(behaviour, seconds=0.3)

    assert monotonic() - started < 60


def test_deadline_ends_a_request(identity: Identity, connect: Connect) -> None:
    """Though the request itself would have much longer."""
    with Deadline(0.5) as deadline, Stranger(identity.good, api=Talk.hang) as server, pytest.raises(Timeout):
        post(connect(server.origin, seconds=600, until=deadline))


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


def test_handshake_without_memory_is_no_matter_of_trust() -> None:
    """OpenSSL's own words for it."""
    with pytest.raises(MemoryError):
        why_distrusted(ssl.SSLError(1, "[SSL] malloc failure (_ssl.c:1006)"))


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
def test_wrong_certificate_is_not_trusted(identity: Identity, connect: Connect, wrong: str, why: Distrust) -> None:
    """Nothing is said to such a server, and for each reason someone else acts."""
    with Stranger(getattr(identity, wrong)) as server, pytest.raises(TlsRefused) as raised:
        post(connect(server.origin))

    assert (raised.value.why, raised.value.by_proxy, server.requests) == (why, False, [])


def test_certificate_with_only_a_common_name_is_not_trusted(tmp_path: Path, deadline: Deadline) -> None:
    """RFC 9525: a common name says nothing about a host."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    named = authority.issue_cert(common_name="localhost")
    named.private_key_and_cert_chain_pem.write_to_path(tmp_path / "named.pem")
    context = trusted(tmp_path / "ca.pem")

    with Stranger(tmp_path / "named.pem") as server, pytest.raises(TlsRefused) as raised:
        post(Connection(server.origin, context, deadline, timeout_seconds=5, proxy=None))

    assert (raised.value.why, server.requests) == (Distrust.OTHER_NAME, [])


@pytest.mark.parametrize("has_old_tls", [True, False])
def test_server_without_tls_of_today_is_not_trusted(identity: Identity, connect: Connect, *, has_old_tls: bool) -> None:
    """TLS 1.1 can be broken; a plain page on the port of https is not the DfE's."""
    server = (
        Stranger(identity.good, tls_version=ssl.TLSVersion.TLSv1_1)
        if has_old_tls
        else Stranger(None, on_connect=lambda raw: raw.sendall(b"HTTP/1.1 200 OK\r\n\r\n"))
    )
    with server, pytest.raises(TlsRefused) as raised:
        post(connect(server.origin))

    assert raised.value.why is Distrust.NO_TLS


def test_connection_that_breaks_is_replaced(identity: Identity, connect: Connect) -> None:
    """Before TLS, in the middle of an answer, or by an answer that is none: a failed connection is never used again."""
    behaviours: Iterator[Behaviour] = iter([_truncated, Talk.reset, lambda talk: talk.reply(201, b"x" * (LIMIT + 1))])

    def answer(talk: Talk) -> None:
        next(behaviours, lambda talk: talk.reply(201, "{}"))(talk)

    def break_first(raw: socket.socket) -> None:
        if server.connections == 1:
            raw.close()

    with Stranger(identity.good, api=answer, on_connect=break_first) as server:
        connection = connect(server.origin)
        for failure in (NotSent, ConnectionLost, ConnectionLost, BadResponse):
            with pytest.raises(failure) as raised:
                post(connection)
            assert type(raised.value) is failure

        assert (post(connection).status, server.connections) == (201, 5)


def test_time_limit_and_a_cut_end_a_handshake(identity: Identity, connect: Connect) -> None:
    """A server that takes the connection and never answers; a run that is stopped does not wait for it."""
    lines: list[Connection] = []

    def say_nothing(raw: socket.socket) -> None:
        raw.recv(1)  # the handshake has begun
        for line in lines:
            line.cut()
        while raw.recv(10**6):
            pass

    with Stranger(identity.good, on_connect=say_nothing) as server:
        for seconds in (0.3, 600):
            line = connect(server.origin, seconds=seconds)
            if seconds == 600:
                lines.append(line)
            with pytest.raises(NotSent) as raised:
                post(line)
            assert raised.value.case == "slow"


@contextmanager
def resolving(*ports: int) -> Iterator[None]:
    """Let each name have these addresses, in this order."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    real: Any = socket.getaddrinfo

    def look_up(host: str, *others: Any, **options: Any) -> Any:  # noqa: ANN401
        return real(host, *others, **options) if host == "127.0.0.1" else found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        yield


@contextmanager
def swallowing() -> Iterator[int]:
    """Return a port at which packets are swallowed: its queue is full, and no one takes anything out."""
    with socket.socket() as listener, ExitStack() as filling:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            one = filling.enter_context(socket.socket())
            one.setblocking(False)  # noqa: FBT003
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_address_that_swallows_packets_does_not_keep_from_the_others(identity: Identity, connect: Connect) -> None:
    """IPv6 in many schools. The next address is tried after a moment, not after the time-out; a proxy's too."""
    with Stranger(identity.good) as server, swallowing() as dead, proxy_answering() as (proxy, _):
        with resolving(dead, dead, server.port):
            assert post(connect(server.origin, seconds=20)).status == 201
        with resolving(dead, proxy):
            assert post(connect(server.origin, seconds=20, proxy="http://proxy.example:1")).status == 201


def test_address_that_takes_connections_and_says_nothing_comes_last_next_time(
    identity: Identity, connect: Connect
) -> None:
    """A load balancer of which one half is broken."""
    with Stranger(identity.good) as server, Stranger(None, on_connect=lambda _: connection._network.cut()) as silent:  # noqa: SLF001
        connection = connect(server.origin, seconds=60)
        with resolving(silent.port, server.port):
            with pytest.raises(NotSent):
                post(connection)
            assert post(connection).status == 201


def test_address_that_refuses_or_that_this_computer_cannot_reach_is_passed_over(
    identity: Identity, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No IPv6 here, no one listening there."""
    with Stranger(identity.good) as gone:
        pass
    with Stranger(identity.good) as server:
        found: list[Any] = [
            (12345, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1)),  # a kind of network that there is not
            *((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (gone.port, server.port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        assert post(connect(server.origin, seconds=20)).status == 201


def test_look_up_that_hangs_does_not_hold_us_up(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver has time limits of its own, of minutes."""
    answered = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(600))

    with pytest.raises(NotSent) as raised:
        post(connect("https://localhost", seconds=0.2))
    answered.set()

    assert raised.value.case == "slow"


@pytest.mark.parametrize("error", [socket.gaierror(), UnicodeError()])
def test_name_that_no_computer_has_is_told_as_that(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A mistake in an address, not an outage that ends by itself."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    for proxy in (None, "http://127.0.0.1:9"):
        with pytest.raises(NotSent) as raised:
            post(connect("https://localhost", proxy=proxy))
        assert (raised.value.case, raised.value.by_proxy) == ("name", proxy is not None)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_of_the_settings_sees_only_what_is_sealed(identity: Identity, connect: Connect, scheme: str) -> None:
    """Many schools have one. It learns the host's name; its password goes to it alone, and can go over TLS."""
    certificate = identity.good if scheme == "https" else None
    with Stranger(identity.good) as server, proxy_answering(certificate=certificate) as (port, seen):
        connection = connect(server.origin, proxy=f"{scheme}://user:pass%25word@localhost:{port}")
        answers = [post(connection) for _ in range(3)]
        connection.close()

    assert [answer.status for answer in answers] == [201] * 3
    assert (server.connections, seen[0].startswith(b"CONNECT localhost:")) == (1, True)
    assert b"Proxy-Authorization: Basic " + b64encode(b"user:pass%word") in seen[0]
    assert not any(b"secret" in part or b"POST /" in part for part in seen)
    assert not any(b"Proxy-Authorization" in request for request in server.posts)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_tunnel_that_breaks_is_dug_again(identity: Identity, connect: Connect, scheme: str) -> None:
    """In the middle of the handshake with the host; httpcore would go on using what is left of it."""
    certificate = identity.good if scheme == "https" else None
    with Stranger(identity.good) as server, proxy_answering(broken=2, certificate=certificate) as (port, seen):
        connection = connect(server.origin, proxy=f"{scheme}://localhost:{port}")
        for _ in range(2):
            with pytest.raises(NotSent) as raised:
                post(connection)
            assert (raised.value.case, raised.value.by_proxy) == ("none", False)
        status = post(connection).status
        connection.close()

    assert status == 201
    assert sum(part.startswith(b"CONNECT") for part in seen) == 3


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 407),
        (b"HTTP/1.1 403 Forbidden by policy\r\nContent-Length: 2\r\n\r\nno", 403),
        (b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n", 302),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", 0),
    ],
)
def test_proxy_that_refuses_is_told_by_its_status(connect: Connect, answer: bytes, status: int) -> None:
    """The host has heard nothing, and neither the proxy's password nor its words are repeated."""
    with _answering(answer) as port, pytest.raises(ProxyRefused) as raised:
        post(connect("https://localhost:9", proxy=f"http://sam:hunter2@127.0.0.1:{port}"))

    assert raised.value.status == status
    assert "hunter2" not in f"{raised.value!r} {raised.value} {raised.value.__context__!r}"


def test_proxy_that_is_not_there_or_says_nothing_is_told(connect: Connect) -> None:
    """Its own time limit is that of the request."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(NotSent) as slow:
            post(connect("https://localhost:9", proxy=proxy, seconds=0.2))
    with pytest.raises(NotSent) as nobody:
        post(connect("https://localhost:9", proxy=proxy))
    with _answering(b"") as port, pytest.raises(NotSent) as hung_up:
        post(connect("https://localhost:9", proxy=f"http://127.0.0.1:{port}"))

    found = [(each.value.case, each.value.by_proxy) for each in (slow, nobody, hung_up)]
    assert found == [("slow", True), ("none", True), ("none", True)]


@pytest.mark.parametrize("is_proxys", [True, False])
def test_certificate_of_a_proxy_and_of_the_host_behind_it_are_told_apart(
    identity: Identity, connect: Connect, *, is_proxys: bool
) -> None:
    """A proxy that is spoken to over TLS has to prove its identity too; else it only hands on."""
    certificates = (identity.expired, identity.good) if is_proxys else (identity.good, identity.expired)
    with Stranger(certificates[1]) as server, proxy_answering(certificate=certificates[0]) as (port, _):
        connection = connect(server.origin, proxy=f"https://localhost:{port}")
        with pytest.raises(TlsRefused) as raised:
            post(connection)

    assert (raised.value.why, raised.value.by_proxy) == (Distrust.EXPIRED, is_proxys)


@contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    """Run a server that says this, whatever it is asked, and hangs up."""

    def answer_once(raw: socket.socket) -> None:
        raw.recv(65536)
        raw.sendall(answer)
        raise ConnectionAbortedError

    with Stranger(None, on_connect=answer_once) as server:
        yield server.port


def test_other_host_is_refused(connect: Connect) -> None:
    """Whatever builds an address wrongly, the token goes to no other host."""
    line = connect("https://localhost:1")
    for url in ("https://localhost:2/", "http://localhost:1/", "https://127.0.0.1:1/", "https://a:b@localhost:1/"):
        with pytest.raises(AssertionError, match="not in the settings"):
            line.exchange("POST", url, headers={})


def test_ca_file_that_is_none_is_told(tmp_path: Path) -> None:
    """Before anything is read or sent."""
    (tmp_path / "text.pem").write_bytes(b"no certificate")
    (tmp_path / "empty.pem").touch()
    for name in ("text.pem", "empty.pem", "none.pem"):
        with pytest.raises(SettingsError) as raised:
            trusted(tmp_path / name)
        assert (raised.value.problem.code, raised.value.problem.case) == ("SETTINGS", "ca-file")
