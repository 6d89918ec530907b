"""What the bounded form of the torture needs: commands that start at once, certificates, and the steps of a run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from attsync.sandbox.server import Certificates
from tests.conftest import TRIED
from tests.installed import runner
from tests.torture.runner import Runner
from tests.torture.stranger import Identity, make_identity
from tests.torture.sweeps import Place, Tally, steps_of_a_run


@pytest.fixture(scope="session")
def attsync() -> Runner:
    """Run commands, each in a process of its own."""
    return runner()


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Make certificates, right and wrong."""
    return make_identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def place(attsync: Runner, certificates: Certificates, tmp_path: Path) -> Place:
    """Return sweeps a place."""
    return Place(attsync, tmp_path / "scenes", certificates)


@pytest.fixture(scope="session")
def names(attsync: Runner, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Name the steps of a run that nothing disturbs."""
    return steps_of_a_run(Place(attsync, tmp_path_factory.mktemp("steps"), certificates))


@pytest.fixture
def many(place: Place) -> Place:
    """Return sweeps a place for runs of many schools."""
    return _of_some(place)


@pytest.fixture(scope="session")
def phases(attsync: Runner, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Name the steps of a run of many schools that nothing disturbs."""
    return steps_of_a_run(_of_some(Place(attsync, tmp_path_factory.mktemp("phases"), certificates)))


def _of_some(place: Place) -> Place:
    """Return a place for forty schools: eighty messages, more than share a commit."""
    return place.of(schools=40, connections=8, days=2, answer_seconds=0.02)


@pytest.fixture
def right(pytestconfig: pytest.Config) -> Callable[[Tally], None]:
    """Check that something was tried and nothing was wrong, and count it."""

    def check(tally: Tally) -> None:
        assert tally.tried
        assert tally.wrong == []
        pytestconfig.stash[TRIED] += tally.tried

    return check
