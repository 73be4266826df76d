"""A program: a graph sorted once, its buffers placed once, ready to be replayed.

Computing a graph node by node looks up what is stale and makes new arrays. A training loop runs the same
graph thousands of times; for that a Program turns it into a flat list of NumPy calls on arrays of its own.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from threading import get_ident
from typing import Any, NamedTuple

import numpy as np

from hellodl.autograd.memory import Array, Shape, empty
from hellodl.autograd.tensor import Op, Tensor, topological_order
from hellodl.autograd.views import View
from hellodl.errors import NonFiniteError, ShapeError


class Call(NamedTuple):
    """A step of a program: the op, the array it writes and those it reads, always the same ones."""

    op: Op
    out: Array
    inputs: tuple[Array, ...]


class Program:
    """The graphs of some outputs as a list of calls on fixed arrays; `run()` replays it.

    Leaves are read where they live: change a leaf's array in place, then run again. An optimizer gives them
    another place, so it is made first. What no output needs is not in the list.

    Args:
        outputs: the tensors to compute.
        into: for each output the array it is written to, or None for one of the program's own. One that a
            leaf lives in is written last, so that every output is computed from what the leaves held.

    Raises ShapeError if an array does not have its output's shape, ValueError if two share memory, TypeError
    for outputs that are no tensors.
    """

    def __init__(self, *outputs: Tensor, into: Sequence[Array | None] = ()) -> None:
        into = into or [None] * len(outputs)
        _check(outputs, into)
        plan = _Plan(outputs, into)
        self.calls, self.results, self._leaves = plan.calls, plan.results, plan.leaves
        self._steps = [call.op.step(call.out, *call.inputs) for call in self.calls]
        self._thread: int | None = None

    def run(self) -> Array | tuple[Array, ...]:
        """Compute all outputs from what the leaves hold now; one array, or a tuple of them.

        The arrays are the same ones at every run, overwritten by the next. So a program belongs to the thread
        that runs it: RuntimeError in another one, unless it was handed over; and if a leaf has moved.
        """
        self._take()
        with np.errstate(all="ignore"):  # NaN and infinity are values, as everywhere in the field
            np.setbufsize(2048)  # elements: what NumPy casts stays in cache; errstate puts the old size back
            for step in self._steps:
                step()
        return self.results[0] if len(self.results) == 1 else self.results

    def hand_over(self) -> None:
        """Let whichever thread comes next run the program; this one has read the results."""
        self._thread = None

    def _take(self) -> None:
        """Make the program the calling thread's, if what it reads is where it was."""
        me = get_ident()
        if self._thread not in {None, me}:
            raise RuntimeError("a run would overwrite the results of another thread; make a program for each")
        if not all(leaf.lives_in(array) for leaf, array in self._leaves):
            raise RuntimeError("a leaf has moved to another array; make the program after the optimizer")
        self._thread = me

    def check_finite(self) -> None:
        """Run, but stop at the first op that gives a NaN or an infinity: NonFiniteError names it."""
        self._take()
        with np.errstate(all="ignore"):
            for step, call in zip(self._steps, self.calls, strict=True):
                step()
                if not np.isfinite(call.out).all():
                    kind = "NaN" if np.isnan(call.out).any() else "an infinity"
                    raise NonFiniteError(f"{call.op.name} of shape {call.out.shape} gave {kind}")


class _Plan:
    """Where every node's result lives: in a leaf, in a view of an input, in a buffer that is free again.

    Three rules keep memory small and in cache; each holds for any graph:
    a view (transpose, reshape) takes no memory and no time; an elementwise op writes over an input that
    nobody needs any more; a buffer whose value is dead is used again for one of the same shape.
    """

    def __init__(self, outputs: Sequence[Tensor], into: Sequence[Array | None]) -> None:
        self.calls: list[Call] = []
        self.leaves: list[tuple[Tensor, Array]] = []
        self._arrays: dict[Tensor, Array] = {}
        self._owner: dict[Tensor, Tensor] = {}  # the node whose array a view looks into
        self._buffers: dict[Tensor, Array] = {}  # of the program's own, until they go to `_free`
        self._free: defaultdict[tuple[Shape, np.dtype[Any]], list[Array]] = defaultdict(list)
        nodes = self._aim(outputs, into)
        order = topological_order(*nodes)
        self._readers = Counter(nodes)  # how many are still to read a node, itself or through views
        self._readers.update(x for node in order for x in dict.fromkeys(node.inputs))
        for node in order:
            self._place(node)
        places = zip(nodes, into, strict=True)
        self.results = tuple([self._arrays[x] if array is None else array for x, array in places])

    def _aim(self, outputs: Sequence[Tensor], into: Sequence[Array | None]) -> list[Tensor]:
        """The nodes to compute: outputs, or copies of those that cannot be computed where they are wanted.

        A copy is a node like any other. The youngest are computed last: those into arrays that leaves live
        in, after copies of all that may look into such an array.
        """
        leaves = [x.value for x in topological_order(*outputs) if x.op is None]
        in_leaf = [array is not None and any(np.may_share_memory(array, x) for x in leaves) for array in into]
        nodes = [x.detach() if any(in_leaf) and _looks(x) else x for x in outputs]
        for i in sorted(range(len(nodes)), key=in_leaf.__getitem__):
            array = into[i]
            if array is not None:
                node, shown = _behind(nodes[i], array)
                if in_leaf[i] or _looks(node) or node in self._arrays:
                    node = nodes[i] = nodes[i].detach()
                    shown = array
                self._arrays[node] = shown
        return nodes

    def _place(self, node: Tensor) -> None:
        """Choose the array of one node, and note the call that fills it, if it takes one."""
        inputs = tuple([self._arrays[x] for x in node.inputs])
        if node.op is None:
            self._arrays[node] = node.value
            self.leaves.append((node, node.value))
            return
        if isinstance(node.op, View):
            (x,), seen = node.inputs, node.op.function(*inputs)
            if np.may_share_memory(seen, inputs[0]):
                owner = self._owner[node] = self._owner.get(x, x)
                self._arrays[node] = seen
                self._readers[owner] += self._readers[node] - 1
                return
        if node not in self._arrays:
            self._arrays[node] = self._buffers[node] = self._take_buffer(node, node.op)
        self.calls.append(Call(node.op, self._arrays[node], inputs))
        for x in dict.fromkeys(node.inputs):  # not a set: plans would differ from run to run
            owner = self._owner.get(x, x)
            self._readers[owner] -= 1
            if not self._readers[owner] and owner in self._buffers:
                self._free[owner.shape, owner.dtype].append(self._buffers.pop(owner))

    def _take_buffer(self, node: Tensor, op: Op) -> Array:
        """A buffer for a node: that of an input which dies here, a free one, or a new one."""
        for x in node.inputs if op.in_place else ():
            dies = x in self._buffers and self._readers[x] == 1
            if dies and (x.shape, x.dtype) == (node.shape, node.dtype):
                return self._buffers.pop(x)
        free = self._free[node.shape, node.dtype]
        return free.pop() if free else empty(node.shape, node.dtype)


def _looks(node: Tensor) -> bool:
    """Whether a node has no memory of its own: a leaf, or a view."""
    return node.op is None or isinstance(node.op, View)


def _behind(node: Tensor, array: Array) -> tuple[Tensor, Array]:
    """The node that `node` is a view of, and the array which, written there, shows as `array`."""
    while isinstance(node.op, View):
        (x,) = node.inputs
        back = node.op.rules[0](node, node, x)  # the derivative of a view looks back, if one can
        shown = back.op.function(array) if isinstance(back.op, View) and back.inputs[0] is node else None
        if shown is None or not np.may_share_memory(shown, array):
            break
        node, array = x, shown
    return node, array


def _check(outputs: Sequence[Tensor], into: Sequence[Array | None]) -> None:
    """Raise what `Program` says it does, unless each output can be written into its array."""
    if not all(isinstance(output, Tensor) for output in outputs):
        raise TypeError(f"a program computes tensors, not {outputs!r:.80}")
    if len(into) != len(outputs):
        raise ValueError(f"{len(outputs)} outputs but {len(into)} arrays: give None where none is meant")
    for output, array in zip(outputs, into, strict=True):
        if array is not None and array.shape != output.shape:
            raise ShapeError(f"output of shape {output.shape} does not fit an array of shape {array.shape}")
    given = [array for array in into if array is not None]
    if any(np.shares_memory(a, b) for a, b in combinations(given, 2)):
        raise ValueError("two outputs cannot be written into the same memory: give each an array of its own")
