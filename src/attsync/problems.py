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
from datetime import date
from typing import Final, NamedTuple, Self


class Kind(NamedTuple):
    """What one problem code stands for."""

    exit_code: int
    meaning: str
    brief: str = ""
    """The meaning in a few words, for a cell of a table; empty: it is short enough itself."""


KINDS: Final = {
    "MARK-UNKNOWN": Kind(1, "marks have a code that is not in the DfE's list and not in the map", "unknown mark code"),
    "SESSION-UNKNOWN": Kind(1, "marks have a session that is neither AM nor PM and not in the map", "unknown session"),
    "YEAR-UNKNOWN": Kind(
        1, "marks have a year group that is not in the DfE's list and not in the map", "unknown year group"
    ),
    "ROLL-UNKNOWN": Kind(
        1,
        "pupils on roll have a year group that is not in the DfE's list and not in the map",
        "unknown year group on roll",
    ),
    "MARK-DOUBLE": Kind(1, "there are more marks than pupils in a session: a join doubles them", "marks are doubled"),
    "COLUMN-WRONG": Kind(
        1,
        "a column holds what it cannot hold: it is the wrong column, or its dates are not dates",
        "a SELECT has a wrong column",
    ),
    "COUNT-WRONG": Kind(1, "counts that cannot be: negative, too large, or sums that differ", "counts that cannot be"),
    "SCHOOL-UNLISTED": Kind(
        0,
        "the database holds marks of a school that the settings file does not list",
        "marks of a school that is not listed",
    ),
    "MARKS-NONE": Kind(
        0, "pupils are on roll, and none of the days that are sent has a mark", "no marks in these days"
    ),
    "MARKS-FEWER": Kind(
        0, "a session has half the marks or fewer that it had when it was sent before", "half the marks are gone"
    ),
    "MARKS-HIGH": Kind(0, "a year group has more marks than pupils on roll", "more marks than pupils on roll"),
    "MARKS-UNMADE": Kind(0, "more than 5 % of a day's rows hold no mark", "many rows without a mark"),
    "DAYS-NONE": Kind(0, "only one of the days that are sent has marks", "marks on one day only"),
    "DAYS-WEEKEND": Kind(
        0,
        "marks are on a Sunday, or on a Saturday and on no Monday: dates may be a day off",
        "marks on a day without school",
    ),
    "SESSION-NONE": Kind(0, "days have marks in one session and none in the other", "a session without marks"),
    "YEAR-NONE": Kind(
        0, "a year group has pupils on roll and no marks on days when others have some", "a year group without marks"
    ),
    "ROLL-HIGH": Kind(
        0,
        "more than 5 % of the pupils on roll never have a mark, in year groups that have some",
        "more pupils on roll than have marks",
    ),
    "ROLL-FEW": Kind(
        0,
        "fewer than five pupils are on roll: each count is about one that can be named",
        "fewer than five pupils on roll",
    ),
    "ROLL-ENDLESS": Kind(
        0, "enrolments began longer ago than anybody stays, and have not ended", "enrolments that never end"
    ),
    "PRESENT-LOW": Kind(0, "fewer than half of the pupils on roll are present", "fewer than half present"),
    "ABSENCE-NONE": Kind(0, "not one of many marks is an absence"),
    "CODE-HIGH": Kind(
        0, "a quarter of the marks or more have one code that few pupils have", "very many marks of one code"
    ),
    "REASON-LATE": Kind(
        0, "more than 5 % of the marks of a session older than a week are still N", "many reasons not yet known"
    ),
    "DATE-NONE": Kind(0, "marks have no date, or one that is not a date, and are never sent", "marks without a date"),
    "DB-WRITE": Kind(0, "the account of attsync in the school database may do more than read", "the account may write"),
    "MARKS-GONE": Kind(
        1, "not one mark is left of the days that were sent before: they are sent as 0", "no mark is left"
    ),
    "SEND-MISSED": Kind(1, "a planned send did not happen", "send missed"),
    "DFE-FAULTS": Kind(1, "the DfE stored the day and found faults in it", "faults found by the DfE"),
    "DFE-REJECTED": Kind(1, "the DfE rejected the day", "not accepted by the DfE"),
    "SETTINGS": Kind(2, "the settings file is wrong"),
    "SETTINGS-NONE": Kind(2, "there is no settings file"),
    "SCHOOL-NONE": Kind(
        2, "a school that was named, or that has given consent, is in no database of the settings", "in no database"
    ),
    "SECRET-FILE": Kind(2, "a secret file is missing, or others can read it", "secret file"),
    "FILE-RIGHTS": Kind(2, "others can change the settings file, read a password in it, or read the log"),
    "DEMO-MISSING": Kind(2, "the packages of the sandbox are not installed"),
    "CRONTAB": Kind(2, "the crontab of this account cannot be read or written"),
    "CLOCK": Kind(2, "this computer's date is wrong by a day or more"),
    "DB-DRIVER": Kind(3, "the driver of the database is not installed", "database driver missing"),
    "DB-NONE": Kind(3, "the school database is not there, or does not answer", "school database does not answer"),
    "DB-SIGNIN": Kind(3, "the school database refused the sign-in", "school database refused the sign-in"),
    "DB-RIGHTS": Kind(3, "the account may not read what the SELECT names", "school database: not allowed to read"),
    "DB-SELECT": Kind(3, "a SELECT of the settings does not work, or lacks a column", "a SELECT does not work"),
    "DB-SLOW": Kind(3, "the school database took too long", "school database too slow"),
    "DB-SCHOOLS": Kind(3, "the database does not say which school a row belongs to", "no school column"),
    "SIGNIN-REFUSED": Kind(4, "the DfE refused the sign-in", "DfE refused the sign-in"),
    "DFE-CLOSED": Kind(4, "the DfE has closed the service", "DfE service closed"),
    "DFE-UNREACHABLE": Kind(5, "the DfE could not be reached", "DfE not reached"),
    "DFE-BUSY": Kind(5, "the DfE was busy on all tries", "DfE busy"),
    "RUN-TIME": Kind(5, "the run reached its time limit or its number of tries", "time limit reached"),
    "STOPPED": Kind(5, "the run was stopped before the answer came", "send was stopped"),
    "RUNNING": Kind(6, "another attsync is running"),
    "CONSENT-NONE": Kind(7, "the school has not given consent", "no consent"),
    "CONSENT-CHANGED": Kind(7, "the receiver or the data sent have changed: consent is needed again"),
    "PERMISSION": Kind(7, 'the account does not hold "Data Returns: Administer"'),
    "DFE-CERTIFICATE": Kind(8, "the certificate of the server that answers is not trusted", "certificate not trusted"),
    "DFE-ANSWER": Kind(8, "something answers, but not as the DfE does; often a web filter", "not an answer of the DfE"),
    "LOG-WRITE": Kind(9, "the log cannot be opened or written"),
    "LOG-DAMAGED": Kind(9, "the log is damaged"),
    "LOG-NEWER": Kind(9, "the log was made by a newer attsync"),
    "OUTPUT": Kind(1, "what a command had to say could not be written: a full disk"),
    "BUG": Kind(70, "an error in attsync itself"),
}
"""Every problem code: its exit code (RELIABILITY.md 2) and what it stands for."""

DAY_NOT_SENT: Final = "This day was not sent."
"""What did not happen, of a day whose counts cannot be right."""
DAY_WOULD_NOT_BE_SENT: Final = "This day would not be sent."
"""The same, before a send."""

_FIRST_TO_LAST: Final = (70, 9, 2, 7, 4, 8, 3, 5)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to tell a person: what happened and did not happen, then what to do next."""

    code: str
    happened: str
    todo: str
    not_done: str = ""
    """The sentence that says what did not happen because of it: "This day was not sent."."""
    to_see: str = ""
    """The sentence that says which command shows more of it: "To see every place: attsync preview"."""
    words: str = ""
    """Names it in a few words, where they say more than the code does: which value, what the DfE found."""
    days: tuple[date, ...] = ()
    """The days it is about, where it stands with a school and not with one of its days."""
    setting: tuple[str, ...] = ()
    """The setting that has to be changed, such as ("dfe", "base_url"); empty: none, or one of several."""

    def __post_init__(self) -> None:
        KINDS[self.code]  # a code that is not in the table must not exist

    @property
    def text(self) -> str:
        """What happened and did not happen."""
        return f"{self.happened} {self.not_done}".rstrip()

    @property
    def next(self) -> str:
        """What to do next."""
        return f"{self.todo} {self.to_see}".rstrip()

    @property
    def brief(self) -> str:
        """Name it in a few words, for a cell of a table."""
        return self.words or KINDS[self.code].brief or KINDS[self.code].meaning

    @property
    def exit_code(self) -> int:
        """The exit code that this problem alone would lead to."""
        return KINDS[self.code].exit_code

    def as_json(self) -> dict[str, str]:
        """Give the problem as `--json` has it."""
        return {"code": self.code, "text": self.text, "next": self.next}


class AttsyncError(Exception):
    """Anything that ends a command, or a school's part of it, in our own words."""

    def __init__(
        self, code: str, happened: str, todo: str, *, not_done: str = "", setting: tuple[str, ...] = ()
    ) -> None:
        self.problem = Problem(code, happened, todo, not_done=not_done, setting=setting)
        super().__init__()

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Make an error of a problem."""
        error = cls(problem.code, problem.happened, problem.todo)
        error.problem = problem
        return error

    def __str__(self) -> str:
        return self.problem.text

    @property
    def exit_code(self) -> int:
        """The exit code of RELIABILITY.md 2."""
        return self.problem.exit_code


class SettingsError(AttsyncError):
    """The command line, the settings, a secret file or the clock is wrong. Nothing was sent."""


class SchoolError(AttsyncError):
    """A school database could not be read. The other databases are."""


class AlreadyRunning(AttsyncError):
    """Another run holds the lock."""


class NotPermitted(AttsyncError):
    """Consent or the permission to give it is missing."""


class LogError(AttsyncError):
    """The log or the lock cannot be opened or written. A send ends there, or does not begin."""


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
