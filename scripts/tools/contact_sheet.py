"""Draws everything that hellodl draws, by its own commands, onto one sheet: to be looked at before a release.

.venv/bin/python scripts/tools/contact_sheet.py FILE.png

The report is shown if Chromium and the package playwright are there.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import tempfile
from pathlib import Path

from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageFont

from hellodl.cli.main import cli

CHAPTER = "graph '3*x*x*x + 4*x + 1 + x*z' --at x=2 --at z=0"
COMMANDS = (  # a drawing each, written where OUT stands
    f"{CHAPTER} -o OUT",
    f"{CHAPTER} --order 2 -o OUT",
    "graph 'x*z' --at x=2 --at z=0 -o OUT",
    "graph 'x*(z + a)' --at x=2 --at z=0 --at a=1 -o OUT",
    "graph --network -o OUT",
    "descend 'x**2' --from x=2 --lr 0.01,0.1,1.1 -o OUT",
    "descend 'x**2/9 + z**2' --from x=4 --from z=2 --lr 0.05,0.3,1.05 --momentum 0,0.7 -o OUT",
    "evaluate -m shipped -o OUT",
)
WIDTHS = (1280, 390)  # pixels, of the report's page
CELL, CAPTION, COLUMNS = (520, 640), 30, 4  # pixels; drawings in a row


def drawn(folder: Path) -> list[tuple[str, Path]]:
    """Each command with its drawing."""
    found = []
    for number, command in enumerate(COMMANDS):
        file = folder / f"{number}.png"
        CliRunner().invoke(cli, shlex.split(command.replace("OUT", str(file))), catch_exceptions=False)
        found.append((command.removesuffix(" -o OUT"), file))
    return found


def photographed(folder: Path) -> list[tuple[str, Path]]:
    """The top of the report in a browser, wide and narrow, light and dark."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return []
    if not (program := shutil.which("chromium")):
        return []
    page, found = folder / "report.html", []
    CliRunner().invoke(cli, ["report", "-m", "shipped", "-o", str(page)], catch_exceptions=False)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for width in WIDTHS:
            for theme in ("light", "dark"):
                size = {"width": width, "height": width * CELL[1] // CELL[0]}
                view = browser.new_page(viewport=size, color_scheme=theme)
                view.goto(page.as_uri())
                found.append((f"report, {width} px, {theme}", folder / f"{width}-{theme}.png"))
                view.screenshot(path=found[-1][1])
        browser.close()
    return found


def sheet(pictures: list[tuple[str, Path]]) -> Image.Image:
    """All pictures, as large as their cells allow, each under its caption."""
    rows = -(-len(pictures) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * CELL[0], rows * (CELL[1] + CAPTION)), "#e8e8e4")
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(14)
    for i, (caption, file) in enumerate(pictures):
        x, y = i % COLUMNS * CELL[0], i // COLUMNS * (CELL[1] + CAPTION)
        pen.text((x + 8, y + 8), caption[:70], "black", font)
        with Image.open(file) as image:
            picture = image.convert("RGBA")
        picture.thumbnail((CELL[0] - 10, CELL[1] - 10), Image.Resampling.LANCZOS)
        whole.paste(picture, (x + 5, y + CAPTION), picture)
    return whole


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    target = parser.parse_args().file
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sheet(drawn(folder) + photographed(folder)).save(target)
