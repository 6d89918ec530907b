"""The local log: one SQLite file with every run, every attempt, every distinct body and every consent.

Knows SQL and the promise that an attempt is on disk before its first byte is sent (RELIABILITY.md 3). One writer,
short transactions. Refuses to know rules: whether consent stands is not decided here. The tables are in `data/log.sql`.

file.py       opens and makes the file, checks its layout, writes in transactions, says what is wrong in our words
rows.py       what the rows say, as frozen values
runs.py       runs, what they did for each school, and whether the DfE has closed the service
attempts.py   submissions: recorded before the first byte, ended after the answer
consents.py   grants and removals, for good
"""

from attsync.log.attempts import Attempts
from attsync.log.consents import Consents
from attsync.log.rows import ConsentRow, Run, SchoolRun, Submission
from attsync.log.runs import Runs

__all__ = ["ConsentRow", "Log", "Run", "SchoolRun", "Submission"]


class Log(Runs, Attempts, Consents):
    """An open log. Use it from one thread; only `consent_now` may be called from several."""
