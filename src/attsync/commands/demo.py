"""`attsync demo`: the commands that a user would type, one after the other, against the sandbox."""

import os
import shlex
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import click

from attsync.commands.options import common, now, page
from attsync.messages import attsync

AFTERNOON = 14
"""From this hour on, the made-up school has taken today's afternoon register."""


@click.command(
    "demo",
    help=page(
        """
        Do a complete run with a made-up school and a pretend DfE.

        Gives consent, sends, corrects some marks in the school's database, sends again and shows the status. Everything
        is made up and stays on this machine.
        """,
        "attsync demo",
        "attsync demo --keep try --with-problems",
    ),
    short_help="Do a complete run with a made-up school and a pretend DfE.",
)
@click.option(
    "--keep",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep everything in this new folder, to try more by hand.",
)
@click.option("--with-problems", is_flag=True, help="Include an unknown mark code, a refused day and a faulty answer.")
@common
def command(folder: Path | None, *, with_problems: bool) -> None:
    """Make a school, start the sandbox, and run the commands that a user would type."""
    from attsync.accounts import who
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
        say(f"A made-up school is in {place / SCHOOL}. A pretend DfE answers at {sandbox.server.base_url}.")
        if with_problems:
            click.echo("Three of its marks have an unknown code, and one DfE answer will report a fault.")
        exits = [run("consent grant --yes", config, 'Someone who holds "Data Returns: Administer" gives consent.')]
        exits.append(run("send --window 8", config, "What cron runs twice a day."))
        say("Late corrections in the school's database:")
        for sentence in correct_marks(place / SCHOOL, at.date()):
            click.echo(f"  {sentence}")
        exits.append(run("send --window 8", config, "The next send includes the corrections."))
        exits.append(run("status", config, "What the data manager sees."))
    expected = [0, 1, 1, 1] if with_problems else [0, 0, 0, 0]
    if exits != expected:
        say(f"Something went wrong: the commands ended with {exits}, but {expected} was expected.")
        click.get_current_context().exit(1)
    gone = "" if folder else " The folder is deleted, so the commands above no longer find anything."
    say(f"End of the demo. Everything was made up, and nothing left this machine.{gone}")
    if folder:
        more = [attsync(*words, "--config", str(config)) for words in _MORE]
        serve = attsync("sandbox", "--dir", str(folder)).completed
        click.echo(f"To try more by hand: {serve}  and in another terminal")
        click.echo("".join(f"  {each.completed}\n" for each in more), nl=False)
    else:
        click.echo(f"To try more by hand:     {attsync('demo', '--keep', 'try').completed}")
        click.echo(f"To see a bad day:        {attsync('demo', '--with-problems').completed}")


_MORE: Final = (("preview",), ("status", "--problems"), ("consent", "revoke"))


def say(text: str) -> None:
    """Print what comes next, apart from what the commands print."""
    click.secho(f"\n{text}", bold=True)


def run(words: str, config: Path, why: str) -> int:
    """Run one command as a user would, with its output; return its exit code."""
    from attsync.schedule import program

    say(why)
    arguments = [*shlex.split(words), "--config", str(config)]
    click.echo(f"$ {attsync(*arguments).completed}")
    sys.stdout.flush()
    return subprocess.run([*program(), *arguments], check=False).returncode  # noqa: S603
