"""The types of settings, each with its checks; and the same checks for what a person types.

A message never repeats a value: any of them could be a secret that was put in the wrong place.
"""

import os
import re
from collections.abc import Callable, Collection
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from attsync import codes
from attsync.model import URNS, Session
from attsync.settings.words import near, wrong

_HOST: Final = r"(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
_PATH: Final = r"(?:/(?:[a-z0-9._~!$&'()*+,;=:@/-]|%[0-9a-f]{2})*)?"
_HTTPS: Final = re.compile(f"https://{_HOST}{_PATH}", re.IGNORECASE)
_PROXY: Final = re.compile(rf"https?://(?:[^\s/@]+@)?{_HOST}/?", re.IGNORECASE)
_HTTPS_PORT: Final = 443
_LAST_PORT: Final = 65535
_ANY_DATABASE: Final = re.compile(r"[a-z][a-z0-9]*(?:\+[a-z0-9_]+)?://.*")
_RELATIVE_FILE: Final = re.compile(r"((?:sqlite|duckdb)(?:\+[a-z0-9_]+)?:///(?:file:)?+)([^/:?].*)")
_LAESTAB_DIGITS: Final = 7
_TIME: Final = re.compile("(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def origin_of(address: str) -> str:
    """Return the origin of an https address, which consent is for: scheme, host, and port unless it is 443.

    Raise ValueError if it is not one.
    """
    match = _match(_HTTPS, address, "https")
    port = int(match["port"] or _HTTPS_PORT)
    return f"https://{match['host'].lower()}" + (f":{port}" if port != _HTTPS_PORT else "")


def database_address(value: SecretStr, folder: Path) -> SecretStr:
    """Return an address in SQLAlchemy's form, in which a relative SQLite file starts at `folder`.

    Raise ValueError, in words for a person and without the address, if it is not one.
    """
    text = value.get_secret_value().strip()
    if not text.isprintable() or not _ANY_DATABASE.fullmatch(text):
        raise wrong("database")
    if relative := _RELATIVE_FILE.fullmatch(text):
        text = f"{relative[1]}{folder / relative[2]}"
    return SecretStr(text)


def _folder_of(context: Any) -> Path:  # noqa: ANN401  Pydantic's own type for it
    """Return the folder where relative paths start, the file's, from the context that `settings.load` passes on."""
    return context["path"].parent if context else Path()


def whole(low: int, high: int) -> BeforeValidator:
    """Accept a whole number from `low` to `high`."""

    def check(value: object) -> int:
        if type(value) is not int or not low <= value <= high:  # isinstance() accepts true as 1
            raise wrong("number", low=low, high=high)
        return value

    return BeforeValidator(check)


def typed_text(value: str) -> str:
    """Return one line of visible characters. Raise ValueError in words for a person, without the value."""
    value = value.strip()
    if not value:
        raise wrong("empty")
    if (
        not value.isprintable()
    ):  # it is shown on terminals, where some characters move the cursor or change the direction
        raise wrong("invisible")
    return value


def _sql(value: str) -> str:
    value = value.strip()
    if not value or "\0" in value:
        raise wrong("select")
    return value


def _file(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path):
        raise wrong("string_type")
    return _folder_of(info.context) / typed_text(str(value))


def _database(value: SecretStr, info: ValidationInfo) -> SecretStr:
    return database_address(value, _folder_of(info.context))


def _urn(value: object) -> int:
    digits = re.sub("[^0-9]", "", str(value))
    if len(digits) == _LAESTAB_DIGITS:
        raise wrong("laestab")
    if type(value) is int and value in URNS:
        return value
    raise wrong("quoted_urn" if isinstance(value, str) else "urn")


def _clock_time(value: object) -> time:
    """Accept "10:15", and also TOML's own 10:15:00."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        return time.fromisoformat(value)
    if isinstance(value, time) and value == time(value.hour, value.minute):
        return value
    raise wrong("time")


def _in_order(value: tuple[time, ...]) -> tuple[time, ...]:
    if not value:
        raise wrong("no_time")
    return tuple(sorted(set(value)))


def typed_https(value: str) -> str:
    """Return an https address without a slash at its end. Raise ValueError."""
    return _match(_HTTPS, typed_text(value), "https")[0].rstrip("/")


def _proxy(value: SecretStr) -> SecretStr:
    _match(_PROXY, value.get_secret_value(), "proxy")
    return value


def _match(address: re.Pattern[str], value: str, sentence: str) -> re.Match[str]:
    match = address.fullmatch(value)
    if match is None or not 0 < int(match["port"] or _HTTPS_PORT) <= _LAST_PORT:
        raise wrong(sentence)
    return match


def _target(sentence: str, choices: Callable[[], Collection[str]]) -> AfterValidator:
    """Accept one of `choices`, which is only called if there is a map, as it reads a file."""

    def check(value: str) -> str:
        value = value.strip()
        if value in choices():
            return value
        meant = near(value, choices())
        raise wrong(sentence, f'"{meant}"' if meant else None)

    return AfterValidator(check)


def _trimmed(value: dict[str, str]) -> dict[str, str]:
    trimmed = {key.strip(): target for key, target in value.items()}
    if len(trimmed) < len(value):
        raise wrong("spaces")
    return trimmed


_Code = Annotated[str, _target("code", lambda: (codes.PRESENT, codes.UNMARKED, *codes.all_codes()))]
_Session = Annotated[str, _target("session", lambda: tuple(Session))]
_YearGroup = Annotated[str, _target("year_group", codes.year_groups)]

Text = Annotated[str, AfterValidator(typed_text)]
"""One line of visible letters, digits and signs."""
Sql = Annotated[str, AfterValidator(_sql)]
File = Annotated[Path, BeforeValidator(_file)]
"""A path; a relative one starts at the folder of the settings file."""
Database = Annotated[SecretStr, AfterValidator(_database)]
Https = Annotated[str, AfterValidator(typed_https)]
"""An https address, without a slash at its end."""
Proxy = Annotated[SecretStr, AfterValidator(_proxy)]
"""An http or https address, which may contain a password."""
Urn = Annotated[int, BeforeValidator(_urn)]
Times = Annotated[
    tuple[Annotated[time, BeforeValidator(_clock_time)], ...],
    Field(strict=False),  # TOML has lists, no tuples
    AfterValidator(_in_order),
]
"""Times of the day, earliest first, each once."""
Usernames = Annotated[dict[str, Text], AfterValidator(_trimmed)]
CodeMap = Annotated[dict[str, _Code], AfterValidator(_trimmed)]
"""A school's own value -> what the DfE calls it. An empty name is for rows without a value."""
SessionMap = Annotated[dict[str, _Session], AfterValidator(_trimmed)]
YearGroupMap = Annotated[dict[str, _YearGroup], AfterValidator(_trimmed)]


def typed_urn(typed: str) -> int:
    """Return a URN; 7 digits are a LAESTAB, and the error calls them so. Raise ValueError."""
    digits = re.sub("[ /-]", "", typed)
    return _urn(int(digits) if digits.isascii() and digits.isdecimal() else 0)


def typed_database(typed: str) -> str:
    """Return an address in SQLAlchemy's form; for the path of an existing SQLite file, its full address.

    Raise ValueError.
    """
    typed = typed.strip()
    path = typed.removeprefix("sqlite:///") if "://" not in typed or typed.startswith("sqlite:///") else ""
    if path and os.access(path, os.R_OK) and Path(path).is_file():
        typed = f"sqlite:///{Path(path).absolute()}"
    if "://" not in typed:
        raise wrong("no_file")
    database_address(SecretStr(typed), Path())
    return typed
