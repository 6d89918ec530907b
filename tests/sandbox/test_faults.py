"""faults.py: the script of faults is read as written, and a slip in it is told."""

import pytest

from attsync.sandbox.faults import Fault, parse_faults


def test_list_is_read_in_order() -> None:
    """`attsync sandbox --faults` takes names with commas."""
    assert list(parse_faults("busy, none,busy-retry-after,")) == [Fault.BUSY, Fault.NONE, Fault.BUSY_RETRY_AFTER]


def test_unknown_name_is_told_with_those_that_are_known() -> None:
    """A misspelt fault would let a test pass for the wrong reason."""
    with pytest.raises(ValueError, match=r'"bussy" is not a fault .* busy-retry-after'):
        parse_faults("busy,bussy")


def test_without_a_script_nothing_goes_wrong() -> None:
    """The plain sandbox."""
    assert not parse_faults("")
