"""The three streams of the program, so that nothing said or left unsaid changes what it does.

A closed one gets a place of its own; what cannot be written is dropped and remembered: a reader that has gone, such
as `head`, is nobody's fault, and a full disk is told at the end. Refuses to know what is said.
"""

import os
import sys
from errno import EPIPE
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import Any


class _Output(FileIO):
    """A stream on which no writing fails."""

    why: OSError | None = None
    """What has happened to it."""

    def write(self, content: Any, /) -> int:  # noqa: ANN401  whatever holds bytes
        """Write, or drop what can no longer be written."""
        if self.why is None:
            try:
                return super().write(content)
            except OSError as error:
                self.why = error
        return memoryview(content).nbytes


def prepare() -> _Output | None:
    """Put stdin, stdout and stderr in order; give what stdout is written to, if it is a file."""
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr, _ = _careful(sys.stderr)
    output = None
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout, output = _careful(sys.stdout, errors="replace")  # no sign that cannot be shown stops a send
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed: else the next file that is opened takes its number
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  open to the end
    return output


def loss(output: _Output | None) -> str | None:
    """Write out what is left; if something could not be written that somebody waits for, say why."""
    sys.stdout.flush()
    if output is None or output.why is None or output.why.errno == EPIPE:
        return None
    return os.strerror(output.why.errno or 0).lower()


def _careful(stream: TextIOWrapper, *, errors: str | None = None) -> tuple[TextIOWrapper, _Output]:
    # `stream` itself stays open for as long as sys.__stdout__ and sys.__stderr__ name it.
    output = _Output(stream.fileno(), "w", closefd=False)
    return TextIOWrapper(
        BufferedWriter(output),
        encoding=stream.encoding,
        errors=errors or stream.errors,
        line_buffering=stream.line_buffering,
    ), output
