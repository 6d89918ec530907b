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
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from attsync.window import today_in_london
from benchmarks import receiver
from benchmarks.databases import Engine, drop, made
from benchmarks.rows import ALL_ENGINES, FIRST, OWN, ROWS, Row
from benchmarks.work import Cost, Program, Work

_README: Final = Path(__file__).with_name("README.md")
_BEGIN, _END = "<!-- figures: make bench BENCH=--write -->\n", "<!-- end of figures -->\n"
_HEADING: Final = """\
| Work | Program | Wall | Against attsync's SQL | Seconds | CPU seconds | Peak MB | Goal |
|---|---|---|---|---|---|---|---|"""
_ENGLAND: Final = 22_000
"""Schools."""
_ENGINES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}


@dataclass(frozen=True, slots=True)
class Run:
    """What is asked on the command line."""

    folder: Path
    today: date
    quick: bool
    rounds: int | None
    rivals: bool
    others: dict[str, Path]
    """Name -> source tree of another attsync."""

    def works(self, row: Row, engine: Engine) -> list[Work]:
        """Return the folders of a row; none if the engine's server does not answer."""
        ca = self.folder / "ca.pem"
        if not ca.exists():
            receiver.make_certificates(self.folder)
        works = []
        for size in row.quick if self.quick else row.sizes:
            url = made(engine, size, self.today, self.folder)
            if url is None:
                return []
            folder = self.folder / f"{self.today}-{engine}-{size}-{row.connections}"
            works.append(Work(folder, size, url, receiver.PORT, ca, row.connections, self.today))
        return works


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the rows that are asked for."""
    asked = _asked(arguments)
    if asked.list:
        print("\n".join(f"{row.key:12}{row.title}" for row in ROWS))
        return
    if asked.drop:
        drop()
        shutil.rmtree(asked.dir, ignore_errors=True)
        return
    if not receiver.is_there():
        sys.exit("The receiver is nginx with its echo module: apt-get install nginx-light libnginx-mod-http-echo")
    asked.dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    run = Run(
        folder=asked.dir,
        today=today_in_london(),
        quick=asked.quick,
        rounds=0 if asked.make else asked.rounds or (2 if asked.quick else None),
        rivals=not asked.no_rivals,
        others={name: Path(path).absolute() for name, path in (each.split("=", 1) for each in asked.other)},
    )
    for old in {*run.folder.glob("20??-*")} - {*run.folder.glob(f"{run.today}-*")}:
        shutil.rmtree(old)
    lines = [_machine(run), "", _HEADING]
    print("\n".join(lines), flush=True)
    how_far: list[str] = []
    for row in ROWS:
        if asked.rows == "all" or row.key in asked.rows.split(","):
            for engine in row.engines:
                if engine in asked.engines.split(","):
                    found, costs = _row(run, row, engine)
                    print("\n".join(found), flush=True)
                    lines += found
                    how_far = [*_how_far(costs)] if row.key == "schools" else how_far
    print("\n".join(how_far))
    lines += how_far
    if asked.write:
        before, _, after = _README.read_text(encoding="utf-8").partition(_BEGIN)
        text = "\n".join(lines)
        _README.write_text(f"{before}{_BEGIN}{text}\n{_END}{after.partition(_END)[2]}", encoding="utf-8")


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", default="all", help=f"all, or some of {','.join(row.key for row in ROWS)}")
    parser.add_argument("--engines", default=",".join(ALL_ENGINES), help="%(default)s")
    parser.add_argument("--quick", action="store_true", help="small databases, 2 rounds: does everything work?")
    parser.add_argument("--make", action="store_true", help="only make the databases and logs of today")
    parser.add_argument("--write", action="store_true", help="write the table into README.md")
    parser.add_argument("--rounds", type=int, help="how often each program runs")
    parser.add_argument("--no-rivals", action="store_true", help="only the floor and attsync")
    parser.add_argument(
        "--other",
        action="append",
        default=[],
        metavar="NAME=SRC",
        help="compare with the attsync of another source tree",
    )
    parser.add_argument(
        "--dir",
        type=Path,
        default=Path(tempfile.gettempdir()) / f"attsync-bench-{os.getuid()}",
        help="where SQLite databases and logs are kept for the next time; %(default)s",
    )
    parser.add_argument("--drop", action="store_true", help="remove the databases that were made, also on the servers")
    parser.add_argument("--list", action="store_true", help="what there is to measure")
    return parser.parse_args(arguments)


def _row(run: Run, row: Row, engine: Engine) -> tuple[list[str], dict[str, list[Cost]]]:
    """Measure one row on one engine. What fails is said in its place: the other rows are not lost."""
    title = row.title + (f", {_ENGINES[engine]}" if engine != "sqlite" or len(row.engines) > 1 else "")
    started = time.monotonic()
    try:
        works = run.works(row, engine)
        if not works:
            return [f"| {title} | no server answers |||||||"], {}
        costs, notes = _measure(run, row, works)
    except (SystemExit, OSError) as error:
        print(f"{title}: {error}", file=sys.stderr)
        return [f"| {title} | failed |||||||"], {}
    print(f"{title}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    if not (rounds := max(map(len, costs.values()))):
        return [f"| {title} | made |||||||"], {}
    lines = [*_lines(row, costs), *(f"| {note} |||||||" for note in notes)]
    head = f"| {title} ({rounds} round{'s' if rounds > 1 else ''}) {lines[0]}"
    return [head, *(f"| {line}" for line in lines[1:])], costs


def _how_far(costs: dict[str, list[Cost]]) -> Iterator[str]:
    """Return a table of what more schools cost, with all of England reckoned from the most."""
    if not any(costs.values()):
        return
    yield from ("", "| | Requests a run | A send | Peak MB | A status, CPU | Peak MB |", "|---|---|---|---|---|---|")
    names = [name.removeprefix("send, ") for name in costs if name.startswith("send, ")]
    for name in names:
        schools = int(name.split()[0].replace(",", ""))
        send, status = costs[f"send, {name}"][0], costs[f"status, {name}"][0]
        sent, shown = f"{send.wall:.2g} s | {send.memory:.0f}", f"{status.cpu:.2g} s | {status.memory:.0f}"
        yield f"| {name} | {schools * 8:,} | {sent} | {shown} |"
    times, least = _ENGLAND / schools, costs[f"status, {names[0]}"][0].memory
    yield (
        f"| All of England, {_ENGLAND:,} schools (reckoned, {times:.0f} times as much) | {_ENGLAND * 8:,}"
        f" | {times * send.wall / 60:.1f} minutes | {send.memory:.0f}"
        f" | {times * status.cpu:.0f} s | {least + times * (status.memory - least):.0f} |"
    )


def _measure(run: Run, row: Row, works: list[Work]) -> tuple[dict[str, list[Cost]], list[str]]:
    with receiver.receiving(run.folder, delay=row.delay, bodies=row.bodies) as dfe:
        for work in works:
            work.prepare()
        with row.around(works) as notes:
            return _rounds(run, row, works, dfe), notes


def _rounds(run: Run, row: Row, works: list[Work], dfe: receiver.Receiver) -> dict[str, list[Cost]]:
    """Let the programs take turns. In the first round, what they send is compared."""
    programs = [(program, row.rounds) for program in row.programs(works)]
    if any(program.name == FIRST for program, _ in programs):
        others = [works[0].send(f"{FIRST}: {name}", PYTHONPATH=str(path)) for name, path in run.others.items()]
        programs += [(other, row.rounds) for other in others]
    if run.rivals and row.rival_rounds:
        programs += [(rival, row.rival_rounds) for rival in works[0].rivals]
    costs: dict[str, list[Cost]] = {program.name: [] for program, _ in programs}
    sent: Counter[str] | None = None
    for program, _ in programs:
        program.prepare()  # makes what is not there yet
    for number in range(row.rounds if run.rounds is None else run.rounds):
        for program, rounds in programs:
            if number < rounds:
                program.prepare()
                dfe.forget()
                costs[program.name].append(program.run(run.folder / "output.txt"))
                accepted = dfe.accepted(program.requests)
                if len(accepted) != program.requests:
                    raise SystemExit(f"{program.name}: {len(accepted)} requests, not {program.requests}")
                if row.bodies and number == 0 and program.requests:
                    mine = Counter(map(_in_order, accepted))
                    sent = sent or mine
                    _compare(program, mine, sent)
    return costs


def _compare(program: Program, sent: Counter[str], floor: Counter[str]) -> None:
    if sent == floor:
        return
    mine, theirs = next(iter(sent - floor)), next(iter(floor - sent))
    at = next(n for n in range(len(mine)) if mine[: n + 1] != theirs[: n + 1])
    start = max(0, at - 200)
    raise SystemExit(f"{program.name} differs from the first:\n…{mine[start : at + 50]}\n…{theirs[start : at + 50]}")


def _in_order(body: str) -> str:
    """Write a body so that two that say the same are the same text."""
    message = json.loads(body)
    message["yearGroups"].sort(key=lambda group: group["ncYearGroup"])
    message["submissionData"].sort(key=lambda item: (item["ncYearGroup"], item["schoolSession"]))
    for item in message["submissionData"]:
        item["attendances"].sort(key=lambda count: count["attendanceCode"])
    return json.dumps(message, sort_keys=True)


def _lines(row: Row, costs: dict[str, list[Cost]]) -> Iterator[str]:
    floor = next(iter(costs.values()))
    for name, mine in costs.items():
        if mine:
            # Each run against the floor's run of the same round: what else the machine did then, it did to both.
            ratios = [run.wall / beside.wall for run, beside in zip(mine, floor, strict=False)]
            beside = [run.wall / own.wall for run, own in zip(mine, costs.get(OWN, ()), strict=False)]
            wall, cpu = _median([run.wall for run in mine]), _median([run.cpu for run in mine])
            memory = _median([run.memory for run in mine])
            goals = (
                (row.goals, _median(ratios), "x"),
                (row.cpu_goals, cpu, "s CPU"),
                (row.memory_goals, memory, "MB"),
            )
            said = [_verdict(each[name], value, unit) for each, value, unit in goals if name in each]
            yield (
                f"| {name} | {_median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
                f" | {f'{_median(beside):.2f} x' if beside else ''} | {wall:.3g} | {cpu:.3g} | {memory:.0f}"
                f" | {'; '.join(said)} |"
            )


def _verdict(goal: float, value: float, unit: str) -> str:
    short = value / goal - 1
    return f"{goal:g} {unit}: {'reached' if short <= 0 else f'**{short:.0%} short**'}"


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else 0.0


def _machine(run: Run) -> str:
    cpus, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return (
        f"{run.today:%-d %B %Y}; {platform.system()} {platform.machine()}, {cpus} CPUs, load {load:.1f} before;"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."
        f"{' Small databases (--quick): the ratios mean nothing.' if run.quick else ''}"
    )


if __name__ == "__main__":
    main()
