"""`attsync check`."""

from contextlib import nullcontext

import click

from attsync.commands.options import common, given, json_option, load_settings, page, schools_option, window_of
from attsync.commands.output import print_json, screen


@click.command(
    "check",
    help=page(
        """
        Try the settings and the SELECTs, and say what is wrong.

        Tries each SELECT on its own and counts: columns and types, rows, marks without a date, values that no map
        knows, whether an index serves, what the account may do, and how long it takes. Then it signs in to the DfE,
        asks for its lists and for each school's URN, and says where consent stands. Sends no counts, and shows never a
        value that may be a name.
        """,
        "attsync check",
        "attsync check --school 900023 --json",
    ),
    short_help="Try the settings and the SELECTs, and say what is wrong.",
)
@schools_option
@click.option("--offline", is_flag=True, help="Contact the school databases only, not the DfE.")
@json_option
@common
def command(schools: tuple[int, ...], *, offline: bool, as_json: bool) -> None:
    """Look at everything and show what was found."""
    from attsync.findings import Finding, database_findings, exit_code_of, missing
    from attsync.log import Log
    from attsync.overview import known_schools
    from attsync.school.look import look
    from attsync.service_findings import consent_findings, service_findings

    settings = load_settings()
    window = window_of(settings, None)
    findings = [Finding("good", "Settings", f"{settings.path}: {_number(len(settings.database))}")]
    seen: set[int] = set()
    for database in settings.database:
        listed = [school.urn for school in database.schools]
        if schools and listed and not set(schools) & set(listed):
            continue
        facts = look(database, schools, window)
        seen |= {found.school.urn for found in facts.schools} | (set(listed) if facts.fails else set())
        findings += database_findings(facts)
    findings += missing(set(schools) - seen)
    with Log.open_existing(settings.log.path) or nullcontext() as log:
        known = [school for urn, school in known_schools(settings, log).items() if not schools or urn in schools]
    if not offline:
        findings += service_findings(settings, known, window.last)
    findings += consent_findings(settings, known)
    code = exit_code_of(findings)
    if as_json:
        print_json({"version": 1, "exit_code": code, "findings": [finding.as_json() for finding in findings]})
    elif not given().quiet or code:
        from attsync.show.check import check

        shown = screen()
        shown.show(check(findings, shown.signs, code))
    click.get_current_context().exit(code)


def _number(databases: int) -> str:
    return f"{databases} school {'database' if databases == 1 else 'databases'}"
