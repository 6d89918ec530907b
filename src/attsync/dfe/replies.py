"""What an answer of the DfE means: received, faulty, rejected, busy, or not the DfE at all (RELIABILITY.md 2 and 4).

Statuses, headers and bytes in, judgements out; the clock is asked only how long Retry-After means. What a stranger
says is shown only cleaned. Refuses to know how an answer came, and what is done about it.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from attsync.codes import year_groups
from attsync.dfe.connection import Answer, BadResponse, NoAnswer, NotSent, TlsRefused
from attsync.dfe.tls import Distrust
from attsync.model import Fault, State
from attsync.plural import plural
from attsync.problems import Problem
from attsync.settings import DfeSettings
from attsync.wire import read_receipt, read_rejection

_PASSING: Final = {408, 409, 425, 429, 500, 502, 503, 504}
_LONGEST_TEXT: Final = 300
_LONGEST_WORDS: Final = 60


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one try came to."""

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
    """Every other message of this run would fare the same."""


def judge(  # noqa: PLR0911  a line a status
    settings: DfeSettings, body: bytes, answer: Answer, hide: Callable[[str], str]
) -> Judgement:
    """Say what the answer to `POST /attendances` means. `hide` takes secrets out of a stranger's words."""
    url = settings.base_url
    if answer.status == 201:  # noqa: PLR2004  the contract's own status
        return _judge_receipt(url, body, answer, hide)
    if "html" in answer.headers.get("Content-Type", "").lower() and answer.status not in _PASSING:
        return stranger(url, answer.status)
    if answer.status in (401, 403):
        return Judgement(State.FAILED, words_of(answer.status), _token_refused(settings, answer.status), ends_run=True)
    if answer.status == 410:  # noqa: PLR2004
        return Judgement(
            State.REJECTED,
            "410 closed",
            Problem(
                "DFE-CLOSED",
                "The DfE has closed this service (410).",
                "Ask IT to find out where attendance is to be sent now; no send can work until then.",
                not_done="Nothing more was sent.",
            ),
            ends_run=True,
        )
    if answer.status == 404:  # noqa: PLR2004
        return stranger(url, answer.status, State.REJECTED)
    if answer.status == 500 and b"Incorrect content type" in answer.content:  # noqa: PLR2004
        return _rejected(answer, hide)  # DOMAIN.md 2: a fault of the sender, though it is 5xx
    if answer.status in _PASSING:
        return judge_other(url, answer)
    return _rejected(answer, hide) if 400 <= answer.status < 500 else stranger(url, answer.status)  # noqa: PLR2004


def judge_other(url: str, answer: Answer) -> Judgement:
    """Say that a busy or failing server is worth another try."""
    # After 429 the message was surely not taken; after the others it may have been.
    state = State.FAILED if answer.status == 429 else State.UNKNOWN  # noqa: PLR2004
    problem = Problem(
        "DFE-BUSY",
        f"The DfE service at {_host(url)} was busy ({answer.status}).",
        "Nothing to do: the next send covers this.",
    )
    wait = retry_after(answer.headers.get("Retry-After", ""), datetime.now(UTC))
    return Judgement(state, words_of(answer.status), problem, again=True, wait_seconds=wait)


def stranger(url: str, status: int | None, state: State = State.UNKNOWN) -> Judgement:
    """Judge what is not the DfE's service. `status` is None if the answer was too large, or not HTTP."""
    return Judgement(state, words_of(status) if status else "too large, or odd", not_the_dfe(url, status))


def not_the_dfe(url: str, status: int | None) -> Problem:
    """Say that something else answers than the DfE's service."""
    return Problem(
        "DFE-ANSWER",
        f"Something answers at {_host(url)}, but not as the DfE's service does"
        f"{f' (status {status})' if status else ''}.",
        "Ask IT to check the addresses under [dfe] in the settings file, and whether a web filter or proxy answers"
        " instead of the DfE.",
        not_done="Nothing was confirmed.",
        setting=("dfe", "base_url"),
    )


def judge_no_answer(url: str, reason: NoAnswer) -> Judgement:
    """Say what it means that no answer came, or none that could be read."""
    match reason:
        case TlsRefused():
            return _distrusted(url, reason)
        case BadResponse():
            return stranger(url, None)
        case NotSent():
            state = State.FAILED
        case _:
            state = State.UNKNOWN
    words = str(reason)
    is_proxys = isinstance(reason, NotSent) and reason.by_proxy
    problem = Problem(
        "DFE-UNREACHABLE",
        f"The DfE service at {_host(url)} could not be reached: {words}.",
        "Nothing to do at first: the next send covers this. If it stays so, ask IT to check "
        + (
            "the proxy, and [dfe] proxy in the settings file."
            if is_proxys
            else "the internet connection, and [dfe] base_url and token_url in the settings file."
        ),
        setting=("dfe", "proxy" if is_proxys else "base_url"),
    )
    return Judgement(state, words, problem, again=True)


def signing_in_refused(settings: DfeSettings, error: str | None = None) -> Problem:
    """Say that the DfE does not accept who we are."""
    why = f" ({error})" if error else ""
    return Problem(
        "SIGNIN-REFUSED",
        f'The DfE refused the sign-in of the client "{settings.client_id}"{why}.',
        "Ask IT to check [dfe] client_id, token_url and the secret files against what the DfE gave you.",
        not_done="Nothing was received.",
        setting=("dfe", "client_id"),
    )


def _token_refused(settings: DfeSettings, status: int) -> Problem:
    """Say that the DfE signed us in, and its service then would not have the token, or the subscription key."""
    key = " or the subscription key" if settings.subscription_key_file else ""
    return Problem(
        "SIGNIN-REFUSED",
        f'The DfE signed in the client "{settings.client_id}", and its service then refused the token{key} ({status}).',
        f"Ask IT to check {'[dfe] subscription_key_file, then ' if key else ''}[dfe] base_url, scope and client_id"
        " against what the DfE gave you.",
        not_done="Nothing was received.",
        setting=("dfe", "subscription_key_file" if key else "base_url"),
    )


def _distrusted(url: str, reason: TlsRefused) -> Judgement:
    """Say that the server could not prove who it is, and why."""
    who = "The proxy" if reason.by_proxy else f"The server at {_host(url)}"
    whose = "the one of the settings" if reason.by_proxy else "the DfE's"
    todo, setting = _what_to_do(reason)
    return Judgement(
        State.FAILED,
        "certificate not trusted",
        Problem(
            "DFE-CERTIFICATE",
            f"{who} cannot prove that it is {whose}: {reason.why}.",
            todo,
            not_done="Nothing was sent.",
            setting=setting,
        ),
        ends_run=True,
    )


def _what_to_do(reason: TlsRefused) -> tuple[str, tuple[str, ...]]:
    """Give what to do about a certificate, and the setting that it is about."""
    match reason.why:
        case Distrust.EXPIRED | Distrust.NOT_YET:
            todo = "Ask IT to check this computer's date; if it is right, whoever runs that server has to renew it."
            return todo, ()
        case Distrust.OTHER_NAME if not reason.by_proxy:
            todo = "Ask IT to check the host names in [dfe] base_url and token_url in the settings file."
            return todo, ("dfe", "base_url")
        case Distrust.OTHER_NAME | Distrust.NO_TLS if reason.by_proxy:
            return "Ask IT to check the address in [dfe] proxy in the settings file.", ("dfe", "proxy")
        case Distrust.NO_TLS:
            todo = "Ask IT to check [dfe] base_url and token_url, and whether a web filter answers instead of the DfE."
            return todo, ("dfe", "base_url")
        case _:
            todo = (
                "Ask IT: where a web filter inspects TLS, name its certificate under [dfe] ca_file in the settings"
                " file. Never trust one that nobody knows."
            )
            return todo, ("dfe", "ca_file")


def retry_after(text: str, now: datetime) -> float:
    """Give the seconds that a Retry-After header asks for; 0 if it is absent, past or makes no sense."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    then = http_date(text)
    return max(0.0, (then - now).total_seconds()) if then else 0.0


def http_date(text: str) -> datetime | None:
    """Read a date of a header; None if it is none, or so far off that no clock could show it."""
    try:
        at = parsedate_to_datetime(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def words_of(status: int) -> str:
    """Say a status in two words."""
    words = {
        201: "received",
        400: "rejected",
        401: "sign-in refused",
        403: "sign-in refused",
        404: "not found",
        408: "too slow",
        409: "busy",
        410: "closed",
        422: "rejected",
        425: "busy",
        429: "busy",
    }
    kind = {1: "odd answer", 2: "odd answer", 3: "redirected", 4: "rejected", 5: "busy"}
    return f"{status} {words.get(status) or kind.get(status // 100, 'odd answer')}"


def clean(text: str) -> str:
    """Make a stranger's text fit to show: no control or bidirectional characters, at most 300."""
    shown = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= _LONGEST_TEXT else shown[: _LONGEST_TEXT - 1] + "…"


def _judge_receipt(url: str, body: bytes, answer: Answer, hide: Callable[[str], str]) -> Judgement:
    receipt = read_receipt(answer.content, body)
    if receipt is None:
        return stranger(url, answer.status)
    reference, faults = receipt
    reference = clean(hide(reference))
    if not faults:
        return Judgement(State.ACCEPTED, "201 received", reference=reference)
    faults = tuple(Fault(clean(hide(f.code)), f.cell, f.attendance_code, clean(hide(f.text))) for f in faults)
    return Judgement(State.FAULTY, "201 with faults", _fault_problem(faults), reference=reference, faults=faults)


def _fault_problem(faults: tuple[Fault, ...]) -> Problem:
    shown = "; ".join(dict.fromkeys(f"{_place(fault)}{_fault_words(fault)} ({fault.code})" for fault in faults[:3]))
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""  # noqa: PLR2004
    return Problem(
        "DFE-FAULTS",
        f"The DfE stored this day and found {plural(len(faults), 'fault')}: {shown}{more}.",
        "Correct these marks in the MIS, or their map in the settings file; the next send covers this.",
        words=_if_short(_fault_words(faults[0])),
    )


def _place(fault: Fault) -> str:
    return f"{year_groups()[fault.cell.year_group]} {fault.cell.session}: " if fault.cell else ""


def _fault_words(fault: Fault) -> str:
    what = {"VAL103": "year group not known", "VAL104": "attendance code not known", "VAL105": "count not accepted"}
    code = f'"{fault.attendance_code}" ' if fault.attendance_code else ""
    return f"{code}{what.get(fault.code) or fault.text or 'no reason given'}"


def _if_short(words: str) -> str:
    """Leave out what is too long for a cell of a table."""
    return words if len(words) <= _LONGEST_WORDS else ""


def _rejected(answer: Answer, hide: Callable[[str], str]) -> Judgement:
    said = read_rejection(answer.content)
    if said.code in ("VAL100", "VAL101", "VAL102"):
        problem = Problem(
            "DFE-REJECTED",
            f"The DfE does not know this school's URN ({said.code}).",
            "Check the URN in the settings file: an academy conversion or a merger brings a new one.",
            not_done="This day was not received.",
            words="the DfE does not know this school's URN",
        )
    else:
        words = ": ".join(
            filter(None, (str(answer.status), clean(hide(" ".join(filter(None, (said.title, said.detail)))))))
        )
        problem = Problem(
            "DFE-REJECTED",
            f"The DfE rejected this day ({words}).",
            "Ask IT to look at this day (--date) in: attsync status",
            not_done="It was not received.",
            words=_if_short(words),
        )
    return Judgement(State.REJECTED, words_of(answer.status), problem)


def _host(url: str) -> str:
    return urlsplit(url).netloc
