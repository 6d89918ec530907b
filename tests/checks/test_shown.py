"""shown.py: every setting can be shown to someone who helps, and no secret comes with it."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from attsync.checks.shown import shown
from attsync.settings import Settings
from tests.settings_file import DFE, loaded, settings_text


def values(settings: Settings) -> dict[str, object]:
    """Return what is shown: name -> value."""
    return {each.name: each.value for each in shown(settings)}


def test_every_setting_is_there_set_or_not(tmp_path: Path) -> None:
    """Numbers stay numbers; a path is whole; what is not set is None."""
    found = values(loaded(settings_text(maps='[database.codes]\n"PRES ENT" = "present"'), tmp_path))

    assert found["dfe.timeout_seconds"] == 30
    assert found["dfe.send_year_groups"] is True
    assert found["dfe.scope"] is None
    assert found["schedule.times"] == ["10:15", "14:45"]
    assert found["dfe.client_secret_file"] == str(tmp_path / "client-secret")
    assert found['database[1].codes."PRES ENT"'] == "present"
    assert found["database[1].schools[1].school"] == "900012"
    assert found["consent.administrators"] is None


def test_list_of_the_settings_is_a_list(tmp_path: Path) -> None:
    """Also an empty one: no one may give consent then."""
    found = values(loaded(settings_text(after="[consent]\nadministrators = []"), tmp_path))

    assert found["consent.administrators"] == []


def test_schools_of_a_select_need_no_list(tmp_path: Path) -> None:
    """The SELECT stands there."""
    select = 'marks = "SELECT 1"\nroll = "SELECT 2"\nschools = "SELECT 3"'
    found = values(loaded(settings_text(select=select, schools=()), tmp_path))

    assert found["database[1].select.schools"] == "SELECT 3"
    assert "database[1].schools" not in found


@pytest.mark.parametrize(
    ("address", "as_shown"),
    [
        ('url = "sqlite:///school.db"', "SELECT a FROM t WHERE p <> '...' -- ..."),
        ('url = "mysql+pymysql://sam@db.example/sims"', "SELECT a FROM t WHERE p <> '...' -- ..."),
        ('url_file = "database-url"', "(hidden)"),
    ],
)
def test_texts_of_a_select_are_not_shown(tmp_path: Path, address: str, as_shown: str) -> None:
    """They may be names; what ends one depends on the kind of database, which a secret file does not tell here."""
    select = 'marks = \'SELECT a FROM t WHERE p <> "Loxley" -- not Loxley\'\nroll = "SELECT 2"'
    database = f'{address}\nleaving_date_is = "last_day"'
    found = values(loaded(settings_text(select=select, database=database), tmp_path))

    assert found["database[1].select.marks"] == as_shown
    assert found["database[1].select.administrators"] is None
    assert "Loxley" not in str(found)


@pytest.mark.parametrize(
    ("address", "as_shown"),
    [
        ("postgresql://sam:hunter2@db.example:5432/sims", "postgresql://sam:***@db.example:5432/sims"),
        ("mysql+pymysql://sam:hun@ter2/@:?@db.example/sims", "mysql+pymysql://sam:***@db.example/sims"),
        ("postgresql://sam@db.example/sims?sslmode=require", "postgresql://sam@db.example/sims?sslmode=require"),
        ("postgresql://db.example/sims?user=sam&password=hunter2&x=hunter2", "postgresql://db.example/sims?user=***"),
        ("mssql://?sslmode=x&odbc_connect=PWD=hunter2;UID=a", "mssql://?sslmode=x&odbc_connect=***"),
        ("sqlite:////srv/school.db", "sqlite:////srv/school.db"),
        ("sqlite:////srv/file:school.db?mode=ro&uri=true", "sqlite:////srv/file:school.db?mode=ro&uri=true"),
    ],
)
def test_address_of_a_database_is_shown_without_its_password(tmp_path: Path, address: str, as_shown: str) -> None:
    """Wherever in the address it stands, and whatever signs it holds."""
    settings = loaded(settings_text(), tmp_path)
    database = settings.database[0].model_copy(update={"url": SecretStr(address)})

    assert values(settings.model_copy(update={"database": (database,)}))["database[1].url"] == as_shown


def test_proxy_and_monitor_are_shown_without_what_opens_them(tmp_path: Path) -> None:
    """The user name of the proxy is hidden too; anyone who knows the address of a monitor may speak to it."""
    dfe = f'{DFE}proxy = "http://sam:hunter2@proxy.example:3128"'
    text = settings_text(dfe=dfe, after='[notify]\nping_url = "https://ping.example/hunter2"')
    found = values(loaded(text, tmp_path))

    assert found["dfe.proxy"] == "http://***@proxy.example:3128"
    assert found["notify.ping_url"] == "https://ping.example/(hidden)"
    assert "hunter2" not in str(found)


def test_kind_of_value_that_nobody_thought_of_is_not_shown(tmp_path: Path) -> None:
    """It might be a secret."""
    settings = loaded(settings_text(), tmp_path).model_copy(update={"trust": object()})

    with pytest.raises(TypeError, match="of an unknown kind"):
        values(settings)
