"""A folder in which everything can be tried: settings, secrets, certificates, a made-up school.

Its settings are the package's example, with another port. Without the packages of `attsync[demo]`, importing this
module raises SettingsError.
"""

import os
import secrets
import tomllib
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attsync import data
from attsync.accounts import rights_problem
from attsync.problems import SettingsError
from attsync.sandbox.app import Service
from attsync.sandbox.auth import Client
from attsync.sandbox.faults import Fault
from attsync.sandbox.sample_school import make_school
from attsync.sandbox.server import Server, make_certificates, write_new
from attsync.sandbox.store import Store

CONFIG: Final = "config.toml"
CLIENT_SECRET: Final = "client-secret"  # noqa: S105  the name of a file
SUBSCRIPTION_KEY: Final = "subscription-key"
SCHOOL: Final = "school.db"
EXAMPLE_PORT: Final = 8443
"""The port in the example settings."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox folder with its DfE, which answers."""

    config: Path
    """The settings file for attsync."""
    store: Store
    """Everything that was received."""
    server: Server
    faults: deque[Fault]
    """Faults for the next posts; more can be added at any time."""
    dfe: dict[str, str]
    """The settings of [dfe] by which other settings name this sandbox."""


def make_folder(
    folder: Path,
    *,
    today: date,
    username: str,
    port: int = EXAMPLE_PORT,
    with_problems: bool = False,
    afternoon: bool = False,
    pupils: int = 420,
) -> Path:
    """Fill `folder`, which is new or empty, with `username` as who can give consent; return its settings file.

    `afternoon`: today's afternoon register was taken already. Raise SettingsError SANDBOX if the folder cannot be
    made, is not empty, or could be changed by another account.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_symlink() or rights_problem("SANDBOX", folder, {os.geteuid()}):
            raise SettingsError("SANDBOX", "not_ours", folder=folder)
        if any(folder.iterdir()):
            raise SettingsError("SANDBOX", "not_empty", folder=folder)
        for name in (CLIENT_SECRET, SUBSCRIPTION_KEY):
            write_new(folder / name, f"{secrets.token_urlsafe(32)}\n".encode())
        make_certificates(folder)
        make_school(
            folder / SCHOOL,
            today=today,
            with_problems=with_problems,
            administrator=username,
            afternoon=afternoon,
            pupils=pupils,
        )
        example = data.text(CONFIG)
        write_new(folder / CONFIG, example.replace(f"localhost:{EXAMPLE_PORT}", f"localhost:{port}").encode())
    except OSError as error:
        raise SettingsError("SANDBOX", "folder", folder=folder, why=os.strerror(error.errno or 0)) from error
    return folder / CONFIG


@contextmanager
def open_folder(folder: Path, *, faults: Iterable[Fault] = ()) -> Iterator[Sandbox]:
    """Serve what `make_folder` made, on the port of its settings, until the end of the block.

    Raise SettingsError SANDBOX if a file is missing, the settings cannot be read, or the port is taken.
    """
    # Only what the sandbox itself needs; attsync reads and checks the whole file.
    try:
        dfe = tomllib.loads(_read(folder, CONFIG))["dfe"]
        client = Client(dfe["client_id"], _read(folder, CLIENT_SECRET), scope=dfe.get("scope"))
        port = urlsplit(dfe["base_url"]).port or EXAMPLE_PORT
        key = _read(folder, SUBSCRIPTION_KEY) if "subscription_key_file" in dfe else None
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError("SANDBOX", "settings", path=folder / CONFIG) from error
    try:
        certificates = make_certificates(folder)
    except OSError as error:
        raise SettingsError("SANDBOX", "folder", folder=folder, why=os.strerror(error.errno or 0)) from error
    service = Service(client=client, subscription_key=key, faults=deque(faults))
    folder = folder.resolve()
    with Server(service.answer, certificates, port=port) as server:
        dfe = {
            "base_url": server.base_url,
            "token_url": f"{server.base_url}/oauth/token",
            "client_id": client.client_id,
            "client_secret_file": str(folder / CLIENT_SECRET),
            **({"subscription_key_file": str(folder / SUBSCRIPTION_KEY)} if key else {}),
            "ca_file": str(certificates.ca.resolve()),
        }
        yield Sandbox(folder / CONFIG, service.store, server, service.faults, dfe)


def _read(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8").strip()
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise SettingsError("SANDBOX", "not_a_sandbox", folder=folder, name=name, why=why) from error
