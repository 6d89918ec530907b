"""Settings, school databases and a pretend DfE for tests, complete and right: a test states only what differs."""

import json
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from attsync.accounts import Person
from attsync.consent import Terms, notice, record
from attsync.dfe import Credentials
from attsync.log import ConsentRow, Log
from attsync.model import Cell, Day, School, Session
from attsync.sandbox.app import Service
from attsync.sandbox.auth import Client
from attsync.sandbox.faults import Fault
from attsync.sandbox.server import Certificates, Server
from attsync.sandbox.store import Store
from attsync.settings import Settings, load
from attsync.window import Window

MONDAY = date(2026, 11, 23)
FRIDAY = date(2026, 11, 20)
WINDOW = Window(FRIDAY, MONDAY)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OAKFIELD = School(900023, "Oakfield Primary School")
ELMHURST = School(900031, "Elmhurst Primary School")
SECRET = "made-up +%:&= secret"
SUBSCRIPTION_KEY = "made-up-subscription-key"

_TABLES = """
    CREATE TABLE marks (school TEXT, date TEXT, session TEXT, year_group TEXT, code TEXT, pupil INTEGER, name TEXT);
    CREATE TABLE roll (school TEXT, year_group TEXT, entry_date TEXT, leaving_date TEXT, pupil INTEGER);
    CREATE TABLE administrators (username TEXT);
"""


class SchoolDatabase:
    """A real SQLite file; the codes, sessions and year groups in it are the DfE's own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(_TABLES)

    def mark(
        self, day: date = MONDAY, session: str = "AM", year_group: str = "1", school: School = OAKFIELD, **codes: int
    ) -> None:
        """Add so many marks of each code; PRESENT stands for that of the session."""
        present = "/" if session == "AM" else "\\"
        rows = [
            (str(school.urn), f"{day}", session, year_group, present if code == "PRESENT" else code)
            for code, number in codes.items()
            for _ in range(number)
        ]
        self._run("INSERT INTO marks (school, date, session, year_group, code) VALUES (?, ?, ?, ?, ?)", rows)

    def change(self, sql: str, *values: object) -> None:
        """Run any statement."""
        self._run(sql, [values])

    def ask(self, sql: str, *values: object) -> list[Any]:
        """Return the rows of any SELECT."""
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql, values).fetchall()

    def enrol(self, year_group: str = "1", pupils: int = 30, school: School = OAKFIELD) -> None:
        """Put so many pupils on roll, long ago."""
        row = (str(school.urn), year_group, "2020-09-01", None)
        sql = "INSERT INTO roll (school, year_group, entry_date, leaving_date) VALUES (?, ?, ?, ?)"
        self._run(sql, [row] * pupils)

    def _run(self, sql: str, rows: list[Any]) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(sql, rows)


@dataclass
class PretendDfe:
    """A sandbox that answers over TLS."""

    server: Server
    store: Store
    faults: deque[Fault]
    certificates: Certificates
    service: Service

    @property
    def posts(self) -> list[tuple[int, str | None, bytes]]:
        """What was posted: status, key and body."""
        return [(post.status, post.key, post.body) for post in self.store.received()]

    @property
    def counts(self) -> dict[tuple[int, date, str, str, str], int]:
        """What the DfE now believes: (URN, date, session, year group, code) -> number."""
        return believed(self.store)


@contextmanager
def pretend_dfe(
    certificates: Certificates,
    *faults: Fault,
    client: Client = Client("oakfield", SECRET),  # noqa: B008  frozen
    **options: Any,  # noqa: ANN401  those of Service
) -> Iterator[PretendDfe]:
    """Run a sandbox; the subscription key is checked."""
    service = Service(client=client, subscription_key=SUBSCRIPTION_KEY, faults=deque(faults), **options)
    with Server(service.answer, certificates) as server:
        yield PretendDfe(server, service.store, service.faults, certificates, service)


def believed(store: Store) -> dict[tuple[int, date, str, str, str], int]:
    """Return what the DfE now believes: for each figure the value that came last, faulty ones left out.

    (URN, date, session, year group, code) -> number.
    """
    figures = {}
    for post in (post for post in store.received() if post.status == HTTPStatus.CREATED):
        message, faulty = json.loads(post.body), {error["path"] for error in post.errors}
        for i, item in enumerate(message["submissionData"]):
            path = f"$.submissionData[{i}]"
            place = (message["urn"], date.fromisoformat(item["date"][:10]), item["schoolSession"])
            for j, count in enumerate(item["attendances"]):
                here = f"{path}.attendances[{j}]"
                if not faulty & {f"{path}.ncYearGroup", f"{here}.attendanceCode", f"{here}.value"}:
                    figures[*place, item["ncYearGroup"], count["attendanceCode"]] = count["value"]
    return figures


def settings(
    folder: Path,
    dfe: PretendDfe | None = None,
    *,
    origin: str = "https://localhost:9",
    databases: tuple[tuple[str, tuple[School, ...]], ...] = (("sqlite:///school.db", (OAKFIELD,)),),
    more: str = "",
    dfe_lines: str = "connections = 2",
    path: str = "/oauth/token",
    **changes: object,
) -> Settings:
    """Write a settings file with its secrets and load it.

    `dfe_lines` go into its [dfe]; `changes` are of the loaded [dfe] alone, past all checks: times in tenths of seconds.
    """
    base_url = dfe.server.base_url if dfe else origin
    ca_file = f'ca_file = "{dfe.certificates.ca}"' if dfe else ""
    for name, content in (("client-secret", SECRET), ("subscription-key", SUBSCRIPTION_KEY)):
        (folder / name).write_text(content)
        (folder / name).chmod(0o600)
    text = f"""
        [dfe]
        base_url = "{base_url}"
        token_url = "{base_url}{path}"
        client_id = "oakfield"
        client_secret_file = "client-secret"
        subscription_key_file = "subscription-key"
        {dfe_lines}
        {ca_file}
        [log]
        path = "state/attsync.db"
        {more}
    """
    for number, (url, schools) in enumerate(databases, start=1):
        text += f"""
            [[database]]
            name = "MIS {number}"
            url = "{url}"
            leaving_date_is = "last_day"
            [database.select]
            marks = "SELECT school, date, session, year_group, code FROM marks"
            roll = "SELECT school, year_group, entry_date, leaving_date FROM roll"
            administrators = "SELECT username FROM administrators"
        """
        if not schools:
            text += '\nschools = "SELECT school, urn, name FROM schools"\n'
        for school in schools:
            text += f'\n[[database.schools]]\nurn = {school.urn}\nname = "{school.name}"\n'
    (folder / "config.toml").write_text(text)
    (folder / "config.toml").chmod(0o600)
    loaded = load(folder / "config.toml", {})
    return loaded.model_copy(update={"dfe": loaded.dfe.model_copy(update=changes)})


def credentials(loaded: Settings) -> Credentials:
    """Read the secrets of a settings file."""
    return Credentials.load(loaded.dfe)


def give_consent(loaded: Settings, *schools: School, receiver: str | None = None, given: bool = True) -> ConsentRow:
    """Record a grant (or a removal) for each school; gives the last."""
    with Log.open(loaded.log.path) as log:
        for school in schools or (OAKFIELD,):
            terms = Terms.of(loaded)
            row = record(
                log,
                school,
                "given" if given else "removed",
                Person("head", None),
                replace(terms, receiver=receiver or terms.receiver),
                shown=notice(terms),
            )
    return row


def day(when: date = MONDAY, /, roll: int = 30, **codes: int) -> Day:
    """Make a day with these marks in year group 1, in the morning; PRESENT stands for /."""
    counts = {"/" if code == "PRESENT" else code: number for code, number in (codes or {"PRESENT": roll}).items()}
    return Day(date=when, cells={Cell("1", Session.AM): counts}, roll={"1": roll})
