"""A tensor is a node of a graph: a leaf that holds numbers, or an op applied to other tensors.

Nothing is computed while a formula is typed: each operator only adds a node that remembers its op and
its inputs. Asking for `.value` sorts what the node depends on and computes it, once.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from operator import attrgetter
from threading import RLock
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, Union

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from hellodl.autograd.memory import Array, Shape, empty, numbers
from hellodl.autograd.plain import Plain
from hellodl.errors import ShapeError

Axis: TypeAlias = int | Sequence[int] | None
Operand: TypeAlias = Union["Tensor", ArrayLike]  # others quote it: help() spells out what is not
Gradients: TypeAlias = tuple["Tensor | Callable[..., Tensor | None] | None", ...]


def method(name: str, doc: str | None = None) -> Callable[..., Tensor]:
    """A method that adds a node: the named op applied to the tensor, or to a number or array."""

    def add_node(x: Operand, *others: Any, **parameters: Any) -> Tensor:  # each op's own
        if not isinstance(x, Tensor):
            (x, *_) = as_tensors((x, *[other for other in others if isinstance(other, Tensor)]))
        return Op.registry[name](x, *others, **parameters)

    add_node.__name__, add_node.__qualname__, add_node.__doc__ = name, f"Tensor.{name}", doc
    return add_node


def operator(name: str) -> tuple[Callable[[Tensor, Operand], Tensor], Callable[[Tensor, Operand], Tensor]]:
    """An operator's two methods: for the tensor on its left and on its right."""
    from_left = method(name)
    return from_left, lambda b, a: from_left(a, b)


def comparison(name: str) -> Callable[..., Tensor]:
    """A method that compares: 1 where it is so, else 0, elementwise; and as Python does with no number."""
    compare = method(name)
    return lambda a, b: compare(a, b) if isinstance(b, NUMERIC) else NotImplemented


class Tensor(Plain):
    """A leaf: an array of numbers that formulas start from.

    Args:
        value: any number, list or NumPy array; it is copied. Of a tensor: its numbers, without its graph.
        dtype: float32 unless told float64.

    Copied or pickled, any tensor is a leaf with its numbers.
    """

    __slots__ = ("__weakref__", "_since", "_until", "_value", "age", "dtype", "grad", "inputs", "op", "shape")

    op: Op | None  # None in a leaf
    inputs: tuple[Tensor, ...]
    shape: Shape
    dtype: np.dtype[Any]
    grad: Tensor | None  # what the latest `backward()` left in a leaf; `grad(y, x)` asks any node
    age: int  # how many nodes there were before it
    clock: ClassVar[int] = 0  # ticks whenever a leaf changes
    _value: Array | None
    _since: int  # the tick at which a node was computed last, or a leaf assigned
    _until: int  # the latest tick at which that was found to be right still

    def __init__(self, value: Operand, dtype: DTypeLike = np.float32) -> None:
        array = numbers(value, dtype)
        self.op, self.inputs, self.shape, self.dtype = None, (), array.shape, array.dtype
        self._value, self._since, self._until, self.grad, self.age = array, 0, ALWAYS, None, next(AGES)

    # The value ---------------------------------------------------------------------------------------

    @property
    def value(self) -> Array:
        """The numbers: computed on first use and kept, read-only, until a leaf below is assigned.

        A leaf's is the leaf's own array, and a view of a leaf (`leaf.T`, a slice) looks into that: whoever
        writes into it (`leaf.value[0] = 1`) says so with `leaf.touch()`.
        """
        return evaluate(self)[0]

    @value.setter
    def value(self, new: ArrayLike) -> None:
        """Write new numbers into a leaf; everything that depends on it becomes stale."""
        if self.op is not None or self._value is None:
            raise TypeError("only a leaf can be assigned; this tensor is computed")
        array = np.asarray(new)
        if array.shape != self.shape:
            msg = f"cannot assign shape {array.shape} to a tensor of shape {self.shape}: its graph is fixed"
            raise ShapeError(msg)
        with COMPUTING:
            self._value[...] = array
            self.touch()

    def touch(self) -> None:
        """Say that a leaf's array was changed in place, so that what depends on it is computed afresh."""
        with COMPUTING:
            Tensor.clock += 1
            self._since = Tensor.clock

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.value, self.dtype.char)

    def rebind(self, array: Array) -> None:
        """Let a leaf live in another array of the same shape, keeping its numbers."""
        array[...] = self.value
        self._value = array
        self.touch()

    def lives_in(self, array: Array) -> bool:
        """Whether a leaf's numbers are in this very array."""
        return self._value is array

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def __repr__(self) -> str:
        if self._value is None:
            return f"Tensor({self.op and self.op.name}, shape={self.shape}, not computed yet)"
        kind = "" if self.dtype == np.float32 else f", dtype={self.dtype}"
        return f"Tensor({np.array2string(self.value, separator=', ', prefix='Tensor(')}{kind})"

    # Operators: each only adds a node ---------------------------------------------------------------------

    __add__, __radd__ = operator("add")
    __sub__, __rsub__ = operator("subtract")
    __mul__, __rmul__ = operator("multiply")
    __truediv__, __rtruediv__ = operator("divide")
    __matmul__, __rmatmul__ = operator("matmul")
    __pow__, __rpow__ = operator("power")
    __lt__, __le__ = method("less"), method("less_equal")  # 1 where it is so, else 0
    __gt__, __ge__ = method("greater"), method("greater_equal")
    __eq__: Callable[..., Tensor] = comparison("equal")  # type: ignore[assignment] # no bool
    __ne__: Callable[..., Tensor] = comparison("not_equal")  # type: ignore[assignment] # the same
    __neg__, __abs__ = method("negative"), method("abs")
    __getitem__: Callable[..., Tensor] = method("index")  # whose type is not that of Plain's
    __hash__ = object.__hash__  # nodes are told apart by identity

    if TYPE_CHECKING:  # ops.py and views.py make each of their ops a method of this name
        exp = log = sin = cos = tanh = sigmoid = relu = gelu = abs = sqrt = sign = erf = detach = method("")
        sum = mean = max = min = prod = var = std = softmax = log_softmax = maximum = minimum = method("")
        clip = where = masked = exponentiate = cast = scatter = method("")
        reshape = transpose = flatten = broadcast = method("")
    backward: ClassVar[Callable[..., None]]  # from gradient.py, which builds on this file

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The axes in reverse order: a matrix transposed."""
        return self.transpose()


class Constant(Tensor):
    """A number or array typed in a formula: a leaf without a name, whose gradient nobody asks for."""

    __slots__ = ()


class Op:
    """One kind of arithmetic.

    Each op says three things:
    `shape(*shapes)`: the shape of the result, from those of the inputs; ShapeError if they do not fit.
    `forward(out, *inputs)`: compute the result from the inputs' arrays, into the array `out`.
    `backward(g, y, *inputs)`: what each input receives when `g`, the gradient of the result `y`, is pushed
    down: a tuple with, for each, a graph (of its shape, or of y's), None for zero, or a function that builds
    the graph if it is wanted. `class Exp(Op, name="exp")` is found by its name in `Op.registry`.
    """

    registry: ClassVar[dict[str, Callable[..., Tensor]]] = {}
    name: str = "an op without a name"
    symbol: str = ""  # what a drawing shows; the name unless given
    dtype: np.dtype[Any] | None = None  # of the result; the inputs' unless given
    in_place: bool = False  # `forward` may write over an input of the same shape, as it reads it once
    fills: bool = False  # whether `forward` is known to fill `out`

    def __init_subclass__(cls, name: str = "", symbol: str = "") -> None:
        """Enter the op into the registry under its name."""
        cls.fills = cls.__module__.startswith("hellodl.")
        if name:
            cls.name, cls.symbol = name, symbol or name
            source = f"{cls.__module__}.{cls.__qualname__}"
            register(lambda *inputs, **parameters: cls(**parameters)(*inputs), name, source=source)

    shape: Callable[..., Shape]
    forward: Callable[..., None]
    backward: Callable[..., Gradients]

    def __call__(self, *inputs: Any) -> Tensor:
        """A new node, whose shape and dtype are known at once. Nothing is computed."""
        dtype = FLOAT32
        for x in inputs:
            if not isinstance(x, Tensor):
                return self(*as_tensors(inputs))
            if x.dtype is not FLOAT32:
                dtype = x.dtype
        node = Tensor.__new__(Tensor)
        node.op, node.inputs, node.dtype = self, inputs, self.dtype or dtype
        node.shape = self.shape(*map(SHAPE, inputs))
        node._value, node._since, node._until, node.grad, node.age = None, 0, -1, None, next(AGES)
        return node

    def result(self, shape: Shape, dtype: np.dtype[Any], *inputs: Array) -> Array:
        """The result in an array of its own."""
        out = empty(shape, dtype)
        self.step(out, *inputs)()
        return out

    def step(self, out: Array, *inputs: Array) -> Callable[[], object]:
        """What a program calls again and again to write the result into `out`."""
        return partial(self.forward if self.fills else self._try, out, *inputs)

    def _try(self, out: Array, *inputs: Array) -> None:
        """`forward` with a look at whether it fills `out`, and only that: TypeError, ValueError if not."""
        out.fill(UNTOUCHED)
        self.forward(out, *[np.broadcast_to(x, x.shape) for x in inputs])  # which cannot be written to
        if (out == UNTOUCHED).any():
            raise TypeError(f"{self.name}: forward left elements of `out` untouched; write the result there")
        type(self).fills = True


# Building -------------------------------------------------------------------------------------------

FLOAT32 = np.dtype(np.float32)
SHAPE, AGE, AGES = attrgetter("shape"), attrgetter("age"), count()
NUMERIC = int | float | np.ndarray | np.generic | Tensor
UNTOUCHED = -7.1717e-33  # a number that hardly anything comes to
SOURCES: dict[str, str] = {}  # where each registered op is defined


def register(make: Any, name: str = "", doc: str = "", source: str = "hellodl's own") -> Any:
    """Let what makes a node be found by its name, and be a method of tensors, unless they have that name.

    Raises TypeError if another op has the name. The same one may be defined anew.
    """
    name = name or make.__name__
    if isinstance(make, FunctionType):
        make.__name__ = make.__qualname__ = name  # for Python's own errors
    if SOURCES.setdefault(name, source) != source:
        raise TypeError(f"{name}: there is an op of this name, {SOURCES[name]}; choose another")
    Op.registry[name] = make
    if not hasattr(Tensor, name):
        setattr(Tensor, name, method(name, doc or make.__doc__))
        vars(Tensor)[name].__wrapped__ = make  # so that help() shows its parameters
    return make


def apply(name: str, *operands: Any, **parameters: Any) -> Tensor:
    """A new node: the named op applied to tensors, numbers or arrays. Nothing is computed."""
    return method(name)(*operands, **parameters)


def as_tensors(operands: Sequence[Operand]) -> tuple[Tensor, ...]:
    """Tensors as they are; numbers and arrays as constants in float64 if a tensor has it, else in float32."""
    doubles = [x.dtype for x in operands if isinstance(x, Tensor) and x.dtype is not FLOAT32]
    dtype = doubles[0] if doubles else FLOAT32
    return tuple([x if isinstance(x, Tensor) else Constant(x, dtype) for x in operands])


# Sorting and computing --------------------------------------------------------------------------------

ALWAYS = 1 << 62  # beyond any tick of the clock: what a leaf holds is right
COMPUTING = RLock()  # one thread computes values or assigns leaves at a time;
if hasattr(os, "register_at_fork"):  # none while a process forks, or in the other one it would never end
    give_back = COMPUTING.release
    os.register_at_fork(before=COMPUTING.acquire, after_in_parent=give_back, after_in_child=give_back)


def topological_order(*outputs: Tensor, known: int = ALWAYS + 1) -> list[Tensor]:
    """Everything the outputs depend on, each node once, a node after all of its inputs.

    A node is made of nodes that are there already, so the older come first: to sort by age does what the
    chapter's recursion does. What is `known` to be right until that tick is left out, with all below it.
    """
    found = {x for x in outputs if x._until < known}
    waiting = list(found)
    while waiting:
        for x in waiting.pop().inputs:
            if x not in found and x._until < known:
                found.add(x)
                waiting.append(x)
    return sorted(found, key=AGE)


def evaluate(*outputs: Tensor) -> list[Array]:
    """The outputs' arrays, after computing whatever below them is missing or stale.

    A node is stale if an input became what it is (`_since`) after the node was last found right (`_until`).
    """
    with COMPUTING, np.errstate(all="ignore"):  # NaN and infinity are values, as everywhere in the field
        now = Tensor.clock
        for node in topological_order(*outputs, known=now):
            inputs = node.inputs
            if node._value is None or max([x._since for x in inputs]) > node._until:
                arrays = [x._value for x in inputs]
                node._value = node.op.result(node.shape, node.dtype, *arrays)  # type: ignore[union-attr, arg-type] # leaves have values
                node._value.flags.writeable = False  # no reader changes what a graph says
                node._since = now
            node._until = now
        return [t._value for t in outputs]  # type: ignore[misc] # all are computed now
