"""Who may pretend to be the DfE: nobody. Which certificates are trusted, and in which way one was not.

Knows TLS; refuses to know what is said over it.
"""

import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from attsync.problems import SettingsError


class Distrust(StrEnum):
    """Why a server was not trusted, in words that follow its name."""

    EXPIRED = "its certificate has ended"
    NOT_YET = "its certificate is not valid yet"
    OTHER_NAME = "its certificate is for another name"
    SELF_SIGNED = "its certificate is self-signed, by nobody that this computer trusts"
    UNKNOWN = "its certificate is from an authority that this computer does not trust"
    NO_TLS = "it does not speak TLS 1.2 or newer"
    OTHER = "its certificate or TLS is not trusted"


_BY_CODE: Final = {
    9: Distrust.NOT_YET,
    10: Distrust.EXPIRED,
    18: Distrust.SELF_SIGNED,
    19: Distrust.UNKNOWN,  # self-signed, but further up: an authority of somebody's own
    20: Distrust.UNKNOWN,
    21: Distrust.UNKNOWN,
    62: Distrust.OTHER_NAME,
    64: Distrust.OTHER_NAME,
}
"""OpenSSL's X509_V_ERR_ numbers."""
_NO_TLS: Final = {"WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "HTTP_REQUEST"}


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Make the TLS settings: TLS 1.2 or newer, trusting `ca_file`. Raises SettingsError.

    The certificates of the system are still to be added: load_default_certs().
    """
    # Not create_default_context: it honours SSLKEYLOGFILE and writes session keys to a file.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                "SETTINGS",
                f"The certificate file {ca_file} cannot be read, or holds no certificate.",
                "Correct [dfe] ca_file in the settings file; it names a file in PEM form.",
                not_done="Nothing was read or sent.",
                setting=("dfe", "ca_file"),
            ) from error
    return context


def why_distrusted(error: BaseException | None) -> Distrust | None:
    """Find out from the causes of `error` why a certificate or its TLS failed; None if it was something else."""
    # A certificate that fails arrives as a ConnectError, like a refused connection; the cause tells them apart.
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLCertVerificationError):
            return _BY_CODE.get(error.verify_code, Distrust.OTHER)
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return None  # hung up, which is the network's way
        if isinstance(error, ssl.SSLError):
            return Distrust.NO_TLS if error.reason in _NO_TLS else Distrust.OTHER
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def ending_of(connection: Any) -> str:  # noqa: ANN401  ssl has two classes for it, one of them private
    """Give the end of the certificate that the other side of a TLS connection has shown, as it says it."""
    return str(connection.getpeercert()["notAfter"])


def moment_of(ending: str) -> datetime:
    """Read such an end: "Jan  5 09:34:43 2030 GMT"."""
    month, day, clock, year, zone = ending.split()
    return parsedate_to_datetime(f"{day} {month} {year} {clock} {zone}").astimezone(UTC)
