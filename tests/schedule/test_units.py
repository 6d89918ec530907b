"""The units for systemd: every secret that the settings name is handed over, and no other."""

import re
from pathlib import Path

import pytest

from attsync.schedule.units import service_unit
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
