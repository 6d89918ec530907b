"""plural.py: numbers with what they count."""

from attsync.plural import plural


def test_numbers_agree_with_what_they_count() -> None:
    """1 mark, 2 marks, and nothing that looks like a placeholder: 2 mark(s)."""
    assert (plural(1, "mark"), plural(1200, "mark"), plural(0, "day")) == ("1 mark", "1,200 marks", "0 days")
    assert (plural(1, "entry", "entries"), plural(2, "entry", "entries")) == ("1 entry", "2 entries")
