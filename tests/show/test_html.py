"""The page of a trust, for a head: everything that the screen says."""

from pathlib import Path

from attsync.log import Log
from attsync.overview import look
from attsync.show.html import status_page
from tests.show.screens import NOW, SCHOOLS, WINDOW, give_consent, trust_log, trust_settings


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
