"""A school with consent, a pretend DfE, and a judge who says whether everything is right in the end."""

import shutil
import sqlite3
import time
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote_plus

from attsync.accounts import who
from attsync.model import School
from attsync.sandbox.faults import Fault
from attsync.sandbox.server import Certificates
from attsync.settings import Settings
from attsync.window import is_working_day, today_in_london, window_ending
from tests.factories import (
    OAKFIELD,
    SECRET,
    SUBSCRIPTION_KEY,
    PretendDfe,
    SchoolDatabase,
    give_consent,
    pretend_dfe,
    settings,
)

NAME = "Tamsin Loxley"
"""A pupil's; it stands in the school's database and must stand nowhere else."""
SECRETS = (
    SECRET,
    quote_plus(SECRET),
    SUBSCRIPTION_KEY,
    b64encode(f"oakfield:{quote_plus(SECRET)}".encode()).decode(),
    b64encode(f"oakfield:{SECRET}".encode()).decode(),
    NAME,
)
_MAY_HOLD_SECRETS = {"client-secret", "subscription-key", "private-key.pem", "school.db", "database-url"}


@dataclass
class Scene:
    """A folder with a school or many, their settings and their log; and the DfE that they send to."""

    folder: Path
    dfe: PretendDfe
    school: SchoolDatabase
    settings: Settings

    def correct(self, code: str = "L", *, of: str = "I") -> None:
        """Correct marks late: of the last day."""
        self.school.change("UPDATE marks SET code = ? WHERE code = ? AND date = ?", code, of, f"{days(1)[0]}")

    def keep_log(self, *, a_day_old: bool) -> None:
        """Make a backup of the log; `a_day_old`: as if it was made yesterday, with planned sends since."""
        with closing(sqlite3.connect(self.settings.log.path)) as log, closing(sqlite3.connect(self._backup)) as backup:
            log.backup(backup)
            if a_day_old:
                earlier = "strftime('%Y-%m-%dT%H:%M:%f', {}, '-4 days') || '+00:00'"
                for table, column in (("run", "started_at"), ("run", "ended_at"), ("submission", "recorded_at")):
                    backup.execute(f"UPDATE {table} SET {column} = {earlier.format(column)}")
                tried = earlier.format("json_extract(tries, '$[0][0]')")
                backup.execute(f"UPDATE submission SET tries = json_set(tries, '$[0][0]', {tried}) WHERE tries <> '[]'")
                backup.commit()

    def restore_log(self) -> None:
        """Put the backup in the place of the log."""
        for ending in ("-wal", "-shm"):
            Path(f"{self.settings.log.path}{ending}").unlink(missing_ok=True)
        self.settings.log.path.unlink()
        shutil.copyfile(self._backup, self.settings.log.path)
        self.settings.log.path.chmod(0o600)

    @property
    def _backup(self) -> Path:
        return self.folder / "backup.db"

    def change_receiver(self, dfe: PretendDfe) -> None:
        """Name another receiver in the settings file."""
        file = self.folder / "config.toml"
        file.write_text(file.read_text().replace(self.dfe.server.base_url, dfe.server.base_url))
        self.dfe = dfe

    def consent_is_removed(self) -> bool:
        """Return whether a removal is on disk."""
        with closing(sqlite3.connect(self.settings.log.path)) as connection:
            return bool(connection.execute("SELECT count(*) FROM consent WHERE action = 'removed'").fetchone()[0])

    def wrong(self, *, secrets: tuple[str, ...] = SECRETS) -> list[str]:
        """Return all that is wrong after a send that went well."""
        return [*self.wrong_counts(), *self.wrong_keys(), *self.wrong_log(), *found_secrets(self.folder, secrets)]

    def wrong_counts(self, but: int | None = None) -> list[str]:
        """Compare what the DfE believes with what the database holds, of all schools `but` that one."""
        with closing(sqlite3.connect(self.school.path)) as connection:
            rows = connection.execute(
                "SELECT school, date, session, year_group, code, count(*) FROM marks GROUP BY 1, 2, 3, 4, 5"
            ).fetchall()
        truth = {(int(r[0]), date.fromisoformat(r[1]), *r[2:5]): r[5] for r in rows}
        believed = {figure: number for figure, number in self.dfe.counts.items() if number}
        lost = {figure[:2] for figure in truth.keys() ^ believed.keys()}
        lost |= {figure[:2] for figure in truth.keys() & believed.keys() if truth[figure] != believed[figure]}
        return [f"day lost: {day} of {urn}" for urn, day in sorted(lost) if urn != but]

    def wrong_keys(self) -> list[str]:
        """Look for a key that stood for two bodies."""
        bodies = Counter(key for key, _ in {(key, body) for _, key, body in self.dfe.posts})
        return [f"key for {number} bodies" for key, number in bodies.items() if number > 1 or key is None]

    def posts_of(self, urn: int) -> list[bytes]:
        """Return what was posted of one school."""
        return [post.body for post in self.dfe.store.received() if post.urn == urn]

    def urns(self, state: str = "%") -> dict[str, int]:
        """Return the school of each key of the log, oldest first; or only where the log says `state`."""
        with closing(sqlite3.connect(self.settings.log.path)) as connection:
            return dict(
                connection.execute(
                    "SELECT key, urn FROM submission WHERE key NOT NULL AND state LIKE ? ORDER BY id", (state,)
                )
            )

    def wrong_log(self, *, is_done: bool = True) -> list[str]:
        """Compare what the log says with what the DfE saw: every request was on disk before (P4)."""
        with closing(sqlite3.connect(self.settings.log.path)) as connection:
            if (health := connection.execute("PRAGMA integrity_check").fetchone()) != ("ok",):
                return [f"log damaged: {health}"]
            entries = connection.execute(
                "SELECT urn, day, state, key, reference, content FROM submission JOIN body ON body.id = body_id"
                " WHERE receiver = ? ORDER BY submission.id",
                (self.dfe.server.base_url,),
            ).fetchall()
        stored = {post.key: post for post in self.dfe.store.received() if post.status == 201}
        unforeseen = {key for _, key, _ in self.dfe.posts} - {entry[3] for entry in entries}
        wrong = [f"request that was not on disk: {key}" for key in unforeseen]
        replaced: dict[tuple[int, str], bytes] = {}
        for urn, day, state, key, reference, content in entries:
            if replaced.pop((urn, day), None) == content:
                wrong.append(f"another key for what was the same: {day}")
            if state == "superseded":
                replaced[urn, day] = content
            post = stored.get(key)
            if state == "accepted" and (post is None or (post.ref, post.body) != (reference, zlib.decompress(content))):
                wrong.append(f"wrong outcome: {day} accepted, and the DfE has not got it")
            if state in ("failed", "rejected", "refused") and post is not None:
                wrong.append(f"wrong outcome: {day} {state}, and the DfE has got it")
            if is_done and state == "sending":
                wrong.append(f"wrong outcome: {day} still sending")
        return wrong


def days(number: int) -> list[date]:
    """Return the last working days, the newest first; the sandbox' own clock is not looked at."""
    found = [day for day in window_ending(today_in_london(), 8, "working") if is_working_day(day)]
    return found[::-1][:number]


@contextmanager
def scene(
    folder: Path,
    certificates: Certificates,
    *faults: Fault,
    number_of_days: int = 3,
    schools: int = 1,
    connections: int = 1,
    has_consent: bool = True,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Scene]:
    """Make schools with marks on the last working days, all in one database; their consent is given."""
    folder.mkdir(parents=True)
    listed = (OAKFIELD, *(School(OAKFIELD.urn + number, f"School {number}") for number in range(1, schools)))
    with pretend_dfe(certificates, *faults, pause=pause) as dfe:
        school = SchoolDatabase(folder / "school.db")
        school.enrol()
        for day in days(number_of_days):
            for session in ("AM", "PM"):
                school.mark(day, session, PRESENT=27, I=3)
        school.change("UPDATE marks SET name = ?", NAME)
        if schools > 1:
            _multiply(school, schools)
        databases = (("sqlite:///school.db", listed),)
        loaded = settings(folder, dfe, databases=databases, dfe_lines=f"connections = {connections}")
        school.change("INSERT INTO administrators VALUES (?)", who({}).account)
        if has_consent:
            give_consent(loaded, *listed)
        yield Scene(folder, dfe, school, loaded)


def _multiply(school: SchoolDatabase, schools: int) -> None:
    """Make of one school many, each with two year groups and with counts of its own."""
    numbers = "WITH RECURSIVE other (number) AS (SELECT 1 UNION SELECT number + 1 FROM other WHERE number < ? - 1)"
    for table, columns in (
        ("marks", "date, session, year_group, code, pupil, name"),
        ("roll", "year_group, entry_date, leaving_date, pupil"),
    ):
        school.change(f"INSERT INTO {table} {numbers} SELECT school + number, {columns} FROM {table}, other", schools)
        school.change(f"UPDATE {table} SET year_group = '2' WHERE rowid % 3 = 0")
    school.change("DELETE FROM marks WHERE rowid % (2 + school % 11) = 0")


def found_secrets(folder: Path, secrets: tuple[str, ...]) -> list[str]:
    """Search every file for what must stand in none."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in _MAY_HOLD_SECRETS:
            content = path.read_bytes()
            found += [f"secret in {path.name}" for secret in secrets if secret.encode() in content]
    return found
