"""What the bounded form of the torture needs: commands that start at once, and certificates."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from attsync.sandbox.server import Certificates, make_certificates
from tests.torture.runner import Runner
from tests.torture.stranger import Identity, make_identity
from tests.torture.sweeps import Place


@pytest.fixture(scope="session")
def attsync() -> Iterator[Runner]:
    """Run commands, each in a process of its own."""
    with Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make the certificates once for all tests."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Make certificates, right and wrong."""
    return make_identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def place(attsync: Runner, certificates: Certificates, tmp_path: Path) -> Place:
    """Give sweeps a place."""
    return Place(attsync, tmp_path / "scenes", certificates)
