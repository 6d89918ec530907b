"""How the faults of a settings file are shown: with their place, and without what could be a secret."""

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from attsync.settings import SettingsFaults, load
from attsync.settings.faults import clean, key_of
from tests.settings_file import DATABASE, DFE, SCHOOL, SELECT, faults, settings_text


def shown(text: str, folder: Path, **environ: str) -> str:
    """Return all that is printed about the faults of a settings file with this `text`."""
    lines = [line for fault in faults(text, folder, **environ).faults for line in fault.lines]
    return "\n".join(lines).replace(f"{folder}/", "")


def test_faults_look_as_agreed(tmp_path: Path) -> None:
    """The screen of docs/design/sending.md 7."""
    text = settings_text(dfe=f"{DFE}timeout_secnds = 10", schools=(SCHOOL, "urn = 12\nname = 'B'"))

    assert (
        shown(text, tmp_path)
        == """\
config.toml:8: dfe.timeout_secnds
  8 | timeout_secnds = 10
    | ^^^^^^^^^^^^^^  This setting is not known. Did you mean timeout_seconds?
config.toml:27: database[1].schools[2].urn
 27 | urn = 12
    | ^^^  A URN has 6 digits, for example 900012."""
    )


def test_name_with_a_dot_is_shown_with_its_quotes(tmp_path: Path) -> None:
    """TOML reads a table there; accounts are often called so. One that has its quotes is not meant."""
    tables, maps = '[consent.usernames]\nh.osei = "hosei"\n"j.low" = 1', '[database.codes]\nA.1 = "I"'
    lines = shown(settings_text(tables=tables, maps=maps), tmp_path).splitlines()

    assert '    | ^^^^^^  A name that contains a dot needs quotes:  "h.osei" = "..."' in lines
    assert '    | ^^^  A name that contains a dot needs quotes:  "A.1" = "..."' in lines
    assert "    | ^^^^^^^  Put the value in quotes." in lines


def test_what_a_table_lacks_is_shown_at_its_heading(tmp_path: Path) -> None:
    """That is where it has to be added."""
    assert (
        shown(settings_text(schools=("name = 'B'",)), tmp_path)
        == """\
config.toml:21: database[1].schools[1].urn
 21 | [[database.schools]]
    | ^^^^^^^^^^^^^^^^^^^^  Add this setting, for example  urn = 900012"""
    )


def test_what_the_file_lacks_is_shown_without_a_line(tmp_path: Path) -> None:
    """No line would be right."""
    assert shown("[[database]]", tmp_path).startswith("config.toml: dfe\n    Add [dfe] and its settings.\n")


def test_fault_of_a_variable_is_shown_with_its_name(tmp_path: Path) -> None:
    """Variables have no lines."""
    assert (
        shown(settings_text(), tmp_path, ATTSYNC_DFE__SCOPES="hunter2")
        == """\
variable: ATTSYNC_DFE__SCOPES
    This variable is not known. Did you mean ATTSYNC_DFE__SCOPE?"""
    )


def test_fault_without_a_key_is_shown_with_its_line(tmp_path: Path) -> None:
    """Where no setting can be made out."""
    assert (
        shown("hunter2", tmp_path)
        == """\
config.toml:1
    A line must be a [heading], a # comment, or a setting: name = value."""
    )


def test_margin_grows_with_the_line_number(tmp_path: Path) -> None:
    """A trust's file has more than 999 lines."""
    text = "\n" * 1000 + settings_text(dfe=f"{DFE}run_minutes = 0")

    assert shown(text, tmp_path).split("\n")[1:] == [
        "1008 | run_minutes = 0",
        "     | ^^^^^^^^^^^  Use a whole number from 1 to 600.",
    ]


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("days = -1", "days = -1"),
        ("days   =   9 # hunter2", "days = 9"),
        ("'days' = true", "'days' = true"),
        ("days = '7'", "days = '7'"),
        ("days = 'hunter2'", "days = ..."),
        ("days = 123456789", "days = ..."),
        ("days = 0x7777", "days = ..."),
        ("count = 7", "count = ..."),
        ("count = 'hunter2'", "count = ..."),
        ('count = """\nhunter2"""', "count = ..."),
        ("day = 7", "day = 7"),
        ("day = 'hunter2'", "day = ..."),
        ("pin = 1234", "pin = ..."),
        ("keep_days = 9", "keep_days = 9"),
    ],
)
def test_value_is_shown_only_if_it_is_surely_no_secret(tmp_path: Path, setting: str, line: str) -> None:
    """A number in the place of a number; never text, never a comment."""
    (fault,) = faults(settings_text(tables=f"[window]\n{setting}"), tmp_path).faults

    assert fault.lines[1] == f" 10 | {line}"


def test_item_of_a_list_is_shown_by_its_setting(tmp_path: Path) -> None:
    """Its number is in the key; its value is not shown."""
    text = settings_text(tables="[schedule]\ntimes = ['10:75', 'hunter2']")
    first, second = faults(text, tmp_path).faults

    assert (first.key, first.name, first.value) == ("schedule.times[1]", "times", "")
    assert (second.key, second.line) == ("schedule.times[2]", first.line)


@pytest.mark.parametrize(
    ("location", "key"),
    [
        (("database", 0, "schools", 1, "urn"), "database[1].schools[2].urn"),
        (("database", 0, "codes", "a b"), 'database[1].codes."a b"'),
        (("a\x1b[2J\u202eb",), '"a?[2J?b"'),
        (("x" * 61,), "x" * 60 + "..."),
    ],
)
def test_key_is_written_as_people_count_and_safe_to_print(location: tuple[str | int, ...], key: str) -> None:
    """The second school is school 2; and a terminal obeys some characters."""
    assert key_of(location) == key


def test_line_is_safe_to_print(tmp_path: Path) -> None:
    """TOML allows marks that turn the direction of writing."""
    (fault,) = faults(settings_text(tables='[window]\n"\u202edays" = 1'), tmp_path).faults

    assert fault.name == '"?days"'
    assert clean("\u202e") == "?"


_SECRETS = st.text("QXZJ7389+/=#\"'\\ \u00e9\u202e", min_size=7, max_size=24).map(lambda text: f"Q7{text}Z3")
_QUOTED = st.builds(
    lambda secret, quote: (secret, quote(secret)),
    _SECRETS,
    st.sampled_from(
        [
            lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"',
            lambda text: "'" + text.replace("'", "") + "'",
            lambda text: f"'''\n{text.replace(chr(39), '')}\n'''",
            lambda text: text,
            lambda text: f'"{text}',
            lambda text: f"[{text!r}]",
            lambda text: f'{{ x = "{text}" }}',
            lambda text: f'"postgresql://sam:{text}@db.example/sims"',
            lambda text: f'"https://sam:{text}@dfe.example"',
        ]
    ),
)
_PLACES = [
    settings_text(top="secret SECRET"),
    settings_text(top="[secret]\nkey = SECRET\n"),
    settings_text(top="client_secret = SECRET"),
    settings_text(top="password: SECRET"),
    settings_text(dfe=f"{DFE}client_secret = SECRET"),
    settings_text(dfe=f"{DFE}proxy = SECRET"),
    settings_text(dfe=f"{DFE}subscription_key = SECRET # SECRET"),
    settings_text(dfe=f"{DFE}auth_method = SECRET"),
    settings_text(dfe=f"{DFE}timeout_seconds = SECRET"),
    settings_text(dfe=f"{DFE}timeout_secnds = SECRET"),
    settings_text(dfe=f"{DFE}connections = 99 # SECRET"),
    settings_text(dfe=f"{DFE}ca_file = [SECRET]"),
    settings_text(dfe=f"{DFE}base_url = SECRET"),
    settings_text(dfe=DFE.replace('"https://dfe.example/v1"', "SECRET")),
    settings_text(tables="[notify]\nping_url = SECRET"),
    settings_text(tables="[schedule]\ntimes = [SECRET]"),
    settings_text(tables="[consent]\nusernames = SECRET"),
    settings_text(database=f"{DATABASE}url_file = SECRET"),
    settings_text(database="url = SECRET"),
    settings_text(select=f"{SELECT}url = SECRET"),
    settings_text(maps="[database.codes]\nurl = SECRET\nE = SECRET"),
    settings_text(schools=(SCHOOL.replace("900012", "SECRET"),)),
    settings_text(schools=("urn = 12", SCHOOL + "password = SECRET")),
]


@hypothesis_settings(max_examples=200)
@given(
    place=st.sampled_from(_PLACES),
    secret=_QUOTED,
    variables=st.sampled_from([(), ("ATTSYNC_DFE__PROXY", "ATTSYNC_KEY")]),
)
def test_no_secret_is_shown_wherever_it_was_put(
    tmp_path_factory: pytest.TempPathFactory, place: str, secret: tuple[str, str], variables: tuple[str, ...]
) -> None:
    """Settings errors are mailed by cron and pasted into questions to strangers."""
    plain, quoted = secret
    path = tmp_path_factory.getbasetemp() / "config.toml"
    path.write_text(place.replace("SECRET", quoted))
    path.chmod(0o600)

    environ = {"HOME": "/"} | dict.fromkeys(variables, plain)  # not in the line that a traceback quotes

    try:
        told = repr(load(path, environ).dfe)
    except SettingsFaults as error:
        lines = [line for fault in error.faults for line in (*fault.lines, repr(fault))]
        raised = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
        told = "\n".join([*lines, *raised, repr(error.__context__)])

    # A quarter of it would be too much already.
    parts = [plain[start : start + 4] for start in range(len(plain) - 3)]
    assert not [part for part in parts if part in told and len(part.replace(" ", "")) > 2]  # not "  8 ", a line number
