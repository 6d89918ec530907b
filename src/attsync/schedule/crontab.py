"""The crontab of this account: its lines, and which of them are attsync's own.

Other people's lines stay byte for byte. Knows no times; refuses to touch another account's.
"""

import os
import re
import shutil
import subprocess
from typing import Final

from attsync.problems import SettingsError
from attsync.settings import Settings

_SENDS: Final = re.compile(r"""(?<![\w.-])attsync['"]?\s+(?:-\S+(?:[ =]\S+)?\s+)*send\b(?!.*--dry-run)""")


def mark(settings: Settings) -> str:
    """Give the comment by which our lines are known: those of another settings file are not ours."""
    path = str(settings.path).replace("%", r"\%")
    return f"# attsync {path}"


def is_ours(line: str, settings: Settings) -> bool:
    """Tell whether attsync wrote this line, for this settings file."""
    return line.endswith(f" {mark(settings)}") and not line.startswith("#")


def sends(command: str) -> bool:
    """Tell whether a command is `attsync send`, and not a rehearsal."""
    return _SENDS.search(command) is not None


def has_program() -> bool:
    """Tell whether this computer has cron."""
    return shutil.which("crontab") is not None


# Not python-crontab: it writes every line anew, in its own layout; here other people's lines stay byte for byte.


def read() -> list[str]:
    """Give the lines of the crontab. Raises SettingsError."""
    ended = _crontab("-l")
    if ended.returncode:
        if ended.stdout or "no crontab for" not in ended.stderr:
            raise _refused()
        return []
    return ended.stdout.splitlines()


def write(lines: list[str]) -> None:
    """Put `lines` into the place of the crontab. Raises SettingsError."""
    if _crontab("-", text="".join(f"{line}\n" for line in lines)).returncode:
        raise _refused()


def _crontab(word: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    program = shutil.which("crontab")
    if program is None:
        raise SettingsError(
            "CRONTAB",
            "This computer has no crontab program.",
            "Install cron, or use a timer of systemd: attsync crontab --systemd",
            not_done="Nothing was changed.",
        )
    return subprocess.run(  # noqa: S603  the program of the system, without a word of the user's
        [program, word],
        input=text,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env=os.environ | {"LC_ALL": "C"},
        check=False,
    )


def _refused() -> SettingsError:
    return SettingsError(
        "CRONTAB",
        "The crontab of this account cannot be read or written.",
        "Ask IT whether this account may use cron, or put the lines in by hand: attsync crontab",
        not_done="Nothing was changed.",
    )
