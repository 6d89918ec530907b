"""The fault table: every kind of stranger at the token endpoint and at the API, and what attsync makes of it."""

import json
import ssl
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from sqlite3 import connect

from tests.factories import OAKFIELD, SECRET, SUBSCRIPTION_KEY, SchoolDatabase, give_consent, settings
from tests.torture.runner import Runner
from tests.torture.scene import NAME, SECRETS, days, found_secrets
from tests.torture.stranger import TOKEN, Behaviour, Identity, Stranger, Talk, good_receipt, good_token

SECONDS = 0.25
_MOST_MEMORY = 20 * 1024  # KiB that a run may grow by, whatever comes
_PAGE = "<!DOCTYPE html><html><title>Sign in to the guest network</title></html>"
_EVIL = (
    f"[bold red]x[/] [/nonsense] \x1b[2J\x1b]0;owned\x07 \u202eevil \x9b31m {TOKEN} {SECRET} {SUBSCRIPTION_KEY}"
    " \r\n\r\nHTTP/1.1 201 Created"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One stranger."""

    name: str
    exit_code: int
    problem: str
    api: Behaviour = good_receipt
    token: Behaviour = good_token
    certificate: str = "good"
    tls_version: ssl.TLSVersion | None = None
    words: str = ""
    """What the message has to say."""


def says(
    status: int, body: str | bytes | object = b"", kind: str = "application/json", *headers: str
) -> Callable[[Talk], None]:
    """Make a stranger that answers so."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)

    def answer(talk: Talk) -> None:
        talk.reply(status, content, kind, *headers)

    return answer


def raw(*parts: bytes) -> Callable[[Talk], None]:
    """Make a stranger that sends these bytes and hangs up."""

    def answer(talk: Talk) -> None:
        talk.send(*parts)
        raise ConnectionAbortedError

    return answer


def head(*lines: bytes) -> bytes:
    """Make the head of a 201."""
    return b"\r\n".join([b"HTTP/1.1 201 Created", *lines, b"", b""])


def _drip_body(talk: Talk) -> None:
    talk.send(head(b"Content-Length: 60000"))
    talk.drip(b" ")


def _drip_headers(talk: Talk) -> None:
    talk.drip(b"HTTP/1.1 201 Created\r\nX: " + b"x" * 50_000)


def _endless_body(talk: Talk) -> None:
    talk.send(head(b"Transfer-Encoding: chunked"))
    talk.flood(b"1000\r\n", b"x" * 0x1000, b"\r\n")


def _endless_packed(talk: Talk) -> None:
    talk.send(head(b"Content-Encoding: gzip", b"Transfer-Encoding: chunked"))
    talk.flood(b"1000\r\n", b"\x00" * 0x1000, b"\r\n")


def _endless_headers(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 201 Created\r\n")
    talk.flood(b"X: ", b"x" * 1000, b"\r\n")


def _endless_header(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 201 Created\r\nX: ")
    talk.flood(b"x" * 1000)


def _endless_continue(talk: Talk) -> None:
    talk.drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0.001)


_RECEIPT = {"submissionRef": "r", "errors": []}
_TOKEN = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3599}
_NESTED = b"[" * 60_000
_TOMORROW = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)

ODD: dict[str, Behaviour] = {
    "200 and a page": says(200, _PAGE, "text/html"),
    "200 and nothing": says(200),
    "204": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "deep nesting": says(200, _NESTED),
    "bad UTF-8": says(200, b'{"access_token": "\xff\xfe"}'),
    "endless body": _endless_body,
    "endless packed body": _endless_packed,
    "endless headers": _endless_headers,
    "endless header": _endless_header,
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "302 to a portal": says(302, _PAGE, "text/html", "Location: http://portal.example/login"),
    "307 to the same host": says(307, b"", "text/plain", "Location: /attendances"),
    "page with 403": says(403, _PAGE, "text/html"),
}
"""Something answers, and it is not the DfE: exit 8."""

AWAY: dict[str, Behaviour] = {
    "hangs": Talk.hang,
    "resets": Talk.reset,
    "hangs up": raw(),
    "drips its headers": _drip_headers,
    "drips its body": _drip_body,
    "says continue for ever": _endless_continue,
    "truncated": raw(head(b"Content-Length: 60000"), b"[{"),
}
"""The network: exit 5."""


def cases(other: str) -> list[Case]:
    """List all strangers; `other` is the address of another host, which must never be called."""
    at_api = [
        *(Case(f"api: {name}", 8, "DFE-ANSWER", api=how) for name, how in ODD.items()),
        *(Case(f"api: {name}", 5, "DFE-UNREACHABLE", api=how) for name, how in AWAY.items()),
        *(
            Case(f"api: 201 {name}", 8, "DFE-ANSWER", api=says(201, body))
            for name, body in {
                "and nothing": b"",
                "wrong types": [{"submissionRef": 7, "errors": "none"}],
                "NaN": b'[{"submissionRef": "r", "errors": NaN}]',
                "deep nesting": _NESTED,
                "bad UTF-8": b'[{"submissionRef": "\xff", "errors": []}]',
                "cut off": json.dumps([_RECEIPT])[:-3],
                "null": b"null",
                "page": _PAGE,
                "large": json.dumps([_RECEIPT]) + " " * 70_000,
            }.items()
        ),
        Case("api: 307 to another host", 8, "DFE-ANSWER", api=says(307, b"", "text/plain", f"Location: {other}/x")),
        Case(
            "api: 400 with evil words", 1, "DFE-REJECTED", api=says(400, {"title": "No", "detail": _EVIL}), words="***"
        ),
        Case("api: 400 with nothing", 1, "DFE-REJECTED", api=says(400, b"")),
        Case("api: 400 with a page", 8, "DFE-ANSWER", api=says(400, _PAGE, "text/html")),
        Case("api: 401 for ever", 4, "SIGNIN-REFUSED", api=says(401, {"message": _EVIL})),
        Case("api: 403", 4, "SIGNIN-REFUSED", api=says(403, {"message": _EVIL})),
        Case("api: 404", 8, "DFE-ANSWER", api=says(404, {"message": "nothing here"})),
        Case("api: 410", 4, "DFE-CLOSED", api=says(410, {"message": "closed"})),
        Case("api: 429", 5, "DFE-BUSY", api=says(429, b"", "text/plain", "Retry-After: 0"), words="4 tries"),
        Case("api: 429, wait for hours", 5, "DFE-BUSY", api=says(429, b"", "text/plain", "Retry-After: 9999")),
        Case("api: 503, wait for a day", 5, "DFE-BUSY", api=says(503, b"", "text/html", f"Retry-After: {_TOMORROW}")),
        Case("api: 500", 5, "DFE-BUSY", api=says(500, _EVIL, "text/html")),
        Case(
            "api: 201 with evil faults",
            1,
            "DFE-FAULTS",
            api=says(201, [_RECEIPT | {"errors": [{"code": "VAL999", "title": _EVIL, "path": _EVIL}]}]),
            words="***",
        ),
        Case(
            "api: 201 with an evil reference",
            0,
            "",
            api=says(201, [_RECEIPT | {"submissionRef": "r \x1b[2J" + TOKEN}]),
        ),
    ]
    at_token = [
        *(Case(f"token: {name}", 8, "DFE-ANSWER", token=how) for name, how in ODD.items()),
        *(Case(f"token: {name}", 5, "DFE-UNREACHABLE", token=how) for name, how in AWAY.items()),
        *(
            Case(f"token: {name}", 8, "DFE-ANSWER", token=says(200, body))
            for name, body in {
                "null": _TOKEN | {"access_token": None},
                "two lines": _TOKEN | {"access_token": "a\r\nX: y"},
                "a list": [_TOKEN],
                "life of an hour": _TOKEN | {"expires_in": "one hour"},
                "life without end": json.dumps(_TOKEN | {"expires_in": float("inf")}),
                "other kind": _TOKEN | {"token_type": "mac"},
                "too large": _TOKEN | {"x": "x" * 70_000},
            }.items()
        ),
        Case("token: 307 to another host", 8, "DFE-ANSWER", token=says(307, b"", "text/plain", f"Location: {other}/x")),
        Case(
            "token: refused", 4, "SIGNIN-REFUSED", token=says(401, {"error": "invalid_client"}), words="invalid_client"
        ),
        Case(
            "token: refused with evil words",
            4,
            "SIGNIN-REFUSED",
            token=says(400, {"error": SECRET, "error_description": _EVIL}),
        ),
        Case("token: 400 without a word", 8, "DFE-ANSWER", token=says(400, {"title": _EVIL})),
        Case("token: 503", 5, "DFE-BUSY", token=says(503, b""), words="4 tries"),
        Case("token: clock", 2, "CLOCK", token=_token_of_tomorrow),
    ]
    at_tls = [
        Case(f"tls: {name}", 8, "DFE-CERTIFICATE", certificate=name) for name in ("other_host", "expired", "unknown")
    ]
    return [
        *at_api,
        *at_token,
        *at_tls,
        Case("tls: 1.1", 8, "DFE-CERTIFICATE", tls_version=ssl.TLSVersion.TLSv1_1),
        Case("tls: none", 8, "DFE-CERTIFICATE", certificate=""),
    ]


def _token_of_tomorrow(talk: Talk) -> None:
    body = json.dumps(_TOKEN).encode()
    length = f"Content-Length: {len(body)}".encode()
    talk.send(b"HTTP/1.1 200 OK\r\nDate: ", _TOMORROW.encode(), b"\r\n", length, b"\r\n\r\n", body)


def meet(case: Case, attsync: Runner, folder: Path, identity: Identity) -> list[str]:
    """Send once to this stranger; say all that went wrong."""
    folder.mkdir(parents=True)
    school = SchoolDatabase(folder / "school.db")
    school.enrol()
    school.mark(days(1)[0], PRESENT=27, I=3)
    school.change("UPDATE marks SET name = ?", NAME)
    certificate = getattr(identity, case.certificate) if case.certificate else None
    plain = None if certificate else _speak_plainly
    with Stranger(
        certificate, token=case.token, api=case.api, tls_version=case.tls_version, on_connect=plain
    ) as stranger:
        loaded = settings(
            folder, origin=stranger.origin, dfe_lines=f'connections = 1\nca_file = "{identity.ca}"', path="/token"
        )
        give_consent(loaded, OAKFIELD)
        ended = attsync(folder, "send", "--quiet", "-vv", seconds=SECONDS)
    wrong = [] if ended.exit_code == case.exit_code else [f"exit {ended.exit_code}: {ended.said}"]
    if case.problem and f"[{case.problem}]" not in ended.stderr:
        wrong.append(f"no [{case.problem}] in: {ended.said}")
    if case.words not in ended.stderr:
        wrong.append(f"no {case.words!r} in: {ended.said}")
    if "Traceback" in ended.said or any(ord(sign) < 32 and sign != "\n" for sign in ended.said):
        wrong.append(f"traceback or control characters: {ended.said!r}")
    if case.certificate != "good" and stranger.requests:
        wrong.append("something was said to a server that is not trusted")
    if len(stranger.posts) > 4 or len(stranger.requests) > 9:
        wrong.append(f"{len(stranger.requests)} requests")
    if ended.grown > _MOST_MEMORY:
        wrong.append(f"memory grew by {ended.grown} KiB")
    with closing(connect(loaded.log.path)) as log:
        states = [state for (state,) in log.execute("SELECT state FROM submission")]
    if case.exit_code and "accepted" in states:
        wrong.append("wrong outcome: accepted")
    return wrong + found_secrets(folder, (*SECRETS, TOKEN))


def _speak_plainly(raw_connection: object) -> None:
    raw_connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")  # type: ignore[attr-defined]
