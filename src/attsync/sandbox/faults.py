"""Answers that go wrong on purpose, each for one post: `attsync sandbox --faults busy,none,faulty`."""

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from attsync.sandbox.server import Answer

SLOW_SECONDS: Final = 5.0
"""How long a slow answer takes; the real service took up to 60 s to wake up."""


class Fault(StrEnum):
    """One way in which the answer to a post can go wrong. Those without a comment are in `INSTEAD`."""

    NONE = "none"  # the post is answered by its content
    BUSY = "busy"
    BUSY_RETRY_AFTER = "busy-retry-after"
    CLOSED = "closed"
    HTML = "html"
    UNAUTHORISED_ONCE = "unauthorised-once"  # 401, and the token of this post is no longer valid; a new one is
    REJECT = "reject"  # 400 with VAL102: the URN is not found
    FAULTY = "faulty"  # 201 with VAL104 for the first count of the post
    LOST = "lost"  # the post is stored, but the connection breaks before the answer arrives
    GARBLED = "garbled"  # 201 and half a receipt
    REDIRECT = "redirect"
    UNRULY = "unruly"
    SLOW = "slow"  # the right answer, but only after SLOW_SECONDS


_WEB_FILTER: Final = "<!DOCTYPE html><html><title>Web filter</title><h1>This page is blocked</h1></html>"
_HTML: Final = {"Content-Type": "text/html"}

INSTEAD: Final[Mapping[Fault, Answer]] = {
    Fault.BUSY: Answer(503, {"statusCode": 503, "message": "Service unavailable"}),
    Fault.BUSY_RETRY_AFTER: Answer(
        429, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds."}, {"Retry-After": "1"}
    ),
    Fault.CLOSED: Answer(410, {"statusCode": 410, "message": "This service has closed"}),
    # A web filter answers instead, or the sign-in page of a guest network.
    Fault.HTML: Answer(200, _WEB_FILTER, _HTML),
    Fault.REDIRECT: Answer(302, _WEB_FILTER, _HTML | {"Location": "http://portal.example/"}),
    # Text that could change a screen: escape sequences, markup, right-to-left text.
    Fault.UNRULY: Answer(400, {"title": "\x1b[2J\x1b[31m[bold]No[/bold] \u202eon", "detail": "\x07\r\n[/nonsense]"}),
}
"""What something in front of the service answers: the post is not read."""


def parse_faults(text: str) -> deque[Fault]:
    """Read a list such as "busy,busy,faulty". Raise ValueError, with a sentence for a person, for an unknown name."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in tuple(Fault)]:
        raise ValueError(f'"{unknown[0]}" is not a fault of the sandbox. It has {", ".join(Fault)}.')
    return deque(map(Fault, names))
