"""Starts one program and prints, as JSON, what it cost: wall and CPU seconds, and the peak of its memory in MB.

A process of its own, and small: Linux counts the memory of the process that starts another into the peak of the other.
"""

import json
import os
import sys
import time

started = time.monotonic()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)  # with whatever the program itself started and waited for
wall = time.monotonic() - started
cost = {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 1024}
print(json.dumps(cost | {"exit_code": os.waitstatus_to_exitcode(status)}), file=sys.stderr)
