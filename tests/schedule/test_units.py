"""The units for systemd: every secret that the settings name is handed over, and no other."""

import re
from datetime import time
from pathlib import Path

import pytest

from attsync.schedule.units import run_times, service_unit
from tests.settings_file import DFE, loaded, settings_text

KEY = """
base_url = "https://dfe.example/v1"
token_url = "https://dfe.example/token"
client_id = "oakfield"
auth_method = "private_key_jwt"
private_key_file = "private-key.pem"
"""
FROM_A_FILE = 'url_file = "database-url"\nleaving_date_is = "last_day"'


@pytest.mark.parametrize(
    ("dfe", "database", "handed_over"),
    [
        (DFE, None, {"client-secret"}),
        (DFE + 'subscription_key_file = "key"', FROM_A_FILE, {"client-secret", "subscription-key", "database-url"}),
        (KEY, None, {"private-key"}),
    ],
)
def test_each_secret_is_handed_over(tmp_path: Path, dfe: str, database: str | None, handed_over: set[str]) -> None:
    """Then its file may belong to root alone."""
    text = settings_text(dfe=dfe, database=database) if database else settings_text(dfe=dfe)
    settings = loaded(text, tmp_path)

    unit = service_unit(settings, "attsync")

    assert set(re.findall(r"^LoadCredential=([a-z-]+):/", unit, re.MULTILINE)) == handed_over


def test_percent_in_a_path_is_no_specifier(tmp_path: Path) -> None:
    """Systemd would put something else there, and the secret would not be found."""
    folder = tmp_path / "50%"
    folder.mkdir()
    settings = loaded(settings_text(dfe=DFE), folder)

    unit = service_unit(settings, "attsync")

    assert [line for line in unit.splitlines() if "50%" in line]
    assert not re.search("50%(?!%)", unit)


def test_minute_of_a_late_time_stays_on_its_day(tmp_path: Path) -> None:
    """Monday to Friday at 0:09 would be the night before."""
    settings = loaded(settings_text(tables='[schedule]\ntimes = ["23:50"]'), tmp_path)

    assert run_times(settings, 900039) == [time(23, 59)]
    assert run_times(settings, 900001) == [time(23, 51)]
