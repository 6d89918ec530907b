"""The program, installed or in this process, and a folder to try it on."""

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from random import randrange
from shutil import copytree
from tempfile import TemporaryDirectory

from click.testing import CliRunner

from attsync.accounts import who
from attsync.commands import attsync as program
from attsync.commands.demo import AFTERNOON
from attsync.sandbox.faults import Fault
from attsync.sandbox.folder import EXAMPLE_PORT, Sandbox, make_folder, open_folder
from attsync.sandbox.server import free_port
from attsync.window import LONDON
from tests.torture.runner import Runner

PROGRAM = Path(sys.executable).with_name("attsync")


@dataclass(frozen=True)
class Ended:
    """How a process ended, and every byte that it said."""

    exit_code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Return both streams."""
        return self.out + self.err


def attsync(*words: str, config: Path | None = None, **environment: str) -> Ended:
    """Run the program in a process of its own, without a terminal; an error of Python's own is always a failure."""
    ended = forked(*words, config=config, environment={"PYTHONUTF8": "1", **of_the_tests(), **environment})
    assert "Traceback" not in ended.said
    assert "[BUG]" not in ended.err, ended.err
    return ended


def forked(
    *words: str,
    config: Path | None = None,
    environment: dict[str, str] | None = None,
    streams: dict[int, str] | None = None,
) -> Ended:
    """Run the program in a fork of a process that has imported it: half a second faster than `PROGRAM`."""
    options = ["--config", str(config)] if config else []
    with TemporaryDirectory() as folder:
        ended = runner()(
            Path(folder), *words, *options, environment=environment or {}, streams=streams, program=str(PROGRAM)
        )
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


@cache
def runner() -> Runner:
    """Start the process that commands are forked from, once a worker."""
    started = Runner().__enter__()
    atexit.register(started.__exit__)
    return started


def here(
    *words: str, config: Path | None = None, typed: str | None = None, charset: str = "utf-8", **environment: str
) -> Ended:
    """Run the program in this process, a second faster; only what attsync says for itself may end it."""
    options = ["--config", str(config)] if config else []
    ran = CliRunner(charset=charset, env=environment).invoke(program, [*words, *options], input=typed)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exc_info
    return Ended(ran.exit_code, ran.stdout, ran.stderr)


@contextmanager
def served(folder: Path, *faults: Fault, consent: bool = False) -> Iterator[Sandbox]:
    """Serve a sandbox folder for the real today over TLS."""
    now = datetime.now(UTC).astimezone(LONDON)
    config = copied(folder, now.date(), afternoon=now.hour >= AFTERNOON)
    with open_folder(folder, faults=faults) as sandbox:
        if consent:
            assert here("consent", "grant", "--yes", config=config).exit_code == 0
        yield sandbox


def copied(folder: Path, today: date, *, afternoon: bool = False, number: int = 0) -> Path:
    """Copy a sandbox folder, made once a session, with a port of its own or this one; return its settings file."""
    config = Path(copytree(_made(today, afternoon=afternoon).name, folder)) / "config.toml"
    config.write_text(config.read_text().replace(str(EXAMPLE_PORT), str(number or port())))
    return config


def port() -> int:
    """Return a free port, none of those that the system gives to connections: no other test takes it meanwhile."""
    return free_port(randrange(20_000, 32_000))  # noqa: S311


@cache
def _made(today: date, *, afternoon: bool) -> "TemporaryDirectory[str]":
    made = TemporaryDirectory()
    make_folder(Path(made.name), today=today, username=who({}).account, afternoon=afternoon)
    return made


def of_the_tests() -> dict[str, str]:
    """Return what a test needs for itself: which attsync it tests, where coverage writes, and whom it trusts."""
    names = ("PYTHONPATH", "COVERAGE", "SSL_CERT_FILE")
    return {name: value for name, value in os.environ.items() if name.startswith(names)}
