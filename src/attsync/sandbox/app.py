"""The DfE's attendances service as its test suite of 2020 describes it: a function from request to answer.

Access, the order of the checks, the form of the answers. For tests and trials, never for the real service.
"""

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from hmac import compare_digest
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from attsync.codes import codes_on
from attsync.sandbox.auth import Client, SignIn
from attsync.sandbox.faults import INSTEAD, SLOW_SECONDS, Fault
from attsync.sandbox.server import Answer, Request
from attsync.sandbox.store import Received, Store
from attsync.sandbox.validation import DFE_YEAR_GROUPS, Rejected, first_code_error, judge
from attsync.window import today_in_london

URNS: Final = range(900_000, 990_000)
"""Each of these is a school here; no real school has such a URN."""


def _message(status: int, message: str) -> Answer:
    return Answer(status, {"statusCode": status, "message": message})


_KEY_MISSING: Final = _message(
    401,
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API.",
)
_KEY_WRONG: Final = _message(
    401, "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
)
_UNAUTHORISED: Final = Answer(
    401,
    {"statusCode": 401, "message": "The access token is missing, not known or expired"},
    {"WWW-Authenticate": 'Bearer error="invalid_token"'},
)
_KEY_USED: Final = Answer(
    422,
    {
        "title": "Idempotency-Key is already used",
        "status": 422,
        "detail": "This key was used before, with another body. Nothing was stored.",
    },
    {"Content-Type": "application/problem+json"},
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Service:
    """A DfE that keeps what it receives in `store`."""

    client: Client
    store: Store = field(default_factory=Store)
    subscription_key: str | None = None
    faults: deque[Fault] = field(default_factory=deque)
    """Faults for the next posts; more can be added while the sandbox runs."""
    now: Callable[[], datetime] = _utc_now
    pause: Callable[[float], None] = time.sleep
    """`now` is the clock, so that tests do not have to wait."""
    sign_in: SignIn = field(init=False)

    def __post_init__(self) -> None:
        self.sign_in = SignIn(self.client, self.now)

    def answer(self, request: Request) -> Answer | None:
        """Answer one request; None: break the connection."""
        path = request.path.removeprefix("/").split("/")
        match request.method, path:
            case "POST", ["oauth", "token"]:
                return self.sign_in.answer(request)
            case "GET", ["sandbox", "received"]:  # no sign-in: the data is made up and does not leave this computer
                return Answer(200, [_listed(post) for post in self.store.received()])
        if refusal := self._refusal(request):
            return refusal
        return self._post(request) if (request.method, path) == ("POST", ["attendances"]) else self._look_up(path)

    def _look_up(self, path: list[str]) -> Answer:
        match path:
            case ["codes", "attendance"]:
                codes = codes_on(today_in_london(self.now())).values()
                return Answer(200, [{"AttendanceCode": c.code, "AttendanceDescription": c.description} for c in codes])
            case ["codes", "ncyeargroup"]:
                groups = DFE_YEAR_GROUPS.items()
                return Answer(200, [{"YearGroupCode": code, "YearGroup": name} for code, name in groups])
            case ["provider", urn] if urn.isdecimal() and int(urn) in URNS:
                return Answer(200, _school(int(urn)))
        return _message(404, "Not found")

    def _refusal(self, request: Request) -> Answer | None:
        """Let no one in without the subscription key and a token, checked in the gateway's order."""
        key = request.headers.get("Ocp-Apim-Subscription-Key")
        if self.subscription_key is not None and key is None:
            return _KEY_MISSING
        if self.subscription_key is not None and not compare_digest(f"{key}".encode(), self.subscription_key.encode()):
            return _KEY_WRONG
        return None if self.sign_in.is_valid(_token(request)) else _UNAUTHORISED

    def _post(self, request: Request) -> Answer | None:
        """Answer one post: by its content, or by the script of faults."""
        try:
            fault = self.faults.popleft()
        except IndexError:
            fault = Fault.NONE
        if fault is Fault.UNAUTHORISED_ONCE:
            self.sign_in.tokens[_token(request)] = self.now()  # its end
            return _UNAUTHORISED
        instead = INSTEAD.get(fault)
        if not instead and request.headers.get_content_type() != "application/json":
            instead = _message(500, "Incorrect content type")
        key = request.headers.get("Idempotency-Key")
        post = Received(key=key, received_at=self.now(), status=instead.status if instead else 400, body=request.body)
        if instead:
            self.store.note(post)
            return instead
        if fault is Fault.SLOW:
            self.pause(SLOW_SECONDS)
        answer = self._judge(post, fault)
        if fault is Fault.GARBLED:
            return answer._replace(body=json.dumps(answer.body)[:20])
        return None if fault is Fault.LOST else answer

    def _judge(self, post: Received, fault: Fault) -> Answer:
        rejection: Mapping[str, Any] = {}
        try:
            judged = judge(post.body, is_school=lambda urn: fault is not Fault.REJECT and urn in URNS)
            errors = judged.errors + (first_code_error(post.body) if fault is Fault.FAULTY else ())
            post = replace(post, urn=judged.urn, status=HTTPStatus.CREATED, ref=str(uuid4()), errors=errors)
        except Rejected as error:
            rejection = error.answer
            post = replace(post, urn=error.urn)
        kept = self.store.keep(post)
        match kept.status:
            case HTTPStatus.CREATED:
                return Answer(201, [{"submissionRef": kept.ref, "errors": kept.errors}])
            case HTTPStatus.UNPROCESSABLE_ENTITY:
                return _KEY_USED
            case _:
                return Answer(400, rejection)


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _school(urn: int) -> dict[str, str | int]:
    name = f"Sandbox School {urn}"
    more = {"address": "1 Sandbox Lane, Exampleton", "phaseOfEducation": "Primary", "schoolType": "Community school"}
    return {"urn": urn, "name": name, **more}


def _listed(post: Received) -> dict[str, Any]:
    try:
        body = json.loads(post.body)
    except (ValueError, RecursionError):
        body = post.body.decode(errors="replace")
    sha256 = hashlib.sha256(post.body).hexdigest()
    return asdict(post) | {"received_at": post.received_at.isoformat(), "body": body, "sha256": sha256}
