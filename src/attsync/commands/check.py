"""`attsync check`: shows what `checkup` has found, or each setting. Refuses to know what is looked at."""

import os
from typing import TYPE_CHECKING

import click

from attsync.commands.options import (
    common,
    given,
    json_option,
    load_settings,
    now,
    page,
    schools_option,
    window_of,
)
from attsync.commands.terminal import print_json, screen

if TYPE_CHECKING:
    from attsync.settings import Origins, Settings


@click.command(
    "check",
    help=page(
        """
        Try everything that a send needs, and say what is wrong.

        Looks at the rights of settings, secrets and log, and reads the log through. Tries each SELECT on its own and
        counts: columns and types, rows, marks without a date, values that no map knows, whether an index serves, what
        the account may do, and how long it takes. Then it signs in to the DfE, looks at certificate and clock, asks
        for its lists and for each school's URN, and says where consent stands and what sends by itself. Sends no
        counts, and shows a value of the school's only if it looks like a code.
        """,
        "attsync check",
        "attsync check --school 900023 --json",
        "attsync check --show-settings",
    ),
    short_help="Try everything that a send needs, and say what is wrong.",
)
@schools_option
@click.option("--offline", is_flag=True, help="Contact the school databases only, not the DfE nor a proxy.")
@click.option(
    "--show-settings",
    is_flag=True,
    help="Only show each setting and where it comes from; passwords, and texts in SELECTs, are hidden.",
)
@json_option
@common
def command(schools: tuple[int, ...], *, offline: bool, show_settings: bool, as_json: bool) -> None:
    """Look at everything and show what was found."""
    from attsync.settings import origins

    settings = load_settings()
    sources = origins(settings.path, os.environ)
    if show_settings:
        _show(settings, sources, as_json=as_json)
        return
    from attsync.checks import check, exit_code_of

    findings = check(settings, sources, schools, window_of(settings, None), now(), offline=offline)
    code = exit_code_of(findings)
    if as_json:
        print_json({"version": 1, "exit_code": code, "findings": [finding.as_json() for finding in findings]})
    elif not given().quiet or code:
        from attsync.show.check import check as table

        shown_on = screen()
        shown_on.show(table(findings, shown_on.signs, code))
    click.get_current_context().exit(code)


def _show(settings: "Settings", sources: "Origins", *, as_json: bool) -> None:
    from attsync.settings import Origin, shown

    found = [(each, Origin("default") if each.value is None else sources.of(each.location)) for each in shown(settings)]
    if as_json:
        rows = [
            {"setting": each.name, "value": each.value, "from": origin.kind, "line": origin.line, "name": origin.name}
            for each, origin in found
        ]
        print_json({"version": 1, "settings_file": str(settings.path), "settings": rows})
        return
    from attsync.show.check import settings as table

    shown_on = screen()
    shown_on.show(table(settings.path, found, shown_on.signs))
