"""A school with nothing but a folder of CSV exports, from check to status: the profile of examples/, read by DuckDB."""

import os
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from attsync.accounts import who
from tests.commands.test_sqlserver import bodies
from tests.commands.trial import Trial
from tests.engines import EngineDatabase
from tests.test_profiles import EXPORTS, PROFILES, expected, export


@pytest.mark.parametrize("shape", EXPORTS)
def test_from_a_folder_of_exports_to_a_tick(
    trial: Callable[..., Trial], database: Callable[[str], EngineDatabase], shape: str
) -> None:
    """Exact to the last count; `check` says when the newest file is older than a school day."""
    database("duckdb")
    started = trial(consent=False)
    folder = started.folder / "export"
    folder.mkdir()
    export(folder, **EXPORTS[shape])
    own, sandbox = (PROFILES / f"{shape}.duckdb.toml").read_text(), started.config.read_text()
    settings = sandbox.partition("[[database]]")[0].replace(
        "\n[consent]", f'\n[consent]\nadministrators = ["{who(os.environ).account}"]'
    )
    started.config.write_text(settings + own.replace("/srv/attsync/export", str(folder)))

    assert "is from" not in started("check").out
    assert started("consent", "grant", "--yes").exit_code == 0
    sent = started("send")
    assert sent.exit_code == 0, sent.out + sent.err
    assert bodies(started) == expected()

    moment = datetime(2026, 11, 18, 2, tzinfo=UTC).timestamp()
    for file in folder.iterdir():
        os.utime(file, (moment, moment))
    assert "is from Wed 18 Nov" in started("check").out
