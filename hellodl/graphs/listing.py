"""A program as a list of NumPy calls in which one sees which buffers are used again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np

from hellodl.autograd import Program, Tensor
from hellodl.autograd.gradient import push_down
from hellodl.autograd.memory import Array, Shape
from hellodl.autograd.tensor import Op

# What every op has; the rest are its parameters.
_OF_EVERY_OP = {"name", "symbol", "function", "rules", "shape", "dtype", "in_place"}


@dataclass(frozen=True)
class Line:
    """A call: `buffer = formula`. `use`: the buffer is "new", used "again", or written over "in place"."""

    buffer: str
    formula: str
    shape: Shape
    use: str


@dataclass(frozen=True)
class Listing:
    """A program's calls, how many buffers and bytes they share, and the bytes it would take not to share."""

    calls: tuple[Line, ...]
    buffers: int
    bytes: int
    bytes_unshared: int


def listing(y: Tensor, variables: Mapping[Tensor, str], others: Mapping[Tensor, str]) -> Listing:
    """List the calls that compute a scalar and its gradients for the variables.

    `variables` and `others` say what the graph's leaves are called.
    """
    gradients = push_down(y)
    program = Program(y, *(gradients[leaf] for leaf in variables if leaf in gradients))
    memory = _Memory((name, leaf.value) for names in (variables, others) for leaf, name in names.items())
    lines = []
    for op, out, inputs in program.calls:
        arguments, sources = [memory.told(x) for x in inputs], [memory.owner(x) for x in inputs]
        before = memory.owner(out)
        use = "new" if not before else "in place" if before in sources else "again"
        lines.append(Line(memory.written(out), _called(op, arguments), out.shape, use))
    unshared = sum(call.out.nbytes for call in program.calls)
    return Listing(tuple(lines), len(memory.buffers), sum(memory.buffers.values()), unshared)


class _Memory:
    """Who lives where, as it was written last: arrays are known by the bytes that they take."""

    def __init__(self, leaves: Iterable[tuple[str, Array]]) -> None:
        self._homes = dict(leaves)
        self._names = (name for i in count(1) if (name := f"b{i}") not in self._homes)
        self.buffers: dict[str, int] = {}  # bytes by name

    def owner(self, array: Array) -> str:
        """The name of the leaf or buffer that an array lies in, "" if it is neither's."""
        return next((name for name, home in self._homes.items() if np.may_share_memory(array, home)), "")

    def written(self, out: Array) -> str:
        """The name of the buffer that is written."""
        name = self.owner(out) or next(self._names)
        self.buffers.setdefault(name, out.nbytes)
        self._homes[name] = out
        return name

    def told(self, array: Array) -> str:
        """An argument: a buffer or leaf, turned or not, or a number."""
        name = self.owner(array)
        if not name:
            return f"{array.item():g}" if array.size == 1 else f"constant {array.shape}"
        whole = self._homes[name]
        turned = (array.shape, array.strides) == (whole.shape[::-1], whole.strides[::-1])
        return f"{name}.T" if turned and array.strides != whole.strides else name


def _called(op: Op, arguments: list[str]) -> str:
    """An op with its arguments, as one would write it."""
    if not op.symbol.isidentifier() and len(arguments) == 2:
        return f" {op.symbol} ".join(arguments)
    if op.symbol.startswith("**"):
        return f"{arguments[0]}{op.symbol}"
    told = [f"{key}={value}" for key, value in vars(op).items() if key not in _OF_EVERY_OP]
    return f"{op.symbol}({', '.join([*arguments, *told])})"
