"""Two ops along many axes at once: gather, of which convolutions and pooling are made, and einsum.

They are written as any user's own op would be, outside the core.
"""

from dataclasses import dataclass
from functools import partial
from string import ascii_letters

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hellodl.autograd.memory import Array, Shape
from hellodl.autograd.ops import misfit
from hellodl.autograd.tensor import Gradients, Op, Operand, Tensor, apply, as_tensors
from hellodl.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Gather(Op, name="gather"):
    table: NDArray[np.intp]

    def shape(self, x: Shape) -> Shape:
        rows = x[0] if x else 0
        if self.table.size and not -1 <= self.table.min() <= self.table.max() < rows:
            msg = f"gather: the table names rows that a tensor of shape {x} lacks, expected -1 to {rows - 1}"
            raise IndexError(msg)
        return (*self.table.shape, *x[1:])

    def forward(self, out: Array, x: Array) -> None:
        np.take(x, self.table, 0, out=out, mode="clip")  # quick, as it checks nothing
        out[self.table < 0] = 0

    def backward(self, g: Tensor, y: Tensor, x: Tensor) -> Gradients:
        flat = g.reshape(self.table.size, *x.shape[1:])
        return (lambda *_: gather(flat, readers(self.table.ravel(), x.shape[0])).sum(0),)


def gather(x: "Operand", table: ArrayLike) -> Tensor:
    """Rows of x, along its first axis, named by a table of any shape, where -1 stands for zeros.

    Convolution and pooling are this, by a table of windows, and then a matrix product or a maximum.
    Raises IndexError if the table names rows that x lacks, TypeError if it does not hold whole numbers.
    """
    places = np.array(table)
    if places.size and places.dtype.kind not in "iu":
        raise TypeError(f"gather: the table holds {places.dtype}, expected whole numbers, which name rows")
    return Gather(places.astype(np.intp))(x)


def readers(table: NDArray[np.intp], rows: int) -> NDArray[np.intp]:
    """For each row, a column of the places of the table that name it, filled up with -1."""
    order = np.argsort(table, kind="stable")
    order = order[table[order] >= 0]
    row = table[order]
    counts = np.bincount(row, minlength=rows)
    nth = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
    places = np.full((counts.max(initial=0), rows), -1)
    places[nth, row] = order
    return places


@dataclass(frozen=True)
class Einsum(Op, name="einsum"):
    """Sums of products along axes with names; none comes twice in a term, or in the result."""

    terms: tuple[str, ...]
    to: str

    def shape(self, *shapes: Shape) -> Shape:
        sizes: dict[str, int] = {}
        for letter, n in zip("".join(self.terms), [n for shape in shapes for n in shape], strict=True):
            if sizes.setdefault(letter, n) != n:
                raise misfit(f"einsum, axis {letter}", *shapes)
        return tuple([sizes[letter] for letter in self.to])

    def forward(self, out: Array, *inputs: Array) -> None:
        np.einsum(f"{','.join(self.terms)}->{self.to}", *inputs, out=out, optimize=True)

    def backward(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Gradients:
        return tuple([partial(self._handed_to, i) for i in range(len(inputs))])

    def _handed_to(self, i: int, g: Tensor, y: Tensor, *inputs: Tensor) -> Tensor:
        """Another einsum, of `g` and the other inputs; an axis that only input i has spreads what it gets."""
        others = (self.to, *self.terms[:i], *self.terms[i + 1 :])
        shared = "".join(letter for letter in self.terms[i] if letter in "".join(others))
        part = Einsum(others, shared)(g, *inputs[:i], *inputs[i + 1 :])
        to = inputs[i].shape
        thin = [n if letter in shared else 1 for letter, n in zip(self.terms[i], to, strict=True)]
        return apply("broadcast", part.reshape(thin), to=to)


def einsum(subscripts: str, *operands: "Operand") -> Tensor:
    """Einstein's sum, `einsum("ij,jk->ik", a, b)`: NumPy's notation, a letter for each axis, without `...`.

    Raises ShapeError if the letters do not fit the shapes.
    """
    inputs = list(as_tensors(operands))
    left, arrow, to = subscripts.replace(" ", "").partition("->")
    terms, letters = left.split(","), set(left) - {","}
    if not arrow:  # NumPy's rule: the letters that come once, as in the alphabet
        to = "".join(sorted(letter for letter in letters if left.count(letter) == 1))
    fits = [len(term) for term in terms] == [x.ndim for x in inputs]
    if not fits or not "".join([*terms, to, "a"]).isalpha() or len(set(to)) < len(to) or set(to) - letters:
        msg = f"einsum: {subscripts!r} does not fit shapes {' and '.join(str(x.shape) for x in inputs)}"
        raise ShapeError(msg)
    spare = iter(sorted(set(ascii_letters) - letters))
    for i, x in enumerate(inputs):  # "ii" is "ij" times the identity matrix, another input
        for n, letter in enumerate(terms[i]):
            if letter in terms[i][:n]:
                terms.append(letter + next(spare))
                terms[i] = terms[i][:n] + terms[-1][1] + terms[i][n + 1 :]
                inputs.append(Tensor(np.eye(x.shape[n]), x.dtype))
    return Einsum(tuple(terms), to)(*inputs)
