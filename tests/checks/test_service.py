"""service.py: whether the DfE answers, by which way, with which certificate and at what time."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from attsync.checks.finding import Finding, exit_code_of, placed
from attsync.checks.service import consent_findings, service_findings
from attsync.log import Log
from attsync.model import School
from attsync.sandbox.server import Certificates, make_certificates
from attsync.settings import Settings, load, origins
from tests.factories import NOON, OAKFIELD, WINDOW, give_consent, pretend_dfe, settings
from tests.proxy import proxy_answering
from tests.torture.stranger import TOKEN, Identity, Stranger, Talk, make_identity

PLACE = ("database", 0, "schools", 0, "urn")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make those of the sandbox."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Make certificates, right and wrong."""
    return make_identity(tmp_path_factory.mktemp("identity"))


def look(loaded: Settings, **environ: str) -> list[Finding]:
    """Ask the DfE of the settings for Oakfield, with the places of the settings file."""
    sources = origins(loaded.path, environ)
    if environ:
        loaded = load(loaded.path, environ)
    return placed(service_findings(loaded, sources, {OAKFIELD: PLACE}, None, datetime.now(UTC)), sources)


def not_good(findings: list[Finding]) -> Finding:
    """Give the one finding that is not good; it says who does what."""
    (finding,) = (finding for finding in findings if finding.sign != "good")
    assert finding.next
    assert "hunter2" not in str(finding)
    return finding


def connection(findings: list[Finding]) -> str:
    """Give the line about the connection."""
    (text,) = (finding.text for finding in findings if "certificate trusted" in finding.text)
    return text


def token_at(ahead: timedelta) -> Callable[[Talk], None]:
    """Answer the sign-in with another clock."""
    token = json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3599}).encode()

    def answer(talk: Talk) -> None:
        date = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
        talk.send(f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: {len(token)}\r\n\r\n".encode(), token)

    return answer


def test_service_as_it_should_be(certificates: Certificates, tmp_path: Path) -> None:
    """Signed in, directly, trusted until when, and the clock of the same second or two."""
    with pretend_dfe(certificates) as dfe:
        found = look(settings(tmp_path, dfe))

    assert {finding.sign for finding in found} == {"good"}
    assert found[0] == Finding("good", "DfE sign-in", "signed in as oakfield, token valid for 60 minutes")
    host = f"localhost:{dfe.server.port}"
    assert connection(found).startswith(
        f"{host} answers directly; certificate trusted, valid until 1 January 3000; clock"
    )
    assert found[-1].text == "900023 is Oakfield Primary School"


@pytest.mark.parametrize("by_variable", [False, True])
def test_proxy_is_named_by_where_it_comes_from(
    certificates: Certificates, tmp_path: Path, *, by_variable: bool
) -> None:
    """Never with its user and password."""
    with pretend_dfe(certificates) as dfe, proxy_answering() as (port, seen):
        proxy = f"http://sam:hunter2@127.0.0.1:{port}"
        lines = "connections = 2" if by_variable else f'proxy = "{proxy}"'
        environ = {"ATTSYNC_DFE__PROXY": proxy} if by_variable else {}
        found = look(settings(tmp_path, dfe, dfe_lines=lines), **environ)

    way = "variable ATTSYNC_DFE__PROXY" if by_variable else "settings file"
    assert f"answers through the proxy of the {way}; certificate trusted" in connection(found)
    assert seen[0].startswith(b"CONNECT localhost:")
    assert "hunter2" not in str(found)
    assert {finding.sign for finding in found} == {"good"}


def test_proxy_that_is_not_there_is_told_with_its_line(identity: Identity, tmp_path: Path) -> None:
    """It is not the internet connection that IT has to look at."""
    with Stranger(identity.good) as gone:
        proxy = f"http://sam:hunter2@127.0.0.1:{gone.port}"
    loaded = settings(tmp_path, dfe_lines=f'proxy = "{proxy}"', ca_file=identity.ca)
    bad = not_good(look(loaded))
    line = loaded.path.read_text().split("\n").index(f'        proxy = "{proxy}"') + 1

    assert (bad.what, bad.code, exit_code_of([bad])) == ("DfE service", "DFE-UNREACHABLE", 5)
    assert "could not be reached: the proxy does not answer" in bad.text
    assert bad.next.endswith("ask IT to check the proxy, and [dfe] proxy in the settings file.")
    assert bad.where == f"config.toml line {line}"


def test_dfe_that_is_too_busy_to_know_a_school_is_told(identity: Identity, tmp_path: Path) -> None:
    """That is no reason to doubt the URN."""

    def busy(talk: Talk) -> None:
        talk.reply(503, "{}")

    lists = dict.fromkeys((b"/codes/attendance", b"/codes/ncyeargroup"), _saying("[]"))
    with Stranger(identity.good, also={b"/provider/900023": busy, **lists}) as dfe:
        found = look(settings(tmp_path, origin=dfe.origin, path="/token", ca_file=identity.ca))

    assert (found[-1].what, found[-1].code) == ("DfE service", "DFE-BUSY")


def test_proxy_that_wants_another_password_is_told(identity: Identity, tmp_path: Path) -> None:
    """Passwords of proxies change."""
    with Stranger(None, on_connect=_refuse) as proxy:
        lines = f'proxy = "http://sam:hunter2@127.0.0.1:{proxy.port}"'
        bad = not_good(look(settings(tmp_path, dfe_lines=lines, ca_file=identity.ca)))

    assert "the proxy refused the connection (it wants another user name or password)" in bad.text


@pytest.mark.parametrize(
    ("wrong", "text", "then", "setting"),
    [
        ("expired", "its certificate has ended", "check this computer's date", None),
        ("not_yet", "its certificate is not valid yet", "check this computer's date", None),
        ("other_host", "its certificate is for another name", "the host names in [dfe] base_url", "base_url"),
        ("self_signed", "its certificate is self-signed", "under [dfe] ca_file", "ca_file"),
        ("unknown", "from an authority that this computer does not trust", "under [dfe] ca_file", "ca_file"),
    ],
)
def test_certificate_that_is_not_good_says_why(
    identity: Identity, tmp_path: Path, wrong: str, text: str, then: str, setting: str | None
) -> None:
    """For each fault somebody else acts."""
    with Stranger(getattr(identity, wrong)) as server:
        ca_file = f'ca_file = "{identity.ca}"'
        bad = not_good(look(settings(tmp_path, origin=server.origin, path="/token", dfe_lines=ca_file)))
        assert server.requests == []

    assert (bad.what, bad.code, exit_code_of([bad])) == ("DfE service", "DFE-CERTIFICATE", 8)
    assert text in bad.text
    assert then in bad.next
    assert bad.setting == (("dfe", setting) if setting else None)
    assert not setting or " line " in bad.where


@pytest.mark.parametrize("is_proxy", [False, True])
def test_server_without_tls_is_told(identity: Identity, tmp_path: Path, *, is_proxy: bool) -> None:
    """An address that is wrong, or a filter that answers: the line of whichever it is."""
    with Stranger(None, on_connect=lambda raw: raw.sendall(b"HTTP/1.1 200 OK\r\n\r\n")) as plain:
        lines = f'ca_file = "{identity.ca}"' + (f'\nproxy = "https://localhost:{plain.port}"' if is_proxy else "")
        origin = "https://localhost:9" if is_proxy else plain.origin
        bad = not_good(look(settings(tmp_path, origin=origin, path="/token", dfe_lines=lines)))

    assert bad.text.startswith("The proxy " if is_proxy else "The server at localhost:")
    assert "it does not speak TLS 1.2 or newer" in bad.text
    assert bad.setting == ("dfe", "proxy" if is_proxy else "base_url")


def test_service_that_refuses_the_questions_is_told(certificates: Certificates, tmp_path: Path) -> None:
    """Such as for a subscription key of yesterday; the sign-in needs none."""
    with pretend_dfe(certificates) as dfe:
        loaded = settings(tmp_path, dfe)
        (tmp_path / "subscription-key").write_text("another")
        found = look(loaded)

    assert found[0].what == "DfE sign-in"
    assert found[0].sign == "good"
    assert (found[-1].what, found[-1].code, found[-1].setting) == (
        "DfE service",
        "SIGNIN-REFUSED",
        ("dfe", "subscription_key_file"),
    )
    assert "refused the token or the subscription key (401)" in found[-1].text
    assert len(found) == 3


def test_certificate_of_the_proxy_is_not_the_dfes(identity: Identity, tmp_path: Path) -> None:
    """Whoever looks at the DfE's would search in vain."""
    with Stranger(identity.other_host) as proxy:
        lines = f'proxy = "https://localhost:{proxy.port}"\nca_file = "{identity.ca}"'
        bad = not_good(look(settings(tmp_path, dfe_lines=lines)))

    assert bad.text.startswith(
        "The proxy cannot prove that it is the one of the settings: its certificate is for another"
    )
    assert bad.setting == ("dfe", "proxy")


def test_certificate_that_ends_soon_is_told(tmp_path: Path) -> None:
    """A month is enough to renew it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    soon = authority.issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=10, hours=1))
    soon.private_key_and_cert_chain_pem.write_to_path(tmp_path / "soon.pem")
    with Stranger(tmp_path / "soon.pem") as server:
        loaded = settings(tmp_path, origin=server.origin, path="/token", dfe_lines=f'ca_file = "{tmp_path}/ca.pem"')
        found = look(loaded)

    (to_check,) = (finding for finding in found if "certificate" in finding.text)
    assert to_check.sign == "check"
    assert "certificate trusted, but it ends in 10 days, on " in to_check.text
    assert exit_code_of([to_check]) == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(30, None), (150, "150 s behind the DfE's"), (-150, "150 s ahead of the DfE's")],
)
def test_clock_that_differs_by_more_than_a_minute_is_to_check(
    identity: Identity, tmp_path: Path, seconds: int, words: str | None
) -> None:
    """Sends would begin at the wrong moment, and "today" change too early or too late."""
    with Stranger(identity.good, token=token_at(timedelta(seconds=seconds))) as server:
        lines = f'ca_file = "{identity.ca}"'
        found = look(settings(tmp_path, origin=server.origin, path="/token", dfe_lines=lines))

    clock = [finding for finding in found if finding.what == "Clock"]
    assert "clock differs by " in connection(found)
    assert [finding.sign for finding in clock] == (["check"] if words else [])
    assert not words or words in clock[0].text.replace("149", "150").replace("151", "150")


def test_clock_of_another_day_is_a_problem(identity: Identity, tmp_path: Path) -> None:
    """Other days would be sent: exit 2, and said once."""
    with Stranger(identity.good, token=token_at(timedelta(days=2))) as server:
        lines = f'ca_file = "{identity.ca}"'
        bad = not_good(look(settings(tmp_path, origin=server.origin, path="/token", dfe_lines=lines)))

    assert (bad.what, bad.code, exit_code_of([bad])) == ("Clock", "CLOCK", 2)


def test_two_hosts_are_two_lines(identity: Identity, tmp_path: Path) -> None:
    """The sign-in may be somewhere else; each has a certificate of its own, and one clock is enough."""
    codes: Callable[[Talk], None] = lambda talk: talk.reply(200, "[]")  # noqa: E731
    with Stranger(identity.good) as first, Stranger(identity.good, api=codes) as second:
        loaded = settings(tmp_path, origin=first.origin, path="/token", dfe_lines=f'ca_file = "{identity.ca}"')
        text = loaded.path.read_text().replace(f'base_url = "{first.origin}"', f'base_url = "{second.origin}"')
        loaded.path.write_text(text)
        found = look(load(loaded.path, {}))

    lines = [finding.text for finding in found if "certificate trusted" in finding.text]
    assert [line.split()[0] for line in lines] == [f"localhost:{first.port}", f"localhost:{second.port}"]
    assert ["clock differs" in line for line in lines] == [True, False]


def test_list_that_lacks_what_may_be_sent_is_told(identity: Identity, tmp_path: Path) -> None:
    """Before the first day comes back with faults."""
    answer = _saying('[{"YearGroupCode": "R"}, {"YearGroupCode": "M"}]')
    also = dict.fromkeys((b"/codes/ncyeargroup", b"/codes/attendance"), answer)
    with Stranger(identity.good, also=also) as dfe:
        found = look(settings(tmp_path, origin=dfe.origin, path="/token", ca_file=identity.ca))

    codes, groups = (finding for finding in found if "its list lacks" in finding.text)
    assert codes.text.startswith("its list lacks 34 of our 34 attendance codes of today: /, \\, ")
    assert groups.text.startswith("its list lacks 19 of our 20 year groups: ")
    assert (codes.sign, groups.sign) == ("check", "check")


def test_second_list_that_is_not_there_is_told(identity: Identity, tmp_path: Path) -> None:
    """The first one came: half an answer is not taken for the DfE's."""
    also = {b"/codes/attendance": _saying("[]"), b"/codes/ncyeargroup": _saying("{}")}
    with Stranger(identity.good, also=also) as dfe:
        found = look(settings(tmp_path, origin=dfe.origin, path="/token", ca_file=identity.ca))

    assert "DFE-ANSWER" in [finding.code for finding in found if finding.sign == "bad"]


@pytest.mark.parametrize("answer", [None, "{}"])
def test_address_where_no_list_is_is_not_the_dfes(identity: Identity, tmp_path: Path, answer: str | None) -> None:
    """A slip in the path of base_url: no list of codes to ask anybody about, and no URN to doubt."""
    also = {b"/codes/attendance": _saying(answer)} if answer else {}
    with Stranger(identity.good, also=also) as dfe:
        bad = not_good(look(settings(tmp_path, origin=dfe.origin, path="/token", ca_file=identity.ca)))

    assert (bad.what, bad.code) == ("DfE service", "DFE-ANSWER")
    assert "check the addresses under [dfe]" in bad.next


def test_school_that_the_dfe_calls_otherwise_is_told(certificates: Certificates, tmp_path: Path) -> None:
    """A URN that is right by its digits may be another school's, and counts would be sent in its name."""
    with pretend_dfe(certificates) as dfe:
        loaded = settings(tmp_path, dfe, databases=(("sqlite:///school.db", (School(900023, "St Mary's Primary"),)),))
        sources = origins(loaded.path, {})
        schools = {School(900023, "St Mary's Primary"): PLACE}
        bad = not_good(placed(service_findings(loaded, sources, schools, None, datetime.now(UTC)), sources))

    assert bad.text == 'the DfE calls 900023 "Oakfield Primary School", the settings call it "St Mary\'s Primary"'
    assert (bad.sign, bad.next.startswith("Check the URN")) == ("check", True)


def _saying(answer: str) -> Callable[[Talk], None]:
    return lambda talk: talk.reply(200, answer)


def test_file_that_is_missing_is_not_told_twice(tmp_path: Path) -> None:
    """What is wrong with it stands among the file rights."""
    loaded = settings(tmp_path)
    (tmp_path / "client-secret").unlink()
    (bad,) = look(loaded)

    assert (bad.what, bad.code) == ("DfE sign-in", "SECRET-FILE")
    assert bad.text == "not tried, because a file that it needs cannot be used."


@pytest.mark.parametrize(
    ("exit_code", "sign", "words"),
    [(0, "good", "exit code 0"), (4, "check", "exit code 4"), (None, "check", "cut off before it ended")],
)
def test_last_send_is_told(tmp_path: Path, exit_code: int | None, sign: str, words: str) -> None:
    """One that went wrong is no tick."""
    loaded = settings(tmp_path)
    give_consent(loaded)
    with Log.open(loaded.log.path) as log:
        none = list(consent_findings(loaded, [OAKFIELD], log))[-1]
        run = log.begin_run(WINDOW, NOON)
        if exit_code is not None:
            log.end_run(run, exit_code, NOON)
        last = list(consent_findings(loaded, [OAKFIELD], log))[-1]

    assert none.text == "none yet"
    assert (last.sign, last.text) == (sign, f"Mon 23 Nov 12:00, {words}")
    assert (sign == "good") is not bool(last.next)


def test_send_that_is_under_way_is_told(tmp_path: Path) -> None:
    """It has not been cut off."""
    loaded = settings(tmp_path)
    give_consent(loaded)
    hold = (
        "import pathlib, sys, attsync.locks as l\nwith l.one_run(pathlib.Path(sys.argv[1])): print(flush=True); input()"
    )
    arguments = [sys.executable, "-c", hold, str(loaded.log.path)]
    with Log.open(loaded.log.path) as log:
        log.begin_run(WINDOW, NOON)
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout
            holder.stdout.readline()
            last = list(consent_findings(loaded, [OAKFIELD], log))[-1]
            holder.kill()

    assert (last.sign, last.text) == ("good", "Mon 23 Nov 12:00, under way")


def _refuse(raw: socket.socket) -> None:
    raw.recv(65536)
    raw.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
