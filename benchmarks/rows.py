"""What is measured: one row for each line of benchmarks/README.md, with the goals of SPEC beside it."""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final

from benchmarks import spark
from benchmarks.databases import Engine, Size
from benchmarks.work import HERE, SCHOOL_YEAR, Program, Work

ALL_ENGINES: Final[tuple[Engine, ...]] = ("sqlite", "postgresql", "mariadb")
FIRST, LATER, WITHOUT = "attsync, first send of a day", "attsync, later that day", "attsync, without `pupil`"
_YEARS: Final = {"sent": "log of one send", "1": "log of 1 year", "3": "log of 3 years"}
OWN: Final = "floor: attsync's SQL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison: programs that take turns on one database, or on several."""

    key: str
    title: str
    sizes: tuple[Size, ...]
    quick: tuple[Size, ...]
    engines: tuple[Engine, ...] = ("sqlite",)
    connections: int = 8
    delay: float = 0.0
    rounds: int = 5
    rival_rounds: int = 0
    """How many of the rounds the rivals run in; they are slow."""
    bodies: bool = True
    """What the programs send is compared."""
    goals: dict[str, float] = field(default_factory=dict)
    """Program -> the most that it may take, as a ratio to the first program."""
    cpu_goals: dict[str, float] = field(default_factory=dict)
    """Program -> the most seconds of CPU that it may take."""
    memory_goals: dict[str, float] = field(default_factory=dict)
    """Program -> the most MB that it may take."""

    def programs(self, works: list[Work]) -> list[Program]:
        """Return the floor first, then what is compared with it."""
        (work,) = works
        work.overhear("attsync")
        return [
            work.floor(),
            work.floor("attsync", name=OWN),
            work.send(FIRST),
            work.send(LATER, "sent"),
            work.send(WITHOUT, config="without"),
        ]

    def around(self, works: list[Work]) -> AbstractContextManager[list[str]]:  # noqa: ARG002  of some rows
        """Return what surrounds the measuring; it yields what is to be said besides."""
        return nullcontext([])


class Statements(Row):
    """The statements about marks alone."""

    def programs(self, works: list[Work]) -> list[Program]:
        """Return plain SQL first."""
        (work,) = works
        work.overhear("attsync")
        work.overhear("later", "sent")
        work.overhear("without", config="without")
        return [
            work.reading("plain", "plain SQL"),
            work.reading("attsync", "with `pupil`, every day proven"),
            work.reading("later", "with `pupil`, as asked later that day"),
            work.reading("without", "without `pupil`"),
        ]


class Commands(Row):
    """Commands that send nothing, next to the import of the command line's library."""

    def programs(self, works: list[Work]) -> list[Program]:
        """Return `python -c "import click"` first."""
        (work,) = works
        click = Program('python -c "import click"', [sys.executable, "-c", "import click"])
        return [click, work.command("--version"), work.command("--help"), work.command("status")]


class History(Row):
    """A small database against a large one; the programs are attsync both times."""

    def programs(self, works: list[Work]) -> list[Program]:
        """Return attsync on each database."""
        return [work.send(f"attsync, {work.size.days} days of marks") for work in works]


class Schools(Row):
    """More and more schools."""

    def programs(self, works: list[Work]) -> list[Program]:
        """Return a send and a status for each number of schools."""
        return [
            program
            for work in works
            for program in (
                work.send(f"send, {_schools(work)}"),
                work.command("status", log="sent", name=f"status, {_schools(work)}"),
            )
        ]


class Years(Row):
    """Longer and longer logs."""

    def programs(self, works: list[Work]) -> list[Program]:
        """Return a status, and for a hundred schools also a send, for each length of the log."""
        found = []
        for work in works:
            for log, years in _YEARS.items():
                name = f"{_schools(work)}, {years}"
                found.append(work.command("status", log=log, name=f"status, {name}"))
                if work is works[0]:
                    found.append(work.send(f"send, {name}", log))
        return found

    @contextmanager
    def around(self, works: list[Work]) -> Iterator[list[str]]:
        """Write down how large the logs are."""
        yield (said := [])
        for work in works:
            for log, years in _YEARS.items():
                size = work.made(log).stat().st_size / 1e6 / work.size.schools
                said.append(f"{_schools(work)}, {years}: {size:.2f} MB a school (goal for 3 years: 6)")


class Parts(Row):
    """Where the CPU of one send goes."""

    def programs(self, works: list[Work]) -> list[Program]:
        """Return attsync with its parts timed."""
        (work,) = works
        command = (sys.executable, str(HERE / "parts.py"), str(work.folder / "parts.json"))
        return [work.send(FIRST), work.send("attsync, with its parts timed", command=command)]

    @contextmanager
    def around(self, works: list[Work]) -> Iterator[list[str]]:
        """Write down what each part took, for each request."""
        yield (said := [])
        (work,) = works
        parts = json.loads((work.folder / "parts.json").read_text(encoding="utf-8"))
        said.append(f"before the first line of `send`: {parts.pop('imports'):.2f} s")
        said += [f"{name}: {1e6 * took / work.requests:.0f} us a request" for name, took in parts.items()]


class Spark(Row):
    """A distributed engine that attsync asks through its dialect for SQLAlchemy."""

    def programs(self, works: list[Work]) -> list[Program]:
        """Return the floor on SQLite, whose marks are the same."""
        (work,) = works
        work.write_config("spark", spark.URL)
        command = (sys.executable, "-c", spark.WITH_DIALECT)
        return [work.floor(), work.send("attsync, Spark's SQL server", config="spark", command=command)]

    def around(self, works: list[Work]) -> AbstractContextManager[list[str]]:
        """Run the server."""
        (work,) = works
        return spark.serving(work.folder, work.size, work.today)


def _schools(work: Work) -> str:
    return f"{work.size.schools:,} school{'s' if work.size.schools > 1 else ''}"


ONE: Final = Size(1, 1000, SCHOOL_YEAR)
HUNDRED: Final = Size(100, 420, 10)
SUPPLIER: Final = Size(2000, 120, 10)
_FEW: Final = (Size(5, 60, 10),)

ROWS: Final[tuple[Row, ...]] = (
    Row(
        key="one",
        title="1 school of 1,000 pupils, 8 requests",
        sizes=(ONE,),
        quick=(Size(1, 100, 20),),
        rounds=11,
        rival_rounds=5,
        goals={FIRST: 4.3},
    ),
    Row(
        key="trust",
        title="100 schools, 800 requests, answers at once",
        sizes=(HUNDRED,),
        quick=_FEW,
        engines=ALL_ENGINES,
        rounds=5,
        rival_rounds=1,
        goals={FIRST: 2.6, LATER: 2.0, WITHOUT: 1.6},
        memory_goals={FIRST: 75},
    ),
    Row(
        key="trust-50ms",
        title="100 schools, 800 requests, answers in 50 ms, 32 connections",
        sizes=(HUNDRED,),
        quick=_FEW,
        connections=32,
        delay=0.05,
        rounds=5,
        goals={FIRST: 1.6, LATER: 1.3, WITHOUT: 1.1},
    ),
    Statements(
        key="statements",
        title="The statements about the marks of 100 schools alone",
        sizes=(HUNDRED,),
        quick=_FEW,
        engines=ALL_ENGINES,
        rounds=5,
        goals={
            "with `pupil`, every day proven": 2.6,
            "with `pupil`, as asked later that day": 1.5,
            "without `pupil`": 1.25,
        },
    ),
    Row(
        key="supplier",
        title="2,000 schools of 120 pupils, 16,000 requests, 32 connections",
        sizes=(SUPPLIER,),
        quick=(Size(20, 30, 10),),
        engines=("postgresql",),
        connections=32,
        rounds=3,
        bodies=False,
        goals={FIRST: 2.0},
        memory_goals={FIRST: 80},
    ),
    Parts(
        key="parts",
        title="Where the CPU of a send of 200 schools goes, 1,600 requests",
        sizes=(Size(200, 120, 10),),
        quick=_FEW,
        engines=("postgresql",),
        connections=32,
        rounds=3,
        bodies=False,
    ),
    Commands(
        key="commands",
        title="Commands of one school",
        sizes=(ONE,),
        quick=(Size(1, 100, 20),),
        rounds=21,
        goals={"attsync --version": 1.3, "attsync --help": 1.3, "attsync status": 2.7},
    ),
    History(
        key="history",
        title="Three years of marks against eight days of them, 1 school of 1,000 pupils",
        sizes=(Size(1, 1000, 8), Size(1, 1000, 3 * SCHOOL_YEAR)),
        quick=(Size(1, 100, 8), Size(1, 100, 40)),
        engines=ALL_ENGINES,
        rounds=9,
        bodies=False,
        goals={f"attsync, {3 * SCHOOL_YEAR} days of marks": 1.1},
    ),
    Schools(
        key="schools",
        title="More schools, of 120 pupils each",
        sizes=tuple(Size(number, 120, 10) for number in (1, 10, 100, 1000, 2000)),
        quick=tuple(Size(number, 30, 10) for number in (1, 10, 20)),
        rounds=1,
        bodies=False,
        connections=32,
        memory_goals={"send, 2,000 schools": 80},
    ),
    Years(
        key="years",
        title="Longer logs",
        sizes=(Size(100, 120, 10), SUPPLIER),
        quick=(Size(5, 30, 10), Size(20, 30, 10)),
        rounds=3,
        bodies=False,
        connections=32,
        cpu_goals={"status, 100 schools, log of 3 years": 0.6, "status, 2,000 schools, log of 3 years": 2.0},
        memory_goals={"status, 2,000 schools, log of 3 years": 80},
    ),
    Spark(
        key="spark",
        title="100 schools, two worker processes, every count the same as from SQLite",
        sizes=(HUNDRED,),
        quick=_FEW,
        rounds=1,
    ),
)
