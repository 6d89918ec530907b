"""Hands messages to the DfE: recorded before the first byte, sent by several threads, recorded after the answer.

Until all are answered, one writer thread writes the log. It takes what is waiting, 64 messages at most, and commits it
once (docs/design/reliability.md 3); a signal only reaches the main thread, so no step is interrupted.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final, Self

from attsync.consent import ActiveConsent, Terms, active_consent, explain_missing, permit
from attsync.dfe import Dfe
from attsync.locks import Gate
from attsync.log import Log, Submission
from attsync.model import Outcome, School, State, changed_marks, state_after
from attsync.run.plan import Plan, Planned, Refused
from attsync.run.report import Report, SchoolResult, day_of

_BATCH: Final = 64
"""The largest number of messages in one commit."""
_KEY_LIFE: Final = timedelta(days=1)
"""How long a key is used again: after that the DfE may have forgotten it (docs/design/reliability.md 3)."""
_STOP_SECONDS: Final = 3
"""How long a run that is stopped waits for answers to requests that are under way."""


@dataclass(slots=True)
class _School:
    """One school whose messages are under way."""

    result: SchoolResult
    plans: list[Plan]
    started: float
    left: int = 0


@dataclass(slots=True)
class _Message:
    """One message, recorded and being sent, or with its outcome."""

    school: _School
    plan: Planned
    submission: Submission
    consent: ActiveConsent
    outcome: Outcome | BaseException | None = None


class Dispatch:
    """The sending of one run: `with Dispatch(...) as dispatch:`, and inside it all its `results`.

    Leaving the block with an exception waits a few seconds for answers. What is still open then stays `sending` in the
    log, and the next run sends it again.
    """

    def __init__(self, log: Log, gate: Gate, dfe: Dfe, report: Report, terms: Terms, *, connections: int) -> None:
        self._log = log
        self._gate = gate
        self._dfe = dfe
        self._report = report
        self._terms = terms
        self._inbox: SimpleQueue[_School | _Message | None] = SimpleQueue()
        self._outbox: SimpleQueue[_Message | None] = SimpleQueue()
        self._slots = threading.Semaphore(connections + 2 * _BATCH)
        self._finished: SimpleQueue[SchoolResult] = SimpleQueue()
        self._under_way = 0
        self._error: BaseException | None = None
        self._over = threading.Event()
        self._is_closed = False
        self._kept: _School | _Message | None = None
        """Taken from the inbox, and too large for the last commit."""
        self._senders = [threading.Thread(target=self._send, daemon=True) for _ in range(connections)]
        self._writer = threading.Thread(target=self._write, name="writer", daemon=True)

    def __enter__(self) -> Self:
        for thread in (self._writer, *self._senders):
            thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if error is not None:
            self._abandon()
        for _ in self._senders:
            self._outbox.put(None)

    def results(self, schools: Iterable[tuple[SchoolResult, list[Plan]]]) -> Iterator[SchoolResult]:
        """Send the messages of each school, and return the schools as they are done; raise what another thread raised.

        While too many messages are under way, it waits before the next school is read.
        """
        for result, plans in schools:
            for _ in plans:
                while not self._slots.acquire(timeout=0.2):
                    self._raise()
            self._raise()
            self._inbox.put(_School(result, plans, monotonic()))
            yield from self._done()
        self._inbox.put(None)
        while not self._over.wait(0.1):
            yield from self._done()
        yield from self._done()
        self._raise()

    def _done(self) -> Iterator[SchoolResult]:
        with suppress(Empty):
            while True:
                yield self._finished.get_nowait()

    def _raise(self) -> None:
        if self._error:
            raise self._error

    def _abandon(self) -> None:
        """Start nothing more, and record the answers that come within a few seconds."""
        self._dfe.stop()
        self._inbox.put(None)
        try:
            self._over.wait(_STOP_SECONDS)
        finally:  # also if a second signal comes
            self._dfe.cut()
        self._over.wait(1)

    # The writer

    def _write(self) -> None:
        try:
            with Log.open(self._log.path) as log:
                while self._kept or self._under_way or not self._is_closed:
                    self._commit(log, self._batch())
        except BaseException as error:  # noqa: BLE001  raised again in the main thread
            self._error = self._error or error
            self._dfe.stop()
        finally:
            self._over.set()

    def _batch(self) -> list[_School | _Message]:
        """Return the waiting messages that can share a commit; wait for the first."""
        batch: list[_School | _Message] = []
        size = 0
        while size < _BATCH:
            try:
                item = self._kept or (self._inbox.get_nowait() if batch else self._inbox.get())
            except Empty:
                break
            self._kept = None
            if item is None:
                self._is_closed = True
                break
            size += len(item.plans) if isinstance(item, _School) else 1
            if batch and size > _BATCH:
                self._kept = item
                break
            batch.append(item)
        return batch

    def _commit(self, log: Log, batch: list[_School | _Message]) -> None:
        if not batch:
            return
        now = datetime.now(UTC)
        messages: list[_Message] = []
        with log.writing():
            for item in batch:
                if isinstance(item, _School):
                    messages += self._begin(log, item, now)
                elif isinstance(item.outcome, Outcome):
                    self._record(log, item.submission, item.outcome, now)
        for item in batch:
            if isinstance(item, _School):
                self._finish_if_done(item)
            else:
                self._settle(item)
        for message in messages:
            self._under_way += 1
            self._outbox.put(message)

    def _begin(self, log: Log, school: _School, now: datetime) -> Iterator[_Message]:
        """Record one school's messages, in the transaction in which its consent is read (P2)."""
        result, number = school.result, self._report.number
        row = log.latest_consent(result.school.urn)
        consent = active_consent(row, self._terms)
        if consent is None:
            result.outcome, result.problem = "skipped", explain_missing(result.school, row, self._terms)
            for _ in school.plans:
                self._slots.release()
            school.plans.clear()
        log.record_school(number, result.school, result.outcome, problem=result.problem, to_check=result.to_check)
        for plan in school.plans:
            if isinstance(plan, Refused):
                log.refuse(number, self._terms.receiver, result.school, plan.day.date, plan.problem, now)
                result.add(day_of(plan, None, self._report))
                self._slots.release()
            elif consent:
                school.left += 1
                yield _Message(school, plan, self._begin_sending(log, result.school, plan, now), consent)

    def _begin_sending(self, log: Log, school: School, plan: Planned, now: datetime) -> Submission:
        last, number = plan.last, self._report.number
        is_open = last is not None and last.state is State.UNKNOWN
        if last and is_open and log.has_body(last, plan.body) and now - last.recorded_at < _KEY_LIFE:
            log.continue_sending(number, last)
            return last
        before = plan.before
        return log.begin_sending(
            number,
            self._terms.receiver,
            school,
            plan.body,
            now,
            changed=changed_marks(before.cells, plan.body.cells) if before else None,
            changed_from=before.at if before else None,
            supersedes=last if is_open else None,
        )

    def _record(self, log: Log, submission: Submission, outcome: Outcome, now: datetime) -> None:
        log.record(submission, outcome, now)
        if outcome.problem and outcome.problem.code == "DFE-CLOSED" and outcome.tries and not self._report.closed:
            self._report.closed = True
            log.record_closed(self._terms.receiver, now)

    def _settle(self, message: _Message) -> None:
        """Count what is left of a school after an answer was recorded."""
        self._under_way -= 1
        self._slots.release()
        if isinstance(message.outcome, BaseException):
            raise message.outcome
        message.school.result.add(day_of(message.plan, message.outcome, self._report))
        message.school.left -= 1
        self._finish_if_done(message.school)

    def _finish_if_done(self, school: _School) -> None:
        if school.left == 0:
            result = school.result
            result.days.sort(key=lambda day: day.date)
            result.seconds = monotonic() - school.started
            self._report.schools.append(result)
            self._finished.put(result)

    # The senders

    def _send(self) -> None:
        while message := self._outbox.get():
            try:
                found = self._dfe.send(
                    message.consent,
                    message.plan.body.content,
                    message.submission.key or "",
                    partial(permit, self._log, self._gate, message.school.result.school, self._terms),
                )
                # The message may be from an earlier run.
                message.outcome = replace(found, state=state_after(message.submission.state, found.state))
            except BaseException as error:  # noqa: BLE001  raised again in the main thread
                message.outcome = error
            self._inbox.put(message)
