"""The sentences for what is wrong with the settings, from data/settings_faults.toml. No sentence contains a value."""

import tomllib
from collections.abc import Collection
from difflib import get_close_matches
from functools import cache
from typing import Any

from attsync import data


@cache
def sentences() -> dict[str, Any]:
    """Return every sentence by its name and, under "tomllib", the names for the messages of tomllib."""
    return tomllib.loads(data.text("settings_faults.toml"))


def say(sentence: str, /, meant: str | None = None, **values: object) -> str:
    """Return a sentence, followed by what was most likely meant."""
    text = str(sentences()[sentence]).format(**values)
    return f"{text} {sentences()['meant'].format(meant=meant)}" if meant else text


def wrong(sentence: str, /, meant: str | None = None, **values: object) -> ValueError:
    """Return the error for a value, with its sentence; `meant` is what it was most likely to be."""
    return ValueError(say(sentence, meant, **values))


def near(name: str, names: Collection[str]) -> str | None:
    """Return the one of `names` that `name` was most likely meant to be."""
    same_but_case = {known.casefold(): known for known in names}.get(name.casefold())
    return same_but_case or next(iter(get_close_matches(name, names, n=1)), None)
