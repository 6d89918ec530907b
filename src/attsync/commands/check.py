"""`attsync check`: shows what `checks` found, or each setting."""

import os

import click

from attsync.commands import options
from attsync.commands.terminal import print_json, screen
from attsync.settings import Origins, Settings, origins


@options.subcommand(
    "check",
    "attsync check",
    "attsync check --show-settings",
    text="""
    Tests the permissions of settings, secrets and log, and reads the whole log. Runs each SELECT and counts: rows,
    marks without a date, values that are not in any map, whether an index is used, what the account is allowed to
    do, and how long it takes. Then it signs in to the DfE, checks its certificate and clock, asks for its lists and
    for each school's URN, and says where consent is missing and whether the planned sends came. It does not send
    counts, and shows a value from the school's data only if it looks like a code.
    """,
)
@options.schools
@click.option("--offline", is_flag=True, help="Contact only the school databases, not the DfE or a proxy.")
@click.option("--test-message", is_flag=True, help="Also send a test message to each address under [notify].")
@click.option(
    "--show-settings",
    is_flag=True,
    help="Only show each setting and where it comes from; passwords and quoted text in SELECTs are hidden.",
)
@options.as_json
def command(schools: tuple[int, ...], *, offline: bool, test_message: bool, show_settings: bool, as_json: bool) -> None:
    """Test everything and show what was found."""
    if offline and test_message:
        message = "--offline and --test-message do not go together: --offline contacts no one."
        raise click.UsageError(message)
    settings = options.load_settings(trusted=False)
    sources = origins(settings.path, os.environ)
    if show_settings:
        _show(settings, sources, as_json=as_json)
        return
    from attsync.checks.runner import check, exit_code_of
    from attsync.deadline import Deadline

    with Deadline(60.0 * settings.dfe.run_minutes) as deadline:
        findings = check(
            settings,
            sources,
            schools,
            options.window_of(settings, None),
            options.now(),
            deadline,
            offline=offline,
            test_message=test_message,
        )
    code = exit_code_of(findings)
    if as_json:
        print_json({"version": 1, "exit_code": code, "findings": [finding.as_json() for finding in findings]})
    elif not options.given().quiet or code:
        from attsync.show.check import check as table

        out = screen()
        out.show(table(findings, out.signs, code))
    click.get_current_context().exit(code)


def _show(settings: Settings, sources: Origins, *, as_json: bool) -> None:
    from attsync.checks.shown import shown
    from attsync.settings.places import Origin
    from attsync.show.check import settings as table

    found = [(each, Origin("default") if each.value is None else sources.of(each.location)) for each in shown(settings)]
    if as_json:
        rows = [
            {
                "setting": each.name,
                "value": each.value,
                "from": origin.kind,
                "line": origin.line or None,
                "name": None if origin.line else origin.name or None,
            }
            for each, origin in found
        ]
        print_json({"version": 1, "settings_file": str(settings.path), "settings": rows})
        return
    out = screen()
    out.show(table(settings.path, found, out.signs))
