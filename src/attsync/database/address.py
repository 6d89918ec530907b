"""The address of a school database as a person writes it, and the driver that it needs.

Takes a password as it is or with its signs written as %40; refuses to show any part of an address.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from attsync.database.errors import NOT_SENT
from attsync.problems import SchoolError
from attsync.settings import DatabaseSettings


class _Driver(NamedTuple):
    name: str
    """What SQLAlchemy calls the kind of database with this driver."""
    extra: str
    """The extra of attsync that installs it."""


_DRIVERS: Final = {
    "postgresql": _Driver("postgresql+psycopg", "postgresql"),
    "mysql": _Driver("mysql+pymysql", "mysql"),
    "mariadb": _Driver("mariadb+pymysql", "mysql"),
    "mssql": _Driver("mssql+mssqlpython", "mssql"),
    "oracle": _Driver("oracle+oracledb", "oracle"),
}

# SQLAlchemy ends a password at its first @, and would take the rest of it for the name of a server: it would look a
# piece of the password up in the network. Here it ends at the first @ after which a server's address follows.
_WITH_PASSWORD: Final = re.compile(
    r"""
    (?P<kind> [a-z][a-z0-9]*(?:\+[a-z0-9_]+)?:// )
    (?P<user> [^:/?@]* ) : (?P<password> .*? ) @
    (?P<place> (?: \[[0-9A-Fa-f:.]+\] | [\w.\\-]* ) (?: :\d* )? (?: /[^?@]* )? (?: \?[\w.+ -]+=.* )? )
    """,
    re.VERBOSE | re.DOTALL,
)


def address(database: DatabaseSettings) -> URL:
    """Give the address of `database`, with our driver where it names none. Raises SchoolError if it cannot be read."""
    written = _written(database)
    match = _WITH_PASSWORD.fullmatch(written)
    try:
        url = make_url(match["kind"] + match["place"] if match else written)
    except (ArgumentError, ValueError):
        url = None
    if url is None:  # not raised above: the error that it came from would hold the address
        raise SchoolError(
            "DB-NONE",
            f"{database.name}: its address cannot be read.",
            "Write url as SQLAlchemy does, such as postgresql://account:password@server:5432/database.",
            not_done=NOT_SENT,
        )
    if match:
        url = url.set(username=_plain(match["user"]), password=_plain(match["password"]))
    driver = _DRIVERS.get(url.drivername)
    return url.set(drivername=driver.name) if driver else url


def no_driver(database: DatabaseSettings) -> SchoolError:
    """Say which driver is missing, and the line that installs it."""
    kind = _written(database).split(":", 1)[0]
    driver = _DRIVERS.get(kind.split("+", 1)[0])
    if driver and kind in (driver.name, driver.name.split("+", 1)[0]):
        then = f"Install it: pip install 'attsync[{driver.extra}]'"
    else:
        then = f"Begin the address with {', '.join(['sqlite', *_DRIVERS])}, or install the driver that it names."
    return SchoolError(
        "DB-DRIVER",
        f"{database.name}: the driver for this kind of database is not installed.",
        then,
        not_done=NOT_SENT,
    )


def _written(database: DatabaseSettings) -> str:
    # PostgreSQL's own programs take both; SQLAlchemy no longer knows the shorter one.
    return re.sub("^postgres(?=:|\\+)", "postgresql", database.database_url().get_secret_value())


def _plain(text: str) -> str:
    """Undo %40 and its like, unless some % cannot be one: then the text is meant as it stands."""
    return text if re.search("%(?![0-9A-Fa-f]{2})", text) else unquote(text)
