"""`attsync demo`: the commands that a user would type, one after the other, against the sandbox.

Runs them as processes of their own; refuses to know what they do inside.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import click

from attsync.commands.options import common, given, now, page

AFTERNOON = 14
"""From this hour on, the made-up school has taken today's afternoon register."""


@click.command(
    "demo",
    help=page(
        """
        Run the whole story once, with a made-up school and a pretend DfE.

        Gives consent, sends, corrects some marks in the school's database, sends again and shows the status. Everything
        is made up and stays on this machine.
        """,
        "attsync demo",
        "attsync demo --keep try --with-problems",
    ),
    short_help="Run the whole story once, with a made-up school and a pretend DfE.",
)
@click.option(
    "--keep",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep everything in this new folder, to try more by hand.",
)
@click.option("--with-problems", is_flag=True, help="Bring in an unknown mark code, a refused day and a faulty answer.")
@common
def command(folder: Path | None, *, with_problems: bool) -> None:
    """Make a school, start the sandbox, and run the commands that a user would type."""
    from attsync.person import who
    from attsync.sandbox.faults import parse_faults
    from attsync.sandbox.folder import SCHOOL, make_folder, open_folder
    from attsync.sandbox.sample_school import correct_marks
    from attsync.sandbox.server import free_port
    from attsync.window import LONDON

    at = now().astimezone(LONDON)
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="attsync-demo-")))
        config = make_folder(
            place,
            today=at.date(),
            port=free_port(8443 if folder else 0),
            username=who(os.environ).account,
            with_problems=with_problems,
            afternoon=at.hour >= AFTERNOON,
        )
        faults = parse_faults("faulty" if with_problems else "")
        sandbox = stack.enter_context(open_folder(place, faults=faults))
        say(f"A made-up school is in {place / SCHOOL}; a pretend DfE answers at {sandbox.server.base_url}.")
        if with_problems:
            click.echo("Three of its marks have a code that nobody knows, and one answer of the DfE will find a fault.")
        exits = [run("consent grant --yes", config, "Somebody who may administer data returns gives consent.")]
        exits.append(run("send --window 8", config, "What cron runs twice a day."))
        say("Late corrections in the school's database:")
        for sentence in correct_marks(place / SCHOOL, at.date()):
            click.echo(f"  {sentence}")
        exits.append(run("send --window 8", config, "The next send takes the corrections along."))
        exits.append(run("status", config, "What the data manager looks at."))
    expected = [0, 1, 1, 1] if with_problems else [0, 0, 0, 0]
    if exits != expected:
        say(f"Something went wrong: the commands ended with {exits}, not with {expected}.")
        click.get_current_context().exit(1)
    say(f"That was all of it. Everything was made up, nothing left this machine{'' if folder else _GONE}.")
    if folder:
        given().config = str(config)
        click.echo(
            complete(f"To try more by hand: attsync sandbox --dir {shlex.quote(str(folder))}  and in another terminal")
        )
        for words in ("preview", f"status --date {at.date()}", "consent revoke"):
            click.echo(complete(f"  attsync {words}"))
    else:
        click.echo(complete("To try more by hand:                attsync demo --keep try"))
        click.echo(complete("To see what a bad day looks like:   attsync demo --with-problems"))


_GONE: Final = ", and its folder is deleted again, so that the commands above find nothing any more"


def say(text: str) -> None:
    """Say what comes next, set off from what the commands print."""
    click.secho(f"\n{text}", bold=True)


def run(words: str, config: Path, why: str) -> int:
    """Run one command as a user would and show it with its output; give its exit code."""
    from attsync.schedule.units import program

    say(why)
    arguments = [*shlex.split(words), "--config", str(config)]
    click.echo(complete(f"$ attsync {shlex.join(arguments)}"))
    sys.stdout.flush()
    return subprocess.run([*program(), *arguments], check=False).returncode  # noqa: S603
