"""`attsync consent`: the group of `grant`, `revoke` and `show`."""

import click

from attsync.commands.consent import grant, revoke, show
from attsync.commands.options import common, page


@click.group(
    "consent",
    help=page(
        """
        Give, remove or show a school's consent.

        attsync sends for a school only while its consent stands.
        """,
        "attsync consent grant --school 900023",
        "attsync consent show --history",
    ),
    short_help="Give, remove or show a school's consent.",
    commands=[grant.command, revoke.command, show.command],
)
@common
def command() -> None:
    """Hold the three commands."""
