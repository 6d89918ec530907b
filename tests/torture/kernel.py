"""Errors and kills inside the log's own commits, where no Python code is: put there by strace, if this machine has it.

A real disk that is full does the rest: a small tmpfs, if this account may mount one.
"""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.torture.sweeps import ALWAYS, Place, Tally, again, honest

CALLS = {
    "pwrite64": ("signal=KILL", "error=ENOSPC", "error=EIO"),
    "fdatasync": ("signal=KILL", "error=ENOSPC", "error=EIO"),
    "flock": ("signal=KILL", "error=ENOLCK"),
}
"""How SQLite writes, and how it makes sure; how requests pass the gate. With each, what is done to it."""


def has_strace() -> bool:
    """Return whether strace is there."""
    return shutil.which("strace") is not None


def calls_of_a_run(place: Place, call: str) -> int:
    """Count how often an undisturbed run makes this system call."""
    with place.scene() as new:
        traced = new.folder / "traced"
        with _tracing(place, "-o", str(traced), "-e", f"trace={call}"):
            place.attsync(new.folder, "send", "--quiet")
        return len(re.findall(rf"\b{call}\(", traced.read_text()))


def inject(place: Place, call: str, numbers: Iterator[int] | range, what: str) -> Tally:
    """Disturb the n-th of these calls: `what` is such as error=ENOSPC or signal=KILL."""
    tally = Tally()
    codes = {-signal.SIGKILL, 0} if what.startswith("signal") else ALWAYS
    for number in numbers:
        with place.scene() as new:
            rule = f"inject={call}:{what}:when={number}"
            with _tracing(place, "-o", "/dev/null", "-e", f"trace={call}", "-e", rule):
                first = place.attsync(new.folder, "send", "--quiet")
            tally.add(f"{rule}", [*honest(new, first, codes), *again(place, new)])
    return tally


def full_disk(place: Place, sizes: range) -> Tally:
    """Run with the log on a disk that has so many KiB left; then find some room, and run again."""
    tally = Tally()
    for size in sizes:
        with place.scene() as new:
            state = new.settings.log.path.parent
            with _small_disk(state, size):
                first = place.attsync(new.folder, "send", "--quiet")
                subprocess.run(["mount", "-o", "remount,size=10m", str(state)], check=True)
                tally.add(f"{size} KiB left", [*honest(new, first, ALWAYS), *again(place, new)])
    return tally


def can_mount(folder: Path) -> bool:
    """Return whether this account may mount a disk."""
    try:
        with _small_disk(folder, 64):
            return True
    except subprocess.CalledProcessError:
        return False


@contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    files = [(file.name, file.read_bytes()) for file in folder.iterdir()]
    used = sum(-(-len(content) // 4096) * 4 for _, content in files)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"mode=700,size={used + size}k", "tmpfs", str(folder)],
        check=True,
        capture_output=True,
    )
    try:
        for name, content in files:
            (folder / name).write_bytes(content)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _tracing(place: Place, *options: str) -> Iterator[None]:
    number = str(place.attsync.number)
    with subprocess.Popen(["strace", "-f", "-p", number, *options], stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr
        said = tracer.stderr.readline()
        assert "attached" in said, said
        yield
        tracer.send_signal(signal.SIGINT)
        tracer.stderr.read()
