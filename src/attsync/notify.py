"""Messages to a monitor and to people about how a run ended. Imports nothing that contains counts.

A monitor or an address that fails is a line for IT under -v, and never fails a run.
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Thread
from time import monotonic
from typing import Any, Final, NamedTuple, Self

from pydantic import SecretStr

from attsync import messages
from attsync.accounts import read_secret
from attsync.deadline import Deadline
from attsync.dfe.connection import Connection
from attsync.dfe.network import NoAnswer
from attsync.dfe.tls import trusted
from attsync.problems import Problem, SettingsError
from attsync.settings import Settings

_SECONDS: Final = 3
"""For each message, from its own beginning: a failed run is reported even after the run's deadline."""
_PEOPLE_SECONDS: Final = 10
"""For the messages to all addresses together, as some mail servers are slow. Together with the message to the monitor
it is less than the 15 seconds that a run can take after its limit."""
_logger = logging.getLogger(__name__)


class Monitored:
    """Reports a run to `[notify] ping_url`: its start, then its exit code. Does nothing without that setting."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.exit_code = 70

    def __enter__(self) -> Self:
        self._post("/start", b"")
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        code = getattr(error, "exit_code", 70) if error else self.exit_code
        self._post("" if code == 0 else "/fail", f"exit code {code}".encode())

    def _post(self, path: str, content: bytes) -> None:
        url = self._settings.notify.ping_url
        if url is None:
            return
        dfe = self._settings.dfe
        try:
            context = trusted(dfe.ca_file)
            proxy = dfe.proxy.get_secret_value() if dfe.proxy else None
            with Deadline(_SECONDS) as deadline:
                connection = Connection(url, context, deadline, timeout_seconds=_SECONDS, proxy=proxy)
                answer = connection.exchange("POST", url + path, headers={}, content=content)
                connection.close()
            _logger.info("the monitor answered %s", answer.status)
        except (NoAnswer, SettingsError) as reason:
            _logger.info("the monitor did not answer: %s", reason)


class Message(NamedTuple):
    """A message to people."""

    title: str
    lines: Sequence[str]
    is_good: bool = True


def tell_people(settings: Settings, addresses: SecretStr | None, message: Message) -> None:
    """Send the message to every address. A failure is logged, for -v."""
    try:
        found, problems = services(settings, addresses)
        problems += deliver(settings, found, message)
    except SettingsError as error:
        problems = [error.problem]
    except OSError as error:  # no folder for temporary files
        _logger.info("no message was sent: %s", error.strerror)
        return
    for problem in problems:
        _logger.info("%s", messages.happened(problem))


def read_addresses(settings: Settings) -> SecretStr | None:
    """Return what is in `[notify] addresses_file`; None without that setting. Raise SettingsError if it is not safe."""
    path = settings.notify.addresses_file
    return read_secret(path, what="addresses", multiline=True) if path else None


def services(settings: Settings, addresses: SecretStr | None) -> tuple[dict[int, Any], list[Problem]]:
    """Return the service of Apprise that each address leads to, and a problem for each that it does not recognise.

    By line, as the address itself is a secret. Raise SettingsError if Apprise is missing, or every address.
    """
    try:
        import apprise  # noqa: PLC0415  an extra, and slow
    except ImportError:
        raise SettingsError("NOTIFY", "packages", python=sys.executable) from None
    # Otherwise Apprise adds pictures from the internet to a message.
    asset = apprise.AppriseAsset(app_id="attsync", app_desc="attsync", app_url="", image_url_mask="", image_url_logo="")
    found, problems = {}, []
    lines = addresses.get_secret_value().split("\n") if addresses else []
    for number, line in enumerate(map(str.strip, lines), start=1):
        if line and not line.startswith("#"):
            service = apprise.Apprise.instantiate(line, asset=asset)
            if service is None:
                problems.append(Problem("NOTIFY", "address", path=settings.notify.addresses_file, line=number))
                continue
            service.verify_certificate, service.redirects = True, False  # even if the address asks for it
            found[number] = service
    if not (found or problems):
        raise SettingsError("NOTIFY", "none")
    return found, problems


def deliver(settings: Settings, found: Mapping[int, Any], message: Message) -> list[Problem]:
    """Send the message to each of `found`, within a time limit; return a problem for each that did not accept it."""
    problems = {line: Problem("NOTIFY", "late", kind=kind_of(each), line=line) for line, each in found.items()}

    def send(line: int) -> None:
        try:
            taken = found[line].notify(
                body="\n".join(message.lines),
                title=message.title,
                notify_type="success" if message.is_good else "failure",
                body_format="text",
            )
        except Exception as error:  # noqa: BLE001  anything that the module of a service raises
            _logger.info("line %s: %s", line, type(error).__name__)
            taken = False
        if taken:
            del problems[line]
        else:
            problems[line] = problems[line].but("refused")

    with NamedTemporaryFile(suffix=".pem") as certificates:
        _use_network_of(settings, Path(certificates.name))
        # Not Apprise's own threads: Python would wait for them at its end, however long a service hangs.
        threads = [Thread(target=send, args=(each,), daemon=True) for each in found]
        until = monotonic() + _PEOPLE_SECONDS
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0, until - monotonic()))
    return [*problems.values()]


def kind_of(service: Any) -> str:  # noqa: ANN401  one of Apprise's, an extra
    """Return what kind of service it is, such as E-Mail."""
    return str(service.service_name)


def _use_network_of(settings: Settings, certificates: Path) -> None:
    """Make Apprise use the proxy and the certificates of [dfe]; it takes both from the environment only."""
    dfe = settings.dfe
    if dfe.proxy:
        os.environ |= dict.fromkeys(("http_proxy", "https_proxy"), dfe.proxy.get_secret_value())
    if dfe.ca_file:
        import certifi  # noqa: PLC0415  comes with Apprise

        with suppress(OSError):  # a missing file is reported where the DfE needs it
            certificates.write_bytes(certifi.contents().encode() + dfe.ca_file.read_bytes())
            os.environ |= dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(certificates))
