"""The bounded form of `make torture`: of each sweep a few steps that are spread over the whole run."""

from pathlib import Path

import pytest

from tests.torture import kernel, sweeps
from tests.torture.runner import Runner
from tests.torture.stranger import Identity, Stranger
from tests.torture.strangers import cases, meet
from tests.torture.sweeps import Place, Tally

NAMES = [case.name for case in cases("https://localhost:9")]


def right(tally: Tally, tried: int) -> None:
    """Check that nothing was wrong, and that something was tried at all."""
    assert tally.wrong == []
    assert tally.tried >= tried


@pytest.mark.parametrize("name", NAMES[::5])
def test_stranger_gets_its_exit_code(name: str, attsync: Runner, identity: Identity, tmp_path: Path) -> None:
    """Every fifth; its sentence, no secret anywhere, no other host called, little memory."""
    with Stranger(identity.good) as other:
        (case,) = [case for case in cases(other.origin) if case.name == name]
        assert meet(case, attsync, tmp_path / "scene", identity) == []
        assert other.connections == 0


@pytest.mark.slow
def test_killed_run_loses_nothing(place: Place) -> None:
    """SIGKILL before and after statements, locks, sends and receives; the next run makes everything right."""
    names = sweeps.steps_of_a_run(place)

    right(sweeps.kill(place, range(3, len(names), 12), names), 8)


def test_consent_killed_half_way_can_be_given_again(place: Place) -> None:
    """The very first command makes the log."""
    right(sweeps.grant(place, [2, 8, 13, 21]), 4)


@pytest.mark.slow
def test_stopped_run_loses_nothing(place: Place) -> None:
    """SIGTERM, SIGINT, SIGHUP."""
    names = sweeps.steps_of_a_run(place)

    right(sweeps.stop(place, range(10, len(names), 19), names), 5)


@pytest.mark.slow
def test_failing_log_loses_nothing(place: Place) -> None:
    """A full disk, a broken disk, a limit on the size of files."""
    names = sweeps.steps_of_a_run(place)

    right(sweeps.fail(place, range(1, len(names), 20), names, "SQLITE_FULL"), 2)
    right(sweeps.limit(place, [0, 40_000, 100_000, 200_000]), 4)


@pytest.mark.slow
def test_removed_consent_stops_the_next_request(place: Place) -> None:
    """At any moment of a run, also from outside of it."""
    names = sweeps.steps_of_a_run(place)
    first = names.index("send POST")
    with Runner() as other:
        right(sweeps.revoke(place, other, [first - 20, first - 1, first + 3], names), 3)


def test_full_disk_loses_nothing(place: Place, tmp_path: Path) -> None:
    """A real one, where this account may mount it."""
    if not kernel.can_mount(tmp_path / "mount"):
        pytest.skip("this account may not mount a disk")

    right(kernel.full_disk(place, range(0, 100, 48)), 3)
