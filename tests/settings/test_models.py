"""What each setting may be, and what holds where it is left out (docs/design/sending.md 5)."""

from datetime import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from attsync.problems import SettingsError
from attsync.settings import Settings
from attsync.settings.types import origin_of
from tests.settings_file import DATABASE, DFE, SCHOOL, SELECT, found, loaded, settings_text

URL_FILE = 'url_file = "database-url"\nleaving_date_is = "last_day"'


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    """docs/design/sending.md 5 names them."""
    settings = loaded(settings_text(), tmp_path)

    assert settings.trust is None
    assert (settings.dfe.timeout_seconds, settings.dfe.connections, settings.dfe.run_minutes) == (30, 8, 10)
    assert settings.dfe.auth_method == "client_secret_post"
    assert settings.dfe.send_year_groups
    assert (settings.window.days, settings.window.count) == (8, "working")
    assert settings.log.path == tmp_path / ".local/state/attsync/attsync.db"
    assert settings.log.keep_days == 1100
    assert settings.schedule.times == (time(10, 15), time(14, 45))
    assert settings.notify.ping_url is None
    assert settings.consent.administrators is None
    assert settings.database[0].name == "school database"
    assert settings.database[0].schools[0].school == "900012"


def test_settings_cannot_be_changed_after_the_check(tmp_path: Path) -> None:
    """What was checked is what is used."""
    settings = loaded(settings_text(), tmp_path)

    with pytest.raises(ValidationError):
        settings.dfe.base_url = "http://elsewhere.example"


def test_paths_start_at_the_settings_file(tmp_path: Path) -> None:
    """Cron starts in another folder."""
    dfe = DFE + 'subscription_key_file = "/etc/key"\nca_file = "certificates/ca.pem"'
    settings = loaded(settings_text(dfe=dfe, tables='[log]\npath = "attsync.db"'), tmp_path)

    assert settings.path == tmp_path / "config.toml"
    assert settings.dfe.client_secret_file == tmp_path / "client-secret"
    assert settings.dfe.subscription_key_file == Path("/etc/key")
    assert settings.dfe.ca_file == tmp_path / "certificates/ca.pem"
    assert settings.log.path == tmp_path / "attsync.db"


def test_settings_made_without_a_file_keep_their_paths() -> None:
    """Then there is no folder to start at."""
    school = {"urn": 900012, "name": "Oakfield"}
    database = {
        "url": "sqlite:///school.db",
        "leaving_date_is": "last_day",
        "select": {"marks": "SELECT 1", "roll": "SELECT 2"},
        "schools": [school],
    }
    dfe = {
        "base_url": "https://dfe.example",
        "token_url": "https://dfe.example/token",
        "client_id": "oakfield",
        "client_secret_file": Path("client-secret"),
    }
    settings = Settings.model_validate({"dfe": dfe, "log": {"path": "attsync.db"}, "database": [database]})

    assert settings.path == Path()
    assert settings.log.path == Path("attsync.db")


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://DfE.Example/v1/", "https://dfe.example"),
        ("https://dfe.example:443", "https://dfe.example"),
        ("https://dfe.example:08443/x", "https://dfe.example:8443"),
        ("HTTPS://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_origin_is_the_same_however_it_is_written(tmp_path: Path, address: str, origin: str) -> None:
    """Consent is bound to it: another spelling must not void it, another host or port must."""
    settings = loaded(settings_text(dfe=DFE.replace("https://dfe.example/v1", address)), tmp_path)

    assert settings.dfe.origin == origin
    assert not settings.dfe.base_url.endswith("/")


def test_origin_is_that_of_a_checked_address() -> None:
    """Consent is never bound to half an address."""
    with pytest.raises(ValueError, match="starts with https://"):
        origin_of("http://dfe.example")


@pytest.mark.parametrize(
    "address",
    [
        "http://dfe.example",
        "https://",
        "https:///v1",
        "dfe.example",
        "https://user:hunter2@dfe.example",
        "https://dfe.example?key=1",
        "https://dfe.example/#x",
        "https://dfe.example:0",
        "https://dfe.example:65536",
        "https://dfe.example/a b",
        "https://dfe.example\\\\@evil.example",
        "https://dfe.example/\\u202e",
        " ",
    ],
)
def test_address_that_is_not_plain_https_is_refused(tmp_path: Path, address: str) -> None:
    """Anything else sends unprotected, or elsewhere than it seems to."""
    faults = found(settings_text(dfe=DFE.replace("https://dfe.example/v1", address)), tmp_path)

    assert faults.keys() == {"dfe.base_url"}


@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "https://sam:p%40ss@proxy.example/", "http://[::1]:1"])
def test_proxy_is_taken_and_hidden(tmp_path: Path, proxy: str) -> None:
    """Many school networks have one; it may want a password."""
    settings = loaded(settings_text(dfe=f'{DFE}proxy = "{proxy}"'), tmp_path)

    assert settings.dfe.proxy
    assert settings.dfe.proxy.get_secret_value() == proxy
    assert proxy not in repr(settings)


@pytest.mark.parametrize("proxy", ["proxy.example:3128", "socks5://proxy.example", "http://proxy.example:99999", ""])
def test_proxy_that_cannot_be_one_is_refused(tmp_path: Path, proxy: str) -> None:
    """Before the first request of a run, not at it."""
    assert found(settings_text(dfe=f'{DFE}proxy = "{proxy}"'), tmp_path).keys() == {"dfe.proxy"}


@pytest.mark.parametrize(
    ("dfe", "key"),
    [
        (DFE.replace("client_secret_file", "# client_secret_file"), "dfe.client_secret_file"),
        (f'{DFE}auth_method = "private_key_jwt"', "dfe.private_key_file"),
        (f'{DFE}private_key_file = "key.pem"', "dfe.private_key_file"),
        (f'{DFE}auth_method = "client_secret_jwt"', "dfe.auth_method"),
    ],
)
def test_way_to_sign_in_needs_its_secret_and_no_other(tmp_path: Path, dfe: str, key: str) -> None:
    """A key that is never used is a mistake about how attsync signs in."""
    assert found(settings_text(dfe=dfe), tmp_path).keys() == {key}


def test_private_key_needs_no_client_secret(tmp_path: Path) -> None:
    """It takes its place."""
    dfe = DFE.replace("client_secret_file", 'auth_method = "private_key_jwt"\nprivate_key_file')

    assert loaded(settings_text(dfe=dfe), tmp_path).dfe.private_key_file == tmp_path / "client-secret"


@pytest.mark.parametrize(
    ("table", "setting", "words"),
    [
        ("window", "days = 0", "Use a whole number from 1 to 8."),
        ("window", "days = 9", "Use a whole number from 1 to 8."),
        ("window", "days = true", "Use a whole number from 1 to 8."),
        ("window", "days = 8.0", "Use a whole number from 1 to 8."),
        ("window", 'count = "weekdays"', 'Use "working" or "calendar".'),
        ("log", "keep_days = 30", "Use a whole number from 31 to 36500."),
        ("log", "path = 1", "Put the value in quotes."),
        ("log", 'path = ""', "This must not be empty."),
        ("log", 'path = "a\\u0000b"', "This must not contain a line break or another invisible character."),
        ("schedule", "times = []", "Use at least one time of day."),
        ("schedule", 'times = "10:15"', "Use a list in [square brackets]."),
        ("notify", 'ping_url = "http://ping.example"', "Use an address that starts with https:// and does not"),
        ("consent", 'administrators = "sam"', "Use a list in [square brackets]."),
        ("consent", "administrators = [1]", "Put the value in quotes."),
        ("consent", "usernames = 1", "This is a table. Put its settings under the heading [consent.usernames]."),
    ],
)
def test_value_that_cannot_be_is_refused_in_words(tmp_path: Path, table: str, setting: str, words: str) -> None:
    """The words say what to write instead."""
    (text,) = found(settings_text(tables=f"[{table}]\n{setting}"), tmp_path).values()

    assert text.startswith(words)


@pytest.mark.parametrize("value", ['"24:00"', '"10:60"', '"9:15"', "10", "10:15:30", '""', '"\\u0661\\u0660:15"'])
def test_time_that_no_clock_shows_is_refused(tmp_path: Path, value: str) -> None:
    """The crontab would hold it."""
    assert "schedule.times[2]" in found(settings_text(tables=f'[schedule]\ntimes = ["10:15", {value}]'), tmp_path)


def test_times_are_sorted_and_each_is_there_once(tmp_path: Path) -> None:
    """What comes next is then the next; TOML's own times are taken too."""
    settings = loaded(settings_text(tables='[schedule]\ntimes = ["14:45", 10:15:00, "10:15"]'), tmp_path)

    assert settings.schedule.times == (time(10, 15), time(14, 45))


@pytest.mark.parametrize(
    ("urn", "words"),
    [
        ("12", "A URN has 6 digits, for example 900012."),
        ("023456", "A URN has 6 digits, for example 900012. Write it without quotes."),
        ("true", "A URN has 6 digits, for example 900012."),
        ('"900012"', "A URN has 6 digits, for example 900012. Write it without quotes."),
        ("9001234", "This looks like a LAESTAB. A URN has 6 digits, for example 900012."),
        ('"900/1234"', "This looks like a LAESTAB. A URN has 6 digits, for example 900012."),
    ],
)
def test_urn_has_six_digits(tmp_path: Path, urn: str, words: str) -> None:
    """The two numbers of a school are easily taken for each other (docs/design/domain.md 5)."""
    urn = f'"{urn}"' if urn.startswith("0") else urn
    school = f'urn = {urn}\nname = "Oakfield"'

    assert found(settings_text(schools=(school,)), tmp_path) == {"database[1].schools[1].urn": words}


@pytest.mark.parametrize(
    ("maps", "key", "words"),
    [
        ('[database.codes]\nILL = "ill"', "codes.ILL", 'Use "present", "unmarked" or a DfE code'),
        ('[database.codes]\nP = "Present"', "codes.P", 'Use "present", "unmarked" or a DfE code'),
        ('[database.codes]\nX = "X01"', "codes.X", 'Use "present", "unmarked" or a DfE code'),
        ('[database.sessions]\nMorning = "am"', "sessions.Morning", 'Use "AM" or "PM". Did you mean "AM"?'),
        ('[database.year_groups]\n"Year 1" = 1', 'year_groups."Year 1"', "Put the value in quotes."),
        ('[database.year_groups]\nMixed = "M"', "year_groups.Mixed", "Use a DfE year group"),
        ('[database.codes]\n"P" = "/"\n" P" = "/"', "codes", "2 names under this heading differ only in the spaces"),
    ],
)
def test_map_leads_only_to_what_the_dfe_knows(tmp_path: Path, maps: str, key: str, words: str) -> None:
    """A wrong target would have every day refused, or count under the wrong code."""
    faults = found(settings_text(maps=maps), tmp_path)

    assert faults.keys() == {f"database[1].{key}"}
    assert faults[f"database[1].{key}"].startswith(words)


def test_maps_are_trimmed_and_may_name_the_empty_value(tmp_path: Path) -> None:
    """Values are compared as trimmed text (docs/design/sending.md 4); rows without a year group can be mapped."""
    maps = '[database.codes]\n" E " = " C "\n[database.year_groups]\n"" = "X"'
    school = SCHOOL + '[database.schools.codes]\n"\\\\" = "\\\\"'
    database = loaded(settings_text(maps=maps, schools=(school,)), tmp_path).database[0]

    assert database.codes == {"E": "C"}
    assert database.year_groups == {"": "X"}
    assert database.schools[0].codes == {"\\": "\\"}


@pytest.mark.parametrize(
    ("database", "key"),
    [
        ('leaving_date_is = "last_day"', "database[1].url_file"),
        (f'url = "sqlite:///a"\n{URL_FILE}', "database[1].url_file"),
        ('url = "school.db"\nleaving_date_is = "last_day"', "database[1].url"),
        ('url = "sqlite:///a\\nb"\nleaving_date_is = "last_day"', "database[1].url"),
        ('url = "sqlite:///a"', "database[1].leaving_date_is"),
    ],
)
def test_database_has_one_address_and_says_what_a_leaving_date_is(tmp_path: Path, database: str, key: str) -> None:
    """No one but the school knows the last one, so there is no default to be wrong."""
    assert found(settings_text(database=database), tmp_path).keys() == {key}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///school.db", "sqlite:///{folder}/school.db"),
        ("sqlite+pysqlite:///data/school.db?timeout=5", "sqlite+pysqlite:///{folder}/data/school.db?timeout=5"),
        ("sqlite:///file:school.db?mode=ro&uri=true", "sqlite:///file:{folder}/school.db?mode=ro&uri=true"),
        ("sqlite:////var/school.db", "sqlite:////var/school.db"),
        ("sqlite:///file:/var/school.db?uri=true", "sqlite:///file:/var/school.db?uri=true"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("postgresql+psycopg://u:p@h/db", "postgresql+psycopg://u:p@h/db"),
    ],
)
def test_sqlite_file_starts_at_the_settings_file(tmp_path: Path, url: str, expected: str) -> None:
    """Like every other path, wherever the address stands."""
    in_settings = loaded(settings_text(database=f'url = "{url}"\nleaving_date_is = "last_day"'), tmp_path)
    (tmp_path / "database-url").write_text(f"{url}\n")
    (tmp_path / "database-url").chmod(0o600)
    in_file = loaded(settings_text(database=URL_FILE), tmp_path)

    for settings in (in_settings, in_file):
        assert settings.database[0].database_url().get_secret_value() == expected.format(folder=tmp_path)
        assert url not in repr(settings)


def test_file_with_something_else_than_an_address_is_refused(tmp_path: Path) -> None:
    """A password alone, say; the message does not repeat it."""
    (tmp_path / "database-url").write_text("hunter2")
    (tmp_path / "database-url").chmod(0o600)
    database = loaded(settings_text(database=URL_FILE), tmp_path).database[0]

    with pytest.raises(SettingsError) as raised:
        database.database_url()

    assert (raised.value.problem.code, raised.value.problem.case) == ("SECRET-FILE", "address")
    assert "hunter2" not in f"{raised.value!r}{raised.value.problem}"


def test_file_with_the_address_is_read_only_when_it_is_used(tmp_path: Path) -> None:
    """`status` needs no school database."""
    database = loaded(settings_text(database=URL_FILE), tmp_path).database[0]

    with pytest.raises(SettingsError) as raised:
        database.database_url()

    assert (raised.value.problem.case, raised.value.problem["undone"]) == ("missing", "database")


@pytest.mark.parametrize(
    ("select", "schools"), [(SELECT, ()), (f'{SELECT}schools = "SELECT 3"', (SCHOOL,))], ids=["neither", "both"]
)
def test_schools_are_named_in_one_way(tmp_path: Path, select: str, schools: tuple[str, ...]) -> None:
    """Two lists could differ."""
    assert found(settings_text(select=select, schools=schools), tmp_path).keys() == {"database[1].schools"}


def test_schools_may_come_from_the_database(tmp_path: Path) -> None:
    """A trust's database knows them."""
    settings = loaded(settings_text(select=f'{SELECT}schools = " SELECT 3 "', schools=()), tmp_path)

    assert settings.database[0].select.schools == "SELECT 3"
    assert settings.database[0].schools == ()


@pytest.mark.parametrize("select", ['" "', '"SELECT \\u0000"'])
def test_select_is_not_empty(tmp_path: Path, select: str) -> None:
    """What it must not do is found out where it is run; this is only about having one."""
    faults = found(settings_text(select=f'marks = {select}\nroll = """\nSELECT 2\n"""'), tmp_path)

    assert faults == {"database[1].select.marks": "Write a SELECT here."}


def test_several_databases_without_a_name_are_numbered(tmp_path: Path) -> None:
    """A message has to say which one."""
    others = "".join(
        f"[[database]]\n{DATABASE}{name}\n[database.select]\n{SELECT}[[database.schools]]\nurn = {urn}\nname = 'B'\n"
        for urn, name in ((900013, "name = 'SIMS'"), (900014, ""))
    )
    settings = loaded(settings_text(after=others), tmp_path)

    assert [database.name for database in settings.database] == ["school database 1", "SIMS", "school database 3"]
    assert all(d.database_url().get_secret_value().endswith(f"{tmp_path}/school.db") for d in settings.database)


def test_there_is_at_least_one_database(tmp_path: Path) -> None:
    """Without one there is nothing to count."""
    text = settings_text().split("[[database]]")[0]

    assert found(text, tmp_path) == {"database": "Add [[database]] and its settings."}
    assert found(f"database = []\n{text}", tmp_path) == {"database": "Add [[database]] and its settings."}
