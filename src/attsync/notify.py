"""Tells a monitor that a run has begun and how it ended (UX.md, Under cron).

Whatever happens to the monitor, the run goes on: a failed ping is a line for IT under -v, nothing else. Refuses to
know any figure.
"""

import logging
from time import monotonic
from typing import Final, Self
from urllib.parse import urlsplit

from attsync.dfe.connection import Connection, NoAnswer, Watch
from attsync.dfe.tls import trusted
from attsync.settings import Settings

_SECONDS: Final = 5
_logger = logging.getLogger(__name__)


class Monitored:
    """A run that `[notify] ping_url` hears of: its start, then its exit code. Without that setting, nothing happens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.exit_code = 70

    def __enter__(self) -> Self:
        self._tell("/start", b"")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        code = getattr(error, "exit_code", 70) if error else self.exit_code
        self._tell("" if code == 0 else "/fail", f"exit code {code}".encode())

    def _tell(self, path: str, said: bytes) -> None:
        url = self._settings.notify.ping_url
        if url is None:
            return
        dfe = self._settings.dfe
        watch = Watch()
        context = trusted(dfe.ca_file)
        context.load_default_certs()
        line = Connection(
            "{0.scheme}://{0.netloc}".format(urlsplit(url)),
            context,
            watch,
            timeout_seconds=_SECONDS,
            proxy=dfe.proxy.get_secret_value() if dfe.proxy else None,
        )
        try:
            answer = line.exchange("POST", url + path, headers={}, content=said, until=monotonic() + _SECONDS)
            _logger.info("the monitor answered %s", answer.status)
        except NoAnswer as reason:
            _logger.info("the monitor could not be told: %s", reason)
        finally:
            line.close()
            watch.close()
