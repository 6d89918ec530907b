"""Signing in: the OAuth 2 client credentials of a school, and the token.

Uses Authlib's protocol layer, not its integration with an HTTP library, which checks the answer too little
(docs/design/reliability.md 8). Imports nothing that sends requests.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from typing import Annotated, Any, Final, Self, assert_never
from urllib.parse import quote_plus
from warnings import catch_warnings

from authlib.oauth2.auth import ClientAuth
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator

from attsync.accounts import read_secret
from attsync.dfe.connection import Answer
from attsync.dfe.replies import Judgement, busy, http_date, is_html, stranger, words_of
from attsync.model import State
from attsync.problems import Problem, SettingsError
from attsync.settings import DfeSettings
from attsync.window import LONDON
from attsync.wire import parse_json

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
"""RFC 6749 5.2. Only these words are shown: any other comes from the server, and may repeat a secret."""

CLOCKS_DIFFER: Final = timedelta(minutes=30)
"""A smaller difference is ignored, even around midnight."""

_SHORTEST_LIFE: Final = 30
"""Seconds. A token is for a whole run, even if the answer says that it is for one request."""
_SMALLEST_RSA_KEY: Final = 2048
"""Bits; NIST SP 800-131A allows nothing smaller to sign."""
_ALGORITHMS: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The secrets of one settings file, not shown in any output."""

    client_secret: SecretStr | None
    private_key: SecretStr | None
    subscription_key: SecretStr | None

    @classmethod
    def load(cls, settings: DfeSettings) -> Self:
        """Read the secret files. Raise SettingsError, also if the private key cannot sign."""
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
            raise SettingsError("SECRET-FILE", "subscription-key", path=settings.subscription_key_file)
        token_request(settings, loaded)
        return loaded

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret as it is in its file: these must never be shown."""
        every = (self.client_secret, self.private_key, self.subscription_key)
        return tuple(secret.get_secret_value() for secret in every if secret)


class _Token(BaseModel):
    # docs/design/reliability.md 8: other libraries accepted a null token, or a lifetime of "one hour".
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    access_token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~+/-]+=*$", max_length=8192)]
    token_type: Annotated[str, StringConstraints(pattern="^[Bb][Ee][Aa][Rr][Ee][Rr]$")]
    expires_in: Annotated[int, Field(gt=0, le=10**9)] | None = None

    @field_validator("expires_in", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        # Some servers of Microsoft, the DfE's supplier, write the number as text.
        return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else value


class _Error(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    error: str


def token_request(settings: DfeSettings, credentials: Credentials) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a token request. Raise SettingsError if the private key cannot sign."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = "grant_type=client_credentials"
    if settings.scope:
        body += f"&scope={quote_plus(settings.scope)}"
    auth = _client_auth(settings, credentials)
    _, headers, body = auth.prepare("POST", settings.token_url, headers, body)  # type: ignore[no-untyped-call]
    return headers, body.encode("ascii")


@dataclass(slots=True)
class Token:
    """A bearer token and its expiry on the clock of `monotonic`; infinite if the DfE did not say."""

    value: SecretStr
    until: float
    was_taken: bool = False
    """The service has answered a message that came with it."""

    @property
    def is_over(self) -> bool:
        """Whether it has expired."""
        return monotonic() >= self.until


def read_token(answer: Answer) -> Token | None:
    """Return the token of a 200; None if there is none that could be used."""
    try:
        token = _Token.model_validate(parse_json(answer.content))
    except ValueError:
        return None
    return Token(SecretStr(token.access_token), monotonic() + max(_SHORTEST_LIFE, token.expires_in or inf))


def judge_refusal(settings: DfeSettings, answer: Answer, *, was_let_in: bool = False) -> Judgement:
    """Return the problem of an answer of the token endpoint without a token.

    `was_let_in`: the service has accepted a token of this client before, in the same run.
    """
    try:
        error = _Error.model_validate(parse_json(answer.content)).error
    except ValueError:
        error = ""
    status = answer.status
    if error in _PASSING or status >= 500 or status in {408, 425, 429}:  # noqa: PLR2004
        return busy(settings.token_url, answer)
    if (error and status != 404) or (status in {401, 403} and not is_html(answer)):  # noqa: PLR2004
        problem = Problem(
            "SIGNIN-REFUSED",
            "again" if was_let_in else "",
            client=settings.client_id,
            error=error if error in _REFUSING else None,
        )
        return Judgement(State.FAILED, words_of(status), problem, ends_run=True)
    return stranger(settings.token_url, status)


def clock_differs(answer: Answer, now: datetime) -> timedelta | None:
    """Return by how much the clock of the server that answered is ahead; None if it shows no time.

    To the second: a header shows no more, and on average half a second is missing.
    """
    theirs = http_date(answer.headers.get("Date", ""))
    return theirs + timedelta(seconds=0.5) - now if theirs else None


def clock_problem(answer: Answer, now: datetime) -> Problem | None:
    """Return the problem of a date that differs from that of a server with a trusted certificate."""
    theirs = http_date(answer.headers.get("Date", ""))
    if theirs is None or abs(theirs - now) <= CLOCKS_DIFFER:
        return None
    our_day, their_day = now.astimezone(LONDON).date(), theirs.astimezone(LONDON).date()
    return Problem("CLOCK", ours=our_day, theirs=their_day) if our_day != their_day else None


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
    """Return the key and its signing algorithm. Raise SettingsError."""
    from authlib.oauth2.rfc7523 import PrivateKeyJWT  # noqa: PLC0415  only needed for this sign-in method
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415

    pem = credentials.private_key.get_secret_value() if credentials.private_key else ""
    for kind in (ECKey, RSAKey):
        try:
            with catch_warnings(action="ignore"):  # of a weak key, which is refused below
                key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue  # the other kind, or none
        if isinstance(key, RSAKey) and (bits := key.raw_value.key_size) < _SMALLEST_RSA_KEY:
            raise SettingsError("SECRET-FILE", "weak-key", path=settings.private_key_file, bits=bits)
        algorithm = _ALGORITHMS.get(key.curve_name) if isinstance(key, ECKey) else "RS256"
        if algorithm and key.is_private:
            return key, PrivateKeyJWT(settings.token_url, alg=algorithm)
    raise SettingsError("SECRET-FILE", "no-key", path=settings.private_key_file)
