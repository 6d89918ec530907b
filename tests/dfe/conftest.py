"""A run's connection to a pretend DfE as a fixture: `call(...)` starts both, `.send()` hands over a message."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from attsync.consent import Consent
from attsync.dfe import Dfe
from attsync.dfe.connection import Permit
from attsync.log import ConsentRow
from attsync.model import Body, Outcome
from attsync.sandbox.faults import Fault
from attsync.sandbox.server import Certificates, make_certificates
from attsync.settings import Settings
from attsync.wire import build
from tests.factories import NOON, OAKFIELD, PretendDfe, credentials, day, pretend_dfe, settings


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make the certificates once for all tests."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def trust(certificates: Certificates) -> ssl.SSLContext:
    """Trust the sandbox and nobody else."""
    return ssl.create_default_context(cafile=certificates.ca)


def consent() -> Consent:
    """Give a consent as `active_consent` would."""
    row = ConsentRow(
        id=1,
        school=OAKFIELD,
        given=True,
        person="head",
        username=None,
        login_uid=None,
        role=None,
        reason=None,
        receiver="https://localhost",
        data_set=1,
        notice=1,
        at=NOON,
    )
    return Consent(row)


def a_body(**codes: int) -> Body:
    """Make a message."""
    made = build(OAKFIELD, day(**codes), {})
    assert isinstance(made, Body)
    return made


@dataclass
class Call:
    """A run under way."""

    dfe: Dfe
    pretend: PretendDfe
    settings: Settings
    keys: Iterator[str] = field(default_factory=lambda: (f"key-{number}" for number in range(1000)))

    def send(self, permit: Permit = nullcontext, **codes: int) -> Outcome:
        """Send a message under a key of its own."""
        return self.dfe.send(consent(), a_body(**codes).content, next(self.keys), permit)

    @property
    def answers(self) -> list[int]:
        """The statuses of all posts."""
        return [status for status, _, _ in self.pretend.posts]


@pytest.fixture
def call(certificates: Certificates, tmp_path: Path) -> Iterator[Callable[..., Call]]:
    """Start a pretend DfE and a run against it; keywords change the settings of [dfe]. No wait takes time."""
    with ExitStack() as running:

        def start(*faults: Fault, pretend: dict[str, Any] | None = None, **changes: Any) -> Call:  # noqa: ANN401  of settings
            other = running.enter_context(pretend_dfe(certificates, *faults, **(pretend or {})))
            loaded = settings(tmp_path, other, **changes)
            dfe = running.enter_context(Dfe(loaded.dfe, credentials(loaded), longest_wait=0))
            return Call(dfe, other, loaded)

        yield start
