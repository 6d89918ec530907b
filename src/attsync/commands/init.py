"""`attsync init`: puts answers into the example settings file. Knows where each belongs; refuses to judge any."""

import json
import os
import re
import shlex
import sys
from importlib.resources import files
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attsync.commands.options import common, given, page
from attsync.commands.questions import SECRET
from attsync.commands.terminal import for_people, must_be_new, writing
from attsync.problems import SettingsError

if TYPE_CHECKING:
    from attsync.commands.questions import Answers


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
    must_be_new(path, "Name another file: --output FILE")
    answers = None if no_input else _answers(path)
    _make_folder(path.parent)
    example = _set(example, "path", log_for(path))
    if answers:
        address_file = _free_name(path.parent, "database-url")
        example = _filled_in(example, answers, address_file)
        _write_secrets(path.parent, answers, address_file)
    with writing(path, replace=False) as file:
        file.write(example)
    if not given().quiet:
        _tell_next(path, answers)


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


def _answers(path: Path) -> "Answers":
    from attsync.commands.questions import ask
    from attsync.person import who

    click.echo(for_people(f"A few questions, then {path} is written; everything in it can be changed.", sys.stdout))
    click.echo("To stop without writing anything: Ctrl-C.")
    try:
        return ask(path.parent, who(os.environ).account)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo()  # the question stands in this line
        message = "there is no terminal to ask on, and no answer is left to read. Nothing was written."
        raise click.UsageError(f"{message} To write the example without questions: --no-input") from None


def log_for(path: Path) -> str:
    """Give where the log of the settings at `path` belongs: beside them, but no data below /etc (docs/install.md)."""
    return "/var/lib/attsync/attsync.db" if path.is_relative_to("/etc") else "attsync.db"


def _free_name(folder: Path, name: str) -> str:
    """Give a name that no file has: the address of another database, perhaps in use, is left as it is."""
    names = chain((name,), (f"{name}-{number}" for number in count(2)))
    return next(free for free in names if not (folder / free).exists())


def _filled_in(text: str, answers: "Answers", address_file: str) -> str:
    """Put the answers into the example, and keep its comments: they are the manual."""
    receiver = answers.receiver
    for name, value in (
        ("base_url", receiver.base_url),
        ("token_url", receiver.token_url),
        ("client_id", receiver.client_id),
        ("client_secret_file", receiver.secret_file),
        ("subscription_key_file", receiver.key_file),
        ("ca_file", receiver.ca_file),
        ("url", "" if _has_password(answers) else answers.database),
        ("leaving_date_is", answers.leaving_date_is),
        ("name", answers.name),
    ):
        text = _set(text, name, value) if value else re.sub(f"(?m)^{name} *=", r"# \g<0>", text)
    text = re.sub(r"(?m)^urn +=.*?(?=  +#|$)", f"urn  = {answers.urn}", text)
    if _has_password(answers):
        text = _set(text.replace("# url_file =", "url_file ="), "url_file", address_file)
    if answers.username == answers.account:
        return text
    pair = f"{_quoted(answers.account)} = {_quoted(answers.username)}"
    return re.sub(r'# (\[consent\.usernames\]\n)# \w+ = "[^"]*"', lambda found: found[1] + pair, text)


def _has_password(answers: "Answers") -> bool:
    from attsync.settings.shown import address_shown

    return address_shown(answers.database) != answers.database


def _write_secrets(folder: Path, answers: "Answers", address_file: str) -> None:
    """Write what must not stand in the settings file, each into a file that only this account can read."""
    secrets = {**answers.receiver.secrets, **({address_file: answers.database} if _has_password(answers) else {})}
    for name, secret in secrets.items():
        with writing(folder / name, replace=False) as file:
            file.write(f"{secret}\n")


def _set(text: str, name: str, value: str) -> str:
    """Give the setting `name` another value, and keep the comment behind it."""
    return re.sub(rf'(?m)^({name} *= )"[^"]*"', lambda found: found[1] + _quoted(value), text, count=1)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a string of JSON is one of TOML


def _tell_next(path: Path, answers: "Answers | None") -> None:
    """Say what comes next, in commands that find this very file."""
    if not _is_found(path):
        given().config = str(path)
    folder = path.parent
    open_it = (
        "Open the file and put your own SELECTs in the place of those of the example, with whoever knows the school"
    )
    open_it += " database; the comments say what each has to give."
    steps = [open_it]
    if answers is None:
        steps = ["Open the file and put your own values in the place of the example's; each has a comment."]
    if answers is None or not (folder / answers.receiver.secret_file).exists():
        steps.append(
            f"Put the client secret into {folder / SECRET}, then: chmod 600 {shlex.quote(str(folder / SECRET))}"
        )
    steps += [
        "See what is right and what is missing, such as codes of your own to map: attsync check",
        "Look at what would be sent: attsync preview",
        "Give consent: attsync consent grant",
        "Send: attsync send",
        "When that is well, let cron send: attsync crontab",
    ]
    click.echo(f"\nWritten: {path}. What comes next:")
    for number, step in enumerate(steps, start=1):
        click.echo(for_people(f"  {number}. {step}", sys.stdout, indent=5))


def _is_found(path: Path) -> bool:
    from attsync.settings import find

    try:
        return find(None, os.environ) == path
    except SettingsError:
        return False
