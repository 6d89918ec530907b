"""Which schools a grant or a removal is for: those that are named, all, or the only one there is.

Knows the options that name them; refuses to know what is done for each.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from attsync.model import School
    from attsync.settings import Settings

all_option = click.option("--all", "every", is_flag=True, help="Every school in the settings file.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask; for scripts.")


def named(settings: "Settings", known: Mapping[int, "School"], urns: tuple[int, ...], *, every: bool) -> list["School"]:
    """Pick the schools that `--school` or `--all` names; one school alone needs no naming. Raises UsageError."""
    from attsync.schools import chosen

    if not urns and not every and len(known) > 1:
        message = f"there are {len(known)} schools: name one with --school URN, or say --all. Nothing was changed."
        raise click.UsageError(message)
    return chosen(settings, known, urns, "Nothing was changed.")
