"""The DfE's service: sign in, send one message, classify the answer. The only package that imports HTTP and OAuth.

`client` is what others use; `network`, `tls` and `connection` carry a request, `auth` signs in, `replies` classifies
answers, `sanitise` makes them safe to show.
"""

import sys

# httpx imports its own command line, with rich, pygments and click: a tenth of the imports of a run of one school.
# It works without that module.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

from attsync.dfe.auth import Credentials  # noqa: E402
from attsync.dfe.client import Dfe  # noqa: E402
from attsync.dfe.tls import trusted  # noqa: E402

__all__ = ["Credentials", "Dfe", "trusted"]
