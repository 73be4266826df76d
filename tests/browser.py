"""A real browser for the tests of our pages: what it asks for, complains about and finds hard to read.

Debian's Chromium, driven by playwright; axe-core judges contrast, labels and structure. Where either is
missing, the tests that need them are skipped and say so.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

WIDE, NARROW = 1280, 390  # pixels: a laptop's and a phone's page
HEIGHT = 900
PROGRAMS = "chromium", "chromium-browser", "google-chrome"  # its names on Debian, Ubuntu, GitHub's machines
SWITCHES = [
    "--no-sandbox",  # containers have no room for one, and the pages are ours
    "--disable-gpu",
    "--disable-gpu-vsync",
    "--disable-frame-rate-limit",  # each event of a pointer waits for a frame
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, started once for all tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=SWITCHES)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page that is open, and what the browser noticed since: all should be empty but `page`."""

    page: Page
    requests: list[str] = field(default_factory=list)  # that would have left the machine
    complaints: list[str] = field(default_factory=list)  # errors and warnings on the console, exceptions

    def hindrances(self) -> list[str]:
        """What axe-core finds against the page, a line for each element: its rule and the element."""
        self.page.evaluate((resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8"))
        found = self.page.evaluate("() => axe.run()")["violations"]
        return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]

    def overflows(self) -> bool:
        """Whether the page is wider than its window, so that a phone has to scroll sideways."""
        root = "document.documentElement"
        return bool(self.page.evaluate(f"() => {root}.scrollWidth > {root}.clientWidth"))


@contextmanager
def visit(
    browser: Browser, file: Path, *, width: int = WIDE, theme: Literal["light", "dark"] = "light"
) -> Iterator[Visit]:
    """Open a file as a page; whatever it asks of a network is noted and refused."""
    context = browser.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=theme)
    seen = Visit(context.new_page())
    address = file.resolve().as_uri()

    def decide(route, request) -> None:
        if request.url.split("#")[0].split("?")[0] == address:
            route.continue_()
        else:
            seen.requests.append(request.url)
            route.abort()

    context.route("**/*", decide)
    seen.page.on("console", lambda m: m.type in ("error", "warning") and seen.complaints.append(m.text))
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.goto(address)
    yield seen
    context.close()
