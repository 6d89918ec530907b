"""client.py: one message is handed over and comes back as an outcome; when to try again and when to stop."""

import json
import logging
import re
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Timer
from time import monotonic
from typing import Literal
from urllib.parse import quote, quote_plus

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc.jwk import import_key
from pydantic import SecretStr

from attsync.deadline import Deadline
from attsync.dfe import Credentials, Dfe
from attsync.dfe.auth import token_request
from attsync.model import Cell, Session, State
from attsync.problems import NotPermitted, Problem, SettingsError
from attsync.sandbox.auth import Client
from attsync.sandbox.faults import Fault
from attsync.settings import DfeSettings
from tests.dfe.conftest import Call, a_body, case_of, consent
from tests.factories import SECRET, SUBSCRIPTION_KEY, credentials, settings
from tests.proxy import proxy_answering
from tests.torture.stranger import TOKEN, Identity, Talk

Start = Callable[..., Call]
Meet = Callable[..., AbstractContextManager[Call]]


def test_message_is_received(call: Start) -> None:
    """201, a receipt, no errors: the green tick, with the DfE's reference."""
    running = call()

    outcome = running.send(I=3)

    (kept,) = running.pretend.store.received()
    assert (outcome.state, outcome.problem, outcome.reference) == (State.ACCEPTED, None, kept.ref)
    assert [one.answer for one in outcome.tries] == ["201 received"]
    assert kept.body == a_body(I=3).content


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_secret_with_signs_signs_in(call: Start, method: str) -> None:
    """A plus, a percent, a colon, an ampersand: RFC 6749 2.3.1 form-encodes them, in the header too."""
    assert set("+%:&= ") <= set(SECRET)
    running = call(auth_method=method, pretend={"client": Client("oakfield", SECRET, scope="counts")}, scope="counts")

    assert running.send().state is State.ACCEPTED


@pytest.mark.parametrize(
    ("kind", "key"), [("EC", generate_private_key(SECP256R1())), ("RSA", generate_rsa(65537, 2048))]
)
def test_private_key_signs_in(call: Start, tmp_path: Path, kind: Literal["EC", "RSA"], key: PrivateKeyTypes) -> None:
    """Either kind of key; its statement counts once, so a second token needs a new one."""
    pem = tmp_path / "private-key.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pem.chmod(0o600)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    client = Client("oakfield", public_key=import_key(public, kind))
    changes = {"auth_method": "private_key_jwt", "private_key_file": pem, "client_secret_file": None}
    running = call(Fault.UNAUTHORISED_ONCE, pretend={"client": client}, **changes)

    assert running.send().state is State.ACCEPTED


def test_one_token_serves_the_whole_run(call: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when several senders begin at once: a token request each would be a burst."""
    running = call()
    asked = _counted(monkeypatch)

    with ThreadPoolExecutor(4) as pool:
        states = {outcome.state for outcome in pool.map(lambda _: running.send(), range(12))}

    assert states == {State.ACCEPTED}
    assert asked == ["token"]


def test_refused_token_is_replaced_once_and_the_message_goes_again(
    call: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token may end early. The message keeps its key."""
    running = call(Fault.UNAUTHORISED_ONCE)
    asked = _counted(monkeypatch)

    assert running.send().state is State.ACCEPTED
    assert running.send().state is State.ACCEPTED
    assert asked == ["token", "token"]


def test_token_that_was_never_taken_is_replaced_once(call: Start) -> None:
    """401 twice is a matter for IT, not for more tries; the words do not doubt the client that was signed in."""
    running = call(Fault.UNAUTHORISED_ONCE, Fault.UNAUTHORISED_ONCE)

    first, second = running.send(), running.send()

    assert (first.state, case_of(first.problem)) == (State.FAILED, "SIGNIN-REFUSED key")
    assert (second.tries, second.problem) == ((), first.problem)
    assert running.answers == []


def test_token_that_ends_early_is_replaced_each_time(call: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the retry budget: a token that was taken once has shown that the client and its secret are right."""
    running = call(*[Fault.UNAUTHORISED_ONCE, Fault.NONE] * 8)
    asked = _counted(monkeypatch)

    assert [running.send().state for _ in range(8)] == [State.ACCEPTED] * 8
    assert len(asked) == 9


def test_tokens_that_always_end_early_are_told_as_that(call: Start) -> None:
    """The budget is that of the run; anyone who let us in 11 times does not doubt the client."""
    running = call(Fault.NONE, *[Fault.UNAUTHORISED_ONCE, Fault.NONE] * 20)

    outcomes = [running.send() for _ in range(20)]

    states = [outcome.state for outcome in outcomes]
    assert states == [State.ACCEPTED] * 11 + [State.FAILED] * 9
    assert {case_of(outcome.problem) for outcome in outcomes[11:]} == {"SIGNIN-REFUSED early"}
    assert outcomes[11].problem
    assert outcomes[11].problem["tokens"] == 11


def test_sign_in_that_is_refused_later_is_told_as_that(meet: Meet) -> None:
    """It had let us in: neither the client nor its secret is wrong."""
    tokens = iter([json.dumps({"access_token": TOKEN, "token_type": "Bearer"})])
    posts = iter([201])

    def sign_in(talk: Talk) -> None:
        found = next(tokens, "")
        talk.reply(200 if found else 400, found or '{"error": "invalid_client"}')

    def answer(talk: Talk) -> None:
        talk.reply(next(posts, 401), '[{"submissionRef": "r", "errors": []}]')

    with meet(token=sign_in, api=answer) as running:
        first, second = running.send(), running.send()

    assert (first.state, case_of(second.problem)) == (State.ACCEPTED, "SIGNIN-REFUSED again")


def test_wrong_secret_is_told_without_the_secret(call: Start) -> None:
    """Nothing is posted, and only the DfE's own word is repeated."""
    running = call(pretend={"client": Client("oakfield", "another")})

    outcome = running.send()

    assert outcome.state is State.FAILED
    assert outcome.problem
    assert (case_of(outcome.problem), outcome.problem["error"]) == ("SIGNIN-REFUSED", "invalid_client")
    assert (outcome.problem.exit_code, running.answers) == (4, [])


def test_all_senders_learn_of_one_refusal(call: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong secret is tried once a run: some servers lock a client that comes again and again."""
    running = call(pretend={"client": Client("oakfield", "another")})
    asked = _counted(monkeypatch)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: running.send(), range(8)))

    assert {outcome.problem and outcome.problem.code for outcome in outcomes} == {"SIGNIN-REFUSED"}
    assert sum(len(outcome.tries) for outcome in outcomes) == 1
    assert asked == ["token"]


def test_missing_subscription_key_is_a_refused_sign_in(call: Start) -> None:
    """The gateway wants one, and the settings name none."""
    outcome = call(subscription_key_file=None).send()

    assert case_of(outcome.problem) == "SIGNIN-REFUSED token"


def test_answer_without_end_is_no_confirmation(meet: Meet) -> None:
    """At most 64 KiB are read; it may have arrived."""
    with meet(api=lambda talk: talk.reply(201, b" " * 70_000)) as running:
        outcome = running.send()

    assert (outcome.state, case_of(outcome.problem)) == (State.UNKNOWN, "DFE-ANSWER")
    assert len(running.pretend.posts) == 1


def test_wrong_subscription_key_is_a_refused_sign_in(call: Start, tmp_path: Path) -> None:
    """The gateway says 401; a new token does not help."""
    running = call()
    (tmp_path / "subscription-key").write_text("another")

    secrets = credentials(running.settings)
    with Deadline() as deadline, Dfe(running.settings.dfe, secrets, deadline) as dfe:
        outcome = dfe.send(consent(), a_body().content, "a key", nullcontext)

    assert case_of(outcome.problem) == "SIGNIN-REFUSED key"


def test_faulty_message_tells_its_cells(call: Start) -> None:
    """201 with errors is not a tick: the trap of the contract."""
    outcome = call(Fault.FAULTY).send(I=3)

    (fault,) = outcome.faults
    assert outcome.state is State.FAULTY
    assert (fault.code, fault.cell, fault.attendance_code) == ("VAL104", Cell("1", Session.AM), "I")
    assert outcome.problem == Problem(
        "DFE-FAULTS", "attendance-code", faults=1, kind="VAL104", value="I", places=('Year 1 AM "I"',), more=0
    )


def test_rejected_message_is_not_tried_again(call: Start) -> None:
    """400: the same message would be rejected again."""
    running = call(Fault.REJECT)

    outcome = running.send()

    assert (outcome.state, running.answers) == (State.REJECTED, [400])
    assert outcome.problem == Problem("DFE-REJECTED", "urn", status=400, kind="VAL102")


def test_busy_service_is_tried_again_under_the_same_key(call: Start) -> None:
    """503 twice, then 201: one submission."""
    running = call(Fault.BUSY, Fault.BUSY)

    outcome = running.send()

    assert outcome.state is State.ACCEPTED
    assert [one.answer for one in outcome.tries] == ["503 busy", "503 busy", "201 received"]
    assert {key for _, key, _ in running.pretend.posts} == {"key-0"}


def test_message_is_tried_four_times(call: Start) -> None:
    """Then the next run has it; what a 503 did with it is not known."""
    running = call(*[Fault.BUSY] * 9)

    outcome = running.send()

    assert (outcome.state, running.answers) == (State.UNKNOWN, [503] * 4)
    host = f"localhost:{running.pretend.server.port}"
    assert outcome.problem == Problem("DFE-BUSY", host=host, status=503, tries=4)


def test_three_failures_of_one_kind_end_the_run(call: Start) -> None:
    """An outage makes attsync quieter: 10 retries and three messages, not four tries for each of hundreds."""
    running = call(*[Fault.BUSY] * 99)

    outcomes = [running.send() for _ in range(6)]

    assert [len(outcome.tries) for outcome in outcomes] == [4, 4, 4, 0, 0, 0]
    assert {outcome.problem and outcome.problem.code for outcome in outcomes} == {"DFE-BUSY"}


def test_retries_have_one_budget(call: Start) -> None:
    """Ten a run, however its failures lie."""
    script = [*[Fault.BUSY] * 3, Fault.NONE] * 3 + [Fault.BUSY] * 9
    running = call(*script)

    outcomes = [running.send() for _ in range(5)]

    assert [len(outcome.tries) for outcome in outcomes] == [4, 4, 4, 2, 1]


def test_closed_service_ends_the_run(call: Start) -> None:
    """410 holds for every message."""
    running = call(Fault.CLOSED)

    first, second = running.send(), running.send()

    assert (first.state, running.answers) == (State.REJECTED, [410])
    assert first.problem
    assert (first.problem.code, first.problem.exit_code) == ("DFE-CLOSED", 4)
    assert (second.state, second.tries, second.problem) == (State.FAILED, (), first.problem)


def test_lost_answer_is_asked_for_again(call: Start) -> None:
    """Stored, and the answer lost: the same key brings the same receipt, and nothing is stored twice."""
    running = call(Fault.LOST)

    outcome = running.send()

    (kept,) = running.pretend.store.received()
    assert (outcome.state, outcome.reference) == (State.ACCEPTED, kept.ref)
    assert [one.answer for one in outcome.tries] == ["connection lost", "201 received"]


@pytest.mark.parametrize("fault", [Fault.GARBLED, Fault.REDIRECT])
def test_odd_answer_is_no_confirmation(call: Start, fault: Fault) -> None:
    """It may have arrived; it is not tried again, for the same would come back."""
    running = call(fault)

    outcome = running.send()

    assert (outcome.state, len(running.answers)) == (State.UNKNOWN, 1)
    assert outcome.problem
    assert outcome.problem.exit_code == 8


def test_unruly_words_are_shown_tame(call: Start) -> None:
    """No escape sequence reaches a screen or the log."""
    outcome = call(Fault.UNRULY).send()

    assert outcome.problem
    assert outcome.problem["said"] == "[2J [31m[bold]No[/bold] on [/nonsense]"


def test_wait_that_the_dfe_asks_for_is_kept(call: Start) -> None:
    """Retry-After: 1."""
    started = monotonic()

    outcome = call(Fault.BUSY_RETRY_AFTER).send()

    assert [one.answer for one in outcome.tries] == ["429 busy", "201 received"]
    assert monotonic() - started >= 1


def test_time_limit_of_the_run_ends_a_request_too(call: Start) -> None:
    """A run of a fifth of a second does not wait thirty for an answer."""
    arrived, late = Event(), Event()

    def pause(_: float) -> None:
        arrived.set()
        late.wait(20)

    for seconds in (0.2, 2, 5):  # a busy machine may need more before the request has left
        running = call(Fault.SLOW, run_minutes=seconds / 60, pretend={"pause": pause})
        started = monotonic()
        outcome = running.send()
        took = monotonic() - started
        if arrived.is_set():
            break
    late.set()

    assert (outcome.state, took < 15) == (State.UNKNOWN, True)


def test_web_filter_is_no_confirmation(call: Start) -> None:
    """200 and a page: something answers, and it is not the DfE."""
    outcome = call(Fault.HTML).send()

    assert outcome.state is State.UNKNOWN
    assert outcome.problem
    assert (outcome.problem.code, outcome.problem.exit_code) == ("DFE-ANSWER", 8)


def test_untrusted_certificate_stops_everything(call: Start) -> None:
    """Nothing is sent, not even the secret, and it is not tried again."""
    running = call(ca_file=None)

    first, second = running.send(), running.send()

    assert first.state is State.FAILED
    assert first.problem
    assert (first.problem.code, first.problem.exit_code, len(first.tries)) == ("DFE-CERTIFICATE", 8, 1)
    assert second.tries == ()


def test_nothing_listens(tmp_path: Path, deadline: Deadline) -> None:
    """Surely not delivered: `failed`. The four tries are those of the sign-in, and every message learns of them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    loaded = settings(tmp_path, base_url=f"https://localhost:{port}", token_url=f"https://localhost:{port}/token")

    with Dfe(loaded.dfe, credentials(loaded), deadline) as dfe:
        first, second = (dfe.send(consent(), a_body().content, "a key", nullcontext) for _ in range(2))

    assert first.state is State.FAILED
    assert first.problem == Problem("DFE-UNREACHABLE", "none", host=f"localhost:{port}", tries=4)
    assert (second.tries, second.problem) == ((), first.problem)


@pytest.mark.parametrize(
    ("answer", "case", "tries"),
    [
        (b"407 Proxy Authentication Required", "DFE-ANSWER proxy-sign-in", 1),
        (b"403 Forbidden", "DFE-ANSWER proxy-refuses", 1),
        (b"302 Found", "DFE-ANSWER proxy-refuses", 1),
        (b"405 Method Not Allowed", "DFE-ANSWER proxy-refuses", 1),
        (b"503 Service Unavailable", "DFE-UNREACHABLE status", 4),
    ],
)
def test_proxy_that_refuses_is_asked_once(
    tmp_path: Path, deadline: Deadline, answer: bytes, case: str, tries: int
) -> None:
    """More tries would lock its account; one that cannot reach the DfE may reach it a moment later."""
    with proxy_answering(answer) as (port, seen):
        loaded = settings(tmp_path, dfe_lines=f'proxy = "http://sam:hunter2@127.0.0.1:{port}"')
        with Dfe(loaded.dfe, credentials(loaded), deadline) as dfe, ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(lambda _: dfe.send(consent(), a_body().content, "k", nullcontext), range(8)))

    problem = outcomes[0].problem
    assert problem
    assert {case_of(outcome.problem) for outcome in outcomes} == {case}
    assert (problem["proxy"], problem["status"]) == (f"127.0.0.1:{port}", int(answer[:3]))
    assert (problem.setting, problem.exit_code) == (("dfe", "proxy"), 8 if tries == 1 else 5)
    assert (len(seen), {outcome.state for outcome in outcomes}) == (tries, {State.FAILED})


def test_proxy_with_the_certificate_of_another_name_is_told_with_its_setting(meet: Meet, identity: Identity) -> None:
    """Its address is wrong; where it is not trusted, the authority is missing."""
    found = []
    for certificate in (identity.other_host, identity.unknown):
        with proxy_answering(certificate=certificate) as (port, _):
            with meet(changes={"proxy": SecretStr(f"https://sam:hunter2@localhost:{port}")}) as running:
                problem = running.send().problem
            assert problem
            found.append((case_of(problem), problem["proxy"] == f"localhost:{port}", problem.setting))

    assert found == [
        ("DFE-CERTIFICATE other-name", True, ("dfe", "proxy")),
        ("DFE-CERTIFICATE unknown", True, ("dfe", "ca_file")),
    ]


def test_tunnel_that_breaks_costs_one_try(meet: Meet) -> None:
    """The next one goes through a new tunnel, under the same key."""
    with proxy_answering(broken=1) as (port, _), meet() as stranger:
        loaded = stranger.settings
        proxied = loaded.dfe.model_copy(update={"proxy": SecretStr(f"http://127.0.0.1:{port}")})
        with Deadline(600) as deadline, Dfe(proxied, credentials(loaded), deadline) as dfe:
            outcome = dfe.send(consent(), a_body().content, "a key", nullcontext)

    assert outcome.state is State.ACCEPTED


def test_clock_is_asked_for_without_a_secret(meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a run that has nothing to send: no sign-in, no key, and an answer of any kind will do."""
    with meet(also={b"/": lambda talk: talk.reply(404, "")}) as running:
        right = running.dfe.clock_problem()
        monkeypatch.setattr("attsync.dfe.client.datetime", _Clock(datetime.now(UTC) + timedelta(days=21)))
        wrong = running.dfe.clock_problem()
        requests = list(running.pretend.requests)
    gone = running.dfe.clock_problem()

    assert (right, case_of(wrong), gone and gone.code) == (None, "CLOCK", "DFE-UNREACHABLE")
    assert len(requests) == 2
    for request in requests:
        assert request.startswith(b"HEAD / HTTP/1.1")
        assert not re.search(rb"(?i)authorization|subscription|secret|oakfield", request)


def test_answer_that_takes_too_long_leaves_the_fate_open(call: Start) -> None:
    """It may have arrived: `unknown`, and the next run asks again under the same key."""
    late = Event()
    running = call(*[Fault.SLOW] * 4, timeout_seconds=0.1, pretend={"pause": lambda _: late.wait(10)})

    outcome = running.send()
    late.set()

    assert (outcome.state, case_of(outcome.problem)) == (State.UNKNOWN, "DFE-UNREACHABLE late")


def test_run_has_a_time_limit(call: Start) -> None:
    """What is not done by then is left to the next run."""
    running = call(run_minutes=0)

    outcome = running.send()

    assert (outcome.tries, outcome.problem and outcome.problem.code) == ((), "RUN-TIME")


def test_long_retry_after_ends_the_tries(call: Start) -> None:
    """A wait that would outlast the run is for the next one."""
    running = call(Fault.BUSY_RETRY_AFTER, run_minutes=0.01)

    outcome = running.send()

    assert (outcome.state, len(outcome.tries)) == (State.FAILED, 1)


def test_wait_of_more_than_two_minutes_is_not_begun(meet: Meet) -> None:
    """Though the run has ten: meanwhile it would hold up every other school."""
    with meet(api=lambda talk: talk.reply(429, "{}", "text/json", "Retry-After: 121")) as running:
        too_late = Timer(60, running.dfe.stop)
        too_late.start()
        outcome = running.send()
        was_in_time = too_late.is_alive()
        too_late.cancel()

    assert (outcome.state, len(outcome.tries), was_in_time) == (State.FAILED, 1, True)


def test_each_request_asks_for_its_permit(call: Start) -> None:
    """Consent is read again before the first byte of every try (docs/design/reliability.md P2)."""
    asked = []

    @contextmanager
    def permit() -> Iterator[None]:
        asked.append("permit")
        yield

    running = call(Fault.BUSY, Fault.UNAUTHORISED_ONCE)

    assert running.send(permit).state is State.ACCEPTED
    assert len(asked) == 3


def test_refused_permit_stops_the_message(call: Start) -> None:
    """Consent that is removed between two tries stops the second."""
    answers = iter([True, False])

    @contextmanager
    def permit() -> Iterator[None]:
        if not next(answers):
            raise NotPermitted("CONSENT-NONE")
        yield

    running = call(Fault.BUSY)
    outcome = running.send(permit)

    assert running.answers == [503]
    assert (outcome.state, outcome.problem and outcome.problem.code) == (State.UNKNOWN, "CONSENT-NONE")


def test_clock_of_this_machine_is_compared(call: Start) -> None:
    """A date that is wrong by a day would send wrong days."""
    running = call()
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("attsync.dfe.client.datetime", _Clock(tomorrow))
        outcome = running.send()

    assert (outcome.state, outcome.problem and outcome.problem.exit_code) == (State.FAILED, 2)
    assert outcome.problem
    assert outcome.problem.code == "CLOCK"
    assert running.answers == []


def test_nothing_of_the_environment_has_a_say(call: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Proxies would see the request, netrc would sign it, SSLKEYLOGFILE would open it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login somebody password other")
    keys = tmp_path / "keys"
    for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))

    assert call().send().state is State.ACCEPTED
    assert not keys.exists()


def test_no_secret_is_logged(call: Start, caplog: pytest.LogCaptureFixture) -> None:
    """Not even by the HTTP library at its most talkative, and in none of the forms in which it travels."""
    caplog.set_level(logging.DEBUG)
    running = call(Fault.UNAUTHORISED_ONCE)
    basic = b64encode(f"oakfield:{quote_plus(SECRET)}".encode()).decode()

    running.send()

    assert caplog.text.count("/oauth/token: 200") == 2
    for secret in (SECRET, quote_plus(SECRET), quote(SECRET), basic, SUBSCRIPTION_KEY):
        assert secret not in caplog.text
    tokens = list(running.pretend.service.sign_in.tokens)
    assert "/attendances: 201" in caplog.text
    assert (len(tokens), [token for token in tokens if token in caplog.text]) == (2, [])


def test_key_that_no_header_can_carry_is_told(tmp_path: Path) -> None:
    """The HTTP library would fail in the middle of a run, with the key in its error."""
    loaded = settings(tmp_path)
    (tmp_path / "subscription-key").write_text("clé")

    with pytest.raises(SettingsError) as raised:
        Credentials.load(loaded.dfe)
    assert case_of(raised.value.problem) == "SECRET-FILE subscription-key"
    assert "clé" not in str(raised.value)


def test_stopped_run_starts_nothing_more(call: Start) -> None:
    """A signal."""
    running = call()
    running.dfe.stop()

    outcome = running.send()

    assert (outcome.tries, outcome.problem and outcome.problem.code) == ((), "STOPPED")


def test_run_that_is_cut_sends_nothing_more(call: Start) -> None:
    """Neither over the connections that there are, nor over those that a sender was just about to open."""
    running = call()
    first = running.send()
    running.dfe.cut()

    with ThreadPoolExecutor(1) as pool:
        outcomes = [running.send(), pool.submit(running.send).result()]

    assert first.state is State.ACCEPTED
    assert [outcome.state for outcome in outcomes] == [State.FAILED] * 2
    assert running.answers == [201]


def test_no_words_of_a_stranger_hold_a_secret(meet: Meet) -> None:
    """Nor those that only this run knows: its token, and the password of the proxy."""
    said = {"title": f"{TOKEN} {SECRET} {SUBSCRIPTION_KEY}", "detail": "hunter2-and-more"}
    with proxy_answering() as (port, _), meet(api=lambda talk: talk.reply(400, json.dumps(said))) as running:
        proxy = SecretStr(f"http://sam:hunter2%2Dand%2Dmore@127.0.0.1:{port}")
        settings = running.settings.dfe.model_copy(update={"proxy": proxy})
        with Deadline() as deadline, Dfe(settings, credentials(running.settings), deadline) as dfe:
            outcome = dfe.send(consent(), a_body().content, "a key", nullcontext)

    assert outcome.problem == Problem("DFE-REJECTED", "said", status=400, said="*** *** *** ***")


def test_consent_that_was_not_given_is_never_passed_on(call: Start) -> None:
    """Whatever called: also under python -O, which leaves assertions out."""
    running = call()

    with pytest.raises(ValueError, match="not given"):
        running.dfe.send(consent("removed"), a_body().content, "a key", nullcontext)
    assert running.answers == []


class _Clock:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self, zone: object) -> datetime:
        assert zone is UTC
        return self._now


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count what `token_request` is asked for; it still does its work."""
    asked: list[str] = []

    def count(settings: DfeSettings, secrets: Credentials) -> tuple[dict[str, str], bytes]:
        asked.append("token")
        return token_request(settings, secrets)

    monkeypatch.setattr("attsync.dfe.client.token_request", count)
    return asked
