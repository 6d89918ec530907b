"""A number with the thing that is counted, as sentences have it. Imports nothing."""


def plural(number: int, one: str, several: str | None = None) -> str:
    """Write a number with what it counts: 1 mark, 1,204 marks, 2 entries."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
