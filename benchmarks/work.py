"""Prepares and starts the programs that are compared: settings, consent, job file, and the log each run begins with.

A folder of its own for each database; what is in it is kept for the rest of the day.
"""

import contextlib
import json
import os
import pwd
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, event

from attsync.run import send
from attsync.settings import load
from attsync.window import Window, is_working_day, window_ending
from benchmarks import logs
from benchmarks.databases import CODES, FIRST_URN, YEAR_GROUPS, Size, plain_sql, school_days, selects

HERE: Final = Path(__file__).parent
RIVALS: Final = HERE / ".venv" / "bin" / "python"
ATTSYNC: Final = (str(Path(sys.executable).with_name("attsync")),)
_SECRET: Final = "made-up-secret"  # noqa: S105
_DAYS_BEFORE: Final = 40
"""School days whose sends the log knows, though not what they sent: otherwise a send fills a gap with zeros."""
SCHOOL_YEAR: Final = 190
"""School days."""

_ODD: Final = re.compile(r"(PYTHON(?!PATH$)|ATTSYNC_|SSL_|REQUESTS_|CURL_).*|.*_proxy", re.IGNORECASE)
"""Variables that change what a program does; PYTHONPATH may name the source tree that is measured."""

_SETTINGS: Final = """
[dfe]
base_url = "https://localhost:{port}"
token_url = "https://localhost:{port}/oauth/token"
client_id = "bench"
client_secret_file = "client-secret"
ca_file = "{ca}"
connections = {connections}
run_minutes = 120
[log]
path = "{log}"
[schedule]
times = ["{first_time:%H:%M}", "{last_time:%H:%M}"]
[consent]
administrators = ["{account}"]
[[database]]
url = "{url}"
leaving_date_is = "last_day"
[database.select]
marks = "{marks}"
roll = "{roll}"
[database.codes]
{codes}
[database.year_groups]
{year_groups}
{schools}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run of one program cost."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Program:
    """One of the programs that are compared."""

    name: str
    command: list[str]
    prepare: Callable[[], None] = lambda: None
    requests: int = 0
    """How many it has to send."""
    environment: Mapping[str, str] = field(default_factory=dict)
    times_itself: bool = False
    """It prints how many seconds count."""
    exit_codes: tuple[int, ...] = (0,)

    def run(self, output: Path) -> Cost:
        """Run it once, as a whole process. Prepare it first."""
        # Nothing of this machine's environment: its certificates alone would cost some programs 25 ms, others nothing.
        plain = {name: value for name, value in os.environ.items() if not _ODD.match(name)}
        launch = [sys.executable, "-I", "-S", str(HERE / "launch.py"), *self.command]
        with output.open("wb") as file:
            done = subprocess.run(
                launch,
                stdout=file,
                stderr=subprocess.PIPE,
                env=plain | self.environment,
                check=True,
                text=True,
                timeout=1800,
            )
        *said, last = done.stderr.splitlines()
        cost = json.loads(last)
        if cost.pop("exit_code") not in self.exit_codes:
            raise SystemExit(
                "\n".join([f"{self.name} failed:", output.read_text(encoding="utf-8")[-2000:], *said[-20:]])
            )
        if self.times_itself:
            cost["wall"] = float(output.read_text(encoding="utf-8"))
        return Cost(**cost)


@dataclass(frozen=True)
class Work:
    """A folder in which all programs can be run on one database. Needs a receiver that runs."""

    folder: Path
    size: Size
    url: str
    port: int
    ca: Path
    connections: int
    today: date

    @cached_property
    def days(self) -> list[date]:
        """All days of the window."""
        return [*window_ending(self.today, 8, "working")]

    @property
    def requests(self) -> int:
        """How many requests each program must send."""
        return self.size.schools * min(self.size.days, sum(map(is_working_day, self.days)))

    @property
    def log(self) -> Path:
        """The log that attsync uses."""
        return self.folder / "attsync.db"

    # The programs

    def floor(self, sql: str = "plain", *, name: str = "floor: plain SQL") -> Program:
        """See floor.py; `sql`: plain, or that of attsync with what `statements` knows."""
        return Program(name, [sys.executable, str(HERE / "floor.py"), str(self.job), sql], requests=self.requests)

    def reading(self, sql: str, name: str) -> Program:
        """Only the statements about marks."""
        command = [sys.executable, str(HERE / "floor.py"), str(self.job), sql, "--read"]
        return Program(name, command, times_itself=True)

    def send(
        self,
        name: str = "attsync",
        log: str = "yesterday",
        *,
        config: str = "config",
        command: tuple[str, ...] = ATTSYNC,
        **environment: str,
    ) -> Program:
        """Return attsync; each run begins with the same log."""
        line = [*command, "--config", str(self.folder / f"{config}.toml"), "send", "--quiet"]
        return Program(name, line, partial(self.bring_back, log), self.requests, environment)

    def command(self, *words: str, log: str = "sent", name: str = "") -> Program:
        """Return another command of attsync, which only reads the log."""
        self.write_config(f"with-{log}", self.url, log=f"{log}.db")
        line = [*ATTSYNC, "--config", str(self.folder / f"with-{log}.toml"), *words]
        return Program(name or f"attsync {' '.join(words)}", line, partial(self.made, log), exit_codes=(0, 1, 7))

    @property
    def rivals(self) -> list[Program]:
        """Those that can be run here."""
        job, found = str(self.job), []
        if RIVALS.exists():
            scratch = self.folder / "dlt"
            quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL", "HOME": str(self.folder)}
            found += [
                Program(name, [str(RIVALS), str(HERE / f"rivals/{script}.py"), job, *more], clear, self.requests, quiet)
                for name, script, more, clear in (
                    ("pandas + requests", "pandas_requests", [], lambda: None),
                    ("ORM rows + requests", "orm_requests", [], lambda: None),
                    ("dlt", "dlt_pipeline", [str(scratch)], partial(shutil.rmtree, scratch, ignore_errors=True)),
                )
            ]
        if all(map(shutil.which, ("sqlite3", "curl"))) and self.url.startswith("sqlite"):
            script = str(HERE / "rivals/sqlite_curl.sh")
            found.append(Program("sqlite3 + curl", [script], requests=self.requests, environment=self._environment))
        return found

    # What they need

    @cached_property
    def job(self) -> Path:
        """What programs need to know that do not read the settings."""
        path = self.folder / "job.json"
        job = {
            "engine": {"mysql": "mariadb"}.get(kind := self.url.split(":", 1)[0], kind),
            "url": self.url,
            "sqlalchemy_url": self.url.replace("postgresql:", "postgresql+psycopg:").replace(
                "mysql:", "mysql+pymysql:"
            ),
            "base_url": f"https://localhost:{self.port}",
            "token_url": f"https://localhost:{self.port}/oauth/token",
            "ca": str(self.ca),
            "client_id": "bench",
            "secret": _SECRET,
            "connections": self.connections,
            "days": [day.isoformat() for day in self.days],
            "schools": self.size.urns,
            "year_groups": YEAR_GROUPS,
            "statements": {"plain": plain_sql(self.size, self.days)},
        }
        path.write_text(json.dumps(job), encoding="utf-8")
        return path

    def overhear(self, name: str, log: str | None = None, *, config: str = "config") -> None:
        """Add the statements of attsync to the job: those of a preview, or of a send that begins with `log`."""
        settings = load(self.folder / f"{config}.toml", {})
        window = Window(self.days[0], self.days[-1])
        with _heard() as heard:
            if log:
                self.bring_back(log)
                send.send(settings, window, (), lambda _: None)
            else:
                found = send.preview(settings, window, ())
                next(iter(found))
                found.close()  # type: ignore[attr-defined]  it is a generator
        (marks,) = (each for each in heard if len(each[2]) == len(("school", "day", "session", "group", "code", "n")))
        roll = max(heard, key=lambda each: len(each[2]))
        proofs = [each[:2] for each in heard if each not in (marks, roll)]
        job = json.loads(self.job.read_text(encoding="utf-8"))
        job["statements"][name] = {"marks": marks[:2], "roll": roll[:2], "proofs": proofs}
        self.job.write_text(json.dumps(job), encoding="utf-8")

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "DATABASE": urlsplit(self.url).path[1:],
            "SCHOOL": "school" if self.size.schools > 1 else "0",
            "FIRST_URN": str(FIRST_URN),
            "FIRST": self.days[0].isoformat(),
            "LAST": self.days[-1].isoformat(),
            "BASE_URL": f"https://localhost:{self.port}",
            "TOKEN_URL": f"https://localhost:{self.port}/oauth/token",
            "CA": str(self.ca),
            "CLIENT_ID": "bench",
            "SECRET": _SECRET,
        }

    def prepare(self) -> None:
        """Write the settings, and give consent for every school, as a person would: with the commands."""
        if (self.folder / "consented.db").exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        (self.folder / "client-secret").write_text(_SECRET, encoding="utf-8")
        self.write_config("config", self.url)
        self.write_config("without", self.url, pupil=False)
        (self.folder / "client-secret").chmod(0o600)
        config = str(self.folder / "config.toml")
        subprocess.run([*ATTSYNC, "--config", config, "consent", "grant", "--all", "--yes", "--quiet"], check=True)
        self.log.rename(self.folder / "consented.db")

    def write_config(self, name: str, url: str, *, pupil: bool = True, log: str = "attsync.db") -> None:
        """Write a settings file."""
        path = self.folder / f"{name}.toml"
        schools = (
            f'[[database.schools]]\nurn = {urn}\nname = "School {urn}"\nschool = "{value}"\n'
            for value, urn in self.size.urns.items()
        )
        path.write_text(
            _SETTINGS.format(
                port=self.port,
                ca=self.ca,
                connections=self.connections,
                account=pwd.getpwuid(os.getuid()).pw_name,
                url=url,
                log=log,
                first_time=logs.TIMES[0],
                last_time=logs.TIMES[1],
                codes="\n".join(f'"{code}" = "{target}"' for code, target in CODES.items()),
                year_groups="\n".join(f'"{group}" = "{target}"' for group, target in YEAR_GROUPS.items()),
                schools="".join(schools),
                **selects(self.size, pupil=pupil),
            ),
            encoding="utf-8",
        )
        path.chmod(0o600)

    def made(self, name: str) -> Path:
        """Return a log: consented, sent, yesterday, or of a number of years; it is made where there is none."""
        kept = self.folder / f"{name}.db"
        if not kept.exists():
            number = int(name) * SCHOOL_YEAR if name.isdecimal() else _DAYS_BEFORE
            days = [day for day in school_days(number, self.today) if day < self.today]
            if name == "yesterday":
                self.bring_back("sent")
                logs.as_of(self.log, days[-1])
            else:
                self.bring_back("consented")
                logs.add_runs(self.log, days)
                self.send().run(self.folder / "output.txt")
                if name.isdecimal():
                    logs.add_submissions(self.log, days)
            with contextlib.closing(sqlite3.connect(self.log)) as log:
                log.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # all into the one file
            self.log.rename(kept)
        return kept

    def bring_back(self, name: str) -> None:
        """Put a log in place."""
        kept = self.made(name)
        for ending in ("", "-wal", "-shm"):
            self.log.with_name(f"attsync.db{ending}").unlink(missing_ok=True)
        shutil.copy(kept, self.log)


@contextlib.contextmanager
def _heard() -> Iterator[list[tuple[str, Any, list[str]]]]:
    """Listen to the counting statements: SQL, values, names of columns."""
    heard: list[tuple[str, Any, list[str]]] = []

    def listen(_connection: Connection, cursor: Any, sql: str, values: Any, *_: object) -> None:  # noqa: ANN401
        if "GROUP BY" in sql and "1 = 0" not in sql:
            heard.append((sql, _plain(values), [column[0] for column in cursor.description]))

    event.listen(Engine, "after_cursor_execute", listen)
    try:
        yield heard
    finally:
        event.remove(Engine, "after_cursor_execute", listen)


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Make dates texts, for the job file."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value
