"""`attsync consent revoke`: recorded, and then no request starts any more. Refuses to need a database or a network."""

import os

import click

from attsync.commands.consent.named import all_option, named, yes_option
from attsync.commands.options import (
    common,
    confirm,
    given,
    load_settings,
    need_terminal,
    now,
    one_line,
    one_school_option,
    page,
)
from attsync.commands.output import screen, undone


@click.command(
    "revoke",
    help=page(
        """
        Remove a school's consent.

        No request starts after this returns, not even of a send that is under way. Whoever may write the log may do
        this; it needs no permission, no database and no network.
        """,
        "attsync consent revoke --school 900023",
        "attsync consent revoke --all --yes",
    ),
    short_help="Remove a school's consent, at once.",
)
@one_school_option
@all_option
@click.option(
    "--reason",
    metavar="TEXT",
    callback=one_line,
    help="Why, for the history. Kept for good; write no pupil's name.",
)
@yes_option
@common
def command(schools: tuple[int, ...], *, every: bool, reason: str | None, yes: bool) -> None:
    """Record the removal, then wait until no request is just beginning."""
    from attsync import consent
    from attsync.locks import wait_for_starting_requests
    from attsync.log import Log
    from attsync.person import who
    from attsync.schools import known_schools
    from attsync.show.consent import consent_removed

    settings = load_settings()
    out = screen()
    with (
        undone("Consent was not removed; but nothing is sent while the log cannot be used."),
        Log.open(settings.log.path) as log,
    ):
        for school in named(settings, known_schools(settings, log), schools, every=every):
            newest = log.latest_consent(school.urn)
            if not (newest and newest.given):
                out.show(f"{school} has no consent that could be removed. Nothing was changed.")
                continue
            if not yes:
                need_terminal(f"for {school}")
                if not confirm(f"Stop sending for {school.name}?"):
                    out.show("Nothing was changed.")
                    continue
            consent.record(
                log, school, given=False, person=who(os.environ), receiver=settings.dfe.origin, at=now(), reason=reason
            )
            wait_for_starting_requests(settings.log.path)
            if not given().quiet:
                out.show(consent_removed(school, out.signs))
