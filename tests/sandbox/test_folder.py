"""folder.py: one folder contains all that a trial needs, and no file of anyone else is touched."""

import importlib
import os
import ssl
import sys
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from shutil import copytree

import httpx
import pytest

from attsync.messages import next_step
from attsync.problems import SettingsError
from attsync.sandbox.faults import Fault
from attsync.sandbox.folder import EXAMPLE_PORT, make_folder, open_folder
from tests.installed import port
from tests.other_account import SOMEBODY_ELSE, needs_root
from tests.sandbox.pretend import MONDAY, message

TODAY = MONDAY.date()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a sandbox folder on a free port, once."""
    folder = tmp_path_factory.mktemp("made") / "trial"
    make_folder(folder, today=TODAY, username="sam", port=port(), pupils=30)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Return a sandbox folder that the test may change."""
    return copytree(made, tmp_path / "trial")


@pytest.fixture
def post(folder: Path) -> Callable[[], int]:
    """Sign in and post as the settings of the folder say; give the status."""

    def send() -> int:
        settings = tomllib.loads((folder / "config.toml").read_text())["dfe"]
        trust = ssl.create_default_context(cafile=folder / settings["ca_file"])
        asked = {
            "grant_type": "client_credentials",
            "client_id": settings["client_id"],
            "client_secret": (folder / settings["client_secret_file"]).read_text().strip(),
        }
        with httpx.Client(verify=trust, trust_env=False) as http:
            token = http.post(settings["token_url"], data=asked).json()["access_token"]
            headers = {
                "Authorization": f"Bearer {token}",
                "Ocp-Apim-Subscription-Key": (folder / settings["subscription_key_file"]).read_text().strip(),
            }
            return http.post(f"{settings['base_url']}/attendances", json=message(), headers=headers).status_code

    return send


def test_settings_are_the_example_but_for_the_port(folder: Path) -> None:
    """What is tried in the sandbox is what the documentation says."""
    lines = (folder / "config.toml").read_text().splitlines()
    example = files("attsync").joinpath("data", "config.toml").read_text().splitlines()

    changed = [(ours, theirs) for ours, theirs in zip(lines, example, strict=True) if ours != theirs]
    assert [ours.split()[0] for ours, _ in changed] == ["base_url", "token_url"]
    assert all(str(EXAMPLE_PORT) in theirs for _, theirs in changed)


def test_secrets_are_random_and_their_owners_alone(folder: Path, tmp_path: Path) -> None:
    """Even a made-up secret must have the mode that attsync insists on."""
    make_folder(tmp_path / "other", today=TODAY, username="sam", port=port(), pupils=30)

    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("client-secret", "subscription-key"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
        assert (folder / name).read_text() != (tmp_path / "other" / name).read_text()


def test_folder_is_served_as_its_settings_say(folder: Path, post: Callable[[], int]) -> None:
    """Address, certificate, secrets: everything fits."""
    with open_folder(folder) as sandbox:
        assert post() == 201
        assert len(sandbox.store.received()) == 1


def test_faults_are_played(folder: Path, post: Callable[[], int]) -> None:
    """`--faults busy`; and the demo adds one while the sandbox runs."""
    with open_folder(folder, faults=[Fault.BUSY]) as sandbox:
        sandbox.faults.append(Fault.CLOSED)

        assert [post() for _ in range(3)] == [503, 410, 201]


def test_two_sandboxes_in_one_folder_are_told(folder: Path) -> None:
    """The second would take the port of the first."""
    with open_folder(folder), pytest.raises(SettingsError) as raised, open_folder(folder):
        pass

    assert case_of(raised) == "port"


def case_of(raised: pytest.ExceptionInfo[SettingsError]) -> str:
    """Return the case of the problem; its code is that of the sandbox, and nothing was started."""
    assert (raised.value.problem.code, raised.value.exit_code) == ("SANDBOX", 2)
    return raised.value.problem.case


@pytest.mark.parametrize("name", ["config.toml", "client-secret", "school.db", "server.pem", "ca.pem", "letter.txt"])
@pytest.mark.parametrize("is_link", [False, True])
def test_folder_that_is_not_empty_is_left_alone(tmp_path: Path, name: str, *, is_link: bool) -> None:
    """The key would land where a link leads, and a file of someone's own would be lost (CASES C19)."""
    folder, target = tmp_path / "try", tmp_path / "target"
    folder.mkdir()
    if is_link:
        (folder / name).symlink_to(target)
    else:
        (folder / name).write_text("my own")

    with pytest.raises(SettingsError) as raised:
        make_folder(folder, today=TODAY, username="sam", port=1)

    assert case_of(raised) == "not_empty"
    assert [path.name for path in folder.iterdir()] == [name]
    assert not target.exists()
    assert is_link or (folder / name).read_text() == "my own"


def test_folder_that_others_can_change_is_refused(tmp_path: Path) -> None:
    """Another account could put a link there between two files."""
    tmp_path.chmod(0o777)

    with pytest.raises(SettingsError) as raised:
        make_folder(tmp_path, today=TODAY, username="sam", port=1)

    assert case_of(raised) == "not_ours"
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_folder_of_another_account_is_refused(tmp_path: Path) -> None:
    """Also for root, who could write there."""
    os.chown(tmp_path, SOMEBODY_ELSE, -1)

    with pytest.raises(SettingsError) as raised:
        make_folder(tmp_path, today=TODAY, username="sam", port=1)

    assert case_of(raised) == "not_ours"


def test_existing_empty_folder_is_filled(tmp_path: Path) -> None:
    """Such as one that a person made for the purpose."""
    make_folder(tmp_path, today=TODAY, username="sam", port=1, pupils=30)

    assert {path.name for path in tmp_path.iterdir()} == {
        *("config.toml", "client-secret", "subscription-key", "ca.pem", "server.pem", "school.db")
    }
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Such as one whose name is that of a file."""
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError) as raised:
        make_folder(tmp_path / "file", today=TODAY, username="sam")

    assert (case_of(raised), raised.value.problem["why"]) == ("folder", "File exists")


@pytest.mark.parametrize("name", ["ca.pem", "server.pem"])
def test_certificate_is_not_written_through_a_link(folder: Path, tmp_path: Path, name: str) -> None:
    """A folder that is served again may have been changed since (CASES C19)."""
    (folder / name).unlink()
    (folder / name).symlink_to(tmp_path / "target")

    with pytest.raises(SettingsError) as raised, open_folder(folder):
        pass

    assert case_of(raised) == "folder"
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("name", ["config.toml", "client-secret", "subscription-key"])
def test_folder_that_lacks_something_is_told(folder: Path, name: str) -> None:
    """Most often the name of the folder is misspelt."""
    (folder / name).unlink()

    with pytest.raises(SettingsError) as raised, open_folder(folder):
        pass

    assert (case_of(raised), raised.value.problem["name"]) == ("not_a_sandbox", name)


@pytest.mark.parametrize("settings", ["[dfe", "[log]", "[dfe]\nbase_url = 'https://localhost:1'", "dfe = 1"])
def test_settings_that_cannot_be_used_are_told(folder: Path, settings: str) -> None:
    """They are there to be changed by hand."""
    (folder / "config.toml").write_text(settings)

    with pytest.raises(SettingsError) as raised, open_folder(folder):
        pass

    assert case_of(raised) == "settings"


def test_sandbox_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the pip of this very environment, and no name that anyone could register."""
    monkeypatch.setitem(sys.modules, "trustme", None)
    for name in [name for name in sys.modules if name.startswith("attsync.sandbox.")]:
        monkeypatch.delitem(sys.modules, name)

    with pytest.raises(SettingsError) as raised:
        importlib.import_module("attsync.sandbox.folder")

    assert case_of(raised) == "packages"
    assert str(next_step(raised.value.problem)).endswith(f"{sys.executable} -m pip install trustme")


@pytest.mark.parametrize("kind", ["link", "folder", "above"])
def test_folder_that_somebody_else_can_exchange_is_refused(tmp_path: Path, kind: str) -> None:
    """By turning the link, by the folder's own mode, or by renaming a folder above it."""
    above = tmp_path / "above"
    (above / "folder").mkdir(parents=True)
    (above / "link").symlink_to("folder")
    if kind != "link":
        (above if kind == "above" else above / "folder").chmod(0o777)

    with pytest.raises(SettingsError) as raised:
        make_folder(above / ("link" if kind == "link" else "folder"), today=TODAY, username="sam", port=1)

    assert case_of(raised) == "not_ours"
    assert not list((above / "folder").iterdir())
