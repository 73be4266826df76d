#!/usr/bin/env python3
"""Draws other hands than MNIST's: hellodl/training/hands.png, ten digits a row and a sign that is none.

    python scripts/tools/make_hands.py [--fonts FOLDER]

Two in three are handwriting fonts by as many designers, and what schools of some forty countries teach, as
npm packages of the Fontsource project (hands.txt says version and licence of each). FOLDER has them as `npm
pack` leaves them, which fetches them where there is none. The others are a random pen's, as all signs are.
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pen import drawn_hand, drawn_others
from PIL import Image, ImageDraw, ImageFont

from hellodl.about import Recipe
from hellodl.reading.normalise import normalise
from hellodl.training.batches import HANDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LIST = Path(__file__).with_name("hands.txt")
TALL, MARGIN = 160, 10  # pixels
OF_PEN = 0.5  # hands of the pen for each font
LEVELS = 16  # greys: more would double the file


def main() -> None:
    """Fetch, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fonts", type=Path, metavar="FOLDER", help="where the packages are, as .tgz")
    folder, rng = parser.parse_args().fonts, np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        if folder is None:
            folder = fetched(Path(scratch))
        written = [row(font(folder / f"fontsource-{name}-{version}.tgz")) for name, version in fonts()]
    digits = np.stack([*written, *(drawn_hand(rng) for _ in range(round(OF_PEN * len(written))))])
    hands = np.concatenate([digits, drawn_others(rng, len(digits))[:, None]], axis=1)
    step = 255 // (LEVELS - 1)
    pixels = np.uint8(np.round(np.vstack([np.hstack(hand) for hand in hands]) / step) * step)
    Image.fromarray(pixels).save(HANDS, optimize=True)
    print(f"{HANDS}: {len(hands)} hands, {HANDS.stat().st_size:,} bytes")


def fonts() -> Iterator[tuple[str, str]]:
    """Names and versions."""
    for line in LIST.read_text(encoding="utf-8").splitlines():
        name, version, _licence = line.split()
        yield name, version


def fetched(folder: Path) -> Path:
    """The folder, with the packages in it."""
    packages = [f"@fontsource/{name}@{version}" for name, version in fonts()]
    subprocess.run(["npm", "pack", "--silent", "--pack-destination", folder, *packages], check=True)  # noqa: S607 - names of our own list
    return folder


def font(package: Path) -> ImageFont.FreeTypeFont:
    """The font for Latin letters in a package, of regular weight or the lightest above."""
    with tarfile.open(package) as tar:
        found = (re.fullmatch(r".*-latin-(\d+)-normal\.woff", name) for name in tar.getnames())
        weights = {int(match[1]): match[0] for match in found if match}
        regular = min(weights, key=lambda weight: (weight < 400, abs(weight - 400)))
        data = tar.extractfile(weights[regular])
        return ImageFont.truetype(io.BytesIO(data.read() if data else b""), TALL)


def row(written: ImageFont.FreeTypeFont) -> NDArray[np.uint8]:
    """A font's digits, (10, 28, 28), each as reading prepares one."""
    return np.stack([normalise(glyph(written, char) / 255, Recipe()) for char in "0123456789"])


def glyph(written: ImageFont.FreeTypeFont, char: str) -> NDArray[np.float32]:
    """One of them on a sheet, ink bright."""
    left, top, right, bottom = (round(side) for side in written.getbbox(char))
    sheet = Image.new("L", (right - left + 2 * MARGIN, bottom - top + 2 * MARGIN))
    ImageDraw.Draw(sheet).text((MARGIN - left, MARGIN - top), char, 255, written)
    return np.asarray(sheet, np.float32)


if __name__ == "__main__":
    main()
