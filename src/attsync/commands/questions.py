"""The questions of `attsync init`: each answer is checked as it is typed, and a wrong one is asked for again.

Knows what a new user may not know, and says it before asking; refuses to know the settings file.
"""

import os
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from attsync.commands.terminal import for_people

_Answer = TypeVar("_Answer")

SECRET: Final = "client-secret"  # noqa: S105  the name of a file
KEY: Final = "subscription-key"
_SANDBOX_URNS: Final = range(900_000, 990_000)
"""As in `sandbox.dfe`, which is not imported here: it needs packages that only the sandbox has."""
_LEAVING: Final = {"1": "last_day", "2": "first_day_off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where counts go, and what it takes to be let in. Files are named as the settings name them; empty: none."""

    base_url: str
    token_url: str
    client_id: str
    ca_file: str = ""
    secret_file: str = SECRET
    key_file: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Name of a file -> what is to be put into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was answered."""

    name: str
    urn: int
    database: str
    leaving_date_is: str
    account: str
    username: str
    """Of `account`, in the school system."""
    receiver: Receiver


def ask(folder: Path, account: str) -> Answers:
    """Ask everything. `folder` is where the settings will be; `account` is whose user name is asked for."""
    from attsync.settings import typed

    _heading("The school")
    name = _ask("Name of the school", typed.text)
    urn = _ask("Its URN, 6 digits (from Get Information About Schools)", typed.urn)
    _heading(
        "Its database",
        "An address such as postgresql://attsync_ro@server/school, or the path of an SQLite file. With a password in"
        " it, it is kept in a file of its own.",
    )
    database = _ask("Address of the school database", typed.database)
    _explain(
        "\nThe date on which a pupil leaves may be (1) the last day at school or (2) the first day off. The school"
        " office knows; whoever does not answers 1 and corrects it later."
    )
    leaving = _ask("1 or 2", _leaving)
    _explain("\nWhoever gives consent is looked up in the school system by name.")
    username = _ask(f"Your user name there (Enter: {account}, as on this computer)", str.strip, default=account)
    _heading(
        "The DfE",
        "The DfE gives these addresses and the client id. Press Enter to try everything with the sandbox first: a"
        " pretend DfE on this computer.",
    )
    base_url = _ask("Address that counts are sent to, https://... (Enter: the sandbox)", _base_url, default="")
    receiver = _receiver(base_url, folder) if base_url else _ask_for_sandbox()
    return Answers(
        name=name,
        urn=urn if base_url or urn in _SANDBOX_URNS else _ask_for_sandbox_urn(),
        database=database,
        leaving_date_is=leaving,
        account=account,
        username=username,
        receiver=receiver,
    )


def _receiver(base_url: str, folder: Path) -> Receiver:
    from attsync.settings import typed

    token_url = _ask("Address where attsync signs in, https://...", typed.https)
    client_id = _ask("Client id", typed.text)
    secret = _ask_secret("Client secret", folder / SECRET, "put it there later")
    key = _ask_secret("Subscription key, if there is one", folder / KEY, "there is none")
    return Receiver(
        base_url=base_url,
        token_url=token_url,
        client_id=client_id,
        ca_file=_ask("Certificate file of a web filter (Enter: there is none)", _file, default=""),
        key_file=KEY if key or (folder / KEY).exists() else "",
        secrets={name: said for name, said in ((SECRET, secret), (KEY, key)) if said},
    )


def _ask_for_sandbox() -> Receiver:
    _explain("\nThe sandbox runs in a second terminal, in this folder: attsync sandbox")
    return _ask("Folder of the sandbox (Enter: attsync-sandbox)", _sandbox, default="attsync-sandbox")


def _ask_for_sandbox_urn() -> int:
    from attsync.settings import typed

    first, last, usual = _SANDBOX_URNS[0], _SANDBOX_URNS[-1], _SANDBOX_URNS[23]

    def check(said: str) -> int:
        if typed.urn(said) not in _SANDBOX_URNS:
            raise ValueError(f"The sandbox knows {first} to {last} only.")
        return typed.urn(said)

    _explain(
        f"\nThe sandbox knows no real school, only URNs from {first} to {last}. Put your own into the file"
        " when you have done trying."
    )
    return _ask(f"URN to try with (Enter: {usual})", check, default=str(usual))


def _ask_secret(what: str, path: Path, otherwise: str) -> str:
    """Ask for a secret, unless its file is there already: that is never overwritten."""
    from attsync.settings import typed

    if path.exists():
        _explain(f"{what}: {path} is there already, and is used.")
        return ""
    words = f"{what}, not shown as you type (Enter: {otherwise}; its file is {path.name})"
    return _ask(words, lambda said: typed.text(said) if said else "", default="", hide=sys.stdin.isatty())


def _leaving(said: str) -> str:
    said = said.strip()
    if said in _LEAVING.values():
        return said
    if said not in _LEAVING:
        raise ValueError("Answer 1 or 2.")
    return _LEAVING[said]


def _base_url(said: str) -> str:
    from attsync.settings import typed

    address = said and typed.https(said)
    if address.endswith("/attendances"):
        raise ValueError("Leave out /attendances at the end: attsync adds it.")
    return address


def _file(said: str) -> str:
    path = Path(said.strip()).expanduser()
    if said and not (os.access(path, os.R_OK) and path.is_file()):
        raise ValueError("There is no such file, or it may not be read.")
    return str(path.absolute()) if said else ""


def _sandbox(said: str) -> Receiver:
    folder = Path(said.strip()).expanduser().absolute()
    try:
        dfe: dict[str, Any] = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))["dfe"]
        base_url, token_url, client_id = (str(dfe[name]) for name in ("base_url", "token_url", "client_id"))
    except (OSError, ValueError, KeyError):
        raise ValueError("There is no sandbox in that folder yet: start it first.") from None
    return Receiver(
        base_url=base_url,
        token_url=token_url,
        client_id=client_id,
        ca_file=str(folder / "ca.pem"),
        secret_file=str(folder / SECRET),
        key_file=str(folder / KEY),
    )


def _ask(words: str, check: Callable[[str], _Answer], *, default: str | None = None, hide: bool = False) -> _Answer:
    """Ask until the answer passes `check`."""
    while True:
        said = click.prompt(words, default=default or "", show_default=False, hide_input=hide, value_proc=str)
        if default is None and not said:  # click would ask again without a word
            _explain("This needs an answer. Once more:")
            continue
        try:
            return check(said)
        except ValueError as error:
            _explain(f"{error} Once more:")


def _heading(words: str, explanation: str = "") -> None:
    click.secho(f"\n{words}", bold=True)
    if explanation:
        _explain(explanation)


def _explain(words: str) -> None:
    lead = "\n" if words.startswith("\n") else ""
    click.echo(lead + for_people(words.lstrip("\n"), sys.stdout))
