"""The local log: one SQLite file with every run, submission, distinct message and consent."""

from attsync.log.log import Log
from attsync.log.rows import ConsentRow, Run, SchoolRun, Submission

__all__ = ["ConsentRow", "Log", "Run", "SchoolRun", "Submission"]
