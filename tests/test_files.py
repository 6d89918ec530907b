"""files.py: what a person names is written whole, and nothing but an older report is ever replaced."""

import csv
import json
import os
import sqlite3
import stat
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from attsync.files import csv_text, require_writable, write_report
from attsync.problems import Problem, SettingsError
from attsync.settings import Settings
from tests.other_account import SOMEBODY_ELSE, needs_root
from tests.settings_file import DFE, loaded, settings_text

NEW = csv_text(("urn", "marks"), [(900023, 1)])
HTML = '<!DOCTYPE html>\n<meta name="generator" content="attsync">\n<p>{}</p>\n'


def refused(path: Path, content: str = NEW, *, replace: bool = True, settings: Settings | None = None) -> Problem:
    """Return the problem that writing to `path` ends in; nothing is left beside it."""
    before = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
    with pytest.raises(SettingsError) as raised:
        write_report(path, content, settings=settings, replace=replace)
    assert (sorted(path.parent.iterdir()) if path.parent.is_dir() else []) == before
    assert (raised.value.problem.code, raised.value.exit_code) == ("OUTPUT-FILE", 2)
    return raised.value.problem


@pytest.mark.parametrize("replace", [True, False])
def test_new_file_is_whole_and_for_its_owner_only(tmp_path: Path, replace: bool) -> None:  # noqa: FBT001  a parameter
    """Small counts are in it."""
    path = tmp_path / "counts.csv"

    write_report(path, NEW, settings=None, replace=replace)

    assert path.read_bytes() == NEW.encode()
    assert [each.name for each in tmp_path.iterdir()] == ["counts.csv"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (csv_text(("urn", "marks"), []), NEW),
        (HTML.format("old"), HTML.format("new")),
        ('{"version": 1, "schools": []}', '{\n  "version": 1,\n  "schools": [1]\n}\n'),
    ],
)
def test_older_report_of_the_same_kind_is_replaced(tmp_path: Path, old: str, new: str) -> None:
    """The same command every week."""
    path = tmp_path / "report"
    path.write_bytes(old.encode())

    write_report(path, new, settings=None, replace=True)

    assert path.read_bytes() == new.encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"", NEW),
        (b"urn,marks\r\n", NEW),
        ("\ufeffurn,name\r\n".encode(), NEW),
        (b"SQLite format 3\0", NEW),
        (b"[dfe]\n", NEW),
        (b"my notes", "my notes\n"),
        (b"<!DOCTYPE html>\n<p>a page of the school</p>", HTML),
        (b"{}", '{"version": 1}'),
        (b"[1]", '{"version": 1}'),
        (b'{"version": 1, "name": "x"}', '{"version": 1, "schools": []}'),
        (b'{"schools": []}', '{"schools": []}'),
        (b'{"version": 1', '{"version": 1}'),
        (b"[" * 100_000, '{"version": 1}'),
    ],
)
def test_anything_else_is_left_as_it_is(tmp_path: Path, old: bytes, new: str) -> None:
    """Whatever its name: it may be the only one of its kind."""
    path = tmp_path / "counts.csv"
    path.write_bytes(old)

    assert refused(path, new).case == "strange"
    assert path.read_bytes() == old


def test_receipt_never_replaces_anything(tmp_path: Path) -> None:
    """Not even an older one."""
    path = tmp_path / "receipt.txt"
    require_writable(path, settings=None, replace=False)
    path.write_text(NEW)

    assert refused(path, replace=False) == Problem("OUTPUT-FILE", "exists", path=path)


def test_file_that_was_made_since_it_was_looked_for_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By another program, while the report was written."""
    path = tmp_path / "receipt.txt"
    monkeypatch.setattr(os, "fsync", lambda _: path.write_text("theirs"))

    with pytest.raises(SettingsError) as raised:
        write_report(path, NEW, settings=None, replace=True)

    assert raised.value.problem.case == "exists"
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("receipt.txt", "theirs")]


def test_only_a_regular_file_is_written(tmp_path: Path) -> None:
    """Not through a link, whether it leads anywhere or not; no device, pipe or folder."""
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "report").write_bytes(NEW.encode())
    (tmp_path / "link").symlink_to("report")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()

    assert [refused(tmp_path / name).case for name in ("dangling", "link", "pipe", "folder")] == [
        "link",
        "link",
        "kind",
        "kind",
    ]
    with pytest.raises(SettingsError):
        write_report(Path("/dev/null"), NEW, settings=None, replace=True)
    assert not (tmp_path / "nowhere").exists()


def test_nothing_that_attsync_needs_is_replaced_or_made(tmp_path: Path) -> None:
    """By any of its names, and though it looks like a report; nor what is not there yet."""
    dfe = f'{DFE}subscription_key_file = "key"\nca_file = "ca.pem"'
    settings = loaded(
        settings_text(dfe=dfe, tables='[log]\npath = "attsync.db"\n[notify]\naddresses_file = "to"'), tmp_path
    )
    for name in ("ca.pem", "school.db", "attsync.db"):
        (tmp_path / name).write_bytes(NEW.encode())
    os.link(tmp_path / "school.db", tmp_path / "hard.csv")
    (tmp_path / "soft.csv").symlink_to("attsync.db")
    (tmp_path / "folder").mkdir()

    for name in (
        "config.toml",
        "client-secret",
        "key",
        "to",
        "ca.pem",
        "attsync.db",
        "attsync.db-wal",
        "attsync.db.lock",
        "school.db",
        "school.db-journal",
        "hard.csv",
        "soft.csv",
        "folder/../client-secret",
    ):
        assert refused(tmp_path / name, settings=settings).case == "protected", name


def test_database_that_only_a_file_names_is_found(tmp_path: Path) -> None:
    """Its address may be in a secret file; if that cannot be used, the file itself is still left alone."""
    database = 'url_file = "database-url"\nleaving_date_is = "last_day"'
    settings = loaded(settings_text(database=database), tmp_path)
    assert refused(tmp_path / "database-url", settings=settings).case == "protected"
    (tmp_path / "database-url").write_text("sqlite:///file:school.db?mode=ro&uri=true\n")
    (tmp_path / "database-url").chmod(0o600)

    assert refused(tmp_path / "school.db", settings=settings).case == "protected"


def test_real_database_is_never_replaced(tmp_path: Path) -> None:
    """Also one that no settings name."""
    path = tmp_path / "other.db"
    sqlite3.connect(path).execute("CREATE TABLE marks (code TEXT)").connection.close()

    assert refused(path).case == "strange"


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In the words of the system."""
    (tmp_path / "file").touch()

    assert refused(tmp_path / "missing" / "x")["reason"] == "no such file or directory"
    assert refused(tmp_path / "file" / "x")["reason"] == "not a directory"
    assert refused(tmp_path / ("x" * 300))["reason"] == "file name too long"


@needs_root
def test_what_root_writes_for_an_account_belongs_to_it(open_folder: Path) -> None:
    """`sudo attsync consent grant --save`: the receipt is for the person who gave consent."""
    os.chown(open_folder, SOMEBODY_ELSE, -1)

    write_report(open_folder / "receipt.txt", "receipt", settings=None, replace=False)

    assert (open_folder / "receipt.txt").stat().st_uid == SOMEBODY_ELSE


@needs_root
def test_folder_that_this_account_cannot_write_is_told_beforehand(
    open_folder: Path, somebody_else: Callable[[], None]
) -> None:
    """Before anything is asked or recorded; and for whom a file there would be."""
    settings = loaded(settings_text(), open_folder)
    (open_folder / "theirs").mkdir()
    os.chown(open_folder / "theirs", SOMEBODY_ELSE, -1)
    somebody_else()
    name = f"uid {SOMEBODY_ELSE}"

    with pytest.raises(SettingsError) as raised:
        require_writable(open_folder / "receipt.txt", settings=settings, replace=False, reader=name)
    assert raised.value.problem["reason"] == "permission denied"
    require_writable(open_folder / "theirs" / "receipt.txt", settings=settings, replace=False, reader=name)
    with pytest.raises(SettingsError) as raised:
        require_writable(open_folder / "theirs" / "receipt.txt", settings=settings, replace=False, reader="head")
    assert (raised.value.problem.case, raised.value.problem["owner"]) == ("owner", name)
    assert not [*(open_folder / "theirs").iterdir()]


@needs_root
def test_folder_that_this_account_cannot_enter_is_told(open_folder: Path, somebody_else: Callable[[], None]) -> None:
    """Before anything is asked or recorded."""
    (open_folder / "closed").mkdir(mode=0o700)
    somebody_else()

    with pytest.raises(SettingsError) as raised:
        require_writable(open_folder / "closed" / "receipt.txt", settings=None, replace=False)
    assert raised.value.problem["reason"] == "permission denied"


def test_disk_without_links_is_written_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a USB stick; and nothing is replaced there either."""

    def link(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    write_report(tmp_path / "new.csv", NEW, settings=None, replace=False)

    assert (tmp_path / "new.csv").read_bytes() == NEW.encode()
    assert refused(tmp_path / "new.csv", replace=False).case == "exists"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_excel_would_run_is_quoted(start: str) -> None:
    """Numbers stay numbers; the file says that it is UTF-8."""
    text = csv_text(("school", "marks"), [(f"{start}1+1", -1), ('Ŵ, "B"', 5)])

    assert text.startswith("\ufeffschool,marks\r\n")
    rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")))
    assert rows[1:] == [[f"'{start}1+1", "-1"], ['Ŵ, "B"', "5"]]


def test_json_report_of_another_command_is_left(tmp_path: Path) -> None:
    """It has other members."""
    path = tmp_path / "status.json"
    path.write_text(json.dumps({"version": 1, "findings": []}))

    assert refused(path, json.dumps({"version": 1, "schools": []})).case == "strange"
