"""The folder of the log and what is made in it: always the property of the account that the folder belongs to.

`sudo attsync consent grant` may well be the first command. What root made would be closed to the account that cron
runs attsync under, and every run would end with 9. Refuses to know what is written there.
"""

import os
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it, each with mode 0700, unless they are there. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)  # parents=True would give those above the mode that the umask leaves
        descriptor = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _give_to_owner_of(each.parent, descriptor)
        finally:
            os.close(descriptor)


def make_file(path: Path) -> int:
    """Make the file `path`, mode 0600, and open it. Raises OSError: FileExistsError where there is something."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    _give_to_owner_of(path.parent, descriptor)
    return descriptor


def _give_to_owner_of(folder: Path, descriptor: int) -> None:
    # Only ever what has just been made: an existing file could be a link of that account to a file of root's.
    if os.geteuid() == 0:
        owner = folder.stat()
        if owner.st_uid != 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
