"""The kinds of values that settings take: each checked, and refused in words that say what to write instead.

Refuses to repeat a value in a message: any of them may turn out to be a secret that was put in the wrong place.
"""

import re
from collections.abc import Callable, Collection
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from attsync import codes
from attsync.model import URNS, Session
from attsync.settings.words import near

_HOST: Final = r"(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
_PATH: Final = r"(?:/(?:[a-z0-9._~!$&'()*+,;=:@/-]|%[0-9a-f]{2})*)?"
_HTTPS: Final = re.compile(f"https://{_HOST}{_PATH}", re.IGNORECASE)
_PROXY: Final = re.compile(rf"https?://(?:[^\s/@]+@)?{_HOST}/?", re.IGNORECASE)
_HTTPS_PORT: Final = 443
_LAST_PORT: Final = 65535
_ANY_DATABASE: Final = re.compile(r"[a-z][a-z0-9]*(?:\+[a-z0-9_]+)?://.*")
_RELATIVE_SQLITE: Final = re.compile(r"(sqlite(?:\+[a-z0-9_]+)?:///(?:file:)?+)([^/:?].*)")
_LAESTAB_DIGITS: Final = 7
_TIME: Final = re.compile("(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def origin_of(address: str) -> str:
    """Reduce an https address to what consent is bound to: scheme, host, and port unless it is the usual 443.

    Raise ValueError if it is no https address.
    """
    match = _HTTPS.fullmatch(address)
    if match is None:
        raise ValueError("not an https address")
    port = int(match["port"] or _HTTPS_PORT)
    return f"https://{match['host'].lower()}" + (f":{port}" if port != _HTTPS_PORT else "")


def database_address(value: SecretStr, folder: Path) -> SecretStr:
    """Check an address as SQLAlchemy writes it, and let a relative SQLite file start at `folder`.

    Raise ValueError, in words for a person and without the address, if it is none.
    """
    text = value.get_secret_value().strip()
    if not text.isprintable() or not _ANY_DATABASE.fullmatch(text):
        raise ValueError('Give the address as SQLAlchemy writes it, for example "sqlite:///school.db".')
    if relative := _RELATIVE_SQLITE.fullmatch(text):
        text = f"{relative[1]}{folder / relative[2]}"
    return SecretStr(text)


def folder_of(context: Any) -> Path:  # noqa: ANN401  Pydantic's own type for it
    """Give the folder where relative paths start, from what `settings.load` hands to every check: the file's."""
    return context["path"].parent if context else Path()


def whole(low: int, high: int) -> BeforeValidator:
    """Take a whole number from `low` to `high`."""

    def check(value: object) -> int:
        if type(value) is not int or not low <= value <= high:  # isinstance() takes true for 1
            raise ValueError(f"Give a whole number from {low} to {high}.")
        return value

    return BeforeValidator(check)


def _text(value: str) -> str:
    value = value.strip()
    if not value:
        raise ValueError("This must not be empty.")
    if not value.isprintable():  # it is shown on terminals, where some signs move the cursor or turn the direction
        raise ValueError("This must not hold a line break or another invisible character.")
    return value


def _sql(value: str) -> str:
    value = value.strip()
    if not value or "\0" in value:
        raise ValueError("Write a SELECT here.")
    return value


def _file(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path):
        raise ValueError("Put the value in quotes.")  # noqa: TRY004  for Pydantic a TypeError is not a fault
    return folder_of(info.context) / _text(str(value))


def _urn(value: object) -> int:
    digits = re.sub("[^0-9]", "", str(value))
    if len(digits) == _LAESTAB_DIGITS:
        raise ValueError("This looks like a LAESTAB. A URN has 6 digits, for example 900012.")
    if type(value) is int and value in URNS:
        return value
    hint = " Write it without quotes." if isinstance(value, str) else ""
    raise ValueError(f"A URN has 6 digits, for example 900012.{hint}")


def _clock_time(value: object) -> time:
    """Take "10:15", and also TOML's own 10:15:00."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        return time.fromisoformat(value)
    if isinstance(value, time) and value == time(value.hour, value.minute):
        return value
    raise ValueError('Give a time of the day in quotes, for example "10:15".')


def _in_order(value: tuple[time, ...]) -> tuple[time, ...]:
    if not value:
        raise ValueError("Give at least one time of the day.")
    return tuple(sorted(set(value)))


def _https(value: str) -> str:
    match = _HTTPS.fullmatch(_text(value))
    if match is None or not _is_port(match["port"]):
        raise ValueError('Give an address that begins with https:// and holds no user name, "?" or "#".')
    return match[0].rstrip("/")


def _proxy(value: SecretStr) -> SecretStr:
    match = _PROXY.fullmatch(value.get_secret_value())
    if match is None or not _is_port(match["port"]):
        raise ValueError('Give the address of the proxy, for example "http://proxy.example:3128".')
    return value


def _is_port(digits: str | None) -> bool:
    return digits is None or 0 < int(digits) <= _LAST_PORT


def _target(words: str, choices: Callable[[], Collection[str]]) -> AfterValidator:
    """Take one of `choices`, which is only called where there is a map: it reads a file."""

    def check(value: str) -> str:
        value = value.strip()
        if value in choices():
            return value
        meant = near(value, choices())
        raise ValueError(words + (f' Did you mean "{meant}"?' if meant else ""))

    return AfterValidator(check)


def _trimmed(value: dict[str, str]) -> dict[str, str]:
    trimmed = {key.strip(): target for key, target in value.items()}
    if len(trimmed) < len(value):
        raise ValueError("Two names below this heading differ only in the spaces around them.")
    return trimmed


_Code = Annotated[
    str,
    _target(
        'Give "present", "unmarked" or a code of the DfE, for example "I".',
        lambda: (codes.PRESENT, codes.UNMARKED, *codes.all_codes()),
    ),
]
_Session = Annotated[str, _target('Give "AM" or "PM".', lambda: tuple(Session))]
_YearGroup = Annotated[str, _target('Give a year group of the DfE, for example "R" or "1".', codes.year_groups)]

Text = Annotated[str, AfterValidator(_text)]
"""One line of letters, digits and signs that can be seen."""
Sql = Annotated[str, AfterValidator(_sql)]
File = Annotated[Path, BeforeValidator(_file)]
"""A path; a relative one starts at the folder of the settings file."""
Https = Annotated[str, AfterValidator(_https)]
"""An https address, without a slash at its end."""
Proxy = Annotated[SecretStr, AfterValidator(_proxy)]
"""An http or https address, which may hold a password."""
Urn = Annotated[int, BeforeValidator(_urn)]
Times = Annotated[
    tuple[Annotated[time, BeforeValidator(_clock_time)], ...],
    Field(strict=False),  # TOML has lists, no tuples
    AfterValidator(_in_order),
]
"""Times of the day, earliest first, each once."""
Method = Literal["client_secret_post", "client_secret_basic", "private_key_jwt"]
"""How attsync shows the DfE's sign-in that it is itself (RFC 6749 2.3.1; RFC 7523)."""
Usernames = Annotated[dict[str, Text], AfterValidator(_trimmed)]
CodeMap = Annotated[dict[str, _Code], AfterValidator(_trimmed)]
"""A school's own value -> what the DfE calls it. An empty name stands for rows that have no value."""
SessionMap = Annotated[dict[str, _Session], AfterValidator(_trimmed)]
YearGroupMap = Annotated[dict[str, _YearGroup], AfterValidator(_trimmed)]
