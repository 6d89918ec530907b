"""Spark's SQL server on this machine, with two worker processes: a distributed engine to ask for counts.

From the packages of requirements.txt and a Java of the system; listens on 127.0.0.1 and keeps nothing.
"""

import contextlib
import os
import shutil
import signal
import site
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Final

from benchmarks.databases import Size, fill

_PACKAGES: Final = next(Path(__file__).parent.glob(".venv/lib/python*/site-packages"), Path())
_HOME: Final = _PACKAGES / "pyspark"
_PORT: Final = 28100
URL: Final = f"hive://attsync@127.0.0.1:{_PORT}/default"
WITH_DIALECT: Final = f"import site; site.addsitedir({str(_PACKAGES)!r}); from attsync.commands import main; main()"
"""Starts attsync where it finds the dialect too."""
_SETTINGS: Final = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.legacy.createHiveTableByDefault": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.hadoop.javax.jdo.option.ConnectionURL": "jdbc:derby:memory:metastore;create=true",
}


@contextlib.contextmanager
def serving(folder: Path, size: Size, today: date) -> Iterator[list[str]]:
    """Run Spark's SQL server with a filled database, and write into what is yielded what that needed."""
    if not shutil.which("java"):
        raise SystemExit("Spark needs Java, such as openjdk-17-jre-headless")
    folder = folder / "spark"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    settings = _SETTINGS | {"spark.sql.warehouse.dir": f"{folder}/warehouse", "spark.local.dir": f"{folder}/local"}
    server = {"port": _PORT, "bind.host": "127.0.0.1", "authentication": "NONE"}
    command = [
        *(str(_HOME / "bin/spark-submit"), "--master", "local-cluster[2,1,1024]", "--driver-memory", "1g"),
        *(word for name, value in settings.items() for word in ("--conf", f"{name}={value}")),
        *("--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2", "spark-internal"),
        *(word for name, value in server.items() for word in ("--hiveconf", _of_server(name, value))),
    ]
    started = time.monotonic()
    environment = os.environ | {"SPARK_HOME": str(_HOME), "SPARK_LOCAL_IP": "127.0.0.1"}
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        site.addsitedir(str(_PACKAGES))
        hive = import_module("pyhive.hive")
        _wait_for(process)
        ready = time.monotonic()
        with contextlib.closing(hive.connect("127.0.0.1", _PORT, username="attsync", auth="NONE")) as connection:
            fill(connection.cursor(), "spark", size, today)
        took = f"ready after {ready - started:.0f} s, filled in {time.monotonic() - ready:.0f} s"
        needed: list[str] = []
        yield needed
        needed.append(f"{_version()}: {took}; processes of Java: {_memory(process.pid)}")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
        shutil.rmtree(_HOME / "work", ignore_errors=True)  # of the worker processes


def _of_server(name: str, value: object) -> str:
    return f"hive.server2.{name}={value}" if name == "authentication" else f"hive.server2.thrift.{name}={value}"


def _wait_for(process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 120
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", _PORT), 1).close()
            return
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit("Spark's SQL server does not start; its reason is in spark/output.txt")
        time.sleep(0.1)


def _version() -> str:
    return next(_PACKAGES.glob("pyspark-*.dist-info")).name.removesuffix(".dist-info").replace("-", " ")


def _memory(session: int) -> str:
    sizes = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, IndexError):  # a process that has just ended
            if os.getsid(int(status.parent.name)) == session:
                sizes.append(int(status.read_text(encoding="utf-8").partition("VmRSS:")[2].split()[0]) // 1024)
    return f"{' + '.join(map(str, sorted(sizes)))} MB"
