"""What makers of small networks share: work on made pages, and learning from examples."""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from pages import KINDS

from hellodl.autograd import Program, Tensor, grad
from hellodl.nn import Linear, cross_entropy
from hellodl.optim import SCHEDULES, Adam

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from hellodl.reading.weights import Weights

Found = TypeVar("Found")


def share_asked(description: str | None) -> float:
    """The command line's --share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the pages, to try something (default 1)")
    share: float = parser.parse_args().share
    return share


def on_pages(
    work: Callable[[str, tuple[str, int]], Found], half: str, pages: float, oftener: Mapping[str, float]
) -> list[Found]:
    """What `work` makes of each page (kind, number) of a half; of some kinds there are more."""
    jobs = [(kind, number) for kind in KINDS for number in range(round(pages * oftener.get(kind, 1)))]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:  # forked, OpenCV's threads would be missing
        return list(pool.map(partial(work, half), jobs, chunksize=8))


def learned(
    examples: Callable[[NDArray[np.intp]], NDArray[np.float32]],
    labels: NDArray[np.integer],
    widths: tuple[int, ...],
    rng: np.random.Generator,
    *,
    epochs: int,
    batch: int,
    rate: float,
    decay: float,
) -> Weights:
    """Weights of a network with such layers, from inputs to labels: Adam on the cross-entropy.

    examples: the inputs (n, widths[0]) of some rows, which may differ each time.
    """
    layers = [Linear(*pair, rng) for pair in pairwise(widths)]
    x, y = Tensor(np.zeros((batch, widths[0]))), Tensor(np.zeros((batch, widths[-1])))
    scores = layers[0](x)
    for layer in layers[1:]:
        scores = layer(scores.relu())
    loss = cross_entropy(scores.log_softmax(), y)
    parameters = [part for layer in layers for part in layer.parameters()]
    descent = Adam(parameters, rate, weight_decay=decay)
    program = Program(loss, *grad(loss, *parameters), into=[None, *descent.views(descent.gradient)])
    steps, targets = len(labels) // batch, np.eye(widths[-1], dtype=np.float32)
    for epoch in range(epochs):
        order = rng.permutation(len(labels))
        for step in range(steps):
            rows = order[step * batch : (step + 1) * batch]
            x.value[...], y.value[...] = examples(rows), targets[labels[rows]]
            program.run()
            descent.lr = rate * SCHEDULES["cosine"]((epoch + step / steps) / epochs)
            descent.update()
    names = [f"lc{i}.{kind}" for i in range(1, len(layers) + 1) for kind in ("weight", "bias")]
    return {name: np.ascontiguousarray(p.value) for name, p in zip(names, parameters, strict=True)}
