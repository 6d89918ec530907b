"""`attsync consent show`: where consent stands, its history, the notice. Knows the log alone; records nothing."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from attsync.commands.options import common, json_option, load_settings, page, schools_option
from attsync.commands.output import print_json, screen, undone
from attsync.problems import SettingsError

if TYPE_CHECKING:
    from attsync.consent import Consent
    from attsync.model import School


@click.command(
    "show",
    help=page(
        """
        Show where consent stands.

        Exit code 0 only if it stands for every school asked for.
        """,
        "attsync consent show",
        "attsync consent show --school 900023 --history",
    ),
    short_help="Show where consent stands.",
)
@schools_option
@click.option("--notice", is_flag=True, help="The full text that people agree to, and the receiver.")
@click.option("--history", is_flag=True, help="Every grant and removal.")
@json_option
@common
def command(schools: tuple[int, ...], *, notice: bool, history: bool, as_json: bool) -> None:
    """Read the log and say where consent stands."""
    from attsync.consent import active_consent, explain_missing
    from attsync.log import Log
    from attsync.schools import chosen, known_schools
    from attsync.show.consent import consent_history, consent_table

    if notice:
        _show_notice()
        return
    settings = load_settings()
    receiver = settings.dfe.origin
    out = screen()
    with undone(""), Log.open_existing(settings.log.path) or nullcontext() as log:
        asked = chosen(settings, known_schools(settings, log), schools)
        rows = [(school, log.latest_consent(school.urn) if log else None) for school in asked]
        stands = [(school, active_consent(row, receiver)) for school, row in rows]
        if as_json:
            print_json(_as_json(stands))
        elif history:
            for school in asked:
                out.show(consent_history(school, log.consent_history(school.urn) if log else [], out.signs), "")
        else:
            found = [(s, active_consent(row, receiver) or explain_missing(s, row, receiver)) for s, row in rows]
            out.show(consent_table(found, out.signs))
    click.get_current_context().exit(0 if all(consent for _, consent in stands) else 1)


def _show_notice() -> None:
    from attsync.consent import FULL_NOTICE, NOTICE

    try:
        receiver = f"Receiver, as it is set now: {load_settings().dfe.origin}"
    except SettingsError:  # somebody may read the notice before there is a settings file
        receiver = "Receiver: not known yet, there is no settings file that can be read."
    click.echo(f"Notice {NOTICE}\n\n{FULL_NOTICE}\n{receiver}")


def _as_json(stands: list[tuple["School", "Consent | None"]]) -> dict[str, object]:
    from attsync.status import consent_as_json

    schools = [{"urn": school.urn, "name": school.name, "consent": consent_as_json(c)} for school, c in stands]
    return {"version": 1, "schools": schools}
