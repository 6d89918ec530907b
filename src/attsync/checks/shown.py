"""Every setting with its value, as far as anyone is allowed to see it.

Opens no secret file. Of an address it shows the host, never a password, a key or a token; of a SELECT the SQL, never a
text in quotation marks or a comment.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from attsync.settings import Location, Settings, key_of
from attsync.sql_guard import without_texts

_HIDDEN: Final = "(hidden)"
_SIGN_IN: Final = re.compile(r"(?P<start>[a-z][a-z0-9+_]*://[^:/?@]*):.*@", re.IGNORECASE | re.DOTALL)
"""A password ends at the last @: it can contain any sign, and hiding too much does no harm."""
_OPEN_PARAMETERS: Final = {"charset", "encrypt", "mode", "service_name", "sslmode", "trustservercertificate", "uri"}
"""Parameters in the query of a database address that are not secret."""

Value = str | int | list[str] | None


class Shown(NamedTuple):
    """One setting."""

    location: Location
    value: Value
    """None: not set."""

    @property
    def name(self) -> str:
        """Its name, as messages about the settings file write it: database[1].url."""
        return key_of(self.location)


def shown(settings: Settings) -> Iterator[Shown]:
    """Return every setting in the order of the models, also those that were left out of the file."""
    for at, value in _leaves(settings, ()):
        match at, value:
            case ("notify", _), str():  # anyone who knows a monitor's address can send to it
                yield Shown(at, "{0.scheme}://{0.netloc}/".format(urlsplit(value)) + _HIDDEN)
            case ("dfe", _), SecretStr():  # the proxy
                yield Shown(at, re.sub(r"//[^/]*@", "//***@", value.get_secret_value()))
            case ("database", int(number), "select", _), str():
                url = settings.database[number].url
                dialect = re.split("[+:]", url.get_secret_value(), maxsplit=1)[0].lower() if url else ""
                # What ends a text depends on the kind of database, which only the secret file contains.
                yield Shown(at, without_texts(value, dialect) if dialect else _HIDDEN)
            case _, SecretStr():
                yield Shown(at, _address(value.get_secret_value()))
            case _, tuple():
                yield Shown(at, [f"{item:%H:%M}" if isinstance(item, time) else str(item) for item in value])
            case _, Path():
                yield Shown(at, str(value))
            case _, int() | str() | None:
                yield Shown(at, value)
            case _:
                msg = "a setting of an unknown kind: it may be a secret"
                raise TypeError(msg)


def _leaves(value: object, at: Location) -> Iterator[tuple[Location, object]]:
    match value:
        case BaseModel():
            for name in type(value).model_fields:
                yield from _leaves(getattr(value, name), (*at, name))
        case Mapping():
            yield from (((*at, name), str(target)) for name, target in value.items())
        case (BaseModel(), *_) as tables:
            for number, table in enumerate(tables):
                yield from _leaves(table, (*at, number))
        case () if at[-1] == "schools":
            pass  # their SELECT is shown
        case _:
            yield at, value


def _address(text: str) -> str:
    """Hide what may be secret in a database address; return an address without secrets unchanged."""
    start, mark, query = _SIGN_IN.sub(r"\g<start>:***@", text, count=1).partition("?")
    parts = query.split("&")
    names = [part.partition("=")[0] for part in parts]
    secret = next((n for n, name in enumerate(names) if name.lower() not in _OPEN_PARAMETERS), None) if mark else None
    if secret is not None:  # what looks like the next parameter may be part of this one's value
        parts[secret:] = [f"{names[secret]}=***"]
    return start + mark + "&".join(parts)
