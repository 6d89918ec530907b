"""Who else has a hand in a file: whose it is, and who could change it, or what stands in its place.

Knows rights; refuses to know what is in files.
"""

import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Final

WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def open_to_change(path: Path, ours: Collection[int]) -> tuple[Path, os.stat_result] | None:
    """Find what lets an account that is not of `ours`, nor root, change `path` or move another file into its place.

    That is the file or a folder above it, as sshd looks at them; None if nothing does. Raises OSError.
    """
    # Where a link stands counts as well as where it leads.
    for place in dict.fromkeys((path, *path.absolute().parents, *path.resolve().parents)):
        found = place.stat()
        if found.st_uid not in {0, *ours} or (found.st_mode & WRITE and not found.st_mode & stat.S_ISVTX):
            return place, found
    return None


def other_owner(path: Path) -> str:
    """Return the owner of `path` if that is not this account, as after one run under sudo; else nothing."""
    import pwd  # noqa: PLC0415  only for a message

    try:
        uid = path.lstat().st_uid
        return "" if uid == os.geteuid() else pwd.getpwuid(uid).pw_name
    except (OSError, KeyError):
        return ""
