"""What can go wrong, in the words a school reads, and the exit code each thing leads to.

    AttsyncError            anything said to the user in our own words
    +-- SettingsError   2   command line, settings file, a secret file, the clock
    +-- SchoolError     3   a school database
    +-- AlreadyRunning  6   another run is in progress
    +-- NotPermitted    7   consent or permission is missing
    +-- LogError        9   the log or the lock
    Stopped                 a signal: not an error, and nothing on the way may swallow it

What the DfE answers (4, 5, 8) is no error but a `Problem`, a value in an outcome, like the problems of single days.
Knows no library: foreign errors become one of these in the module that calls the foreigner.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple


class Kind(NamedTuple):
    """What one problem code stands for."""

    exit_code: int
    meaning: str


KINDS: Final = {
    "MARK-UNKNOWN": Kind(1, "marks have a code that is not in the DfE's list and not in the map"),
    "SESSION-UNKNOWN": Kind(1, "marks have a session that is neither AM nor PM and not in the map"),
    "YEAR-UNKNOWN": Kind(1, "marks have a year group that is not in the DfE's list and not in the map"),
    "ROLL-UNKNOWN": Kind(1, "pupils on roll have a year group that is not in the DfE's list and not in the map"),
    "MARK-DOUBLE": Kind(1, "there are more marks than pupils in a session: a join doubles them"),
    "COLUMN-WRONG": Kind(1, "a column holds far more different values than it could: it is the wrong column"),
    "COUNT-WRONG": Kind(1, "counts that cannot be: negative, too large, or sums that differ"),
    "SCHOOL-UNLISTED": Kind(0, "the database holds marks of a school that the settings file does not list"),
    "MARKS-NONE": Kind(0, "pupils are on roll, and none of the days that are sent has a mark"),
    "MARKS-FEWER": Kind(0, "a session has half the marks or fewer that it had when it was sent before"),
    "MARKS-HIGH": Kind(0, "a year group has more marks than pupils on roll"),
    "MARKS-UNMADE": Kind(0, "more than 5 % of a day's rows hold no mark"),
    "DAYS-NONE": Kind(0, "only one of the days that are sent has marks"),
    "DAYS-WEEKEND": Kind(0, "marks are on a Sunday, or on a Saturday and on no Monday: dates may be a day off"),
    "SESSION-NONE": Kind(0, "days have marks in one session and none in the other"),
    "YEAR-NONE": Kind(0, "a year group has pupils on roll and no marks on days when others have some"),
    "ROLL-HIGH": Kind(0, "more than 5 % of the pupils on roll never have a mark, in year groups that have some"),
    "ROLL-FEW": Kind(0, "fewer than five pupils are on roll: each count is about one that can be named"),
    "ROLL-ENDLESS": Kind(0, "enrolments began longer ago than anybody stays, and have not ended"),
    "PRESENT-LOW": Kind(0, "fewer than half of the pupils on roll are present"),
    "ABSENCE-NONE": Kind(0, "not one of many marks is an absence"),
    "REASON-LATE": Kind(0, "more than 5 % of the marks of a session older than a week are still N"),
    "DATE-NONE": Kind(0, "marks have no date, or one that is not a date, and are never sent"),
    "DB-WRITE": Kind(0, "the account of attsync in the school database may do more than read"),
    "SEND-MISSED": Kind(1, "a planned send did not happen"),
    "DFE-FAULTS": Kind(1, "the DfE stored the day and found faults in it"),
    "DFE-REJECTED": Kind(1, "the DfE refused the day"),
    "SETTINGS": Kind(2, "the settings file is wrong"),
    "SETTINGS-NONE": Kind(2, "there is no settings file"),
    "SCHOOL-NONE": Kind(2, "a school named on the command line is not in the settings"),
    "SECRET-FILE": Kind(2, "a secret file is missing, or others can read it"),
    "FILE-RIGHTS": Kind(2, "others can change the settings file, read a password in it, or read the log"),
    "DEMO-MISSING": Kind(2, "the packages of the sandbox are not installed"),
    "CLOCK": Kind(2, "this computer's date is wrong by a day or more"),
    "DB-DRIVER": Kind(3, "the driver of the database is not installed"),
    "DB-NONE": Kind(3, "the school database is not there, or does not answer"),
    "DB-SIGNIN": Kind(3, "the school database refused the sign-in"),
    "DB-RIGHTS": Kind(3, "the account may not read what the SELECT names"),
    "DB-SELECT": Kind(3, "a SELECT of the settings does not work, or lacks a column"),
    "DB-SLOW": Kind(3, "the school database took too long"),
    "DB-SCHOOLS": Kind(3, "the database does not say which school a row belongs to"),
    "SIGNIN-REFUSED": Kind(4, "the DfE refused the sign-in"),
    "DFE-CLOSED": Kind(4, "the DfE has closed the service"),
    "DFE-UNREACHABLE": Kind(5, "the DfE could not be reached"),
    "DFE-BUSY": Kind(5, "the DfE was busy on all tries"),
    "RUN-TIME": Kind(5, "the run reached its time limit or its number of tries"),
    "STOPPED": Kind(5, "the run was stopped before the answer came"),
    "RUNNING": Kind(6, "another attsync is running"),
    "CONSENT-NONE": Kind(7, "the school has not given consent"),
    "CONSENT-CHANGED": Kind(7, "the receiver or the data sent have changed: consent is needed again"),
    "PERMISSION": Kind(7, 'the account does not hold "Data Returns: Administer"'),
    "DFE-CERTIFICATE": Kind(8, "the certificate of the server that answers is not trusted"),
    "DFE-ANSWER": Kind(8, "something answers, but not as the DfE does; often a web filter"),
    "LOG-WRITE": Kind(9, "the log cannot be opened or written"),
    "LOG-DAMAGED": Kind(9, "the log is damaged"),
    "LOG-NEWER": Kind(9, "the log was made by a newer attsync"),
    "OUTPUT": Kind(1, "what a command had to say could not be written: a full disk"),
    "BUG": Kind(70, "an error in attsync itself"),
}
"""Every problem code: its exit code (RELIABILITY.md 2) and what it stands for."""

_FIRST_TO_LAST: Final = (70, 9, 2, 7, 4, 8, 3, 5)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to tell a person: what happened and did not happen, then what to do next."""

    code: str
    text: str
    next: str

    def __post_init__(self) -> None:
        KINDS[self.code]  # a code that is not in the table must not exist

    @property
    def exit_code(self) -> int:
        """The exit code that this problem alone would lead to."""
        return KINDS[self.code].exit_code

    def as_json(self) -> dict[str, str]:
        """Give the problem as `--json` has it."""
        return {"code": self.code, "text": self.text, "next": self.next}


class AttsyncError(Exception):
    """Anything that ends a command, or a school's part of it, in our own words."""

    def __init__(self, code: str, text: str, next: str) -> None:  # noqa: A002  the word of UX.md and of the JSON
        self.problem = Problem(code, text, next)
        super().__init__(text)

    @property
    def exit_code(self) -> int:
        """The exit code of RELIABILITY.md 2."""
        return self.problem.exit_code


class SettingsError(AttsyncError):
    """The command line, the settings, a secret file or the clock is wrong. Nothing was read or sent."""


class SchoolError(AttsyncError):
    """A school database could not be read. The other databases are."""


class AlreadyRunning(AttsyncError):
    """Another run holds the lock."""


class NotPermitted(AttsyncError):
    """Consent or the permission to give it is missing."""


class LogError(AttsyncError):
    """The log or the lock cannot be opened or written. Nothing new was sent."""


class Stopped(BaseException):
    """A signal asked the program to end. Not an Exception, so that nothing on the way swallows it."""

    def __init__(self, signal: int) -> None:
        self.exit_code = 128 + signal
        super().__init__()


def exit_code(problems: Iterable[Problem], *, confirmed: bool) -> int:
    """Reduce a run's problems to its exit code (RELIABILITY.md 2).

    `confirmed` says whether the DfE confirmed anything in this run: then a problem of one school or day
    makes 1, whatever it was, because the others are fine.
    """
    codes = {problem.exit_code for problem in problems} - {0}
    if not codes:
        return 0
    if confirmed and 70 not in codes:  # noqa: PLR2004  the table of RELIABILITY.md 2
        return 1
    return next((code for code in _FIRST_TO_LAST if code in codes), 1)
