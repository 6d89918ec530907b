"""The DfE's attendances service as its test suite of 2020 describes it, as a Flask application.

HTTP only: who may ask, in which order things are checked, what answers look like. For tests and trials, never for the
real service.
"""

import hashlib
import json
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hmac import compare_digest
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from flask import Flask, Response, g, jsonify, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException

from attsync.codes import codes_on
from attsync.sandbox.auth import Client, SignIn
from attsync.sandbox.faults import INSTEAD, SLOW_SECONDS, Answer, Fault, next_fault
from attsync.sandbox.store import Received, Store
from attsync.sandbox.validation import DFE_YEAR_GROUPS, Rejected, first_code_error, judge
from attsync.window import today_in_london

BODY_LIMIT: Final = 1024 * 1024
"""Bytes of one request; a whole window of a large school is a tenth of it."""
TOKEN_SECONDS: Final = 3600
"""Life of a token, as at the DfE's gateway."""

_OPEN = ("token", "received")
_REGISTER = range(900_000, 990_000)  # no real school has such a URN
_NAMES = {900023: "Oakfield Primary School"}

_KEY_MISSING = (
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API."
)
_KEY_WRONG = (
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
)

School = dict[str, str | int]
"""What the register says of a school: urn, name, address, phaseOfEducation, schoolType."""


def made_up_school(urn: int) -> School | None:
    """Return the school with this URN, in a register in which every URN from 900000 to 989999 is a school."""
    name = _NAMES.get(urn, f"Sandbox School {urn}")
    more = {"address": "1 Sandbox Lane, Exampleton", "phaseOfEducation": "Primary", "schoolType": "Community school"}
    return {"urn": urn, "name": name, **more} if urn in _REGISTER else None


def make_app(
    store: Store,
    *,
    clients: Iterable[Client],
    subscription_key: str | None = None,
    faults: deque[Fault] | None = None,
    find_school: Callable[[int], School | None] = made_up_school,
    token_seconds: int = TOKEN_SECONDS,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    pause: Callable[[float], None] = time.sleep,
) -> Flask:
    """Return a DfE that keeps what it receives in `store`.

    `faults` are what goes wrong with the next posts; more may be added while the sandbox runs. `find_school` is the
    register of schools. `now` (with a time zone) and `pause` (seconds) are the clock, so that tests need not wait.
    """
    app = Flask("attsync.sandbox", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.json = _InTheOrderOfTheDfE(app)
    sign_in = SignIn(app, clients, token_seconds=token_seconds, now=now)
    service = _Service(store, sign_in, subscription_key, deque() if faults is None else faults, find_school, now, pause)
    app.before_request(service.let_in)
    app.register_error_handler(HTTPException, _answer_error)
    app.add_url_rule("/oauth/token", "token", sign_in.answer, methods=["POST"])
    app.add_url_rule("/attendances", "attendances", service.take_attendances, methods=["POST"])
    app.add_url_rule("/codes/attendance", "codes", service.list_codes)
    app.add_url_rule("/codes/ncyeargroup", "year_groups", service.list_year_groups)
    app.add_url_rule("/provider/<int:urn>", "provider", service.show_school)
    app.add_url_rule("/sandbox/received", "received", service.list_received)
    return app


class _InTheOrderOfTheDfE(DefaultJSONProvider):
    sort_keys = False


@dataclass(frozen=True, slots=True)
class _Service:
    store: Store
    sign_in: SignIn
    subscription_key: str | None
    faults: deque[Fault]
    find_school: Callable[[int], School | None]
    now: Callable[[], datetime]
    pause: Callable[[float], None]

    def let_in(self) -> Response | None:
        """Let no one in without the subscription key and a token, checked in the gateway's order."""
        if request.endpoint in _OPEN:
            return None
        if self.subscription_key is not None:
            key = request.headers.get("Ocp-Apim-Subscription-Key")
            if key is None:
                return _say(HTTPStatus.UNAUTHORIZED, _KEY_MISSING)
            if not compare_digest(key.encode(), self.subscription_key.encode()):
                return _say(HTTPStatus.UNAUTHORIZED, _KEY_WRONG)
        g.client_id = self.sign_in.client_of(_token())
        return None if g.client_id else _answer(_UNAUTHORISED)

    def take_attendances(self) -> Response:
        """Answer one post: by its content, or as the script of faults says."""
        fault = next_fault(self.faults)
        if fault is Fault.UNAUTHORISED_ONCE:
            self.sign_in.revoke(_token())
            return _answer(_UNAUTHORISED)
        post = Received(
            ref=None,
            client_id=g.client_id,
            key=request.headers.get("Idempotency-Key"),
            urn=None,
            received_at=self.now(),
            status=HTTPStatus.INTERNAL_SERVER_ERROR,
            body=request.get_data(),
        )
        if instead := INSTEAD.get(fault):
            self.store.note(replace(post, status=instead.status))
            return _answer(instead)
        if request.mimetype != "application/json":
            self.store.note(post)
            return _say(HTTPStatus.INTERNAL_SERVER_ERROR, "Incorrect content type")
        if fault is Fault.SLOW:
            self.pause(SLOW_SECONDS)
        answer = self._take(post, fault)
        if fault is Fault.GARBLED:
            answer.set_data(answer.get_data()[:20])
        if fault is Fault.LOST:
            # The server notices when it writes, and lets it be: a client may go at any time.
            socket.socket.shutdown(request.environ["werkzeug.socket"], socket.SHUT_RDWR)
        return answer

    def list_codes(self) -> Response:
        """Return the codes that are valid today."""
        codes = codes_on(today_in_london(self.now())).values()
        return jsonify([{"AttendanceCode": c.code, "AttendanceDescription": c.description} for c in codes])

    def list_year_groups(self) -> Response:
        """Return the year groups."""
        return jsonify([{"YearGroupCode": code, "YearGroup": name} for code, name in DFE_YEAR_GROUPS.items()])

    def show_school(self, urn: int) -> Response:
        """Return the school with a URN."""
        school = self.find_school(urn)
        return jsonify(school) if school else _say(HTTPStatus.NOT_FOUND, "Provider not found")

    def list_received(self) -> Response:
        """Return everything that was received. No sign-in: it is made up and does not leave this computer."""
        return jsonify([_listed(post) for post in self.store.received()])

    def _take(self, post: Received, fault: Fault) -> Response:
        rejected: Rejected | None = None
        try:
            judged = judge(post.body, is_school=lambda urn: fault is not Fault.REJECT and bool(self.find_school(urn)))
            errors = judged.errors + (first_code_error(post.body) if fault is Fault.FAULTY else ())
            post = replace(post, urn=judged.urn, status=HTTPStatus.CREATED, ref=str(uuid4()), errors=errors)
        except Rejected as error:
            rejected = error
            post = replace(post, urn=error.urn, status=HTTPStatus.BAD_REQUEST)
        kept = self.store.keep(post)
        if kept.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return _answer(_KEY_USED)
        if rejected and kept.ref is None:
            return _answer(Answer(kept.status, rejected.answer))
        return _answer(Answer(kept.status, [{"submissionRef": kept.ref, "errors": kept.errors}]))


_UNAUTHORISED = Answer(
    HTTPStatus.UNAUTHORIZED,
    {"statusCode": 401, "message": "The access token is missing, not known or expired"},
    {"WWW-Authenticate": 'Bearer error="invalid_token"'},
)
_KEY_USED = Answer(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    {
        "title": "Idempotency-Key is already used",
        "status": 422,
        "detail": "This key was used before, with another body. Nothing was stored.",
    },
    {"Content-Type": "application/problem+json"},
)


def _token() -> str | None:
    authorization = request.authorization
    return authorization.token if authorization and authorization.type == "bearer" else None


def _listed(post: Received) -> dict[str, Any]:
    try:
        body = json.loads(post.body)
    except (ValueError, RecursionError):
        body = post.body.decode(errors="replace")
    shown = {name: getattr(post, name) for name in ("ref", "key", "urn", "status", "errors")}
    sha256 = hashlib.sha256(post.body).hexdigest()
    return shown | {"received_at": post.received_at.isoformat(), "sha256": sha256, "body": body}


def _answer(answer: Answer) -> Response:
    body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    return Response(body, answer.status, {"Content-Type": "application/json"} | answer.headers)


def _say(status: int, message: str) -> Response:
    return _answer(Answer(status, {"statusCode": int(status), "message": message}))


def _answer_error(error: HTTPException) -> Response:
    return _say(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, error.name)
