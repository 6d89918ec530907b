"""Takes messages over to the DfE: recorded before the first byte, sent by several at once, recorded after the answer.

Messages that leave together share a commit, and so do answers that come together (RELIABILITY.md 3). Knows the order
of these; refuses to know what a message says.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from time import monotonic
from typing import Final

from attsync.consent import Consent, active_consent, explain_missing
from attsync.dfe import Dfe
from attsync.locks import Gate
from attsync.log import Log, Submission
from attsync.model import Outcome, School, state_after
from attsync.problems import LogError, NotPermitted
from attsync.report import Report, SchoolResult, Tell
from attsync.run.plan import Planned, Refused, day_result, refusal
from attsync.shield import Shield

_BATCH: Final = 64
"""Most messages that share a commit (RELIABILITY.md 3)."""
_BATCH_SECONDS: Final = 0.2
"""A message or an answer that has waited so long waits for no others to share a commit with. It is looked at whenever a
school has been read: one that is read right after another may wait for the school that comes next."""

_STOP_SECONDS: Final = 5
"""How long a run that is stopped waits for answers to requests that are under way."""


class Dispatch:
    """The sending of one run. Whatever happens, end it with `finish` or `abandon`."""

    def __init__(
        self,
        log: Log,
        gate: Gate,
        dfe: Dfe,
        pool: ThreadPoolExecutor,
        report: Report,
        tell: Tell,
        shield: Shield,
        *,
        connections: int,
    ) -> None:
        self._receiver = dfe.receiver
        self._connections = connections
        self._log = log
        self._gate = gate
        self._dfe = dfe
        self._pool = pool
        self._report = report
        self._tell = tell
        self._shield = shield
        self._waiting: list[tuple[SchoolResult, list[Planned | Refused]]] = []
        self._under_way: dict[Future[Outcome], tuple[SchoolResult, Planned, Submission]] = {}
        self._last_sending = self._last_recording = 0.0
        self._left: dict[int, int] = {}
        self._started: dict[int, float] = {}
        self._done: deque[SchoolResult] = deque()

    def take(self, result: SchoolResult, plans: list[Planned | Refused]) -> None:
        """Take one school's messages; they leave with others, if those come soon (_BATCH_SECONDS)."""
        self._started[result.school.urn] = monotonic()
        if sum(len(plans) for _, plans in self._waiting) + len(plans) > _BATCH:
            self._send_waiting()
        self._waiting.append((result, plans))
        if _is_due(self._last_sending):
            self._send_waiting()
        while len(self._under_way) >= self._connections + _BATCH:
            self._record_answers(_BATCH)
        if _is_due(self._last_recording):
            self._record_answers(0)
        self._tell_done()

    def finish(self) -> None:
        """Send what is left and wait for every answer."""
        self._send_waiting()
        while self._under_way:
            self._record_answers(len(self._under_way))
            self._tell_done()
        self._tell_done()

    def abandon(self) -> None:
        """Start nothing more; record the answers that come within a few seconds. The rest stays open in the log.

        What waits for a sender was surely not sent, and comes back as such.
        """
        self._dfe.stop()
        try:
            wait(self._under_way, _STOP_SECONDS)
            with suppress(LogError):  # if the log is why we stop, it stays as it is: open entries, sent again next time
                while self._record_answers(0):
                    pass
        finally:  # also if a second signal comes
            self._dfe.cut()

    def _send_waiting(self) -> None:
        """Record what is waiting and hand it to the senders."""
        self._last_sending = monotonic()
        if not self._waiting:
            return
        with self._shield.held():
            entries = self._record_attempts()
            for result, plans in self._waiting:
                result.days += [refusal(plan) for plan in plans if isinstance(plan, Refused)]
                self._left[result.school.urn] = sum(isinstance(plan, Planned) for plan in plans)
                self._finish_if_done(result)
            self._waiting.clear()
            for result, plan, entry, consent in entries:
                permit = self._permit(result.school)
                future = self._pool.submit(self._dfe.send, consent, plan.body.content, entry.key or "", permit)
                self._under_way[future] = (result, plan, entry)

    def _record_attempts(self) -> list[tuple[SchoolResult, Planned, Submission, Consent]]:
        now = datetime.now(UTC)
        entries: list[tuple[SchoolResult, Planned, Submission, Consent]] = []
        number = self._report.number
        with self._log.writing():
            for result, plans in self._waiting:
                # Read in the transaction that records the attempt (RELIABILITY.md P2).
                row = self._log.latest_consent(result.school.urn)
                consent = active_consent(row, self._receiver)
                if consent is None:
                    result.outcome, result.problem = "skipped", explain_missing(result.school, row, self._receiver)
                    plans.clear()
                self._log.record_school(
                    number, result.school, result.outcome, problem=result.problem, to_check=result.to_check
                )
                if consent is None:
                    continue
                for plan in plans:
                    if isinstance(plan, Refused):
                        self._log.refuse(number, result.school, plan.day.date, plan.problem, now)
                    else:
                        entry = self._log.begin_sending(number, result.school, plan.body, plan.last, now)
                        entries.append((result, plan, entry, consent))
        return entries

    def _record_answers(self, number: int) -> int:
        """Record a batch of the answers that have come, and give how many; first wait for the oldest `number`.

        The wait is a fifth of a second at most.
        """
        if number:
            wait(list(islice(self._under_way, number)), _BATCH_SECONDS)
        self._last_recording = monotonic()
        done = list(islice((future for future in self._under_way if future.done()), _BATCH))
        if not done:
            return 0
        with self._shield.held():
            failed = [future for future in done if future.exception()]
            outcomes = {future: self._outcome(future) for future in done if future not in failed}
            now = datetime.now(UTC)
            with self._log.writing():
                for future, outcome in outcomes.items():
                    self._log.record(self._under_way[future][2], outcome, now)
                    if outcome.problem and outcome.problem.code == "DFE-CLOSED":
                        self._log.close_service(self._receiver, now)
            for future, outcome in outcomes.items():
                result, plan, _ = self._under_way.pop(future)
                result.days.append(day_result(plan, outcome))
                self._left[result.school.urn] -= 1
                self._finish_if_done(result)
            for future in failed:
                del self._under_way[future]
        for future in failed:
            future.result()  # raises what went wrong in the sender: the log, or a bug
        return len(done)

    def _outcome(self, future: Future[Outcome]) -> Outcome:
        outcome = future.result()
        entry = self._under_way[future][2]  # it may be taken over from an earlier run
        return replace(outcome, state=state_after(entry.state, outcome.state))

    def _finish_if_done(self, result: SchoolResult) -> None:
        if self._left[result.school.urn] == 0:
            result.days.sort(key=lambda day: day.date)
            result.seconds = monotonic() - self._started.pop(result.school.urn)
            self._report.schools.append(result)
            self._done.append(result)

    def _tell_done(self) -> None:
        # Not while signals wait: a terminal or a pipe that takes nothing more would hold them up with us.
        while self._done:
            self._tell(self._done.popleft())

    def _permit(self, school: School) -> Callable[[], AbstractContextManager[None]]:
        @contextmanager
        def permit() -> Iterator[None]:
            with self._gate.starting_request():
                row = self._log.consent_now(school.urn)
                if active_consent(row, self._receiver) is None:
                    problem = explain_missing(school, row, self._receiver)
                    raise NotPermitted.of(problem)
                yield

        return permit


def _is_due(last: float) -> bool:
    return monotonic() - last >= _BATCH_SECONDS
