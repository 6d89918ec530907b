"""Keeps the tests on this machine: no other computer is called, and none can call in.

Python's own audit events are watched, so that no library goes round it. A driver written in C is not seen (psycopg);
tests/engines.py names the addresses that it is given.
"""

import socket
import sys
from ipaddress import ip_address
from typing import Any


class NetworkUsedError(RuntimeError):
    """A test went for the network."""


def refuse() -> None:
    """Refuse it from now on; this cannot be taken back in the same process."""
    sys.addaudithook(_check)


def _check(event: str, values: tuple[Any, ...]) -> None:
    match event:
        case "socket.connect" | "socket.bind" | "socket.sendto" | "socket.sendmsg":
            connection, address = values
            if connection.family in {socket.AF_INET, socket.AF_INET6} and address and not _is_here(address[0]):
                _refuse(event, address[0])
        case "socket.getaddrinfo" | "socket.gethostbyname" | "socket.gethostbyaddr":
            if values[0] and not _is_here(values[0]):
                _refuse(event, values[0])


def _is_here(host: object) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _refuse(event: str, host: object) -> None:
    message = f"{event} {host}: tests stay on this machine"
    raise NetworkUsedError(message)
