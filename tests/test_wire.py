"""wire.py: counts become the bytes of one request, in one way only; what cannot be true is not sent."""

import json
import re
import subprocess
import sys
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from inline_snapshot import snapshot
from pydantic import ValidationError

from attsync.codes import all_codes, codes_on, year_groups
from attsync.model import DATA_SET, Body, Cell, Cells, Day, Session, total
from attsync.problems import Problem
from attsync.wire import Attendance, Item, Submission, YearGroup, build, in_order, parse, read_rejection
from tests.factories import MONDAY, OAKFIELD, day

R_AM, R_PM = Cell("R", Session.AM), Cell("R", Session.PM)


def made(cells: Cells, before: Cells | None = None, *, roll: dict[str, int] | None = None) -> Body:
    """Make the message of a Monday."""
    body = build(OAKFIELD, Day(date=MONDAY, cells=cells, roll=roll or {"R": 60}), before or {})
    assert isinstance(body, Body)
    return body


def test_message_is_canonical() -> None:
    """Byte for byte: sorted, no spaces, no time stamp, integers (SPEC 2)."""
    body = made({R_PM: {"\\": 60}, R_AM: {"I": 3, "/": 57}})

    assert body.content.decode() == snapshot(
        '{"submissionData":[{"attendances":[{"attendanceCode":"/","value":57},{"attendanceCode":"I","value":3}],'
        '"date":"2026-11-23T00:00:00","ncYearGroup":"R","schoolSession":"AM"},'
        '{"attendances":[{"attendanceCode":"\\\\","value":60}],'
        '"date":"2026-11-23T00:00:00","ncYearGroup":"R","schoolSession":"PM"}],'
        '"totalNoOfPupils":60,"urn":900023,"yearGroups":[{"ncYearGroup":"R","noOfPupils":60}]}'
    )
    assert body.content == json.dumps(json.loads(body.content), sort_keys=True, separators=(",", ":")).encode()


CELLS = some.dictionaries(
    some.builds(Cell, some.sampled_from(list(year_groups())), some.sampled_from(Session)),
    some.dictionaries(some.sampled_from(["C", "I", "L", "N", "X"]), some.integers(0, 10_000), min_size=1),
    min_size=1,
)


@given(CELLS, some.randoms())
def test_order_of_rows_makes_no_difference(cells: Cells, random: Any) -> None:  # noqa: ANN401  hypothesis' own
    """The same counts are the same bytes, or "unchanged" could not be told."""
    shuffled = list(cells.items())
    random.shuffle(shuffled)

    assert made(dict(shuffled)).sha256 == made(cells).sha256


@given(CELLS, CELLS)
def test_last_message_is_the_whole_truth(before: Cells, now: Cells) -> None:
    """What was sent before and is gone is sent as zero; what is there is sent as it is; nothing else is."""
    sent = {cell: dict(counts) for cell, counts in parse(made(now, before).content).cells.items()}

    for cell in before.keys() | now.keys():
        for code in before.get(cell, {}).keys() | now.get(cell, {}).keys():
            assert sent[cell].pop(code) == now.get(cell, {}).get(code, 0)
    assert not any(sent.values())


@given(CELLS)
def test_message_can_be_read_back(cells: Cells) -> None:
    """The log keeps bytes; what they say is read from them."""
    body = made(cells)

    sent = parse(body.content)
    assert (sent.cells, sent.roll) == (cells, {"R": 60})
    assert total(body.cells) == sum(sum(counts.values()) for counts in cells.values())


def test_day_whose_marks_are_all_gone_is_sent_as_zeros() -> None:
    """A day that was recorded by mistake."""
    assert parse(made({}, {R_AM: {"I": 3}}).content).cells == {R_AM: {"I": 0}}


@pytest.mark.parametrize("cells", [{}, {R_AM: {}}])
def test_day_without_marks_is_not_sent(cells: Cells) -> None:
    """Holidays."""
    assert build(OAKFIELD, Day(date=MONDAY, cells=cells, roll={"R": 60}), {}) is None


def test_year_groups_can_be_left_out() -> None:
    """The API of 2020 had no such member."""
    body = build(OAKFIELD, day(), {}, send_year_groups=False)

    assert isinstance(body, Body)
    assert b"yearGroups" not in body.content
    assert b'"totalNoOfPupils":30' in body.content


@pytest.mark.parametrize(
    "wrong",
    [
        Day(date=MONDAY, cells={R_AM: {"I": -1}}, roll={"R": 60}),
        Day(date=MONDAY, cells={R_AM: {"I": 10_001}}, roll={"R": 60}),
        Day(date=MONDAY, cells={R_AM: {"I": True}}, roll={"R": 60}),
        Day(date=MONDAY, cells={R_AM: {"I": 1.0}}, roll={"R": 60}),  # type: ignore[dict-item]
        Day(date=MONDAY, cells={R_AM: {"I": 1}}, roll={"R": 10_001}),
        Day(date=MONDAY, cells={R_AM: {"I": 1}}, roll={"R": 9_000, "1": 9_000}),
        Day(date=MONDAY, cells={R_AM: {"I": 1}}, roll={"R": 60, "Tamsin Loxley": 1}),
        Day(date=MONDAY, cells={R_AM: {"Tamsin Loxley": 1}}, roll={"R": 60}),
        Day(date=MONDAY, cells={R_AM: {"\\": 1}}, roll={"R": 60}),
        Day(date=MONDAY, cells={R_PM: {"/": 1}}, roll={"R": 60}),
        Day(date=date(2019, 9, 2), cells={R_AM: {"K": 1}}, roll={"R": 60}),
    ],
)
def test_counts_that_cannot_be_are_refused(wrong: Day) -> None:
    """Negative, too large, no whole number, sums that differ, a code of another session or another year."""
    problem = build(OAKFIELD, wrong, {})

    assert isinstance(problem, Problem)
    assert problem.code == "COUNT-WRONG"
    assert "Tamsin" not in repr(problem)


def test_name_in_place_of_a_year_group_or_a_code_is_refused() -> None:
    """Whatever went wrong before, the last guard holds, also for a short name; its error shows no value."""
    with pytest.raises(ValidationError) as raised:
        YearGroup(ncYearGroup="Tamsin Loxley", noOfPupils=1)
    assert "Tamsin" not in str(raised.value)

    with pytest.raises(ValidationError) as raised:
        Attendance(attendanceCode="Ng", value=1)
    assert "Ng" not in str(raised.value)


def test_message_holds_one_school_and_one_date() -> None:
    """And a URN has six digits."""
    items = tuple(
        Item(
            attendances=(Attendance(attendanceCode="I", value=1),),
            date=f"2026-11-{number}T00:00:00",
            ncYearGroup="R",
            schoolSession="AM",
        )
        for number in (20, 23)
    )
    for urn, submissions in ((900023, items), (12, items[:1]), (900023, ())):
        with pytest.raises(ValidationError):
            Submission(submissionData=submissions, totalNoOfPupils=1, urn=urn)


def test_every_code_of_the_day_can_be_sent() -> None:
    """The guard lets pass what the DfE's list has."""
    codes = {code.code: 1 for code in codes_on(MONDAY).values() if "AM" in code.sessions}

    assert len(codes) > 20
    assert parse(made({R_AM: codes}).content).cells == {R_AM: codes}


def test_cells_stand_in_the_order_of_the_dfe() -> None:
    """Reception before Year 1, Year 2 before Year 10, the morning before the afternoon."""
    cells = [Cell(group, session) for group in ("10", "2", "R", "1") for session in (Session.PM, Session.AM)]

    assert [f"{c.year_group}{c.session}" for c in in_order(cells)] == "RAM RPM 1AM 1PM 2AM 2PM 10AM 10PM".split()  # noqa: SIM905


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff", b"[" * 60_000, b'{"title": 1}'])
def test_rejection_that_cannot_be_read_says_nothing(content: bytes) -> None:
    """The status alone counts then."""
    assert read_rejection(content).title is None


CONTRACT = json.loads(files("attsync").joinpath("data", "openapi.json").read_text(encoding="utf-8"))


def test_contract_in_the_package_is_current() -> None:
    """`data/openapi.json` is made from the models: make contract writes it."""
    kept = files("attsync").joinpath("data", "openapi.json").read_text(encoding="utf-8")

    made = subprocess.run(
        [sys.executable, Path(__file__).parents[1] / "scripts" / "contract.py"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert kept == made.stdout


def test_contract_lists_every_text_that_can_be_sent() -> None:
    """An auditor reads there that no name fits in: a code, a year group, AM or PM, a date, and nothing else."""
    schemas = CONTRACT["components"]["schemas"]
    texts = {
        (name, field): details.get("enum") or details.get("pattern")
        for name in ("Attendance", "Item", "Submission", "YearGroup")
        for field, details in schemas[name]["properties"].items()
        if details.get("type") == "string"
    }

    assert texts == {
        ("Attendance", "attendanceCode"): sorted(all_codes()),
        ("Item", "date"): r"^\d{4}-\d{2}-\d{2}T00:00:00$",
        ("Item", "ncYearGroup"): list(year_groups()),
        ("Item", "schoolSession"): ["AM", "PM"],
        ("YearGroup", "ncYearGroup"): list(year_groups()),
    }


def test_message_has_these_members_and_no_other() -> None:
    """Whatever a new one is for, a school has not agreed to it: it raises DATA_SET, and this list."""
    schemas, found, to_see = CONTRACT["components"]["schemas"], dict[str, list[str]](), ["Submission"]
    while to_see:
        name = to_see.pop()
        found[name] = [*schemas[name]["properties"]]
        to_see += re.findall(r"#/components/schemas/(\w+)", json.dumps(schemas[name]))

    assert DATA_SET == 1
    assert found == {
        "Submission": ["submissionData", "totalNoOfPupils", "urn", "yearGroups"],
        "Item": ["attendances", "date", "ncYearGroup", "schoolSession"],
        "Attendance": ["attendanceCode", "value"],
        "YearGroup": ["ncYearGroup", "noOfPupils"],
    }


def test_contract_has_every_path_that_is_asked() -> None:
    """What `send` and `check` ask of the DfE."""
    assert set(CONTRACT["paths"]) == {"/attendances", "/codes/attendance", "/codes/ncyeargroup", "/provider/{urn}"}


def test_contract_refers_to_nothing_that_is_not_there() -> None:
    """Each $ref leads to a schema, and each schema is referred to or is a message."""
    text = json.dumps(CONTRACT)
    schemas = CONTRACT["components"]["schemas"]
    named = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}

    assert named == set(schemas)
    assert schemas["Submission"]["additionalProperties"] is False
    assert CONTRACT["openapi"].startswith("3.1")
