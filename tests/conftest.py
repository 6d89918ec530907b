"""Fixtures are factories with good defaults: a test states only what differs."""

import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from attsync import messages
from tests import network
from tests.browser import Browser, BrowserMissingError
from tests.engines import NAMES, EngineDatabase, EngineMissingError, Engines, SqlServerDatabase
from tests.other_account import SOMEBODY_ELSE
from tests.tds.server import SqlServer

if TYPE_CHECKING:
    from attsync.sandbox.folder import Sandbox
    from attsync.sandbox.server import Certificates

network.refuse()
# How long an example takes depends on what else the machine does, the other workers among it.
settings.register_profile("attsync", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("attsync")
ENGINES = pytest.StashKey[Engines]()
MAY_SKIP_BROWSER = pytest.StashKey[bool]()
_MEMORY = Path("/dev/shm")  # noqa: S108  where Linux has a file system in memory
_ENOUGH = 2_000_000_000
TRIED = pytest.StashKey[int]()
"""How many faults and strangers the torture has tried. Here: with workers, no conftest.py below this one is read by the
process that prints the summary."""


def pytest_configure(config: pytest.Config) -> None:
    """Look at the environment before the tests take it away, and choose where their files go."""
    if "TMPDIR" not in os.environ and _has_room(_MEMORY):
        os.environ["TMPDIR"] = str(_MEMORY)  # for the workers too
        tempfile.tempdir = None  # found again
    config.stash[ENGINES] = Engines(os.environ)
    config.add_cleanup(config.stash[ENGINES].close)
    config.stash[TRIED] = 0
    config.stash[MAY_SKIP_BROWSER] = not (os.environ.get("CI") or os.environ.get("ATTSYNC_REQUIRE_ENGINES"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests: at the end one of them would keep one worker busy and leave the others idle."""
    items.sort(key=lambda item: "tests/torture/test_torture" not in item.nodeid)


def _has_room(folder: Path) -> bool:
    """Whether files can go there, programs among them; a commit takes 0.1 ms in memory and 5 ms or more on a disk."""
    if not os.access(folder, os.W_OK):
        return False
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize > _ENOUGH and not system.f_flag & os.ST_NOEXEC


def pytest_collection_finish() -> None:
    """Leave the tests themselves, half a million objects, out of every search for garbage: a sixth of the time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401  pytest-xdist has no types
    """Take in what a worker has exercised and tried: the process that prints the summary runs no test itself."""
    if "engines" in getattr(node, "workeroutput", {}):  # a worker that crashed says nothing any more
        node.config.stash[ENGINES].add(node.workeroutput["engines"])
        node.config.stash[TRIED] += node.workeroutput["tried"]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that was to use an engine and did not, whatever the reason."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["engines"] = session.config.stash[ENGINES].found()
        session.config.workeroutput["tried"] = session.config.stash[TRIED]
        session.config.stash[ENGINES].close()  # now: a worker that is still busy ten seconds after its report is killed
        return
    if session.config.stash[ENGINES].not_exercised() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> Iterator[None]:
    """Print last what the tests ran on."""
    yield
    if tried := config.stash[TRIED]:
        terminalreporter.write_line(
            f"Torture: {tried} kill points, faults and strangers tried; all of them: make torture"
        )
    engines = config.stash[ENGINES]
    if left_out := engines.not_exercised():
        terminalreporter.write_line(f"Required, and used by no test: {', '.join(left_out)}", red=True)
    terminalreporter.write_line(engines.summary())


@pytest.fixture(scope="session", autouse=True)
def _nobodys_settings() -> Iterator[None]:
    """Keep the settings and the log of anyone who runs the tests out of reach."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("ATTSYNC_", "XDG_", "CREDENTIALS_"))]:
            patch.delenv(name)
        patch.setenv("HOME", "/dev/null/nobody")
        # Tests trust authorities of their own; reading this machine's takes 20 ms, at each connection that is made.
        patch.setenv("SSL_CERT_FILE", os.devnull)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waits() -> Iterator[None]:
    """Try again at once: how long to wait is drawn by lot, and how often it is tried is another rule."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("attsync.dfe.client.LONGEST_WAIT", 0)
        yield


@pytest.fixture(autouse=True)
def _started_as_attsync() -> None:
    """Complete no command with the settings file of the test before, which ran a whole command in this process."""
    messages.started_as("attsync", "")


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """Return this machine's Chromium; where everything has to be tried, none is a failure."""
    try:
        return Browser(tmp_path_factory.mktemp("browser"))
    except BrowserMissingError as error:
        if pytestconfig.stash[MAY_SKIP_BROWSER]:
            pytest.skip(str(error))
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def database(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[Callable[[str], EngineDatabase]]:
    """Make an empty database on the engine named."""
    engines = pytestconfig.stash[ENGINES]
    with ExitStack() as open_databases:

        def make(engine: str) -> EngineDatabase:
            try:
                return open_databases.enter_context(engines.database(engine, tmp_path))
            except EngineMissingError as error:
                if engines.is_required(engine):
                    pytest.fail(str(error), pytrace=False)
                pytest.skip(str(error))

        yield make


@pytest.fixture
def sql_server(database: Callable[[str], EngineDatabase]) -> SqlServer:
    """Start the SQL Server of the tests, with an empty database."""
    made = database("sqlserver")
    assert isinstance(made, SqlServerDatabase)
    return made.server


@pytest.fixture(params=NAMES)
def any_database(request: pytest.FixtureRequest, database: Callable[[str], EngineDatabase]) -> EngineDatabase:
    """Run the test once on each engine, in an empty database."""
    return database(request.param)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> "Certificates":
    """Make the sandbox's certificates once for all tests."""
    from attsync.sandbox.server import make_certificates  # noqa: PLC0415  most tests need no sandbox

    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator["Sandbox"]:
    """Serve a made-up school's folder, for the real today."""
    from tests.installed import served  # noqa: PLC0415

    with served(tmp_path / "trial") as sandbox:
        yield sandbox


@pytest.fixture
def agreed(sandbox: "Sandbox") -> "Sandbox":
    """Serve it, with consent."""
    from tests.installed import here  # noqa: PLC0415

    assert here("consent", "grant", "--yes", config=sandbox.config).exit_code == 0
    return sandbox


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that every account can enter, which pytest's own are not."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def somebody_else() -> Iterator[Callable[[], None]]:
    """Go on as an account without a name, until the end of the test."""
    yield lambda: os.seteuid(SOMEBODY_ELSE)
    os.seteuid(os.getuid())
