#!/usr/bin/env python3
"""Draws a contact sheet of the augmentations: one distortion a row, the undistorted digits on top.

Usage: augment_sheet.py [FILE.png]
"""

import gzip
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hellodl.training.augment import KINDS, Augmenter, Strengths

IMAGES = Path(__file__).parents[2] / "data/mnist/t10k-images-idx3-ubyte.gz"
ZOOM, GAP, LABEL, COLUMNS = 2, 4, 150, 16
ROWS = {
    "original": Strengths(),
    "shift 3 px": Strengths(shift=3),
    "rotation 25°": Strengths(rotation=25),
    "scale ±30 %": Strengths(scale=0.3),
    "shear 0.4": Strengths(shear=0.4),
    "stroke ±1 px": Strengths(stroke=1),
    "elastic 1 px, smooth 3 px": Strengths(elastic=1, smoothness=3),
    "elastic 2 px, smooth 6 px": Strengths(elastic=2, smoothness=6),
    **{f"--augment {kind}": strengths for kind, strengths in KINDS.items() if kind != "none"},
}


def digits() -> NDArray[np.uint8]:
    """One test digit for each column."""
    return np.frombuffer(gzip.decompress(IMAGES.read_bytes()), np.uint8, COLUMNS * 784, 16).reshape(
        -1, 28, 28
    )


def sheet(images: NDArray[np.uint8]) -> Image.Image:
    """Every row of ROWS, each picture with a distortion of its own, dark ink on light ground."""
    step = 28 * ZOOM + GAP
    page = Image.new("L", (LABEL + COLUMNS * step, GAP + len(ROWS) * step), 255)
    pen = ImageDraw.Draw(page)
    for row, (label, strengths) in enumerate(ROWS.items()):
        top = GAP + row * step
        pen.text((GAP, top + 22), label, fill=0)
        distorted = Augmenter(strengths)(images, np.random.default_rng(row))
        for column, image in enumerate(distorted):
            tile = Image.fromarray(255 - image).resize((28 * ZOOM, 28 * ZOOM), Image.Resampling.LANCZOS)
            page.paste(tile, (LABEL + column * step, top))
    return page


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "augmentations.png")
    sheet(digits()).save(target)
    print(target)
