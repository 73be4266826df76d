"""Part of every batch as a program: pictures in, a share of the batch's loss and gradient out.

A batch is worked on as two shards. Who works on them, one process or two, makes no difference to any bit of
the result: each shard is computed by one thread, and the sum of two numbers knows no order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.autograd import Program, Tensor, grad
from hellodl.nn import cross_entropy
from hellodl.system.lockstep import shared_zeros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hellodl.nn import DigitNet
    from hellodl.training.batches import Batches

    Array = NDArray[Any]

WORTH_SPLITTING = 32  # images in a batch: halves of fewer take as long as the whole


def split(batch_size: int) -> list[slice]:
    """Which images of a batch each shard has."""
    if batch_size < WORTH_SPLITTING:
        return [slice(0, batch_size)]
    return [slice(0, batch_size // 2), slice(batch_size // 2, batch_size)]


class Shard:
    """Some images of every batch, and the program that computes their loss and its gradients.

    Shards' losses and gradients add up to those of the batch, since targets are scaled by a shard's share of
    it and both are proportional to the targets.

    Args:
        model: the network; its weights are read where they are.
        number: which shard this is, from 0.
        rows: its images in a batch of `batch_size`.
        targets: (10, labels), a column of probabilities for each label.
        gradients: where the gradients are written, shaped like the parameters.
    """

    def __init__(
        self,
        model: DigitNet,
        number: int,
        rows: slice,
        batch_size: int,
        targets: Array,
        gradients: Sequence[Array],
    ) -> None:
        size = rows.stop - rows.start
        self._model, self._number, self._rows = model, number, rows
        self._target_columns = np.asarray(targets * (size / batch_size), np.float32)
        self._pixels = Tensor(np.zeros((size, 784)))
        self._targets = Tensor(np.zeros((10, size)).T)  # laid out as scores are
        self._images, self._labels = np.empty((size, 784), np.uint8), np.zeros(size, np.uint8)
        log_probabilities = model(self._pixels)
        loss = cross_entropy(log_probabilities, self._targets)
        self._loss = shared_zeros(1)
        into = [self._loss.reshape(()), None, *gradients]
        self.program = Program(loss, log_probabilities, *grad(loss, *model.parameters()), into=into)
        self._log_probabilities = self.program.run()[1]

    def read(self, batches: Batches, rows: Array, *position: int) -> None:
        """Gather our images of a batch whose rows, and position in the training, are given."""
        self._labels = batches.read(rows[self._rows], self._images, *position, self._number)
        self._model.scale_pixels(self._images, self._pixels.value)
        np.take(self._target_columns, self._labels, axis=1, out=self._targets.value.T, mode="clip")

    @property
    def loss(self) -> float:
        """Our share of the batch's loss, whichever process computed it."""
        return float(self._loss[0])

    def accuracy(self) -> float:
        """The share of our images that was read rightly."""
        return float((self._log_probabilities.argmax(axis=1) == self._labels).mean())
