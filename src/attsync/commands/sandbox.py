"""`attsync sandbox`: serves the pretend DfE until a signal comes."""

import json
import os
import signal
from pathlib import Path

import click

from attsync.commands import options
from attsync.commands.demo import make_school
from attsync.messages import attsync
from attsync.problems import Stopped


@options.subcommand(
    "sandbox",
    "attsync sandbox --dir try",
    "attsync sandbox --dir try --faults busy,faulty",
    text="""
    It listens on 127.0.0.1 over TLS and serves the folder of --dir, which contains settings, secrets, a
    certificate and a made-up school. If the folder is new or empty, they are made first.
    """,
)
@options.folder("--dir", "folder", default=Path("attsync-sandbox"), show_default=True, help="The sandbox's folder.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8443,
    show_default=True,
    help="The port of a new folder. A sandbox folder keeps its own.",
)
@click.option(
    "--faults",
    default="",
    metavar="LIST",
    help="What goes wrong with the next messages: busy,faulty,... (none: nothing).",
)
def command(folder: Path, port: int, faults: str) -> None:
    """Serve until a signal comes."""
    from attsync.sandbox.app import URNS
    from attsync.sandbox.faults import parse_faults
    from attsync.sandbox.folder import CONFIG, open_folder
    from attsync.sandbox.server import listen

    try:
        script = parse_faults(faults)
    except ValueError as error:
        message = f"{error} Nothing was started."
        raise click.BadParameter(message, param_hint="'--faults'") from error
    if not os.access(folder / CONFIG, os.F_OK):
        listen(port).close()  # if the port is taken, no folder is made
        make_school(folder, port)
    with open_folder(folder, faults=script) as sandbox:
        click.echo(f"The pretend DfE answers at {sandbox.server.base_url}, on this machine only. Stop it with Ctrl-C.")
        config = ("--config", str(sandbox.config))
        click.echo(f"In another terminal:  {attsync('consent', 'grant', *config).completed}")
        click.echo(f"                      {attsync('send', *config).completed}")
        click.echo(f"What it received:     {sandbox.server.base_url}/sandbox/received")
        click.echo(f"To send to it with your own settings and database, use a URN from {URNS[0]} to {URNS[-1]}, and")
        click.echo("put these lines into [dfe] there:\n")
        for name, value in sandbox.dfe.items():
            click.echo(f"  {name} = {json.dumps(value, ensure_ascii=False)}")
        click.echo()
        try:
            signal.pause()
        except Stopped as stopped:
            click.echo("The pretend DfE has stopped.")
            click.get_current_context().exit(stopped.exit_code)
