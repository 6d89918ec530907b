"""`attsync check`: everything that a send needs, looked at one after the other; what fails is a line.

story.py       the order in which things are looked at
finding.py     what a line is
files.py       who may read or change settings, secrets and log; whether the log is sound
databases.py   each database: its account, its SELECTs, what a send would find
service.py     the DfE: certificate, sign-in, clock, lists, URNs; and where consent stands
timing.py      whether anything sends at the planned times
"""

from attsync.checks.finding import Finding, exit_code_of
from attsync.checks.runner import check

__all__ = ["Finding", "check", "exit_code_of"]
