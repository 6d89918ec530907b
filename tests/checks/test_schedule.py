"""timing.py: whether something sends at the planned times, in winter and in summer, by which clock."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from attsync.checks.finding import Finding, exit_code_of
from attsync.checks.schedule import schedule_findings
from attsync.schedule.clock import Clock
from attsync.schedule.grammar import cron_week
from attsync.schedule.machine import Entry, Machine
from tests.factories import settings

NOVEMBER = datetime(2026, 11, 23, 12, tzinfo=UTC)
JUNE = datetime(2027, 6, 14, 12, tzinfo=UTC)
CRONTAB = "crontab of sam"


def clock(name: str = "Europe/London") -> Clock:
    """Make a server's clock."""
    return Clock(ZoneInfo(name), name)


@pytest.fixture
def usual(tmp_path: Path) -> Entry:
    """Make an entry for the settings of the test: weekdays 10:18."""
    settings(tmp_path)
    return entry("18 10 * * 1-5", tmp_path / "config.toml")


def entry(said: str, config: Path, source: str = CRONTAB) -> Entry:
    """Make an entry of a crontab."""
    return Entry(source=source, said=said, week=cron_week(said), config=config)


def both(usual: Entry, *said: str) -> tuple[Entry, ...]:
    """Make entries of the same crontab at these times, or at the usual ones."""
    return tuple(replace(usual, said=each, week=cron_week(each)) for each in said or ("18 10 * * 1-5", "48 14 * * 1-5"))


def look(folder: Path, *entries: Entry, now: datetime = NOVEMBER, more: str = "", **machine: object) -> list[Finding]:
    """Say what is found on a machine with these entries; none of it may be a failure."""
    facts = {"account": "sam", "clock": clock(), "crontab": "read", "entries": entries, **machine}
    found = list(schedule_findings(settings(folder, more=more), Machine(**facts), now))  # type: ignore[arg-type]
    assert exit_code_of(found) == 0
    assert all(finding.next for finding in found if finding.sign != "good")
    return found


def test_entries_at_the_planned_times_are_a_tick(tmp_path: Path, usual: Entry) -> None:
    """Some minutes later, as the URN has it."""
    (found,) = look(tmp_path, *both(usual))

    assert found == Finding(
        "good", "Schedule", "crontab of sam: weekdays 10:18 and 14:48 (server clock: Europe/London)"
    )


@pytest.mark.parametrize(
    ("state", "words", "then"),
    [
        ("read", "no entry in the crontab of sam, and no timer of systemd", "attsync crontab --install"),
        ("refused", "sam may not use cron", "attsync crontab --systemd"),
        ("none", "this computer has no crontab program", "attsync crontab --systemd"),
    ],
)
def test_nothing_that_sends_is_to_check(tmp_path: Path, state: str, words: str, then: str) -> None:
    """A machine without cron is no failure."""
    (found,) = look(tmp_path, crontab=state)

    assert (found.sign, found.next) == ("check", f"The account that is to send: {then}")
    assert words in found.text


def test_entry_for_other_settings_is_not_taken_for_ours(tmp_path: Path, usual: Entry) -> None:
    """A trust may have several settings files; which are served is said."""
    other = replace(usual, config=Path("/srv/other.toml"))
    (found,) = look(tmp_path, *both(other), replace(usual, config=None))

    assert found.sign == "check"
    assert "(there is one for /srv/other.toml)" in found.text


def test_settings_file_may_be_reached_through_a_link(tmp_path: Path, usual: Entry) -> None:
    """It is the same file."""
    (tmp_path / "link").symlink_to(tmp_path)

    assert [f.sign for f in look(tmp_path, *both(replace(usual, config=tmp_path / "link" / "config.toml")))] == ["good"]


def test_planned_time_that_nothing_serves_is_named(tmp_path: Path, usual: Entry) -> None:
    """With the setting; `status` would say each day that a send was missed."""
    (found,) = look(tmp_path, *both(usual, "18 10 * * 1-5", "48 15 * * 1-5"))

    assert found.sign == "check"
    assert "weekdays 10:18 and 15:48" in found.text
    assert "Nothing sends at 14:45 UK time, as [schedule] times says." in found.text
    assert found.next == "Write the entries anew: attsync crontab --install"
    assert found.setting == ("schedule", "times")


@pytest.mark.parametrize(
    ("said", "sign"),
    [
        (("15 10 * * 1-5", "44 14,15 * * 1-5"), "check"),  # a minute too early, and then too late
        (("44 10 * * 1-5", "45 14 * * 1-5"), "good"),
        (("45 10 * * 1-5", "45 14 * * 1-5"), "check"),
        (("18 10 * * 1-4", "48 14 * * 1-5"), "check"),
        (("*/10 8-16 * * *",), "good"),
        (("@reboot",), "check"),
    ],
)
def test_every_weekday_has_to_be_served_in_time(tmp_path: Path, usual: Entry, said: tuple[str, ...], sign: str) -> None:
    """Not before the planned time, and at most half an hour after it, as `status` waits."""
    assert [f.sign for f in look(tmp_path, *both(usual, *said))] == [sign]


def test_own_times_of_the_settings_are_what_counts(tmp_path: Path, usual: Entry) -> None:
    """Not those that hold without the setting."""
    (found,) = look(tmp_path, *both(usual), more='[schedule]\ntimes = ["10:15", "16:00"]')

    assert "Nothing sends at 16:00 UK time" in found.text


def test_days_with_other_times_are_told_apart(tmp_path: Path, usual: Entry) -> None:
    """A whole week in one line."""
    (found,) = look(tmp_path, *both(usual, "18 10 * * *", "48 14 * * 1-5", "0 12 * * 6"))

    assert found.text.startswith("crontab of sam: weekdays 10:18 and 14:48, Sat 10:18 and 12:00, Sun 10:18 (")


def test_clock_in_utc_is_right_in_winter_only(tmp_path: Path, usual: Entry) -> None:
    """With the day on which it goes wrong, and what the entries should be then."""
    (winter,) = look(tmp_path, *both(usual), clock=clock("UTC"))
    (summer,) = look(tmp_path, *both(usual), clock=clock("UTC"), now=JUNE)

    assert winter.text == (
        "crontab of sam: weekdays 10:18 and 14:48 (server clock: UTC). From 28 March, when UK clocks change,"
        " nothing sends at 10:15 and 14:45."
    )
    assert "Nothing sends at 10:15 and 14:45 UK time" in summer.text
    assert (
        winter.next
        == summer.next
        == (
            'By this server\'s clock the entries should begin "18 9 * * 1-5" and "48 13 * * 1-5" in summer, and'
            ' "18 10 * * 1-5" and "48 14 * * 1-5" in winter; a timer of systemd knows London: attsync crontab --systemd'
        )
    )


def test_clock_that_is_always_as_far_away_has_one_entry(tmp_path: Path, usual: Entry) -> None:
    """Paris changes its clocks on the same night."""
    (wrong,) = look(tmp_path, *both(usual), clock=clock("Europe/Paris"))
    right = look(tmp_path, *both(usual, "18 11 * * 1-5", "48 15 * * 1-5"), clock=clock("Europe/Paris"))

    assert wrong.next == 'By this server\'s clock the entries should begin: "18 11 * * 1-5" and "48 15 * * 1-5"'
    assert [f.sign for f in right] == ["good"]


def test_clock_on_the_other_side_of_the_world_has_other_days(tmp_path: Path, usual: Entry) -> None:
    """An afternoon here is the next morning there."""
    zone = clock("Pacific/Auckland")
    (wrong,) = look(tmp_path, *both(usual), clock=zone)

    assert '"48 1 * * 2-6" in summer' in wrong.next
    assert '"48 3 * * 2-6" in winter' in wrong.next
    times = ("18 21,23 * * 1-5", "48 1,3 * * 2-6")
    assert [f.sign for f in look(tmp_path, *both(usual, *times), clock=zone)] == ["good"]


def test_timer_that_knows_london_needs_no_clock_of_london(tmp_path: Path, usual: Entry) -> None:
    """That is what it is for."""
    timer = [replace(each, source="timer attsync.timer", zone=ZoneInfo("Europe/London")) for each in both(usual)]
    (found,) = look(tmp_path, *timer, clock=clock("UTC"), crontab="none")

    assert (found.sign, found.text) == ("good", "timer attsync.timer: weekdays 10:18 and 14:48 (Europe/London)")


def test_timer_that_is_not_enabled_sends_nothing(tmp_path: Path, usual: Entry) -> None:
    """And says how to."""
    (found,) = look(tmp_path, replace(usual, source="timer attsync.timer", enabled=False))

    assert (found.text, found.next) == (
        "timer attsync.timer: not enabled.",
        "Root: systemctl enable --now attsync.timer",
    )


def test_zone_asked_for_by_a_variable_may_not_be_known_to_cron(tmp_path: Path, usual: Entry) -> None:
    """Where the server's clock is London's, nothing hangs on it."""
    entries = [replace(each, zone=ZoneInfo("Europe/London"), by_cron_tz=True) for each in both(usual)]

    assert [f.sign for f in look(tmp_path, *entries)] == ["good"]
    doubt, *_, times = look(tmp_path, *entries, clock=clock("UTC"))
    assert "not every cron knows it" in doubt.text
    assert times.sign == "good"


def test_times_that_are_no_week_are_shown_as_they_are(tmp_path: Path, usual: Entry) -> None:
    """Nobody is told that they are right, or wrong."""
    (found,) = look(tmp_path, *both(usual), entry("0 10 1 * *", usual.config or Path()))

    assert found.text == 'crontab of sam: sends at "0 10 1 * *", which this cannot compare with the planned times.'


def test_program_that_is_gone_is_told(tmp_path: Path, usual: Entry) -> None:
    """Cron would mail that it was not found."""
    first, second = both(usual)
    gone, times = look(tmp_path, replace(first, missing_program="/opt/old/attsync"), second)

    assert gone.text == "crontab of sam: it would run /opt/old/attsync, which is not there, or no program."
    assert times.sign == "good"
