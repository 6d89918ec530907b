"""The pictures of the README are what attsync draws, and a saved picture is whole."""

import re
from html import unescape
from pathlib import Path

import pytest

from attsync.show.paper import as_svg
from attsync.show.status import status
from attsync.show.symbols import UNICODE
from attsync.status import look
from tests.show.screens import NOW, SCHOOLS, WINDOW, one_school_log, trust_log, trust_settings

DOCS = Path(__file__).parents[2] / "docs"
OAKFIELD = tuple(school for school in SCHOOLS if school.name == "Oakfield Primary")


def pictures(folder: Path) -> dict[str, str]:
    """Draw the pictures of the README: one school, and a trust."""
    (folder / "one").mkdir()
    (folder / "trust").mkdir()
    one, trust = trust_settings(folder / "one", OAKFIELD), trust_settings(folder / "trust")
    with one_school_log(one) as log:
        single = status(look(one, log, OAKFIELD, WINDOW, NOW), UNICODE)
    with trust_log(trust) as log:
        several = status(look(trust, log, SCHOOLS, WINDOW, NOW), UNICODE, heading="Example Learning Trust")
    return {"status.svg": as_svg(single, 112), "trust.svg": as_svg(several, 132)}


@pytest.mark.parametrize("name", ["status.svg", "trust.svg"])
def test_pictures_of_the_readme_are_current(tmp_path: Path, name: str) -> None:
    """Made by `make pictures`; nobody should be shown a screen that is gone."""
    kept = (DOCS / name).read_text(encoding="utf-8")

    assert kept == pictures(tmp_path)[name], "make pictures writes it anew"


def test_picture_is_as_large_as_what_it_shows(tmp_path: Path) -> None:
    """Its last line was cut in half once."""
    for picture in pictures(tmp_path).values():
        found = re.search(r'viewBox="-8 -8 (\d+) (\d+)"', picture)
        assert found
        texts = re.findall(r'x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"[^>]*>([^<]*)<', picture)
        right = max(float(x) + float(length) for x, _, length, text in texts if unescape(text).strip())
        lowest = max(float(y) for _, y, _, _ in texts)
        assert lowest + 8 < int(found[2]) - 8
        assert right < int(found[1]) - 8
        assert int(found[1]) - right < 60


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name, picture in pictures(Path(folder)).items():
            (DOCS / name).write_text(picture, encoding="utf-8")
