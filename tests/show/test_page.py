"""The saved page in a real browser: axe-core finds nothing, in light and in dark, and it prints well."""

import re
from datetime import date
from unicodedata import normalize

import pytest
from pypdf import PdfReader

from attsync.log import Log
from attsync.settings import Settings
from attsync.show.day import changed
from attsync.show.html import status_page
from attsync.show.html_day import day_page
from attsync.status import look
from attsync.window import Window
from tests.browser import Browser
from tests.show.screens import NOW, SCHOOLS, WINDOW, trust_log, trust_settings

pytestmark = pytest.mark.slow

WHOSE = {
    "trust": SCHOOLS,
    "problem": [school for school in SCHOOLS if school.name == "Birchwood High"],
    "to check": [school for school in SCHOOLS if school.name == "Elm Grove Primary"],
    "no consent": [school for school in SCHOOLS if school.name == "Parkside PRU"],
    "well": [school for school in SCHOOLS if school.name == "Abbey Lane Primary"],
}
DAYS = {
    "day tried": ("Riverside Academy", 19),
    "day refused": ("Birchwood High", 23),
    "day odd": ("Elm Grove Primary", 17),
}
DEMANDED = {
    "color-contrast",
    "document-title",
    "empty-table-header",
    "heading-order",
    "html-has-lang",
    "landmark-one-main",
    "page-has-heading-one",
    "region",
    "scope-attr-valid",
    "td-has-header",
    "th-has-data-cells",
}
"""Rules that have to be among those that found something to look at in a trust's page."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Write a page for each kind of reader."""
    settings = trust_settings(tmp_path_factory.mktemp("pages"))
    with trust_log(settings) as log:
        views = {whose: look(settings, log, schools, WINDOW, NOW) for whose, schools in WHOSE.items()}
        days = {which: _day_page(settings, log, *asked) for which, asked in DAYS.items()}
    views["only problems"] = views["trust"].only_problems()
    views["no problems"] = views["well"].only_problems()
    return days | {whose: status_page(view, heading="Example Learning Trust") for whose, view in views.items()}


def _day_page(settings: Settings, log: Log, name: str, number: int) -> str:
    (school,) = [school for school in SCHOOLS if school.name == name]
    day = date(2026, 11, number)
    (view,) = look(settings, log, [school], Window(day, day), NOW).schools
    history = [(entry, log.tries(entry)) for entry in log.history(school.urn, day)]
    cells = view.days[0].cells
    return day_page(view, view.days[0], history, changed(day, {cell: {"N": 1} for cell in cells}, cells), NOW)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("whose", [*WHOSE, *DAYS, "only problems", "no problems"])
def test_axe_finds_nothing(browser: Browser, pages: dict[str, str], whose: str, *, dark: bool) -> None:
    """Headings, contrast, table headers, whatever the reader's screen is set to."""
    audit = browser.audit(pages[whose], dark=dark)

    assert audit.dark is dark
    assert audit.faults == []
    assert whose != "trust" or set(audit.passes) >= DEMANDED


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("--good: #00662b", "--good: #9fd8b4", "color-contrast"),
        ("--good: #5fd38d", "--good: #14532d", "color-contrast"),
        ('<th scope="col">School</th>', '<th scope="col"></th>', "empty-table-header"),
        ("<h2>", "<h4>", "heading-order"),
        (' lang="en-GB"', "", "html-has-lang"),
    ],
)
def test_axe_would_find_what_is_wrong(
    browser: Browser, pages: dict[str, str], right: str, wrong: str, rule: str
) -> None:
    """The safety net has a test; the second is seen in the dark only."""
    page = pages["trust"]
    assert right in page

    audit = browser.audit(page.replace(right, wrong), dark=wrong.endswith("14532d"))

    assert [found.split(":")[0] for found in audit.faults] == [rule]


def test_printed_trust_repeats_its_table_head_and_breaks_no_row(browser: Browser, pages: dict[str, str]) -> None:
    """On paper nobody can scroll back, and nobody sees a colour."""
    reader = PdfReader(browser.printed(pages["trust"]))
    printed = [normalize("NFKC", page.extract_text()) for page in reader.pages]  # ligatures apart again

    assert len(printed) == 2
    for text in printed:
        assert re.search(r"School\s+URN\s+Thu\s+12\s", text)
    rows = [line for text in printed for line in text.splitlines() if re.match(r"\D+ 9000\d\d\b", line)]
    assert sorted(re.split(r" (?=9000\d\d)", row)[0] for row in rows) == sorted(school.name for school in SCHOOLS)
    assert "✗ Birchwood High (900004): 3 marks" in printed[-1]
    assert "! Elm Grove Primary (900012): Tue 17 Nov" in printed[-1]


def test_printed_school_is_one_page(browser: Browser, pages: dict[str, str]) -> None:
    """For the wall of the office."""
    assert len(PdfReader(browser.printed(pages["problem"])).pages) == 1


def test_printed_day_tells_its_four_parts(browser: Browser, pages: dict[str, str]) -> None:
    """In the order of the screen, on two pages at most."""
    printed = [page.extract_text() for page in PdfReader(browser.printed(pages["day tried"])).pages]

    parts = ["What went wrong", "What was sent", "What to do next", "Tries"]
    assert len(printed) <= 2
    assert re.findall("|".join(parts), "".join(printed)) == parts


@pytest.mark.parametrize("width", [1024, 1300, 1920])
def test_no_column_of_a_trust_is_out_of_sight(pages: dict[str, str], browser: Browser, width: int) -> None:
    """Also where a school's name is as long as many are."""
    page = pages["trust"].replace("Birchwood High", "St Mary's Church of England Primary School")

    assert browser.hidden_columns(page, width) == 0
