"""A pretend DfE for runs."""

from collections.abc import Iterator

import pytest

from attsync.sandbox.server import Certificates
from tests.factories import PretendDfe, pretend_dfe


@pytest.fixture
def dfe(certificates: Certificates) -> Iterator[PretendDfe]:
    """Run a pretend DfE; put faults into `dfe.faults`."""
    with pretend_dfe(certificates) as running:
        yield running
