"""consent.py: for whom, for what and by whom consent stands."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from attsync import consent
from attsync.accounts import Person
from attsync.consent import FULL_NOTICE, active_consent, explain_missing, notice, receipt, record, require_permission
from attsync.log import ConsentRow, Log
from attsync.model import DATA_SET
from attsync.problems import NotPermitted
from tests.factories import OAKFIELD, give_consent, settings

RECEIVER = "https://dfe.example"
HEAD = Person("head", 1000)


@pytest.fixture
def row(tmp_path: Path) -> ConsentRow:
    """Give consent, and give it as recorded."""
    return give_consent(settings(tmp_path), receiver=RECEIVER)


def test_consent_stands_for_its_receiver_and_data(row: ConsentRow) -> None:
    """What was agreed to is what is sent now."""
    found = active_consent(row, RECEIVER)

    assert found
    assert found.row == row


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda row: replace(row, given=False), "CONSENT-NONE", "removed by head"),
        (lambda row: replace(row, receiver="https://other.example"), "CONSENT-CHANGED", "the receiver is not the one"),
        (
            lambda row: replace(row, receiver="https://dfe.example:8443"),
            "CONSENT-CHANGED",
            ": it was https://dfe.example:8443 and is now https://dfe.example.",
        ),
        (lambda row: replace(row, data_set=DATA_SET + 1), "CONSENT-CHANGED", "the data that is sent is not the one"),
        (lambda row: replace(row, data_set=DATA_SET - 1), "CONSENT-CHANGED", "the data that is sent"),
        (lambda _: None, "CONSENT-NONE", "No consent has been given"),
    ],
)
def test_consent_does_not_stand(
    row: ConsentRow, change: Callable[[ConsentRow], ConsentRow | None], code: str, words: str
) -> None:
    """Removed, never given, for another address, for other data: asked again, in words."""
    changed = change(row)

    assert active_consent(changed, RECEIVER) is None
    why = explain_missing(OAKFIELD, changed, RECEIVER)
    assert (why.code, why.exit_code) == (code, 7)
    assert words in why.text
    assert "attsync consent grant --school 900023" in why.next


def test_slip_in_an_address_is_not_answered_with_a_new_consent_alone(row: ConsentRow) -> None:
    """Who gives consent to an address that nobody meant sends counts to it."""
    other = explain_missing(OAKFIELD, replace(row, receiver="https://other.example"), RECEIVER)
    data = explain_missing(OAKFIELD, replace(row, data_set=DATA_SET - 1), RECEIVER)

    assert other.next.startswith("If the new address is a slip, ask IT to correct [dfe] base_url")
    assert data.next == f"To give consent: attsync consent grant --school {OAKFIELD.urn}"


def test_release_that_sends_more_asks_again(row: ConsentRow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data set's version is bound to the grant."""
    monkeypatch.setattr(consent, "DATA_SET", DATA_SET + 1)

    assert active_consent(row, RECEIVER) is None


def test_receipt_follows_from_what_was_recorded(tmp_path: Path) -> None:
    """The number on the screen can be found again from the log."""
    with Log.open(tmp_path / "attsync.db") as log:
        given = record(
            log, OAKFIELD, given=True, person=HEAD, receiver=RECEIVER, at=datetime.now(UTC), username="h", role="Head"
        )
        kept = log.latest_consent(OAKFIELD.urn)

    assert kept
    assert (kept.person, kept.username, kept.login_uid, kept.role) == ("head", "h", 1000, "Head")
    assert receipt(kept) == receipt(given)
    assert receipt(replace(kept, person="other")) != receipt(given)


def test_notice_says_what_never_leaves() -> None:
    """The words that a head agrees to."""
    said = dict(notice("https://dfe.example:8443", "8 working days"))

    assert said["To:"] == "the Department for Education (dfe.example:8443)."
    assert "names" in said["What is never sent:"]
    assert "consent revoke" in FULL_NOTICE


def _ask(
    tmp_path: Path, *, look_up: Callable[[], bool] | None = None, listed: tuple[str, ...] | None = None, name: str = "h"
) -> None:
    path = tmp_path / "config.toml"
    require_permission(OAKFIELD, HEAD, name, look_up=look_up, listed=listed, settings_file=path)


def test_permission_is_looked_up_at_that_moment(tmp_path: Path) -> None:
    """Where the school database can say, the list in the settings does not count."""
    _ask(tmp_path, look_up=lambda: True)
    with pytest.raises(NotPermitted, match=r'you are head \(h\), who does not hold "Data Returns: Administer"') as told:
        _ask(tmp_path, look_up=lambda: False, listed=("h",))

    assert told.value.exit_code == 7
    assert told.value.problem.next == "If you need this permission, ask your office team to assign it to you."


def test_permission_is_found_in_the_settings(tmp_path: Path, owned: Path) -> None:
    """Only where there is no SELECT for it."""
    assert owned == tmp_path / "config.toml"
    _ask(tmp_path, listed=("h",))
    with pytest.raises(NotPermitted, match="in the settings file"):
        _ask(tmp_path, listed=("other",))
    with pytest.raises(NotPermitted, match="in the settings file"):
        _ask(tmp_path, listed=())


def test_without_anything_to_look_it_up_nobody_may(tmp_path: Path) -> None:
    """It fails safe."""
    with pytest.raises(NotPermitted, match="nothing says who holds"):
        _ask(tmp_path)


@pytest.fixture
def owned(tmp_path: Path) -> Path:
    """Make a settings file that only its owner can write, in folders likewise."""
    path = tmp_path / "config.toml"
    path.touch(mode=0o644)
    return path


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_list_that_others_can_write_proves_nothing(tmp_path: Path, owned: Path, mode: int) -> None:
    """Whoever wants the permission could write a name into it."""
    owned.chmod(mode)

    with pytest.raises(NotPermitted, match="Others may write"):
        _ask(tmp_path, listed=("h",))


def test_folder_that_others_can_write_proves_nothing(tmp_path: Path) -> None:
    """They could put another file in its place."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "config.toml").touch(mode=0o644)
    folder.chmod(0o777)

    with pytest.raises(NotPermitted, match=f"Others may write {folder},"):
        _ask(folder, listed=("h",))


def test_link_in_a_folder_that_others_can_write_proves_nothing(tmp_path: Path, owned: Path) -> None:
    """The link could be turned to another file."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "config.toml").symlink_to(owned)
    folder.chmod(0o777)

    with pytest.raises(NotPermitted, match=f"Others may write {folder},"):
        _ask(folder, listed=("h",))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_list_of_another_account_proves_nothing(tmp_path: Path, owned: Path) -> None:
    """Its owner could change it at any time."""
    os.chown(owned, 65534, 65534)

    with pytest.raises(NotPermitted, match="Others may write"):
        _ask(tmp_path, listed=("h",))


def test_dates_are_those_of_the_uk(row: ConsentRow) -> None:
    """Half past midnight in summer is yesterday in UTC."""
    at = datetime(2026, 6, 4, 23, 30, tzinfo=UTC)

    removed = explain_missing(OAKFIELD, replace(row, given=False, at=at), RECEIVER)
    changed = explain_missing(OAKFIELD, replace(row, data_set=DATA_SET - 1, at=at), RECEIVER)

    assert "on 5 June 2026" in removed.text
    assert "on 5 June 2026" in changed.text
