"""The DfE's service as `run` uses it: a body and a consent in, an outcome out.

Decides when to try again and when to stop (docs/design/reliability.md 4): 4 tries per message, one budget of retries
and one deadline per run, jitter, Retry-After obeyed. Imports nothing that can read what a body says.
"""

import logging
import random
import threading
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from attsync.consent import ActiveConsent
from attsync.deadline import Deadline
from attsync.dfe.auth import (
    CLOCKS_DIFFER,
    Credentials,
    Token,
    clock_differs,
    clock_problem,
    judge_refusal,
    read_token,
    token_request,
)
from attsync.dfe.connection import Answer, Connection
from attsync.dfe.network import NoAnswer, Permit
from attsync.dfe.replies import Judgement, judge, judge_no_answer, token_refused, words_of
from attsync.dfe.sanitise import clean
from attsync.dfe.tls import trusted
from attsync.model import Outcome, State, Try, state_after
from attsync.problems import NotPermitted, Problem
from attsync.settings import DfeSettings

_logger = logging.getLogger(__name__)

_TRIES: Final = 4
LONGEST_WAIT = 30.0
"""Seconds before the last retry of a message."""
_LONGEST_RETRY_AFTER: Final = 120
_SAME_FAILURES: Final = 3


class Dfe:
    """The connection of one run to the DfE. Signs in at the first message, and again when the token has expired.

    Every method may be called from any thread. `send` waits for its answer, so several messages at once take several
    threads; each thread has connections of its own. Close it when no thread is in `send` any more.
    """

    def __init__(
        self,
        settings: DfeSettings,
        credentials: Credentials,
        deadline: Deadline,
        *,
        schools: int = 1,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self.deadline = deadline
        self._context = trusted(settings.ca_file)
        self._of_thread = threading.local()
        self._opened: list[Connection] = []
        self._is_cut = False
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._retries_left = max(10, 2 * schools)
        self._failures: Counter[str] = Counter()
        self._ended: Problem | None = None
        self._signing_in = threading.Lock()
        self._token: Token | None = None
        self._tokens: list[str] = []
        self._was_let_in = False
        """The service has accepted a token in this run."""
        self._renewed = False
        """A token that the service never accepted has been replaced."""
        self.clock_differs: timedelta | None = None
        """By how much the service's clock is ahead of this computer's, as far as an answer has shown it."""
        self.clock_is_confirmed = False
        """The service's clock was seen to show the same date."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.cut()
        for connection in self._opened:
            connection.close()

    def stop(self) -> None:
        """Start no more requests; those in progress may end."""
        self._ended = self._ended or Problem("STOPPED")
        self._stopped.set()

    def cut(self) -> None:
        """End the requests in progress, and all that follow: no answer comes any more."""
        with self._lock:
            self._is_cut = True
            opened = list(self._opened)
        for connection in opened:
            connection.cut()

    def time_is_up(self) -> Problem | None:
        """Return the problem of everything that is not done yet, once the deadline has passed."""
        return Problem("RUN-TIME", minutes=self._settings.run_minutes) if self.deadline.is_over else None

    def clock_problem(self) -> Problem | None:
        """Return the problem of this computer's date, or of a service that does not answer; None if the date is right.

        Asks for the Date header of any answer, in one request without a secret: for a run that has nothing to send.
        """
        answer = self._exchange(self._settings.base_url, {}, b"", method="HEAD")
        return self._compare_clocks(answer) if isinstance(answer, Answer) else answer.problem

    def clock_ahead(self) -> timedelta:
        """Return by how much the service's clock is ahead of this computer's; ask it if no answer has shown it yet."""
        if self.clock_differs is None:
            self.clock_problem()
        return self.clock_differs or timedelta()

    def _compare_clocks(self, answer: Answer) -> Problem | None:
        now = datetime.now(UTC)
        self.clock_differs = clock_differs(answer, now)
        problem = clock_problem(answer, now)
        near = self.clock_differs is not None and abs(self.clock_differs) <= CLOCKS_DIFFER
        self.clock_is_confirmed = near and problem is None
        return problem

    def send(self, consent: ActiveConsent, body: bytes, key: str, permit: Permit) -> Outcome:
        """Send one message until it is confirmed, refused, or not worth another try.

        `permit` is entered just before each request's first byte, and raises NotPermitted if consent is not in place.
        """
        if not consent.row.given:
            msg = "a consent that was not given"
            raise ValueError(msg)
        tries: list[Try] = []
        state = State.FAILED
        while True:
            if ended := self._ended or self.time_is_up():
                return Outcome(state=state, tries=tuple(tries), problem=ended)
            at, started = datetime.now(UTC), monotonic()
            try:
                judgement = self._try(body, key, permit)
            except NotPermitted as error:
                return Outcome(state=state, tries=tuple(tries), problem=error.problem)
            if judgement.answer:
                tries.append(Try(at=at, seconds=monotonic() - started, answer=judgement.answer))
            state = state_after(state, judgement.state)
            if not (judgement.again and len(tries) < _TRIES and self._wait(judgement, len(tries) - 1)):
                break
        self._learn(judgement)
        return Outcome(
            state=state,
            tries=tuple(tries),
            reference=judgement.reference,
            problem=_with_tries(judgement, len(tries)),
            faults=judgement.faults,
        )

    def _try(self, body: bytes, key: str, permit: Permit) -> Judgement:
        """Send the message once; a token that has expired early is replaced, and the message keeps its key."""
        refused: Token | None = None
        while True:
            token = self._bearer(refused)
            if isinstance(token, Judgement):
                return token
            headers = self._headers(token) | {"Content-Type": "application/json", "Idempotency-Key": key}
            answer = self._exchange(f"{self._settings.base_url}/attendances", headers, body, permit)
            if isinstance(answer, Judgement):
                return answer
            if answer.status != 401:  # noqa: PLR2004
                judgement = judge(self._settings, body, answer, self.clean)
                if judgement.state.is_received or judgement.state is State.REJECTED:
                    token.was_taken = self._was_let_in = True
                    self._renewed = False
                return judgement
            refused = token

    def clean(self, *fields: str) -> tuple[str, ...]:
        """Return the server's texts safe to show: each without control characters and secrets."""
        proxy = urlsplit(self._settings.proxy.get_secret_value()).password if self._settings.proxy else None
        return clean(*fields, secrets=(*self._credentials.secrets, *self._tokens, *([unquote(proxy)] if proxy else [])))

    def _headers(self, token: Token) -> dict[str, str]:
        # Only for the API: the token endpoint must not see the subscription key.
        headers = {"Authorization": f"Bearer {token.value.get_secret_value()}"}
        if self._credentials.subscription_key:
            headers["Ocp-Apim-Subscription-Key"] = self._credentials.subscription_key.get_secret_value()
        return headers

    def _bearer(self, refused: Token | None) -> Token | Judgement:
        """Return the run's token; get a new one if there is none, or if it was `refused` or has expired."""
        with self._signing_in:
            if self._ended:
                return Judgement(State.FAILED, "", self._ended)
            if self._token and self._token is not refused and not self._token.is_over:
                return self._token
            if refused and not self._may_renew(refused):
                self._ended = self._token_problem()
                return Judgement(State.FAILED, words_of(401), self._ended, ends_run=True)
            found = self._sign_in_with_tries()
            if isinstance(found, Token):
                self._token = found
                self._tokens.append(found.value.get_secret_value())
            else:
                self._ended = self._ended or found.problem
            return found

    def _may_renew(self, refused: Token) -> bool:
        """Whether to sign in again: for each token that expired early as long as there are retries, otherwise once."""
        if refused.was_taken:
            return self._spend_retry()
        was_renewed, self._renewed = self._renewed, True
        return not was_renewed

    def _token_problem(self) -> Problem:
        if self._was_let_in:
            return Problem("SIGNIN-REFUSED", "early", client=self._settings.client_id, tokens=len(self._tokens))
        return token_refused(self._settings, 401)

    def _sign_in_with_tries(self) -> Token | Judgement:
        # Called with the lock: while one thread tries again, the others wait for its result.
        number = 0
        while True:
            found = self._sign_in()
            number += 1
            if isinstance(found, Token):
                return found
            if not (found.again and number < _TRIES and self._wait(found, number - 1)):
                return replace(found, again=False, problem=_with_tries(found, number), ends_run=True)

    def _sign_in(self) -> Token | Judgement:
        url = self._settings.token_url
        headers, body = token_request(self._settings, self._credentials)
        answer = self._exchange(url, headers, body)
        if isinstance(answer, Answer):
            if problem := self._compare_clocks(answer):
                return Judgement(State.FAILED, "sign-in: wrong date", problem)
            if answer.status == 200 and (token := read_token(answer)):  # noqa: PLR2004
                return token
            answer = judge_refusal(self._settings, answer, was_let_in=self._was_let_in)
        # A token request has no counts: if it fails, the message was not delivered.
        return replace(answer, state=State.FAILED, answer=f"sign-in: {answer.answer}")

    def _exchange(
        self, url: str, headers: dict[str, str], body: bytes, permit: Permit = nullcontext, *, method: str = "POST"
    ) -> Answer | Judgement:
        where, started = "{0.netloc}{0.path}".format(urlsplit(url)), monotonic()
        try:
            answer = self._connection(url).exchange(method, url, headers=headers, content=body, permit=permit)
        except NoAnswer as reason:
            _logger.info("%s %s: no answer (%s), %.2f s", method, where, reason, monotonic() - started)
            return judge_no_answer(self._settings, url, reason)
        _logger.info("%s %s: %s, %.2f s", method, where, answer.status, monotonic() - started)
        return answer

    def _connection(self, url: str) -> Connection:
        """Return this thread's connection to the host of `url`."""
        host = urlsplit(url).netloc
        connections: dict[str, Connection] = self._of_thread.__dict__
        if host not in connections:
            proxy = self._settings.proxy
            connections[host] = Connection(
                url,
                self._context,
                self.deadline,
                timeout_seconds=self._settings.timeout_seconds,
                proxy=proxy.get_secret_value() if proxy else None,
            )
            with self._lock:
                self._opened.append(connections[host])
                if self._is_cut:
                    connections[host].cut()
        return connections[host]

    def _wait(self, judgement: Judgement, number: int) -> bool:
        """Wait before the next try; False if there is none."""
        seconds = max(random.uniform(0, min(LONGEST_WAIT, 2**number)), judgement.wait_seconds)  # noqa: S311  jitter
        if judgement.wait_seconds > _LONGEST_RETRY_AFTER or seconds >= self.deadline.seconds_left:
            return False
        return self._spend_retry() and not self._stopped.wait(seconds)

    def _spend_retry(self) -> bool:
        """Take one retry from the budget of the run; False if none is left."""
        with self._lock:
            self._retries_left -= 1
            return self._retries_left >= 0

    def _learn(self, judgement: Judgement) -> None:
        """Stop the run if every other message would fail in the same way."""
        with self._lock:
            if judgement.ends_run:
                self._ended = self._ended or judgement.problem
            elif judgement.again and judgement.problem:
                code = judgement.problem.code
                self._failures = Counter({code: self._failures[code] + 1})
                if self._failures[code] >= _SAME_FAILURES or self.deadline.is_over:
                    self._ended = self._ended or judgement.problem
            else:
                self._failures.clear()


def _with_tries(judgement: Judgement, number: int) -> Problem | None:
    problem = judgement.problem
    return problem.but(tries=number) if problem and judgement.again and number > 1 else problem
