"""address.py: a password reaches the driver as it was meant, and no address is ever shown."""

from pathlib import Path

import pytest
from attsync.database.address import address, no_driver

from attsync.database.engine import snapshot
from attsync.problems import SchoolError
from tests.database.small import settings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("plain", "plain"),
        ("p%40ss%3A%2Fw%25rd", "p@ss:/w%rd"),
        ("p@ss:w/rd", "p@ss:w/rd"),
        ("100%:@/", "100%:@/"),
        ("a@b/c@d?e#f", "a@b/c@d?e#f"),
        ("@", "@"),
        ("", ""),
    ],
)
def test_a_password_may_hold_any_sign(written: str, meant: str) -> None:
    """SQLAlchemy alone would look for a server called `ss`, a piece of the password."""
    url = address(settings(f"postgresql://attsync:{written}@db.example:5433/sims"))

    assert (url.username, url.password, url.host, url.port, url.database) == (
        "attsync",
        meant,
        "db.example",
        5433,
        "sims",
    )


def test_an_address_file_may_hold_such_a_password(tmp_path: Path) -> None:
    """The file is the place for a password."""
    file = tmp_path / "database-url"
    file.touch(0o600)
    file.write_text("mysql://attsync:p@ss:w%/rd@127.0.0.1/sims?charset=utf8mb4\n")
    url = address(settings(None, url_file=file))

    assert (url.password, url.host, url.query) == ("p@ss:w%/rd", "127.0.0.1", {"charset": "utf8mb4"})


@pytest.mark.parametrize(
    ("written", "drivername"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("mysql://u:p@h/d", "mysql+pymysql"),
        ("mariadb://h/d", "mariadb+pymysql"),
        ("mssql://u:p@h/d", "mssql+mssqlpython"),
        ("oracle://u:p@h/d", "oracle+oracledb"),
        ("mssql+pyodbc://u:p@h/d?driver=x", "mssql+pyodbc"),
        ("sqlite:////tmp/a@b:c.db", "sqlite"),
    ],
)
def test_each_kind_of_database_gets_our_driver_unless_another_is_named(written: str, drivername: str) -> None:
    """A school writes postgresql:// and gets what the extra installed."""
    assert address(settings(written)).drivername == drivername


def test_an_at_sign_in_the_options_is_no_end_of_a_password() -> None:
    """Options stand after the name of the database."""
    url = address(settings("postgresql://u:p@h/d?application_name=a@b"))

    assert (url.password, url.host, url.query["application_name"]) == ("p", "h", "a@b")


def test_an_ipv6_server_is_understood() -> None:
    """In square brackets, as everywhere."""
    assert address(settings("postgresql://u:p:w@[::1]:5432/d")).host == "::1"


@pytest.mark.parametrize("written", ["postgresql://u:hunter2@h:port/d", "postgresql://u:hunter2@h:99x/d"])
def test_an_address_that_cannot_be_read_is_named_without_being_shown(written: str) -> None:
    """Its password could be anywhere in it."""
    with pytest.raises(SchoolError) as raised:
        address(settings(written))

    assert raised.value.problem.code == "DB-NONE"
    assert "its address cannot be read" in raised.value.problem.text
    assert "hunter2" not in repr(raised.value.problem)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    ("written", "then"),
    [
        ("mssql://u:hunter2@127.0.0.1/d", "pip install 'attsync[mssql]'"),
        ("oracle://u:hunter2@127.0.0.1/d", "pip install 'attsync[oracle]'"),
        ("firebird://u:hunter2@127.0.0.1/d", "Begin the address with sqlite, postgresql, mysql"),
        ("postgresql+asyncpg://u:hunter2@127.0.0.1/d", "or install the driver that it names"),
    ],
)
def test_a_missing_driver_is_named_with_its_install_line(written: str, then: str) -> None:
    """One line to paste, or the kinds that there are."""
    with pytest.raises(SchoolError) as raised, snapshot(settings(written)):
        pass

    assert raised.value.problem.code == "DB-DRIVER"
    assert then in raised.value.problem.next
    assert "hunter2" not in repr(raised.value.problem)


@pytest.mark.parametrize("kind", ["postgresql", "mysql", "mariadb"])
def test_each_driver_belongs_to_an_extra(kind: str) -> None:
    """What is installed here may be missing elsewhere."""
    assert "pip install 'attsync[" in no_driver(settings(f"{kind}://h/d")).problem.next
