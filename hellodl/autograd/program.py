"""A program: a graph sorted once, its buffers placed once, ready to be replayed.

Computing a graph node by node looks up what is stale and makes new arrays. A training loop runs the same
graph thousands of times; for that a Program turns it into a flat list of NumPy calls on arrays of its own.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hellodl.autograd.ops import View
from hellodl.autograd.tensor import Tensor, topological_order
from hellodl.errors import NonFiniteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hellodl.autograd.tensor import Array


class Program:
    """The graphs of some outputs as a list of calls on fixed arrays; `run()` replays it.

    Leaves are read where they live: change a leaf's array in place, then run again. What no output needs
    is not in the list.

    Args:
        outputs: the tensors to compute.
        into: for each output the array it is written to, or None for one of the program's own.
    """

    def __init__(self, *outputs: Tensor, into: Sequence[Array | None] = ()) -> None:
        plan = _Plan(outputs, into)
        self._nodes = plan.nodes
        self._arrays = [plan.arrays[node] for node in plan.nodes]
        self._steps: list[Callable[[], None]] = [
            partial(node.op.forward, plan.arrays[node], *(plan.arrays[x] for x in node.inputs))
            for node in plan.nodes
            if node.op is not None
        ]
        self._steps += [partial(np.copyto, target, source) for target, source in plan.copies]
        self._results = plan.results

    def run(self) -> Array | tuple[Array, ...]:
        """Compute all outputs from what the leaves hold now; one array, or a tuple of them.

        The arrays are the same ones at every run, overwritten by the next.
        """
        with _quiet():
            for step in self._steps:
                step()
        return self._results[0] if len(self._results) == 1 else self._results

    def check_finite(self) -> None:
        """Run once more and raise NonFiniteError naming the first op that gives a NaN or an infinity."""
        with _quiet():
            for node, array, step in zip(self._nodes, self._arrays, self._steps, strict=False):
                step()
                if not np.isfinite(array).all():
                    kind = "NaN" if np.isnan(array).any() else "an infinity"
                    name = node.op.name if node.op else "leaf"
                    msg = f"{name} of shape {node.shape} gave {kind}"
                    raise NonFiniteError(msg)


class _Plan:
    """Where every node's result lives: in a leaf, in a view of an input, in a buffer that is free again.

    Three rules keep memory small and in cache; each holds for any graph:
    a view (transpose, reshape) takes no memory and no time; an elementwise op writes over an input that
    nobody needs any more; a buffer whose value is dead is used again.
    """

    def __init__(self, outputs: Sequence[Tensor], into: Sequence[Array | None]) -> None:
        order = topological_order(*outputs)
        self.nodes: list[Tensor] = []  # those that need a call
        self.arrays: dict[Tensor, Array] = {}
        self.copies: list[tuple[Array, Array]] = []
        self._owner: dict[Tensor, Tensor] = {}  # the node whose buffer a view looks into
        self._free: dict[tuple[int, np.dtype[np.generic]], list[Array]] = {}
        self._buffers: dict[Tensor, Array] = {}  # flat, as they go back to `_free`
        self._last_use = self._find_last_uses(order, outputs)
        targets = self._find_targets(outputs, into)
        for position, node in enumerate(order):
            self._place(node, position, targets)
            for x in {self._owner[x] for x in node.inputs}:
                if self._last_use[x] == position and x in self._buffers:
                    self._release(self._buffers.pop(x))
        self.results = tuple(self._deliver(*pair) for pair in zip(outputs, _pad(into, outputs), strict=True))

    def _find_last_uses(self, order: list[Tensor], outputs: Sequence[Tensor]) -> dict[Tensor, int]:
        """The position at which each node is read for the last time, directly or through a view of it."""
        last_use = {x: position for position, node in enumerate(order) for x in (node, *node.inputs)}
        last_use |= dict.fromkeys(outputs, len(order))
        for node in reversed(order):
            if isinstance(node.op, View):
                (x,) = node.inputs
                last_use[x] = max(last_use[x], last_use[node])
        return last_use

    def _find_targets(self, outputs: Sequence[Tensor], into: Sequence[Array | None]) -> dict[Tensor, Array]:
        """Which node is to write into which given array: an output, or the node it is a view of."""
        targets: dict[Tensor, Array] = {}
        for output, array in zip(outputs, _pad(into, outputs), strict=True):
            node, target = output, array
            while target is not None and isinstance(node.op, View):
                (x,) = node.inputs
                target, node = node.op.undo(target, x.shape), x
            if target is not None and node.op is not None:
                targets.setdefault(node, target)
        return targets

    def _place(self, node: Tensor, position: int, targets: dict[Tensor, Array]) -> None:
        """Choose the array of one node, and note whether it takes a call to fill it."""
        self._owner[node] = node
        inputs = [self.arrays[x] for x in node.inputs]
        if node.op is None:
            self.arrays[node] = node.value
            return
        if isinstance(node.op, View):
            seen = node.op.view(inputs[0])
            if np.may_share_memory(seen, inputs[0]):
                self.arrays[node], self._owner[node] = seen, self._owner[node.inputs[0]]
                return
        self.nodes.append(node)
        if node in targets:
            self.arrays[node] = targets[node]
            return
        flat = self._take_over(node, position) if node.op.in_place else None
        if flat is None:
            spare = self._free.get((node.size, node.dtype))
            flat = spare.pop() if spare else np.empty(node.size, node.dtype)
        self._buffers[node] = flat
        self.arrays[node] = flat.reshape(node.shape)

    def _take_over(self, node: Tensor, position: int) -> Array | None:
        """The buffer of an input that dies here, if it has the node's size and is read by no other view."""
        for x in node.inputs:
            dies = self._last_use[self._owner[x]] == position and x in self._buffers
            fits = x.shape == node.shape and x.dtype == node.dtype
            alone = all(other is x or self._owner[other] is not x for other in node.inputs)
            if dies and fits and alone:
                return self._buffers.pop(x)
        return None

    def _release(self, flat: Array) -> None:
        self._free.setdefault((flat.size, flat.dtype), []).append(flat)

    def _deliver(self, output: Tensor, target: Array | None) -> Array:
        """The array in which an output ends up, copied there by each run if it is computed elsewhere."""
        array = self.arrays[output]
        if target is None or array is target or _same_memory(array, target):
            return array
        self.copies.append((target, array))
        return target


@contextmanager
def _quiet() -> Iterator[None]:
    """NaN and infinity are values, as everywhere in the field; and NumPy's casting buffers stay in cache."""
    with np.errstate(all="ignore"):
        np.setbufsize(2048)  # elements; errstate puts the old size back
        yield


def _pad(into: Sequence[Array | None], outputs: Sequence[Tensor]) -> Sequence[Array | None]:
    return into or [None] * len(outputs)


def _same_memory(a: Array, b: Array) -> bool:
    return bool(a.__array_interface__["data"] == b.__array_interface__["data"] and a.strides == b.strides)
