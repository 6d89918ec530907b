"""Chromium without a window and without the network: what only a real browser can say of a saved page."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape, unescape
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
# As axe-core has it, but signs of one character are looked at too, and whether each cell has a heading.
_AUDIT: Final = """async page => {
  page.axe.configure({ checks: [{ id: "color-contrast", options: {
    ignoreUnicode: false, ignoreLength: true, ignorePseudo: false, boldValue: 700, boldTextPt: 14, largeTextPt: 18,
    contrastRatio: { normal: { expected: 4.5 }, large: { expected: 3 } },
    pseudoSizeThreshold: 0.25, shadowOutlineEmMax: 0.2,
  } }] });
  const { violations, incomplete, passes } = await page.axe.run({ rules: { "td-has-header": { enabled: true } } });
  return {
    dark: page.matchMedia("(prefers-color-scheme: dark)").matches,
    passes: passes.map(rule => rule.id),
    faults: [...violations, ...incomplete].map(rule => rule.id + ": " + rule.nodes.map(node => node.html).join("; ")),
  };
}"""
_MEASURE: Final = """page => {
  const rows = [...page.document.querySelectorAll("tbody tr")];
  const boxes = [page.document.documentElement, ...page.document.querySelectorAll(".wide")];
  return {
    hidden: Math.max(...boxes.map(box => box.scrollWidth - box.clientWidth)),
    tallest: Math.max(0, ...rows.map(row => row.getBoundingClientRect().height)),
  };
}"""
_DRIVER: Final = """<!DOCTYPE html><meta charset="utf-8"><style>:root {{ color-scheme: light dark; }}</style>
{frames}<script>
const ask = {ask};
addEventListener("load", async () => {{
  const found = [];
  for (const frame of document.querySelectorAll("iframe")) found.push(await ask(frame.contentWindow));
  document.body.textContent = "FOUND" + JSON.stringify(found) + "FOUND";
}});
</script>"""
_SECONDS: Final = 600


class BrowserMissingError(Exception):
    """No Chromium is installed here."""


@dataclass(frozen=True)
class Audit:
    """What axe-core found in a page."""

    dark: bool
    """The page was seen by someone who asked for dark screens."""
    passes: list[str]
    faults: list[str]
    """What is wrong, and what axe-core could not decide."""


@dataclass(frozen=True)
class Measure:
    """How a page fits into a window, in pixels."""

    hidden: int
    """What is off screen at the right."""
    tallest: float
    """Height of the tallest row of its tables."""


class Browser:
    """A Chromium that answers a question about many pages at once; `folder` is all that it may write to."""

    def __init__(self, folder: Path) -> None:
        found = next((path for name in _NAMES if (path := shutil.which(name))), None)
        if not found:
            raise BrowserMissingError(f"no browser was tried: none of {', '.join(_NAMES)} is installed")
        self._program = found
        self._folder = folder

    def audit(self, pages: Iterable[str], *, dark: bool = False) -> list[Audit]:
        """Run axe-core on copies of the pages."""
        axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        with_axe = [page.replace("</head>", f"<script>{axe}</script></head>") for page in pages]
        return [Audit(**found) for found in self._ask([(page, 1400) for page in with_axe], _AUDIT, dark=dark)]

    def measure(self, pages: Iterable[tuple[str, int]]) -> list[Measure]:
        """Lay out each page in a window of the width that stands beside it."""
        return [Measure(**found) for found in self._ask(pages, _MEASURE)]

    def printed(self, page: str) -> Path:
        """Print a page as a PDF."""
        target = self._folder / "printed.pdf"
        self._start("--no-pdf-header-footer", f"--print-to-pdf={target}", self._written(page).as_uri())
        return target

    def _ask(self, pages: Iterable[tuple[str, int]], question: str, *, dark: bool = False) -> list[dict[str, Any]]:
        frames = "".join(
            f'<iframe style="border: 0; width: {width}px; height: 4000px" srcdoc="{escape(page)}"></iframe>'
            for page, width in pages
        )
        driver = self._written(_DRIVER.format(frames=frames, ask=question))
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        dom = self._start(
            "--dump-dom", "--virtual-time-budget=60000", "--window-size=1500,4000", scheme, driver.as_uri()
        )
        told = re.search("FOUND(.*)FOUND", unescape(dom[dom.index("<body") :]), re.DOTALL)
        assert told, f"the page did not answer: {dom[-500:]}"
        found: list[dict[str, Any]] = json.loads(told[1])
        return found

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
            timeout=_SECONDS,
            check=True,
        )
        return ended.stdout
