"""auth.py: the three ways to sign in work by the letter of their RFCs, and by no other way does anyone get in.

The client's side is Authlib's protocol layer, which attsync uses too.
"""

from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote_plus

import httpx
import pytest
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey, RSAKey

from attsync.sandbox.auth import TOKEN_SECONDS, Client
from tests.sandbox.pretend import Dfe

SECRET = "made up+100%:&=/ä"
GRANT = "grant_type=client_credentials"

Start = Callable[..., Dfe]


def ask(dfe: Dfe, auth: ClientAuth, body: str = GRANT) -> httpx.Response:
    """Request a token as `auth` does it."""
    _, headers, body = auth.prepare("POST", f"{dfe.server.base_url}/oauth/token", {}, body)  # type: ignore[no-untyped-call]
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return dfe.http.post("/oauth/token", headers=headers, content=body)


def with_basic(dfe: Dfe, credentials: str) -> httpx.Response:
    """Request a token with the header Basic, made by hand."""
    header = {"Authorization": f"Basic {b64encode(credentials.encode()).decode()}"}
    return dfe.http.post("/oauth/token", headers=header, data={"grant_type": "client_credentials"})


@pytest.fixture
def open_dfe(dfe: Start) -> Callable[..., Dfe]:
    """Start a sandbox that knows one client, "oakfield", made from the arguments."""
    return lambda *client, **more: dfe(client=Client("oakfield", *client, **more), is_signed_in=False)


def test_token_answer_is_that_of_rfc_6749(dfe: Start) -> None:
    """Bearer, an hour, no refresh token, not to be stored."""
    answer = dfe(is_signed_in=False).ask_token()

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "token_type": "Bearer",
        "access_token": answer.json()["access_token"],
        "expires_in": TOKEN_SECONDS,
    }


def test_secret_with_signs_signs_in_by_post(open_dfe: Start) -> None:
    """Secrets that gateways make up hold + % : & and =; in a form they must survive."""
    assert ask(open_dfe(SECRET), ClientAuth("oakfield", SECRET, "client_secret_post")).status_code == 200


def test_secret_with_signs_signs_in_by_basic_when_it_is_form_encoded(open_dfe: Start) -> None:
    """RFC 6749 2.3.1: id and secret are form-encoded before base64."""
    auth = ClientAuth("oakfield", quote_plus(SECRET), "client_secret_basic")

    assert ask(open_dfe(SECRET), auth).status_code == 200


@pytest.mark.parametrize("secret", ["a+b", "100%41"])
def test_basic_without_form_encoding_is_refused(open_dfe: Start, secret: str) -> None:
    """A client that forgets to encode works with most secrets and fails at a strict server: it must fail here too."""
    dfe = open_dfe(secret)

    assert with_basic(dfe, f"oakfield:{secret}").status_code == 401
    assert with_basic(dfe, f"oakfield:{quote_plus(secret)}").status_code == 200


@pytest.mark.parametrize("credentials", ["oakfield:wrong", "nobody:made-up", "oakfield:", "oakfield", ":"])
def test_wrong_basic_credentials_are_refused(open_dfe: Start, credentials: str) -> None:
    """The answer of RFC 6749 5.2, whatever was wrong."""
    answer = with_basic(open_dfe("made-up"), credentials)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("header", ["Basic", "Basic %%%", "Basic /w==", "Digest x"])
def test_header_that_is_not_basic_is_refused(open_dfe: Start, header: str) -> None:
    """Nonsense is a refusal, not an error of the server."""
    dfe = open_dfe("made-up")
    form = {"grant_type": "client_credentials"}

    assert dfe.http.post("/oauth/token", headers={"Authorization": header}, data=form).status_code == 401


@pytest.mark.parametrize("form", [{"client_secret": "wrong"}, {"client_id": "nobody"}, {"client_secret": ""}])
def test_wrong_posted_credentials_are_refused(dfe: Start, form: dict[str, str]) -> None:
    """`invalid_client` is what attsync must turn into words."""
    answer = dfe(is_signed_in=False).ask_token(**form)

    assert answer.status_code in {400, 401}
    assert answer.json()["error"] == "invalid_client"


def test_another_grant_is_refused(dfe: Start) -> None:
    """The gateway knows client credentials only."""
    answer = dfe(is_signed_in=False).ask_token(grant_type="password")

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(("asked", "status"), [("attendance", 200), ("attendance other", 400), ("", 400)])
def test_scope_is_checked_if_the_client_has_one(open_dfe: Start, asked: str, status: int) -> None:
    """Some gateways give no token without the scope; a forgotten setting must show here."""
    dfe = open_dfe("made-up", scope="attendance codes")

    answer = dfe.ask_token(scope=asked)

    assert answer.status_code == status
    assert (answer.json().get("scope"), answer.json().get("error")) in {
        ("attendance", None),
        (None, "invalid_scope"),
    }


def test_client_without_a_scope_may_ask_for_any(dfe: Start) -> None:
    """Nothing is promised, so nothing is looked at and nothing is granted."""
    answer = dfe(is_signed_in=False).ask_token(scope="anything")

    assert answer.status_code == 200
    assert not answer.json().get("scope")


KEY = ECKey.generate_key("P-256")


@pytest.mark.parametrize(("alg", "key"), [("ES256", KEY), ("RS256", RSAKey.generate_key(2048))], ids=["ES256", "RS256"])
def test_key_pair_signs_in(open_dfe: Start, alg: str, key: ECKey | RSAKey) -> None:
    """private_key_jwt: no secret that could leak is ever sent."""
    dfe = open_dfe(public_key=key)

    assert ask(dfe, ClientAuth("oakfield", key, PrivateKeyJWT(alg=alg))).status_code == 200


def test_statement_counts_once(open_dfe: Start) -> None:
    """Anyone who reads one along the way must not get a token with it."""
    dfe = open_dfe(public_key=KEY)
    statement = PrivateKeyJWT(alg="ES256", claims={"jti": "the same"})

    first, again = (ask(dfe, ClientAuth("oakfield", KEY, statement)) for _ in range(2))

    assert (first.status_code, again.status_code, again.json()["error"]) == (200, 401, "invalid_client")


@pytest.mark.parametrize(
    ("client_id", "key", "claims"),
    [
        ("oakfield", ECKey.generate_key("P-256"), None),
        ("nobody", KEY, None),
        ("oakfield", KEY, {"aud": "https://elsewhere.example/oauth/token"}),
        ("oakfield", KEY, {"exp": 1}),
        ("oakfield", KEY, {"iss": "somebody"}),
    ],
    ids=["key", "client", "audience", "time", "issuer"],
)
def test_wrong_statement_is_refused(
    open_dfe: Start, client_id: str, key: ECKey, claims: dict[str, object] | None
) -> None:
    """Everything that a statement says is checked."""
    dfe = open_dfe(public_key=KEY)

    answer = ask(dfe, ClientAuth(client_id, key, PrivateKeyJWT(alg="ES256", claims=claims)))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_client_with_a_secret_has_no_key(open_dfe: Start) -> None:
    """A sandbox set up for one way does not let in by another."""
    assert ask(open_dfe("made-up"), ClientAuth("oakfield", KEY, PrivateKeyJWT(alg="ES256"))).status_code == 401


def test_client_with_a_key_has_no_secret(open_dfe: Start) -> None:
    """The same the other way round; an empty secret is none."""
    dfe = open_dfe(public_key=KEY)

    assert dfe.ask_token(client_secret="x").status_code == 401
    assert with_basic(dfe, "oakfield:x").status_code == 401


def test_token_ends_after_its_time_and_a_new_one_counts(dfe: Start) -> None:
    """A run gets one token and must notice when it ends."""
    running = dfe()
    running.clock.pass_by(TOKEN_SECONDS - 1)
    assert running.get("/codes/attendance").status_code == 200

    running.clock.pass_by(1)
    assert running.get("/codes/attendance").status_code == 401

    running.sign_in()
    assert running.get("/codes/attendance").status_code == 200


def test_secret_is_not_shown() -> None:
    """A client may end up in the message of a failed test."""
    assert "made-up" not in repr(Client("oakfield", "made-up"))
