"""`make torture`: everything, with counts at the end. Exits with 1 if anything was wrong."""

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from attsync.sandbox.server import make_certificates
from tests.torture import kernel, sweeps
from tests.torture.runner import Runner
from tests.torture.stranger import Stranger, make_identity
from tests.torture.strangers import cases, meet
from tests.torture.sweeps import Place, Tally

KINDS = {"day lost": "days lost", "wrong outcome": "wrong outcomes", "secret in": "secrets found"}


def say(text: str) -> None:
    """Print it at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run everything."""
    tallies: list[Tally] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="attsync-torture-")))
        place = Place(stack.enter_context(Runner()), folder / "scenes", make_certificates(folder))
        other = stack.enter_context(Runner())

        def run(name: str, sweep: Callable[[], Tally]) -> None:
            started = monotonic()
            tally = sweep()
            tallies.append(tally)
            say(f"{name:<58} {tally.tried:4} tried, {len(tally.wrong)} wrong, {monotonic() - started:.0f} s")
            for wrong in tally.wrong[:5]:
                say(f"    {wrong}")

        run("answers from strangers", lambda: strangers(place, folder / "strangers"))
        names = sweeps.steps_of_a_run(place)
        every = range(1, len(names) + 1)
        run("killed at each step", lambda: sweeps.kill(place, every, names))
        two = place.of(schools=2, connections=3)
        both = sweeps.steps_of_a_run(two)
        run("killed, two schools, three senders", lambda: sweeps.kill(two, range(45, len(both), 3), both))
        run("consent grant killed at each step", lambda: sweeps.grant(place, range(1, 40)))
        run("stopped by a signal at each step", lambda: sweeps.stop(place, every, names))
        run("signals at random moments", lambda: sweeps.at_random(two, seed=7, times=60, seconds=0.2))
        for error in ("FULL", "IOERR"):
            name = f"the log fails at each statement, SQLITE_{error}"
            run(name, lambda error=error: sweeps.fail(place, every, names, f"SQLITE_{error}"))  # type: ignore[misc]
        run("the school's database hangs at each statement", lambda: sweeps.hang(place, every, names))
        run("the clock jumps at each step", lambda: sweeps.jump(place, every, names))
        run("no file may grow beyond each size", lambda: sweeps.limit(place, range(0, 500_000, 4096 * 2)))
        run("yesterday's log put back after a kill at each step", lambda: sweeps.restore(place, every, names))
        run("another receiver after a kill at each step", lambda: sweeps.move(place, every, names))
        run("consent removed at each step", lambda: sweeps.revoke(place, other, every, names))
        many = place.of_many()
        phases = sweeps.steps_of_a_run(many)
        twice = sweeps.in_each_phase(phases, 2)
        run("100 schools: killed in each phase", lambda: sweeps.kill(many, sweeps.in_each_phase(phases, 3), phases))
        run("100 schools: stopped by a signal in each phase", lambda: sweeps.stop(many, twice, phases))
        run("100 schools: the log fails in each phase", lambda: sweeps.fail(many, twice, phases, "SQLITE_FULL"))
        run("100 schools: no file may grow", lambda: sweeps.limit(many, range(100_000, 700_000, 50_000)))
        run("100 schools: consent of one removed", lambda: sweeps.revoke(many, other, twice, phases))
        _in_the_kernel(place, folder, run)
    wrong = [what for tally in tallies for what in tally.wrong]
    found = Counter(words for what in wrong for sign, words in KINDS.items() if sign in what)
    say(f"\nscenarios: {tallies[0].tried} tried, {tallies[0].tried - len(tallies[0].wrong)} passed")
    say(f"kill points and faults: {sum(tally.tried for tally in tallies[1:])} tried")
    say(
        ", ".join(f"{words} {found[words]}" for words in KINDS.values())
        + f", anything else {len(wrong) - found.total()}"
    )
    return 1 if wrong else 0


def _in_the_kernel(place: Place, folder: Path, run: Callable[[str, Callable[[], Tally]], None]) -> None:
    """Disturb the system calls of a run, and its disk, where this machine can do that."""
    if kernel.can_mount(folder / "mount"):
        run("a disk with so much room left", lambda: kernel.full_disk(place, range(0, 260, 4)))
    else:
        say("a disk with so much room left: left out, this account may not mount one")
    if kernel.has_strace():
        for call in kernel.CALLS:
            numbers = range(1, kernel.calls_of_a_run(place, call) + 1)
            for what in kernel.CALLS[call]:
                run(f"{what} at each {call}", lambda c=call, n=numbers, w=what: kernel.inject(place, c, n, w))  # type: ignore[misc]
    else:
        say("inside the commits: left out, there is no strace")


def strangers(place: Place, folder: Path) -> Tally:
    """Meet all strangers; the other host that some of them name is never called."""
    folder.mkdir()
    identity = make_identity(folder)
    tally = Tally()
    with Stranger(identity.good) as other:
        for number, case in enumerate(cases(other.origin)):
            tally.add(case.name, meet(case, place.attsync, folder / f"{number}", identity)[:1])
        if other.connections:
            tally.wrong.append("another host was called")
    return tally


if __name__ == "__main__":
    sys.exit(main())
