"""What cron mails and what people are told: by cause, every school once, and only a turn."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from attsync import messages
from attsync.model import DayStatus, School, State
from attsync.problems import Problem, all_codes
from attsync.run.report import Report, SchoolResult, Tell, mail, turned
from attsync.run.send import send
from attsync.window import Window, window_ending
from tests.factories import ELMHURST, OAKFIELD, PretendDfe, SchoolDatabase, give_consent, settings

TUESDAY = date(2026, 11, 24)
Turn = tuple[list[str], bool] | None


@pytest.fixture
def run(dfe: PretendDfe, tmp_path: Path) -> Iterator[Callable[..., Turn]]:
    """Send for Oakfield and Elmhurst, an hour after the run before; return the lines that people are told."""
    databases = tuple((f"sqlite:///{school.urn}.db", (school,)) for school in (OAKFIELD, ELMHURST))
    with time_machine.travel(datetime(2026, 11, 24, 15, 0, tzinfo=UTC), tick=True) as clock:
        for school in (OAKFIELD, ELMHURST):
            made = SchoolDatabase(tmp_path / f"{school.urn}.db")
            made.enrol(school=school)
            made.mark(TUESDAY, school=school, PRESENT=28, I=2)
            made.mark(TUESDAY, "PM", school=school, PRESENT=30)
        made_settings = settings(tmp_path, dfe, databases=databases, more='[notify]\naddresses_file = "addresses"')
        give_consent(made_settings, OAKFIELD, ELMHURST)

        def start(*only: int, tell: Tell = lambda _: None) -> Turn:
            clock.shift(timedelta(hours=1))
            report = send(made_settings, window_ending(TUESDAY, 8, "working"), only, tell)
            message = turned(report)
            return message and ([*message.lines], message.is_good)

        yield start


def change(folder: Path, school: School, sql: str, *values: object) -> None:
    """Change what is in a school's database."""
    database = SchoolDatabase.__new__(SchoolDatabase)
    database.path = folder / f"{school.urn}.db"
    database.change(sql, *values)


SPOIL, MEND = "UPDATE marks SET code = 'ZZ' WHERE code = 'I'", "UPDATE marks SET code = 'I' WHERE code = 'ZZ'"


def test_only_a_turn_is_told(run: Callable[..., Turn], tmp_path: Path) -> None:
    """Bad once, good again once, by the log: no other run says a word."""
    assert run() is None
    change(tmp_path, OAKFIELD, SPOIL)
    assert run() == (
        [f"{OAKFIELD}: unknown mark code [MARK-UNKNOWN]", "To see what to do: attsync status --problems"],
        False,
    )
    assert run() is None
    assert run(OAKFIELD.urn) is None
    change(tmp_path, OAKFIELD, MEND)
    assert run() == ([f"No problem any more: {OAKFIELD}"], True)
    assert run() is None


def test_first_run_tells_what_is_bad(run: Callable[..., Turn], tmp_path: Path) -> None:
    """A school that begins with a problem turns bad; the database is named as the settings name it."""
    (tmp_path / f"{OAKFIELD.urn}.db").rename(tmp_path / "away")
    lines, is_good = run() or ([], True)
    assert lines[0] == f"{OAKFIELD}: school database does not answer (MIS 1) [DB-NONE]"
    assert not is_good
    (tmp_path / "away").rename(tmp_path / f"{OAKFIELD.urn}.db")
    assert run() == ([f"No problem any more: {OAKFIELD}"], True)


def test_one_school_turns_bad_as_another_turns_good(run: Callable[..., Turn], tmp_path: Path) -> None:
    """One message; what is bad comes first."""
    change(tmp_path, ELMHURST, SPOIL)
    run()
    change(tmp_path, ELMHURST, MEND)
    change(tmp_path, OAKFIELD, SPOIL)

    lines, is_good = run() or ([], True)

    assert lines[:2] == [f"{OAKFIELD}: unknown mark code [MARK-UNKNOWN]", f"No problem any more: {ELMHURST}"]
    assert not is_good


def test_school_that_was_left_out_of_a_run_keeps_its_turn(run: Callable[..., Turn], tmp_path: Path) -> None:
    """The run before is the one that included the school."""
    change(tmp_path, OAKFIELD, SPOIL)
    run()
    assert run(ELMHURST.urn) is None
    change(tmp_path, OAKFIELD, MEND)

    assert run() == ([f"No problem any more: {OAKFIELD}"], True)


def test_run_that_was_stopped_has_told_no_one(run: Callable[..., Turn], tmp_path: Path) -> None:
    """What it found and could not tell is told by the next run; what was told before is not told again."""

    def stop(_result: SchoolResult) -> None:
        raise KeyboardInterrupt

    change(tmp_path, OAKFIELD, SPOIL)
    with pytest.raises(KeyboardInterrupt):
        run(tell=stop)
    assert (run() or ([], True))[0][0] == f"{OAKFIELD}: unknown mark code [MARK-UNKNOWN]"
    with pytest.raises(KeyboardInterrupt):
        run(tell=stop)
    assert run() is None
    change(tmp_path, OAKFIELD, MEND)
    assert run() == ([f"No problem any more: {OAKFIELD}"], True)


def test_removed_consent_is_no_turn(run: Callable[..., Turn], dfe: PretendDfe, tmp_path: Path) -> None:
    """Silence is what was asked for, also by a school that was bad."""
    change(tmp_path, OAKFIELD, SPOIL)
    run()
    databases = tuple((f"sqlite:///{school.urn}.db", (school,)) for school in (OAKFIELD, ELMHURST))
    give_consent(settings(tmp_path, dfe, databases=databases), OAKFIELD, given=False)

    assert run() is None


def test_several_schools_with_one_problem_are_one_line(run: Callable[..., Turn], tmp_path: Path) -> None:
    """By cause; and the schools below it."""
    for school in (OAKFIELD, ELMHURST):
        change(tmp_path, school, SPOIL)

    lines, _ = run() or ([], True)

    assert lines[:2] == ["2 schools: unknown mark code [MARK-UNKNOWN]", f"  Schools: {ELMHURST}, {OAKFIELD}"]


def test_what_people_are_told_needs_no_parameter() -> None:
    """So that no count, no value and no word of the DfE's can be in it."""
    assert [code for code in all_codes() if "?" in messages.brief(Problem(code))] == []


# What cron mails


SCHOOLS = [School(900100 + number, f"School {number}") for number in range(40)]
DATABASE = Problem("DB-NONE", "file", name="SIMS", where="url")
SIGN_IN = Problem("DFE-BUSY", status=503)


def marks(code: str, day: int = 24) -> Problem:
    """Return a problem of marks."""
    return Problem("MARK-UNKNOWN", marks=3, value=code, day=date(2026, 11, day), session="AM", urn=900100)


def report_of(*found: tuple[School, Problem], whole: Problem | None = None) -> Report:
    """Make the report of a run with these problems; those of marks are of days."""
    report = Report(window=Window(TUESDAY, TUESDAY), now=datetime(2026, 11, 24, tzinfo=UTC), times=(), problem=whole)
    for school in dict.fromkeys(school for school, _ in found):
        result = SchoolResult(school=school, outcome="read")
        for problem in (problem for each, problem in found if each == school):
            if problem.code == "MARK-UNKNOWN":
                day = date.fromisoformat(str(problem["day"]))
                result.days.append(DayStatus(date=day, signs={}, state=State.REFUSED, problem=problem))
            else:
                result.problem = problem
        report.schools.append(result)
    return report


def test_mail_is_by_cause_and_the_worst_is_first() -> None:
    """29 schools behind one database are one cause, with what was not done; each is named once."""
    found = [(school, DATABASE) for school in SCHOOLS[:29]]

    lines = mail(report_of((SCHOOLS[30], marks("ZZ")), *found), ())

    assert len(lines) == 5
    assert lines[0].startswith("attsync: 29 schools: SIMS: ")
    assert "Nothing was sent for its schools. [DB-NONE]" in lines[0]
    assert all("\n".join(lines).count(f"{school}") == 1 for school, _ in found)
    assert lines[3].startswith(f"attsync: {SCHOOLS[30]}: Fewer than 5 marks on Tue 24 Nov AM have the code")


def test_marks_of_several_schools_are_one_cause_where_not_all_fit() -> None:
    """Otherwise the schools that come last were not named at all."""
    found = [(school, marks(code)) for school in SCHOOLS[:10] for code in ("ZZ", "QQ")]

    lines = mail(report_of(*found), ())

    assert lines[0].startswith("attsync: 10 schools: Marks have a code that is not in the DfE's list")
    assert lines[0].endswith("These days were not sent. [MARK-UNKNOWN]")
    assert lines[1] == f"  Schools: {', '.join(map(str, SCHOOLS[:10]))}"
    assert lines[2] == "  To see each of them: attsync status --problems"
    assert len(lines) == 3


def test_many_days_of_one_school_are_one_cause_where_not_all_fit() -> None:
    """The first in full, so that the line is whole in itself; the others by the number of days."""
    lines = mail(report_of(*((SCHOOLS[0], marks("ZZ", day)) for day in range(12, 21))), ())

    assert lines[0].startswith(f"attsync: {SCHOOLS[0]}: Fewer than 5 marks on Thu 12 Nov AM")
    assert lines[0].endswith("The same applies to 8 more days. This day was not sent. [MARK-UNKNOWN]")
    assert lines[1:] == ["  To see each of them: attsync status --problems"]


def test_every_school_is_named_in_twelve_lines() -> None:
    """Whatever does not fit is a number, but its schools are not."""
    causes = [DATABASE.but(name=f"MIS {number}") for number in range(9)]
    found = [(school, causes[number % 9]) for number, school in enumerate(SCHOOLS)]

    lines = mail(report_of(*found, whole=Problem("CLOCK", days=2, side="behind")), ())

    assert len(lines) <= 12
    assert all(f"{school}" in "\n".join(lines) for school in SCHOOLS)
    assert "[CLOCK]" in lines[0]
    assert lines[-3].startswith("attsync: ")
    assert lines[-1] == "  To see them: attsync status --problems"
