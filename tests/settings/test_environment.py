"""What the environment adds to the settings file: variables, systemd's credentials, the place of the log."""

import os
import pwd
from collections.abc import Callable, Iterator
from datetime import time
from pathlib import Path

import pytest

from attsync.problems import SettingsError
from attsync.settings import find
from attsync.settings.environment import home
from tests.settings_file import DFE, faults, found, loaded, settings_text

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")


@pytest.fixture
def credential(tmp_path: Path) -> Callable[[str], str]:
    """Put a credential where systemd puts them; give its path."""

    def make(name: str) -> str:
        folder = tmp_path / "credentials"
        folder.mkdir(exist_ok=True)
        (folder / name).touch()
        return str(folder / name)

    return make


@pytest.fixture
def nameless_account() -> Iterator[None]:
    """Run as an account that the machine has no entry for, as containers do."""
    os.setresuid(12345, 0, 0)
    yield
    os.setresuid(0, 0, 0)


@pytest.mark.parametrize(
    ("variable", "value", "table", "name", "expected"),
    [
        ("ATTSYNC_TRUST", "Example Trust", None, "trust", "Example Trust"),
        ("ATTSYNC_DFE__TIMEOUT_SECONDS", "45", "dfe", "timeout_seconds", 45),
        ("ATTSYNC_DFE__CLIENT_ID", "12345", "dfe", "client_id", "12345"),
        ("ATTSYNC_DFE__CLIENT_ID", '"quoted"', "dfe", "client_id", "quoted"),
        ("ATTSYNC_DFE__SEND_YEAR_GROUPS", "false", "dfe", "send_year_groups", False),
        ("ATTSYNC_WINDOW__COUNT", "calendar", "window", "count", "calendar"),
        ("ATTSYNC_LOG__PATH", "/var/log.db", "log", "path", Path("/var/log.db")),
        ("ATTSYNC_SCHEDULE__TIMES", '["09:30"]', "schedule", "times", (time(9, 30),)),
        ("ATTSYNC_NOTIFY__PING_URL", "https://ping.example", "notify", "ping_url", "https://ping.example"),
    ],
)
def test_variable_goes_before_the_file(
    tmp_path: Path, variable: str, value: str, table: str | None, name: str, expected: object
) -> None:
    """One file can serve two machines; a number stays text where text is asked for."""
    text = settings_text(top='trust = "Old Trust"', tables="[window]\ndays = 4")
    settings = loaded(text, tmp_path, **{variable: value})

    assert getattr(getattr(settings, table) if table else settings, name) == expected
    assert settings.window.days == 4


@pytest.mark.parametrize("value", ["many", "8.0", "45\nconnections = 9", "", "[" * 5000])
def test_fault_of_a_variable_names_it_and_not_its_value(tmp_path: Path, value: str) -> None:
    """The file may be right; who looks there would search in vain."""
    error = faults(settings_text(dfe=f"{DFE}connections = 4"), tmp_path, ATTSYNC_DFE__CONNECTIONS=value)

    (fault,) = error.faults
    assert (fault.path, fault.key, fault.line) == (None, "ATTSYNC_DFE__CONNECTIONS", None)
    assert fault.text == "Use a whole number from 1 to 32."


def test_fault_inside_the_list_of_a_variable_is_the_fault_of_the_variable(tmp_path: Path) -> None:
    """There is no line to show."""
    error = faults(settings_text(), tmp_path, ATTSYNC_SCHEDULE__TIMES='["25:00"]')

    assert [fault.where for fault in error.faults] == ["variable"]


def test_variables_alone_can_make_a_table(tmp_path: Path) -> None:
    """A file without [dfe] is complete once they say what it would."""
    text = settings_text(dfe="").replace("[dfe]", "")
    variables = {
        "ATTSYNC_DFE__BASE_URL": "https://dfe.example",
        "ATTSYNC_DFE__TOKEN_URL": "https://dfe.example/token",
        "ATTSYNC_DFE__CLIENT_ID": "oakfield",
        "ATTSYNC_DFE__CLIENT_SECRET_FILE": "client-secret",
    }

    assert loaded(text, tmp_path, **variables).dfe.client_secret_file == tmp_path / "client-secret"


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("ATTSYNC_DFE__TIMEOUT", "This variable is not known. Did you mean ATTSYNC_DFE__TIMEOUT_SECONDS?"),
        ("ATTSYNC_dfe__scope", "This variable is not known. Did you mean ATTSYNC_DFE__SCOPE?"),
        ("ATTSYNC_CONSENT__ADMINISTRATORS", "This variable is not known."),
        ("ATTSYNC_", "This variable is not known."),
    ],
)
def test_variable_that_is_not_known_is_a_fault(tmp_path: Path, variable: str, words: str) -> None:
    """Mistyped, it would change nothing and say nothing. No one becomes an administrator by a variable."""
    assert found(settings_text(), tmp_path, **{variable: "hunter2"}) == {variable: words}


def test_variable_that_is_not_known_is_told_even_if_the_file_cannot_be_read(tmp_path: Path) -> None:
    """All faults at once."""
    assert found("x", tmp_path, ATTSYNC_X="1").keys() == {"", "ATTSYNC_X"}


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    """Also click's own, and the one that names the file."""
    others = {"_ATTSYNC_COMPLETE": "x", "ATTSYNC_CONFIG": "x", "ATTSYNCED": "x", "PATH": "x"}

    assert loaded(settings_text(), tmp_path, **others) == loaded(settings_text(), tmp_path)


def test_variable_does_not_mend_what_is_no_table(tmp_path: Path) -> None:
    """Then the fault is that of the file."""
    text = "dfe = 1\nlog = 2\n" + settings_text(dfe="").replace("[dfe]", "")

    assert found(text, tmp_path, ATTSYNC_DFE__SCOPE="x").keys() == {"dfe", "log"}


def test_credentials_of_systemd_take_the_place_of_files(tmp_path: Path, credential: Callable[[str], str]) -> None:
    """A unit with LoadCredential= needs no secret file that the account owns."""
    secret, key, address, people = map(
        credential, ("client-secret", "subscription-key", "database-url", "notify-addresses")
    )
    credential("private-key")
    settings = loaded(settings_text(tables="[notify]"), tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"))

    assert str(settings.dfe.client_secret_file) == secret
    assert str(settings.dfe.subscription_key_file) == key
    assert settings.dfe.private_key_file is None
    assert settings.database[0].url is None
    assert str(settings.database[0].url_file) == address
    assert str(settings.notify.addresses_file) == people


def test_private_key_of_systemd_is_taken_where_one_is_used(tmp_path: Path, credential: Callable[[str], str]) -> None:
    """With a client secret it would be a fault, and no one's."""
    key = credential("private-key")
    dfe = DFE.replace("client_secret_file", 'auth_method = "private_key_jwt"\n#')
    settings = loaded(settings_text(dfe=dfe), tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"))

    assert str(settings.dfe.private_key_file) == key


def test_address_of_systemd_is_not_taken_for_one_of_several_databases(
    tmp_path: Path, credential: Callable[[str], str]
) -> None:
    """It does not say for which."""
    credential("database-url")
    text = settings_text()
    other = text[text.index("[[database]]") :].replace("900012", "900013")
    settings = loaded(text + other, tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"))

    assert [database.url_file for database in settings.database] == [None, None]


def test_folder_of_credentials_that_is_empty_changes_nothing(tmp_path: Path) -> None:
    """Units have one as soon as they have any credential."""
    settings = loaded(settings_text(), tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"))

    assert settings.dfe.client_secret_file == tmp_path / "client-secret"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/sam"}, "/home/sam/.local/state/attsync/attsync.db"),
        ({"HOME": "/home/sam", "XDG_STATE_HOME": "/state"}, "/state/attsync/attsync.db"),
        ({"HOME": "/home/sam", "XDG_STATE_HOME": "state"}, "/home/sam/.local/state/attsync/attsync.db"),
        ({"STATE_DIRECTORY": "/var/lib/attsync:/var/lib/x", "XDG_STATE_HOME": "/s"}, "/var/lib/attsync/attsync.db"),
    ],
)
def test_log_is_in_the_state_folder(tmp_path: Path, environ: dict[str, str], expected: str) -> None:
    """That of systemd, else the user's as the XDG Base Directory Specification has it."""
    assert str(loaded(settings_text(), tmp_path, **environ).log.path) == expected


@pytest.mark.parametrize("named", [{}, {"HOME": ""}, {"HOME": "sam"}])
def test_home_is_known_without_the_variable(named: dict[str, str]) -> None:
    """Cron and systemd may leave it out."""
    assert str(home(named)) == pwd.getpwuid(os.getuid()).pw_dir


@needs_root
@pytest.mark.usefixtures("nameless_account")
def test_account_without_a_home_has_to_name_the_log(tmp_path: Path) -> None:
    """There is no folder of its own to put it into."""
    words = 'Add this setting, for example  path = "attsync.db"'

    assert found(settings_text(), tmp_path, HOME="") == {"log.path": words}


@needs_root
@pytest.mark.usefixtures("nameless_account")
def test_account_without_a_home_finds_the_settings_of_all_users() -> None:
    """A container has one account and one file."""
    with pytest.raises(SettingsError) as raised:
        find(None, {})
    assert raised.value.problem["paths"] == ("/etc/attsync/config.toml",)


def test_fault_of_a_variable_is_not_said_to_be_in_the_file(tmp_path: Path) -> None:
    """Anyone who corrects the file corrects the wrong thing."""
    wrong = {"ATTSYNC_DFE__TIMEOUT_SECONDS": "soon"}

    one = faults(settings_text(), tmp_path, **wrong).problem
    both = faults(settings_text(tables="colour = 'red'"), tmp_path, **wrong).problem

    assert (one.case, one["faults"]) == ("variables", 1)
    assert (both.case, both["faults"]) == ("both", 2)
