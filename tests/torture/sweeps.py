"""The sweeps: a whole run is made to fail at its first step, its second, its third ... and then run again.

Each sweep takes the steps that it is to try, so that the test suite can take a few and `make torture` all.
"""

import os
import signal
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

from attsync.sandbox.faults import Fault
from attsync.sandbox.server import Certificates
from tests.factories import OAKFIELD, pretend_dfe
from tests.torture.runner import Ended, Runner
from tests.torture.scene import SECRETS, Scene, found_secrets, scene

ALWAYS = {0, 1, 5, 9}
_RUN_SECONDS, _GRACE_SECONDS = 1, 15
"""The deadline of a run whose database hangs, and how much later it may end (P7)."""
_KILL = {"act": "signal", "signal": signal.SIGKILL}


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
    schools: int = 1
    connections: int = 1
    days: int = 3
    answer_seconds: float = 0.0
    """How long the DfE takes: while all senders wait for it, messages gather and share a commit."""
    number: int = 0

    def of(self, schools: int, connections: int, days: int = 3, answer_seconds: float = 0.0) -> "Place":
        """Return a place for scenes with more schools or more senders."""
        folder = self.folder / f"{schools}-{connections}"
        return Place(self.attsync, folder, self.certificates, schools, connections, days, answer_seconds)

    def of_many(self) -> "Place":
        """Return a place for scenes with a hundred schools: their messages share commits, all senders work."""
        return self.of(schools=100, connections=8, days=2, answer_seconds=0.02)

    def scene(self, *, has_consent: bool = True) -> AbstractContextManager[Scene]:
        """Make a new scene."""
        self.number += 1
        slow = [Fault.SLOW] * self.schools * self.days if self.answer_seconds else []
        return scene(
            self.folder / f"{self.number}",
            self.certificates,
            *slow,
            schools=self.schools,
            connections=self.connections,
            number_of_days=self.days,
            has_consent=has_consent,
            pause=lambda _: sleep(self.answer_seconds),
        )


def steps_of_a_run(place: Place) -> list[str]:
    """Run once, undisturbed, and name its steps."""
    with place.scene() as new:
        ended = place.attsync(new.folder, "send", "--quiet")
        assert ended.exit_code == 0, ended.said
        assert new.wrong() == []
        return ended.steps


def in_each_phase(names: list[str], number: int) -> list[int]:
    """Choose steps of a long run: `number` of each name, spread over the whole of it, and the last of all."""
    chosen = {len(names)}
    for name in dict.fromkeys(names):
        found = [at for at, each in enumerate(names, start=1) if each == name]
        chosen.update(found[(2 * part + 1) * len(found) // (2 * number)] for part in range(number))
    return sorted(chosen)


def kill(place: Place, steps: Iterable[int], names: list[str]) -> Tally:
    """Kill a run at each of `steps`, then run again; in every other case after a late correction."""
    return _sweep(place, steps, names, _KILL, {-signal.SIGKILL, 0})


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


def hang(place: Place, steps: Iterable[int], names: list[str]) -> Tally:
    """Let the school's database hang at each of `steps` that is a statement on it: the run ends at its deadline."""
    statements = [at for at in steps if names[at - 1] == "school statement"]
    return _sweep(place, statements, names, {"act": "hang", "run_seconds": _RUN_SECONDS}, {3, 5})


def jump(place: Place, steps: Iterable[int], names: list[str]) -> Tally:
    """Set the clock to another time at each of `steps`: hours or a day, ahead or back; then it is right again."""
    tally = Tally()
    for at in steps:
        seconds = (3, -3, 24, -24)[at % 4] * 3600
        # 2: another date, or before the newest run. 0: the day was over, or the date is the same.
        found = _sweep(place, [at], names, {"act": "jump", "seconds": seconds}, {0, 2})
        tally.add("", [])
        tally.wrong += [f"{seconds // 3600} h at {what}" for what in found.wrong]
    return tally


def limit(place: Place, sizes: Iterable[int]) -> Tally:
    """Let no file grow beyond each of `sizes`: real errors of the disk, at every write of SQLite."""
    tally = Tally()
    for size in sizes:
        with place.scene() as new:
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
        with place.scene() as new:
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
        with place.scene(has_consent=False) as new:
            plan = {"act": "signal", "signal": signal.SIGKILL, "at": at}
            first = place.attsync(new.folder, "consent", "grant", "--yes", "--quiet", plan=plan)
            wrong = [] if first.exit_code in (-signal.SIGKILL, 0) else [f"exit {first.exit_code}: {first.said}"]
            second = place.attsync(new.folder, "consent", "grant", "--yes", "--quiet")
            if (second.exit_code, second.said) != (0, ""):
                wrong.append(f"second grant {second.exit_code}: {second.said}")
            tally.add(f"grant {at}", [*wrong, *again(place, new)])
    return tally


def restore(place: Place, steps: Iterable[int], names: list[str]) -> Tally:
    """Put yesterday's log back after a run that was killed at each of `steps`, and correct once more before the next.

    What the killed run sent is not in that log: a code that it sent, and that is gone since, has to be sent as 0.
    """
    tally = Tally()
    for at in steps:
        with place.scene() as new:
            wrong = again(place, new)
            new.keep_log(a_day_old=True)
            new.correct()
            first = place.attsync(new.folder, "send", "--quiet", plan=_KILL | _point(at, names))
            wrong += honest(new, first, {-signal.SIGKILL, 0})
            new.correct("V", of="L")
            new.restore_log()
            second = place.attsync(new.folder, "send", "--quiet")
            wrong += [] if second.exit_code == 0 else [f"second run {second.exit_code}: {second.said}"]
            # Not the log against the receiver: that the log has forgotten a request is the point.
            wrong += [*new.wrong_counts(), *new.wrong_keys(), *found_secrets(new.folder, SECRETS)]
            tally.add(f"{at} {names[at - 1]}", wrong)
    return tally


def move(place: Place, steps: Iterable[int], names: list[str]) -> Tally:
    """Change the receiver after a run that was killed at each of `steps`, then change it back.

    Each of the two has everything after its send; what one of them confirmed says nothing about the other.
    """
    tally = Tally()
    for at in steps:
        with place.scene() as new, pretend_dfe(place.certificates) as other:
            first = place.attsync(new.folder, "send", "--quiet", plan=_KILL | _point(at, names))
            wrong = honest(new, first, {-signal.SIGKILL, 0})
            here = new.dfe
            for receiver in (other, here):
                new.change_receiver(receiver)
                asked = place.attsync(new.folder, "send", "--quiet")
                if asked.exit_code != 7 or "CONSENT-CHANGED" not in asked.said:
                    wrong.append(f"sent to another receiver without asking: {asked}")
                place.attsync(new.folder, "consent", "grant", "--yes", "--quiet")
                new.correct()
                wrong += again(place, new)
            tally.add(f"{at} {names[at - 1]}", wrong)
    return tally


def revoke(place: Place, other: Runner, steps: Iterable[int], names: list[str]) -> Tally:
    """Remove one school's consent while a run stands at each of `steps`.

    No request of it starts after the removal has returned; the other schools go on.
    """
    tally = Tally()
    for at in steps:
        with place.scene() as new:
            tally.add(f"{at} {names[at - 1]}", _revoke(place, other, new, _point(at, names)))
    return tally


def _revoke(place: Place, other: Runner, new: Scene, point: dict[str, Any]) -> list[str]:
    here, go = new.folder / "here", new.folder / "go"
    os.mkfifo(here)
    os.mkfifo(go)
    place.attsync.start(new.folder, "send", "--quiet", plan=point | {"act": "wait", "here": str(here), "go": str(go)})
    key = here.read_text()  # the run stands still
    # Best the school whose post is about to leave, else one whose message is recorded and waits for a sender.
    recorded = new.urns("sending") or new.urns()
    urn = recorded.get(key) or next(reversed(recorded.values()), OAKFIELD.urn + place.schools // 2)
    other.start(new.folder, "consent", "revoke", "--school", f"{urn}", "--yes", "--quiet")
    removals: list[Ended] = []
    removal = Thread(target=lambda: removals.append(other.end()))
    removal.start()
    removal.join(_GATE_SECONDS)
    is_on_disk, seen = new.consent_is_removed(), monotonic()
    go.write_bytes(b"")
    removal.join()
    ended = place.attsync.end()
    # It waits at the gate for requests that are just starting, or still for the log.
    wrong = honest(new, ended, {0, 1, 5, 7}, but=urn)
    if removals[0].exit_code != 0:
        wrong.append(f"revoke {removals[0].exit_code}: {removals[0].said}")
    its = [at for at, key in ended.posts if new.urns()[key] == urn]
    if any(at > removals[0].at for at in its):
        wrong.append("a request started after the removal had returned")
    if is_on_disk and sum(at > seen for at in its) > place.connections:
        wrong.append("more requests started after the removal than there are senders")
    posts = len(new.posts_of(urn))
    second = place.attsync(new.folder, "send", "--quiet")
    if (second.exit_code, second.said, len(new.posts_of(urn))) != (0, "", posts):
        wrong.append(f"sent without consent: {second}")
    return wrong + new.wrong_counts(but=urn) + new.wrong_keys() + new.wrong_log() + found_secrets(new.folder, SECRETS)


_GATE_SECONDS = 0.5
"""A removal that takes longer waits for the run that stands inside the gate."""


def _point(at: int, names: list[str]) -> dict[str, Any]:
    """Name a step as a plan has it: the n-th of its kind, wherever that is in another run."""
    name = names[at - 1]
    return {"of": name, "at": names[:at].count(name)}


def _sweep(place: Place, steps: Iterable[int], names: list[str], plan: dict[str, Any], codes: set[int]) -> Tally:
    tally = Tally()
    for at in steps:
        with place.scene() as new:
            started = monotonic()
            first = place.attsync(new.folder, "send", "--quiet", plan=plan | _point(at, names))
            wrong = honest(new, first, codes)
            if "run_seconds" in plan and monotonic() - started > plan["run_seconds"] + _GRACE_SECONDS:
                wrong.append(f"ended after {monotonic() - started:.0f} s")
            if at % 2:
                new.correct()
            tally.add(f"{at} {names[at - 1]}", [*wrong, *again(place, new)])
    return tally


def honest(new: Scene, ended: Ended, codes: set[int], *, but: int | None = None) -> list[str]:
    """Look at a run that was disturbed: its exit code, its words, and a log that claims nothing false."""
    wrong = [] if ended.exit_code in codes else [f"exit {ended.exit_code}: {ended.said}"]
    if "Traceback" in ended.said or "[BUG]" in ended.said:
        wrong.append(f"traceback: {ended.said}")
    if ended.exit_code == 0 and ended.said:
        wrong.append(f"exit 0, and cron mails: {ended.said}")
    if ended.exit_code == 0 and new.wrong_counts(but):
        wrong.append("wrong outcome: exit 0, and the DfE has not got everything")
    return wrong + new.wrong_log(is_done=False)


def again(place: Place, new: Scene) -> list[str]:
    """Run once more, undisturbed: everything is right now."""
    second = place.attsync(new.folder, "send", "--quiet")
    wrong = [] if (second.exit_code, second.said) == (0, "") else [f"second run {second.exit_code}: {second.said}"]
    return wrong + new.wrong()
