"""origins.py: where a setting comes from, and where it would be changed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from attsync.settings import Location, Origins, origins
from attsync.settings.places import Origin
from tests.settings_file import DATABASE, DFE, loaded, settings_text

TEXT = settings_text(dfe=f"{DFE}proxy = 'http://proxy.example:3128'", after="[window]\ndays = 4")


@pytest.fixture
def sources(tmp_path: Path) -> Callable[..., Origins]:
    """Write a settings file, load it with some variables, and ask for its sources."""

    def make(text: str = TEXT, **environ: str) -> Origins:
        loaded(text, tmp_path, **environ)
        return origins(tmp_path / "config.toml", environ)

    return make


def line(start: str) -> int:
    """Return the number of the line of TEXT that begins so."""
    return next(number for number, text in enumerate(TEXT.split("\n"), start=1) if text.startswith(start))


def test_setting_of_the_file_has_a_line(sources: Callable[..., Origins]) -> None:
    """Where to change it."""
    found = sources()

    assert found.of(("dfe", "proxy")) == Origin("file", "proxy", line("proxy"))
    assert str(found.of(("window", "days"))) == f"line {line('days')}"
    assert found.where(("database", 0, "url")) == f"config.toml line {line('url')}"


def test_variable_that_overrides_is_named(sources: Callable[..., Origins]) -> None:
    """Anyone who changes the file would change nothing."""
    found = sources(ATTSYNC_DFE__PROXY="http://other.example:3128", ATTSYNC_SCHEDULE__TIMES='["09:00"]')

    assert found.of(("dfe", "proxy")) == Origin("variable", name="ATTSYNC_DFE__PROXY")
    assert found.where(("dfe", "proxy")) == "variable ATTSYNC_DFE__PROXY"
    assert found.of(("schedule", "times", 0)).kind == "variable"
    assert found.of(("window", "days")).kind == "file"


def test_credential_of_systemd_goes_before_file_and_variable(sources: Callable[..., Origins], tmp_path: Path) -> None:
    """As it does when the settings are read."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    for name in ("client-secret", "database-url"):
        (folder / name).write_text("sqlite:///x.db")
    found = sources(CREDENTIALS_DIRECTORY=str(folder), ATTSYNC_DFE__CLIENT_SECRET_FILE="other")

    assert str(found.of(("dfe", "client_secret_file"))) == "credential client-secret"
    assert str(found.of(("database", 0, "url_file"))) == "credential database-url"


@pytest.mark.parametrize(
    ("location", "where"),
    [
        (("dfe", "ca_file"), f"config.toml line {line('[dfe]')}"),
        (("database", 0, "codes"), f"config.toml line {line('[[database]]')}"),
        (("log", "path"), "config.toml"),
        ((), "config.toml"),
    ],
)
def test_what_is_not_there_would_be_added_below_its_heading(
    sources: Callable[..., Origins], location: Location, where: str
) -> None:
    """Or anywhere in the file, if there is no such heading yet."""
    assert sources().of(location) == Origin("default")
    assert sources().where(location) == where


def test_second_database_is_not_taken_for_the_first(sources: Callable[..., Origins]) -> None:
    """A trust has several."""
    second = f'[[database]]\n{DATABASE}[database.select]\nmarks = "SELECT 1"\nroll = "SELECT 2"\n'
    text = settings_text(after=f'{second}[[database.schools]]\nurn = 900013\nname = "Elm Grove"')
    found = sources(text)

    last = text.split("\n").index("urn = 900013") + 1
    assert found.where(("database", 1, "schools", 0, "urn")) == f"config.toml line {last}"
