"""The lines of `attsync send`: one a school, a summary, and what cron mails when something is wrong."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from attsync.problems import Problem
from attsync.report import Report, SchoolResult, sessions_of
from attsync.show.parts import Signs
from attsync.window import Window


def send_heading(window: Window, schools: int, *, dry_run: bool) -> Text:
    """Say what is about to be done."""
    what = "Rehearsing, nothing is sent:" if dry_run else "Sending"
    number = f"{schools} schools" if schools != 1 else "1 school"
    first = f"{window.first:%a %-d %b}" if window.first.year == window.last.year else f"{window.first:%a %-d %b %Y}"
    return Text(f"{what} {first} to {window.last:%a %-d %B %Y} for {number}")


def send_line(result: SchoolResult, signs: Signs, *, name_width: int, dry_run: bool) -> Text:
    """Say in one line what became of a school."""
    name = f"{result.school.name:<{name_width}}  "
    if result.outcome == "skipped":
        changed = result.problem is not None and result.problem.code == "CONSENT-CHANGED"
        why = "consent needed again" if changed else "no consent"
        return Text(f"{signs.without}  {name}{why}: not read, not sent", style="dim")
    took = "" if dry_run else f"  {result.seconds:.1f} s"
    if problems := result.problems:
        words = problems[0].text.split(". ")[0].rstrip(".")
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return Text.assemble((f"{signs.bad}", "bold red"), f"  {name}", (f"{words}{more}", "bold red"), took)
    sessions, changed_sessions = sessions_of(result)
    words = f"{sessions} {'session' if sessions == 1 else 'sessions'} {'would be sent' if dry_run else 'received'}"
    if changed_sessions:
        words += f", {changed_sessions} of them changed since the last send"
    if not sessions:
        words = "no marks in these days: nothing to send"
    return Text.assemble((signs.good, "green"), f"  {name}{words}{took}")


def send_summary(report: Report, signs: Signs, *, dry_run: bool) -> RenderableType:
    """Say how a run ended and what comes next."""
    problems = sum(len(_distinct(r.problems)) for r in report.schools if r.outcome != "skipped")
    received = sum(sessions_of(result)[0] for result in report.schools)
    skipped = sum(result.outcome == "skipped" for result in report.schools)
    parts = [f"{received} sessions {'would be sent' if dry_run else 'received'}"]
    if skipped:
        parts.append(f"{skipped} {'school' if skipped == 1 else 'schools'} without consent")
    tail = f" {', '.join(parts)}." + (f" Recorded as run {report.number}." if report.number else " Nothing was sent.")
    if problems:
        start = Text(f"Finished with {problems} {'problem' if problems == 1 else 'problems'}.", style="bold red")
    else:
        start = Text("Finished.", style="bold")
    lines: list[RenderableType] = [start + Text(tail)]
    lines += [Text.assemble((f"{signs.check} ", "yellow"), f"{p.text} {p.next}") for p in report.to_check]
    for result in report.schools:
        if result.outcome != "skipped":
            for problem in _distinct(result.problems):
                lines.append(
                    Text.assemble(
                        (f"{signs.arrow} {result.school}: ", "bold"),
                        problem.text,
                        " ",
                        problem.next,
                        (f"  [{problem.code}]", "dim"),
                    )
                )
    if not dry_run:
        lines.append(Text.assemble("Next: ", ("attsync status", "bold")))
    return Group(*lines)


def problem_lines(report: Report) -> list[str]:
    """Say each problem of a run in one line that is whole in itself, then what to do; at most 12 lines for cron."""
    lines = []
    for result in report.schools:
        for problem in _distinct(result.problems if result.outcome != "skipped" else []):
            lines += [f"attsync: {result.school}: {problem.text} [{problem.code}]", f"  {problem.next}"]
    most = 12
    if len(lines) > most:
        left = (len(lines) - most + 2) // 2
        lines = [*lines[: most - 2], f"attsync: {left} more problems.", "  To see them: attsync status"]
    return lines


def _distinct(problems: Iterable[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
