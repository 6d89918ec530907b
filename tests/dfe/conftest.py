"""Runs and connections to a pretend DfE, and to strangers, as fixtures."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from attsync.consent import ActiveConsent
from attsync.deadline import Deadline
from attsync.dfe import Dfe, trusted
from attsync.dfe.connection import Connection
from attsync.dfe.network import Permit
from attsync.log import ConsentRow
from attsync.model import Body, Outcome
from attsync.problems import Problem
from attsync.sandbox.faults import Fault
from attsync.sandbox.server import Certificates
from attsync.settings import Settings
from attsync.wire import build
from tests.factories import NOON, OAKFIELD, credentials, day, pretend_dfe, settings
from tests.torture.stranger import Identity, Stranger, make_identity


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Make the certificates of strangers, right and wrong, once for all tests."""
    return make_identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def deadline() -> Iterator[Deadline]:
    """Return a deadline that is far away."""
    with Deadline(600) as made:
        yield made


def consent(action: Literal["given", "removed"] = "given") -> ActiveConsent:
    """Return a consent as `active_consent` would."""
    row = ConsentRow(
        school=OAKFIELD,
        action=action,
        person="head",
        username=None,
        login_uid=None,
        role=None,
        reason=None,
        receiver="https://localhost",
        data_set=1,
        window_count="working",
        year_groups=True,
        notice=1,
        at=NOON,
    )
    return ActiveConsent(row)


def a_body(**codes: int) -> Body:
    """Make a message."""
    made = build(OAKFIELD, day(**codes), {})
    assert isinstance(made, Body)
    return made


def case_of(problem: Problem | None) -> str:
    """Return the code of a problem, and its case."""
    return " ".join(filter(None, (problem.code, problem.case))) if problem else ""


@dataclass
class Call:
    """A run under way, against the sandbox or a stranger."""

    dfe: Dfe
    settings: Settings
    pretend: Any  # a or a Stranger
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
    """Start a pretend DfE and a run against it; keywords change the settings of [dfe]."""
    with ExitStack() as running:

        def start(*faults: Fault, pretend: dict[str, Any] | None = None, **changes: Any) -> Call:  # noqa: ANN401  of settings
            other = running.enter_context(pretend_dfe(certificates, *faults, **(pretend or {})))
            loaded = settings(tmp_path, other, **changes)
            deadline = running.enter_context(Deadline(loaded.dfe.run_minutes * 60))
            dfe = running.enter_context(Dfe(loaded.dfe, credentials(loaded), deadline))
            return Call(dfe, loaded, other)

        yield start


@pytest.fixture
def meet(identity: Identity, tmp_path: Path, deadline: Deadline) -> Callable[..., AbstractContextManager[Call]]:
    """Start a run against a stranger; keywords are the stranger's, `changes` those of [dfe]."""

    @contextmanager
    def start(kind: type[Dfe] = Dfe, changes: dict[str, Any] | None = None, **behaviour: Any) -> Iterator[Any]:  # noqa: ANN401
        with Stranger(behaviour.pop("certificate", identity.good), **behaviour) as server:
            loaded = settings(
                tmp_path, origin=server.origin, path="/token", **{"ca_file": identity.ca} | (changes or {})
            )
            with kind(loaded.dfe, credentials(loaded), deadline) as dfe:
                yield Call(dfe, loaded, server)

    return start


@pytest.fixture
def connect(identity: Identity, deadline: Deadline) -> Iterator[Callable[..., Connection]]:
    """Make connections that trust the strangers' authority."""
    context = trusted(identity.ca)
    with ExitStack() as opened:

        def make(
            origin: str, *, seconds: float = 5, proxy: str | None = None, until: Deadline = deadline
        ) -> Connection:
            connection = Connection(origin, context, until, timeout_seconds=seconds, proxy=proxy)
            opened.callback(connection.close)
            return connection

        yield make
