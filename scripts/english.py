"""Find words and phrases that this project does not use, in all that people read: `make check` runs this.

Looks at pages, help texts, messages, notices, settings files, schemas, and at comments and docstrings.
"""

import ast
import json
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import click

from attsync.commands import attsync

ROOT: Final = Path(__file__).parents[1]

PROSE: Final = {
    r"(?<!thing )(?<!one )(?<!where )(?<!what )(?<!who )(?<!whatever )\belse\b|\belse than\b": "otherwise, other than",
    r"\bwho(ever|mever|soever)\b": "the person who",
    r"\b(mend(s|ed|ing)?|anew)\b": "correct, again",
    r"\bthe like\b": "the same",
    r"\bslips?\b": "a mistake",
    r"\bby (itself|themselves)\b": "automatically, on its own",
    r"\b(stands?|stood|standing)\b(?! (for|in for)\b|-)": "is, goes, is in place, in force",
    r"\bholds?\b(?! (\"|&quot;|back\b|it\b|{|%s|(the|this|that|its|no|neither) permission))": "contains, is",
    r"\bmay not\b": "cannot, is not allowed to, might not",
    r"\b\w+n['’]t\b|\b(it|that|there|here|what|who|let|he|she)['’]s\b|\b\w+['’](re|ve|ll)\b": "no contractions",
    r"(?<![\w{])\d+ %(?![\w(])": "no space before %",
    r"\b(some|no|any|every)body\b": "someone, no one, anyone, everyone",
    r"\blawful(ly)?\b(?! bas[ie]s)": "allowed",
    r"\b(is|are|be|was|were|been|being) told\b(?! apart)": "is reported, is shown",
    r"\blook(s|ed|ing)? (whether|if)\b": "check whether",
    r"\bin all(?= and\b|[,;:)])": "in total",
    r"\bof (its|your|their|our|his|her) own\b": "your own, separate",
    r", for (they|it|he|she|there|these|those|this) (is|are|may|can|was|were|will|has|have|do|does)\b": "because",
    r"\b(comes?|came) along\b|\balong with it\b": "is included, also sent",
    r"\bschool systems?\b": "MIS, management information system",
    r"\b(please|sorry|oops)\b": "nothing",
    r"\bnot one (of|mark|session|day)\b|\bhardly any\b": "no, none of, few",
    r"\b(fence|ferry|shores?)\b": "no metaphor",
    r"\bthings? to know\b": "things to check",
    r"\b(would|will) not do\b(?=[.:;,])": "do not use",
}
"""What people read: a pattern, and what to write instead."""

CODE: Final = {
    r"\b(refuses? to know|knows? (no|nothing|only|not)\b)": "say what a module must not import",
    r"(^|\n|\"\"\")\s*(Give|Tell|Say|Ask) ": "Return, Raise, Whether",
    r"\bmend(s|ed|ing)?\b|\banew\b|\bwhoever\b|\bthe like\b": PROSE[r"\b(mend(s|ed|ing)?|anew)\b"],
    r"\b(?-i:SPEC|DOMAIN|RELIABILITY|UX|HOUSE|CASES|SQL|SQLSERVER|ENGLISH|EXEMPLARS)\.md\b": "cite docs/design/",
    r"\b(some|no|any|every)body\b": "someone, no one, anyone, everyone",
}
"""Comments and docstrings."""

PAGES: Final = ("*.md", "docs/**/*.md", "examples/**/*.md", "benchmarks/*.md", ".github/**/*.md", ".github/**/*.yml")
SETTINGS: Final = ("examples/**/*.toml", "src/attsync/data/config.toml")
SOURCE: Final = ("src/**/*.py", "scripts/*.py", "tests/**/*.py", "benchmarks/*.py")

Words = tuple[str, str]
"""Where words are, and the words."""


def pages() -> Iterator[Words]:
    """Return the paragraphs of every page, without code and without addresses of links."""
    for path in _found(PAGES):
        if path.name == "messages.md":  # written from data/problems.toml, which is read below
            continue
        text = re.sub(r"(?ms)^```.*?^```|^<!--.*?-->", lambda code: "\n" * code[0].count("\n"), _read(path))
        if path.suffix == ".md":
            text = re.sub(r"(?m)^ {4,}(?![-*|]|\d\.).*$", "", text)
        yield from _paragraphs(path, re.sub(r"`[^`]*`|\]\([^)]*\)", "`", text))


def settings() -> Iterator[Words]:
    """Return the comments of every settings file."""
    for path in _found(SETTINGS):
        comments = [re.sub(r'".*?"', '""', line).partition("#")[2] for line in _read(path).splitlines()]
        yield from _paragraphs(path, "\n".join(comments))


def messages() -> Iterator[Words]:
    """Return every text of data/problems.toml and the notices."""
    yield from _texts("problems.toml", tomllib.loads(_read(ROOT / "src/attsync/data/problems.toml")))
    for path in _found(("src/attsync/data/notice*",)):
        yield from _paragraphs(path, _read(path))


def schemas() -> Iterator[Words]:
    """Return the descriptions and summaries of the schemas and of the contract."""
    for path in _found(("src/attsync/data/**/*.json",)):
        yield from _described(path.name, json.loads(_read(path)))


def helps() -> Iterator[Words]:
    """Return every help text of the command line."""
    context = click.Context(attsync, info_name="attsync")
    for name in attsync.list_commands(context):
        if command := attsync.get_command(context, name):
            for each in [command, *getattr(command, "commands", {}).values()]:
                with click.Context(each, info_name=each.name) as inner:
                    yield f"attsync {name} --help", each.get_help(inner)


def literals() -> Iterator[Words]:
    """Return the texts in the source that are parts of sentences: two words or more, no docstrings, no SQL."""
    for path in _found(("src/**/*.py", "scripts/messages.py")):
        tree = ast.parse(_read(path))
        documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documented):
            text = str(node.value)
            if re.search(r"[a-z]+ [a-z]+", text) and not re.search(r"\\[bwsd]|SELECT|CASE", text):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def remarks() -> Iterator[Words]:
    """Return the comments and docstrings of the source."""
    for path in _found(SOURCE):
        for node in ast.walk(ast.parse(_read(path))):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value.value
        with path.open("rb") as file:
            for token in tokenize.tokenize(file.readline):
                if token.type == tokenize.COMMENT:
                    yield f"{path.relative_to(ROOT)}:{token.start[0]}", token.string


def complaints(words: Iterable[Words], habits: dict[str, str]) -> Iterator[str]:
    """Return a line for each habit that is found."""
    for place, text in words:
        for pattern, better in habits.items():
            for found in (each for each in re.finditer(pattern, text, re.IGNORECASE) if not each[0].isupper()):
                around = " ".join(text[max(0, found.start() - 40) : found.end() + 30].split())
                yield f"{place}: {found[0].strip()!r} -> {better}\n    ... {around} ..."


def _found(patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(path for path in ROOT.glob(pattern) if ".venv" not in path.parts)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _paragraphs(path: Path, text: str) -> Iterator[Words]:
    line = 1
    for paragraph in re.split(r"(\n{2,})", text):
        if paragraph.strip():
            yield f"{path.relative_to(ROOT)}:{line}", " ".join(paragraph.split())
        line += paragraph.count("\n")


def _texts(place: str, value: Any) -> Iterator[Words]:  # noqa: ANN401  what TOML can be
    if isinstance(value, str):
        yield place, re.sub(r"`[^`]*`", "`", value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(f"{place} {name}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(place, inner)


def _described(place: str, value: Any) -> Iterator[Words]:  # noqa: ANN401  what JSON can be
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in {"description", "summary", "title"} and isinstance(inner, str):
                yield f"{place} {name}", inner
            yield from _described(place, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _described(place, inner)


def main(only: str = "") -> int:
    """Print every complaint whose place contains `only`; return 1 if there is one."""
    read = [*pages(), *settings(), *messages(), *schemas(), *helps(), *literals()]
    found = [*complaints(read, PROSE), *complaints(remarks(), CODE)]
    found = [line for line in found if only in line.partition(": ")[0]]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
