"""Answers that go wrong on purpose, each for one post: `attsync sandbox --faults busy,none,faulty`."""

from collections import deque
from enum import StrEnum
from typing import Final, NamedTuple

SLOW_SECONDS: Final = 5.0
"""How long a slow answer takes; the real service took up to 60 s to wake up."""

_WEB_FILTER = "<!DOCTYPE html><html><title>Web filter</title><h1>This page is blocked</h1></html>"


class Fault(StrEnum):
    """One way in which the answer to a post can go wrong."""

    NONE = "none"
    """Nothing: the post is answered by its content."""
    BUSY = "busy"
    """503."""
    BUSY_RETRY_AFTER = "busy-retry-after"
    """429 with `Retry-After: 1`."""
    CLOSED = "closed"
    """410: the service has ended."""
    HTML = "html"
    """200 and a page of HTML, as a web filter in between answers."""
    UNAUTHORISED_ONCE = "unauthorised-once"
    """401, and the token of this post is no longer valid; a new one is."""
    REJECT = "reject"
    """400 with VAL102: the URN is not found."""
    FAULTY = "faulty"
    """201 with VAL104 for the first count of the post."""
    LOST = "lost"
    """The post is taken, but the connection breaks before the answer arrives."""
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
    headers: dict[str, str] = {}  # noqa: RUF012  no one changes it


INSTEAD: Final = {
    Fault.BUSY: Answer(503, {"statusCode": 503, "message": "Service unavailable"}),
    Fault.BUSY_RETRY_AFTER: Answer(
        429, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds."}, {"Retry-After": "1"}
    ),
    Fault.CLOSED: Answer(410, {"statusCode": 410, "message": "This service has closed"}),
    Fault.REDIRECT: Answer(302, _WEB_FILTER, {"Content-Type": "text/html", "Location": "http://portal.example/"}),
    Fault.UNRULY: Answer(400, {"title": "\x1b[2J\x1b[31m[bold]No[/bold] \u202eon", "detail": "\x07\r\n[/nonsense]"}),
    Fault.HTML: Answer(200, _WEB_FILTER, {"Content-Type": "text/html"}),
}
"""What something in front of the service answers: the post is not read."""


def parse_faults(text: str) -> deque[Fault]:
    """Read a list such as "busy,busy,faulty". Raise ValueError, in words for a person, for an unknown name."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in tuple(Fault)]:
        raise ValueError(f'"{unknown[0]}" is not a fault of the sandbox. It has {", ".join(Fault)}.')
    return deque(map(Fault, names))


def next_fault(faults: deque[Fault]) -> Fault:
    """Remove and return the next fault; without any left, NONE. Safe to call from several threads."""
    try:
        return faults.popleft()
    except IndexError:
        return Fault.NONE
