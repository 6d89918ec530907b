"""`attsync init`: puts answers into the example settings file, and says what is still missing from it."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import click

from attsync import data
from attsync.accounts import make_folder
from attsync.commands import options
from attsync.commands.terminal import say
from attsync.files import require_writable, write_report
from attsync.messages import Command, attsync, started_as
from attsync.problems import SettingsError
from attsync.settings.environment import home
from attsync.settings.models import has_password
from attsync.settings.types import typed_database, typed_https, typed_text, typed_urn

_Answer = TypeVar("_Answer")

_SETUP: Final = attsync("consent", "setup", "ACCOUNT")
_SECRET: Final = "client-secret"  # noqa: S105  the name of a file


@dataclass(slots=True)
class Database:
    """What was answered about one school database."""

    url: str
    """Empty: to be filled in later."""
    leaving_date_is: str
    schools: list[tuple[int, str]] = field(default_factory=list)
    """URN and name."""


@options.subcommand(
    "init",
    "attsync init",
    "attsync init --output /etc/attsync/config.toml",
    text="Every setting is in it, with its explanation. A file that exists is never overwritten.",
)
@options.file("--output", "path", help="Where to write it. Default: ~/.config/attsync/config.toml.")
@click.option("--print", "only_print", is_flag=True, help="Print the example settings and write nothing.")
@click.option("--no-input", is_flag=True, help="Ask nothing: write the example, to be edited.")
def command(path: Path | None, *, only_print: bool, no_input: bool) -> None:
    """Ask, write, and say what comes next."""
    example = data.text("config.toml")
    if only_print:
        click.echo(example, nl=False)
        return
    named = path or options.given().config or os.environ.get("ATTSYNC_CONFIG")
    path = Path(named or _usual_place()).absolute()
    require_writable(path, settings=None, replace=False)
    databases, base_url = ([], "") if no_input else _answers(path)
    try:
        make_folder(path.parent)
    except OSError as error:
        reason = (error.strerror or "refused").lower()
        raise SettingsError("OUTPUT-FILE", "failed", path=path.parent, reason=reason) from error
    text, secrets = _filled_in(example, databases, base_url, path)
    for name, secret in secrets.items():
        write_report(path.parent / name, f"{secret}\n", settings=None, replace=False)
    write_report(path, text, settings=None, replace=False)
    if named:
        started_as(config=str(path))
    if not options.given().quiet:
        _say_next(path, databases, base_url)


def _usual_place() -> Path:
    folder = home(os.environ)
    if folder is None:
        message = "this account has no home folder. Name the file: --output FILE"
        raise click.UsageError(message)
    return folder / ".config" / "attsync" / "config.toml"


# The questions: six for one school; Enter takes what is in brackets.


def _answers(path: Path) -> tuple[list[Database], str]:
    """Put every question; return the databases, and the DfE's address or "" for later."""
    say(f"A few questions, then {path} is written. You can change everything in it.")
    click.echo("To stop without writing anything: Ctrl-C.\n")
    databases: list[Database] = []
    try:
        name = _ask("Name of the school", typed_text)
        while name:
            words = "Its URN, 6 digits (from Get Information About Schools)"
            words += " (Enter: leave it out)" if databases else ""
            # a mistake at this question must not lose the answers given so far
            if urn := _ask(words, lambda said: _urn(said, databases), 0 if databases else None):
                _database_of_school(databases).schools.append((urn, name))
            name = _ask("Name of another school (Enter: no other school)", typed_text, "")
        _explain("The DfE gives you the address that counts are sent to.")
        return databases, _ask("DfE address, https://... (Enter: fill it in later)", _base_url, "")
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo()  # the question is in this line
        message = "there is no terminal to ask on, and no more input. Nothing was written."
        raise click.UsageError(f"{message} To write the example without questions: --no-input") from None


def _database_of_school(databases: list[Database]) -> Database:
    """Return the database of a school: a new one, which is added, or the one of an earlier school."""
    if databases:
        url = _ask("Address of its database (Enter: the same database)", typed_database, "")
        if known := [each for each in databases if each.url == url] or databases[-1:] * (not url):
            return known[0]
    else:
        _explain(
            "Its database: an address such as postgresql://attsync_ro@server/school, or the path of an SQLite file."
            " An address with a password is kept in a separate file that only this account can read."
        )
        url = _ask("Address of the school database (Enter: fill it in later)", typed_database, "")
    _explain(
        "A leaving date can be (1) the last day at school or (2) the day after. Ask the school office. If"
        " you cannot ask now, press Enter and correct it later."
    )
    databases.append(Database(url, _ask("1 or 2 (Enter: 1)", _leaving, "last_day")))
    return databases[-1]


def _urn(said: str, databases: list[Database]) -> int:
    urn = typed_urn(said)
    if urn in [known for database in databases for known, _ in database.schools]:
        raise ValueError("That school is already listed.")
    return urn


def _leaving(said: str) -> str:
    match said.strip():
        case "1" | "last_day":
            return "last_day"
        case "2" | "first_day_off":
            return "first_day_off"
    raise ValueError("Answer 1 or 2.")


def _base_url(said: str) -> str:
    address = typed_https(said)
    if address.endswith("/attendances"):
        raise ValueError("Leave out /attendances at the end: attsync adds it.")
    return address


def _ask(words: str, check: Callable[[str], _Answer], default: _Answer | None = None) -> _Answer:
    """Repeat the question until the answer passes `check`; Enter alone is `default`, if there is one."""

    def answer(said: str) -> _Answer:
        if not said.strip() and default is not None:
            return default
        try:
            return check(said)
        except ValueError as error:
            raise click.UsageError(str(error) if said.strip() else "An answer is needed.") from None

    answered: _Answer = click.prompt(words, default="", show_default=False, value_proc=answer)
    return answered


def _explain(words: str) -> None:
    click.echo()
    say(words)


def log_for(path: Path) -> str:
    """Return where the log of the settings at `path` belongs: beside them, but no data below /etc (docs/install.md)."""
    return "/var/lib/attsync/attsync.db" if path.is_relative_to("/etc") else "attsync.db"


def _filled_in(text: str, databases: list[Database], base_url: str, path: Path) -> tuple[str, dict[str, str]]:
    """Return the example with the answers in it, and the addresses for separate files: name -> content.

    Its comments stay: they are the manual. What only some schools are given is commented out.
    """
    text = _set(re.sub(r"(?m)^(ca_file|subscription_key_file) *=", r"# \g<0>", text), "path", log_for(path))
    if base_url:
        text = _set(text, "base_url", base_url)
        text = _set(text, "token_url", f"https://{urlsplit(base_url).netloc}/oauth/token")
    head, heading, database = text.partition("\n[[database]]")
    secrets: dict[str, str] = {}
    blocks = [_database(heading + database, each, path.parent, secrets) for each in databases]
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


def _say_next(path: Path, databases: list[Database], base_url: str) -> None:
    """Print what is missing and what comes next."""
    steps = [
        *_missing(path, databases, base_url),
        ("Check it, and see which of your codes have to be mapped: ", attsync("check")),
        ("Look at what would be sent: ", attsync("preview")),
        ("Give consent: ", attsync("consent", "grant"), "; or, for another person's account: ", _SETUP),
        ("Send: ", attsync("send")),
        ("Let cron send every school day: ", attsync("crontab")),
    ]
    click.echo(f"\nWritten: {path}. What is missing, and what comes next:")
    for number, step in enumerate(steps, start=1):
        say(f"  {number}. ", *step, indent=5)


def _missing(path: Path, databases: list[Database], base_url: str) -> Iterator[tuple[str | Command, ...]]:
    """Return what someone still has to put into the file, or beside it."""
    secret = path.parent / _SECRET
    address = "" if base_url else "base_url, "
    yield (f"Open the file and put in what the DfE gave you: {address}token_url and client_id.",)
    if not secret.exists():
        yield f"Put the client secret into {secret}, then: ", Command(("chmod", "600", str(secret)))
    has_address = databases and all(each.url for each in databases)
    address = "" if has_address else "the address of your school database, and "
    school = "" if databases else ", and your school"
    yield (f"Put in {address}your own SELECTs instead of the example's{school}; the comments say what each returns.",)
