"""`python -m benchmarks`: every program in turn (A B C, A B C, ...), checked and measured, as one Markdown table."""

import argparse
import json
import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from attsync.window import today_in_london
from benchmarks import receiver
from benchmarks.databases import Engine, Size, drop, made
from benchmarks.rows import ALL_ENGINES, ROWS, Commands, History, Row
from benchmarks.work import Cost, Program, Work, prepare

_HEADING = """\
| {title} | wall | min to max | seconds | CPU | peak MB |
|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Run:
    """What is asked on the command line."""

    folder: Path
    scratch: Path
    port: int
    today: date
    quick: bool
    engines: Sequence[Engine]
    rounds: int | None
    rivals: bool
    check: bool
    others: dict[str, Path]
    """Name -> source tree of another attsync."""

    def size(self, row: Row) -> Size:
        """Return the size of a row's database."""
        return row.quick if self.quick else row.size


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the rows that are asked for."""
    asked = _asked(arguments)
    if asked.list:
        print("\n".join(f"{row.key:12}{row.title}; goal: {row.goal}" for row in ROWS))
        return
    if asked.drop:
        drop(asked.dir)
        return
    if not receiver.is_there():
        sys.exit("The receiver is nginx with its echo module: apt-get install nginx-light")
    asked.dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="attsync-bench-") as scratch:
        run = Run(
            folder=asked.dir,
            scratch=Path(scratch),
            port=receiver.free_port(),
            today=today_in_london(),
            quick=asked.quick,
            engines=asked.engines.split(","),
            rounds=asked.rounds or (2 if asked.quick else None),
            rivals=not asked.no_rivals,
            check=not asked.no_check,
            others={name: Path(path).absolute() for name, path in (each.split("=", 1) for each in asked.other)},
        )
        print(_machine(run), flush=True)
        peaks: dict[tuple[str, str], float] = {}
        rows = [row for row in ROWS if asked.rows == "all" or row.key in asked.rows.split(",")]
        turns = [(row, engine) for row in rows for engine in row.engines if engine in run.engines]
        for row, engine in turns:
            if costs := _measure(run, row, engine):
                _print(row, engine, costs)
                peaks[row.key, engine] = _median([cost.memory for cost in costs.get("attsync", [])])
        if ("one", "sqlite") in peaks and ("supplier", "sqlite") in peaks:
            one, many = peaks["one", "sqlite"], peaks["supplier", "sqlite"]
            print(f"\nPeak memory, 2,000 schools against 1: {many / one:.2f} x, {many:.0f} MB against {one:.0f} MB.")


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", default="all", help=f"all, or some of {','.join(row.key for row in ROWS)}")
    parser.add_argument("--engines", default=",".join(ALL_ENGINES), help="%(default)s")
    parser.add_argument("--quick", action="store_true", help="small databases, 2 rounds: does everything work?")
    parser.add_argument("--rounds", type=int, help="how often each program runs")
    parser.add_argument("--no-rivals", action="store_true", help="only the floor and attsync")
    parser.add_argument(
        "--other",
        action="append",
        default=[],
        metavar="NAME=SRC",
        help="compare with the attsync of another source tree",
    )
    parser.add_argument("--no-check", action="store_true", help="leave out the comparison of what was sent")
    parser.add_argument(
        "--dir",
        type=Path,
        default=Path(tempfile.gettempdir()) / f"attsync-bench-{os.getuid()}",
        help="where SQLite databases are kept for the next time; %(default)s",
    )
    parser.add_argument("--drop", action="store_true", help="remove the databases that were made, also on the servers")
    parser.add_argument("--list", action="store_true", help="what there is to measure")
    return parser.parse_args(arguments)


def _measure(run: Run, row: Row, engine: Engine) -> dict[str, list[Cost]]:
    """Let the programs of one row take turns. Gives nothing if the engine is not there."""
    work = _work(run, row, engine, run.size(row))
    if work is None:
        print(f"\n{row.title}, {engine}: no server answers, left out")
        return {}
    programs = [(program, row.rounds) for program in row.programs(work)]
    if isinstance(row, History):
        larger = _work(run, row, engine, row.quick_other if run.quick else row.other)
        assert larger is not None  # noqa: S101  the server was there a moment ago
        programs = [
            (replace(each.attsync, name=f"attsync, {each.size.days} days"), row.rounds) for each in (work, larger)
        ]
    elif not isinstance(row, Commands):
        programs += [(work.other(name, path), row.rounds) for name, path in run.others.items()]
    if run.rivals and row.rival_rounds:
        programs += [(rival, row.rival_rounds) for rival in work.rivals]
    costs: dict[str, list[Cost]] = {program.name: [] for program, _ in programs}
    if run.check and row.rival_rounds:
        with receiver.receiving(run.scratch, run.port, bodies=True) as dfe:
            _check_that_all_send_the_same(run, work, dfe, [program for program, _ in programs])
    with receiver.receiving(run.scratch, run.port, delay=row.delay) as dfe:
        for number in range(run.rounds or row.rounds):
            for program, rounds in programs:
                if number < rounds:
                    program.prepare()
                    dfe.forget()
                    costs[program.name].append(program.run(run.scratch / "output.txt"))
                    _check_count(program, work, dfe.accepted(work.requests if program.requests else 0))
    return costs


def _work(run: Run, row: Row, engine: Engine, size: Size) -> Work | None:
    url = made(engine, size, run.today, run.folder)
    if url is None:
        return None
    ca = run.scratch / "ca.pem"
    if not ca.exists():
        receiver.make_certificates(run.scratch)
    folder = run.scratch / f"{row.key}-{engine}-{size}"
    return prepare(folder, url, size, port=run.port, ca=ca, connections=row.connections, today=run.today)


def _check_that_all_send_the_same(run: Run, work: Work, dfe: receiver.Receiver, programs: list[Program]) -> None:
    first: Counter[str] | None = None
    for program in programs:
        program.prepare()
        dfe.forget()
        program.run(run.scratch / "output.txt")
        lines = dfe.accepted(work.requests)
        _check_count(program, work, lines)
        sent = Counter(map(_in_order, lines))
        first = first or sent
        if sent != first:
            mine, theirs = next(iter(sent - first)), next(iter(first - sent))
            at = next(n for n in range(len(mine)) if mine[: n + 1] != theirs[: n + 1])
            start = max(0, at - 200)
            sys.exit(f"{program.name} differs from the floor:\n…{mine[start : at + 50]}\n…{theirs[start : at + 50]}")


def _check_count(program: Program, work: Work, accepted: list[str]) -> None:
    if program.requests and len(accepted) != work.requests:
        sys.exit(f"{program.name}: the receiver accepted {len(accepted)} requests, not {work.requests}")


def _in_order(body: str) -> str:
    """Write a body so that two that say the same are the same text."""
    message = json.loads(body)
    message["yearGroups"].sort(key=lambda group: group["ncYearGroup"])
    message["submissionData"].sort(key=lambda item: (item["ncYearGroup"], item["schoolSession"]))
    for item in message["submissionData"]:
        item["attendances"].sort(key=lambda count: count["attendanceCode"])
    return json.dumps(message, sort_keys=True)


def _print(row: Row, engine: Engine, costs: dict[str, list[Cost]]) -> None:
    title = row.title + (f", {_ENGINES[engine]}" if engine != "sqlite" or len(row.engines) > 1 else "")
    print(f"\n{_HEADING.format(title=title)}")
    print("\n".join(_lines(costs)))
    print(f"\nGoal: {row.goal}.", flush=True)


_ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}


def _lines(costs: dict[str, list[Cost]]) -> Iterator[str]:
    floor = next(iter(costs.values()))
    for name, mine in costs.items():
        if mine:
            # Each run against the floor's run of the same round: what else the machine did then, it did to both.
            ratios = [run.wall / beside.wall for run, beside in zip(mine, floor, strict=False)]
            cpu = [run.cpu / beside.cpu for run, beside in zip(mine, floor, strict=False)]
            yield (
                f"| {name} | {_median(ratios):.2f} x | {min(ratios):.2f} to {max(ratios):.2f}"
                f" | {_median([run.wall for run in mine]):.3f} | {_median(cpu):.2f} x"
                f" | {_median([run.memory for run in mine]):.0f} |"
            )


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else 0.0


def _machine(run: Run) -> str:
    cpus = len(os.sched_getaffinity(0))
    free = shutil.disk_usage(run.folder).free // 2**30
    return (
        f"{run.today:%-d %B %Y}; {platform.system()} {platform.machine()}, {cpus} CPUs, {free} GB free on disk;"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."
        f"{' Small databases (--quick): the ratios mean nothing.' if run.quick else ''}"
    )


if __name__ == "__main__":
    main()
