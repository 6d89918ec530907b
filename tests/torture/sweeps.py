"""The sweeps: a whole run is made to fail at its first step, its second, its third ... and then run again.

Each sweep takes the steps that it is to try, so that the test suite can take a few and `make torture` all.
"""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

from attsync.sandbox.server import Certificates
from tests.torture.runner import Ended, Runner
from tests.torture.scene import SECRETS, Scene, found_secrets, scene

ALWAYS = {0, 1, 5, 9}


@dataclass
class Tally:
    """What a sweep found."""

    tried: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, where: str, wrong: Iterable[str]) -> None:
        """Count one more try."""
        self.tried += 1
        self.wrong += [f"{where}: {what}" for what in wrong]


@dataclass
class Place:
    """Where sweeps take place."""

    attsync: Runner
    folder: Path
    certificates: Certificates
    number: int = 0

    def new(self) -> Path:
        """Give a folder that does not exist yet."""
        self.number += 1
        return self.folder / f"{self.number}"


def steps_of_a_run(place: Place, connections: int = 1) -> list[str]:
    """Run once, undisturbed, and name its steps."""
    with scene(place.new(), place.certificates, connections=connections) as new:
        ended = place.attsync(new.folder, "send", "--quiet")
        assert ended.exit_code == 0, ended.said
        assert new.wrong() == []
        return ended.steps


def kill(place: Place, steps: Iterable[int], names: list[str], *, connections: int = 1) -> Tally:
    """Kill a run at each of `steps`, then run again; in every other case after a late correction."""
    plan = {"act": "signal", "signal": signal.SIGKILL}
    return _sweep(place, steps, names, plan, {-signal.SIGKILL, 0}, connections=connections)


def stop(place: Place, steps: Iterable[int], names: list[str]) -> Tally:
    """Stop a run by a signal at each of `steps`, one signal after the other."""
    tally = Tally()
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for at in steps:
        number = signals[at % 3]
        plan = {"act": "signal", "signal": number}
        found = _sweep(place, [at], names, plan, {128 + number, 0})
        tally.add("", [])
        tally.wrong += found.wrong
    return tally


def fail(place: Place, steps: Iterable[int], names: list[str], error: str) -> Tally:
    """Let the log fail at each of `steps` that is a statement on it, as a full disk would or a broken one."""
    statements = [at for at in steps if names[at - 1].startswith("sqlite ")]
    return _sweep(place, statements, names, {"act": "fail", "error": error}, ALWAYS)


def limit(place: Place, sizes: Iterable[int]) -> Tally:
    """Let no file grow beyond each of `sizes`: real errors of the disk, at every write of SQLite."""
    tally = Tally()
    for size in sizes:
        with scene(place.new(), place.certificates) as new:
            first = place.attsync(new.folder, "send", "--quiet", largest_file=size)
            tally.add(f"{size} bytes", [*honest(new, first, ALWAYS), *again(place, new)])
    return tally


def at_random(place: Place, seed: int, times: int, seconds: float) -> Tally:
    """Send signals after random times, SIGKILL among them."""
    random = Random(seed)  # noqa: S311  the same seed gives the same moments
    tally = Tally()
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)
    for _ in range(times):
        number, after = random.choice(signals), random.uniform(0, seconds)
        with scene(place.new(), place.certificates, connections=3, number_of_days=6) as new:
            process = place.attsync.start(new.folder, "send", "--quiet")
            Event().wait(after)
            with suppress(ProcessLookupError):  # it was quicker
                os.kill(process, number)
            ended = place.attsync.end()
            # In its first moments the child is a fork that has not yet become attsync.
            codes = {128 + number, -number, 0}
            tally.add(f"{number.name} after {after:.3f} s", [*honest(new, ended, codes), *again(place, new)])
    return tally


def grant(place: Place, steps: Iterable[int]) -> Tally:
    """Kill the very first command, which also makes the log, at each of `steps`; then give consent, and send."""
    tally = Tally()
    for at in steps:
        with scene(place.new(), place.certificates, has_consent=False) as new:
            plan = {"act": "signal", "signal": signal.SIGKILL, "at": at}
            first = place.attsync(new.folder, "consent", "grant", "--yes", "--quiet", plan=plan)
            wrong = [] if first.exit_code in (-signal.SIGKILL, 0) else [f"exit {first.exit_code}: {first.said}"]
            second = place.attsync(new.folder, "consent", "grant", "--yes", "--quiet")
            if (second.exit_code, second.said) != (0, ""):
                wrong.append(f"second grant {second.exit_code}: {second.said}")
            tally.add(f"grant {at}", [*wrong, *again(place, new)])
    return tally


def revoke(place: Place, other: Runner, steps: Iterable[int], names: list[str]) -> Tally:
    """Remove consent while a run stands at each of `steps`; no request starts after the removal has returned."""
    tally = Tally()
    for at in steps:
        with scene(place.new(), place.certificates) as new:
            tally.add(f"{at} {names[at - 1]}", _revoke(place, other, new, at))
    return tally


def _revoke(place: Place, other: Runner, new: Scene, at: int) -> list[str]:
    here, go = new.folder / "here", new.folder / "go"
    os.mkfifo(here)
    os.mkfifo(go)
    place.attsync.start(new.folder, "send", "--quiet", plan={"at": at, "act": "wait", "here": str(here), "go": str(go)})
    here.read_bytes()  # the run stands at its step
    other.start(new.folder, "consent", "revoke", "--yes", "--quiet")
    removals: list[Ended] = []
    removal = Thread(target=lambda: removals.append(other.end()))
    removal.start()
    removal.join(_GATE_SECONDS)
    most = 0 if not removal.is_alive() else 1 if new.consent_is_removed() else len(new.dfe.posts) + 9
    go.write_bytes(b"")
    removal.join()
    ended = place.attsync.end()
    later = ended.steps[at:].count("send POST")
    wrong = honest(new, ended, {0, 1, 5, 7}, is_all=False)
    if removals[0].exit_code != 0:
        wrong.append(f"revoke {removals[0].exit_code}: {removals[0].said}")
    if later > most:  # it waits at the gate for the one that is just starting, or still for the log
        wrong.append(f"{later} requests started after the removal")
    posts = len(new.dfe.posts)
    second = place.attsync(new.folder, "send", "--quiet")
    if (second.exit_code, second.said, len(new.dfe.posts)) != (0, "", posts):
        wrong.append(f"sent without consent: {second}")
    return wrong + new.wrong_log() + found_secrets(new.folder, SECRETS)


_GATE_SECONDS = 0.5
"""A removal that takes longer waits for the run that stands inside the gate."""


def _sweep(
    place: Place, steps: Iterable[int], names: list[str], plan: dict[str, Any], codes: set[int], connections: int = 1
) -> Tally:
    tally = Tally()
    for at in steps:
        with scene(place.new(), place.certificates, connections=connections) as new:
            first = place.attsync(new.folder, "send", "--quiet", plan=plan | {"at": at})
            wrong = honest(new, first, codes)
            if at % 2:
                new.correct()
            tally.add(f"{at} {names[at - 1]}", [*wrong, *again(place, new)])
    return tally


def honest(new: Scene, ended: Ended, codes: set[int], *, is_all: bool = True) -> list[str]:
    """Look at a run that was disturbed: its exit code, its words, and a log that claims nothing false."""
    wrong = [] if ended.exit_code in codes else [f"exit {ended.exit_code}: {ended.said}"]
    if "Traceback" in ended.said or "[BUG]" in ended.said:
        wrong.append(f"traceback: {ended.said}")
    if is_all and ended.exit_code == 0 and new.wrong_counts():
        wrong.append("wrong outcome: exit 0, and the DfE has not got everything")
    return wrong + new.wrong_log(is_done=False)


def again(place: Place, new: Scene) -> list[str]:
    """Run once more, undisturbed: everything is right now."""
    second = place.attsync(new.folder, "send", "--quiet")
    wrong = [] if (second.exit_code, second.said) == (0, "") else [f"second run {second.exit_code}: {second.said}"]
    return wrong + new.wrong()
