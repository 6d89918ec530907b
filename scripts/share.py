"""Write what the wheel puts beside the program, for `make share`: the man page and completion for three shells.

Everything in the man page comes from `attsync --help` or from the README's table of exit codes.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from attsync.commands import COMMANDS, attsync

ROOT: Final = Path(__file__).parents[1]
COMPLETIONS: Final = {
    "bash-completion/completions/attsync": BashComplete,
    "zsh/site-functions/_attsync": ZshComplete,
    "fish/vendor_completions.d/attsync.fish": FishComplete,
}
FILES: Final = {
    "~/.config/attsync/config.toml": "The settings of one account.",
    "/etc/attsync/config.toml": "The settings of all accounts.",
    "~/.local/state/attsync/attsync.db": "The log, unless [log] path names another file.",
}
ENVIRONMENT: Final = {
    "ATTSYNC_CONFIG": "The settings file, where --config names none.",
    "ATTSYNC_DFE__TIMEOUT_SECONDS": "Overrides one setting, here timeout_seconds of [dfe]. Each has its variable.",
}


def written() -> Iterator[tuple[str, str]]:
    """Return the path of each file below `share/`, and its content."""
    yield "man/man1/attsync.1", "\n".join(man_page()) + "\n"
    for path, shell in COMPLETIONS.items():
        yield path, shell(attsync, {}, "attsync", "_ATTSYNC_COMPLETE").source().rstrip("\n") + "\n"


def man_page() -> Iterator[str]:
    """Return the lines of the man page."""
    yield '.TH ATTSYNC 1 "" attsync "User Commands"'
    yield from (".SH NAME", _text("attsync - send a school's attendance counts, only while its consent is in place"))
    yield from (".SH SYNOPSIS", ".B attsync", _text("COMMAND [OPTIONS]"), ".SH DESCRIPTION")
    yield from _paragraphs(attsync.help or "")
    yield from (".SH OPTIONS OF EVERY COMMAND", *_options(attsync))
    context = click.Context(attsync, info_name="attsync")
    for heading, commands in COMMANDS.items():
        yield f".SH {heading.upper()}"
        for name in commands:
            if command := attsync.get_command(context, name):
                yield from _command(f"attsync {name}", command)
    yield from (".SH EXIT STATUS", *_terms(_exit_codes()))
    yield from (".SH FILES", *_terms(FILES.items()), ".SH ENVIRONMENT", *_terms(ENVIRONMENT.items()))


def _command(name: str, command: click.Command) -> Iterator[str]:
    yield from (f".SS {_text(name)}", *_paragraphs(command.help or ""))
    yield from _options(command, leave_out={option.name for option in attsync.get_params(click.Context(attsync))})
    if isinstance(command, click.Group):
        for below, each in command.commands.items():
            yield from _command(f"{name} {below}", each)


def _options(command: click.Command, leave_out: Collection[str | None] = ()) -> Iterator[str]:
    context = click.Context(command, help_option_names=["-h", "--help"])
    options = [each for each in command.get_params(context) if each.name not in leave_out]
    return _terms(record for each in options if (record := each.get_help_record(context)))


def _exit_codes() -> Iterator[tuple[str, str]]:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Exit codes")[2].partition("\n## ")[0]
    for code, means in re.findall(r"^\| ([0-9, ]+) \| (.+?) \|", table, re.MULTILINE):
        yield code, means.replace("`", "")


def _terms(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, words in pairs:
        yield from (".TP", f".B {_text(term)}", _text(words))


def _paragraphs(text: str) -> Iterator[str]:
    """Return a help text as roff; lines that click is told to keep are kept."""
    for paragraph in text.split("\n\n"):
        lines = paragraph.strip("\n").splitlines()
        if lines and lines[0] == "\b":
            yield from (".PP", ".nf", *(".B " + _text(line.strip()) for line in lines[1:]), ".fi")
        else:
            yield from (".PP", _text(" ".join(line.strip() for line in lines)))


def _text(text: str) -> str:
    """Escape text for roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def main() -> None:
    """Write the files."""
    for path, text in written():
        place = ROOT / "share" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
