"""A monitor hears start, success and failure, no figures, and never stands in the way."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic

import pytest
import trustme

from attsync import notify
from attsync.deadline import Deadline
from attsync.notify import Monitored
from attsync.problems import LogError
from attsync.settings import Settings
from tests.settings_file import DFE, loaded, settings_text


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Sign the monitor's certificate."""
    return trustme.CA()


@contextmanager
def monitor(authority: trustme.CA) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Run a monitor over TLS; give its address and what it hears."""
    heard: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}/ping/abc", heard
        finally:
            server.shutdown()
            thread.join()


def settings_with(folder: Path, authority: trustme.CA, url: str) -> Settings:
    """Make settings that name the monitor."""
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    tables = f'[notify]\nping_url = "{url}"'
    return loaded(settings_text(dfe=DFE + 'ca_file = "ca.pem"', tables=tables), folder)


def test_monitor_hears_start_and_end_without_figures(tmp_path: Path, authority: trustme.CA) -> None:
    """The monitor is a stranger's service: it may know that a run failed and with which code, nothing more."""
    with monitor(authority) as (url, heard):
        settings = settings_with(tmp_path, authority, url)
        for code in (0, 5):
            with Monitored(settings) as run:
                run.exit_code = code

    assert heard == [
        ("/ping/abc/start", b""),
        ("/ping/abc", b"exit code 0"),
        ("/ping/abc/start", b""),
        ("/ping/abc/fail", b"exit code 5"),
    ]


def test_monitor_hears_of_a_run_that_ends_in_an_error(tmp_path: Path, authority: trustme.CA) -> None:
    """A run that cannot even begin is what a monitor is for."""
    with (
        monitor(authority) as (url, heard),
        pytest.raises(LogError),
        Monitored(settings_with(tmp_path, authority, url)),
    ):
        raise LogError("LOG-DAMAGED", path="attsync.db")

    assert heard[-1] == ("/ping/abc/fail", b"exit code 9")


def test_monitor_hears_of_a_run_whose_time_is_over(tmp_path: Path, authority: trustme.CA) -> None:
    """Each message has a limit of its own."""
    with (
        monitor(authority) as (url, heard),
        Deadline(0),
        Monitored(settings_with(tmp_path, authority, url)) as run,
    ):
        run.exit_code = 5

    assert heard[-1] == ("/ping/abc/fail", b"exit code 5")


def test_file_that_the_monitor_needs_does_not_stop_a_run(tmp_path: Path, authority: trustme.CA) -> None:
    """Whatever is wrong with it is told where the DfE needs it."""
    settings = settings_with(tmp_path, authority, "https://localhost:9/ping")
    (tmp_path / "ca.pem").unlink()

    with Monitored(settings) as run:
        run.exit_code = 0


def test_dead_monitor_does_not_stop_a_run(tmp_path: Path, authority: trustme.CA) -> None:
    """A school's figures must arrive even if no one watches."""
    with monitor(authority) as (url, heard):
        settings = settings_with(tmp_path, authority, url)

    with Monitored(settings) as run:
        run.exit_code = 0

    assert heard == []


def test_monitor_that_hangs_delays_a_run_for_seconds_only(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and says nothing; the promise is ten seconds a run, here shorter."""
    assert notify._SECONDS <= 5  # noqa: SLF001  twice a run
    monkeypatch.setattr(notify, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = settings_with(tmp_path, authority, f"https://localhost:{silent.getsockname()[1]}/ping/abc")
        started = monotonic()
        with Monitored(settings) as run:
            run.exit_code = 0

    assert monotonic() - started < 60
