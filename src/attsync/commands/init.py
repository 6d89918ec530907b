"""`attsync init`."""

import json
import os
import re
from importlib.resources import files
from pathlib import Path

import click

from attsync.commands.options import common, given, need_terminal, page
from attsync.commands.output import writing

_PASSWORD = re.compile(r"://[^/@]*:[^/@]+@|[?&]password=", re.IGNORECASE)


@click.command(
    "init",
    help=page(
        """
        Ask a few questions and write a commented settings file.

        Every setting is in it, with its explanation. A file that exists is never overwritten.
        """,
        "attsync init",
        "attsync init --output /etc/attsync/config.toml",
        "attsync init --print",
    ),
    short_help="Ask a few questions and write a commented settings file.",
)
@click.option(
    "--output",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write it. Without this: ~/.config/attsync/config.toml.",
)
@click.option("--print", "only_print", is_flag=True, help="Print the example settings and write nothing.")
@click.option("--no-input", is_flag=True, help="Ask nothing: write the example, to be edited.")
@common
def command(path: Path | None, *, only_print: bool, no_input: bool) -> None:
    """Ask, write, and say what comes next."""
    example = files("attsync").joinpath("data", "config.toml").read_text(encoding="utf-8")
    if only_print:
        click.echo(example, nl=False)
        return
    path = (path or Path(given().config or _usual_place())).absolute()
    if path.exists():
        message = f"{path} is there already and was left as it is. Name another file: --output FILE"
        raise click.UsageError(message)
    if not no_input:
        need_terminal("the questions", "To write the example without questions: --no-input")
    _make_folder(path.parent)
    text = example if no_input else _asked(example, path)
    with writing(path, replace=False) as file:
        file.write(text)
    if not given().quiet:
        _tell_next(path)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"the folder {folder} cannot be made: {(error.strerror or 'the system refuses').lower()}."
        raise click.UsageError(message) from error


def _usual_place() -> Path:
    from attsync.settings.environment import home

    folder = home(os.environ)
    if folder is None:
        message = "this account has no folder of its own. Name the file: --output FILE"
        raise click.UsageError(message)
    return folder / ".config" / "attsync" / "config.toml"


def _asked(example: str, path: Path) -> str:
    click.echo(f"A few questions, then {path} is written. Everything in it can be changed later.\n")
    name = click.prompt("Name of the school")
    urn = click.prompt("Its URN (6 digits, from Get Information About Schools)", value_proc=_urn)
    url = click.prompt(
        "Address of the school database, such as postgresql://attsync_ro@server/school or sqlite:///f.db"
    )
    leaving = click.prompt(
        "The leaving date of a pupil in it is the last day at school, or the first day off (the office knows)",
        type=click.Choice(["last_day", "first_day_off"]),
    )
    base_url = click.prompt(
        "Address of the DfE's service (counts go to this address + /attendances)", value_proc=_https
    )
    token_url = click.prompt("Address where attsync signs in there", value_proc=_https)
    client_id = click.prompt("Client id that the DfE gave you")
    ca_file = click.prompt(
        "A certificate file to trust besides the system's, for a web filter or the sandbox (Enter: none)",
        default="",
        show_default=False,
    )
    text = _set(example, "base_url", base_url)
    text = _set(text, "token_url", token_url)
    text = _set(text, "client_id", client_id)
    text = _set(text, "ca_file", ca_file) if ca_file else text.replace('ca_file = "ca.pem"  ', '# ca_file = "ca.pem"')
    text = _set(text, "leaving_date_is", leaving)
    text = re.sub(r"(?m)^urn +=.*?(?=  +#|$)", f"urn  = {urn}", text)
    text = _set(text, "name", name)
    if not _PASSWORD.search(url):
        return _set(text, "url", url)
    with writing(path.with_name("database-url"), replace=False) as file:
        file.write(f"{url}\n")
    text = text.replace('# url_file = "database-url"', 'url_file = "database-url"  ')
    return re.sub(r'(?m)^url = "sqlite', '# url = "sqlite', text)


def _set(text: str, name: str, value: str) -> str:
    """Give the setting `name` another value, and keep the comment behind it."""
    written = json.dumps(value, ensure_ascii=False)  # a string of JSON is one of TOML
    return re.sub(rf'(?m)^({name} *= )"[^"]*"', lambda found: found[1] + written, text, count=1)


def _urn(text: str) -> str:
    if not re.fullmatch("[1-9][0-9]{5}", text.strip()):
        message = "A URN has 6 digits, for example 900012."
        raise click.UsageError(message)
    return text.strip()


def _https(text: str) -> str:
    if not re.fullmatch(r"https://[^\s?#@]+", text.strip()):
        message = "The address begins with https://"
        raise click.UsageError(message)
    return text.strip()


def _tell_next(path: Path) -> None:
    click.echo(f"\nWritten: {path}. What comes next:")
    click.echo(
        f"  1. Put the client secret into {path.with_name('client-secret')}, and the subscription key, if you have"
    )
    click.echo(
        f"     one, into {path.with_name('subscription-key')}; both with mode 0600. Without a key, take its line out."
    )
    click.echo("  2. Write the SELECTs and the maps in the file, with whoever knows the school database.")
    click.echo(f"  3. attsync check --config {path}")
    click.echo(f"  4. attsync preview --config {path}")
    click.echo(f"  5. attsync consent grant --config {path}")
    click.echo(f"  6. attsync send --config {path}, and when that is well: attsync crontab --config {path}")
