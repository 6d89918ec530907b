"""A monitor and people are told how a run ended, by real services, without a figure; none of them holds a run up."""

import json
import logging
import re
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trustme
from aiosmtpd.controller import Controller

from attsync import messages, notify
from attsync.checks.service import message_findings
from attsync.deadline import Deadline
from attsync.notify import Message, Monitored, deliver, read_addresses, services, tell_people
from attsync.problems import LogError, SettingsError
from attsync.settings import Settings
from tests.proxy import proxy_answering
from tests.settings_file import DFE, loaded, settings_text

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what Apprise imports


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


def monitored(folder: Path, authority: trustme.CA, url: str) -> Settings:
    """Make settings that name the monitor."""
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    tables = f'[notify]\nping_url = "{url}"'
    return loaded(settings_text(dfe=DFE + 'ca_file = "ca.pem"', tables=tables), folder)


def test_monitor_hears_start_and_end_without_figures(tmp_path: Path, authority: trustme.CA) -> None:
    """The monitor is a stranger's service: it may know that a run failed and with which code, nothing more."""
    with monitor(authority) as (url, heard):
        settings = monitored(tmp_path, authority, url)
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
        Monitored(monitored(tmp_path, authority, url)),
    ):
        raise LogError("LOG-DAMAGED", path="attsync.db")

    assert heard[-1] == ("/ping/abc/fail", b"exit code 9")


def test_monitor_hears_of_a_run_whose_time_is_over(tmp_path: Path, authority: trustme.CA) -> None:
    """Each message has a limit of its own."""
    with (
        monitor(authority) as (url, heard),
        Deadline(0),
        Monitored(monitored(tmp_path, authority, url)) as run,
    ):
        run.exit_code = 5

    assert heard[-1] == ("/ping/abc/fail", b"exit code 5")


def test_file_that_the_monitor_needs_does_not_stop_a_run(tmp_path: Path, authority: trustme.CA) -> None:
    """Whatever is wrong with it is told where the DfE needs it."""
    settings = monitored(tmp_path, authority, "https://localhost:9/ping")
    (tmp_path / "ca.pem").unlink()

    with Monitored(settings) as run:
        run.exit_code = 0


def test_dead_monitor_does_not_stop_a_run(tmp_path: Path, authority: trustme.CA) -> None:
    """A school's figures must arrive even if no one watches."""
    with monitor(authority) as (url, heard):
        settings = monitored(tmp_path, authority, url)

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
        settings = monitored(tmp_path, authority, f"https://localhost:{silent.getsockname()[1]}/ping/abc")
        started = monotonic()
        with Monitored(settings) as run:
            run.exit_code = 0

    assert monotonic() - started < 60


# People

TITLE, LINES = (
    "attsync: a problem at Oakfield (900012)",
    ["Oakfield (900012): no consent [CONSENT-NONE]", "Ask the head."],
)
BAD = Message(TITLE, LINES, is_good=False)
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back after each test what is left there for Apprise."""
    for name in ("http_proxy", "https_proxy", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@dataclass
class Mailbox:
    """A mail server that takes every message."""

    letters: list[bytes] = field(default_factory=list)

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: ANN401, N802
        """Take a message."""
        self.letters.append(envelope.content)
        return "250 OK"


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[bytes]]]:
    """Run a mail server; give an address of Apprise and what arrives."""
    monkeypatch.setattr(socket, "getfqdn", lambda *_: "here.localhost")  # it asks the network
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield f"mailto://127.0.0.1:{port}/?from=attsync@school.example&to=it@school.example", mailbox.letters
    controller.stop()


@dataclass
class Webhook:
    """A web server that keeps what is posted to it."""

    port: int
    heard: list[dict[str, Any]]


@pytest.fixture
def webhook(request: pytest.FixtureRequest) -> Iterator[Webhook]:
    """Run one; with a parameter, a trustme.CA, over TLS."""
    heard: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response({"/refuse": 500, "/elsewhere": 307}.get(self.path, 200))
            self.send_header("Location", "/hook")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if authority := getattr(request, "param", None):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield Webhook(server.server_port, heard)
        server.shutdown()
        thread.join()


def settings_with(folder: Path, *addresses: str, dfe: str = "") -> Settings:
    """Make settings with a file of these addresses."""
    path = folder / "addresses"
    path.write_text("# who is told\n\n" + "\n".join(addresses) + "\n")
    path.chmod(0o600)
    return loaded(settings_text(dfe=DFE + dfe, tables='[notify]\naddresses_file = "addresses"'), folder)


def told(settings: Settings, message: Message = BAD) -> list[tuple[str, int]]:
    """Send the message; return the case and line of each address that did not take it."""
    found, unknown = services(settings, read_addresses(settings))
    assert unknown == []
    return [(problem.case, cast("int", problem["line"])) for problem in deliver(settings, found, message)]


# Sent to real servers


def test_every_address_gets_the_message(mail_server: tuple[str, list[bytes]], webhook: Webhook, tmp_path: Path) -> None:
    """By mail and by a webhook, as text; no picture from the internet is named in it."""
    address, letters = mail_server

    assert told(settings_with(tmp_path, address, f"json://127.0.0.1:{webhook.port}/hook")) == []

    (letter,) = letters
    assert b"Oakfield (900012): no consent [CONSENT-NONE]\r\nAsk the head." in letter
    assert f"Subject: {TITLE}".encode() in letter
    (posted,) = webhook.heard
    assert (posted["title"], posted["message"].splitlines(), posted["type"]) == (TITLE, LINES, "failure")
    assert b"http" not in letter


def test_dead_and_refusing_addresses_do_not_stop_the_others(
    webhook: Webhook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What did not get through is a line for IT, with the kind and the line but never the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    hook = f"json://sam:{SECRET}@127.0.0.1:{webhook.port}"
    settings = settings_with(tmp_path, f"json://127.0.0.1:{closed}/{SECRET}", f"{hook}/refuse", hook)

    with caplog.at_level(logging.INFO, "attsync"):
        tell_people(settings, read_addresses(settings), BAD)

    said = [record.getMessage() for record in caplog.records if record.name == "attsync.notify"]
    assert [re.findall(r"line \d", each) for each in said] == [["line 3"], ["line 4"]]
    assert len(webhook.heard) == 2
    assert SECRET not in caplog.text


def test_service_that_hangs_delays_a_run_for_seconds_only(
    webhook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is kept on this side, and by one that the end of Python does not wait for."""
    assert notify._PEOPLE_SECONDS + 3 < 15  # noqa: SLF001
    with socket.create_server(("127.0.0.1", 0)) as silent:
        slow = f"json://127.0.0.1:{silent.getsockname()[1]}/?rto=60"
        settings = settings_with(tmp_path, slow, f"json://127.0.0.1:{webhook.port}")
        found, _ = services(settings, read_addresses(settings))
        monkeypatch.setattr(notify, "_PEOPLE_SECONDS", 1)
        started = monotonic()

        assert [problem.case for problem in deliver(settings, found, BAD)] == ["late"]

        assert monotonic() - started < 30
    assert len(webhook.heard) == 1


def test_module_of_a_service_that_fails_does_not_stop_a_run(tmp_path: Path) -> None:
    """Apprise has more than a hundred of them."""

    def fails(**_: object) -> bool:
        raise RuntimeError(SECRET)

    settings = loaded(settings_text(), tmp_path)

    (problem,) = deliver(settings, {7: SimpleNamespace(service_name="Odd", notify=fails)}, BAD)

    assert (problem.case, problem["kind"], problem["line"]) == ("refused", "Odd", 7)
    assert SECRET not in str(problem)


def test_redirect_is_not_followed(webhook: Webhook, tmp_path: Path) -> None:
    """The message would go to a service that is not in the file, whatever the address asks for."""
    address = f"json://127.0.0.1:{webhook.port}/elsewhere?redirect=yes"

    assert told(settings_with(tmp_path, address)) == [("refused", 3)]

    assert len(webhook.heard) == 1


AUTHORITY = trustme.CA()


@pytest.mark.parametrize("webhook", [AUTHORITY], indirect=True)
def test_certificates_are_checked_with_those_of_the_settings(webhook: Webhook, tmp_path: Path) -> None:
    """`ca_file` is trusted here too; no address can turn the check off."""
    address = f"jsons://localhost:{webhook.port}/?verify=no"
    assert told(settings_with(tmp_path, address)) == [("refused", 3)]

    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings = settings_with(tmp_path, address, dfe='ca_file = "ca.pem"')
    assert told(settings) == []

    assert len(webhook.heard) == 1


def test_certificates_that_are_gone_do_not_stop_a_run(webhook: Webhook, tmp_path: Path) -> None:
    """That they are is reported where the DfE needs them."""
    settings = settings_with(tmp_path, f"json://127.0.0.1:{webhook.port}", dfe='ca_file = "ca.pem"')

    assert told(settings) == []


@pytest.mark.parametrize("webhook", [AUTHORITY], indirect=True)
def test_proxy_of_the_settings_is_used(webhook: Webhook, tmp_path: Path) -> None:
    """In many schools nothing gets out without it."""
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with proxy_answering() as (port, seen):
        more = f'ca_file = "ca.pem"\nproxy = "http://127.0.0.1:{port}"'
        settings = settings_with(tmp_path, f"jsons://localhost:{webhook.port}", dfe=more)

        assert told(settings) == []

    assert seen[0].startswith(b"CONNECT localhost:")


def test_machine_without_a_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends no run either."""
    settings = settings_with(tmp_path, "json://127.0.0.1:9")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))

    tell_people(settings, read_addresses(settings), BAD)


# What is wrong with the file, or here


@pytest.mark.parametrize("unknown", [f"nonsense {SECRET}", "msteams://"])
def test_address_that_apprise_does_not_know_does_not_stop_the_others(
    webhook: Webhook, tmp_path: Path, caplog: pytest.LogCaptureFixture, unknown: str
) -> None:
    """Named by its line, as the address may be a secret."""
    settings = settings_with(tmp_path, unknown, f"json://127.0.0.1:{webhook.port}")

    with caplog.at_level(logging.INFO, "attsync.notify"):
        tell_people(settings, read_addresses(settings), BAD)
    bad, good = message_findings(settings, is_test=False)

    assert len(webhook.heard) == 1
    assert "Line 3 of" in caplog.text
    assert (bad.code, good.sign) == ("NOTIFY", "good")
    assert SECRET not in bad.text


def test_file_without_an_address(tmp_path: Path) -> None:
    """Only comments."""
    settings = settings_with(tmp_path)

    with pytest.raises(SettingsError) as raised:
        services(settings, read_addresses(settings))

    assert (raised.value.problem.code, raised.value.problem.case) == ("NOTIFY", "none")


def test_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """As any other secret file, by name."""
    settings = settings_with(tmp_path, f"json://u:{SECRET}@127.0.0.1")
    (tmp_path / "addresses").chmod(0o640)

    with pytest.raises(SettingsError) as raised:
        read_addresses(settings)

    assert (raised.value.problem.code, raised.value.problem.case) == ("SECRET-FILE", "open")
    assert "addresses" in str(messages.happened(raised.value.problem))


def test_missing_package_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is an extra. A run goes on without it."""
    monkeypatch.setitem(cast("dict[str, Any]", sys.modules), "apprise", None)
    settings = settings_with(tmp_path, "json://127.0.0.1")

    (finding,) = message_findings(settings, is_test=False)
    with caplog.at_level(logging.INFO, "attsync"):
        tell_people(settings, read_addresses(settings), BAD)

    assert finding.next.completed.endswith("-m pip install apprise")
    assert "need the package apprise" in caplog.text


# attsync check


def test_check_names_the_kinds_and_sends_a_message_on_request_only(webhook: Webhook, tmp_path: Path) -> None:
    """A test that no one asked for would be noise."""
    hook = f"json://127.0.0.1:{webhook.port}"
    settings = settings_with(tmp_path, hook, f"{hook}/refuse")

    (offered,) = message_findings(settings, is_test=False)
    assert (offered.sign, webhook.heard) == ("good", [])
    bad, good = message_findings(settings, is_test=True)

    assert (bad.sign, bad.code, good.sign) == ("bad", "NOTIFY", "good")
    assert offered.text.startswith("JSON and JSON;")
    assert good.text == "JSON accepted a test message"
    assert {each["title"] for each in webhook.heard} == {"attsync: a test"}
    assert str(webhook.port) not in bad.text


def test_check_without_addresses(tmp_path: Path) -> None:
    """Nothing is said; a test that was asked for and cannot be made is."""
    settings = loaded(settings_text(), tmp_path)

    assert [*message_findings(settings, is_test=False)] == []
    (finding,) = message_findings(settings, is_test=True)
    assert (finding.sign, finding.code) == ("bad", "NOTIFY")
