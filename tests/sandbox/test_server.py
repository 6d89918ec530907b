"""server.py: TLS on this computer only, connections that stay, and no word on the terminal whatever a client does."""

import socket
import ssl
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from attsync.problems import SettingsError
from attsync.sandbox.server import HOST, Answer, Certificates, Request, Server, free_port, make_certificates
from tests.sandbox.pretend import Dfe, message

Start = Callable[..., Dfe]


def application(_: Request) -> Answer:
    """Answer anything."""
    return Answer(200, {})


def connect(server: Server, trust: ssl.SSLContext) -> ssl.SSLSocket:
    """Open a connection by hand."""
    return trust.wrap_socket(socket.create_connection((HOST, server.port), timeout=5), server_hostname="localhost")


def test_connection_is_kept(certificates: Certificates, trust: ssl.SSLContext) -> None:
    """A handshake for each answer would make every measurement of attsync a measurement of handshakes."""
    with Server(application, certificates) as server, connect(server, trust) as connection:
        for _ in range(3):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_connection_ends_when_the_client_says_so(certificates: Certificates, trust: ssl.SSLContext) -> None:
    """As HTTP/1.1 has it."""
    with Server(application, certificates) as server, connect(server, trust) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

        assert b"\r\nConnection: close\r\n" in b"".join(iter(lambda: connection.recv(4096), b""))


@pytest.mark.parametrize(
    "headers",
    [b"Transfer-Encoding: chunked\r\n", b"Content-Length: -1\r\n", b"Content-Length: \xb2\r\n"],
    ids=["chunked", "negative", "superscript"],
)
def test_body_without_a_length_is_refused(certificates: Certificates, trust: ssl.SSLContext, headers: bytes) -> None:
    """Where a body ends must be sure on a connection that is kept."""
    with Server(application, certificates) as server, connect(server, trust) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n")

        assert connection.recv(4096).startswith(b"HTTP/1.1 411 ")


@pytest.mark.parametrize("host", ["localhost", HOST])
def test_certificate_is_good_for_both_names(certificates: Certificates, trust: ssl.SSLContext, host: str) -> None:
    """Some machines do not know the name localhost."""
    with Server(application, certificates) as server:
        assert httpx.get(f"https://{host}:{server.port}", verify=trust, trust_env=False).status_code == 200


def test_certificate_is_not_trusted_by_chance(certificates: Certificates) -> None:
    """Who does not name `ca_file` gets no answer, so that the certificate's message can be tried."""
    with (
        Server(application, certificates) as server,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        httpx.get(server.base_url, trust_env=False)


def test_certificates_are_made_once(tmp_path: Path) -> None:
    """Settings that trust a folder's certificate must do so tomorrow; the key is its owner's alone."""
    first = make_certificates(tmp_path)
    contents = [path.read_bytes() for path in first]

    assert [path.read_bytes() for path in make_certificates(tmp_path)] == contents
    assert first.server.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE KEY" not in first.ca.read_bytes()


def test_old_tls_is_refused(certificates: Certificates, trust: ssl.SSLContext) -> None:
    """TLS 1.2 is the least that attsync speaks."""
    trust.set_ciphers("DEFAULT@SECLEVEL=0")  # else it is the client that refuses
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        trust.minimum_version = trust.maximum_version = ssl.TLSVersion.TLSv1_1

    with Server(application, certificates) as server, pytest.raises(ssl.SSLError, match=r"(?i)protocol version"):
        connect(server, trust)


def test_nobody_else_is_listened_to(certificates: Certificates) -> None:
    """Only loopback: a sandbox is not for the school's network."""
    with Server(application, certificates) as server, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port))


def test_stalled_handshake_holds_up_nobody(certificates: Certificates, trust: ssl.SSLContext) -> None:
    """A client that connects and says nothing is common: a scanner, a browser that connects ahead."""
    with Server(application, certificates) as server, socket.create_connection((HOST, server.port)):
        assert httpx.get(server.base_url, verify=trust, trust_env=False, timeout=5).status_code == 200


def test_clients_that_misbehave_print_nothing(
    certificates: Certificates, trust: ssl.SSLContext, capfd: pytest.CaptureFixture[str]
) -> None:
    """`attsync demo` shows commands and their output; a traceback of the server among them would frighten."""
    with Server(application, certificates) as server:
        with socket.create_connection((HOST, server.port), timeout=5) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with suppress(ConnectionResetError):
                while plain.recv(4096):
                    pass
        socket.create_connection((HOST, server.port)).close()
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.base_url, trust_env=False)
        with connect(server, trust) as halfway:
            halfway.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
        httpx.get(f"{server.base_url}/no-such-path", verify=trust, trust_env=False)

    assert capfd.readouterr() == ("", "")


def test_fault_of_the_application_is_printed(
    certificates: Certificates, trust: ssl.SSLContext, capfd: pytest.CaptureFixture[str]
) -> None:
    """Being quiet must not hide a mistake in the sandbox itself."""

    def broken(_: Request) -> Answer:
        message = "a mistake of ours"
        raise ValueError(message)

    with Server(broken, certificates) as server, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(server.base_url, verify=trust, trust_env=False)

    assert "a mistake of ours" in capfd.readouterr().err


def test_server_that_was_stopped_starts_on_its_port_again(dfe: Start) -> None:
    """An outage in the middle of a run, and its end."""
    running = dfe()

    running.server.stop()
    with pytest.raises(httpx.TransportError):
        running.post(message())

    running.server.start()
    assert running.post(message()).status_code == 201


def test_stop_waits_for_the_answer_in_hand(certificates: Certificates, trust: ssl.SSLContext) -> None:
    """What uses the store must have ended before the store is closed."""
    asked, go_on, ended = Event(), Event(), Event()

    def answer(_: Request) -> Answer:
        asked.set()
        go_on.wait(5)
        ended.set()
        return Answer(200, {})

    server = Server(answer, certificates)
    server.start()
    with closing(connect(server, trust)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert asked.wait(5)
        stopping = Thread(target=server.stop)
        stopping.start()
        stopping.join(0.2)
        assert stopping.is_alive()
        go_on.set()
        stopping.join()

    assert ended.is_set()


def test_stop_before_the_start_does_nothing(certificates: Certificates) -> None:
    """A start that failed is followed by a stop."""
    Server(application, certificates).stop()


def test_port_in_use_is_told(certificates: Certificates) -> None:
    """Most often it is a sandbox in another window."""
    with Server(application, certificates) as server, pytest.raises(SettingsError) as raised:
        Server(application, certificates, port=server.port).start()

    problem = raised.value.problem
    assert (problem.code, problem.case, problem["port"]) == ("SANDBOX", "port", f"{server.port}")
    assert problem["why"] == "address already in use"


def test_free_port_can_be_listened_on(certificates: Certificates) -> None:
    """The settings are written before the server starts."""
    port = free_port()

    with Server(application, certificates, port=port) as server:
        assert (server.base_url, server.token_url) == (
            f"https://localhost:{port}",
            f"https://localhost:{port}/oauth/token",
        )


def test_port_that_is_taken_is_not_free(certificates: Certificates) -> None:
    """`attsync demo` while a sandbox runs in another window."""
    with Server(application, certificates) as server:
        port = int(server.base_url.rpartition(":")[2])

        assert free_port(port) != port
    assert free_port(port) == port
