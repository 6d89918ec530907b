"""README, help, exit codes, problem codes and the example settings agree with the code."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from attsync.commands import COMMANDS, attsync
from attsync.problems import KINDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "config.toml"


def section(heading: str) -> str:
    """Give one section of the README."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"README has no section {heading}"
    return found[1]


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Give every command that does something, by what is typed for it."""
    context = click.Context(attsync, info_name="attsync")
    for name in attsync.list_commands(context):
        command = attsync.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", each) for below, each in command.commands.items())
        elif command:
            yield name, command


COMMANDS_BY_NAME = dict(all_commands())
OPTIONS = sorted(
    {
        (name, option)
        for name, command in COMMANDS_BY_NAME.items()
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.name not in {"config", "verbose", "quiet", "no_color"}
        for option in parameter.opts
        if option.startswith("--")
    }
)


@pytest.mark.parametrize("code", KINDS)
def test_readme_explains_each_problem_code(code: str) -> None:
    """It is what somebody looks up."""
    assert f"| `{code}` | {KINDS[code].meaning} |" in section("Messages")


def test_readme_has_no_problem_code_that_is_gone() -> None:
    """Nobody looks for what cannot come."""
    assert set(re.findall(r"^\| `([A-Z-]+)` \|", section("Messages"), re.MULTILINE)) == set(KINDS)


@pytest.mark.parametrize("code", sorted({0, 1, 130, 129, 143, *(kind.exit_code for kind in KINDS.values())}))
def test_readme_explains_each_exit_code(code: int) -> None:
    """Monitoring goes by it."""
    rows = [row.split("|")[1] for row in section("Exit codes").splitlines() if row.startswith("| ")]
    assert str(code) in [number.strip() for row in rows for number in row.split(",")]


@pytest.mark.parametrize("name", COMMANDS_BY_NAME)
def test_readme_lists_each_command(name: str) -> None:
    """A command that nobody knows of is no command."""
    assert f"| `attsync {name}` |" in section("Commands")


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_readme_lists_each_option_with_its_command(name: str, option: str) -> None:
    """The table is the short manual."""
    (row,) = (row for row in section("Commands").splitlines() if row.startswith(f"| `attsync {name}` |"))
    assert f"`{option}`" in row


@pytest.mark.parametrize("row", [row for row in section("Commands").splitlines() if row.startswith("| `attsync ")])
def test_readme_lists_no_option_that_is_gone(row: str) -> None:
    """And no command."""
    name = row.split("`")[1].removeprefix("attsync ")
    assert name in COMMANDS_BY_NAME
    assert {(name, option) for option in re.findall(r"`(--[a-z-]+)`", row)} <= set(OPTIONS)


@pytest.mark.parametrize("name", ["config", "quiet", "verbose", "no-color", "help"])
def test_readme_names_what_every_command_takes(name: str) -> None:
    """Once, for all of them."""
    assert f"--{name}" in section("Commands")


@pytest.mark.parametrize("name", COMMANDS_BY_NAME)
def test_help_opens_with_two_examples(name: str) -> None:
    """Most people copy one and change it."""
    command = COMMANDS_BY_NAME[name]
    with click.Context(command, info_name=name) as context:
        lines = [line.strip() for line in command.get_help(context).splitlines()]
    start = lines.index("Examples:")
    assert start < lines.index("Options:")
    examples = [line for line in lines[start:] if line.startswith("attsync ")]
    assert len(examples) >= 2
    assert all(line.startswith(f"attsync {name}") for line in examples)


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_each_option_is_explained_in_the_help(name: str, option: str) -> None:
    """An option without words is a riddle."""
    (parameter,) = (p for p in COMMANDS_BY_NAME[name].params if option in p.opts)
    assert isinstance(parameter, click.Option)
    assert (parameter.help or "").endswith(".")


@pytest.mark.parametrize("name", COMMANDS_BY_NAME)
def test_examples_in_the_help_are_commands_that_exist(name: str) -> None:
    """What is copied has to work."""
    for line in re.findall(r"^ +attsync (.*)$", COMMANDS_BY_NAME[name].help or "", re.MULTILINE):
        for option in re.findall(r"--[a-z-]+", line):
            assert any(option in p.opts for p in COMMANDS_BY_NAME[name].params), f"{line}: {option}"


def test_help_groups_every_command() -> None:
    """Every day, consent, setting up, trying out."""
    with click.Context(attsync, info_name="attsync") as context:
        text = attsync.get_help(context)
    for heading, commands in COMMANDS.items():
        assert f"\n{heading}:\n" in text
        for name, words in commands.items():
            assert re.search(rf"^  {name} +{re.escape(words)}$", text, re.MULTILINE), name


def test_example_settings_are_those_of_the_package() -> None:
    """`attsync init --print` and the sandbox start from them."""
    assert EXAMPLE.read_bytes() == (ROOT / "src" / "attsync" / "data" / "config.toml").read_bytes()


def test_readme_names_each_place_of_the_settings_file() -> None:
    """In the order in which they are looked for."""
    text = section("Commands")
    places = ["`--config`", "ATTSYNC_CONFIG", "~/.config/attsync/config.toml", "/etc/attsync/config.toml"]
    assert [place for place in places if place in text] == places


def test_readme_is_honest_at_the_top() -> None:
    """The DfE has closed the service; nobody may find out at the end."""
    assert "closed the service" in " ".join(README.split()[:120])
