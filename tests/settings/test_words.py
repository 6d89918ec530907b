"""The words for what is wrong with the settings: each says what to write instead."""

import inspect
import re
from pathlib import Path

import pytest

from attsync.settings.words import near, sentences
from tests.settings_file import DATABASE, DFE, faults, found, settings_text


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("timeout_secnds = 10", "This setting is not known. Did you mean timeout_seconds?"),
        ("SCOPE = 'x'", "This setting is not known. Did you mean scope?"),
        ("colour = 'red'", "This setting is not known."),
        (
            "client_secret = 'hunter2'",
            "This setting is not known. Did you mean client_secret_file? Never put the secret itself in this file.",
        ),
        ("days = 3", "This setting belongs under [window]."),
        ("trust = 'x'", "This setting belongs at the top of the file."),
        ("name = 'x'", "This setting belongs under [[database]] or under [[database.schools]]."),
    ],
)
def test_unknown_setting_is_told_with_what_was_meant(tmp_path: Path, setting: str, words: str) -> None:
    """A mistyped name would otherwise leave the usual value, silently."""
    assert set(found(settings_text(dfe=DFE + setting), tmp_path).values()) == {words}


def test_path_of_the_settings_file_is_no_setting(tmp_path: Path) -> None:
    """The settings know it, the file cannot say it."""
    assert found(settings_text(top="path = '/etc'"), tmp_path) == {"path": "This setting belongs under [log]."}


def test_setting_below_the_heading_of_a_map_is_recognised(tmp_path: Path) -> None:
    """In TOML a heading holds until the next one, which surprises everyone once."""
    maps = "[database.codes]\nleaving_date_is = 'last_day'"
    faults = found(settings_text(database="url = 'sqlite://'", maps=maps), tmp_path)

    assert faults["database[1].codes.leaving_date_is"] == "This setting belongs under [[database]]."


def test_mistyped_name_is_not_also_missing(tmp_path: Path) -> None:
    """One mistake, one fault."""
    dfe = DFE.replace("client_id", "client_ID")

    assert found(settings_text(dfe=dfe), tmp_path).keys() == {"dfe.client_ID"}


def test_what_is_missing_is_told_with_an_example(tmp_path: Path) -> None:
    """To be copied and changed; where only the school knows the answer, that is said first."""
    text = settings_text(dfe="", database="url = 'sqlite://'", select="", schools=("",))

    assert found(text, tmp_path) == {
        "dfe.base_url": 'Add this setting, for example  base_url = "https://localhost:8443"',
        "dfe.token_url": 'Add this setting, for example  token_url = "https://localhost:8443/oauth/token"',
        "dfe.client_id": 'Add this setting, for example  client_id = "oakfield"',
        "dfe.client_secret_file": (
            'Add the file with the client secret, for example  client_secret_file = "client-secret"'
        ),
        "database[1].leaving_date_is": (
            "Ask the school office whether a leaving date is the last day at school or the day after. "
            'Add this setting, for example  leaving_date_is = "last_day" or "first_day_off"'
        ),
        "database[1].select.marks": (
            'Add this setting, for example  marks = "SELECT date, session, year_group, code FROM a_view"'
        ),
        "database[1].select.roll": (
            'Add this setting, for example  roll = "SELECT year_group, entry_date, leaving_date FROM a_view"'
        ),
        "database[1].schools[1].urn": "Add this setting, for example  urn = 900012",
        "database[1].schools[1].name": 'Add this setting, for example  name = "Oakfield Primary School"',
    }


def test_missing_tables_are_told_with_their_headings(tmp_path: Path) -> None:
    """An empty file has everything to come."""
    assert found("", tmp_path) == {
        "dfe": "Add [dfe] and its settings.",
        "database": "Add [[database]] and its settings.",
    }


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (f"[dfe]{DFE}[database]{DATABASE}", "database", "Put its settings under the heading [[database]]."),
        (f"[dfe]{DFE}\n[[database]]\nselect = 'SELECT'{DATABASE}", "database[1].select", "[database.select]."),
        (f"database = [1]\n[dfe]{DFE}", "database[1]", "[[database]]."),
    ],
)
def test_table_that_is_written_otherwise_is_told_with_its_heading(
    tmp_path: Path, text: str, key: str, words: str
) -> None:
    """One bracket or two is hard to see."""
    assert found(text, tmp_path)[key].endswith(words)


def test_yes_is_no_truth(tmp_path: Path) -> None:
    """TOML knows true and false."""
    faults = found(settings_text(dfe=f"{DFE}send_year_groups = 1"), tmp_path)

    assert faults == {"dfe.send_year_groups": "Use true or false, without quotes."}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[dfe]\n[dfe]\n", 2, "This name or heading is in the file twice."),
        ("trust = 'a'\ntrust = 'b'\n", 2, "This name or heading is in the file twice."),
        ("trust = {a = 1, a = 2}\n", 1, "This name or heading is in the file twice."),
        ("[dfe]\nclient_id = 'hunter2\n", 2, "A closing quotation mark or bracket is missing."),
        ('[dfe]\nclient_id = "hunter2\n', 2, "A closing quotation mark or bracket is missing."),
        ("[dfe\n", 1, "A closing quotation mark or bracket is missing."),
        ("\n[[database]\n", 2, "A closing quotation mark or bracket is missing."),
        ('trust = """\nhunter2', 1, "A closing quotation mark or bracket is missing."),
        ("hunter2\n", 1, "A line must be a [heading], a # comment, or a setting: name = value."),
        ("\n= hunter2", 2, "A line must be a [heading], a # comment, or a setting: name = value."),
        ("trust = 'a' hunter2", 1, "Only a # comment can follow a value on the same line."),
        ("trust = hunter2", 1, "This value cannot be read. Put text in quotes."),
        ('trust = "C:\\Users"', 1, "This line does not follow TOML rules."),
        ('trust = "\\S"', 1, "Put text that contains a backslash in 'single quotes'."),
        ("trust = 2026-02-30", 1, "This line does not follow TOML rules."),
        ("x = " + "1" * 5000, None, "This line does not follow TOML rules."),
        ("x = " + "[" * 5000, None, "This line does not follow TOML rules."),
    ],
)
def test_text_that_is_no_toml_is_told_with_its_line(tmp_path: Path, text: str, line: int | None, words: str) -> None:
    """The reader's own messages speak of namespaces and code points."""
    error = faults(text, tmp_path)

    (fault,) = error.faults
    assert (fault.line, fault.text) == (line, words)
    assert "hunter2" not in f"{fault}"
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[dfe]\n  client_id = "hunter2\n', "client_id"),
        ('[dfe]\nclient_secret = "hunter2\n', ""),
        ('[dfe]\nclient_secret_file = """\nhunter2=\n', "client_secret_file"),
        ('[dfe]\nclient_id = """\nx"""\nhunter2==\n', ""),
        ("client_id\n", ""),
    ],
)
def test_line_that_cannot_be_read_is_shown_only_up_to_a_known_name(tmp_path: Path, text: str, name: str) -> None:
    """A line of a pasted key can look like a setting."""
    (fault,) = faults(text, tmp_path).faults

    assert (fault.name, fault.value) == (name, "..." if name else "")


@pytest.mark.parametrize(
    ("name", "meant"), [("AM", "AM"), ("am", "AM"), ("A.M", "AM"), ("afternoon", None), ("", None)]
)
def test_nearest_name_is_found(name: str, meant: str | None) -> None:
    """Only if it is near: a wrong guess is worse than none."""
    assert near(name, ("AM", "PM")) == meant


def test_account_that_stands_above_its_heading_is_told_where_it_belongs(tmp_path: Path) -> None:
    """Both lines of the example have to be uncommented."""
    said = found(settings_text(tables='[consent]\nroot = "j.smith"'), tmp_path)

    assert said["consent.root"].endswith("Put accounts under the heading [consent.usernames], and remove its # too.")


def test_every_sentence_is_used() -> None:
    """A name that is mistyped in the data or in the code would be found by no one until it is needed."""
    source = "".join(path.read_text() for path in Path(inspect.getfile(near)).parent.glob("*.py"))
    used = {"bool_type", *sentences()["tomllib"].values()}  # the first is named by Pydantic alone

    assert not [name for name in sentences() if not re.search(rf"""["']{name}["']""", source) and name not in used]
    assert used <= sentences().keys()
