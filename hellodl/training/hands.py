"""Digits and signs of 367 other hands, which join MNIST's where `--drawn` asks for them.

MNIST was written by Americans around 1990. Some of these beside it teach a network the 1 with an upstroke,
the crossed 7, what schools of forty countries teach; and letters and scribbles, with a target of one tenth
for each digit, to believe in no digit where there is none ("outlier exposure", Hendrycks, Mazeika and
Dietterich 2019).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from hellodl.upright import SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

FILE = Path(__file__).with_suffix(".png")
"""A row for each hand: ten digits, and a sign that is none, as scripts/tools/make_hands.py draws them."""


def load_hands() -> tuple[Pixels, Pixels]:
    """Digits (hands, 10, 28, 28) and signs (hands, 1, 28, 28), uint8, ink bright, placed as MNIST's are."""
    with Image.open(FILE) as picture:
        pixels = np.asarray(picture)
    height, width = pixels.shape
    hands = pixels.reshape(height // SIDE, SIDE, width // SIDE, SIDE).swapaxes(1, 2)
    return hands[:, :10], hands[:, 10:]
