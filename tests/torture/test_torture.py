"""The bounded form of `make torture`: of each sweep a few points, spread over the whole of it, the same each time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from tests.torture import kernel, sweeps
from tests.torture.runner import Runner
from tests.torture.stranger import Identity, Stranger
from tests.torture.strangers import cases, meet
from tests.torture.sweeps import Place, Tally

Right = Callable[[Tally], None]
T = TypeVar("T")


def some(number: int, of: Sequence[T]) -> list[T]:
    """Choose so many, one from each of `number` parts of equal length."""
    dice = Random(4)  # noqa: S311  the same each time is the point
    return [of[dice.randrange(part * len(of) // number, (part + 1) * len(of) // number)] for part in range(number)]


NAMES = some(6, [case.name for case in cases("https://localhost:9")])


@pytest.mark.parametrize("name", NAMES)
def test_stranger_gets_its_exit_code(
    name: str, attsync: Runner, identity: Identity, tmp_path: Path, right: Right
) -> None:
    """Its sentence, no secret anywhere, no other host called, little memory."""
    tally = Tally()
    with Stranger(identity.good) as other:
        (case,) = [case for case in cases(other.origin) if case.name == name]
        tally.add(name, meet(case, attsync, tmp_path / "scene", identity))
        assert other.connections == 0
    right(tally)


@pytest.mark.slow
def test_killed_run_loses_nothing(place: Place, names: list[str], right: Right) -> None:
    """SIGKILL before and after statements, locks, sends and receives; the next run makes everything right."""
    right(sweeps.kill(place, some(4, range(1, len(names) + 1)), names))


def test_consent_killed_half_way_can_be_given_again(place: Place, right: Right) -> None:
    """The very first command makes the log."""
    right(sweeps.grant(place, some(2, range(1, 25))))


@pytest.mark.slow
def test_restored_log_loses_nothing(place: Place, names: list[str], right: Right) -> None:
    """The log of yesterday does not know what was sent since, and what has to be sent as 0 for it."""
    right(sweeps.restore(place, some(2, range(len(names) // 3, len(names) + 1)), names))


@pytest.mark.slow
def test_each_receiver_gets_everything(place: Place, names: list[str], right: Right) -> None:
    """Also one that was left in the middle of a run, and is returned to."""
    right(sweeps.move(place, some(1, range(len(names) // 3, len(names) + 1)), names))


@pytest.mark.slow
def test_stopped_run_loses_nothing(place: Place, names: list[str], right: Right) -> None:
    """SIGTERM, SIGINT, SIGHUP."""
    right(sweeps.stop(place, some(4, range(10, len(names) + 1)), names))


@pytest.mark.slow
def test_failing_log_loses_nothing(place: Place, names: list[str], right: Right) -> None:
    """A full disk, a broken disk, a limit on the size of files."""
    statements = [at for at, name in enumerate(names, start=1) if name.startswith("sqlite ")]
    full, broken = some(2, statements)

    right(sweeps.fail(place, [full], names, "SQLITE_FULL"))
    right(sweeps.fail(place, [broken], names, "SQLITE_IOERR"))
    right(sweeps.limit(place, [40_000]))


@pytest.mark.slow
def test_database_that_hangs_ends_a_run_at_its_deadline(place: Place, names: list[str], right: Right) -> None:
    """In its last statement: its first ones are in tests/database/test_engine.py."""
    statements = [at for at, name in enumerate(names, start=1) if name == "school statement"]
    right(sweeps.hang(place, [statements[-1]], names))


@pytest.mark.slow
def test_clock_that_jumps_loses_nothing(place: Place, names: list[str], right: Right) -> None:
    """Hours ahead, which is another date late in the day, and a day back."""
    right(sweeps.jump(place, [4 * 10, 4 * 10 + 3], names))


@pytest.mark.slow
def test_removed_consent_stops_the_next_request(place: Place, names: list[str], right: Right) -> None:
    """At any moment of a run, also from outside of it."""
    first = names.index("send POST")
    with Runner() as other:
        right(sweeps.revoke(place, other, [first + 3], names))


def test_full_disk_loses_nothing(place: Place, tmp_path: Path, right: Right) -> None:
    """A real one, where this account may mount it."""
    if not kernel.can_mount(tmp_path / "mount"):
        pytest.skip("this account may not mount a disk")

    right(kernel.full_disk(place, range(60, 61)))


@pytest.mark.slow
def test_batches_lose_nothing(many: Place, phases: list[str], right: Right) -> None:
    """Killed while a batch is recorded, between two requests and while answers are recorded; stopped; disk full."""

    def middle(name: str) -> int:
        found = [at for at, each in enumerate(phases, start=1) if each == name]
        return found[len(found) // 2]

    kills = [middle(name) for name in ("after COMMIT", "send POST", "sqlite UPDATE")]
    right(sweeps.kill(many, kills, phases))
    right(sweeps.stop(many, [middle("after recv")], phases))
    right(sweeps.fail(many, [middle("sqlite INSERT")], phases, "SQLITE_FULL"))


@pytest.mark.slow
def test_removed_consent_of_one_school_stops_its_batch(many: Place, phases: list[str], right: Right) -> None:
    """Its messages are on disk and wait for a sender; the other schools go on."""
    with Runner() as other:
        right(sweeps.revoke(many, other, [len(phases) // 2], phases))
