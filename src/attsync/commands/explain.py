"""`attsync explain`: what a problem code means, who acts and what to do. Reads only the package."""

from difflib import get_close_matches

import click

from attsync.commands import options
from attsync.commands.terminal import for_people, say
from attsync.messages import Text
from attsync.problems import all_codes, catalogue


@options.subcommand(
    "explain",
    "attsync explain MARK-UNKNOWN",
    "attsync explain",
    text="""
    The code is at the end of a message, in brackets. Without a code, all codes are listed. Works offline, and reads
    neither settings nor log.
    """,
)
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Print one entry of the catalogue, or the list."""
    if code is None:
        width = max(map(len, all_codes())) + 2
        for name in all_codes():
            say(f"{name:{width}}{catalogue()[name]['meaning']}", indent=width)
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
        click.echo(for_people(Text((f"{heading:12}{text}",)), indent=12))  # a pipe has no width that would break it
