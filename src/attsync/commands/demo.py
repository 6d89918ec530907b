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

from attsync.accounts import who
from attsync.commands import options
from attsync.messages import attsync
from attsync.window import LONDON

AFTERNOON: Final = 14
"""From this hour, the made-up school has today's afternoon register."""
_MORE: Final = (("preview",), ("status", "--problems"), ("consent", "revoke"))


@options.subcommand(
    "demo",
    "attsync demo",
    "attsync demo --keep try --with-problems",
    text="""
    Gives consent, sends, corrects some marks in the school's database, sends again and shows the status. Everything
    is made up and stays on this machine.
    """,
)
@options.folder("--keep", "folder", metavar="DIR", help="Keep everything in this new folder, to try more by hand.")
@click.option("--with-problems", is_flag=True, help="Include an unknown mark code, a refused day and a faulty answer.")
def command(folder: Path | None, *, with_problems: bool) -> None:
    """Make a school, start the sandbox, and run the commands that a user would type."""
    from attsync.sandbox.faults import parse_faults
    from attsync.sandbox.folder import SCHOOL, open_folder
    from attsync.sandbox.sample_school import correct_marks
    from attsync.sandbox.server import free_port

    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="attsync-demo-")))
        config = make_school(place, free_port(8443 if folder else 0), with_problems=with_problems)
        sandbox = stack.enter_context(open_folder(place, faults=parse_faults("faulty" if with_problems else "")))
        _say(f"A made-up school is in {place / SCHOOL}. A pretend DfE answers at {sandbox.server.base_url}.")
        if with_problems:
            click.echo("3 of its marks have an unknown code, and one DfE answer will report a fault.")
        exits = [_run("consent grant --yes", config, 'Someone who holds "Data Returns: Administer" gives consent.')]
        exits.append(_run("send --window 8", config, "What cron runs twice a day."))
        _say("Late corrections in the school's database:")
        for sentence in correct_marks(place / SCHOOL, options.now().astimezone(LONDON).date()):
            click.echo(f"  {sentence}")
        exits.append(_run("send --window 8", config, "The next send includes the corrections."))
        exits.append(_run("status", config, "What the data manager sees."))
    expected = [0, 1, 1, 1] if with_problems else [0, 0, 0, 0]
    if exits != expected:
        _say(f"Something went wrong: the commands ended with {exits}, but {expected} was expected.")
        click.get_current_context().exit(1)
    gone = "" if folder else " The folder is deleted, so the commands above no longer find anything."
    _say(f"End of the demo. Everything was made up, and nothing left this machine.{gone}")
    if folder:
        serve = attsync("sandbox", "--dir", str(folder)).completed
        click.echo(f"To try more by hand: {serve}  and in another terminal")
        for words in _MORE:
            click.echo(f"  {attsync(*words, '--config', str(config)).completed}")
    else:
        click.echo(f"To try more by hand:     {attsync('demo', '--keep', 'try').completed}")
        click.echo(f"To see a bad day:        {attsync('demo', '--with-problems').completed}")


def make_school(folder: Path, port: int, *, with_problems: bool = False) -> Path:
    """Fill a sandbox folder as this moment would have it, for the account that runs this; return its settings file."""
    from attsync.sandbox.folder import make_folder

    at = options.now().astimezone(LONDON)
    return make_folder(
        folder,
        today=at.date(),
        port=port,
        username=who(os.environ).account,
        with_problems=with_problems,
        afternoon=at.hour >= AFTERNOON,
    )


def _say(text: str) -> None:
    """Print what comes next, apart from what the commands print."""
    click.secho(f"\n{text}", bold=True)


def _run(words: str, config: Path, why: str) -> int:
    """Run one command as a user would, with its output; return its exit code."""
    from attsync.schedule import program

    _say(why)
    arguments = [*shlex.split(words), "--config", str(config)]
    click.echo(f"$ {attsync(*arguments).completed}")
    sys.stdout.flush()
    return subprocess.run([*program(), *arguments], check=False).returncode  # noqa: S603
