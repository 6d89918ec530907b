"""`attsync explain`: what a problem code means, who acts and what to do. Reads only the package."""

import sys
from difflib import get_close_matches
from shutil import get_terminal_size
from textwrap import fill

import click

from attsync.commands.options import common, page
from attsync.problems import all_codes, catalogue


@click.command(
    "explain",
    help=page(
        """
        Explain a problem code: what it means, who acts, and what to do.

        The code is at the end of a message, in brackets. Without a code, all codes are listed. Works offline, and reads
        neither settings nor log.
        """,
        "attsync explain MARK-UNKNOWN",
        "attsync explain",
    ),
    short_help="Explain a problem code: what it means and what to do.",
)
@click.argument("code", required=False)
@common
def command(code: str | None) -> None:
    """Print one entry of the catalogue, or the list."""
    if code is None:
        width = max(map(len, all_codes())) + 2
        for name in all_codes():
            click.echo(_wrapped(f"{name:{width}}{catalogue()[name]['meaning']}", width))
        return
    name = code.strip("[] ").upper()
    if name not in all_codes():
        meant = get_close_matches(name, all_codes(), n=1)
        message = f"there is no problem code {code!r}.{f' Did you mean {meant[0]}?' if meant else ''}"
        raise click.BadParameter(message, param_hint="'CODE'")
    entry = catalogue()[name]
    click.secho(name, bold=True)
    for heading, text in (
        ("Means", entry["meaning"]),
        ("Exit code", f"{entry['exit']}" if entry["exit"] else "0: it does not stop a send"),
        ("Who acts", entry["acts"]),
        ("What to do", " ".join(entry["help"].replace("`", "").split())),
    ):
        click.echo(_wrapped(f"{heading:12}{text}", 12))


def _wrapped(text: str, indent: int) -> str:
    """Break lines at a terminal, at most 100 columns wide; a mail or a file gets one line."""
    if not sys.stdout.isatty():
        return text
    columns = min(get_terminal_size().columns, 100)
    return fill(text, columns, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
