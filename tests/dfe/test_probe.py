"""probe.py: what `check` asks of the DfE, and what is seen of its certificate and clock on the way."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import inf
from pathlib import Path
from typing import Any

import pytest
import trustme

from attsync.checks.probe import Probe
from attsync.deadline import Deadline
from attsync.problems import Problem
from attsync.sandbox.auth import Client
from tests.dfe.conftest import Call, case_of
from tests.factories import SECRET, credentials
from tests.torture.stranger import TOKEN, Identity, Talk

Start = Callable[..., Probe]
Meet = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def probe(call: Callable[..., Call]) -> Iterator[Start]:
    """Start a pretend DfE, and ask it."""
    with ExitStack() as running:

        def start(**options: object) -> Probe:
            loaded = call(**options).settings
            deadline = running.enter_context(Deadline(600))
            return running.enter_context(Probe(loaded.dfe, credentials(loaded), deadline))

        yield start


def test_look_up_returns_what_the_dfe_says(probe: Start) -> None:
    """The codes, the year groups, a school, and None where it knows none; `attsync check` asks."""
    dfe = probe()

    assert dfe.codes() >= {"/", "I", "L"}  # type: ignore[operator]
    assert dfe.year_groups() >= {"R", "1", "6"}  # type: ignore[operator]
    assert dfe.name_of(900023) == "Sandbox School 900023"
    assert dfe.name_of(123456) is None


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((200, b""), "DFE-ANSWER"),
        ((200, b"[" * 60_000), "DFE-ANSWER"),
        ((200, b"x" * 70_000), "DFE-ANSWER"),
        *(
            ((200, content), "DFE-ANSWER")
            for content in (
                b"null",
                b"7",
                b"NaN",
                b'"text"',
                b"{}" * 2,
                b'{"AttendanceCode": ["/"], "name": 1}',
                b"[null]",
                b"[[]]",
                b'[{"AttendanceCode": 1}]',
                b'[{"AttendanceCode": null}]',
                b'{"name": ["a"]}',
                b'{"name": "a", "name": "b"}',
                b"\xff",
            )
        ),
        ((404, b"<html>"), "DFE-ANSWER"),
        ((404, b"[]"), "DFE-ANSWER"),
        ((400, b"{}"), "DFE-ANSWER"),
        ((302, b"{}"), "DFE-ANSWER"),
        ((401, b"{}"), "SIGNIN-REFUSED"),
        ((410, b"{}"), "DFE-CLOSED"),
        ((503, b"{}"), "DFE-BUSY"),
    ],
    ids=str,
)
def test_look_up_that_brings_nothing_says_why(meet: Meet, answer: tuple[int, bytes], code: str) -> None:
    """The same words as for a message, whatever form the answer has."""

    def reply(talk: Talk) -> None:
        talk.reply(*answer)

    with meet(Probe, also={b"/codes/attendance": reply, b"/provider/900023": reply}) as running:
        found = [running.dfe.codes(), running.dfe.name_of(900023)]

    assert [getattr(each, "code", each) for each in found] == [code] * 2


def test_list_that_is_not_found_is_not_the_dfes(meet: Meet) -> None:
    """A mistake in the path of base_url: there is no list of codes to ask anyone about."""
    with meet(Probe) as running:
        assert case_of(running.dfe.year_groups()) == "DFE-ANSWER"


@pytest.mark.parametrize(
    ("said", "name"), [("null", ""), ('"Oak\\u202e \\u001b[2J"', "Oak [2J"), (f'"{TOKEN[3:]} {SECRET}"', "*** ***")]
)
def test_name_of_a_school_is_fit_to_show(meet: Meet, said: str, name: str) -> None:
    """It is a stranger's text, and may repeat a secret."""
    with meet(Probe, also={b"/provider/900023": lambda talk: talk.reply(200, f'{{"name": {said}}}')}) as running:
        assert running.dfe.name_of(900023) == name


def test_look_up_without_a_token_says_why(probe: Start) -> None:
    """Wrong secret."""
    found = probe(pretend={"client": Client("oakfield", "another")}).codes()

    assert isinstance(found, Problem)
    assert found.code == "SIGNIN-REFUSED"


def test_sign_in_says_how_long_it_lasts(probe: Start) -> None:
    """An hour is usual."""
    asked = probe()
    lasts = asked.sign_in()

    assert isinstance(lasts, float)
    assert 0 < lasts <= 3600


def test_token_without_an_end_lasts_for_ever(meet: Meet) -> None:
    """The DfE need not say."""
    token = json.dumps({"access_token": TOKEN, "token_type": "Bearer"})
    with meet(Probe, token=lambda talk: talk.reply(200, token)) as running:
        assert running.dfe.sign_in() == inf


def test_refused_sign_in_is_a_problem_and_the_host_was_met(probe: Start) -> None:
    """Its certificate was good all the same."""
    asked = probe(pretend={"client": Client("oakfield", "another")})
    refused = asked.sign_in()

    assert isinstance(refused, Problem)
    assert refused.code == "SIGNIN-REFUSED"
    assert len(asked.met()) == 1


def test_end_of_the_certificate_is_seen(meet: Meet, tmp_path: Path) -> None:
    """So that someone can renew it in time."""
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=10)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    short = authority.issue_cert("localhost", not_after=ends)
    short.private_key_and_cert_chain_pem.write_to_path(tmp_path / "short.pem")
    with meet(Probe, {"ca_file": tmp_path / "ca.pem"}, certificate=tmp_path / "short.pem") as running:
        before = running.dfe.met()
        running.dfe.sign_in()

        assert before == []
        assert running.dfe.met() == [(f"localhost:{running.pretend.port}", ends)]


def test_host_that_is_not_trusted_was_not_met(meet: Meet, identity: Identity) -> None:
    """Whatever it shows proves nothing."""
    with meet(Probe, certificate=identity.unknown) as running:
        problem = running.dfe.sign_in()

        assert (case_of(problem), running.dfe.met(), running.dfe.clock_differs) == ("DFE-CERTIFICATE unknown", [], None)


@pytest.mark.parametrize("seconds", [0, 90, -90])
def test_clock_is_compared_with_the_dfes(meet: Meet, seconds: int) -> None:
    """By the Date header of the token answer."""
    token = json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3599}).encode()

    def answer(talk: Talk) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        talk.send(f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: {len(token)}\r\n\r\n".encode(), token)

    with meet(Probe, token=answer) as running:
        running.dfe.sign_in()
        found = running.dfe.clock_differs

    assert found is not None
    assert abs(found.total_seconds() - seconds) < 30
