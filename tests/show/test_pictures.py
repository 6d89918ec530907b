"""The pictures of the README are what attsync draws, and each is whole."""

import re
import runpy
from functools import cache
from html import unescape
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@cache
def pictures() -> dict[str, str]:
    """Draw the pictures of the README."""
    found: dict[str, str] = runpy.run_path(str(ROOT / "scripts" / "pictures.py"))["pictures"]()
    return found


@pytest.mark.parametrize("name", ["status.svg", "trust.svg"])
def test_pictures_of_the_readme_are_current(name: str) -> None:
    """No one should be shown a screen that is gone."""
    kept = (ROOT / "docs" / name).read_text(encoding="utf-8")

    assert kept == pictures()[name], "make pictures writes it again"


def test_picture_is_as_large_as_what_it_shows() -> None:
    """Its last line was cut in half once."""
    for picture in pictures().values():
        found = re.search(r'viewBox="-8 -8 (\d+) (\d+)"', picture)
        assert found
        texts = re.findall(r'x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"[^>]*>([^<]*)<', picture)
        right = max(float(x) + float(length) for x, _, length, text in texts if unescape(text).strip())
        lowest = max(float(y) for _, y, _, _ in texts)
        assert lowest + 8 < int(found[2]) - 8
        assert right < int(found[1]) - 8
        assert int(found[1]) - right < 60
