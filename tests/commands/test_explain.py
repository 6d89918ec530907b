"""`attsync explain`: what a code means, offline, for every code that a message can end with."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from attsync.commands import attsync
from attsync.problems import all_codes, catalogue

Explain = Callable[..., Result]


@pytest.fixture
def explain(tmp_path: Path) -> Explain:
    """Run the command where there is no settings file."""
    return lambda *words: CliRunner(env={"HOME": str(tmp_path)}).invoke(attsync, ["explain", *words])


def test_list_has_every_code_with_its_meaning(explain: Explain) -> None:
    """In the order of docs/messages.md."""
    lines = explain().output.splitlines()

    assert [re.split(" {2,}", line, maxsplit=1) for line in lines] == [
        [code, catalogue()[code]["meaning"]] for code in all_codes()
    ]


def test_each_code_is_explained(explain: Explain) -> None:
    """Meaning, exit code, who acts, what to do."""
    for code in all_codes():
        ended = explain(code)
        entry = catalogue()[code]

        assert ended.exit_code == 0, code
        assert ended.output.splitlines()[0] == code
        said = " ".join(ended.output.split())
        for heading, text in (("Means", entry["meaning"]), ("Exit code", entry["exit"]), ("Who acts", entry["acts"])):
            assert f" {heading} {text}" in said, code
        assert re.search(r"^What to do +\w", ended.output, re.MULTILINE), code
        assert max(map(len, ended.output.splitlines())) <= 80, f"{code}: also in a pipe"


@pytest.mark.parametrize("typed", ["mark-unknown", "[MARK-UNKNOWN]"])
def test_code_is_taken_as_it_is_pasted(explain: Explain, typed: str) -> None:
    """With its brackets, or in small letters."""
    assert explain(typed).output == explain("MARK-UNKNOWN").output


@pytest.mark.parametrize(("typed", "said"), [("MARK-UNKNOW", "Did you mean MARK-UNKNOWN?"), ("xyz", "no problem code")])
def test_unknown_code_is_told_with_what_was_meant(explain: Explain, typed: str, said: str) -> None:
    """It is a mistake on the command line."""
    ended = explain(typed)

    assert (ended.exit_code, ended.stdout) == (2, "")
    assert said in ended.stderr
