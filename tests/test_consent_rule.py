"""consent.py: for whom, for what and by whom consent is in force."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from attsync import consent
from attsync.accounts import Person
from attsync.consent import (
    Terms,
    active_consent,
    explain_missing,
    lapse_missing,
    notice,
    receipt,
    record,
    require_permission,
)
from attsync.log import ConsentRow, Log
from attsync.model import DATA_SET
from attsync.problems import NotPermitted, Problem
from tests.made_log import ABBEY, AT, ELM, OTHER, RECEIVER, TERMS, decide
from tests.settings_file import loaded, settings_text

HEAD = Person("head", 1000)
CALENDAR = replace(TERMS, window_count="calendar")
TOTAL_ONLY = replace(TERMS, year_groups=False)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """Return an empty log."""
    with Log.open(tmp_path / "attsync.db") as opened:
        yield opened


@pytest.fixture
def row(log: Log) -> ConsentRow:
    """Return a grant as it was recorded."""
    decide(log)
    return log.latest_consent(ABBEY.urn) or pytest.fail("none")


# What it is given for


def test_consent_is_in_force_for_what_was_agreed_to(row: ConsentRow) -> None:
    """What was agreed to is what is sent now; the proof names the grant."""
    found = active_consent(row, TERMS)

    assert found
    assert found.row == row


def test_terms_are_those_of_the_settings(tmp_path: Path) -> None:
    """The origin, the kind of window, and whether year groups are sent."""
    assert Terms.of(loaded(settings_text(), tmp_path)) == TERMS
    changed = settings_text(tables='[window]\ncount = "calendar"').replace("[dfe]", "[dfe]\nsend_year_groups = false")
    assert Terms.of(loaded(changed, tmp_path)) == Terms(RECEIVER, "calendar", year_groups=False)


@pytest.mark.parametrize(("given", "now"), [(TERMS, CALENDAR), (TERMS, TOTAL_ONLY), (CALENDAR, CALENDAR)])
def test_consent_is_in_force_for_less_than_was_agreed_to(log: Log, given: Terms, now: Terms) -> None:
    """C3: calendar days reach less far back than working days, and a total says less than year groups."""
    assert active_consent(decide(log, terms=given), now)


@pytest.mark.parametrize(
    ("change", "code", "case"),
    [
        (lambda _: None, "CONSENT-NONE", ""),
        (lambda row: replace(row, action="removed"), "CONSENT-NONE", "removed"),
        (lambda row: replace(row, action="lapsed"), "CONSENT-CHANGED", "lapsed"),
        (lambda row: replace(row, receiver=OTHER), "CONSENT-CHANGED", "receiver"),
        (lambda row: replace(row, receiver=f"{RECEIVER}:8443"), "CONSENT-CHANGED", "receiver"),
        (lambda row: replace(row, data_set=DATA_SET + 1), "CONSENT-CHANGED", "data"),
        (lambda row: replace(row, data_set=DATA_SET - 1), "CONSENT-CHANGED", "data"),
        (lambda row: replace(row, year_groups=False), "CONSENT-CHANGED", "data"),
        (lambda row: replace(row, window_count="calendar"), "CONSENT-CHANGED", "window"),
        (lambda row: replace(row, notice=row.notice - 1), "CONSENT-CHANGED", "notice"),
        (lambda row: replace(row, notice=row.notice + 1), "CONSENT-CHANGED", "notice"),
    ],
)
def test_consent_is_not_in_force(
    row: ConsentRow, change: Callable[[ConsentRow], ConsentRow | None], code: str, case: str
) -> None:
    """Never given, removed, lapsed, or for something else: it has to be asked for again, with the reason."""
    changed = change(row)

    assert active_consent(changed, TERMS) is None
    why = explain_missing(ABBEY, changed, TERMS)
    assert (why.code, why.case, why.exit_code, why["urn"]) == (code, case, 7, ABBEY.urn)
    assert why.setting == {"receiver": ("dfe", "base_url"), "window": ("window", "count")}.get(case, ())


def test_removed_consent_stays_removed_whatever_else_has_changed(row: ConsentRow) -> None:
    """A removal is a decision: it is not asked about again because the address is another."""
    removed = replace(row, action="removed", receiver=OTHER, data_set=DATA_SET - 1)

    assert explain_missing(ABBEY, removed, TERMS).case == "removed"


def test_changed_receiver_is_told_with_both(row: ConsentRow) -> None:
    """A mistake in an address must not be answered with a new consent alone."""
    why = explain_missing(ABBEY, replace(row, receiver=OTHER), TERMS)

    assert (why["was"], why["now"], why["person"]) == (OTHER, RECEIVER, "head")


@pytest.mark.parametrize("change", [{"action": "removed"}, {"action": "lapsed"}, {"data_set": DATA_SET - 1}])
def test_dates_are_those_of_london(row: ConsentRow, change: dict[str, object]) -> None:
    """Half past midnight in summer is the day before in UTC."""
    at = datetime(2026, 6, 4, 23, 30, tzinfo=UTC)

    assert explain_missing(ABBEY, replace(row, at=at, **change), TERMS)["at"] == "2026-06-05"  # type: ignore[arg-type]


def test_release_that_sends_more_asks_again(row: ConsentRow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version of the data set is bound to the grant."""
    monkeypatch.setattr(consent, "DATA_SET", DATA_SET + 1)

    assert active_consent(row, TERMS) is None


# Schools that leave the settings


def test_consent_of_a_school_that_left_the_settings_lapses(log: Log) -> None:
    """C15: if it comes back, it is asked again."""
    decide(log)
    decide(log, ELM)

    lapse_missing(log, {ELM.urn}, TERMS, AT)

    row = log.latest_consent(ABBEY.urn)
    assert row
    assert (row.action, row.person, row.at) == ("lapsed", "attsync", AT)
    assert explain_missing(ABBEY, row, TERMS).case == "lapsed"
    assert active_consent(log.latest_consent(ELM.urn), TERMS)
    lapse_missing(log, set(), TERMS, AT)
    assert [each.action for each in log.consent_history(ABBEY.urn)] == ["given", "lapsed"]  # once
    decide(log)
    assert active_consent(log.latest_consent(ABBEY.urn), TERMS)


def test_neither_a_removal_nor_a_consent_to_another_receiver_lapses(log: Log) -> None:
    """Nothing changes for a school that does not send here."""
    decide(log, action="removed")
    decide(log, ELM, terms=replace(TERMS, receiver=OTHER))

    lapse_missing(log, set(), TERMS, AT)

    assert [each.action for each in log.latest_consents().values()] == ["removed", "given"]


# The record


def test_receipt_follows_from_what_was_recorded(log: Log) -> None:
    """The number on the screen can be found again from the log; another record has another."""
    given = record(
        log,
        ABBEY,
        "given",
        Person("head", 1000),
        TERMS,
        at=datetime.now(UTC),
        username="h",
        role="Head \udcff",  # a command line may contain any bytes
        reason="\udcff",
        shown=notice(TERMS),
    )
    kept = log.latest_consent(ABBEY.urn)

    assert kept
    assert (kept.person, kept.username, kept.login_uid, kept.role, kept.reason) == ("head", "h", 1000, "Head ?", "?")
    assert (kept.window_count, kept.year_groups, kept.data_set) == ("working", True, DATA_SET)
    assert receipt(kept) == receipt(given)
    assert len(receipt(kept)) == 8
    assert receipt(replace(kept, person="other")) != receipt(given)


def test_notice_that_was_shown_is_recorded(log: Log) -> None:
    """Number and text."""
    row = decide(log)

    shown = notice(TERMS)
    kept = log.latest_consent(ABBEY.urn)
    assert kept
    assert (row.notice, log.notice(kept)) == (shown.number, shown.full)


@pytest.mark.parametrize(
    ("terms", "days", "roll"),
    [
        (TERMS, "8 working days", "in total and in each year group"),
        (CALENDAR, "8 days", "in total and in each year group"),
        (TOTAL_ONLY, "8 working days", "in total only"),
    ],
)
def test_notice_names_the_longest_window_and_what_is_sent(terms: Terms, days: str, roll: str) -> None:
    """C3: the days of the settings may be raised to 8 without another consent, so it names 8."""
    made = notice(replace(terms, receiver=f"{RECEIVER}:8443"))

    for text in (made.full, " ".join(part for pair in made.short for part in pair)):
        for words in (days, roll, "dfe.example:8443", "dates of birth", "identify a child"):
            assert words in " ".join(text.split())
    assert "consent revoke" in made.full
    assert "{" not in made.full


# Who may give it


def refusal(*, found: bool | None = None, listed: tuple[str, ...] | None = None, name: str = "h") -> Problem:
    """Return why the permission is missing."""
    with pytest.raises(NotPermitted) as raised:
        require_permission(ABBEY, HEAD, name, found=found, listed=listed)
    assert (raised.value.problem.code, raised.value.exit_code) == ("PERMISSION", 7)
    return raised.value.problem


def test_school_database_goes_before_the_list_in_the_settings() -> None:
    """Where it can say who holds the permission, the list does not count."""
    require_permission(ABBEY, HEAD, "h", found=True, listed=())

    problem = refusal(found=False, listed=("h",))

    said = [problem[name] for name in ("account", "username", "school")]
    assert (problem.case, *said) == ("database", "head", "h", str(ABBEY))
    assert problem.get("unmapped") == ""


def test_account_without_another_user_name_hears_how_to_map_it() -> None:
    """Under the same name in both, it may be another name there."""
    problem = refusal(found=False, name="head")

    assert (problem.get("username"), problem["unmapped"]) == ("", "head")


def test_permission_is_found_in_the_settings() -> None:
    """Only where there is no SELECT for it."""
    require_permission(ABBEY, HEAD, "h", found=None, listed=("h",))
    for listed in (("other",), ()):
        assert refusal(listed=listed).case == ""


def test_without_anything_to_look_it_up_no_one_has_it() -> None:
    """It fails safe."""
    assert refusal().case == "unknown"
