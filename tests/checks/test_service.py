"""service.py: whether the DfE answers, by which way, with which certificate and at what time."""

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from attsync.checks import Finding
from attsync.checks.runner import exit_code_of
from attsync.checks.service import consent_findings, service_findings
from attsync.deadline import Deadline
from attsync.log import Log
from attsync.model import School
from attsync.problems import Problem
from attsync.sandbox.server import Certificates
from attsync.settings import Settings, load, origins
from tests.factories import ELMHURST, OAKFIELD, give_consent, pretend_dfe, settings
from tests.proxy import proxy_answering
from tests.torture.stranger import TOKEN, Identity, Stranger, Talk, make_identity

PLACE = ("database", 0, "schools", 0, "urn")


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Make certificates, right and wrong."""
    return make_identity(tmp_path_factory.mktemp("identity"))


def look(loaded: Settings, **environ: str) -> list[Finding]:
    """Query the DfE of the settings for Oakfield."""
    sources = origins(loaded.path, environ)
    if environ:
        loaded = load(loaded.path, environ)
    with Deadline(60) as deadline:
        return list(service_findings(loaded, sources, {OAKFIELD: PLACE}, None, datetime.now(UTC), deadline))


def not_good(findings: list[Finding]) -> Finding:
    """Return the one finding that is not good; it says who does what."""
    (finding,) = (finding for finding in findings if finding.sign != "good")
    assert finding.next
    assert "hunter2" not in str(finding) + str(finding.as_json())
    return finding


def problem(finding: Finding) -> Problem:
    """Return the problem of a finding."""
    assert isinstance(finding.found, Problem)
    return finding.found


def connection(findings: list[Finding]) -> str:
    """Return the line about the connection."""
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
    assert found[-1].text == "900023 is Sandbox School 900023"


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

    assert (bad.what, bad.setting) == ("DfE service", ("dfe", "proxy"))


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [("expired", None), ("other_host", "base_url"), ("self_signed", "ca_file"), ("unknown", "ca_file")],
)
def test_certificate_that_is_not_good_names_the_setting(
    identity: Identity, tmp_path: Path, wrong: str, setting: str | None
) -> None:
    """For each fault someone else acts."""
    with Stranger(getattr(identity, wrong)) as server:
        ca_file = f'ca_file = "{identity.ca}"'
        bad = not_good(look(settings(tmp_path, origin=server.origin, path="/token", dfe_lines=ca_file)))
        assert server.requests == []

    assert (bad.what, bad.code, exit_code_of([bad])) == ("DfE service", "DFE-CERTIFICATE", 8)
    assert bad.setting == (("dfe", setting) if setting else ())


@pytest.mark.parametrize("is_proxy", [False, True])
def test_server_without_tls_is_told(identity: Identity, tmp_path: Path, *, is_proxy: bool) -> None:
    """An address that is wrong, or a filter that answers: the line of whichever it is."""
    with Stranger(None, on_connect=lambda raw: raw.sendall(b"HTTP/1.1 200 OK\r\n\r\n")) as plain:
        lines = f'ca_file = "{identity.ca}"' + (f'\nproxy = "https://localhost:{plain.port}"' if is_proxy else "")
        origin = "https://localhost:9" if is_proxy else plain.origin
        bad = not_good(look(settings(tmp_path, origin=origin, path="/token", dfe_lines=lines)))

    assert bad.code == "DFE-CERTIFICATE"
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
    assert len(found) == 3


def test_certificate_of_the_proxy_is_not_the_dfes(identity: Identity, tmp_path: Path) -> None:
    """Anyone who looks at the DfE's would search in vain."""
    with Stranger(identity.other_host) as proxy:
        lines = f'proxy = "https://localhost:{proxy.port}"\nca_file = "{identity.ca}"'
        bad = not_good(look(settings(tmp_path, dfe_lines=lines)))

    assert bad.code == "DFE-CERTIFICATE"
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

    (to_check,) = (finding for finding in found if finding.code == "DFE-CERTIFICATE")
    assert (to_check.sign, problem(to_check).case, problem(to_check)["left"]) == ("check", "ends_soon", 10)
    assert exit_code_of([to_check]) == 0


@pytest.mark.parametrize(("seconds", "side"), [(30, None), (150, "behind"), (-150, "ahead of")])
def test_clock_that_differs_by_more_than_a_minute_is_to_check(
    identity: Identity, tmp_path: Path, seconds: int, side: str | None
) -> None:
    """Sends would begin at the wrong moment, and "today" change too early or too late."""
    with Stranger(identity.good, token=token_at(timedelta(seconds=seconds))) as server:
        lines = f'ca_file = "{identity.ca}"'
        found = look(settings(tmp_path, origin=server.origin, path="/token", dfe_lines=lines))

    clock = [problem(finding) for finding in found if finding.what == "Clock"]
    assert "clock differs by " in connection(found)
    assert [(each.code, each["side"]) for each in clock] == ([("CLOCK", side)] if side else [])
    assert not clock or clock[0]["seconds"] in (149, 150, 151)


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
    year_groups = '[{"YearGroupCode": "R", "YearGroup": "R"}, {"YearGroupCode": "M", "YearGroup": "M"}]'
    also = {b"/codes/ncyeargroup": _saying(year_groups), b"/codes/attendance": _saying("[]")}
    with Stranger(identity.good, also=also) as dfe:
        found = look(settings(tmp_path, origin=dfe.origin, path="/token", ca_file=identity.ca))

    codes, groups = (finding for finding in found if finding.code == "DFE-FAULTS")
    assert (problem(codes)["missing"], problem(codes)["ours"]) == (34, 34)
    assert str(problem(codes)["shown"]).startswith("/, \\, ")
    assert (problem(groups)["missing"], problem(groups)["ours"]) == (19, 20)
    assert (codes.sign, groups.sign) == ("check", "check")


def test_second_list_that_is_not_there_is_told(identity: Identity, tmp_path: Path) -> None:
    """The first one came: half an answer is not taken for the DfE's."""
    also = {b"/codes/attendance": _saying("[]"), b"/codes/ncyeargroup": _saying("{}")}
    with Stranger(identity.good, also=also) as dfe:
        found = look(settings(tmp_path, origin=dfe.origin, path="/token", ca_file=identity.ca))

    assert "DFE-ANSWER" in [finding.code for finding in found if finding.sign == "bad"]


@pytest.mark.parametrize("answer", [None, "{}"])
def test_address_where_no_list_is_is_not_the_dfes(identity: Identity, tmp_path: Path, answer: str | None) -> None:
    """A slip in the path of base_url: no list of codes to ask anyone about, and no URN to doubt."""
    also = {b"/codes/attendance": _saying(answer)} if answer else {}
    with Stranger(identity.good, also=also) as dfe:
        bad = not_good(look(settings(tmp_path, origin=dfe.origin, path="/token", ca_file=identity.ca)))

    assert (bad.what, bad.code) == ("DfE service", "DFE-ANSWER")


def ask_for(certificates: Certificates, folder: Path, *schools: School) -> list[Finding]:
    """Query the sandbox for these schools."""
    with pretend_dfe(certificates) as dfe, Deadline(60) as deadline:
        loaded = settings(folder, dfe, databases=(("sqlite:///school.db", schools),))
        sources, places = origins(loaded.path, {}), dict.fromkeys(schools, PLACE)
        return list(service_findings(loaded, sources, places, None, datetime.now(UTC), deadline))


def test_school_that_has_another_name_at_the_dfe_is_told(identity: Identity, tmp_path: Path) -> None:
    """The URN may be another school's, and counts would be sent as that school's."""
    also = {
        b"/codes/attendance": _saying("[]"),
        b"/codes/ncyeargroup": _saying("[]"),
        b"/provider/900023": _saying('{"urn": 900023, "name": "St Mary\'s Primary"}'),
    }
    with Stranger(identity.good, also=also) as dfe:
        found = look(settings(tmp_path, origin=dfe.origin, path="/token", ca_file=identity.ca))

    (bad,) = (finding for finding in found if finding.code == "DFE-REJECTED")
    names = {"urn": "900023", "theirs": "St Mary's Primary", "ours": "Oakfield Primary School"}
    assert (bad.sign, bad.found, bad.setting) == ("check", Problem("DFE-REJECTED", "other_name", **names), PLACE)


def test_names_that_the_sandbox_makes_up_are_no_warning(certificates: Certificates, tmp_path: Path) -> None:
    """A technician who tries it with the own school's URN would look for a mistake; several share a line."""
    found = ask_for(certificates, tmp_path, OAKFIELD, School(900024, "Elm Grove"), School(900025, "St Mary's"))

    assert {finding.sign for finding in found} == {"good"}
    assert found[-1].text == "it knows 3 URNs"


def test_many_urns_share_a_few_words(certificates: Certificates, tmp_path: Path) -> None:
    """Thirty names are no reading."""
    schools = [School(900100 + number, f"School {number}") for number in range(6)]

    assert ask_for(certificates, tmp_path, *schools)[-1].text == "it knows 6 URNs"


def _saying(answer: str) -> Callable[[Talk], None]:
    return lambda talk: talk.reply(200, answer)


def test_file_that_is_missing_is_not_told_twice(tmp_path: Path) -> None:
    """What is wrong with it is told with the other files."""
    loaded = settings(tmp_path)
    (tmp_path / "client-secret").unlink()
    (bad,) = look(loaded)

    assert (bad.what, bad.code) == ("DfE sign-in", "SECRET-FILE")
    assert problem(bad).case == "not_tried"


def test_schools_without_consent_are_told_by_reason(tmp_path: Path) -> None:
    """One line for those that never gave it, one for those whose receiver has changed."""
    loaded = settings(tmp_path)
    give_consent(loaded)
    give_consent(loaded, ELMHURST, receiver="https://old.example")
    schools = [OAKFIELD, ELMHURST, School(900024, "Elm Grove"), School(900025, "Ash")]
    with Log.open(loaded.log.path) as log:
        good, changed, none = consent_findings(loaded, schools, log)

    assert good.text == "given for Oakfield Primary School"
    assert changed.found == Problem("CONSENT-CHANGED", "check", schools="Elmhurst Primary School")
    assert none.found == Problem("CONSENT-NONE", "check", schools="Elm Grove and Ash")


def test_a_school_that_removed_consent_is_not_asked_for_it_again(tmp_path: Path) -> None:
    """Removing it was a decision."""
    loaded = settings(tmp_path)
    give_consent(loaded, given=False)
    with Log.open(loaded.log.path) as log:
        (found,) = consent_findings(loaded, [OAKFIELD], log)

    assert (found.sign, found.text) == ("good", "removed for Oakfield Primary School: nothing is sent")


def test_without_a_log_no_one_has_given_consent(tmp_path: Path) -> None:
    """Many schools are counted, not named."""
    schools = [School(900100 + number, f"School {number}") for number in range(30)]
    (found,) = consent_findings(settings(tmp_path), schools, None)

    assert found.found == Problem("CONSENT-NONE", "check", schools="30 schools")


def test_school_whose_permission_no_one_can_hold_is_told_before_the_head_is_asked(tmp_path: Path) -> None:
    """Neither a SELECT nor a list says who may give consent: `consent grant` would refuse everyone."""
    loaded = settings(tmp_path)
    (database,) = loaded.database
    silent = database.model_copy(update={"select": database.select.model_copy(update={"administrators": None})})
    _, found = consent_findings(loaded.model_copy(update={"database": (silent,)}), [OAKFIELD], None)

    assert found.found == Problem("PERMISSION", "unknown", school="Oakfield Primary School", undone="none")
    assert "administrators" in str(found.next)


def _refuse(raw: socket.socket) -> None:
    raw.recv(65536)
    raw.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
