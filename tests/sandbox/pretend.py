"""A running sandbox as its tests use it, and a message to send to it."""

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from attsync.sandbox.faults import Fault
from attsync.sandbox.server import Server
from attsync.sandbox.store import Store

MONDAY = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
URN = 900023


def item(year_group: str = "R", session: str = "AM", day: str = "2026-11-23", /, **marks: int) -> dict[str, Any]:
    """Make one entry of submissionData; the codes are named as in `I=3`."""
    return {
        "ncYearGroup": year_group,
        "date": f"{day}T00:00:00",
        "schoolSession": session,
        "attendances": [{"attendanceCode": code, "value": value} for code, value in marks.items()],
    }


def message(*items: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Make a message without a fault, but for what the test changes."""
    return {
        "urn": URN,
        "totalNoOfPupils": 60,
        "yearGroups": [{"ncYearGroup": "R", "noOfPupils": 60}],
        "submissionData": list(items) or [item(L=57, I=3)],
    } | changes


@dataclass
class Clock:
    """Time that passes when the test says so."""

    now: datetime = MONDAY
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def pause(self, seconds: float) -> None:
        """Let a pause pass at once."""
        self.pauses.append(seconds)

    def pass_by(self, seconds: float) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds)


@dataclass
class Dfe:
    """A sandbox that runs over TLS, with a client that trusts it."""

    server: Server
    store: Store
    http: httpx.Client
    faults: deque[Fault]
    clock: Clock
    headers: dict[str, str] = field(default_factory=dict)

    def ask_token(self, **form: str) -> httpx.Response:
        """Request a token, by default with client_secret_post and the secret of the fixture."""
        asked = {"grant_type": "client_credentials", "client_id": "oakfield", "client_secret": "made-up"} | form
        return self.http.post("/oauth/token", data=asked)

    def sign_in(self) -> None:
        """Get a token and use it from now on."""
        self.headers["Authorization"] = f"Bearer {self.ask_token().json()['access_token']}"

    def get(self, path: str) -> httpx.Response:
        """Look something up."""
        return self.http.get(path, headers=self.headers)

    def post(self, body: object, **headers: str) -> httpx.Response:
        """Post `body`; bytes as they are, anything else as JSON. `idempotency_key=...` gives a header."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        sent = {"Content-Type": "application/json"} | self.headers | named
        return self.http.post("/attendances", content=content, headers=sent)
