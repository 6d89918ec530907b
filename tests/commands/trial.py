"""A made-up school, a pretend DfE and the commands in one process, at one moment: Monday 23 November 2026, 10:20."""

import json
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import chdir, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

import time_machine
from time_machine import Traveller

from attsync.accounts import who
from attsync.sandbox.faults import Fault
from attsync.sandbox.folder import Sandbox, open_folder
from attsync.sandbox.sample_school import correct_marks
from tests.installed import Ended, copied, here, port

MONDAY = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)
_LATER = timedelta(seconds=20)
"""After what was prepared: a clock that goes back stops a send."""
URN = 900023
SCHOOL = "Oakfield Primary School (900023)"


class Ran(Ended):
    """How a command ended, and what it said."""

    @property
    def screen(self) -> str:
        """Return standard output without what differs from run to run: how long things took, receipts, references."""
        text = re.sub(r"\d+\.\d s", "0.0 s", self.out)
        text = re.sub(r"took [\d.]+ s", "took 0.1 s", text)
        text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "a-reference", text)
        text = re.sub(r"\b[0-9a-f]{8}\b(?!-)", "7c1e0000", text)
        text = re.sub(r"\b[0-9a-f]{12}\b(?!-)", "b0a711ce0000", text)  # of a notice, which names the port
        text = re.sub(r"\b10:2[0-9]:[0-9]{2}", "10:20:00", text)
        return re.sub(r"localhost:\d+", "localhost:8443", text).replace(who({}).account, "sam")

    @property
    def json(self) -> Any:  # noqa: ANN401  whatever the document holds
        """Read standard output as one JSON document."""
        return json.loads(self.out)


@dataclass
class Trial:
    """A sandbox folder that is being served, and a clock that can be moved."""

    folder: Path
    sandbox: Sandbox
    clock: Traveller

    def __call__(self, *words: str, columns: int = 100, charset: str = "utf-8", **environment: str) -> Ran:
        """Run a command with the settings of the folder."""
        environment = {"COLUMNS": str(columns)} | environment
        with chdir(self.folder):  # a short name, wherever the tests run: lines break the same
            ended = here(*words, config=Path("config.toml"), charset=charset, **environment)
        return Ran(ended.exit_code, ended.out, ended.err)

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "config.toml"

    @property
    def log(self) -> Path:
        """The log."""
        return self.folder / "attsync.db"

    def change(self, *changes: tuple[str, str]) -> None:
        """Change the settings file: each old text, which must be there, into a new one."""
        text = self.config.read_text()
        for old, new in changes:
            assert old in text, f"{old} is not in the settings"
            text = text.replace(old, new)
        self.config.write_text(text)

    def school(self, statement: str, values: Iterable[object] = ()) -> list[Any]:
        """Run a statement in the school's database."""
        with closing(sqlite3.connect(self.folder / "school.db")) as school, school:
            return school.execute(statement, tuple(values)).fetchall()

    def logged(self, statement: str) -> list[Any]:
        """Query the log, as the sqlite3 program does: it has a function that uncompresses a message."""
        with closing(sqlite3.connect(self.log)) as log:
            log.create_function("sqlar_uncompress", 2, lambda content, _size: zlib.decompress(content))
            return log.execute(statement).fetchall()

    def move_to(self, at: datetime) -> None:
        """Move the clock."""
        self.clock.move_to(at)

    @property
    def received(self) -> list[Any]:
        """What the pretend DfE has received."""
        return list(self.sandbox.store.received())


@contextmanager
def trial_in(
    parent: Path, *faults: Fault, at: datetime = MONDAY + _LATER, consent: bool = True, sent: int = 0
) -> Iterator[Trial]:
    """Serve a copy of a sandbox folder; with consent unless told otherwise, and sent so often, the second time changed.

    What was sent before is in the log, not in `received`.
    """
    with time_machine.travel(at, tick=True) as clock:
        is_usual = at == MONDAY + _LATER
        folder = copytree(_in(_prepared((1 + sent) * consent * is_usual)), parent / "trial")
        with open_folder(folder, faults=faults) as sandbox:
            started = Trial(folder, sandbox, clock)
            if consent and not is_usual:
                assert started("consent", "grant", "--yes").exit_code == 0
            yield started


@cache
def _prepared(steps: int) -> "TemporaryDirectory[str]":
    """Return a folder, made once a worker, in which so many steps were done on Monday at 10:20."""
    made = TemporaryDirectory()
    folder = _in(made)
    if not steps:
        copied(folder, MONDAY.date(), number=_port())
        return made
    copytree(_in(_prepared(steps - 1)), folder)
    with time_machine.travel(MONDAY, tick=True) as clock, open_folder(folder) as sandbox:
        trial = Trial(folder, sandbox, clock)
        if steps == 3:
            correct_marks(folder / "school.db", MONDAY.date())
        assert trial(*(("consent", "grant", "--yes") if steps == 1 else ("send",))).exit_code == 0
    return made


def _in(made: "TemporaryDirectory[str]") -> Path:
    return Path(made.name) / "trial"


@cache
def _port() -> int:
    """Return one port for the trials of this worker, one after the other: consents and messages name their receiver."""
    return port()


def mark(trial: Trial, day: str, mark: str, *, session: str = "Morning", year: str = "Year 4", pupils: int = 3) -> None:
    """Enter `mark` for some pupils of a year group."""
    trial.school(
        "UPDATE roll_call_marks SET mark = ? WHERE rowid IN (SELECT rowid FROM roll_call_marks"
        " WHERE mark_date = ? AND session = ? AND year_group = ? AND mark = 'PRES' ORDER BY pupil_id LIMIT ?)",
        (mark, day, session, year, pupils),
    )
