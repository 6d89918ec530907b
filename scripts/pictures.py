"""Draw the pictures of the README: `make pictures` writes docs/status.svg and docs/trust.svg.

The screens are those of attsync, of made-up schools. rich's own frame would load a font from a server.
"""

import sys
from io import StringIO
from pathlib import Path
from typing import Final

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.terminal_theme import TerminalTheme

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from attsync.show.status import status  # noqa: E402
from attsync.show.symbols import UNICODE  # noqa: E402
from tests.show.screens import oakfield, trust  # noqa: E402  the views are those of the tests

_LIGHT: Final = TerminalTheme(
    (255, 255, 255),
    (26, 26, 26),
    [(26, 26, 26), (176, 0, 32), (0, 102, 43), (122, 75, 0), (29, 79, 145), (110, 30, 110), (0, 95, 115), (89, 89, 89)],
    [(89, 89, 89), (176, 0, 32), (0, 102, 43), (122, 75, 0), (29, 79, 145), (110, 30, 110), (0, 95, 115), (26, 26, 26)],
)
_COLUMN, _LINE = 12.2, 24.4
"""How rich draws: a column's width and a line's height, in pixels."""
_FRAME: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 -8 WIDE HIGH" role="img">
<title>attsync status</title>
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Consolas, Menlo, monospace; font-size: {char_height}px;
  line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
<rect x="-8" y="-8" width="100%" height="100%" fill="#ffffff"/>
<g clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def pictures() -> dict[str, str]:
    """Return each picture by its name: one school, and a trust."""
    several = status(trust(), UNICODE, heading="Example Learning Trust")
    return {"status.svg": drawn(status(oakfield(), UNICODE), 112), "trust.svg": drawn(several, 132)}


def drawn(screen: RenderableType, columns: int) -> str:
    """Return a screen as a picture on a light ground."""
    console = Console(file=StringIO(), record=True, width=columns, highlight=False, markup=False, emoji=False)
    console.print(screen, crop=False)
    lines = [line.rstrip() for line in console.export_text(clear=False).splitlines()]
    wide, high = max(map(cell_len, lines)) * _COLUMN + 16, len(lines) * _LINE + 16
    frame = _FRAME.replace("WIDE", f"{wide:.0f}").replace("HIGH", f"{high:.0f}")
    return console.export_svg(title="attsync status", theme=_LIGHT, code_format=frame, unique_id="attsync")


if __name__ == "__main__":
    for name, picture in pictures().items():
        (ROOT / "docs" / name).write_text(picture, encoding="utf-8")
