"""What is measured: one row for each line of benchmarks/README.md, with the goals beside it."""

import sys
from dataclasses import dataclass
from typing import Final

from benchmarks.databases import Engine, Size
from benchmarks.work import Program, Work

ALL_ENGINES: Final[tuple[Engine, ...]] = ("sqlite", "postgresql", "mariadb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison: programs that take turns on one database."""

    key: str
    title: str
    goal: str
    size: Size
    quick: Size
    engines: tuple[Engine, ...] = ("sqlite",)
    connections: int = 8
    delay: float = 0.0
    rounds: int = 5
    rival_rounds: int = 0
    """How many of the rounds the rivals run in; they are slow."""

    def programs(self, work: Work) -> list[Program]:
        """Return the floor first, then what is compared with it."""
        return [work.floor, work.attsync, work.again]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands(Row):
    """Commands that send nothing, next to the import of the command line's library."""

    def programs(self, work: Work) -> list[Program]:
        """Return `python -c "import click"` first."""
        click = Program('python -c "import click"', [sys.executable, "-c", "import click"], requests=False)
        return [click, work.command("--version"), work.command("--help"), work.command("status")]


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Row):
    """A small database against a large one; the programs are attsync both times."""

    other: Size
    quick_other: Size


ONE: Final = Size(1, 1000, 190)
HUNDRED: Final = Size(100, 420, 10)
SUPPLIER: Final = Size(2000, 120, 10)

ROWS: Final[tuple[Row, ...]] = (
    Row(
        key="one",
        title="1 school of 1,000 pupils, 8 requests",
        goal="4.5 x the floor (must: 5.5 x); twice as fast as pandas",
        size=ONE,
        quick=Size(1, 100, 20),
        rounds=11,
        rival_rounds=5,
    ),
    Row(
        key="trust-50ms",
        title="100 schools, 800 requests, answers in 50 ms",
        goal="1.0 x the floor; 15 x faster than pandas, 14 x than dlt",
        size=HUNDRED,
        quick=Size(5, 60, 10),
        connections=32,
        delay=0.05,
        rival_rounds=1,
    ),
    Row(
        key="trust",
        title="100 schools, 800 requests, answers at once",
        goal="1.6 x the floor",
        size=HUNDRED,
        quick=Size(5, 60, 10),
        engines=ALL_ENGINES,
        rounds=7,
        rival_rounds=2,
    ),
    Row(
        key="supplier",
        title="2,000 schools, 16,000 requests",
        goal="PostgreSQL 1.1 x, SQLite 1.6 x the floor",
        size=SUPPLIER,
        quick=Size(20, 30, 10),
        engines=("postgresql", "sqlite"),
        connections=32,
        rounds=3,
    ),
    Commands(
        key="commands",
        title="status, help, version",
        goal='1.3 x `python -c "import click"` for help and version, 2.5 x for status',
        size=ONE,
        quick=Size(1, 100, 20),
        rounds=21,
    ),
    History(
        key="history",
        title="three years of marks against eight days, 1 school of 1,000 pupils",
        goal="1.25 x",
        size=Size(1, 1000, 8),
        quick=Size(1, 100, 8),
        other=Size(1, 1000, 570),
        quick_other=Size(1, 100, 40),
        engines=ALL_ENGINES,
        rounds=11,
    ),
)
