"""The files that come with the package. Imports nothing of attsync."""

# Not importlib.resources: importing it costs every command a tenth of `import click` (benchmarks/README.md).
from pathlib import Path


def text(name: str) -> str:
    """Return the text of a file of this folder."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
