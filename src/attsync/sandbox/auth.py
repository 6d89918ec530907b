"""Signing in to the sandbox: a token for client credentials, in 3 ways, exactly as in RFC 6749 and RFC 7523.

Written separately from the client's side. Tokens are kept in memory: after a restart none is valid, as can happen at
the DfE too.
"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import Message
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key

from attsync.sandbox.server import Answer, Request

TOKEN_SECONDS: Final = 3600
"""Lifetime of a token, as at the DfE's gateway."""

_NOT_STORED: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Client:
    """One client that can sign in: with its secret (in the body or as Basic), with a key pair, or with either."""

    client_id: str
    secret: str | None = field(default=None, repr=False)
    public_key: Key | None = None
    """Of private_key_jwt, for ES256 or RS256."""
    scope: str | None = None
    """What the client must ask for, in part or in full, separated by spaces; None: anything."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The token endpoint of one sandbox, for one client."""

    client: Client
    now: Callable[[], datetime]
    tokens: dict[str, datetime] = field(default_factory=dict)
    """Each token and its expiry."""
    _seen: set[str] = field(default_factory=set)
    """The signed statements that were used: each counts once."""

    def answer(self, request: Request) -> Answer:
        """Answer a request for a token."""
        form = dict(parse_qsl(request.body.decode()))
        if not (self._has_secret(request.headers, form) or self._has_signed(request, form)):
            return Answer(401, {"error": "invalid_client"}, _NOT_STORED | {"WWW-Authenticate": "Basic"})
        if form.get("grant_type") != "client_credentials":
            return _refused("unsupported_grant_type")
        asked, allowed = form.get("scope", "").split(), (self.client.scope or "").split()
        if allowed and not (asked and set(asked) <= set(allowed)):
            return _refused("invalid_scope")
        token = token_urlsafe(32)
        self.tokens[token] = self.now() + timedelta(seconds=TOKEN_SECONDS)
        body = {"token_type": "Bearer", "access_token": token, "expires_in": TOKEN_SECONDS}
        return Answer(200, body | ({"scope": " ".join(asked)} if allowed else {}), _NOT_STORED)

    def is_valid(self, token: str) -> bool:
        """Whether `token` is known and has not expired."""
        return token in self.tokens and self.now() < self.tokens[token]

    def _has_secret(self, headers: Message, form: dict[str, str]) -> bool:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        kind, _, encoded = headers.get("Authorization", "").partition(" ")
        if kind.lower() == "basic":
            # RFC 6749 2.3.1: id and secret are form-encoded, so that + is a space and %2B is a plus.
            try:
                client_id, _, secret = map(unquote_plus, b64decode(encoded, validate=True).decode().partition(":"))
            except ValueError:
                return False
        expected = self.client.secret
        return (
            expected is not None
            and client_id == self.client.client_id
            and compare_digest(secret.encode(), expected.encode())
        )

    def _has_signed(self, request: Request, form: dict[str, str]) -> bool:
        if self.client.public_key is None or not form.get("client_assertion_type", "").endswith(":jwt-bearer"):
            return False
        rules = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": self.client.client_id},
            sub={"essential": True, "value": self.client.client_id},
            aud={"essential": True, "value": f"https://{request.headers['Host']}{request.path}"},
            exp={"essential": True},
            jti={"essential": True},
        )
        try:
            signed = form.get("client_assertion", "")
            claims = jwt.decode(signed, self.client.public_key, algorithms=["ES256", "RS256"]).claims
            rules.validate(claims)
        except (JoseError, ValueError):
            return False
        is_new = claims["jti"] not in self._seen
        self._seen.add(claims["jti"])
        return is_new


def _refused(error: str) -> Answer:
    return Answer(400, {"error": error}, _NOT_STORED)
