#!/usr/bin/env python3
"""Score reading against itself: MNIST's test pictures written to files in many ways, and read back.

    scripts/bench/roundtrip.py                2,000 pictures in every way
    scripts/bench/roundtrip.py --count 10000 --only png inverted

What is lost against `model.predict` on the arrays is what files, and finding the digit in them, cost.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import hellodl
from hellodl import datasets
from hellodl.checkpoint import SHIPPED
from hellodl.system.processors import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    Writer = Callable[[Image.Image, np.random.Generator], bytes]


def main() -> None:
    """Print a row for every way of writing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="pictures, from the first (default 2000)")
    parser.add_argument(
        "--only", nargs="+", choices=WAYS, default=[*WAYS], metavar="WAY", help=", ".join(WAYS)
    )
    parser.add_argument("--model", type=Path, help="checkpoint; the one that ships with hellodl without it")
    options = parser.parse_args()
    one_blas_thread()
    model, test = hellodl.load(options.model or SHIPPED), datasets.load("mnist", "test")
    images, labels = test.images[: options.count], test.labels[: options.count]
    direct = (model.predict(images).argmax(axis=1) == labels).mean()
    print(f"{'arrays':12} {direct:9.2%}")
    for name in options.only:
        rng = np.random.default_rng(0)
        read = [hellodl.read(WAYS[name](Image.fromarray(image), rng), model).text for image in images]
        right = np.mean([text == str(label) for text, label in zip(read, labels, strict=True)])
        print(f"{name:12} {right:9.2%} {100 * (right - direct):+7.2f} points", flush=True)


def encoded(image: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    """A picture as a file's bytes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def inverted(image: Image.Image, _rng: np.random.Generator) -> bytes:
    """Dark on light."""
    return encoded(Image.fromarray(255 - np.asarray(image)))


def times(factor: int) -> Writer:
    """So many times as large, dark on light, smooth as a camera has it."""

    def write(image: Image.Image, _rng: np.random.Generator) -> bytes:
        return encoded(large(image, factor))

    return write


def large(image: Image.Image, factor: int) -> Image.Image:
    """Dark on light, enlarged."""
    size = (28 * factor, 28 * factor)
    return Image.fromarray(255 - np.asarray(image.resize(size, Image.Resampling.BICUBIC)))


def shifted(image: Image.Image, rng: np.random.Generator) -> bytes:
    """Somewhere on a large canvas."""
    factor = int(rng.integers(3, 8))
    digit = large(image, factor)
    canvas = Image.new("L", (800, 600), 255)
    left, top = (int(rng.integers(0, edge - 28 * factor)) for edge in canvas.size)
    canvas.paste(digit, (left, top))
    return encoded(canvas)


def transparent(image: Image.Image, _rng: np.random.Generator) -> bytes:
    """Black ink on nothing: the digit is in the alpha channel alone."""
    pixels = np.zeros((280, 280, 4), np.uint8)
    pixels[:, :, 3] = 255 - np.asarray(large(image, 10))
    return encoded(Image.fromarray(pixels))


def jpeg(image: Image.Image, _rng: np.random.Generator) -> bytes:
    """JPEG at quality 30, at its own size."""
    return encoded(image, "JPEG", quality=30)


def large_jpeg(image: Image.Image, _rng: np.random.Generator) -> bytes:
    """JPEG at quality 30, dark on light, enlarged."""
    return encoded(large(image, 10), "JPEG", quality=30)


WAYS: dict[str, Writer] = {
    "png": lambda image, _rng: encoded(image),
    "inverted": inverted,
    "x5": times(5),
    "x10": times(10),
    "x20": times(20),
    "x40": times(40),
    "shifted": shifted,
    "transparent": transparent,
    "jpeg30": jpeg,
    "x10-jpeg30": large_jpeg,
}


if __name__ == "__main__":
    main()
