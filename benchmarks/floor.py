"""The floor: set-based SQL with the bare driver, `json.dumps`, and bare TLS sockets, in lock-step.

What no program in Python can be much faster than. It checks nothing, keeps no log, asks no consent, never tries again.
Run as a program of its own: floor.py JOB SQL, with a job file (work.py) and whose statements of it are asked. With
--read it only asks them, apart from those about the roll, and prints how long that took.
"""

import json
import queue
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any
from urllib.parse import unquote, urlsplit

ORDER = ("R", "1", "2", "3", "4", "5", "6")


def rows_of(job: dict[str, Any], sql: str, parameters: Any) -> Iterable[tuple[Any, ...]]:  # noqa: ANN401  a driver's
    """Run one statement."""
    url = urlsplit(job["url"])
    connection: Any
    if job["engine"] == "sqlite":
        import sqlite3  # noqa: PLC0415  only the driver of the job

        return sqlite3.connect(f"file:{unquote(url.path[1:])}?mode=ro", uri=True).execute(sql, parameters)
    if job["engine"] == "postgresql":
        import psycopg  # noqa: PLC0415

        connection = psycopg.connect(job["url"], options="-c jit=off")  # as attsync
        cursor = connection.cursor(name="rows")
        cursor.itersize = 2000
        cursor.execute(sql, parameters)
        return cursor  # type: ignore[no-any-return]
    import pymysql.cursors  # noqa: PLC0415

    connection = pymysql.connect(
        host=url.hostname or "",
        port=url.port or 3306,
        user=url.username,
        password=url.password or "",
        database=url.path[1:],
    )
    cursor = connection.cursor(pymysql.cursors.SSCursor)
    cursor.execute(sql, parameters)
    return cursor  # type: ignore[no-any-return]


def bodies(job: dict[str, Any], statements: dict[str, Any]) -> Iterator[bytes]:
    """Make the bodies of all requests."""
    days, schools, groups = job["days"], job["schools"], job["year_groups"]
    roll: dict[str, dict[str, list[int]]] = {}
    for school, year_group, *counts in rows_of(job, *statements["roll"]):
        if year_group is not None:  # else it is the sum of a school
            last = map(int, counts[-len(days) :])  # one a day, at the end; MariaDB gives Decimals
            roll.setdefault(school, {})[groups[year_group]] = [*last]
    for statement in statements["proofs"]:
        for _ in rows_of(job, *statement):
            pass
    for school, rows in groupby(rows_of(job, *statements["marks"]), lambda row: row[0]):
        urn = schools[str(school)] if school is not None else next(iter(schools.values()))
        mine = roll[school]
        found: dict[str, dict[tuple[str, str], dict[str, int]]] = {}
        for _, date, session, year_group, code, marks in rows:
            if code == "PRES":
                code = "/" if session == "AM" else "\\"  # noqa: PLW2901
            found.setdefault(str(date), {}).setdefault((groups[year_group], session), {})[code] = marks
        for date in sorted(found):
            number, cells = days.index(date), found[date]
            yield json.dumps(
                {
                    "submissionData": [
                        {
                            "attendances": [{"attendanceCode": c, "value": n} for c, n in sorted(cells[g, s].items())],
                            "date": f"{date}T00:00:00",
                            "ncYearGroup": g,
                            "schoolSession": s,
                        }
                        for g in ORDER
                        for s in ("AM", "PM")
                        if (g, s) in cells
                    ],
                    "totalNoOfPupils": sum(row[number] for row in mine.values()),
                    "urn": urn,
                    "yearGroups": [{"ncYearGroup": g, "noOfPupils": mine[g][number]} for g in ORDER if g in mine],
                },
                separators=(",", ":"),
            ).encode()


class Connection:
    """One TLS connection that is kept."""

    def __init__(self, base_url: str, context: ssl.SSLContext) -> None:
        url = urlsplit(base_url)
        self._host = url.netloc
        bare = socket.create_connection((url.hostname, url.port))
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(bare, server_hostname=url.hostname)

    def post(self, path: str, headers: str, body: bytes) -> tuple[int, bytes]:
        """Send one request and read its answer."""
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._socket.recv(65536)
        top, _, content = answer.partition(b"\r\n\r\n")
        length = int(top.lower().partition(b"content-length:")[2].split(None, 1)[0])
        while len(content) < length:
            content += self._socket.recv(65536)
        return int(top.split(None, 2)[1]), content


def read(job: dict[str, Any], statements: dict[str, Any]) -> None:
    """Run the statements about marks, and print the seconds that they took."""
    list(rows_of(job, "SELECT 1", ()))  # imports the driver
    started = time.monotonic()
    for statement in (statements["marks"], *statements["proofs"]):
        for _ in rows_of(job, *statement):
            pass
    print(time.monotonic() - started)


def main() -> None:
    """Sign in, read, send, count."""
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123  pathlib would be the slowest import here
        job = json.load(file)
    statements = job["statements"][sys.argv[2]]
    if "--read" in sys.argv:
        read(job, statements)
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()  # anyone who sends to the real DfE needs these
    context.load_verify_locations(job["ca"])
    _, content = Connection(job["base_url"], context).post(
        "/oauth/token",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        f"grant_type=client_credentials&client_id={job['client_id']}&client_secret={job['secret']}".encode(),
    )
    headers = f"Content-Type: application/json\r\nAuthorization: Bearer {json.loads(content)['access_token']}\r\n"
    waiting: queue.Queue[bytes | None] = queue.Queue(256)
    failed: list[int] = []

    def send() -> None:
        connection = Connection(job["base_url"], context)
        while (body := waiting.get()) is not None:
            status, content = connection.post("/attendances", headers, body)
            if status != 201 or json.loads(content)[0]["errors"]:  # noqa: PLR2004
                failed.append(status)

    threads = [threading.Thread(target=send, daemon=True) for _ in range(job["connections"])]
    for thread in threads:
        thread.start()
    for body in bodies(job, statements):
        waiting.put(body)
    for _ in threads:
        waiting.put(None)
    for thread in threads:
        thread.join()
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
