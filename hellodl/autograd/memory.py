"""Where numbers lie: on cache lines, narrow matrices column by column, products in pieces that suit BLAS.

None of this changes what is computed; it is why training is quick. Read it last, or never.
"""

from __future__ import annotations

import math
import os
from functools import cache
from threading import get_ident
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hellodl.system.kernels import OF_AVX512, kernel_in_use

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]

NARROW = 16  # columns; scores of ten digits are fewer
CACHE_LINE = 64  # bytes
SMALL = 1_000_000  # multiplications; from OpenBLAS's sgemm_small_kernel_permit_skylakex.c
FEWEST, STEP = 8, 4  # rows at a time: with fewer, or between the steps, it is no faster
EDGE, GRID = 6, 128  # erf is 1 from 6 on; points of its table from 0 to 1
TERMS = {4: 3, 8: 7}  # of erf's series, so that 1/256 to their power is lost in a float of so many bytes


def empty(shape: Shape, dtype: np.dtype[Any], order: Literal["F", "C"] | None = None) -> Array:
    """An array that begins with a cache line: products that read it are up to a third faster.

    A tall, narrow matrix lies column by column unless `order` is given, as NumPy folds long columns faster.
    """
    narrow = len(shape) == 2 and shape[1] <= NARROW < shape[0]
    order, needed = order or ("F" if narrow else "C"), math.prod(shape) * dtype.itemsize
    if needed < CACHE_LINE:
        return np.empty(shape, dtype, order)
    raw = np.empty(needed + CACHE_LINE, np.uint8)
    start = -raw.__array_interface__["data"][0] % CACHE_LINE
    return raw[start : start + needed].view(dtype).reshape(shape, order=order)


def numbers(value: Any, dtype: DTypeLike) -> Array:
    """A copy, in the same memory order; TypeError for anything but numbers, and for types but the two floats.

    Tensors in a list are refused: their graphs would be lost.
    """
    array = np.asarray(float(value) if isinstance(value, int) else value)  # NumPy has no int of 100 bits
    if array.dtype.kind not in "fiub" or (isinstance(value, list | tuple) and _holds_tensor(value)):
        raise TypeError(f"a tensor is made of numbers, not of {value!r:.80}; stack or concat join tensors")
    copy = empty(array.shape, float_type(dtype), "F" if array.flags.f_contiguous else "C")
    copy[...] = array
    return copy


def _holds_tensor(value: Any) -> bool:
    """Whether there is one in nested lists."""
    return any(map(_holds_tensor, value)) if isinstance(value, list | tuple) else hasattr(value, "backward")


def float_type(dtype: DTypeLike) -> np.dtype[Any]:
    """NumPy's own float32 or float64, of which a pickled one is a copy; TypeError for other types."""
    found = np.dtype(dtype)
    if found not in (np.float32, np.float64):
        raise TypeError(f"a tensor holds float32 or float64, not {found}")
    return np.dtype(found.char)


def product(a: Array, b: Array, out: Array) -> None:
    """Write the matrix product `a @ b` into `out`; leading axes broadcast.

    OpenBLAS first copies the factors of a product into an order that suits it. For large matrices that is
    nothing; for those of a small network it takes a quarter of the time. On processors with AVX-512 it does
    without for products of up to a million multiplications, so larger ones are done some rows at a time.
    """
    rows = SMALL // max(1, b.size) // STEP * STEP
    plain = a.ndim == b.ndim == 2 and out.flags.c_contiguous
    if not (plain and FEWEST <= rows < len(a) and kernel_in_use() in OF_AVX512):
        if rows < len(a):
            write_workspace(get_ident())
        np.matmul(a, b, out=out)
        return
    end = len(a) // rows * rows
    np.matmul(a[:end].reshape(-1, rows, a.shape[1]), b, out=out[:end].reshape(-1, rows, b.shape[1]))
    np.matmul(a[end:], b, out=out[end:])


@cache
def write_workspace(_thread: int) -> None:
    """Have OpenBLAS write to the memory that it copies factors into, all of it: once a thread.

    Its kernels prefetch what comes next there, and the factors of a small network end before that. A page
    that was never written to is looked up in vain each time: the product of 64 images and 784 by 128 weights
    took 2.3 times as long (Zen 1, kernel Haswell).
    """
    np.matmul(np.ones((64, 256), np.float32), np.ones((256, 1024), np.float32))


if hasattr(os, "register_at_fork"):  # before a fork OpenBLAS gives that memory back
    _forget = write_workspace.cache_clear
    os.register_at_fork(after_in_parent=_forget, after_in_child=_forget)


# Arithmetic that takes NumPy more than one call -----------------------------------------------------------


def erf(x: Array, out: Array) -> None:
    """2/√π times the integral of exp(-t²) from 0 to x: Taylor's series at the nearest point of a table."""
    table = erf_table(x.dtype)
    rest = np.minimum(np.abs(x), EDGE)
    nearest = np.rint(rest * GRID)
    rest -= nearest / GRID
    places = np.nan_to_num(nearest).astype(np.intp)
    total = table[0].take(places, mode="clip")
    for coefficients in table[1:]:
        total *= rest
        total += coefficients.take(places, mode="clip")
    np.copysign(total, x, out=out)


@cache
def erf_table(dtype: np.dtype[Any]) -> Array:
    """Taylor's coefficients of erf at each multiple of 1/GRID up to EDGE, the highest power first."""
    x = np.arange(EDGE * GRID + 1) / GRID
    rows = [np.array([math.erf(v) for v in x]), 2 / math.sqrt(math.pi) * np.exp(-x * x)]
    for n in range(2, TERMS[dtype.itemsize]):  # from erf'' = -2x·erf', differentiated again and again
        rows.append(-2 * ((n - 1) * x * rows[-1] + (n - 2) * rows[-2]) / (n * (n - 1)))
    return np.array(rows[::-1], dtype)
