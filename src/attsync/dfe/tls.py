"""TLS: which certificates are trusted, and why one was not. Imports nothing that sends or reads requests."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from attsync.problems import SettingsError, is_memory


class Distrust(StrEnum):
    """Why a server was not trusted: the cases of DFE-CERTIFICATE."""

    EXPIRED = "expired"
    NOT_YET = "not-yet"
    OTHER_NAME = "other-name"
    SELF_SIGNED = "self-signed"
    UNKNOWN = "unknown"
    NO_TLS = "no-tls"
    OTHER = "other"


_BY_CODE: Final = {
    9: Distrust.NOT_YET,
    10: Distrust.EXPIRED,
    18: Distrust.SELF_SIGNED,
    19: Distrust.UNKNOWN,  # self-signed, but further up: a private authority
    20: Distrust.UNKNOWN,
    21: Distrust.UNKNOWN,
    62: Distrust.OTHER_NAME,
    64: Distrust.OTHER_NAME,
}
"""OpenSSL's X509_V_ERR_ numbers."""
_NO_TLS: Final = {"WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "HTTP_REQUEST"}


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Return the TLS settings: TLS 1.2 or newer, trusting `ca_file` and the system. Raise SettingsError."""
    # Not create_default_context: it honours SSLKEYLOGFILE and writes session keys to a file.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 9525: only subjectAltName names the host
    context.load_default_certs()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError("SETTINGS", "ca-file", path=ca_file) from error
    return context


def why_distrusted(error: BaseException) -> Distrust | None:
    """Return why a TLS handshake failed; None if it was not because of the certificate or the protocol."""
    match error:
        case ssl.SSLCertVerificationError():
            return _BY_CODE.get(error.verify_code, Distrust.OTHER)
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return None  # the other side closed the connection
        case ssl.SSLError() if is_memory(error):
            raise MemoryError
        case ssl.SSLError():
            return Distrust.NO_TLS if error.reason in _NO_TLS else Distrust.OTHER
    return None


def moment_of(ending: str) -> datetime:
    """Return the moment that a certificate's notAfter names: "Jan  5 09:34:43 2030 GMT"."""
    month, day, clock, year, zone = ending.split()
    return parsedate_to_datetime(f"{day} {month} {year} {clock} {zone}").astimezone(UTC)


class TlsInTls:
    """TLS with a host through TLS with a proxy, which ssl.SSLSocket cannot do. It is used like a socket."""

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, host: str) -> None:
        self._outer = outer
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        self.settimeout, self.gettimeout, self.close = outer.settimeout, outer.gettimeout, outer.close
        self.getpeercert = self._tls.getpeercert

    def do_handshake(self) -> None:
        """Do what ssl.SSLSocket.do_handshake does."""
        self._do(self._tls.do_handshake)

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes; none if the other side has closed the connection."""
        try:
            return bytes(self._do(self._tls.read, size))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""
        while data:
            data = data[self._do(self._tls.write, data) :]

    def _do(self, action: Callable[..., Any], *values: object) -> Any:  # noqa: ANN401  what the action returns
        while True:
            try:
                done = (action(*values),)
            except ssl.SSLWantReadError:
                done = None
            if ready := self._out.read():
                self._outer.sendall(ready)
            if done:
                return done[0]
            if received := self._outer.recv(16 * 1024):
                self._in.write(received)
            else:
                self._in.write_eof()
