"""The saved page: everything that the screen says, and in a real browser nothing is wrong, off screen or cut."""

import re
from dataclasses import replace
from datetime import date
from html import unescape
from typing import Any
from unicodedata import normalize

import pytest
from pypdf import PdfReader

from attsync.model import Session, Sign
from attsync.show.html import LATER, SIGNS, page
from attsync.show.status import status
from attsync.show.symbols import UNICODE
from attsync.status.overview import Overview, SchoolStatus
from tests.browser import Browser
from tests.show.screens import (
    BUSY,
    FRIDAY,
    MONDAY,
    NOW,
    SCHOOLS,
    a_day,
    a_school,
    an_overview,
    failing,
    faults,
    in_full,
    named,
    no_consent,
    oakfield,
    one_line,
    trust,
)

LONG = "St Mary's Church of England Primary School"
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


def status_page(overview: Overview, heading: str | None = None) -> str:
    """Return the page of a status."""
    return page(status(replace(overview, now=LATER), SIGNS, heading=heading), overview.now)


def day_page(school: SchoolStatus, day: date, **more: Any) -> str:  # noqa: ANN401  of Detail
    """Return the page of a day."""
    return page(in_full(school, day, SIGNS, LATER, **more), NOW)


def words_of(page: str) -> str:
    """Return what a page says, in one line."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", page[page.index("<body") :])).split())


def pages() -> dict[str, str]:
    """Return a page for each kind of reader."""
    busy = failing(named("Riverside Academy"), BUSY, FRIDAY)
    refused = failing(named("Birchwood High"), faults(), MONDAY, sign=Sign.FAULTY)
    return {
        "trust": status_page(trust(), heading="Example Learning Trust"),
        "only problems": status_page(trust().only_problems()),
        "no problems": status_page(an_overview(a_school()).only_problems()),
        "no school": status_page(an_overview()),
        "problem": status_page(an_overview(busy)),
        "to check": status_page(oakfield()),
        "no consent": status_page(an_overview(no_consent(SCHOOLS[0]))),
        "consent removed": status_page(an_overview(no_consent(SCHOOLS[0], days=a_school().days))),
        "day tried": day_page(busy, FRIDAY, changes=["2 marks changed: N to I, Year 4, Friday AM"]),
        "day with faults": day_page(refused, MONDAY),
        "day received": day_page(a_school(), FRIDAY),
    }


def test_page_of_a_trust_has_every_school_and_what_to_do_first() -> None:
    """Then problems first, a word for each sign, and never "today": it is read later."""
    page = status_page(trust(), heading="Example Learning Trust")
    problems = status_page(trust().only_problems(), heading="Example Learning Trust")

    assert page.count('scope="row"') == len(SCHOOLS)
    assert page.index("What to do next") < page.index("<table")
    rows = page[page.index("<table") :]
    assert rows.index("Birchwood High") < rows.index("Elm Grove Primary") < rows.index("Abbey Lane Primary")
    assert "Mon 23 Nov 10:15" in page
    assert "today" not in page
    assert "St Aidan&#x27;s CE Primary" in page
    assert "AM faulty PM faulty" in " ".join(words_of(page).replace("✗", "").split())
    assert problems.count('scope="row"') == 3
    assert "26 up to date" in words_of(problems)


@pytest.mark.parametrize("view", [an_overview(failing(SCHOOLS[0], BUSY, FRIDAY)), oakfield(), an_overview(a_school())])
def test_page_says_what_the_screen_says(view: Overview) -> None:
    """Who gets the page by email must not think better of it than who sees the screen."""
    page, screen = words_of(status_page(view)), one_line(status(view, UNICODE)).replace("today", "Mon 23 Nov")

    start, _, rest = screen.partition(" Date AM")
    _, _, to_do = rest.partition("What to do next")
    assert start.split("  ")[0].partition("✓ Consent")[2] in page
    assert to_do.strip() in page


def test_day_page_has_its_four_parts() -> None:
    """In the order of the screen, with commands that work when they are pasted."""
    page = words_of(day_page(failing(SCHOOLS[0], faults(), FRIDAY, sign=Sign.FAULTY), FRIDAY))

    parts = ["What went wrong", "What was sent", "What to do next", "Tries"]
    assert re.findall("|".join(parts), page) == parts
    assert "AM ✗ faulty PM ✗ faulty" in page
    assert f"attsync send --school {SCHOOLS[0].urn}" in page


def test_name_that_looks_like_markup_stays_a_name() -> None:
    """A page is made of other people's words."""
    odd = a_school(type(SCHOOLS[0])(900001, '<b>St</b> "Anne\'s" & [red]'))
    page = status_page(an_overview(odd, a_school()))

    assert "<b>" not in page
    assert '<b>St</b> "Anne\'s" & [red]' in unescape(page)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dark", "wrong"),
    [
        (True, {("--good: #5fd38d", "--good: #14532d"): "color-contrast"}),
        (
            False,
            {
                ("--good: #00662b", "--good: #9fd8b4"): "color-contrast",
                ('class="">School</th>', 'class=""></th>'): "empty-table-header",
                ("<h2>", "<h4>"): "heading-order",
                (' lang="en-GB"', ""): "html-has-lang",
            },
        ),
    ],
    ids=["dark", "light"],
)
def test_axe_finds_nothing_and_would_find_what_is_wrong(
    browser: Browser, wrong: dict[tuple[str, str], str], *, dark: bool
) -> None:
    """Headings, contrast, table headers, whatever the reader's screen is set to."""
    made = pages()
    trust = made["trust"]
    assert all(right in trust for right, _ in wrong)

    audits = browser.audit([*made.values(), *(trust.replace(*change) for change in wrong)], dark=dark)
    right, spoilt = dict(zip(made, audits, strict=False)), audits[len(made) :]

    assert {which: audit.faults for which, audit in right.items() if audit.faults} == {}
    assert {audit.dark for audit in audits} == {dark}
    assert set(right["trust"].passes) >= DEMANDED
    assert [[found.split(":")[0] for found in audit.faults] for audit in spoilt] == [[rule] for rule in wrong.values()]


@pytest.mark.slow
def test_nothing_is_off_screen_and_no_row_is_tall(browser: Browser) -> None:
    """On a phone, a tablet and a wide screen; also where a school's name is as long as many are."""
    made = pages()
    made["long name"] = made["trust"].replace("Birchwood High", LONG)
    tallest = {320: 190, 390: 160, 768: 105, 1280: 60}
    asked = [(which, width) for which in made for width in tallest]

    found = dict(zip(asked, browser.measure((made[which], width) for which, width in asked), strict=True))

    assert {each: measure.hidden for each, measure in found.items() if measure.hidden > 0} == {}
    assert {each: measure.tallest for each, measure in found.items() if measure.tallest > tallest[each[1]]} == {}


@pytest.mark.slow
def test_printed_trust_repeats_its_table_head_and_breaks_no_row(browser: Browser) -> None:
    """On paper no one can scroll back, and no one sees a colour."""
    reader = PdfReader(browser.printed(pages()["trust"]))
    printed = [normalize("NFKC", page.extract_text()) for page in reader.pages]  # ligatures apart again

    assert len(printed) == 2
    for text in printed:
        assert re.search(r"School\s+URN\s+Thu\s+12\s", text)
    rows = [line for text in printed for line in text.splitlines() if re.match(r"\D+ 9000\d\d\b", line)]
    assert {school.name for school in SCHOOLS} <= {re.split(r" (?=9000\d\d)", row)[0] for row in rows}
    assert "✗ Birchwood High (900004)" in printed[0]


@pytest.mark.slow
@pytest.mark.parametrize(("which", "most"), [("problem", 1), ("day tried", 2)])
def test_printed_school_and_day_are_short(browser: Browser, which: str, most: int) -> None:
    """For the wall of the office."""
    assert len(PdfReader(browser.printed(pages()[which])).pages) <= most


def test_page_has_no_link_to_another_site() -> None:
    """Opened from a mail, it asks no one for anything."""
    for made in pages().values():
        assert not re.search(r"""(src|href)=|url\(|@import|<script""", made)
        assert {str(a_day().signs[session]) for session in Session} == {"received"}
