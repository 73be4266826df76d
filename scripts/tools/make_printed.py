#!/usr/bin/env python3
"""Makes what tells print from a pen's strokes: hellodl/models/printed.safetensors.

    python scripts/tools/make_printed.py

It learns from made pages (pages.py), on which it is known of each pixel whether a machine or a pen drew it;
what a pen drew much larger than signs, as rings and rules below a sum, counts as print. Pages of other digits
and seeds say how good it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from learning import learned, on_pages, share_asked
from pages import Page, made
from safetensors.numpy import save_file

from hellodl.reading.ground import NARROW
from hellodl.reading.ink import Traces, relief, to_grey, views
from hellodl.reading.load import load_picture
from hellodl.reading.normalise import stroke_width
from hellodl.reading.printed import SHIPPED, SURE, blurred, made_smaller, surroundings
from hellodl.reading.weights import logits
from hellodl.system.processors import one_blas_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hellodl.reading.arrays import Pixels, Plane

PAGES = {"train": 1800, "tune": 100}  # of each kind,
OFTENER = {"one": 4, "joined": 0.5, "lines": 0.7, "table": 2, "boxes": 1.5, "none": 0.8}  # but for these
OF_A_PAGE = 120  # pixels
SIGN, LARGE = 2.2, 4.0  # so many times as large as digits are tall are signs at most, and what is no writing
PRINTED = 0.1  # a pixel of which print covers this share is print, if nothing is written there
HIDDEN, RECIPE = (128, 32), {"epochs": 12, "batch": 256, "rate": 2e-3, "decay": 0.02}
PEN, PRINT, NEITHER = 0, 1, 2
STEPS, ZERO = 100, 30  # how inputs are kept in bytes: STEPS for each 1, ZERO for 0


def main() -> None:
    """Collect, learn, write, and say how good it is."""
    share = share_asked(__doc__)
    one_blas_thread()
    (inputs, labels), (others, truths) = (collected(half, share * pages) for half, pages in PAGES.items())
    widths = (inputs.shape[1], *HIDDEN, 2)
    weights = learned(lambda rows: as_seen(inputs[rows]), labels, widths, np.random.default_rng(1), **RECIPE)
    save_file(weights, SHIPPED, {"made by": "scripts/tools/make_printed.py"})
    says_print = np.diff(logits(weights, as_seen(others)), axis=1)[:, 0] > SURE
    print(f"of {len(truths):,} pixels on other pages, taken for the other:")
    print(f"pen {np.mean(says_print[truths == PEN]):.1%}, print {np.mean(~says_print[truths == PRINT]):.1%}")


def collected(half: str, pages: float) -> tuple[Pixels, NDArray[np.uint8]]:
    """What lies about some pixels of a half's pages, (n, 484) in bytes, and what they are."""
    inputs, labels = zip(*on_pages(pixels_of, half, pages, OFTENER), strict=True)
    return np.concatenate(inputs), np.concatenate(labels)


def pixels_of(half: str, job: tuple[str, int]) -> tuple[Pixels, NDArray[np.uint8]]:
    """Some pixels of a page."""
    cv2.setNumThreads(1)
    pixels, page = made(*job, half)
    grey, scale = to_grey(load_picture(pixels))
    light, least = next(view for view in views(grey, scale) if view[1] != NARROW)
    found = Traces.found(*relief(255 - grey if light else grey, least=least))
    small, there = made_smaller(found.strength, found.faint, stroke_width(found.mask))
    what = truth(page, small.shape)
    rows, columns = np.nonzero(there & (what != NEITHER))
    some = np.random.default_rng(job[1]).permutation(len(rows))[:OF_A_PAGE]
    seen = surroundings(blurred(small), rows[some], columns[some])
    in_bytes = np.clip(seen * STEPS + ZERO, 0, 255).astype(np.uint8)
    return in_bytes, what[rows[some], columns[some]]


def truth(page: Page, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """What each pixel of a page is, at another size: PEN, PRINT or NEITHER."""
    size, factor = shape[::-1], shape[0] / page.shape[0]
    owner = cv2.resize(page.owner, size, interpolation=cv2.INTER_NEAREST)
    longest = np.zeros(len(page.items) + 1)
    for i, item in enumerate(page.items, 1):
        rows, columns = np.nonzero(owner == i)
        if item.kind == "other" and len(rows):
            longest[i] = max(np.ptp(rows), np.ptp(columns)) / (page.tall * factor)
    long, print_ = longest[owner], cv2.resize(page.printed, size, interpolation=cv2.INTER_AREA) > PRINTED
    pen = ((owner > 0) & (long <= SIGN)).astype(np.uint8)
    near = cv2.dilate(pen, np.ones((3, 3), np.uint8)) > 0
    what = np.where(near, PEN, NEITHER)
    return np.where(~(pen > 0) & ((print_ & (owner == 0)) | (long > LARGE)), PRINT, what).astype(np.uint8)


def as_seen(inputs: Pixels) -> Plane:
    """Inputs that were kept in bytes, as the network has them."""
    return (inputs.astype(np.float32) - ZERO) / STEPS


if __name__ == "__main__":
    main()
