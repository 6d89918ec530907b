"""The DfE: sign in, send one message, understand the answer. The only rooms that know HTTP and OAuth.

`line` holds the connection and its limits, `sign_in` the token, `answers` the meaning of what comes back, `service`
puts them together with retries. Refuses to know what the counts mean.
"""

from attsync.dfe.service import Dfe
from attsync.dfe.sign_in import Credentials

__all__ = ["Credentials", "Dfe"]
