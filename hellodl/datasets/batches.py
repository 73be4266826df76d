"""Which pictures are trained on, in which order: a pure function of the seed, so that runs can be resumed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from hellodl.datasets.augment import Augmenter

    Batch: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class Purpose(IntEnum):
    """What random numbers are drawn for: each purpose has its own stream."""

    WEIGHTS = 0
    SPLIT = 1
    ORDER = 2
    AUGMENT = 3
    PEN = 4
    CALIBRATE = 5


def generator(seed: int, purpose: Purpose, *position: int) -> np.random.Generator:
    """Random numbers that depend on nothing but the seed, their purpose and a position in the training."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(purpose, *position))))


def stratified_split(
    labels: NDArray[np.uint8], held_out: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices to train on and indices held out, each digit in proportion; both in rising order.

    `held_out` images are chosen by spreading that many marks evenly over the images sorted by digit, in
    random order within a digit.
    """
    shuffled = generator(seed, Purpose.SPLIT).permutation(len(labels))
    by_digit = shuffled[np.argsort(labels[shuffled], kind="stable")]
    marks = (np.arange(held_out) * len(labels)) // max(held_out, 1)
    is_held_out = np.zeros(len(labels), bool)
    is_held_out[by_digit[marks]] = True
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def epoch_order(indices: NDArray[np.intp], batch_size: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """The batches of one epoch, (batches, batch_size): all indices shuffled, less a remainder."""
    shuffled = generator(seed, Purpose.ORDER, epoch).permutation(indices)
    batches = len(indices) // batch_size
    return shuffled[: batches * batch_size].reshape(batches, batch_size)


class Batches:
    """Delivers batches of pixels and labels, each gathered (and augmented) into memory that is used again.

    Args:
        images: uint8 (n, 28, 28) or (n, 784).
        labels: uint8 (n,).
        augmenter: distorts a batch, given pixels (batch, 784), a generator, and where to write; or None.
        seed: with the epoch and the batch's number it decides the distortion.
    """

    def __init__(
        self, images: NDArray[np.uint8], labels: NDArray[np.uint8], augmenter: Augmenter | None, seed: int
    ) -> None:
        self._images, self._labels = images.reshape(len(images), -1), labels
        self._augmenter, self._seed = augmenter, seed

    def of(self, order: NDArray[np.intp], epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches from number `start` on; each is valid until the next is asked for.

        Costly augmentation runs one batch ahead in a thread of its own: NumPy lets both run at once.
        """
        gathered, *buffers = (np.empty((order.shape[1], self._images.shape[1]), np.uint8) for _ in range(3))

        def prepare(number: int) -> Batch:
            pixels, rows = buffers[number % 2], order[number]
            into = pixels if self._augmenter is None else gathered
            np.take(self._images, rows, axis=0, out=into, mode="clip")  # the mode that needs no copy
            if self._augmenter is not None:
                self._augmenter(gathered, generator(self._seed, Purpose.AUGMENT, epoch, number), pixels)
            return pixels, self._labels[rows]

        numbers = range(start, len(order))
        return _one_ahead(prepare, numbers) if self.needs_worker else map(prepare, numbers)

    @property
    def needs_worker(self) -> bool:
        """Whether preparing a batch costs so much that it is worth a thread."""
        return self._augmenter is not None and not self._augmenter.only_shifts


def _one_ahead(prepare: Callable[[int], Batch], numbers: range) -> Iterator[Batch]:
    """What `prepare` makes of each number, in order, made by a thread while the one before is used."""
    with ThreadPoolExecutor(max_workers=1) as worker:
        ahead = [worker.submit(prepare, number) for number in numbers[:1]]
        for following in numbers[1:]:
            ready = ahead.pop().result()
            ahead.append(worker.submit(prepare, following))
            yield ready
        yield from (last.result() for last in ahead)
