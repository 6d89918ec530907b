"""The safety nets of the test suite hold: no network, and no one's own settings."""

import os
import socket
from pathlib import Path

import pytest

from tests.network import NetworkUsedError


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "169.254.169.254"])
def test_no_other_computer_is_called(address: str) -> None:
    """A test that reaches the network may pass here and fail elsewhere, or send something somewhere."""
    with socket.socket() as caller, pytest.raises(NetworkUsedError, match=address):
        caller.connect((address, 443))


def test_no_other_computer_is_called_over_ipv6() -> None:
    """The newer way out is shut as well."""
    with socket.socket(socket.AF_INET6) as caller, pytest.raises(NetworkUsedError):
        caller.connect(("2001:db8::1", 443))


def test_nothing_is_sent_without_a_connection() -> None:
    """Datagrams need no connection."""
    with socket.socket(type=socket.SOCK_DGRAM) as sender, pytest.raises(NetworkUsedError):
        sender.sendto(b"", ("192.0.2.1", 53))


def test_no_name_is_looked_up() -> None:
    """A look-up alone tells someone else what is being run."""
    with pytest.raises(NetworkUsedError, match=r"example\.org"):
        socket.create_connection(("example.org", 443))


def test_no_other_computer_can_call_in() -> None:
    """A server of the tests listens to this machine only."""
    with socket.socket() as server, pytest.raises(NetworkUsedError):
        server.bind(("0.0.0.0", 0))  # noqa: S104  the fault that must be refused


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_may_be_called(host: str) -> None:
    """The sandbox and the database servers live here."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection((host, server.getsockname()[1])):
        pass


def test_unix_sockets_may_be_used(tmp_path: Path) -> None:
    """A PostgreSQL started for the tests answers on one."""
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as caller:
        server.bind(str(tmp_path / "s"))
        server.listen()
        caller.connect(str(tmp_path / "s"))


def test_nobodys_own_settings_are_found() -> None:
    """A developer may have a real settings file, and a real log; no test finds the way there."""
    assert not [name for name in os.environ if name.startswith(("ATTSYNC_", "XDG_"))]
    with pytest.raises(NotADirectoryError):
        (Path.home() / ".config").mkdir(parents=True)
