"""Print the figures of the code, beside those of published packages, for `make figures`.

All of it comes from public tools: Python's parser, ruff (complexity, broad excepts), import-linter's graph, coverage.
"""

import ast
import json
import subprocess
import sys
import tempfile
import time
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median, quantiles
from typing import Final
from zipfile import ZipFile

import grimp

ROOT: Final = Path(__file__).parent.parent
BIN: Final = Path(sys.executable).parent
BESIDE: Final = ("doc2dash==3.1.0", "twine==7.0.0", "pip-audit==2.10.1", "pre-commit==4.7.0", "httpx==0.28.1")
"""Read, never run."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
_NO_CODE: Final = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True)
class Code:
    """The Python files of a folder, parsed."""

    folder: Path

    @property
    def trees(self) -> Iterator[tuple[Path, ast.Module]]:
        """Return each file with its tree."""
        for path in sorted(self.folder.rglob("*.py")):
            yield path, ast.parse(path.read_text("utf-8"))

    @property
    def functions(self) -> list[Function]:
        """Return every function and method."""
        return [node for _, tree in self.trees for node in ast.walk(tree) if isinstance(node, Function)]

    @property
    def lines(self) -> list[int]:
        """Return the number of lines of each file."""
        return [len(path.read_text("utf-8").splitlines()) for path, _ in self.trees]

    @property
    def code_lines(self) -> int:
        """Count lines with code: not blank, not a comment, not a docstring."""
        return sum(_code_lines(path, tree) for path, tree in self.trees)


def figures(code: Code, package: str) -> dict[str, str]:
    """Return what can be read from a package's source."""
    functions = code.functions
    lengths = [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]
    complexities = _complexities(code.folder)
    public = list(_public(code))
    signed = [node for node in functions if _is_typed(node)]
    exits = {path.stem for path, tree in code.trees for node in ast.walk(tree) if _exits(node)}
    return {
        "modules": f"{len(code.lines)}",
        "lines, all": f"{sum(code.lines):,}",
        "lines of code": f"{code.code_lines:,}",
        "largest module, lines": f"{max(code.lines)}",
        "median module, lines": f"{median(code.lines):.0f}",
        "functions": f"{len(functions):,}",
        "function, lines: median": f"{median(lengths):.0f}",
        "function, lines: 90th percentile": f"{quantiles(lengths, n=10)[-1]:.0f}",
        "function, lines: longest": f"{max(lengths)}",
        "functions of complexity 5 or less": f"{sum(c <= 5 for c in complexities) / len(complexities):.0%}",  # noqa: PLR2004
        "import cycles": _cycles(package, code.folder.parent),
        "broad excepts (BLE001)": f"{len(_ruff(code.folder, 'BLE001'))}",
        "modules that call sys.exit or raise SystemExit": f"{len(exits)}",
        "functions with every type": f"{len(signed) / len(functions):.0%}",
        "public things with a docstring": f"{sum(public) / len(public):.0%}",
    }


def test_figures(code: Code) -> dict[str, str]:
    """Return figures of attsync's tests: of their source, and from running them."""
    tests = Code(ROOT / "tests")
    cases = [node for node in tests.functions if node.name.startswith("test_")]
    said = sum(ast.get_docstring(node) is not None for node in cases)
    started = time.monotonic()
    workers = ("-n", "auto", "--maxprocesses", "8", "--dist", "loadgroup")
    ended = _run("coverage", "run", "-m", "pytest", "-q", "-p", "no:cacheprovider", *workers, check=False)
    seconds = time.monotonic() - started
    if ended.returncode:
        sys.exit(ended.stdout[-4000:])
    _run("coverage", "combine", "--quiet")
    for left in ROOT.glob(".coverage.*"):  # half written: commands that tests ended in the middle of everything
        left.unlink()
    totals = json.loads(_run("coverage", "json", "--quiet", "--fail-under=0", "-o", "-").stdout)["totals"]
    result = next(line for line in reversed(ended.stdout.splitlines()) if " passed" in line)
    branches = totals["covered_branches"] / totals["num_branches"]
    return {
        "lines of test code to one of source": f"{tests.code_lines / code.code_lines:.2f}",
        "test functions with a docstring": f"{said / len(cases):.0%} of {len(cases):,}",
        "tests run": result.split(" in ")[0].strip("= "),
        "statements covered": f"{totals['covered_lines'] / totals['num_statements']:.1%}",
        "branches covered": f"{branches:.1%} of {totals['num_branches']:,}",
        "suite, seconds, with coverage": f"{seconds:.0f}",
        "clone to `make check` green, seconds": f"{_clone_to_green():.0f}",
    }


def main() -> None:
    """Write the table in Markdown."""
    ours = figures(Code(ROOT / "src" / "attsync"), "attsync")
    columns = {"attsync": ours | test_figures(Code(ROOT / "src" / "attsync"))}
    with tempfile.TemporaryDirectory() as folder:
        for name in BESIDE:
            columns[name.replace("==", " ")] = _of_a_wheel(name, Path(folder))
    sys.stdout.write(_HEAD)
    sys.stdout.write(f"| | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}\n")
    for row in columns["attsync"]:
        sys.stdout.write(f"| {row} | {' | '.join(column.get(row, '') for column in columns.values())} |\n")


_HEAD: Final = """\
# Figures

Written by `make figures`, which reads the source, runs the tests and reads five published packages beside it. They are
for information, not as targets: a figure that gets worse is a question.

"""


def _code_lines(path: Path, tree: ast.Module) -> int:
    with path.open("rb") as file:
        tokens = [token for token in tokenize.tokenize(file.readline) if token.type not in _NO_CODE]
    lines = {line for token in tokens[1:] for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef | ast.Module) and ast.get_docstring(node, clean=False) is not None:
            lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def _public(code: Code) -> Iterator[bool]:
    """Return whether each module, public class and public function has a docstring."""
    for path, tree in code.trees:
        if path.read_text("utf-8").strip():
            yield ast.get_docstring(tree) is not None
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        for body in (tree.body, *(node.body for node in classes)):
            for node in body:
                if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
                    yield ast.get_docstring(node) is not None


def _is_typed(node: Function) -> bool:
    wanted = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    lacks = [arg.arg for arg in wanted if arg and arg.annotation is None and arg.arg not in ("self", "cls")]
    return not lacks and node.returns is not None


def _exits(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="sys" | "os"), attr="exit" | "_exit")):
            return True
        case ast.Raise(exc=ast.Name(id="SystemExit") | ast.Call(func=ast.Name(id="SystemExit"))):
            return True
    return False


def _complexities(folder: Path) -> list[int]:
    found = _ruff(folder, "C901", "--config", "lint.mccabe.max-complexity=0")
    return [int(each["message"].split("(")[1].split(" ")[0]) for each in found]


def _ruff(folder: Path, rule: str, *more: str) -> list[dict[str, str]]:
    words = ["check", "--isolated", "--ignore-noqa", "--exit-zero", "--output-format", "json", "--select", rule]
    found: list[dict[str, str]] = json.loads(_run("ruff", *words, *more, str(folder)).stdout)
    return found


def _cycles(package: str, place: Path) -> str:
    sys.path.insert(0, str(place))
    try:
        graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    finally:
        sys.path.remove(str(place))
    try:
        TopologicalSorter({m: graph.find_modules_directly_imported_by(m) for m in graph.modules}).prepare()
    except CycleError as error:
        return f"yes, one of {len(error.args[1]) - 1} modules"
    return "0"


def _of_a_wheel(name: str, folder: Path) -> dict[str, str]:
    _run("pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder), name)
    wheel = next(folder.glob("*.whl"))
    place = folder / wheel.stem
    with ZipFile(wheel) as archive:
        archive.extractall(place)
    wheel.unlink()
    package = name.partition("==")[0].replace("-", "_")
    return figures(Code(place / package), package)


def _clone_to_green() -> float:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        _run("/usr/bin/env", "git", "clone", "--quiet", str(ROOT), folder)
        _run("/usr/bin/env", "make", "--directory", folder, "check")
    return time.monotonic() - started


def _run(program: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / program), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=check)  # noqa: S603  words of this file


if __name__ == "__main__":
    main()
