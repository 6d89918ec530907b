"""The meaning of an answer of the DfE, or of none: received, faulty, rejected, busy, or not the DfE.

See docs/design/reliability.md 2 and 4. Takes statuses, headers and bytes, returns judgements; the server's words pass
through `clean`. Imports nothing that sends requests.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from attsync.codes import year_groups
from attsync.dfe.connection import Answer
from attsync.dfe.network import BadResponse, NoAnswer, NotSent, ProxyRefused, TlsRefused
from attsync.dfe.tls import Distrust
from attsync.model import Fault, State
from attsync.problems import Problem
from attsync.settings import DfeSettings
from attsync.wire import parse_json, read_receipt, read_rejection

PASSING: Final = {408, 409, 425, 429, 500, 502, 503, 504}
_SHORT: Final = 60
"""Characters that fit into a cell of a table."""
_MOST_PLACES: Final = 3
_URN_REJECTED: Final = {"VAL100", "VAL101", "VAL102"}
_KNOWN_FAULTS: Final = {"VAL103": "year-group", "VAL104": "attendance-code", "VAL105": "count"}
"""The DfE's code -> the case of DFE-FAULTS."""
Clean = Callable[..., tuple[str, ...]]
"""Takes texts of the server and returns each safe to show."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of one try."""

    state: State
    answer: str
    """In a few words, for the table of tries; empty if there was no request."""
    problem: Problem | None = None
    reference: str | None = None
    faults: tuple[Fault, ...] = ()
    again: bool = False
    """Worth another try."""
    wait_seconds: float = 0.0
    """What Retry-After asks for."""
    ends_run: bool = False
    """Every other message of this run would fail in the same way."""


def judge(  # noqa: PLR0911  one line per status
    settings: DfeSettings, body: bytes, answer: Answer, clean: Clean
) -> Judgement:
    """Return the judgement on an answer to `POST /attendances`."""
    url, status = settings.base_url, answer.status
    if status == 201:  # noqa: PLR2004  the contract's own status
        return _judge_receipt(url, body, answer, clean)
    if is_html(answer) and status not in PASSING:
        return stranger(url, status)
    if status in {401, 403}:
        return Judgement(State.FAILED, words_of(status), token_refused(settings, status), ends_run=True)
    if status == 410 and _is_object(answer.content):  # noqa: PLR2004
        problem = Problem("DFE-CLOSED", host=_host(url))
        return Judgement(State.REJECTED, words_of(status), problem, ends_run=True)
    if status == 404:  # noqa: PLR2004
        return stranger(url, status, State.REJECTED)
    if status == 500 and b"Incorrect content type" in answer.content:  # noqa: PLR2004
        return _rejected(answer, clean)  # docs/design/domain.md 2: an error of the sender, although it is 5xx
    if status in PASSING:
        return busy(url, answer)
    return _rejected(answer, clean) if 400 <= status < 500 and status != 410 else stranger(url, status)  # noqa: PLR2004


def busy(url: str, answer: Answer) -> Judgement:
    """Return the judgement on a busy or failing server: worth another try."""
    # After 429 the message was certainly not stored; after the others it may have been.
    state = State.FAILED if answer.status == 429 else State.UNKNOWN  # noqa: PLR2004
    problem = Problem("DFE-BUSY", host=_host(url), status=answer.status)
    wait = retry_after(answer.headers.get("Retry-After", ""), datetime.now(UTC))
    return Judgement(state, words_of(answer.status), problem, again=True, wait_seconds=wait)


def stranger(url: str, status: int | None, state: State = State.UNKNOWN) -> Judgement:
    """Return the judgement that another server than the DfE's answered. `status`: None if too large, or not HTTP."""
    return Judgement(state, words_of(status) if status else "too large, or not recognised", not_the_dfe(url, status))


def not_the_dfe(url: str, status: int | None) -> Problem:
    """Return the problem that another server than the DfE's answers."""
    return Problem("DFE-ANSWER", host=_host(url), status=status)


def judge_no_answer(settings: DfeSettings, url: str, reason: NoAnswer) -> Judgement:
    """Return the judgement if no answer came, or none that could be read."""
    place: dict[str, object] = {"host": _host(url)}
    if isinstance(reason, NotSent) and reason.by_proxy and settings.proxy:
        place = {"proxy": _host(settings.proxy.get_secret_value()), "setting": ("dfe", "proxy")}
    match reason:
        case TlsRefused():
            if reason.why not in {Distrust.OTHER_NAME, Distrust.NO_TLS}:
                place.pop("setting", None)  # its address is right; the case names what to change
            problem = Problem("DFE-CERTIFICATE", reason.why, **place)
            return Judgement(State.FAILED, "certificate not trusted", problem, ends_run=True)
        case ProxyRefused() if reason.status not in PASSING:
            case = {0: "not-a-proxy", 407: "proxy-sign-in"}.get(reason.status, "proxy-refuses")
            problem = Problem("DFE-ANSWER", case, status=reason.status or None, **place)
            return Judgement(State.FAILED, "refused by the proxy", problem, ends_run=True)
        case BadResponse():
            return stranger(url, None)
        case _:
            status = reason.status if isinstance(reason, ProxyRefused) else None
            problem = Problem("DFE-UNREACHABLE", reason.case, status=status, **place)
            state = State.FAILED if isinstance(reason, NotSent) else State.UNKNOWN
            return Judgement(state, str(reason), problem, again=True)


def token_refused(settings: DfeSettings, status: int) -> Problem:
    """Return the problem that the DfE signed in the client, but its service refused the token or the key."""
    case = "key" if settings.subscription_key_file else "token"
    return Problem("SIGNIN-REFUSED", case, client=settings.client_id, status=status)


def retry_after(text: str, now: datetime) -> float:
    """Return the seconds that a Retry-After header asks for; 0 if it is absent, past or makes no sense."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    then = http_date(text)
    return max(0.0, (then - now).total_seconds()) if then else 0.0


def http_date(text: str) -> datetime | None:
    """Return the date of a header; None if it is not one, or an impossible one."""
    try:
        at = parsedate_to_datetime(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def words_of(status: int) -> str:
    """Return a status in a few words, for the table of tries."""
    words = {
        201: "received",
        401: "sign-in refused",
        403: "sign-in refused",
        404: "not found",
        408: "too slow",
        409: "busy",
        410: "closed",
        425: "busy",
        429: "busy",
    }
    kind = {3: "redirected", 4: "rejected", 5: "busy"}
    return f"{status} {words.get(status) or kind.get(status // 100, 'not recognised')}"


def is_html(answer: Answer) -> bool:
    """Whether the answer is a page for people: of a web filter, or of a captive portal."""
    return "html" in answer.headers.get("Content-Type", "").lower()


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(parse_json(content), dict)
    except ValueError:
        return False


def _judge_receipt(url: str, body: bytes, answer: Answer, clean: Clean) -> Judgement:
    receipt = read_receipt(answer.content, body)
    if receipt is None:
        return stranger(url, answer.status)
    said, faults = receipt
    reference, *texts = clean(said, *(text for fault in faults for text in (fault.text, fault.code)))
    if not faults:
        return Judgement(State.ACCEPTED, words_of(answer.status), reference=reference)
    faults = tuple(
        Fault(code, fault.cell, fault.attendance_code, text)
        for fault, text, code in zip(faults, texts[::2], texts[1::2], strict=True)
    )
    return Judgement(State.FAULTY, "201 with faults", _fault_problem(faults), reference=reference, faults=faults)


def _fault_problem(faults: tuple[Fault, ...]) -> Problem:
    """Return the problem of the first kind of fault, and where the first few of that kind are."""
    first = faults[0]
    case = _KNOWN_FAULTS.get(first.code, "")
    same = [fault for fault in faults if (fault.code, fault.text) == (first.code, first.text)]
    places = list(dict.fromkeys(filter(None, map(_place, same))))
    return Problem(
        "DFE-FAULTS",
        case or ("said" if 0 < len(first.text) <= _SHORT else ""),
        faults=len(faults),
        kind=first.code,
        said=None if case else first.text,
        value=first.attendance_code,
        places=places[:_MOST_PLACES],
        more=len(places[_MOST_PLACES:]),
    )


def _place(fault: Fault) -> str:
    code = f' "{fault.attendance_code}"' if fault.attendance_code else ""
    return f"{year_groups()[fault.cell.year_group]} {fault.cell.session}{code}" if fault.cell else ""


def _rejected(answer: Answer, clean: Clean) -> Judgement:
    rejection = read_rejection(answer.content)
    if rejection.code in _URN_REJECTED:
        problem = Problem("DFE-REJECTED", "urn", status=answer.status, kind=rejection.code)
    else:
        said = " ".join(filter(None, clean(rejection.title or "", rejection.detail or "")))
        case = "said" if 0 < len(said) <= _SHORT else ""
        problem = Problem("DFE-REJECTED", case, status=answer.status, said=said)
    return Judgement(State.REJECTED, words_of(answer.status), problem)


def _host(url: str) -> str:
    """Return the host and port of an address, without the user and password that that of a proxy may have."""
    return urlsplit(url).netloc.rpartition("@")[2]
