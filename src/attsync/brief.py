"""How a problem is called in a few words, in a cell of a table.

Knows the words of each code, and which piece of a problem's own text is short enough to stand there. Pure.
"""

import re
from typing import Final

from attsync.problems import KINDS, Problem


def brief(problem: Problem) -> str:
    """Name a problem in a few words, for a cell of a table; with the value that is not known, if the text shows it."""
    if problem.code in _SAID and (said := _SAID[problem.code].search(problem.text)):
        return said[1] or f"the DfE {said[2]}"
    words = _BRIEF.get(problem.code, KINDS[problem.code].meaning)
    value = _VALUE.search(problem.text) if problem.code.endswith("-UNKNOWN") else None
    return f"{words} {value[1]}" if value else words


_BRIEF: Final = {
    "MARK-UNKNOWN": "unknown mark code",
    "SESSION-UNKNOWN": "unknown session",
    "YEAR-UNKNOWN": "unknown year group",
    "ROLL-UNKNOWN": "unknown year group on roll",
    "MARK-DOUBLE": "marks are doubled",
    "COLUMN-WRONG": "a SELECT has a wrong column",
    "COUNT-WRONG": "counts that cannot be",
    "SCHOOL-UNLISTED": "marks of a school that is not listed",
    "MARKS-NONE": "no marks in these days",
    "MARKS-FEWER": "half the marks are gone",
    "MARKS-HIGH": "more marks than pupils on roll",
    "MARKS-UNMADE": "many rows without a mark",
    "DAYS-NONE": "marks on one day only",
    "DAYS-WEEKEND": "marks on a day without school",
    "SESSION-NONE": "a session without marks",
    "YEAR-NONE": "a year group without marks",
    "ROLL-HIGH": "more pupils on roll than have marks",
    "ROLL-FEW": "fewer than five pupils on roll",
    "ROLL-ENDLESS": "enrolments that never end",
    "PRESENT-LOW": "fewer than half present",
    "REASON-LATE": "many reasons not yet known",
    "DATE-NONE": "marks without a date",
    "DB-WRITE": "the account may write",
    "SEND-MISSED": "send missed",
    "DFE-FAULTS": "faults found by the DfE",
    "DFE-REJECTED": "not accepted by the DfE",
    "SCHOOL-NONE": "in no database",
    "SECRET-FILE": "secret file",
    "DB-DRIVER": "database driver missing",
    "DB-NONE": "school database does not answer",
    "DB-SIGNIN": "school database refused the sign-in",
    "DB-RIGHTS": "school database: not allowed to read",
    "DB-SELECT": "a SELECT does not work",
    "DB-SLOW": "school database too slow",
    "DB-SCHOOLS": "no school column",
    "SIGNIN-REFUSED": "DfE refused the sign-in",
    "DFE-CLOSED": "DfE service closed",
    "DFE-UNREACHABLE": "DfE not reached",
    "DFE-BUSY": "DfE busy",
    "RUN-TIME": "time limit reached",
    "STOPPED": "send was stopped",
    "CONSENT-NONE": "no consent",
    "DFE-CERTIFICATE": "certificate not trusted",
    "DFE-ANSWER": "not an answer of the DfE",
}
_SAID: Final = {
    "DFE-FAULTS": re.compile(r"found [0-9]+ faults?: (?:[^:;]* (?:AM|PM): )?([^(;]{1,60}) \("),
    "DFE-REJECTED": re.compile(r"rejected this day \(([^)]{1,60})\)|(does not know this school's URN)"),
}
"""What the DfE found, in the text of the problem; if it is too long for a table, the words above have to do."""

_VALUE: Final = re.compile(r'(?:code|session|year group) ("[^"]{1,12}")')
