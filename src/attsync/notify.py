"""Report to a monitor that a run has begun and how it ended. Imports nothing that holds a figure.

A monitor that fails is a line for IT under -v, and never fails a run.
"""

import logging
from typing import Final, Self

from attsync.deadline import Deadline
from attsync.dfe.connection import Connection
from attsync.dfe.network import NoAnswer
from attsync.dfe.tls import trusted
from attsync.problems import SettingsError
from attsync.settings import Settings

_SECONDS: Final = 3
"""For each message, counted from its own beginning: that a run failed is told also when the run's deadline is over."""
_logger = logging.getLogger(__name__)


class Monitored:
    """A run that `[notify] ping_url` hears of: its start, then its exit code. Without that setting, nothing happens."""

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
