"""A settings file for tests: complete and right, with what a test adds or takes away."""

from pathlib import Path

import pytest

from attsync.settings import Settings, SettingsFaults, load

DFE = """
base_url = "https://dfe.example/v1"
token_url = "https://dfe.example/token"
client_id = "oakfield"
client_secret_file = "client-secret"
"""
DATABASE = """
url = "sqlite:///school.db"
leaving_date_is = "last_day"
"""
SELECT = """
marks = "SELECT 1"
roll = "SELECT 2"
"""
SCHOOL = """
urn = 900012
name = "Oakfield Primary School"
"""


def settings_text(
    *,
    top: str = "",
    dfe: str = DFE,
    tables: str = "",
    database: str = DATABASE,
    select: str = SELECT,
    maps: str = "",
    schools: tuple[str, ...] = (SCHOOL,),
    after: str = "",
) -> str:
    """Write a settings file; each argument is the inside of its section, or whole tables in `tables` and `after`."""
    sections = [top, "[dfe]", dfe, tables, "[[database]]", database, "[database.select]", select, maps]
    for school in schools:
        sections += ["[[database.schools]]", school]
    return "\n".join([*sections, after, ""])


def found(text: str, folder: Path, **environ: str) -> dict[str, str]:
    """Return the faults of a settings file in `folder` with this `text`: key -> text."""
    return {fault.key: fault.text for fault in faults(text, folder, **environ).faults}


def faults(text: str, folder: Path, **environ: str) -> SettingsFaults:
    """Return the error that loading a settings file in `folder` with this `text` ends in."""
    path = folder / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsFaults) as raised:
        load(path, {"HOME": str(folder), **environ})
    return raised.value


def loaded(text: str, folder: Path, **environ: str) -> Settings:
    """Load a settings file in `folder` with this `text`."""
    path = folder / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    return load(path, {"HOME": str(folder), **environ})
