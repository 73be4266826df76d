"""A tensor among Python's and NumPy's things: as a number, a list, a text, an array. Skip it at first."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.autograd.memory import Shape

# fmt: off
# hellodl's functions by NumPy's names, where those differ; and what other libraries call otherwise
OURS = {"concatenate": "concat", "amax": "max", "amin": "min", "absolute": "abs", "dot": "einsum"}
ELSEWHERE = {"data": "value", "numpy": "value", "view": "reshape", "permute": "transpose", "pow": "**",
             "mm": "@", "dot": "@", "square": "x * x", "unsqueeze": "x[None]", "squeeze": "reshape",
             "clamp": "clip", "sub": "-", "mul": "*", "div": "/", "neg": "-x", "expand": "broadcast",
             "astype": "cast", "double": "cast", "clone": "Tensor(x.value)", "masked_fill": "where",
             "argmin": "(-x).argmax()", "swapaxes": "transpose", "dim": "ndim",
             "norm": "(x * x).sum().sqrt()", "requires_grad": "so for every leaf"}
LOOKS = {np.shape, np.ndim, np.size, np.array_equal, np.allclose, np.isclose, np.array2string, np.array_repr,
         np.argmax, np.argmin, np.argsort, np.save, np.savez}
# fmt: on


class Plain:
    """What a tensor answers when its numbers are asked for: they are computed then."""

    __slots__ = ()

    value: Any  # an array
    shape: Shape
    __getitem__: Callable[..., Any]

    def item(self) -> float:
        """The only element, as a plain number; raises ValueError if there are several."""
        return float(self.value.item())

    __float__ = item

    def tolist(self) -> Any:
        """All numbers, as nested lists."""
        return self.value.tolist()

    def argmax(self, axis: int | None = None) -> Any:
        """The place of the largest number, along an axis or of all."""
        return self.value.argmax(axis)

    def all(self) -> bool:
        """Whether none is 0."""
        return bool(self.value.all())

    def any(self) -> bool:
        """Whether one is not 0."""
        return bool(self.value.any())

    if not TYPE_CHECKING:  # type checkers know what is not there, and `array * x` is no array to them without

        def __array__(self, dtype=None, copy=None):
            """Let NumPy look at the numbers; what it computed from them would have no graph, see below."""
            return np.array(self.value, dtype=dtype, copy=copy)

        def __getattr__(self, name: str) -> Any:
            """AttributeError that says how hellodl calls what has this name in other libraries."""
            if hasattr(type(self), name):  # what a property called lacks something else
                return object.__getattribute__(self, name)
            hint = f"; here it is {ELSEWHERE[name]}" if name in ELSEWHERE else ""
            raise AttributeError(f"a tensor has no {name!r}{hint}", name=name, obj=self)

    def __bool__(self) -> bool:
        return bool(self.value)  # NumPy refuses several elements

    def __len__(self) -> int:
        return len(np.broadcast_to(0, self.shape))  # NumPy's error for a single number

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """`array + tensor` arrives here; a function of NumPy's called by its name is refused."""
        if "out" in options:
            raise TypeError("an array holds numbers and no graph: write x.value -= 0.1 * x.grad.value, say")
        ours = getattr(type(self), ufunc.__name__, None)  # an op, as they are called by NumPy's names
        if ours is None or method != "__call__" or inputs[0] is self or options:
            raise self._refusal(ufunc.__name__)
        return ours(*inputs)

    def __array_function__(self, function: Callable[..., Any], _types: Any, given: Any, named: Any) -> Any:
        """Answer a question about numbers; refuse everything else."""
        if function not in LOOKS:
            raise self._refusal(function.__name__)
        return function(*[np.asarray(x) if isinstance(x, Plain) else x for x in given], **named)

    def _refusal(self, name: str) -> TypeError:
        """The error that says what to call instead."""
        ours = OURS.get(name, name)
        instead = f"hellodl.{ours} keeps it; " if ours in dir(import_module("hellodl")) else ""
        return TypeError(f"np.{name} loses the graph; {instead}np.asarray(tensor) gives the numbers alone")
