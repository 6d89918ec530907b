"""Logs each SQL statement that is sent to a school database at INFO, with the rows that came; literals masked.

Of the values that go along it shows dates and numbers; any other text may be a secret or a name.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from time import monotonic
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, event

from attsync.sql_guard import tokens, without_texts

_logger = logging.getLogger(__name__)
_Row = TypeVar("_Row")

PROBE: Final = {"attsync_probe": True}
"""Execution options of a statement that asks for columns only: logged at DEBUG, like those that open a snapshot."""

_ISO_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PERCENT: Final = re.compile(r"%%|%s|%\((\w+)\)s")


def follow(engine: Engine, name: str) -> None:
    """Log every statement that `engine` sends to the database called `name`."""
    if not _logger.isEnabledFor(logging.INFO):
        return
    _logger.info("%s: %s", name, engine.url.set(query={}).render_as_string(hide_password=True))
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)


def counted(rows: Iterable[_Row], what: str) -> Iterable[_Row]:
    """Return `rows`, and log at the end how many there were and how long they took to come."""
    return _counted(iter(rows), what) if _logger.isEnabledFor(logging.INFO) else rows


def _counted(rows: Iterator[_Row], what: str) -> Iterator[_Row]:
    number, seconds = 0, 0.0
    while True:
        started = monotonic()
        row = next(rows, None)
        seconds += monotonic() - started
        if row is None:
            break
        number += 1
        yield row
    _logger.info("%s: %s rows, fetched in %.2f s", what, number, seconds)


def _begin(connection: Connection, _cursor: object, statement: str, values: Any, context: Any, _many: object) -> None:  # noqa: ANN401  SQLAlchemy's
    connection.info["attsync_started"] = monotonic()
    level = _level(context)
    if _logger.isEnabledFor(level):
        dialect = connection.dialect.name
        shown = without_texts(with_values(statement, values, connection.dialect.paramstyle, dialect), dialect)
        _logger.log(level, "sent to the database:\n%s", re.sub("(?m)^", "    ", shown))


def _end(connection: Connection, _cursor: object, _statement: str, _values: Any, context: Any, _many: object) -> None:  # noqa: ANN401  SQLAlchemy's
    _logger.log(_level(context), "answered in %.2f s", monotonic() - connection.info["attsync_started"])


def _level(context: Any) -> int:  # noqa: ANN401  SQLAlchemy's
    counts = context is not None and context.compiled is not None and not context.execution_options.keys() & PROBE
    return logging.INFO if counts else logging.DEBUG


def with_values(statement: str, values: Mapping[str, object] | Sequence[object], style: str, dialect: str) -> str:
    """Put the values into their places, in the style in which the driver wants those marked."""
    if style in ("format", "pyformat"):
        named = values if isinstance(values, Mapping) else {}
        rest = iter(() if isinstance(values, Mapping) else values)

        def value(found: re.Match[str]) -> str:
            if found[0] == "%%":
                return "%"
            return _shown(named.get(found[1]) if found[1] else next(rest, None))

        return _PERCENT.sub(value, statement)
    left = iter(values if isinstance(values, Sequence) else ())
    numbered = {f"${number}": value for number, value in enumerate(values, 1)} if style == "numeric_dollar" else {}
    parts: list[str] = []
    for kind, part in tokens(statement, dialect):
        if parts and parts[-1] + part in numbered:
            parts[-1] = _shown(numbered[parts[-1] + part])
        elif style == "qmark" and (kind, part) == ("other", "?"):
            parts.append(_shown(next(left, None)))
        else:
            parts.append(part)
    return "".join(parts)


def _shown(value: object) -> str:
    if isinstance(value, datetime) and value.time() == time():  # SQL Server's dialect makes one of a date
        value = value.date()
    if isinstance(value, date) or (isinstance(value, str) and _ISO_DATE.fullmatch(value)):
        return f"'{value}'"
    return str(value) if type(value) is int else "?"
