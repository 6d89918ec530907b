"""store.py: what was received can be told, once each, and what the DfE believes is the latest of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from attsync.sandbox.store import Received, Store
from attsync.sandbox.validation import judge
from tests.factories import believed
from tests.sandbox.pretend import MONDAY, URN, item, message


def post(ref: str | None, body: dict[str, Any] | None = None, **changes: Any) -> Received:  # noqa: ANN401  any field
    """Make a post that is to be stored."""
    content = json.dumps(body or message()).encode()
    errors = getattr(judge(content, is_school=lambda _: True), "errors", ())
    fields: dict[str, Any] = {"ref": ref, "key": ref, "urn": URN, "received_at": MONDAY}
    return Received(**fields | {"status": 201, "body": content, "errors": errors} | changes)


def figure(code: str, year_group: str = "R") -> tuple[int, date, str, str, str]:
    """Name the place of a count on the Monday morning of these tests."""
    return URN, date(2026, 11, 23), "AM", year_group, code


def test_what_was_received_outlives_the_store(tmp_path: Path) -> None:
    """`attsync sandbox --dir` serves a folder again and must show what came before; a used key stays used."""
    kept = post("1", message(item(ZZ=1)))
    binary = replace(kept, ref=None, status=400, body=b"\xff\r\n\0", errors=())
    store = Store(tmp_path / "received.jsonl")
    store.keep(kept)
    store.note(binary)

    again = Store(tmp_path / "received.jsonl")

    assert again.received() == [kept, binary]
    assert again.keep(post("2", message(item(I=1)), key="1")).status == 422


def test_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Counts of small groups are confidential, also made-up ones."""
    Store(tmp_path / "received.jsonl")

    assert (tmp_path / "received.jsonl").stat().st_mode & 0o777 == 0o600


def test_later_message_replaces_earlier_figures_and_leaves_the_others() -> None:
    """The latest wins for each figure; so a code that is gone must be sent as 0, or the old value stays."""
    store = Store()
    store.keep(post("1", message(item(I=3, N=2, L=1))))
    store.keep(post("2", message(item(I=5, N=0))))
    store.keep(post("3", message(item("1", "AM", I=7))))

    assert believed(store) == {figure("I"): 5, figure("N"): 0, figure("L"): 1, figure("I", "1"): 7}


def test_faulty_and_rejected_figures_are_not_believed() -> None:
    """A fault keeps the old value; a message that was not stored changes nothing."""
    store = Store()
    store.keep(post("1", message(item(I=3))))
    store.keep(post("2", message(item(I=-4))))
    store.note(post(None, message(item(I=5)), status=503))

    assert believed(store) == {figure("I"): 3}


def test_same_key_and_body_give_the_first_answer_and_store_nothing() -> None:
    """A repeat after a lost answer must do no harm."""
    first = post("1")
    store = Store()
    store.keep(first)

    assert store.keep(post("2", key="1")) == first
    assert store.received() == [first]


def test_same_key_and_another_body_is_not_stored() -> None:
    """A key that names two messages is a bug of the sender and must show."""
    store = Store()
    store.keep(post("1", message(item(I=1))))

    answered = store.keep(post("2", message(item(I=2)), key="1"))

    assert (answered.status, answered.ref) == (422, None)
    assert believed(store) == {figure("I"): 1}


def test_key_of_a_message_that_was_not_stored_may_be_used_again() -> None:
    """A try that was answered 503 is repeated with the same key, and this time it counts."""
    store = Store()
    store.note(post(None, key="1", status=503))

    assert store.keep(post("1")).ref == "1"


def test_one_of_many_at_once_under_one_key_is_stored() -> None:
    """Two tries may cross; the second must not slip in between the look and the write."""
    store = Store()
    with ThreadPoolExecutor(8) as threads:
        answered = list(threads.map(lambda n: store.keep(post(f"{n}", key="same")), range(50)))

        assert len({one.ref for one in answered}) == 1
        assert len(store.received()) == 1
