"""Make a server's text safe to show: no control characters, none of our secrets in any form, not too long."""

import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import quote, quote_plus

_LONGEST: Final = 300
_PIECE: Final = 8
"""Characters. A piece of a secret that is as long as this is hidden."""
_UNSEEN: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of control characters, formatting (bidirectional, zero-width), surrogates and separators."""


def clean(*fields: str, secrets: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return each field fit to show.

    Each piece of 8 or more characters of a secret becomes ***: also if it is quoted for a URL, in base64 or in
    hexadecimal digits, in other letter case, interrupted by other signs, or spread over several fields.
    """
    text = "\n".join(" ".join("".join(map(_visible, field)).split()) for field in fields)
    shown = list(text)
    for is_kept, pieces in _pieces(secrets):
        letters = [(letter, at) for at, sign in enumerate(text) for letter in _folded(sign) if is_kept(letter)]
        flat = "".join(letter for letter, _ in letters)
        for size in {len(piece) for piece in pieces}:
            for start in range(len(flat) - size + 1):
                if flat[start : start + size] in pieces:
                    first, last = letters[start][1], letters[start + size - 1][1]
                    shown[first : last + 1] = ["\n" if sign == "\n" else "\0" for sign in text[first : last + 1]]
    parts = re.sub("\0+", "***", "".join(shown)).split("\n")
    return tuple(part if len(part) <= _LONGEST else f"{part[: _LONGEST - 1]}…" for part in parts)


def _visible(sign: str) -> str:
    return " " if unicodedata.category(sign) in _UNSEEN else sign


def _folded(sign: str) -> str:
    """Return a character as it is compared: in lower case, and as the plain letter that it is a form of."""
    return unicodedata.normalize("NFKC", sign).casefold()


@lru_cache(maxsize=4)  # the private key has about a thousand pieces
def _pieces(secrets: tuple[str, ...]) -> tuple[tuple[Callable[[str], bool], frozenset[str]], ...]:
    """Return what is searched: a text reduced to its letters and digits, and a text without its spaces."""
    forms = [form for secret in secrets for form in _forms(re.sub("-----[^-]+-----", "", secret))]
    found = []
    for is_kept in (_is_letter, _is_no_space):
        flat = ["".join(letter for letter in _folded(form) if is_kept(letter)) for form in forms]
        pieces = {form[at : at + _PIECE] for form in flat for at in range(len(form) - _PIECE + 1)}
        if is_kept is _is_no_space:
            pieces |= {form for form in flat if 0 < len(form) < _PIECE}  # a short secret is hidden as a whole
        found.append((is_kept, frozenset(pieces)))
    return tuple(found)


def _forms(secret: str) -> Iterator[str]:
    """Return the forms in which a server could repeat a secret."""
    for text in {secret, quote_plus(secret), quote(secret, safe="")}:
        yield text
        if len(text) >= _PIECE:
            yield text.encode().hex()
            for before in range(
                3
            ):  # in base64 of a longer text, such as client:secret, its letters depend on its place
                yield b64encode(bytes(before) + text.encode()).decode().rstrip("=")[(0, 2, 3)[before] : -1]


def _is_letter(sign: str) -> bool:
    return sign.isascii() and sign.isalnum()


def _is_no_space(sign: str) -> bool:
    return not sign.isspace()
