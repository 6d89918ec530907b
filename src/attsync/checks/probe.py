"""What `check` asks the DfE: the sign-in, its look-ups, and its certificate and clock.

Uses the token, limits and words of a send. Imports nothing that could send counts.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from math import inf
from time import monotonic
from typing import TypeVar

from attsync.dfe.client import Dfe
from attsync.dfe.replies import Judgement, judge, not_the_dfe
from attsync.problems import Problem
from attsync.wire import parse_json, read_listed, read_provider

T = TypeVar("T")


class Probe(Dfe):
    """Requests to the DfE, each sent once."""

    def sign_in(self) -> float | Problem:
        """Get a token; return the seconds that it lasts, infinite if the DfE does not say, or why there is none."""
        token = self._bearer(refused=None)
        if isinstance(token, Judgement):
            return token.problem or not_the_dfe(self._settings.token_url, None)
        return inf if token.until == inf else token.until - monotonic()

    def codes(self) -> frozenset[str] | Problem:
        """Return the attendance codes that the DfE accepts."""
        return self._listed("/codes/attendance", "AttendanceCode")

    def year_groups(self) -> frozenset[str] | Problem:
        """Return the year groups that the DfE accepts."""
        return self._listed("/codes/ncyeargroup", "YearGroupCode")

    def name_of(self, urn: int) -> str | Problem | None:
        """Return the DfE's name of a school, fit to show and perhaps empty; None: the DfE does not know the URN."""
        found = self._look_up(f"/provider/{urn}", read_provider)
        return self.clean(found)[0] if isinstance(found, str) else found

    def met(self) -> list[tuple[str, datetime]]:
        """Return the hosts that have proved their identity, in the order of the first request; when that ends."""
        return [(each.host, each.certificate_ends) for each in self._opened if each.certificate_ends]

    def _listed(self, path: str, member: str) -> frozenset[str] | Problem:
        found = self._look_up(path, partial(read_listed, member=member))
        return not_the_dfe(f"{self._settings.base_url}{path}", 404) if found is None else found

    def _look_up(self, path: str, read: Callable[[bytes], T]) -> T | Problem | None:
        """Return what `read` makes of the answer to a question, or why there is none; None: not found.

        `read` raises ValueError for an answer of another form.
        """
        url = f"{self._settings.base_url}{path}"
        token = self._bearer(refused=None)
        answer = token if isinstance(token, Judgement) else self._exchange(url, self._headers(token), b"", method="GET")
        if isinstance(answer, Judgement):
            return answer.problem or not_the_dfe(url, None)
        try:
            if answer.status == 200:  # noqa: PLR2004
                return read(answer.content)
            if answer.status == 404 and isinstance(parse_json(answer.content), dict):  # noqa: PLR2004
                return None
        except ValueError:
            return not_the_dfe(url, answer.status)
        refused = judge(self._settings, b"", answer, self.clean).problem
        is_known = refused and refused.code in {"SIGNIN-REFUSED", "DFE-CLOSED", "DFE-BUSY"}
        return refused if is_known else not_the_dfe(url, answer.status)
