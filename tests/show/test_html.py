"""The page of a trust, for a head: everything that the screen says."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from attsync.log import Log
from attsync.show.html import status_page
from attsync.show.status import status
from attsync.show.symbols import UNICODE
from attsync.status import look
from tests.show.screens import NOW, SCHOOLS, WINDOW, give_consent, text_of, trust_log, trust_settings


def test_page_of_a_trust_has_every_school_and_what_to_do(tmp_path: Path) -> None:
    """Problems first, and a word for each sign."""
    settings = trust_settings(tmp_path)
    with trust_log(settings) as log:
        overview = look(settings, log, SCHOOLS, WINDOW, NOW)

    page = status_page(overview, heading="Example Learning Trust")
    problems = status_page(overview.only_problems(), heading="Example Learning Trust")

    assert page.count('<th scope="row">') == len(SCHOOLS)
    assert page.index("Birchwood High") < page.index("Elm Grove Primary") < page.index("Abbey Lane Primary")
    assert "Mon 23 Nov 10:15" in page
    assert "today" not in page
    assert "St Aidan&#x27;s CE Primary" in page
    assert problems.count('<th scope="row">') == 3
    assert "26 up to date" in problems
    assert "1 without consent" in problems


def test_page_says_why_consent_is_needed_again(tmp_path: Path) -> None:
    """From which receiver to which: whoever is asked has to know."""
    settings = trust_settings(tmp_path, SCHOOLS[:2])
    moved = settings.model_copy(update={"dfe": settings.dfe.model_copy(update={"base_url": "https://new.example/api"})})
    with Log.open(settings.log.path) as log:
        give_consent(log, SCHOOLS[0], settings)
        page = status_page(look(moved, log, SCHOOLS[:2], WINDOW, NOW))

    assert f"it was {settings.dfe.origin} and is now https://new.example." in page


def words_of(page: str) -> str:
    """Give what a page says, in one line."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", page)).split())


@pytest.mark.parametrize(
    ("became", "send"),
    [
        ("ended", "Last send Mon 23 Nov 10:15, took 38 s."),
        ("died", "Last send Mon 23 Nov 10:15, did not finish."),
        ("under way", "A send is under way, since Mon 23 Nov 10:15."),
    ],
)
@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("Birchwood High", "✗ 1 problem"),
        ("Elm Grove Primary", "! 1 thing to check"),
        ("Abbey Lane Primary", "✓ Up to date"),
    ],
)
def test_page_of_a_school_says_what_its_screen_says(
    tmp_path: Path, name: str, verdict: str, became: str, send: str
) -> None:
    """A head who is mailed the page must not think better of it than who sees the screen."""
    settings = trust_settings(tmp_path)
    school = [school for school in SCHOOLS if school.name == name]
    with trust_log(settings) as log:
        overview = look(settings, log, school, WINDOW, NOW, under_way=became == "under way")
    assert overview.last_run
    if became == "died":
        overview = replace(overview, last_run=replace(overview.last_run, ended_at=None))

    page = words_of(status_page(overview))
    screen = " ".join(text_of(status(overview, UNICODE), 132).replace("today", "Mon 23 Nov").split())

    for said in (page, screen):
        assert f"{verdict} {send} Next send Mon 23 Nov 14:45." in said
    *_, to_do = screen.partition("What to do next")
    assert to_do in page
