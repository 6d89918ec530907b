"""Another account than the one that runs the tests, which only root can go on as: the fixture `somebody_else`."""

import os
from typing import Final

import pytest

SOMEBODY_ELSE: Final = 12345
"""Its number; it has no name, no folder and no group."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
