"""The settings file: found, read and checked as one, before anything else is touched."""

import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from attsync.accounts import name_of
from attsync.messages import next_step, text
from attsync.problems import Problem, SettingsError
from attsync.settings import SettingsFaults, find, load
from attsync.settings.models import TABLES
from tests.other_account import SOMEBODY_ELSE, needs_root
from tests.settings_file import DATABASE, DFE, SCHOOL, faults, found, loaded, settings_text

PACKAGED = Path(__file__).parents[2] / "src/attsync/data/config.toml"


@pytest.fixture
def places(tmp_path: Path) -> SimpleNamespace:
    """Put a settings file into each place where one is looked for, but the machine's."""
    given, named = tmp_path / "given.toml", tmp_path / "named.toml"
    users = tmp_path / "home/.config/attsync/config.toml"
    users.parent.mkdir(parents=True)
    for path in (given, named, users):
        path.touch()
    environ = {"HOME": str(tmp_path / "home"), "ATTSYNC_CONFIG": str(named)}
    return SimpleNamespace(given=given, named=named, users=users, environ=environ)


def test_named_file_goes_before_the_variable_and_the_variable_before_the_usual_places(places: SimpleNamespace) -> None:
    """The nearer to the person who types, the stronger."""
    assert find(str(places.given), places.environ) == places.given
    assert find(None, places.environ) == places.named
    assert find(None, {"HOME": places.environ["HOME"]}) == places.users


def test_empty_variable_counts_as_not_set(places: SimpleNamespace) -> None:
    """Shells set such ones easily."""
    assert find(None, {**places.environ, "ATTSYNC_CONFIG": ""}) == places.users


def test_file_that_was_found_is_absolute(places: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths in it start at its folder, wherever the command goes afterwards."""
    monkeypatch.chdir(places.given.parent)

    assert find("given.toml", {}) == places.given


def test_error_says_where_it_was_looked(tmp_path: Path) -> None:
    """No one should have to guess where the file belongs, or that there is a way without one."""
    with pytest.raises(SettingsError) as raised:
        find(None, {"HOME": str(tmp_path)})

    usual = (f"{tmp_path}/.config/attsync/config.toml", "/etc/attsync/config.toml")
    assert (raised.value.problem.code, raised.value.problem["paths"]) == ("SETTINGS-NONE", usual)
    assert "attsync demo" in str(next_step(raised.value.problem))


@pytest.mark.parametrize("given", ["missing.toml", "given.toml/config.toml"])
def test_named_file_that_is_missing_is_not_replaced_by_another(places: SimpleNamespace, given: str) -> None:
    """A mistyped --config must not send with someone's other settings."""
    with pytest.raises(SettingsError) as raised:
        find(str(places.given.parent / given), places.environ)

    assert raised.value.problem == Problem("SETTINGS-NONE", paths=[places.given.parent / given])


def test_file_that_may_not_be_seen_is_not_replaced_by_another(tmp_path: Path) -> None:
    """A link that leads to itself is there, and cannot be read: load() has to say so."""
    link = tmp_path / "config.toml"
    link.symlink_to(link)

    assert find(str(link), {}) == link
    with pytest.raises(SettingsError) as raised:
        load(link, {})
    assert (raised.value.problem.case, raised.value.problem["path"]) == ("unreadable", str(link))


def test_folder_is_no_settings_file(tmp_path: Path) -> None:
    """The reason is told in the words of the system."""
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, {})

    assert raised.value.problem == Problem("SETTINGS", "unreadable", path=tmp_path, reason="is a directory")


def test_example_of_the_package_is_the_example_of_the_repository() -> None:
    """Two copies, because an editable install has only the one and readers look for the other."""
    assert PACKAGED.read_text() == (Path(__file__).parents[2] / "examples/config.toml").read_text()


def test_example_is_right(tmp_path: Path) -> None:
    """It is what everyone starts from, and what the sandbox runs on."""
    settings = loaded(PACKAGED.read_text(), tmp_path)

    assert settings.dfe.origin == "https://localhost:8443"
    assert settings.database[0].schools[0].urn == 900023
    assert settings.database[0].codes == {"PRES": "present", "HOSP": "M", "-": "unmarked"}


def test_values_that_the_example_calls_usual_are_so(tmp_path: Path) -> None:
    """A comment that names another default than the code has misleads anyone who reads it."""
    usual = "timeout_seconds|connections|run_minutes|send_year_groups|auth_method|days|count|keep_days|times"
    text, number = re.subn(rf"^# (?=(?:{usual}) = )", "", PACKAGED.read_text(), flags=re.MULTILINE)

    assert number == 9
    assert loaded(text, tmp_path) == loaded(PACKAGED.read_text(), tmp_path)


def test_every_setting_is_in_the_example() -> None:
    """What is not there is not found."""
    lines = PACKAGED.read_text()

    assert not [
        name
        for table in TABLES.values()
        for name in table.model.model_fields
        if not re.search(rf"^(# )?(\[+([a-z]+\.)?{name}\]|{name} +=)", lines, re.MULTILINE)
    ]


@pytest.mark.parametrize(
    ("first", "second", "fault"),
    [
        (
            "urn = 900012",
            "urn = 900012",
            "urn: A school can be listed only once: database[1].schools[1] has this URN too.",
        ),
        ('urn = 900012\nschool = "1"', 'urn = 900013\nschool = " 1"', "school: Rows belong to one school only: "),
        ("urn = 900012", 'urn = 900013\nschool = "900012"', "school: Rows belong to one school only: "),
    ],
)
def test_school_that_is_there_twice_is_found(tmp_path: Path, first: str, second: str, fault: str) -> None:
    """Its marks would be sent twice, or those of one school for another."""
    schools = (f'name = "A"\n{first}', f'name = "B"\n{second}')

    ((key, text),) = found(settings_text(schools=schools), tmp_path).items()
    assert f"{key}: {text}".startswith(f"database[1].schools[2].{fault}")


def test_school_that_is_in_two_databases_is_found(tmp_path: Path) -> None:
    """The same value may stand for another school there; the same URN may not."""
    text = settings_text(schools=(f'{SCHOOL}school = "1"',))
    other = text[text.index("[[database]]") :]

    assert found(text + other, tmp_path).keys() == {"database[2].schools[1].urn"}
    assert len(loaded(text + other.replace("900012", "900013"), tmp_path).database) == 2


def test_other_faults_do_not_hide_a_school_that_is_there_twice(tmp_path: Path) -> None:
    """All faults at once: a person who corrects three and then finds a fourth has been misled."""
    schools = (SCHOOL, "urn = 900012\nname = 5\nschool = []", "name = ''\nurn = []")
    text = settings_text(top="database_ = 1", dfe="", schools=schools)

    assert found(text, tmp_path).keys() > {
        "dfe.base_url",
        "database_",
        "database[1].schools[2].urn",
        "database[1].schools[2].name",
        "database[1].schools[2].school",
        "database[1].schools[3].urn",
        "database[1].schools[3].name",
    }


@pytest.mark.parametrize("database", ["5", "[5]", "[{schools = 5}]", "[{schools = [5]}]"])
def test_database_that_is_no_table_is_a_fault_like_any_other(tmp_path: Path, database: str) -> None:
    """Whatever stands there, no one sees a traceback."""
    assert found(f"database = {database}", tmp_path)


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "marked"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["unix", "windows"])
def test_files_of_windows_editors_are_read(tmp_path: Path, start: bytes, end: bytes) -> None:
    """They mark the file as UTF-8 and end lines with two characters."""
    path = tmp_path / "config.toml"
    text = settings_text(select='marks = """\nSELECT\n1"""\nroll = "SELECT 2"')
    path.write_bytes(start + text.encode().replace(b"\n", end))

    assert load(path, {"HOME": "/"}).database[0].select.marks == "SELECT\n1"


def test_file_that_is_not_utf_8_is_a_fault_of_its_line(tmp_path: Path) -> None:
    """A name typed on an old system; the line itself may hold anything."""
    path = tmp_path / "config.toml"
    path.write_bytes(b'trust = "x"\nclient_secret = "hunter2\xe9"\n')

    with pytest.raises(SettingsFaults) as raised:
        load(path, {})

    (fault,) = raised.value.faults
    assert (fault.line, fault.name) == (2, "")
    assert fault.text == "This line is not UTF-8 text. Save the file as UTF-8."
    assert raised.value.__context__ is None


def test_error_counts_the_faults_and_says_that_nothing_happened(tmp_path: Path) -> None:
    """The line that cron mails."""
    one = faults(settings_text(tables="[window]\ndays = 9"), tmp_path)
    two = faults(settings_text(tables="[window]\ndays = 9\ncount = 1"), tmp_path)

    assert one.problem == Problem("SETTINGS", "file", faults=1, path=tmp_path / "config.toml")
    assert (two.problem["faults"], two.exit_code) == (2, 2)
    assert str(text(two.problem)).endswith("Nothing was read or sent.")


def test_loading_opens_no_secret(tmp_path: Path) -> None:
    """A settings file can be checked on another machine than that of the secrets."""
    secret = loaded(settings_text(), tmp_path).dfe.client_secret_file

    assert secret
    assert not secret.exists()


@pytest.mark.parametrize("name", ["a\nb.toml", "a\x1b[2Jb.toml", "a\u202eb.toml", "a\u00a0b.toml"])
def test_path_with_an_invisible_character_is_refused(tmp_path: Path, name: str) -> None:
    """It goes into the crontab, into units and onto terminals."""
    path = tmp_path / name
    path.write_text(settings_text())

    with pytest.raises(SettingsError) as raised:
        load(find(str(path), {}), {})

    assert (raised.value.problem.code, raised.value.problem.case) == ("SETTINGS", "name")
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("mode", [0o660, 0o602, 0o666])
def test_file_that_others_can_change_is_refused(tmp_path: Path, mode: int) -> None:
    """For root too: they could have the counts sent elsewhere. `check` reports it instead."""
    settings = loaded(settings_text(), tmp_path)
    settings.path.chmod(mode)

    assert untrusted(settings.path) == Problem(
        "FILE-RIGHTS", "mode", what="settings file", mode=f"{mode:04o}", **named(settings.path)
    )
    assert load(settings.path, {"HOME": str(tmp_path)}, trusted=False) == settings


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_folder_in_which_others_can_put_another_file_is_refused(tmp_path: Path, mode: int) -> None:
    """Where the file is, and where the link to it is. In a sticky folder others cannot replace the file."""
    folder, linked = tmp_path / "folder", tmp_path / "linked"
    folder.mkdir()
    linked.mkdir()
    path = loaded(settings_text(), folder).path
    (linked / "config.toml").symlink_to(path)
    for open_to_others in (folder, linked):
        open_to_others.chmod(mode)
        if mode & 0o1000:
            load(linked / "config.toml", {"HOME": str(tmp_path)})
        else:
            problem = untrusted(linked / "config.toml")
            assert (problem.case, problem["place"]) == ("mode", str(open_to_others))
            assert str(next_step(problem)).endswith(f"chmod go-w {open_to_others}")
        open_to_others.chmod(0o700)


@needs_root
def test_file_of_a_third_account_is_refused(open_folder: Path) -> None:
    """For root too, but not those of the account that sends: the one that the folder of the log belongs to."""
    path = loaded(settings_text(tables='[log]\npath = "attsync.db"'), open_folder).path
    os.chown(path, SOMEBODY_ELSE, -1)

    problem = untrusted(path)
    assert (problem.code, problem.case, problem["owner"]) == ("FILE-RIGHTS", "owner", name_of(SOMEBODY_ELSE))
    assert str(next_step(problem)).endswith(f"chown -h root {path}")

    os.chown(open_folder, SOMEBODY_ELSE, -1)
    load(path, {})


@needs_root
def test_secret_of_a_third_account_is_refused_for_root(open_folder: Path) -> None:
    """Root could read it, and would trust what that account writes into it."""
    tables = '[log]\npath = "attsync.db"\n[notify]\naddresses_file = "addresses"'
    path = loaded(settings_text(tables=tables), open_folder).path
    for name in ("client-secret", "addresses"):
        secret = open_folder / name
        secret.write_text("hunter2")
        secret.chmod(0o600)
        load(path, {})
        os.chown(secret, SOMEBODY_ELSE, -1)

        problem = untrusted(path)
        assert (problem.code, problem.case, problem["path"]) == ("FILE-RIGHTS", "owner", str(secret))
        assert str(next_step(problem)).endswith(f"chown -h root {secret}")
        os.chown(secret, 0, -1)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o640])
@pytest.mark.parametrize("line", ['url = "postgresql://ro:hunter2@server/school"', 'proxy = "http://a:hunter2@b:1"'])
def test_password_that_others_can_read_is_refused(tmp_path: Path, mode: int, line: str) -> None:
    """As a secret file; the group of root's own file can read it, as there is no other way for attsync's account."""
    in_dfe = line.startswith("proxy")
    text = settings_text(
        dfe=DFE + line * in_dfe, database=DATABASE if in_dfe else f'{line}\nleaving_date_is = "last_day"'
    )
    path = loaded(text, tmp_path).path
    path.chmod(mode)
    if mode == 0o640 and os.geteuid() == 0:
        load(path, {"HOME": str(tmp_path)})
        return

    problem = untrusted(path)
    assert (problem.code, problem.case, problem["mode"]) == ("FILE-RIGHTS", "password", f"{mode:04o}")
    assert problem.setting == (("dfe", "proxy") if in_dfe else ("database", "0", "url"))
    assert "hunter2" not in str(problem)


def test_password_of_a_variable_is_not_in_the_file(tmp_path: Path) -> None:
    """The file may be open then."""
    path = loaded(settings_text(), tmp_path).path
    path.chmod(0o644)

    assert load(path, {"HOME": str(tmp_path), "ATTSYNC_DFE__PROXY": "http://a:hunter2@b:1"}).dfe.proxy


def test_certificates_that_others_can_change_are_refused(tmp_path: Path) -> None:
    """Another server could pretend to be the DfE."""
    authority = tmp_path / "ca.pem"
    authority.touch()
    authority.chmod(0o666)
    path = tmp_path / "config.toml"
    path.write_text(settings_text(dfe=f'{DFE}ca_file = "ca.pem"'))

    assert untrusted(path)["path"] == str(authority)


def untrusted(path: Path) -> Problem:
    """Return the problem that loading ends in."""
    with pytest.raises(SettingsError) as raised:
        load(path, {"HOME": str(path.parent)})
    assert raised.value.exit_code == 2
    return raised.value.problem


def named(path: Path) -> dict[str, object]:
    """Return the parameters that name a file."""
    owner = name_of(os.geteuid())
    return {"path": path, "place": path, "owner": owner, "account": owner}
