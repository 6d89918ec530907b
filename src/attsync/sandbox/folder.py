"""A folder in which everything can be tried: settings, secrets, certificates, a made-up school, the sandbox's memory.

Knows which file is which, and that the settings in it are the package's own example but for the port. Needs the
packages of `attsync[demo]`: without them importing this module raises SettingsError.
"""

import os
import secrets
import tomllib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

from attsync.problems import SettingsError

try:
    from attsync.sandbox.app import make_app
    from attsync.sandbox.auth import Client
    from attsync.sandbox.faults import Fault
    from attsync.sandbox.sample_school import make_school
    from attsync.sandbox.server import Server, make_certificates
    from attsync.sandbox.store import Store
except ModuleNotFoundError as error:
    if (error.name or "").startswith("attsync"):
        raise
    raise SettingsError(
        "DEMO-MISSING",
        f"The demo and the sandbox need packages that are not installed, such as {error.name}. Nothing was started.",
        "Install them: pip install 'attsync[demo]'",
    ) from error

CONFIG: Final = "config.toml"
CLIENT_SECRET: Final = "client-secret"  # noqa: S105  the name of a file
SUBSCRIPTION_KEY: Final = "subscription-key"
SCHOOL: Final = "school.db"
RECEIVED: Final = "sandbox.db"
EXAMPLE_PORT: Final = 8443
"""The port in the example settings."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox folder with its DfE: `with open_folder(folder) as sandbox:` serves it until the end of the block."""

    config: Path
    """The settings file that attsync is to be given."""
    store: Store
    """What was received, also by earlier sandboxes in this folder."""
    server: Server
    faults: deque[Fault]
    """What goes wrong with the next posts; may be added to at any time."""

    def __enter__(self) -> Self:
        try:
            self.server.start()
        except SettingsError:
            self.store.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self.store.close()


def make_folder(
    folder: Path,
    *,
    today: date,
    username: str,
    port: int = EXAMPLE_PORT,
    with_problems: bool = False,
    afternoon: bool = False,
) -> Path:
    """Fill `folder` (made with mode 0700 if need be), with `username` as the one who may consent; return its settings.

    `afternoon`: today's afternoon register has been taken already. Raises SettingsError if the folder cannot be made,
    or holds settings, a school or a secret already: they may be somebody's own.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            "SETTINGS",
            f"The folder {folder} cannot be made: {error.strerror}. Nothing was made or changed.",
            "Name another folder.",
        ) from error
    for name in (CONFIG, CLIENT_SECRET, SUBSCRIPTION_KEY, SCHOOL):
        if (folder / name).exists():
            raise SettingsError(
                "SETTINGS",
                f"{folder} already holds {name}. Nothing was made or changed.",
                f"Name a new folder, or serve this one: attsync sandbox --dir {folder}",
            )
    for name in (CLIENT_SECRET, SUBSCRIPTION_KEY):
        _write(folder / name, secrets.token_urlsafe(32) + "\n")
    make_certificates(folder)
    make_school(
        folder / SCHOOL, today=today, with_problems=with_problems, administrators=[username], afternoon=afternoon
    )
    example = files("attsync").joinpath("data", CONFIG).read_text(encoding="utf-8")
    _write(folder / CONFIG, example.replace(f"localhost:{EXAMPLE_PORT}", f"localhost:{port}"))
    return folder / CONFIG


def open_folder(folder: Path, *, faults: Iterable[Fault] = ()) -> Sandbox:
    """Prepare to serve what `make_folder` made, on the port of its settings.

    Raises SettingsError if a file is missing or the settings cannot be read.
    """
    settings = _read_settings(folder)
    store = Store(folder / RECEIVED)
    script = deque(faults)
    app = make_app(store, clients=[settings.client], subscription_key=settings.subscription_key, faults=script)
    return Sandbox(folder / CONFIG, store, Server(app, make_certificates(folder), port=settings.port), script)


class _Settings(NamedTuple):
    client: Client
    subscription_key: str | None
    port: int


def _read_settings(folder: Path) -> _Settings:
    # Only what the sandbox itself needs; attsync reads and checks the whole.
    try:
        dfe = tomllib.loads(_read(folder, CONFIG))["dfe"]
        return _Settings(
            client=Client(dfe["client_id"], _read(folder, CLIENT_SECRET).strip(), scope=dfe.get("scope")),
            subscription_key=_read(folder, SUBSCRIPTION_KEY).strip() if "subscription_key_file" in dfe else None,
            port=urlsplit(dfe["base_url"]).port or EXAMPLE_PORT,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            "SETTINGS",
            f"{folder / CONFIG} is not TOML, or lacks client_id or base_url in [dfe]. Nothing was started.",
            "Correct it, or make a new folder: attsync demo --keep DIR",
        ) from error


def _read(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            "SETTINGS",
            f"{folder} is not the folder of a sandbox: {name} cannot be read ({error.strerror}). Nothing was started.",
            "Make one: attsync demo --keep DIR",
        ) from error


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
