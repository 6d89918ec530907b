"""README, docs/, help, exit codes, problem codes and the example settings agree with the code."""

import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from attsync.commands import COMMANDS, attsync
from attsync.problems import all_codes, catalogue
from attsync.settings.environment import VARIABLES
from attsync.settings.models import TABLES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
MESSAGES = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
PAPERS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
}
EXAMPLE = ROOT / "examples" / "config.toml"


def section(heading: str) -> str:
    """Return one section of docs/reference.md."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", REFERENCE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference.md has no section {heading}"
    return found[1]


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Return every command that can be run, by what is typed for it."""
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


def test_the_page_of_messages_is_current() -> None:
    """It is written from data/problems.toml by `make messages`."""
    page = runpy.run_path(str(ROOT / "scripts" / "messages.py"))["page"]()

    assert page == MESSAGES, "run make messages"
    assert sorted(re.findall(r"^### (.+)$", page, re.MULTILINE)) == sorted(all_codes())


def test_each_problem_says_who_acts() -> None:
    """One of those whom the page introduces."""
    who = {"data manager", "IT", "database administrator", "head", "no one", "no one at first"}
    assert {code: acts for code in all_codes() if (acts := catalogue()[code]["acts"]) not in who} == {}


def test_the_reference_explains_each_exit_code() -> None:
    """Monitoring depends on them."""
    rows = [row.split("|")[1] for row in section("Exit codes").splitlines() if row.startswith("| ")]
    codes = {0, 1, 130, 129, 143, *(catalogue()[code]["exit"] for code in all_codes())}
    assert {str(code) for code in codes} <= {number.strip() for row in rows for number in row.split(",")}


def test_the_reference_lists_each_command_with_its_options_and_no_others() -> None:
    """The table is the short manual."""
    rows = [row for row in section("Commands").splitlines() if row.startswith("| `attsync ")]
    commands = [row.split("`")[1].removeprefix("attsync ") for row in rows]
    listed = [(name, option) for name, row in zip(commands, rows, strict=True) for option in _options_in(row)]

    assert sorted(commands) == sorted(COMMANDS_BY_NAME)
    assert sorted({*listed}) == OPTIONS


def _options_in(row: str) -> list[str]:
    return re.findall(r"`(--[a-z-]+)`", row)


def test_the_reference_names_what_every_command_takes() -> None:
    """Once, for all of them."""
    common = ("config", "quiet", "verbose", "no-color", "help")
    assert [name for name in common if f"--{name}" not in section("Commands")] == []


@pytest.mark.parametrize("name", COMMANDS_BY_NAME)
def test_help_opens_with_two_examples_and_explains_each_option(name: str) -> None:
    """Most people copy an example and change it: it names options that there are."""
    command = COMMANDS_BY_NAME[name]
    with click.Context(command, info_name=name) as context:
        lines = [line.strip() for line in command.get_help(context).splitlines()]
    start = lines.index("Examples:")
    assert start < lines.index("Options:")
    examples = [line for line in lines[start:] if line.startswith("attsync ")]
    assert len(examples) == 2
    assert all(line.startswith(f"attsync {name}") for line in examples)
    options = {name: each for each in command.params if isinstance(each, click.Option) for name in each.opts}
    assert set(re.findall(r"--[a-z-]+", " ".join(examples))) <= options.keys()
    unexplained = [option for of, option in OPTIONS if of == name and not (options[option].help or "").endswith(".")]
    assert unexplained == []


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


def test_the_reference_names_each_place_of_the_settings_file() -> None:
    """In the order in which they are looked for."""
    text = section("The settings file")
    places = ["`--config`", "ATTSYNC_CONFIG", "~/.config/attsync/config.toml", "/etc/attsync/config.toml"]
    assert [place for place in places if place in text] == places


def test_readme_is_honest_at_the_top() -> None:
    """The DfE has closed the service, and a reader must learn that first."""
    assert "closed the service" in " ".join(README.split()[:120])


def typed(text: str) -> Iterator[str]:
    """Return what a page says to type after `attsync`: in `spans` and in indented or fenced lines."""
    for code in [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^ {4,}(.+)$", text, re.MULTILINE)]:
        for words in re.findall(r"(?:^|[\s/])attsync (?!attsync)([a-z][^|#;&>]*)", code):
            yield words.strip()


@pytest.mark.parametrize("page", PAPERS)
def test_what_a_page_names_exists(page: str) -> None:
    """Commands to type with their options, settings, files and headings."""
    _test_what_is_typed(page)
    _test_settings(page)
    _test_links(page)


def _test_what_is_typed(page: str) -> None:
    common = {"--config", "--quiet", "--verbose", "--no-color", "--help", "--version"}
    for words in typed(PAPERS[page]):
        name = next((name for name in COMMANDS_BY_NAME if f"{words} ".startswith(f"{name} ")), None)
        if name is None:
            assert words == "consent", words
        known = common | {option for of, option in OPTIONS if of == name}
        assert set(re.findall(r"--[a-z][a-z-]*", words)) <= known, words


def _test_settings(page: str) -> None:
    """`[dfe] run_minutes`, `[database.codes]`, ATTSYNC_DFE__TIMEOUT_SECONDS."""
    tables = {".".join(names): set(table.model.model_fields) for names, table in TABLES.items()}
    for table, name in re.findall(r"`\[+(?!tool\.)([a-z_.]+)\]+(?: ([a-z_]+))?", PAPERS[page]):
        above, _, last = table.rpartition(".")
        assert table in tables or last in tables.get(above, ()), table
        assert not name or name in tables[table], f"[{table}] {name}"
    tests_own = r"ATTSYNC_(?!CONFIG\b|COMPLETE\b|TEST_|REQUIRE_)[A-Z_]+"
    assert set(re.findall(tests_own, PAPERS[page])) <= set(VARIABLES)


def modules_in_contributing() -> list[str]:
    """Return the modules in its table, from the top down."""
    table = PAPERS["CONTRIBUTING.md"].partition("## Who does what")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([a-z_]+)(?:/|\.py)`", row)]


def test_contributing_says_what_each_module_does() -> None:
    """The table is where a new contributor looks first."""
    modules = {path.stem for path in (ROOT / "src" / "attsync").iterdir()}

    assert sorted(modules_in_contributing()) == sorted(modules - {"__init__", "__main__", "__pycache__", "py"})


def test_contributing_has_the_modules_in_the_order_of_their_layers() -> None:
    """Its order is that of the layers in pyproject.toml, which `make check` enforces."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = (each for each in linter["contracts"] if each["id"] == "layers")
    layers = [re.findall(r"\w+", layer) for layer in contract["layers"]]
    layer_of = {module: number for number, modules in enumerate(layers) for module in modules}
    named = modules_in_contributing()

    assert sorted([*named, "__main__"]) == sorted(layer_of)
    assert named == sorted(named, key=layer_of.__getitem__)  # sorted keeps the order within a layer


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('Otherwise, ask someone else. The person who holds "Data Returns: Administer" can\'t.', 1),
        ("Whoever holds the log may not mend it by itself.", 5),
        ("This is 95 % of it, for it is lawful but odd. Nobody is told.", 5),
        ("SELECT CASE WHEN 1 = 1 THEN 0 ELSE 1 END; the letter P stands for a lawful basis, 95% of it.", 0),
    ],
)
def test_words_that_are_not_used_are_found(text: str, number: int) -> None:
    """A habit is found once for each place, and its right use is not."""
    english = runpy.run_path(str(ROOT / "scripts" / "english.py"))

    assert len(list(english["complaints"]([("here", text)], english["PROSE"]))) == number


def citations() -> Iterator[tuple[str, str, str]]:
    """Return each citation of docs/design/: where it is, the page, and one section of it (empty: the whole page)."""
    source = [path for folder in ("src", "tests", "scripts", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    for path in [*source, ROOT / "pyproject.toml", ROOT / "CONTRIBUTING.md"]:
        text = re.sub(r"\n\s*#? *", " ", path.read_text(encoding="utf-8"))  # a citation may be broken across lines
        for page, sections in re.findall(r"docs/design/ ?(\w+\.md)((?:(?:,| and| to)? P?\d+\b)*)", text):
            for section in re.findall(r"P?\d+", sections) or [""]:
                yield path.relative_to(ROOT).as_posix(), page, section


def test_each_citation_of_a_design_page_resolves() -> None:
    """`docs/design/reliability.md 3` is a heading there, and P6 is a promise."""
    cited = {*citations()}

    assert cited
    for place, page, section in sorted(cited):
        text = PAPERS[f"docs/design/{page}"]
        assert re.search(rf"^(## {section}\. |\| {section} \|)" if section else r"^# ", text, re.MULTILINE), (
            place,
            page,
            section,
        )


def _test_links(page: str) -> None:
    """To a file of the repository, and to a heading if it names one; other links are not followed."""
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", PAPERS[page]):
        path = ((ROOT / page).parent / target).resolve() if target else ROOT / page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, anchor
