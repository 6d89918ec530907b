"""The DfE: sign in, send one message, understand the answer. The only rooms that know HTTP and OAuth.

`line` holds the connection and its limits, `trust` which certificates are good, `sign_in` the token, `answers` the
meaning of what comes back; `service` puts them together with retries, and `probe` asks what `check` asks. They refuse
to know what the counts mean.
"""

import sys

# httpx brings a command line of its own, with rich, pygments and click: a tenth of what a run of one school imports.
# It knows how to do without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

from attsync.dfe.auth import Credentials  # noqa: E402
from attsync.dfe.client import Dfe  # noqa: E402
from attsync.dfe.tls import trusted  # noqa: E402

__all__ = ["Credentials", "Dfe", "trusted"]
