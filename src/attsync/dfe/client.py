"""The DfE's service as `send` sees it: hand over a body and a consent, get an outcome.

Knows when to try again and when to stop (RELIABILITY.md 4): four tries a message, one budget of retries and one time
limit a run, jitter, Retry-After obeyed. Refuses to know what a body says. May be used from several threads.
"""

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Final, Self
from urllib.parse import urlsplit

from attsync.consent import Consent
from attsync.dfe.auth import (
    Credentials,
    Token,
    clock_differs,
    clock_problem,
    judge_refusal,
    read_token,
    token_request,
)
from attsync.dfe.connection import Answer, Connection, NoAnswer, Permit, Watch
from attsync.dfe.replies import Judgement, judge, judge_no_answer, signing_in_refused, words_of
from attsync.dfe.tls import trusted
from attsync.model import Outcome, State, Try, state_after
from attsync.problems import NotPermitted, Problem
from attsync.settings import DfeSettings

_logger = logging.getLogger(__name__)

_TRIES: Final = 4
_LONGEST_WAIT: Final = 30
_LONGEST_RETRY_AFTER: Final = 120
_SAME_FAILURES: Final = 3


class Dfe:
    """One run's way to the DfE. Signs in at the first message, and again when the token has ended."""

    def __init__(
        self, settings: DfeSettings, credentials: Credentials, *, schools: int = 1, longest_wait: float = _LONGEST_WAIT
    ) -> None:
        self._settings = settings
        self._longest_wait = longest_wait
        self._credentials = credentials
        self._context = trusted(settings.ca_file)
        self._trusts_system = False
        self._getting_ready = threading.Lock()
        self._watch = Watch()
        self._lines = threading.local()
        self._opened: list[Connection] = []
        self._until = monotonic() + settings.run_minutes * 60
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._retries_left = max(10, 2 * schools)
        self._failures: Counter[str] = Counter()
        self._ended: Problem | None = None
        self._signing_in = threading.Lock()
        self._token: Token | None = None
        self._renewed = False
        self._clock_differs: timedelta | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.cut()
        self._watch.close()
        for line in self._opened:
            line.close()

    @property
    def receiver(self) -> str:
        """What consent must name: the origin of the API."""
        return self._settings.origin

    def get_ready(self) -> None:
        """Load the system's certificates, which takes longer than a request: best done while a database is read."""
        with self._getting_ready:
            if not self._trusts_system:
                self._context.load_default_certs()
                self._trusts_system = True

    def stop(self) -> None:
        """Start no more requests; those under way may end."""
        self._ended = self._ended or Problem(
            "STOPPED", "The run was stopped before this was received.", "Nothing to do: the next send covers this."
        )
        self._stopped.set()

    def cut(self) -> None:
        """End the requests that are under way: no answer comes any more."""
        with self._lock:
            opened = list(self._opened)
        for line in opened:
            line.cut()

    def time_is_up(self) -> Problem | None:
        """Give the problem of whatever is not done yet, once the time limit of the run has passed."""
        if monotonic() < self._until:
            return None
        return Problem(
            "RUN-TIME",
            f"The run reached its time limit of {self._settings.run_minutes} minutes before this was received.",
            "Nothing to do: the next send covers this. If it happens again, raise [dfe] run_minutes.",
            setting=("dfe", "run_minutes"),
        )

    def send(self, consent: Consent, body: bytes, key: str, permit: Permit) -> Outcome:
        """Send one message until it is confirmed, refused, or not worth another try.

        `permit` is entered just before each request's first byte and raises NotPermitted if consent no longer stands.
        """
        assert consent.row.given  # noqa: S101  without a consent there is nothing to pass
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
            problem=_on_tries(judgement, len(tries)),
            faults=judgement.faults,
        )

    def _try(self, body: bytes, key: str, permit: Permit) -> Judgement:
        token = self._bearer(refused=None)
        answer = token if isinstance(token, Judgement) else self._post(body, key, token, permit)
        if isinstance(token, Token) and isinstance(answer, Answer) and answer.status == 401:  # noqa: PLR2004
            # The token may have ended early: one new one a run, and the same message again under the same key.
            token = self._bearer(refused=token)
            answer = token if isinstance(token, Judgement) else self._post(body, key, token, permit)
        if isinstance(token, Judgement):
            return token
        if isinstance(answer, Judgement):
            return answer
        return judge(self._settings, body, answer, self._hiding(token))

    def _post(self, body: bytes, key: str, token: Token, permit: Permit) -> Answer | Judgement:
        headers = self._headers(token) | {"Content-Type": "application/json", "Idempotency-Key": key}
        return self._exchange(f"{self._settings.base_url}/attendances", headers, body, permit)

    def _headers(self, token: Token) -> dict[str, str]:
        # Only for the API: the token endpoint has no business with the subscription key.
        headers = {"Authorization": f"Bearer {token.value.get_secret_value()}"}
        if self._credentials.subscription_key:
            headers["Ocp-Apim-Subscription-Key"] = self._credentials.subscription_key.get_secret_value()
        return headers

    def _hiding(self, token: Token) -> Callable[[str], str]:
        return partial(self._credentials.hide, client_id=self._settings.client_id, token=token.value)

    def _bearer(self, refused: Token | None) -> Token | Judgement:
        """Give the run's token; get one first if there is none, or a new one if this one was `refused` or is over."""
        with self._signing_in:
            if self._ended:
                return Judgement(State.FAILED, "", self._ended)
            if self._token and self._token is not refused and not self._token.is_over:
                return self._token
            if refused and self._renewed:
                return Judgement(State.FAILED, words_of(401), signing_in_refused(self._settings), ends_run=True)
            self._renewed = self._renewed or refused is not None
            found = self._sign_in_with_tries()
            if isinstance(found, Token):
                self._token = found
            else:
                self._ended = self._ended or found.problem
            return found

    def _sign_in_with_tries(self) -> Token | Judgement:
        # Called with the lock held: while one thread tries again, the others wait for what it finds.
        number = 0
        while True:
            found = self._sign_in()
            number += 1
            if isinstance(found, Token):
                return found
            if not (found.again and number < _TRIES and self._wait(found, number - 1)):
                return replace(found, again=False, problem=_on_tries(found, number), ends_run=True)

    def _sign_in(self) -> Token | Judgement:
        url = self._settings.token_url
        headers, body = token_request(self._settings, self._credentials)
        answer = self._exchange(url, headers, body)
        if isinstance(answer, Judgement):
            # A token request carries no counts: whatever became of it, nothing of the message was delivered.
            return Judgement(State.FAILED, f"sign-in: {answer.answer}", answer.problem, again=answer.again)
        self._clock_differs = clock_differs(answer, datetime.now(UTC))
        if problem := clock_problem(answer, datetime.now(UTC)):
            return Judgement(State.FAILED, "sign-in: wrong date", problem)
        if answer.status == 200 and (token := read_token(answer)):  # noqa: PLR2004
            return token
        refusal = judge_refusal(self._settings, answer)
        return Judgement(
            State.FAILED,
            f"sign-in: {refusal.answer}",
            refusal.problem,
            again=refusal.again,
            wait_seconds=refusal.wait_seconds,
        )

    def _exchange(
        self, url: str, headers: dict[str, str], body: bytes, permit: Permit = nullcontext, *, method: str = "POST"
    ) -> Answer | Judgement:
        where, started = "{0.netloc}{0.path}".format(urlsplit(url)), monotonic()
        try:
            answer = self._line(url).exchange(
                method, url, headers=headers, content=body, until=self._until, permit=permit
            )
        except NoAnswer as reason:
            _logger.info("%s %s: no answer (%s), %.2f s", method, where, reason, monotonic() - started)
            return judge_no_answer(url, reason)
        _logger.info("%s %s: %s, %.2f s", method, where, answer.status, monotonic() - started)
        return answer

    def _line(self, url: str) -> Connection:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        lines: dict[str, Connection] = self._lines.__dict__
        if origin not in lines:
            self.get_ready()
            proxy = self._settings.proxy
            lines[origin] = Connection(
                origin,
                self._context,
                self._watch,
                timeout_seconds=self._settings.timeout_seconds,
                proxy=proxy.get_secret_value() if proxy else None,
            )
            with self._lock:
                self._opened.append(lines[origin])
        return lines[origin]

    def _wait(self, judgement: Judgement, number: int) -> bool:
        """Wait before the next try; False if there must not be one."""
        seconds = max(random.uniform(0, min(self._longest_wait, 2**number)), judgement.wait_seconds)  # noqa: S311  jitter
        with self._lock:
            if judgement.wait_seconds > _LONGEST_RETRY_AFTER or monotonic() + seconds >= self._until:
                return False
            if self._retries_left == 0:
                return False
            self._retries_left -= 1
        return not self._stopped.wait(seconds)

    def _learn(self, judgement: Judgement) -> None:
        """Stop the run where every other message would fare the same."""
        with self._lock:
            if judgement.ends_run:
                self._ended = self._ended or judgement.problem
            elif judgement.again and judgement.problem:
                code = judgement.problem.code
                self._failures = Counter({code: self._failures[code] + 1})
                if self._failures[code] >= _SAME_FAILURES or monotonic() >= self._until:
                    self._ended = self._ended or judgement.problem
            else:
                self._failures.clear()


def _on_tries(judgement: Judgement, number: int) -> Problem | None:
    problem = judgement.problem
    if problem and judgement.again and number > 1:
        return problem.but(happened=f"{problem.happened.removesuffix('.')}, on {number} tries.")
    return problem
