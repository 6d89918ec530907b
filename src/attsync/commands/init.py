"""`attsync init`: puts answers into the example settings file, and says what is still missing from it."""

import json
import os
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from itertools import chain, count
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from attsync.accounts import make_folder
from attsync.commands import options
from attsync.commands.questions import Answers, Database, ask
from attsync.commands.terminal import say
from attsync.files import require_writable, write_report
from attsync.messages import Command, attsync, started_as
from attsync.problems import SettingsError
from attsync.settings.environment import home
from attsync.settings.models import has_password

_SECRET: Final = "client-secret"  # noqa: S105  the name of a file


@options.subcommand(
    "init",
    "attsync init",
    "attsync init --output /etc/attsync/config.toml",
    "attsync init --print",
    text="Every setting is in it, with its explanation. A file that exists is never overwritten.",
)
@options.file("--output", "path", help="Where to write it. Default: ~/.config/attsync/config.toml.")
@click.option("--print", "only_print", is_flag=True, help="Print the example settings and write nothing.")
@click.option("--no-input", is_flag=True, help="Ask nothing: write the example, to be edited.")
def command(path: Path | None, *, only_print: bool, no_input: bool) -> None:
    """Ask, write, and say what comes next."""
    example = files("attsync").joinpath("data", "config.toml").read_text(encoding="utf-8")
    if only_print:
        click.echo(example, nl=False)
        return
    named = path or options.given().config or os.environ.get("ATTSYNC_CONFIG")
    path = Path(named or _usual_place()).absolute()
    require_writable(path, settings=None, replace=False)
    answers = Answers() if no_input else _answers(path)
    try:
        make_folder(path.parent)
    except OSError as error:
        reason = (error.strerror or "refused").lower()
        raise SettingsError("OUTPUT-FILE", "failed", path=path.parent, reason=reason) from error
    text, secrets = _filled_in(example, answers, path)
    for name, secret in secrets.items():
        write_report(path.parent / name, f"{secret}\n", settings=None, replace=False)
    write_report(path, text, settings=None, replace=False)
    if named:
        started_as(config=str(path))
    if not options.given().quiet:
        _say_next(path, answers)


def _usual_place() -> Path:
    folder = home(os.environ)
    if folder is None:
        message = "this account has no home folder. Name the file: --output FILE"
        raise click.UsageError(message)
    return folder / ".config" / "attsync" / "config.toml"


def _answers(path: Path) -> Answers:
    say(f"A few questions, then {path} is written. You can change everything in it.")
    click.echo("To stop without writing anything: Ctrl-C.\n")
    try:
        return ask()
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo()  # the question is in this line
        message = "there is no terminal to ask on, and no more input. Nothing was written."
        raise click.UsageError(f"{message} To write the example without questions: --no-input") from None


def log_for(path: Path) -> str:
    """Return where the log of the settings at `path` belongs: beside them, but no data below /etc (docs/install.md)."""
    return "/var/lib/attsync/attsync.db" if path.is_relative_to("/etc") else "attsync.db"


def _filled_in(text: str, answers: Answers, path: Path) -> tuple[str, dict[str, str]]:
    """Return the example with the answers in it, and the addresses for files of their own: name -> content.

    Its comments stay: they are the manual. What only some schools are given is commented out.
    """
    text = _set(re.sub(r"(?m)^(ca_file|subscription_key_file) *=", r"# \g<0>", text), "path", log_for(path))
    if answers.base_url:
        text = _set(text, "base_url", answers.base_url)
        text = _set(text, "token_url", f"https://{urlsplit(answers.base_url).netloc}/oauth/token")
    head, heading, database = text.partition("\n[[database]]")
    secrets: dict[str, str] = {}
    blocks = [_database(heading + database, each, path.parent, secrets) for each in answers.databases]
    return "".join([head, *(blocks or [heading + database])]), secrets


def _database(block: str, answer: Database, folder: Path, secrets: dict[str, str]) -> str:
    """Return the example's part about one database with the answers in it; add to `secrets` an address for a file."""
    block, heading, school = block.partition("\n[[database.schools]]")
    block = _set(block, "leaving_date_is", answer.leaving_date_is)
    if has_password(answer.url):
        # The address of another database, perhaps in use, is left as it is.
        names = chain(("database-url",), (f"database-url-{number}" for number in count(2)))
        name = next(name for name in names if name not in secrets and not os.path.lexists(folder / name))
        secrets[name] = answer.url
        block = re.sub("(?m)^url =", r"# \g<0>", block)
        block = _set(block.replace("# url_file =", "url_file ="), "url_file", name)
    elif answer.url:
        block = _set(block, "url", answer.url)
    schools = [_set(re.sub(r"(?m)^(urn +=) \d+", rf"\1 {urn}", school), "name", name) for urn, name in answer.schools]
    return "".join([block, *(heading + each for each in schools)])


def _set(text: str, name: str, value: str) -> str:
    """Return the setting `name` another value, and keep the comment after it."""
    quoted = json.dumps(value, ensure_ascii=False)  # a string of JSON is one of TOML
    return re.sub(rf'(?m)^({name} *= )"[^"]*"', lambda found: found[1] + quoted, text, count=1)


def _say_next(path: Path, answers: Answers) -> None:
    """Print what is missing and what comes next."""
    steps = [
        *_missing(path, answers),
        ("Check it, and see which of your codes have to be mapped: ", attsync("check")),
        ("Look at what would be sent: ", attsync("preview")),
        ("Give consent: ", attsync("consent", "grant")),
        ("Send: ", attsync("send")),
        ("Let cron send every school day: ", attsync("crontab")),
    ]
    click.echo(f"\nWritten: {path}. What is missing, and what comes next:")
    for number, step in enumerate(steps, start=1):
        say(f"  {number}. ", *step, indent=5)


def _missing(path: Path, answers: Answers) -> Iterator[tuple[str | Command, ...]]:
    """Return what someone still has to put into the file, or beside it."""
    secret = path.parent / _SECRET
    address = "" if answers.base_url else "base_url, "
    yield (f"Open the file and put in what the DfE gave you: {address}token_url and client_id.",)
    if not secret.exists():
        yield f"Put the client secret into {secret}, then: ", Command(("chmod", "600", str(secret)))
    has_address = answers.databases and all(each.url for each in answers.databases)
    address = "" if has_address else "the address of your school database, and "
    school = "" if answers.databases else ", and your school"
    yield (f"Put in {address}your own SELECTs instead of the example's{school}; the comments say what each returns.",)
