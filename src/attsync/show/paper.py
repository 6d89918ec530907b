"""`attsync status --save`: the screen as a text or as a picture, in one file; rich's own frame calls a font server.

Refuses to know what is on the screen.
"""

from io import StringIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.terminal_theme import TerminalTheme

_LIGHT = TerminalTheme(
    (255, 255, 255),
    (26, 26, 26),
    [(26, 26, 26), (176, 0, 32), (0, 102, 43), (122, 75, 0), (29, 79, 145), (110, 30, 110), (0, 95, 115), (89, 89, 89)],
    [(89, 89, 89), (176, 0, 32), (0, 102, 43), (122, 75, 0), (29, 79, 145), (110, 30, 110), (0, 95, 115), (26, 26, 26)],
)

_COLUMN, _LINE = 12.2, 24.4
"""How rich draws: a column's width and a line's height, in pixels."""

_FRAME = """\
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


def as_text(screen: RenderableType, columns: int) -> str:
    """Write a screen without colours."""
    console = _console(columns)
    console.print(screen, crop=False)
    return "".join(f"{line.rstrip()}\n" for line in console.export_text().splitlines())


def as_svg(screen: RenderableType, columns: int) -> str:
    """Draw a screen on a light ground."""
    console = _console(columns)
    console.print(screen, crop=False)
    lines = [line.rstrip() for line in console.export_text(clear=False).splitlines()]
    wide, high = max(map(cell_len, lines)) * _COLUMN + 16, len(lines) * _LINE + 16
    frame = _FRAME.replace("WIDE", f"{wide:.0f}").replace("HIGH", f"{high:.0f}")
    return console.export_svg(title="attsync status", theme=_LIGHT, code_format=frame, unique_id="attsync")


def _console(columns: int) -> Console:
    return Console(file=StringIO(), record=True, width=columns, highlight=False, markup=False, emoji=False)
