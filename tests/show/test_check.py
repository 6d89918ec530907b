"""show/check.py: a line a finding; what is not a tick says what to do, at any width."""

import pytest
from inline_snapshot import snapshot

from attsync.findings import Finding
from attsync.show.check import check
from attsync.show.parts import ASCII, UNICODE
from tests.show.screens import text_of

FINDINGS = (
    Finding("good", "Settings", "/etc/attsync/config.toml: 2 school databases"),
    Finding("good", "School database", "SIMS: opens, read-only"),
    Finding(
        "bad",
        "School database",
        "Bromcom: the database refused the sign-in.",
        "Ask your database administrator to check the account and password in the address of the database.",
        "DB-SIGNIN",
    ),
    Finding("check", "SELECT roll", "SIMS: it gives no row at all.", "Try roll in the database's tool."),
)


@pytest.mark.parametrize(
    ("columns", "screen"),
    [
        (
            80,
            snapshot("""\
✓  Settings         /etc/attsync/config.toml: 2 school databases
✓  School database  SIMS: opens, read-only
✗  School database  Bromcom: the database refused the sign-in. [DB-SIGNIN]
                    → Ask your database administrator to check the account and
                    password in the address of the database.
!  SELECT roll      SIMS: it gives no row at all.
                    → Try roll in the database's tool.

1 problem, 1 thing to know. Exit code 3.
"""),
        ),
        (
            132,
            snapshot("""\
✓  Settings         /etc/attsync/config.toml: 2 school databases
✓  School database  SIMS: opens, read-only
✗  School database  Bromcom: the database refused the sign-in. [DB-SIGNIN]
                    → Ask your database administrator to check the account and password in the address of the database.
!  SELECT roll      SIMS: it gives no row at all.
                    → Try roll in the database's tool.

1 problem, 1 thing to know. Exit code 3.
"""),
        ),
    ],
)
def test_what_is_not_a_tick_says_what_to_do(columns: int, screen: str) -> None:
    """The text wraps in its own column, and nothing is cut."""
    assert text_of(check(FINDINGS, UNICODE, 3), columns) == screen


def test_all_well_is_said() -> None:
    """And in signs that every output can hold."""
    assert text_of(check(FINDINGS[:1], ASCII, 0), 80) == snapshot("""\
ok  Settings  /etc/attsync/config.toml: 2 school databases

No problem. Exit code 0.
""")
