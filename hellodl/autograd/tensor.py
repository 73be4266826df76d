"""A tensor is a node of a graph: a leaf that holds numbers, or an op applied to other tensors.

Nothing is computed while a formula is typed: each operator only adds a node that remembers its op and
its inputs. Asking for `.value` sorts what the node depends on and computes it, once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, Union

import numpy as np

from hellodl.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    Array: TypeAlias = NDArray[Any]
    Shape: TypeAlias = tuple[int, ...]
    Axis: TypeAlias = int | tuple[int, ...] | None
    Operand: TypeAlias = Union["Tensor", ArrayLike]  # noqa: UP007 - `|` cannot quote
    Gradients: TypeAlias = tuple["Tensor | None", ...]


NARROW = 16  # columns; scores of ten digits are fewer
CACHE_LINE = 64  # bytes


class Op:
    """One kind of arithmetic.

    Each op says three things:
    `shape(*shapes)`: the shape of the result, from those of the inputs; ShapeError if they do not fit.
    `forward(out, *inputs)`: compute the result from the inputs' arrays, into the array `out`.
    `backward(g, y, *inputs)`: what each input receives when `g`, the gradient of the result `y`, is pushed
    down: a graph each, None for zero. It may have the shape that an input was broadcast to.

    Subclassing with a name, `class Exp(Op, name="exp")`, enters the op into `Op.registry`.
    """

    registry: ClassVar[dict[str, Callable[..., Tensor]]] = {}
    name: ClassVar[str]
    symbol: ClassVar[str] = ""  # what a drawing shows; the name unless given
    in_place: ClassVar[bool] = False  # `forward` may write over an input of the same shape

    def __init_subclass__(cls, name: str = "", symbol: str = "") -> None:
        """Enter the op into the registry under its name."""
        if name:
            cls.name, cls.symbol = name, symbol or name
            Op.registry[name] = lambda *inputs, **parameters: node(cls(**parameters), inputs)

    shape: Callable[..., Shape]
    forward: Callable[..., None]
    backward: Callable[..., Gradients]

    def result(self, shape: Shape, dtype: np.dtype[Any], *inputs: Array) -> Array:
        """The result in an array of its own."""
        out = laid_out(memory(math.prod(shape), dtype), shape)
        self.forward(out, *inputs)
        return out


def memory(size: int, dtype: np.dtype[Any]) -> Array:
    """A flat array that begins with a cache line: products that read it are up to a third faster."""
    raw = np.empty(size * dtype.itemsize + CACHE_LINE, np.uint8)
    start = -raw.__array_interface__["data"][0] % CACHE_LINE
    return raw[start : start + size * dtype.itemsize].view(dtype)


def laid_out(flat: Array, shape: Shape) -> Array:
    """A flat array in a shape; a tall, narrow matrix column by column, as NumPy folds long columns faster."""
    narrow = len(shape) == 2 and shape[1] <= NARROW < shape[0]
    return flat.reshape(shape, order="F" if narrow else "C")


def unary(name: str, doc: str) -> Callable[[Operand], Tensor]:
    """A method, and a function, of one tensor."""

    def method(x: Operand) -> Tensor:
        return apply(name, x)

    method.__name__, method.__doc__ = name, doc
    return method


def binary(name: str) -> tuple[Callable[[Operand, Operand], Tensor], Callable[[Operand, Operand], Tensor]]:
    """An operator's two methods: for the tensor on its left and on its right."""
    return lambda a, b: apply(name, a, b), lambda b, a: apply(name, a, b)


class Tensor:
    """A leaf: an array of numbers that formulas start from.

    Args:
        value: any number, list or NumPy array; it is copied.
        dtype: float32 unless told float64.
    """

    __slots__ = ("__weakref__", "_checked", "_value", "_version", "dtype", "grad", "inputs", "op", "shape")
    __array_ufunc__ = None  # so that `array + tensor` asks the tensor

    clock: ClassVar[int] = 0  # ticks when a leaf changes, so that stale values can be told from fresh ones
    op: Op | None
    inputs: tuple[Tensor, ...]
    shape: Shape
    dtype: np.dtype[Any]
    grad: Tensor | None
    _value: Array | None
    _version: int  # the clock when a leaf was last assigned; for a node, the newest of its leaves
    _checked: int  # the clock when the value was last known to be fresh

    def __init__(self, value: Operand, dtype: DTypeLike = np.float32) -> None:
        given = np.asarray(value.value if isinstance(value, Tensor) else value, dtype=dtype)
        if given.dtype not in (np.float32, np.float64):
            msg = f"a tensor holds float32 or float64, not {given.dtype}"
            raise TypeError(msg)
        order: Literal["F", "C"] = "F" if given.flags.f_contiguous else "C"
        array = memory(given.size, given.dtype).reshape(given.shape, order=order)
        array[...] = given
        self._setup(None, (), array.shape, array.dtype, array)

    def _setup(
        self,
        op: Op | None,
        inputs: tuple[Tensor, ...],
        shape: Shape,
        dtype: np.dtype[Any],
        value: Array | None,
    ) -> None:
        self.op, self.inputs, self.shape, self.dtype, self._value = op, inputs, shape, dtype, value
        self._version = self._checked = 0
        self.grad = None

    # The value ---------------------------------------------------------------------------------------

    @property
    def value(self) -> Array:
        """The numbers: computed on first use and kept, read-only, until a leaf below is assigned.

        A leaf's is the leaf's own array, and a view of a leaf (`leaf.T`, a slice) looks into that.
        """
        return evaluate(self)[0]

    @value.setter
    def value(self, new: ArrayLike) -> None:
        """Write new numbers into a leaf; everything that depends on it becomes stale."""
        if self.op is not None or self._value is None:
            msg = "only a leaf can be assigned; this tensor is computed"
            raise TypeError(msg)
        array = np.asarray(new)
        if array.shape != self.shape:
            msg = f"cannot assign shape {array.shape} to a tensor of shape {self.shape}: its graph is fixed"
            raise ShapeError(msg)
        self._value[...] = array
        self.touch()

    def touch(self) -> None:
        """Say that a leaf's array was changed in place, so that what depends on it is computed afresh."""
        Tensor.clock += 1
        self._version = Tensor.clock

    def is_fresh(self) -> bool:
        """Whether the value is there and no leaf has changed since it was last looked at."""
        return self.op is None or (self._value is not None and self._checked == Tensor.clock)

    def refresh(self) -> None:
        """Compute the value, if missing or older than the inputs' values, which must be fresh."""
        if self.op is None:
            return
        version = max(x._version for x in self.inputs)
        if self._value is None or version > self._version:
            arrays = [x._value for x in self.inputs]
            self._value = self.op.result(self.shape, self.dtype, *arrays)  # type: ignore[arg-type]
            self._value.flags.writeable = False  # it is what the graph says, not what a reader makes of it
            self._version = version
        self._checked = Tensor.clock

    def rebind(self, array: Array) -> None:
        """Let a leaf live in another array of the same shape, keeping its numbers."""
        array[...] = self.value
        self._value = array

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=int))

    def item(self) -> float:
        """The only element, as a plain number; raises ValueError if there are several."""
        return float(self.value.item())

    __float__ = item

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:  # noqa: FBT001 - NumPy's
        return np.array(self.value, dtype=dtype, copy=copy)

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        if self._value is None:
            return f"Tensor({self.op and self.op.name}, shape={self.shape}, not computed yet)"
        kind = "" if self.dtype == np.float32 else f", dtype={self.dtype}"
        return f"Tensor({np.array2string(self.value, separator=', ')}{kind})"

    def __eq__(self, other: object) -> Any:  # like NumPy: a bool or an array of them
        """Compare values elementwise, like NumPy."""
        if isinstance(other, Tensor):
            return self.value == other.value
        is_numeric = isinstance(other, int | float | np.ndarray | np.generic)
        return self.value == other if is_numeric else NotImplemented

    def __ne__(self, other: object) -> Any:
        """The opposite, elementwise."""
        return np.logical_not(self == other)

    __hash__ = object.__hash__  # nodes are told apart by identity

    # Derivatives -------------------------------------------------------------------------------------

    def backward(self) -> None:
        """Set `.grad` on every leaf this scalar depends on; called again, it gives the same again."""
        from hellodl.autograd.gradient import backward  # noqa: PLC0415 - gradient.py builds on this file

        backward(self)

    # Operators and functions: each only adds a node -----------------------------------------------------

    __add__, __radd__ = binary("add")
    __sub__, __rsub__ = binary("subtract")
    __mul__, __rmul__ = binary("multiply")
    __truediv__, __rtruediv__ = binary("divide")
    __matmul__, __rmatmul__ = binary("matmul")
    _raise_to, __rpow__ = binary("exponentiate")
    __neg__ = unary("negative", "Minus each element.")
    exp = unary("exp", "e to the power of each element.")
    log = unary("log", "The natural logarithm of each element.")
    sin = unary("sin", "The sine of each element (radians).")
    cos = unary("cos", "The cosine of each element (radians).")
    tanh = unary("tanh", "The hyperbolic tangent of each element.")
    sigmoid = unary("sigmoid", "1 / (1 + exp(-x)) of each element.")
    relu = unary("relu", "Each element, negative ones replaced by 0.")
    gelu = unary("gelu", "x times the share of a normal distribution below x (Hendrycks 2016).")
    abs = __abs__ = unary("abs", "The absolute value of each element; its derivative at 0 is taken as 0.")
    sqrt = unary("sqrt", "The square root of each element.")

    def sum(self: Operand, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """The sum over the given axes, or of everything."""
        return apply("sum", self, axis=axis, keepdims=keepdims)

    def mean(self: Operand, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """The mean over the given axes, or of everything."""
        return apply("mean", self, axis=axis, keepdims=keepdims)

    def max(self: Operand, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """The largest over the given axes, or of everything; equal largest ones share the gradient."""
        return apply("max", self, axis=axis, keepdims=keepdims)

    def __pow__(self, exponent: Operand) -> Tensor:
        constant = isinstance(exponent, int | float)
        return apply("power", self, exponent=exponent) if constant else self._raise_to(exponent)

    def __getitem__(self, key: Any) -> Tensor:  # whatever NumPy takes
        return apply("index", self, key=key)

    def softmax(self: Operand, axis: int = -1) -> Tensor:
        """Probabilities along an axis: exp(x) / sum(exp(x)), safe for large x."""
        return apply("softmax", self, axis=axis)

    def log_softmax(self: Operand, axis: int = -1) -> Tensor:
        """The logarithm of the softmax along an axis, safe for large x."""
        return apply("log_softmax", self, axis=axis)

    def reshape(self: Operand, *shape: Any) -> Tensor:  # (2, 3) or 2, 3
        """The same elements in another shape; one -1 is worked out."""
        return apply("reshape", self, to=unpacked(shape))

    def flatten(self: Operand) -> Tensor:
        """The same elements on one axis."""
        return apply("reshape", self, to=(-1,))

    def transpose(self: Operand, *axes: Any) -> Tensor:  # (1, 0) or 1, 0
        """The axes in another order; reversed unless given."""
        return apply("transpose", self, axes=unpacked(axes) or None)

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The axes in reverse order: a matrix transposed."""
        return apply("transpose", self)


# Building -------------------------------------------------------------------------------------------


def apply(name: str, *operands: Operand, **parameters: Any) -> Tensor:  # each op's own
    """A new node: the named op applied to tensors, numbers or arrays. Nothing is computed."""
    return Op.registry[name](*as_tensors(operands), **parameters)


def as_tensors(operands: Iterable[Operand]) -> list[Tensor]:
    """Tensors as they are; numbers and arrays as leaves in the tensors' dtype, float32 if there is none."""
    operands = list(operands)
    dtypes = [t.dtype for t in operands if isinstance(t, Tensor)] or [np.dtype(np.float32)]
    return [t if isinstance(t, Tensor) else Tensor(t, np.result_type(*dtypes)) for t in operands]


def unpacked(arguments: tuple[Any, ...]) -> Any:
    """The arguments of `f(2, 3)`, or of `f((2, 3))`, which means the same."""
    return arguments[0] if len(arguments) == 1 and isinstance(arguments[0], tuple | list) else arguments


def node(op: Op, inputs: tuple[Tensor, ...]) -> Tensor:
    """A tensor that will be computed by `op` from `inputs`, its shape and dtype known at once."""
    shape = op.shape(*(x.shape for x in inputs))
    dtype = inputs[0].dtype if len(inputs) == 1 else np.result_type(*(x.dtype for x in inputs))
    tensor = Tensor.__new__(Tensor)
    tensor._setup(op, inputs, shape, dtype, None)
    return tensor


# Sorting and computing --------------------------------------------------------------------------------


def topological_order(*outputs: Tensor) -> list[Tensor]:
    """Everything the outputs depend on, each node once, leaves first, a node after all of its inputs.

    The chapter's recursive walk with the stack made visible, so that no chain is too deep.
    """
    order: list[Tensor] = []
    visited: set[Tensor] = set()
    stack = [(output, False) for output in reversed(outputs)]
    while stack:
        tensor, inputs_are_done = stack.pop()
        if inputs_are_done:
            order.append(tensor)
        elif tensor not in visited:
            visited.add(tensor)
            stack.append((tensor, True))
            stack.extend((x, False) for x in reversed(tensor.inputs) if x not in visited)
    return order


def evaluate(*outputs: Tensor) -> list[Array]:
    """The outputs' arrays, after computing whatever below them is missing or stale."""
    with np.errstate(all="ignore"):  # NaN and infinity are values, as everywhere in the field
        for tensor in topological_order(*(t for t in outputs if not t.is_fresh())):
            tensor.refresh()
    return [t._value for t in outputs]  # type: ignore[misc]
