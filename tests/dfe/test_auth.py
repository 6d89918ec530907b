"""auth.py: how a token is asked for, what counts as one, and what a refusal means."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from time import monotonic
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from attsync.dfe.auth import Credentials, clock_problem, judge_refusal, read_token, token_request
from attsync.dfe.connection import Answer
from attsync.model import State
from attsync.problems import Problem, SettingsError
from attsync.settings import DfeSettings
from tests.factories import settings

GOOD = {"access_token": "abc.DEF-1_~+/=", "token_type": "Bearer", "expires_in": 3599}


def token(**changes: object) -> Answer:
    """Make an answer with a token; None takes a member away."""
    body = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return Answer(200, {}, json.dumps(body).encode())


def test_token_is_read() -> None:
    """Any case of bearer; a lifetime as number, as text, or none."""
    for answer in (token(), token(token_type="bearer"), token(expires_in="3599"), token(expires_in=None), token(x=[1])):
        found = read_token(answer)
        assert found
        assert found.value.get_secret_value() == "abc.DEF-1_~+/="
        assert not found.is_over


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a b"},
        {"access_token": "a\r\nX-Evil: 1"},
        {"access_token": "é"},
        {"access_token": ["a"]},
        {"access_token": "a" * 9000},
        {"token_type": None},
        {"token_type": "mac"},
        {"token_type": 1},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": 1.5},
        {"expires_in": "one hour"},
        {"expires_in": []},
        {"expires_in": True},
        {"expires_in": float("inf")},
        {"expires_in": 10**30},
    ],
)
def test_what_is_no_token_is_not_taken_for_one(changes: dict[str, object]) -> None:
    """Each of these was seen to pass, or to crash, elsewhere (docs/design/reliability.md 8)."""
    body = {name: value for name, value in (GOOD | changes).items() if value is not None}

    assert read_token(Answer(200, {}, json.dumps(body).encode())) is None


TWICE = b'{"access_token": "a", "access_token": "b", "token_type": "bearer"}'


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'"token"', b"\xff", b"{" * 60_000, b"<html>", TWICE])
def test_answer_that_is_no_object_is_no_token(content: bytes) -> None:
    """And no crash."""
    assert read_token(Answer(200, {}, content)) is None


def test_short_life_does_not_mean_a_token_for_each_request() -> None:
    """One for a run, whatever the answer says."""
    found = read_token(token(expires_in=1))

    assert found
    assert found.until > monotonic() + 20


SETTINGS = DfeSettings.model_construct(
    token_url="https://dfe.example/token", client_id="oak field", auth_method="client_secret_post", scope=None
)


@pytest.mark.parametrize(
    ("status", "body", "exit_code"),
    [
        (400, {"error": "invalid_client"}, 4),
        (401, {"error": "invalid_client"}, 4),
        (401, {"message": "no"}, 4),
        (403, {}, 4),
        (400, {"error": "invalid_scope"}, 4),
        (400, {"error": "unauthorized_client"}, 4),
        (200, {"error": "invalid_client"}, 4),
        (400, {"error": "temporarily_unavailable"}, 5),
        (400, {"error": "slow_down"}, 5),
        (400, {"error": "server_error"}, 5),
        (429, {"title": "Too many"}, 5),
        (500, {}, 5),
        (503, {}, 5),
        (400, {"title": "Odd"}, 8),
        (404, {}, 8),
        (404, {"error": "not_found"}, 8),  # the address is wrong, not the secret
        (302, {}, 8),
        (204, {}, 8),
        (200, {"access_token": None}, 8),
    ],
)
def test_refusal_has_its_exit_code(status: int, body: object, exit_code: int) -> None:
    """Refused, busy, or not the DfE at all; a token request carries no counts, so nothing was delivered or lost."""
    found = judge_refusal(SETTINGS, Answer(status, {}, json.dumps(body).encode()))

    assert found.problem
    assert found.problem.exit_code == exit_code
    assert found.again == (exit_code == 5)


def test_refusal_repeats_only_words_of_the_standard() -> None:
    """The error may be our own secret, which also may look like a word."""
    found = judge_refusal(SETTINGS, Answer(400, {}, b'{"error": "hunter", "error_description": "hunter two"}'))

    assert (found.state, found.problem) == (State.FAILED, Problem("SIGNIN-REFUSED", client="oak field"))


def test_page_of_html_is_no_refusal() -> None:
    """A web filter that blocks the address says nothing about the secret."""
    found = judge_refusal(SETTINGS, Answer(403, {"Content-Type": "text/html"}, b"<html>"))

    assert found.problem
    assert found.problem.code == "DFE-ANSWER"


def test_secret_is_form_encoded_in_the_body() -> None:
    """And the scope too."""
    secrets = Credentials(client_secret=SecretStr("+ %:&=é"), private_key=None, subscription_key=None)

    headers, body = token_request(SETTINGS.model_copy(update={"scope": "a b&c"}), secrets)

    assert parse_qs(body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["a b&c"],
        "client_id": ["oak field"],
        "client_secret": ["+ %:&=é"],
    }
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


def pem(key: PrivateKeyTypes, passphrase: bytes | None = None) -> str:
    """Write a key as its file holds it."""
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


def test_key_of_another_curve_signs_with_its_own_method() -> None:
    """P-384 with ES384; ES256 would not do."""
    secrets = Credentials(
        client_secret=None, private_key=SecretStr(pem(generate_private_key(SECP384R1()))), subscription_key=None
    )

    _, body = token_request(SETTINGS.model_copy(update={"auth_method": "private_key_jwt"}), secrets)

    assert b"client_assertion=eyJ" in body


@pytest.mark.parametrize(
    ("content", "case"),
    [
        ("no key", "no-key"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----", "no-key"),
        (pem(generate_private_key(SECP256R1()), b"passphrase"), "no-key"),
        (pem(generate_private_key(SECP256K1())), "no-key"),
        (pem(Ed25519PrivateKey.generate()), "no-key"),
        (pem(generate_rsa(65537, 1024)), "weak-key"),  # noqa: S505
    ],
    ids=["text", "broken", "passphrase", "odd curve", "other kind", "RSA of 1,024 bits"],
)
def test_key_that_cannot_sign_is_told_before_anything_is_read(tmp_path: Path, content: str, case: str) -> None:
    """Exit 2, with the file's name and nothing of what it holds."""
    (tmp_path / "key.pem").write_text(content)
    (tmp_path / "key.pem").chmod(0o600)
    loaded = settings(tmp_path, auth_method="private_key_jwt", private_key_file=tmp_path / "key.pem")

    with pytest.raises(SettingsError) as raised:
        Credentials.load(loaded.dfe)
    problem = raised.value.problem
    assert (problem.code, problem.case, problem["path"]) == ("SECRET-FILE", case, str(tmp_path / "key.pem"))


NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ours", "theirs", "is_wrong"),
    [
        (NOON, NOON, False),
        (NOON, NOON + timedelta(hours=10), False),
        (NOON, NOON + timedelta(days=1), True),
        (NOON, NOON - timedelta(days=1), True),
        (NOON, NOON + timedelta(hours=11, minutes=30), True),  # half past midnight in summer
        (datetime(2026, 6, 15, 22, 59, tzinfo=UTC), datetime(2026, 6, 15, 23, 1, tzinfo=UTC), False),  # midnight
    ],
)
def test_wrong_date_is_noticed(ours: datetime, theirs: datetime, *, is_wrong: bool) -> None:
    """What counts is the date in London: a clock that shows another one sends other days."""
    answer = Answer(200, {"Date": format_datetime(theirs, usegmt=True)}, b"")

    days = {"ours": ours.date(), "theirs": "2026-06-16" if theirs > ours else theirs.date()}
    assert clock_problem(answer, ours) == (Problem("CLOCK", **days) if is_wrong else None)


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 15 Jun 2026 12:00:00"])
def test_date_that_is_none_proves_nothing(date: str) -> None:
    """It is the server that is wrong then."""
    assert clock_problem(Answer(200, {"Date": date}, b""), NOON) is None
