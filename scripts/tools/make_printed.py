#!/usr/bin/env python3
"""Makes what tells print from a pen's strokes: hellodl/models/printed.safetensors.

    python scripts/tools/make_printed.py

It learns from made pages (pages.py), on which it is known of each pixel whether a machine or a pen drew it;
what a pen drew much larger than signs, as rings and rules below a sum, counts as print. Pages of other digits
and seeds say how good it is.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from typing import TYPE_CHECKING

import cv2
import numpy as np
from pages import KINDS, Page, made
from safetensors.numpy import save_file

from hellodl.autograd import Program, Tensor, grad
from hellodl.nn import Linear, cross_entropy
from hellodl.optim import SCHEDULES, Adam
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
HIDDEN, EPOCHS, BATCH, RATE, DECAY = (128, 32), 12, 256, 2e-3, 0.02
PEN, PRINT, NEITHER = 0, 1, 2
STEPS, ZERO = 100, 30  # how inputs are kept in bytes: STEPS for each 1, ZERO for 0


def main() -> None:
    """Collect, learn, write, and say how good it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the pages, to try something (default 1)")
    share = parser.parse_args().share
    one_blas_thread()
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:  # forked, OpenCV's threads would be missing
        learning, others = (collected(half, share * pages, pool) for half, pages in PAGES.items())
    weights = learned(*learning, np.random.default_rng(1))
    save_file(weights, SHIPPED, {"made by": "scripts/tools/make_printed.py"})
    inputs, labels = others
    says_print = np.diff(logits(weights, as_seen(inputs)), axis=1)[:, 0] > SURE
    print(f"of {len(labels):,} pixels on other pages, taken for the other:")
    print(f"pen {np.mean(says_print[labels == PEN]):.1%}, print {np.mean(~says_print[labels == PRINT]):.1%}")


def collected(half: str, pages: float, pool: ProcessPoolExecutor) -> tuple[Pixels, NDArray[np.uint8]]:
    """What lies about some pixels of a half's pages, (n, 484) in bytes, and what they are."""
    jobs = [(kind, number) for kind in KINDS for number in range(round(pages * OFTENER.get(kind, 1)))]
    inputs, labels = zip(*pool.map(partial(pixels_of, half), jobs, chunksize=8), strict=True)
    return np.concatenate(inputs), np.concatenate(labels)


def pixels_of(half: str, job: tuple[str, int]) -> tuple[Pixels, NDArray[np.uint8]]:
    """Some pixels of a page."""
    cv2.setNumThreads(1)
    pixels, page = made(*job, half)
    grey, _ = to_grey(load_picture(pixels))
    light, flat = views(grey)[0]
    found = Traces.found(*relief(255 - grey if light else grey, flat=flat))
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


def learned(inputs: Pixels, labels: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, Plane]:
    """Weights of a network that learned which pixels are print: Adam on the cross-entropy."""
    widths = (inputs.shape[1], *HIDDEN, 2)
    layers = [Linear(*pair, rng) for pair in pairwise(widths)]
    first, *rest = layers
    x, y = Tensor(np.zeros((BATCH, inputs.shape[1]))), Tensor(np.zeros((BATCH, 2)))
    hidden = first(x)
    for layer in rest:
        hidden = layer(hidden.relu())
    loss = cross_entropy(hidden.log_softmax(), y)
    parameters = [part for layer in layers for part in layer.parameters()]
    descent = Adam(parameters, RATE, weight_decay=DECAY)
    program = Program(loss, *grad(loss, *parameters), into=[None, *descent.views(descent.gradient)])
    steps = len(labels) // BATCH
    for epoch in range(EPOCHS):
        order = rng.permutation(len(labels))
        for step in range(steps):
            rows = order[step * BATCH : (step + 1) * BATCH]
            x.value[...] = as_seen(inputs[rows])
            y.value[...] = np.eye(2, dtype=np.float32)[labels[rows]]
            program.run()
            descent.lr = RATE * SCHEDULES["cosine"]((epoch + step / steps) / EPOCHS)
            descent.update()
    names = [f"lc{i}.{kind}" for i in range(1, len(layers) + 1) for kind in ("weight", "bias")]
    return {name: np.ascontiguousarray(p.value) for name, p in zip(names, parameters, strict=True)}


if __name__ == "__main__":
    main()
