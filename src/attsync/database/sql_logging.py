"""Logs each SQL statement that is sent to a school database at INFO, with the number of rows; literals are masked.

Of the parameters it shows dates and numbers; any other text may be a secret or a name.
"""

import logging
import re
from datetime import date
from time import monotonic
from typing import Any, Final

from sqlalchemy import Connection, Engine, event

from attsync.sql_guard import without_texts

_logger = logging.getLogger(__name__)

PROBE: Final = {"attsync_probe": True}
"""Execution options of a statement that asks for columns only: logged at DEBUG, like those that open a snapshot."""

_ISO_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def follow(engine: Engine, name: str) -> None:
    """Log every statement that `engine` sends to the database called `name`."""
    if not _logger.isEnabledFor(logging.INFO):
        return
    _logger.info("%s: %s", name, engine.url.set(query={}).render_as_string(hide_password=True))
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)


def arrived(name: str, select: str, rows: int, seconds: float) -> None:
    """Log how many rows a statement made from the SELECT `select` returned, and how long that took."""
    _logger.info("%s: %s: %s rows, fetched in %.2f s", name, select, rows, seconds)


def _begin(connection: Connection, _cursor: object, sql: str, _values: Any, context: Any, _many: object) -> None:  # noqa: ANN401  SQLAlchemy's
    connection.info["attsync_started"] = monotonic()
    level = _level(context)
    if _logger.isEnabledFor(level):
        shown = without_texts(_with_values(context, sql), connection.dialect.name)
        _logger.log(level, "sent to the database:\n%s", re.sub("(?m)^", "    ", shown))


def _end(connection: Connection, _cursor: object, _sql: str, _values: Any, context: Any, _many: object) -> None:  # noqa: ANN401  SQLAlchemy's
    _logger.log(_level(context), "answered in %.2f s", monotonic() - connection.info["attsync_started"])


def _level(context: Any) -> int:  # noqa: ANN401  SQLAlchemy's
    counts = context is not None and context.compiled is not None and not context.execution_options.keys() & PROBE
    return logging.INFO if counts else logging.DEBUG


def _with_values(context: Any, sql: str) -> str:  # noqa: ANN401  SQLAlchemy's
    """Return a statement with its dates and numbers in place of the parameters."""
    if context is None or context.compiled is None:
        return sql
    values = {bind.key: _shown(bind.value) for bind in context.compiled.bind_names}
    filled = context.compiled.statement.params(values)
    sql = str(filled.compile(dialect=context.dialect, compile_kwargs={"literal_binds": True}))
    return sql.replace("%%", "%") if "format" in context.dialect.paramstyle else sql


def _shown(value: object) -> object:
    if isinstance(value, list):
        return ["..."]
    is_date = isinstance(value, date) or (isinstance(value, str) and _ISO_DATE.fullmatch(value))
    return value if is_date or type(value) is int else "..."
