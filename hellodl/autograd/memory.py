"""Matrix products, in pieces small enough for BLAS to multiply them where they lie.

OpenBLAS first copies the factors of a product into an order that suits it. For large matrices that is
nothing; for those of a small network it takes a quarter of the time. On processors with AVX-512 it does
without for products of up to a million multiplications, so larger ones are done some rows at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hellodl.system.kernels import OF_AVX512, kernel_in_use

if TYPE_CHECKING:
    from hellodl.autograd.tensor import Array

SMALL = 1_000_000  # multiplications; from OpenBLAS's sgemm_small_kernel_permit_skylakex.c
FEWEST, STEP = 8, 4  # rows at a time: with fewer, or between the steps, it is no faster


def product(a: Array, b: Array, out: Array) -> None:
    """Write `a @ b` into `out`; leading axes broadcast."""
    rows = SMALL // max(1, b.size) // STEP * STEP
    plain = a.ndim == b.ndim == 2 and out.flags.c_contiguous
    if not (plain and FEWEST <= rows < len(a) and small_ones_are_quick()):
        np.matmul(a, b, out=out)
        return
    end = len(a) // rows * rows
    np.matmul(a[:end].reshape(-1, rows, a.shape[1]), b, out=out[:end].reshape(-1, rows, b.shape[1]))
    np.matmul(a[end:], b, out=out[end:])


def small_ones_are_quick() -> bool:
    """Whether NumPy's BLAS is known to multiply small matrices without copying them."""
    return kernel_in_use() in OF_AVX512
