"""Answers that go wrong on purpose, in an order that is written down beforehand.

Each fault is for one post and is used up by it. A test or `attsync sandbox --faults busy,none,faulty` lists them.
Knows answers; refuses to know messages.
"""

from collections import deque
from enum import StrEnum
from typing import Final, NamedTuple

SLOW_SECONDS: Final = 5.0
"""How long a slow answer takes: a service that wakes up, in little (DOMAIN.md 2: up to 60 s)."""

_WEB_FILTER = "<!DOCTYPE html><html><title>Web filter</title><h1>This page is blocked</h1></html>"


class Fault(StrEnum):
    """One way in which the answer to a post can go wrong."""

    NONE = "none"
    """Nothing: the post is answered as it deserves."""
    BUSY = "busy"
    """503."""
    BUSY_RETRY_AFTER = "busy-retry-after"
    """429 with `Retry-After: 1`."""
    CLOSED = "closed"
    """410: the service has ended."""
    HTML = "html"
    """200 and a page of HTML, as a web filter in between answers."""
    UNAUTHORISED_ONCE = "unauthorised-once"
    """401, and the token of this post counts no longer; a new one does."""
    REJECT = "reject"
    """400 with VAL102: the URN is not found."""
    FAULTY = "faulty"
    """201 with VAL104 for the first count of the post."""
    LOST = "lost"
    """The post is answered as it deserves, but the connection breaks before the answer arrives."""
    GARBLED = "garbled"
    """201 and half a receipt."""
    REDIRECT = "redirect"
    """302 to the sign-in page of a guest network."""
    UNRULY = "unruly"
    """400 in words that play tricks on a screen: escape sequences, markup, text that runs backwards."""
    SLOW = "slow"
    """The right answer, but only after SLOW_SECONDS."""


class Answer(NamedTuple):
    """One answer, ready to be sent."""

    status: int
    body: object
    """Text (a page of HTML) as it is; anything else becomes JSON."""
    headers: dict[str, str] = {}  # noqa: RUF012  nobody changes it


INSTEAD: Final = {
    Fault.BUSY: Answer(503, {"statusCode": 503, "message": "Service unavailable"}),
    Fault.BUSY_RETRY_AFTER: Answer(
        429, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds."}, {"Retry-After": "1"}
    ),
    Fault.CLOSED: Answer(410, {"statusCode": 410, "message": "This service has closed"}),
    Fault.GARBLED: Answer(201, '[{"submissionRef": "5f0c'),
    Fault.REDIRECT: Answer(302, _WEB_FILTER, {"Content-Type": "text/html", "Location": "http://portal.example/"}),
    Fault.UNRULY: Answer(400, {"title": "\x1b[2J\x1b[31m[bold]No[/bold] \u202eon", "detail": "\x07\r\n[/nonsense]"}),
    Fault.HTML: Answer(200, _WEB_FILTER, {"Content-Type": "text/html"}),
}
"""What is answered by something that stands before the service: the post is not looked at."""


def parse_faults(text: str) -> deque[Fault]:
    """Read a list such as "busy,busy,faulty". Raises ValueError, in words for a person, where a name is not known."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in tuple(Fault):
            raise ValueError(f'"{name}" is not a fault that the sandbox can show: it knows {", ".join(Fault)}.')
    return deque(map(Fault, names))


def next_fault(faults: deque[Fault]) -> Fault:
    """Use up the next fault; without any left, nothing goes wrong. Safe to call from several threads."""
    try:
        return faults.popleft()
    except IndexError:
        return Fault.NONE
