"""Chromium without a window and without the network: what only a real browser can say of a saved page.

Knows how it is found and asked; knows nothing of attsync.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
# As axe-core has it, but signs of one character are looked at too, and whether each cell has a heading.
_ASK: Final = """
axe.configure({ checks: [{ id: "color-contrast", options: {
  ignoreUnicode: false, ignoreLength: true, ignorePseudo: false, boldValue: 700, boldTextPt: 14, largeTextPt: 18,
  contrastRatio: { normal: { expected: 4.5 }, large: { expected: 3 } },
  pseudoSizeThreshold: 0.25, shadowOutlineEmMax: 0.2,
} }] });
addEventListener("load", async () => {
  const { violations, incomplete, passes } = await axe.run({ rules: { "td-has-header": { enabled: true } } });
  const found = {
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    passes: passes.map(rule => rule.id),
    faults: [...violations, ...incomplete].map(rule => rule.id + ": " + rule.nodes.map(node => node.html).join("; ")),
  };
  document.body.textContent = "AXE" + JSON.stringify(found) + "AXE";
});
"""


class BrowserMissingError(Exception):
    """No Chromium is installed here."""


@dataclass(frozen=True)
class Audit:
    """What axe-core found in a page."""

    dark: bool
    """The page was seen by somebody who asked for dark screens."""
    passes: list[str]
    faults: list[str]
    """What is wrong, and what axe-core could not decide."""


class Browser:
    """A Chromium that starts anew for each question; `folder` is all that it may write to."""

    def __init__(self, folder: Path) -> None:
        found = next((path for name in _NAMES if (path := shutil.which(name))), None)
        if not found:
            raise BrowserMissingError(f"no browser was tried: none of {', '.join(_NAMES)} is installed")
        self._program = found
        self._folder = folder

    def audit(self, page: str, *, dark: bool = False) -> Audit:
        """Run axe-core on a copy of `page`."""
        axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        copy = self._written(page.replace("</head>", f"<script>{axe}</script><script>{_ASK}</script></head>"))
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        wide = "--window-size=1400,1000"  # what is scrolled out of sight cannot be judged
        dom = self._start("--dump-dom", "--virtual-time-budget=20000", wide, scheme, copy.as_uri())
        told = re.search("AXE(.*)AXE", unescape(dom[dom.index("<body") :]), re.DOTALL)
        assert told, f"axe-core did not finish: {dom[-500:]}"
        found: dict[str, Any] = json.loads(told[1])
        return Audit(**found)

    def hidden_columns(self, page: str, width: int) -> int:
        """Give how many pixels of the tables a window of this width hides."""
        ask = "Math.max(...[...document.querySelectorAll('.wide')].map(box => box.scrollWidth - box.clientWidth))"
        copy = self._written(page.replace("</body>", f"<script>document.title = 'PX' + {ask}</script></body>"))
        told = re.search("<title>PX([0-9]+)<", self._start("--dump-dom", f"--window-size={width},900", copy.as_uri()))
        assert told
        return int(told[1])

    def printed(self, page: str) -> Path:
        """Print `page` as a PDF."""
        target = self._folder / "printed.pdf"
        self._start("--no-pdf-header-footer", f"--print-to-pdf={target}", self._written(page).as_uri())
        return target

    def _written(self, page: str) -> Path:
        copy = self._folder / "page.html"
        copy.write_text(page, encoding="utf-8")
        return copy

    def _start(self, *words: str) -> str:
        # A sandbox needs an account that is not root, and a container none at all; these pages are our own.
        ended = subprocess.run(
            [
                self._program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                f"--user-data-dir={self._folder / 'profile'}",
                *words,
            ],
            env={"PATH": os.environ["PATH"], "HOME": str(self._folder), "TZ": "Europe/London"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=True,
        )
        return ended.stdout
