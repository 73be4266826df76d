"""Functions of a batch applied to any number of rows: as programs, built once and kept."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from hellodl.autograd import Program, Tensor
from hellodl.autograd.memory import Array
from hellodl.system.processors import share_out

Function = Callable[[Tensor], Tensor]  # of (n, width), a row of the result for each row
Prepare = Callable[[Array, Array], None]  # writes some of the rows into an array (n, width)

BATCH = 500  # rows at a time: they stay in the cache (measured: 400 to 512 are quickest, 2,500 slower)
KEPT = 4  # sizes of batch whose programs are kept, the latest; one of the digit net for 500 takes 2 MB


class Predictor:
    """Applies functions to rows, in batches of the same size, in two threads where that pays.

    To build a program takes longer than to run it, so those for the latest few sizes are kept. Functions are
    not: they are methods of who keeps us, and such a circle would outlive its use, with 3 MB each time.

    `width`: how many numbers a function is given in a row.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._kept: dict[Hashable, list[tuple[Tensor, Program]]] = {}

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return type(self), (self._width,)  # copied or pickled without programs: those are of this process

    def __call__(
        self, function: Function, version: Hashable, rows: Array, prepare: Prepare
    ) -> NDArray[np.float32]:
        """The function's results for all rows, as `prepare` makes them; `version` tells functions apart."""
        size = max(1, min(len(rows), BATCH))

        def answer(start: int) -> NDArray[np.float32]:
            some = rows[start : start + size]
            with self._program((version, size), function, size) as (batch, program):
                prepare(some, batch.value[: len(some)])
                return np.array(program.run()[: len(some)])  # a copy

        return np.concatenate(share_out(answer, range(0, max(1, len(rows)), size)))

    @contextmanager
    def _program(self, key: Hashable, function: Function, size: int) -> Iterator[tuple[Tensor, Program]]:
        """An input of a size and its program, kept ones if there are some; nobody else has them meanwhile."""
        try:
            batch, program = self._kept[key].pop()
        except (KeyError, IndexError):
            batch = Tensor(np.zeros((size, self._width)))
            program = Program(function(batch))
        yield batch, program
        program.hand_over()  # to whichever thread comes next
        self._kept[key] = [*self._kept.pop(key, []), (batch, program)]  # now the latest
        for oldest in list(self._kept)[:-KEPT]:
            self._kept.pop(oldest, None)
