"""Prepares and starts the programs that are compared: settings, consent, job file, and a clean log for each run."""

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, event

from attsync import database as database_of
from attsync.deadline import Deadline
from attsync.settings import load
from attsync.window import Window, is_working_day, window_ending
from benchmarks.databases import CODES, FIRST_URN, YEAR_GROUPS, Size, selects

HERE: Final = Path(__file__).parent
RIVALS: Final = HERE / ".venv" / "bin" / "python"
ATTSYNC: Final = Path(sys.executable).with_name("attsync")
_SECRET: Final = "made-up-secret"  # noqa: S105

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
path = "attsync.db"
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
    requests: bool = True
    """It sends the requests of the window."""
    environment: dict[str, str] = field(default_factory=dict)

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
        if cost.pop("exit_code"):
            raise SystemExit(
                "\n".join([f"{self.name} failed:", output.read_text(encoding="utf-8")[-2000:], *said[-20:]])
            )
        return Cost(**cost)


@dataclass(frozen=True, slots=True)
class Work:
    """A folder in which all programs can be run on one database."""

    folder: Path
    size: Size
    window: Window
    config: Path

    @property
    def attsync(self) -> Program:
        """The program that this is all about; each run begins with a log that contains nothing but consent."""
        return Program("attsync", [*self._attsync, "send", "--quiet"], self._forget)

    @property
    def again(self) -> Program:
        """The same once more: a log that knows an earlier send of the same window."""
        return Program("attsync, sent before", [*self._attsync, "send", "--quiet"], self._remember)

    def other(self, name: str, source: Path) -> Program:
        """Name the attsync of another source tree."""
        return replace(self.attsync, name=f"attsync, {name}", environment={"PYTHONPATH": str(source)})

    @property
    def floor(self) -> Program:
        """See floor.py."""
        return Program("floor", [sys.executable, str(HERE / "floor.py"), str(self.folder / "job.json")])

    @property
    def rivals(self) -> list[Program]:
        """Those that can be run here."""
        job = str(self.folder / "job.json")
        found = []
        if RIVALS.exists():
            scratch = self.folder / "dlt"
            quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL", "HOME": str(self.folder)}
            found += [
                Program("pandas + requests", [str(RIVALS), str(HERE / "rivals/pandas_requests.py"), job]),
                Program("ORM rows + requests", [str(RIVALS), str(HERE / "rivals/orm_requests.py"), job]),
                Program(
                    "dlt",
                    [str(RIVALS), str(HERE / "rivals/dlt_pipeline.py"), job, str(scratch)],
                    lambda: shutil.rmtree(scratch, ignore_errors=True),
                    environment=quiet,
                ),
            ]
        tools = all(map(shutil.which, ("sqlite3", "curl")))
        if tools and json.loads((self.folder / "job.json").read_text(encoding="utf-8"))["engine"] == "sqlite":
            found.append(
                Program("sqlite3 + curl", [str(HERE / "rivals/sqlite_curl.sh")], environment=self._environment)
            )
        return found

    def command(self, *words: str) -> Program:
        """Another command of attsync, with a log that knows a send."""
        return Program(f"attsync {' '.join(words)}", [*self._attsync, *words], self._remember, requests=False)

    @property
    def requests(self) -> int:
        """How many requests each program must send."""
        return self.size.schools * len(self._days)

    @property
    def _attsync(self) -> list[str]:
        return [str(ATTSYNC), "--config", str(self.config)]

    @property
    def _days(self) -> list[date]:
        return [day for day in self.window if is_working_day(day)][-self.size.days :]

    @property
    def _environment(self) -> dict[str, str]:
        job = json.loads((self.folder / "job.json").read_text(encoding="utf-8"))
        return {
            "DATABASE": urlsplit(job["url"]).path[1:],
            "SCHOOL": "school" if self.size.schools > 1 else "0",
            "FIRST_URN": str(FIRST_URN),
            "FIRST": job["days"][0],
            "LAST": job["days"][-1],
            "BASE_URL": job["base_url"],
            "TOKEN_URL": job["token_url"],
            "CA": job["ca"],
            "CLIENT_ID": job["client_id"],
            "SECRET": job["secret"],
        }

    def _forget(self) -> None:
        self._bring_back("consented.db")

    def _remember(self) -> None:
        if not (self.folder / "sent.db").exists():
            self._forget()
            self.attsync.run(self.folder / "output.txt")
            (self.folder / "attsync.db").rename(self.folder / "sent.db")
        self._bring_back("sent.db")

    def _bring_back(self, name: str) -> None:
        for ending in ("-wal", "-shm"):
            (self.folder / f"attsync.db{ending}").unlink(missing_ok=True)
        shutil.copyfile(self.folder / name, self.folder / "attsync.db")


def prepare(folder: Path, url: str, size: Size, *, port: int, ca: Path, connections: int, today: date) -> Work:
    """Write the settings and the job file, and give consent for every school, as a person would: with the commands."""
    folder.mkdir(mode=0o700)
    (folder / "client-secret").write_text(_SECRET, encoding="utf-8")
    (folder / "client-secret").chmod(0o600)
    config = folder / "config.toml"
    schools = "".join(
        f'[[database.schools]]\nurn = {urn}\nname = "School {urn}"\nschool = "{value}"\n'
        for value, urn in size.urns.items()
    )
    config.write_text(
        _SETTINGS.format(
            port=port,
            ca=ca,
            connections=connections,
            account=pwd.getpwuid(os.getuid()).pw_name,
            url=url,
            codes="\n".join(f'"{code}" = "{target}"' for code, target in CODES.items()),
            year_groups="\n".join(f'"{group}" = "{target}"' for group, target in YEAR_GROUPS.items()),
            **selects(size),
        )
        + schools,
        encoding="utf-8",
    )
    config.chmod(0o600)
    window = window_ending(today, 8, "working")
    work = Work(folder, size, window, config)
    command = [str(ATTSYNC), "--config", str(config), "consent", "grant", "--all", "--yes", "--quiet"]
    subprocess.run(command, check=True)
    (folder / "attsync.db").rename(folder / "consented.db")
    job = {
        "engine": {"mysql": "mariadb"}.get(kind := url.split(":", 1)[0], kind),
        "url": url,
        "sqlalchemy_url": url.replace("postgresql:", "postgresql+psycopg:").replace("mysql:", "mysql+pymysql:"),
        "base_url": f"https://localhost:{port}",
        "token_url": f"https://localhost:{port}/oauth/token",
        "ca": str(ca),
        "client_id": "bench",
        "secret": _SECRET,
        "connections": connections,
        "days": [day.isoformat() for day in window],
        "schools": size.urns,
        "year_groups": YEAR_GROUPS,
        "statements": _statements(config, window),
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return work


def _statements(config: Path, window: Window) -> dict[str, tuple[str, Any]]:
    """Listen to what attsync asks a database, so that the floor asks the same."""
    (database,) = load(config, {}).database
    with _overheard() as heard, Deadline() as deadline:
        urns = {each.urn for each in database.schools}
        found = database_of.read(database, database.schools, urns, window, deadline, unproven=())
        next(iter(found), None)
        found.close()
    asked = [(sql, values) for sql, values in heard if "1 = 0" not in sql and "count(" in sql.lower()]
    (roll, marks) = ([_plain(values) for values in each] for each in asked)
    return {"roll": (roll[0], roll[1]), "marks": (marks[0], marks[1])}


@contextmanager
def _overheard() -> Iterator[list[tuple[str, Any]]]:
    heard: list[tuple[str, Any]] = []

    def listen(_connection: Connection, _cursor: object, sql: str, values: Any, *_: object) -> None:  # noqa: ANN401
        heard.append((sql, values))

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", listen)


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Make dates texts, for the job file."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value
