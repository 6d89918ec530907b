"""The sandbox as a fixture: `dfe()` starts one over TLS and signs in."""

import ssl
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from attsync.sandbox.app import Service
from attsync.sandbox.auth import Client
from attsync.sandbox.faults import Fault
from attsync.sandbox.server import Certificates, Server
from attsync.sandbox.store import Store
from tests.sandbox.pretend import Clock, Dfe


@pytest.fixture
def trust(certificates: Certificates) -> ssl.SSLContext:
    """Trust the sandbox only."""
    return ssl.create_default_context(cafile=certificates.ca)


@pytest.fixture
def dfe(certificates: Certificates, trust: ssl.SSLContext) -> Iterator[Callable[..., Dfe]]:
    """Start a sandbox that knows the client "oakfield"; `is_signed_in=False` leaves out the token."""
    with ExitStack() as running:

        def start(
            *faults: Fault,
            client: Client = Client("oakfield", "made-up"),  # noqa: B008  frozen
            subscription_key: str | None = None,
            is_signed_in: bool = True,
            path: Path | None = None,
        ) -> Dfe:
            clock = Clock()
            service = Service(
                store=Store(path),
                client=client,
                subscription_key=subscription_key,
                faults=deque(faults),
                now=clock,
                pause=clock.pause,
            )
            server = running.enter_context(Server(service.answer, certificates))
            http = running.enter_context(httpx.Client(verify=trust, base_url=server.base_url, trust_env=False))
            started = Dfe(server, service.store, http, service.faults, clock)
            if is_signed_in:
                started.sign_in()
            return started

        yield start
