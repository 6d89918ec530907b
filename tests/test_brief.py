"""brief.py: how a problem is called in a few words."""

import pytest

from attsync.brief import brief
from attsync.problems import Problem


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        (
            "DFE-FAULTS",
            'The DfE stored this day and found 2 faults: Year 4 AM: "/" attendance code not known (VAL104); a (b).',
            '"/" attendance code not known',
        ),
        ("DFE-FAULTS", "The DfE stored this day and found 1 fault: no reason given (VAL999).", "no reason given"),
        ("DFE-FAULTS", f"The DfE stored this day and found 1 fault: {'x' * 80} (V).", "faults found by the DfE"),
        ("DFE-REJECTED", "The DfE rejected this day (400: Odd date). It was not received.", "400: Odd date"),
        ("DFE-REJECTED", f"The DfE rejected this day (400: {'x' * 80}). It", "not accepted by the DfE"),
        ("DFE-BUSY", "The DfE service was busy.", "DfE busy"),
    ],
)
def test_reason_that_is_known_is_named(code: str, text: str, words: str) -> None:
    """The words "faults found by the DfE" say nothing that the sign has not said."""
    assert brief(Problem(code, text, "Nothing.")) == words
