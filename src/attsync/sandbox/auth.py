"""Signing in to the sandbox: Authlib's own authorization server, with client credentials in three ways.

Tokens are kept in memory: after a restart none is valid, as a client must expect of the DfE too.
"""

from base64 import b64decode
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, cast
from urllib.parse import unquote_plus

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from flask import Flask, Response, request
from joserfc.jwk import Key, import_key

_Find = Callable[[str], "Client | None"]


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):
    """One program that may sign in: with its secret (in the body or as Basic), with a key pair, or with either."""

    client_id: str
    secret: str | None = field(default=None, repr=False)
    public_key: str | None = None
    """PEM of the public key of private_key_jwt, for ES256 or RS256."""
    scope: str | None = None
    """What the client must ask for, in part or in full, separated by spaces; None: anything."""

    def get_allowed_scope(self, scope: Collection[str] | str) -> str:
        """Return what was asked for, which `_Grant` has checked; nothing for a client without a scope."""
        return str(scope or "") if self.scope else ""

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare in constant time."""
        return self.secret is not None and compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002  there is one endpoint
        """Whether there is a secret, or a key, for this way."""
        return (self.public_key if method == "private_key_jwt" else self.secret) is not None

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it is client credentials, the only grant that is registered."""
        return grant_type == ClientCredentialsGrant.GRANT_TYPE


class SignIn:
    """The authorization server of one sandbox."""

    def __init__(
        self, app: Flask, clients: Iterable[Client], *, token_seconds: int, now: Callable[[], datetime]
    ) -> None:
        """Serve `clients`; a token is valid for `token_seconds` by the clock `now`."""
        self._clients = {client.client_id: client for client in clients}
        self._lifetime = timedelta(seconds=token_seconds)
        self._now = now
        self._tokens: dict[str, tuple[str, datetime]] = {}
        app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {ClientCredentialsGrant.GRANT_TYPE: token_seconds}
        self._server = AuthorizationServer(app, self._clients.get, self._save)
        self._server.register_grant(_Grant)
        self._server.register_client_auth_method("client_secret_basic", _sign_in_with_basic)
        self._server.register_client_auth_method("private_key_jwt", _Assertion())

    def answer(self) -> Response:
        """Answer the current request for a token."""
        return cast("Response", self._server.create_token_response())  # the stubs describe another framework's

    def client_of(self, token: str | None) -> str | None:
        """Return the client of `token`; None if it is not known or has expired."""
        client_id, until = self._tokens.get(token or "", (None, None))
        return client_id if until and self._now() < until else None

    def revoke(self, token: str | None) -> None:
        """Make `token` invalid."""
        self._tokens.pop(token or "", None)

    def _save(self, token: dict[str, Any], asked: OAuth2Request) -> None:
        client = cast("Client", asked.client)
        self._tokens[token["access_token"]] = (client.client_id, self._now() + self._lifetime)


class _Grant(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")

    def validate_requested_scope(self) -> None:
        client = cast("Client", self.request.client)
        allowed = set((client.scope or "").split())
        asked = set(request.form.get("scope", "").split())
        if allowed and not (asked and asked <= allowed):
            raise InvalidScopeError


class _Assertion(JWTBearerClientAssertion):
    """Client authentication by a signed statement (RFC 7523), each of which is accepted once."""

    CLIENT_AUTH_METHOD = "private_key_jwt"  # type: ignore[misc]  # final in the stubs; Authlib means it to be set

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[tuple[str, str]] = set()

    def get_audiences(self) -> list[str]:
        return [request.base_url]

    def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
        statement = (claims["iss"], jti)
        is_new = statement not in self._seen
        self._seen.add(statement)
        return is_new

    def resolve_client_public_key(self, client: Client) -> Key:
        if client.public_key is None:
            raise InvalidClientError(description="The client has no key.")
        is_curve = isinstance(load_pem_public_key(client.public_key.encode()), EllipticCurvePublicKey)
        return import_key(client.public_key, "EC") if is_curve else import_key(client.public_key, "RSA")


def _sign_in_with_basic(find: _Find, asked: OAuth2Request) -> Client | None:
    # RFC 6749 2.3.1 to the letter: id and secret are form-encoded, so that + is a space and %2B is a plus. Authlib's
    # own server takes a plus either way and would not notice a client that forgets to encode.
    kind, _, encoded = (asked.headers or {}).get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    client = find(unquote_plus(client_id))
    return client if client and client.check_client_secret(unquote_plus(secret)) else None
