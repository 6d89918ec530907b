"""What `check` asks of the DfE, and what can be seen of it on the way.

Goes the way of a send, with the same token, limits and words; refuses to send counts.
"""

import json
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from typing import Any, NamedTuple

from attsync.dfe.client import Dfe
from attsync.dfe.replies import Judgement, judge, not_the_dfe
from attsync.problems import Problem


class Met(NamedTuple):
    """A host that has proved who it is."""

    host: str
    certificate_ends: datetime


class Probe(Dfe):
    """Questions to the DfE."""

    def sign_in(self) -> float | Problem:
        """Get a token; gives the seconds that it lasts, infinite if the DfE does not say, or why there is none."""
        token = self._bearer(refused=None)
        if isinstance(token, Judgement):
            assert token.problem  # noqa: S101  there is no token without a reason
            return token.problem
        return inf if token.until == inf else token.until - monotonic()

    def look_up(self, path: str) -> Any:  # noqa: ANN401  whatever JSON it is, or a Problem
        """Ask a question such as `/codes/attendance`, once; gives the JSON of the answer, or a Problem.

        None: the DfE does not know what was asked for (404).
        """
        token = self._bearer(refused=None)
        if isinstance(token, Judgement):
            return token.problem
        url = f"{self._settings.base_url}{path}"
        answer = self._exchange(url, self._headers(token), b"", method="GET")
        if isinstance(answer, Judgement):
            return answer.problem
        try:
            found = json.loads(answer.content)
        except (ValueError, RecursionError):
            found = None
        if answer.status == 200 and found is not None:  # noqa: PLR2004
            return found
        if answer.status == 404 and isinstance(found, dict):  # noqa: PLR2004
            return None
        refused = judge(self._settings, b"", answer, self._hiding(token)).problem
        is_known = refused and refused.code in ("SIGNIN-REFUSED", "DFE-CLOSED", "DFE-BUSY")
        return refused if is_known else not_the_dfe(url, answer.status)

    def list_of(self, path: str) -> list[Any] | Problem:
        """Ask for a list that the DfE has for certain, such as `/codes/attendance`; gives it, or a Problem."""
        found = self.look_up(path)
        if isinstance(found, list | Problem):
            return found
        return not_the_dfe(f"{self._settings.base_url}{path}", 404 if found is None else 200)

    def met(self) -> tuple[Met, ...]:
        """Give the hosts that were spoken to so far, in the order of the first word."""
        return tuple(Met(line.host, line.certificate_ends) for line in self._opened if line.certificate_ends)

    @property
    def clock_differs(self) -> timedelta | None:
        """By how much the DfE's clock is ahead of this computer's, as its answer to the sign-in shows."""
        return self._clock_differs
