"""Products in pieces: right for every shape, and never a piece beyond what BLAS multiplies in place."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest

from hellodl.autograd import Program, Tensor
from hellodl.autograd import memory as products
from hellodl.autograd.memory import CACHE_LINE, OF_AVX512

SHAPES = [(64, 784, 128), (784, 64, 128), (61, 784, 128), (785, 127, 129), (9, 784, 128), (1, 784, 128)]
SHAPES += [(300, 2, 1), (3, 5, 4), (500, 784, 256), (16, 784, 10), (0, 784, 128), (8, 0, 3)]


@pytest.fixture(params=[True, False], ids=["in pieces", "whole"])
def pieces(request, monkeypatch):
    """The sizes of the products that NumPy is asked for, on a processor that likes small ones or does not."""
    monkeypatch.setattr(products, "kernel_in_use", lambda: "SkylakeX" if request.param else "Haswell")
    asked = []

    def matmul(a, b, out):
        asked.append(a.shape[-2] * b.size)
        return np.matmul(a, b, out=out)

    monkeypatch.setattr(products, "write_workspace", lambda thread: None)
    monkeypatch.setattr(products, "np", type("Numpy", (), {"matmul": staticmethod(matmul)}))
    return asked


@cache
def factors(shape):
    """Two matrices and their product, in float64."""
    n, k, m = shape
    rng = np.random.default_rng(n)
    a, b = rng.standard_normal((n, k)), rng.standard_normal((k, m))
    return a, b, a @ b


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("orders", ["CCC", "FCC", "CFC", "CCF", "FFF"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_product_is_right_whatever_its_shape_and_memory_order(pieces, shape, orders, dtype):
    a, b, expected = factors(shape)
    out = np.full(expected.shape, np.nan, dtype, order=orders[2])
    products.product(np.asarray(a, dtype, order=orders[0]), np.asarray(b, dtype, order=orders[1]), out)
    assert np.abs(out - expected).max(initial=0) < 100 * np.finfo(dtype).eps * max(1, shape[1]) ** 0.5


def test_a_product_of_many_matrices_at_once_is_right(pieces):
    """More of them than a piece has rows: they are no rows."""
    a, b = factors((20, 784, 128))[:2]
    many, out = np.stack([a] * 3, axis=1), np.full((20, 3, 128), np.nan)
    products.product(many, b, out)
    assert np.abs(out - many @ b).max() < 1e-10


@pytest.mark.parametrize(
    ("shape", "split"), [((64, 784, 128), True), ((784, 64, 128), True), ((9, 10, 9), False)]
)
def test_the_pieces_are_small(pieces, shape, split):
    """The network's products are cut, where that pays, into pieces of at most a million multiplications."""
    n, k, m = shape
    products.product(np.ones((n, k)), np.ones((k, m)), np.empty((n, m)))
    whole = n * k * m
    is_cut = split and products.kernel_in_use() in OF_AVX512
    assert max(pieces) <= (products.SMALL if is_cut else whole)
    assert (max(pieces) < whole) == is_cut


def test_matrices_of_a_batch_are_multiplied_each(pieces):
    a, b = np.random.default_rng(0).standard_normal((2, 3, 200, 200))
    out = np.empty((3, 200, 200))
    products.product(a, b, out)
    np.testing.assert_allclose(out, np.einsum("nij,njk->nik", a, b), rtol=1e-9, atol=1e-9)


def test_what_is_multiplied_begins_with_a_cache_line():
    """Leaves, values and a program's buffers: where they do not, products take up to half as long again."""
    x = Tensor(np.arange(30.0).reshape(5, 6)[1:])
    y = (x @ x.T).exp()
    arrays = [x.value, Tensor(x.value.T).value, y.value, Program(y.sum(0) * 2 + y).calls[0].out]
    assert all(array.ctypes.data % CACHE_LINE == 0 for array in arrays)


def test_memory_is_written_to_once_a_thread_and_again_after_a_fork(monkeypatch):
    """For all but small products. OpenBLAS gives it back before a fork, in the process that forks, too."""

    def multiply():
        products.product(np.ones((2000, 30)), np.ones((30, 40)), np.empty((2000, 40)))
        return products.write_workspace.cache_info().misses

    monkeypatch.setattr(products, "kernel_in_use", lambda: "Haswell")  # with AVX-512 nothing is copied
    products.write_workspace.cache_clear()  # which may know a thread of that number
    first = multiply()
    assert multiply() == first
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(multiply).result() == first + 1
    child = os.fork() if hasattr(os, "fork") else pytest.skip("no process is forked here")
    if not child:
        os._exit(products.write_workspace.cache_info().currsize)
    assert os.waitpid(child, 0)[1] == products.write_workspace.cache_info().currsize == 0
