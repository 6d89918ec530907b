"""Signing in: the OAuth 2 client credentials of a school, and the token they bring.

Knows Authlib's protocol layer, not its integration with an HTTP library, which checks the answer too little
(RELIABILITY.md 8). Refuses to know how a request travels.
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from typing import Annotated, Any, Final, Self, assert_never
from urllib.parse import quote, quote_plus

from authlib.oauth2.auth import ClientAuth
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError, field_validator

from attsync.dfe.connection import Answer
from attsync.dfe.replies import Judgement, http_date, judge_other, signing_in_refused, stranger, words_of
from attsync.model import State
from attsync.problems import Problem, SettingsError
from attsync.secret_file import read_secret
from attsync.settings import DfeSettings
from attsync.window import LONDON

_PASSING: Final = {"temporarily_unavailable", "server_error", "slow_down"}
_REFUSING: Final = {
    "access_denied",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
}
"""RFC 6749 5.2. Only these words are shown: anything else is a stranger's, and may be our own secret."""

_CLOCKS_DIFFER: Final = timedelta(minutes=30)
"""So much is nothing to speak of, even around midnight."""

_SHORTEST_LIFE: Final = 30
"""Seconds. A token is for a run, never for a request, whatever the answer says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The secrets of one settings file, hidden from every output until a request needs them."""

    client_secret: SecretStr | None
    private_key: SecretStr | None
    subscription_key: SecretStr | None

    @classmethod
    def load(cls, settings: DfeSettings) -> Self:
        """Read the secret files. Raises SettingsError."""
        loaded = cls(
            client_secret=read_secret(settings.client_secret_file, what="client secret")
            if settings.client_secret_file and settings.auth_method != "private_key_jwt"
            else None,
            private_key=read_secret(settings.private_key_file, what="private key", multiline=True)
            if settings.private_key_file
            else None,
            subscription_key=read_secret(settings.subscription_key_file, what="subscription key")
            if settings.subscription_key_file
            else None,
        )
        if (key := loaded.subscription_key) and not re.fullmatch("[!-~]+", key.get_secret_value()):
            raise SettingsError(
                "SECRET-FILE",
                f"The file with the subscription key, {settings.subscription_key_file}, holds a space, or a letter"
                " that no such key has.",
                "Write the subscription key into it again.",
                not_done="Nothing was sent.",
            )
        try:
            token_request(
                settings, loaded
            )  # signs once, so that a key that cannot sign is told before anything is read
        except ValueError:
            raise SettingsError(
                "SECRET-FILE",
                f"The private key file {settings.private_key_file} holds no key that can sign: a private EC or RSA key"
                " in PEM form, without a passphrase.",
                "Write the key into it again.",
                not_done="Nothing was read or sent.",
            ) from None
        return loaded

    def hide(self, text: str, client_id: str, token: SecretStr | None = None) -> str:
        """Replace every secret in a text that comes from a stranger, in each form in which a request held it."""
        for secret in (token, self.client_secret, self.private_key, self.subscription_key):
            if secret:
                plain = secret.get_secret_value()
                pair = f"{quote_plus(client_id)}:{quote_plus(plain)}"
                for form in (plain, quote_plus(plain), quote(plain, safe=""), b64encode(pair.encode()).decode()):
                    text = text.replace(form, "***")
        return text


class _Token(BaseModel):
    # RELIABILITY.md 8: a token that is null, a lifetime of "one hour" and other answers were seen to pass elsewhere.
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    access_token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~+/-]+=*$", max_length=8192)]
    token_type: Annotated[str, StringConstraints(pattern="^[Bb][Ee][Aa][Rr][Ee][Rr]$")]
    expires_in: Annotated[int, Field(gt=0, le=10**9)] | None = None

    @field_validator("expires_in", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        # Some servers of Microsoft's, the DfE's supplier, write the number as text.
        return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else value


class _Error(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    error: str


def token_request(settings: DfeSettings, credentials: Credentials) -> tuple[dict[str, str], bytes]:
    """Make the headers and the body of a token request. Raises ValueError if the private key is none."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = "grant_type=client_credentials"
    if settings.scope:
        body += f"&scope={quote_plus(settings.scope)}"
    auth = _client_auth(settings, credentials)
    _, headers, body = auth.prepare("POST", settings.token_url, headers, body)  # type: ignore[no-untyped-call]
    return headers, body.encode("ascii")


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and the end of its life on the clock of `monotonic`; infinite if the DfE did not say."""

    value: SecretStr
    until: float

    @property
    def is_over(self) -> bool:
        """Its life is over."""
        return monotonic() >= self.until


def read_token(answer: Answer) -> Token | None:
    """Read the token of a 200; None if there is none that could be used."""
    try:
        token = _Token.model_validate_json(answer.content)
    except ValidationError:
        return None
    return Token(SecretStr(token.access_token), monotonic() + max(_SHORTEST_LIFE, token.expires_in or inf))


def judge_refusal(settings: DfeSettings, answer: Answer) -> Judgement:
    """Say what an answer of the token endpoint means that brings no token."""
    try:
        error = _Error.model_validate_json(answer.content).error
    except ValidationError:
        error = None
    if error in _PASSING or answer.status >= 500 or answer.status in (408, 425, 429):  # noqa: PLR2004
        return judge_other(settings.token_url, answer)
    is_html = "html" in answer.headers.get("Content-Type", "").lower()
    if (error and answer.status != 404) or (answer.status in (401, 403) and not is_html):  # noqa: PLR2004
        shown = error if error in _REFUSING else None
        return Judgement(State.FAILED, words_of(answer.status), signing_in_refused(settings, shown), ends_run=True)
    return stranger(settings.token_url, answer.status)


def clock_differs(answer: Answer, now: datetime) -> timedelta | None:
    """Say by how much the clock of the server that answered is ahead; None if it shows no time.

    To the second: a header shows no more, and on average its time is half a second over.
    """
    theirs = http_date(answer.headers.get("Date", ""))
    return theirs + timedelta(seconds=0.5) - now if theirs else None


def clock_problem(answer: Answer, now: datetime) -> Problem | None:
    """Compare this computer's date with the one of a server that proved who it is: a wrong day sends wrong days."""
    theirs = http_date(answer.headers.get("Date", ""))
    if theirs is None or abs(theirs - now) <= _CLOCKS_DIFFER:
        return None
    if theirs.astimezone(LONDON).date() == now.astimezone(LONDON).date():
        return None
    return Problem(
        "CLOCK",
        f"This computer's date is {now.astimezone(LONDON):%-d %B %Y}, the DfE's is"
        f" {theirs.astimezone(LONDON):%-d %B %Y}.",
        "Ask IT to correct this computer's clock.",
        not_done="Nothing was sent.",
    )


def _client_auth(settings: DfeSettings, credentials: Credentials) -> ClientAuth:
    secret = credentials.client_secret.get_secret_value() if credentials.client_secret else ""
    match settings.auth_method:
        case "client_secret_post":
            return ClientAuth(settings.client_id, secret, "client_secret_post")
        case "client_secret_basic":
            # RFC 6749 2.3.1 wants both form-encoded first, which Authlib leaves out.
            return ClientAuth(quote_plus(settings.client_id), quote_plus(secret), "client_secret_basic")
        case "private_key_jwt":
            return ClientAuth(settings.client_id, *_private_key(settings, credentials))
        case _:
            assert_never(settings.auth_method)


def _private_key(settings: DfeSettings, credentials: Credentials) -> tuple[Any, Any]:
    from authlib.oauth2.rfc7523 import PrivateKeyJWT  # noqa: PLC0415  only this way to sign in pays for it
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415

    pem = credentials.private_key.get_secret_value() if credentials.private_key else ""
    for kind in (ECKey, RSAKey):
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue  # the other kind, or none
        algorithm = _ALGORITHMS.get(key.curve_name) if isinstance(key, ECKey) else "RS256"
        if algorithm and key.is_private:
            return key, PrivateKeyJWT(settings.token_url, alg=algorithm)
    msg = "no private key"
    raise ValueError(msg)


_ALGORITHMS: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
