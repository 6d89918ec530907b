"""Single values as somebody types them, checked by the rules of the settings file.

Each function gives the value as it is to be written, or raises ValueError in words for a person. Knows no question.
"""

import os
import re
from pathlib import Path
from typing import Any

from pydantic import SecretStr, TypeAdapter, ValidationError

from attsync.settings.types import Https, Text, Urn, database_address


def text(typed: str) -> str:
    """Take one line that can be seen."""
    return str(_checked(Text, typed))


def urn(typed: str) -> int:
    """Take six digits; seven are a LAESTAB, and are called so."""
    digits = re.sub("[ /-]", "", typed)
    return int(_checked(Urn, int(digits) if digits.isascii() and digits.isdecimal() else 0))


def https(typed: str) -> str:
    """Take an https address."""
    return str(_checked(Https, typed.strip()))


def database(typed: str) -> str:
    """Take an address as SQLAlchemy writes it, or the path of an SQLite file; one that is here is named in full."""
    typed = typed.strip()
    path = typed.removeprefix("sqlite:///") if "://" not in typed or typed.startswith("sqlite:///") else ""
    if path and os.access(path, os.R_OK) and Path(path).is_file():
        return f"sqlite:///{Path(path).absolute()}"
    if "://" not in typed:
        raise ValueError(
            "There is no such file here, and an address begins with the kind of the database, such as postgresql://."
        )
    database_address(SecretStr(typed), Path())
    return typed


def _checked(kind: Any, value: object) -> Any:  # noqa: ANN401  whatever the kind makes of it
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        (first,) = error.errors(include_url=False, include_input=False)
    raise ValueError(str(first["ctx"]["error"]))  # not above: the other error would hold what was typed
