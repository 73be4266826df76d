"""A program: a graph sorted once, its buffers placed once, ready to be replayed.

Computing a graph node by node looks up what is stale and makes new arrays. A training loop runs the same
graph thousands of times; for that a Program turns it into a flat list of NumPy calls on arrays of its own.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from itertools import combinations
from threading import get_ident
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hellodl.autograd.memory import laid_out, memory
from hellodl.autograd.tensor import Tensor, topological_order
from hellodl.autograd.views import View
from hellodl.errors import NonFiniteError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hellodl.autograd.memory import Array
    from hellodl.autograd.tensor import Op


class Call(NamedTuple):
    """A step of a program: the op, the array it writes and those it reads, always the same ones."""

    op: Op
    out: Array
    inputs: tuple[Array, ...]


class Program:
    """The graphs of some outputs as a list of calls on fixed arrays; `run()` replays it.

    Leaves are read where they live: change a leaf's array in place, then run again. What no output needs
    is not in the list.

    Args:
        outputs: the tensors to compute.
        into: for each output the array it is written to, or None for one of the program's own. One that a
            leaf lives in is written last, so that every output is computed from what the leaves held.

    Raises ShapeError if an array does not have its output's shape, ValueError if two share memory, TypeError
    for outputs that are no tensors.
    """

    def __init__(self, *outputs: Tensor, into: Sequence[Array | None] = ()) -> None:
        plan = _Plan(_pair(outputs, into))
        self._steps, self.calls, self.results = plan.steps, plan.calls, plan.results
        self._thread: int | None = None

    def run(self) -> Array | tuple[Array, ...]:
        """Compute all outputs from what the leaves hold now; one array, or a tuple of them.

        The arrays are the same ones at every run, overwritten by the next. So a program belongs to the thread
        that runs it: RuntimeError in another one, unless it was handed over.
        """
        self._take()
        with _quiet():
            for step in self._steps:
                step()
        return self.results[0] if len(self.results) == 1 else self.results

    def hand_over(self) -> None:
        """Let whichever thread comes next run the program; this one has read the results."""
        self._thread = None

    def _take(self) -> None:
        """Make the program the calling thread's."""
        me = get_ident()
        if self._thread is None:
            self._thread = me
        if self._thread != me:
            msg = "this program is another thread's, whose results a run would overwrite; make one for each"
            raise RuntimeError(msg)

    def check_finite(self) -> None:
        """Run once more and raise NonFiniteError naming the first op that gives a NaN or an infinity."""
        self._take()
        with _quiet():
            for step, call in zip(self._steps, self.calls, strict=False):
                step()
                if not np.isfinite(call.out).all():
                    kind = "NaN" if np.isnan(call.out).any() else "an infinity"
                    raise NonFiniteError(f"{call.op.name} of shape {call.out.shape} gave {kind}")


class _Plan:
    """Where every node's result lives: in a leaf, in a view of an input, in a buffer that is free again.

    Three rules keep memory small and in cache; each holds for any graph:
    a view (transpose, reshape) takes no memory and no time; an elementwise op writes over an input that
    nobody needs any more; a buffer whose value is dead is used again.
    """

    def __init__(self, wanted: list[tuple[Tensor, Array | None]]) -> None:
        self.steps: list[Callable[[], object]] = []
        self.calls: list[Call] = []  # what each step does, but for the copies at the end
        self._arrays: dict[Tensor, Array] = {}
        self._owner: dict[Tensor, Tensor] = {}  # the node whose buffer a view looks into
        self._buffers: dict[Tensor, Array] = {}  # flat, as they go to `_free`
        self._free: dict[tuple[int, np.dtype[np.generic]], list[Array]] = {}
        outputs = [output for output, _ in wanted]
        order = topological_order(*outputs)
        self._last_use = self._find_last_uses(order, outputs)
        self._targets = self._find_targets(order, wanted)
        for position, node in enumerate(order):
            self._place(node, position)
            for x in {self._owner[x] for x in node.inputs}:
                if self._last_use[x] == position and x in self._buffers:
                    flat = self._buffers.pop(x)
                    self._free.setdefault((flat.size, flat.dtype), []).append(flat)
        self.results = self._deliver(wanted)

    def _find_last_uses(self, order: list[Tensor], outputs: Sequence[Tensor]) -> dict[Tensor, int]:
        """The position at which each node is read for the last time, directly or through a view of it."""
        last_use = {x: position for position, node in enumerate(order) for x in (node, *node.inputs)}
        last_use |= dict.fromkeys(outputs, len(order))
        for node in reversed(order):
            if isinstance(node.op, View):
                (x,) = node.inputs
                last_use[x] = max(last_use[x], last_use[node])
        return last_use

    def _find_targets(
        self, order: list[Tensor], wanted: list[tuple[Tensor, Array | None]]
    ) -> dict[Tensor, Array]:
        """Which node is to write into which given array: an output, or the node it is a view of."""
        leaves = [node.value for node in order if node.op is None]
        targets: dict[Tensor, Array] = {}
        for output, array in wanted:
            node, target = output, array
            while target is not None and isinstance(node.op, View):
                (x,) = node.inputs
                back = node.op.inverse(x.shape)
                shown = target if back is None else back.view(target)
                target, node = shown if back and np.may_share_memory(shown, target) else None, x
            if target is not None and not _meets(target, leaves):
                targets.setdefault(node, target)
        return targets

    def _place(self, node: Tensor, position: int) -> None:
        """Choose the array of one node, and note the call that fills it, if it takes one."""
        self._owner[node] = node
        inputs = [self._arrays[x] for x in node.inputs]
        if node.op is None:
            self._arrays[node] = node.value
            return
        if isinstance(node.op, View):
            seen = node.op.view(inputs[0])
            if np.may_share_memory(seen, inputs[0]):
                self._arrays[node], self._owner[node] = seen, self._owner[node.inputs[0]]
                return
        out = self._targets.get(node)
        if out is None:
            flat = self._buffers[node] = self._take_buffer(node, position)
            out = laid_out(flat, node.shape)
        self._arrays[node] = out
        self.steps.append(node.op.step(out, *inputs))
        self.calls.append(Call(node.op, out, tuple(inputs)))

    def _take_buffer(self, node: Tensor, position: int) -> Array:
        """A flat buffer for a node: an input's that may be overwritten, a free one, or a new one."""
        if node.op and node.op.in_place:
            for x in node.inputs:
                if self._may_overwrite(x, node, position):
                    return self._buffers.pop(x)
        free = self._free.get((node.size, node.dtype))
        return free.pop() if free else memory(node.size, node.dtype)

    def _may_overwrite(self, x: Tensor, node: Tensor, position: int) -> bool:
        """Whether the input `x` dies here, has the node's size, and is read by no other view."""
        dies = x in self._buffers and self._last_use[x] == position
        fits = (x.shape, x.dtype) == (node.shape, node.dtype)
        return dies and fits and all(other is x or self._owner[other] is not x for other in node.inputs)

    def _deliver(self, wanted: list[tuple[Tensor, Array | None]]) -> tuple[Array, ...]:
        """The arrays in which the outputs end up, copied there by each run if they are computed elsewhere.

        Those that leaves live in are written last, so what else shows such a leaf is copied before.
        """
        leaves = [array for node, array in self._arrays.items() if node.op is None]
        in_leaves = [target for _, target in wanted if target is not None and _meets(target, leaves)]
        results: list[Array] = []
        last: list[Callable[[], object]] = []
        for output, target in wanted:
            array = self._arrays[output]
            in_place = target is not None and _same_memory(array, target)
            if _meets(array, in_leaves) and not in_place:
                shown, array = array, np.empty_like(array)
                self.steps.append(partial(np.copyto, array, shown))
            if target is not None and not in_place:
                steps = last if _meets(target, leaves) else self.steps
                steps.append(partial(np.copyto, target, array))
            results.append(array if target is None else target)
        self.steps += last
        return tuple(results)


@contextmanager
def _quiet() -> Iterator[None]:
    """NaN and infinity are values, as everywhere in the field; and NumPy's casting buffers stay in cache."""
    with np.errstate(all="ignore"):
        np.setbufsize(2048)  # elements; errstate puts the old size back
        yield


def _pair(outputs: Sequence[Tensor], into: Sequence[Array | None]) -> list[tuple[Tensor, Array | None]]:
    """Each output with the array it is to be written to."""
    if not all(isinstance(output, Tensor) for output in outputs):
        raise TypeError(f"a program computes tensors, not {outputs!r:.80}")
    into = into or [None] * len(outputs)
    if len(into) != len(outputs):
        msg = (
            f"{len(outputs)} outputs cannot be written into {len(into)} arrays: give None where none is meant"
        )
        raise ValueError(msg)
    for output, array in zip(outputs, into, strict=True):
        if array is not None and array.shape != output.shape:
            msg = f"an output of shape {output.shape} cannot be written into an array of shape {array.shape}"
            raise ShapeError(msg)
    given = [array for array in into if array is not None]
    if any(np.shares_memory(a, b) for a, b in combinations(given, 2)):
        msg = "two outputs cannot be written into the same memory: give each an array of its own"
        raise ValueError(msg)
    return list(zip(outputs, into, strict=True))


def _meets(array: Array, others: Sequence[Array]) -> bool:
    return any(np.may_share_memory(array, other) for other in others)


def _same_memory(a: Array, b: Array) -> bool:
    return bool(a.__array_interface__["data"] == b.__array_interface__["data"] and a.strides == b.strides)
