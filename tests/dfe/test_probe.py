"""probe.py: what `check` asks of the DfE, and what is seen of its certificate and clock on the way."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import inf
from pathlib import Path

import pytest
import trustme

from attsync.checks.probe import Probe
from attsync.problems import Problem
from attsync.sandbox.auth import Client
from tests.dfe.conftest import Call
from tests.factories import credentials, settings
from tests.torture.stranger import TOKEN, Stranger, Talk, make_identity

Start = Callable[..., Probe]


@pytest.fixture
def probe(call: Callable[..., Call]) -> Iterator[Start]:
    """Start a pretend DfE, and ask it."""
    with ExitStack() as running:

        def start(**options: object) -> Probe:
            loaded = call(**options).settings
            return running.enter_context(Probe(loaded.dfe, credentials(loaded), longest_wait=0))

        yield start


def test_look_up_gives_what_the_dfe_says(probe: Start) -> None:
    """The codes, the year groups, a school, and None where it knows none; `attsync check` asks."""
    dfe = probe()

    assert dfe.look_up("/codes/attendance")[0].keys() == {"AttendanceCode", "AttendanceDescription"}
    assert dfe.look_up("/codes/ncyeargroup")[0].keys() == {"YearGroupCode", "YearGroup"}
    assert dfe.look_up("/provider/900023")["name"] == "Oakfield Primary School"
    assert dfe.look_up("/provider/123456") is None


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((200, b""), "DFE-ANSWER"),
        ((200, b"[" * 60_000), "DFE-ANSWER"),
        ((200, b"x" * 70_000), "DFE-ANSWER"),
        ((404, b"<html>"), "DFE-ANSWER"),
        ((400, b"{}"), "DFE-ANSWER"),
        ((302, b"{}"), "DFE-ANSWER"),
        ((401, b"{}"), "SIGNIN-REFUSED"),
        ((410, b"{}"), "DFE-CLOSED"),
        ((503, b"{}"), "DFE-BUSY"),
    ],
    ids=str,
)
def test_look_up_that_brings_nothing_says_why(tmp_path: Path, answer: tuple[int, bytes], code: str) -> None:
    """The same words as for a message."""
    identity = make_identity(tmp_path)
    with Stranger(identity.good, api=lambda talk: talk.reply(*answer)) as server:
        loaded = settings(tmp_path, origin=server.origin, path="/token", ca_file=identity.ca)
        with Probe(loaded.dfe, credentials(loaded), longest_wait=0) as dfe:
            found = dfe.look_up("/attendances")

    assert isinstance(found, Problem)
    assert found.code == code


def test_look_up_without_a_token_says_why(probe: Start) -> None:
    """Wrong secret."""
    found = probe(pretend={"client": Client("oakfield", "another")}).look_up("/codes/attendance")

    assert isinstance(found, Problem)
    assert found.code == "SIGNIN-REFUSED"


def test_sign_in_says_how_long_it_lasts(probe: Start) -> None:
    """An hour is usual."""
    asked = probe()
    lasts = asked.sign_in()

    assert isinstance(lasts, float)
    assert 0 < lasts <= 3600


def test_token_without_an_end_lasts_for_ever(tmp_path: Path) -> None:
    """The DfE need not say."""
    token = json.dumps({"access_token": TOKEN, "token_type": "Bearer"})
    identity = make_identity(tmp_path)
    with Stranger(identity.good, token=lambda talk: talk.reply(200, token)) as server:
        loaded = settings(tmp_path, origin=server.origin, path="/token", ca_file=identity.ca)
        with Probe(loaded.dfe, credentials(loaded)) as asked:
            assert asked.sign_in() == inf


def test_refused_sign_in_is_a_problem_and_the_host_was_met(probe: Start) -> None:
    """Its certificate was good all the same."""
    asked = probe(pretend={"client": Client("oakfield", "another")})
    refused = asked.sign_in()

    assert isinstance(refused, Problem)
    assert refused.code == "SIGNIN-REFUSED"
    assert len(asked.met()) == 1


def test_end_of_the_certificate_is_seen(tmp_path: Path) -> None:
    """So that somebody can renew it in time."""
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=10)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    short = authority.issue_cert("localhost", not_after=ends)
    short.private_key_and_cert_chain_pem.write_to_path(tmp_path / "short.pem")
    with Stranger(tmp_path / "short.pem") as server:
        loaded = settings(tmp_path, origin=server.origin, path="/token", ca_file=tmp_path / "ca.pem")
        with Probe(loaded.dfe, credentials(loaded)) as asked:
            before = asked.met()
            asked.sign_in()
            met = asked.met()

    assert before == []
    assert met == [(f"localhost:{server.port}", ends)]


def test_host_that_is_not_trusted_was_not_met(tmp_path: Path) -> None:
    """Whatever it shows proves nothing."""
    identity = make_identity(tmp_path)
    with Stranger(identity.unknown) as server:
        loaded = settings(tmp_path, origin=server.origin, path="/token", ca_file=identity.ca)
        with Probe(loaded.dfe, credentials(loaded)) as asked:
            problem = asked.sign_in()

            assert asked.met() == []
            assert asked.clock_differs is None
    assert isinstance(problem, Problem)


@pytest.mark.parametrize("seconds", [0, 90, -90])
def test_clock_is_compared_with_the_dfes(tmp_path: Path, seconds: int) -> None:
    """By the Date header of the token answer."""
    token = json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3599}).encode()

    def answer(talk: Talk) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        talk.send(f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: {len(token)}\r\n\r\n".encode(), token)

    identity = make_identity(tmp_path)
    with Stranger(identity.good, token=answer) as server:
        loaded = settings(tmp_path, origin=server.origin, path="/token", ca_file=identity.ca)
        with Probe(loaded.dfe, credentials(loaded)) as asked:
            asked.sign_in()
            found = asked.clock_differs

    assert found is not None
    assert abs(found.total_seconds() - seconds) < 5
