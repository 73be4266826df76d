"""The chain rule: which gradients arrive, where, and in what shape."""

from __future__ import annotations

import numpy as np
import pytest

from hellodl.autograd import Tensor, concat, grad
from hellodl.autograd.tensor import topological_order
from hellodl.errors import ShapeError


def test_grad_of_one_is_a_tensor_and_of_several_a_tuple():
    x, z = Tensor(2.0), Tensor(5.0)
    y = x * z
    assert isinstance(grad(y, x), Tensor)
    assert [float(g) for g in grad(y, x, z)] == [5, 2]


def test_gradients_are_lazy_graphs():
    x = Tensor(2.0)
    slope = grad(x**3, x)
    assert "not computed yet" in repr(slope)
    x.value = 3.0
    assert slope.item() == 27


def test_reused_nodes_add_up():
    x = Tensor(3.0)
    square = x * x
    assert grad(square + square * x + x, x).item() == 2 * 3 + 3 * 9 + 1


def test_sixty_nested_doublings_visit_each_node_once():
    x = Tensor(1.0, np.float64)
    d = x
    for _ in range(60):
        d = d + d
    assert len(topological_order(d)) == 61
    assert d.item() == 2.0**60
    d.backward()
    assert x.grad.item() == 2.0**60
    assert len(topological_order(grad(d, x))) < 200


def test_a_gradient_with_respect_to_a_node_inside_the_graph():
    x = Tensor([1.0, 2.0])
    middle = x * 3
    assert grad((middle * middle).sum(), middle).value.tolist() == [6, 12]


def test_what_y_does_not_depend_on_has_gradient_zero():
    x, other = Tensor([1.0, 2.0]), Tensor(np.ones((2, 3)), np.float64)
    g = grad(x.sum(), other)
    assert (g.shape, g.dtype) == ((2, 3), np.float64)
    assert not g.value.any()
    assert not grad(grad(x.sum(), x).sum(), x).value.any()


def test_the_gradient_of_y_with_respect_to_itself_is_one():
    x = Tensor([[4.0]])
    assert grad(x, x).value.tolist() == [[1]]


@pytest.mark.parametrize("y", [Tensor([1.0, 2.0]) * 2, Tensor(np.zeros((2, 0))).exp()])
def test_only_one_number_can_be_differentiated(y):
    with pytest.raises(ShapeError, match=r"shape \(2,.*sum\(\)"):
        y.backward()
    with pytest.raises(ShapeError, match=r"one number"):
        grad(y, y.inputs[0])


def test_a_single_element_of_any_shape_counts_as_one_number():
    x = Tensor([[3.0]])
    (x * x).backward()
    assert x.grad.value.tolist() == [[6]]


@pytest.mark.parametrize(
    "wrong", [(), (abs,), (Tensor(1.0),), (2.0, Tensor(1.0)), (Tensor(1.0), [Tensor(1.0)])]
)
def test_anything_but_tensors_is_refused_by_grad(wrong):
    with pytest.raises(TypeError, match=r"grad\(y, x\)|required positional"):
        grad(*wrong)


def test_backward_sets_grad_on_all_leaves_and_on_no_other_node():
    x, z, unused = Tensor([1.0, 2.0]), Tensor(3.0), Tensor(1.0)
    middle = x * z
    y = middle.sum()
    y.backward()
    assert x.grad.value.tolist() == [3, 3]
    assert z.grad.item() == 3
    assert middle.grad is y.grad is unused.grad is None


def test_grad_is_a_snapshot():
    """`.grad` keeps the numbers of its backward(), whatever happens to the leaves later."""
    x = Tensor(2.0)
    y = x**2
    y.backward()
    before = x.grad
    x.value = 5.0
    assert before.item() == x.grad.item() == 4
    y.backward()
    assert (before.item(), x.grad.item()) == (4, 10)


def test_grad_is_a_snapshot_even_where_the_gradient_is_a_view_of_a_leaf():
    w = Tensor([[1.0, 2.0]])
    x = Tensor([[3.0], [4.0]])
    y = (w.T * x).sum()
    y.backward()
    w.value = [[5.0, 6.0]]
    assert x.grad.value.tolist() == [[1], [2]]


def test_hill_descent_by_augmented_assignment():
    x = Tensor(10.0)
    y = (x - 3) ** 2
    for _ in range(50):
        y.backward()
        x.value -= 0.1 * x.grad.value
    assert x.item() == pytest.approx(3, abs=1e-3)


def test_gradients_have_the_shape_of_what_was_broadcast():
    shapes = [(), (1,), (3,), (2, 1), (1, 3), (2, 3), (1, 1, 1)]
    for shape in shapes:
        a, b = Tensor(np.ones(shape)), Tensor(np.ones((4, 2, 3)))
        for y in (a * b, b / a, a - b):
            assert grad(y.sum(), a).shape == shape
            assert grad(y.sum(), b).shape == (4, 2, 3)


def test_gradients_in_mixed_precision_are_left_in_the_leafs_own():
    x, w = Tensor([1.0, 2.0]), Tensor([3.0, 4.0], np.float64)
    (x * w).sum().backward()
    assert (x.grad.dtype, w.grad.dtype) == (np.float32, np.float64)


def test_derivatives_of_a_gradients_norm():
    """A penalty on the gradient, as real losses use it: d/dw of |d(w·x²)/dx|² is 8wx²."""
    x, w = Tensor([1.0, 2.0]), Tensor(3.0)
    slope = grad((w * x * x).sum(), x)
    assert grad((slope**2).sum(), w).item() == 8 * 3 * (1 + 4)


def test_one_leaf_in_several_places_of_a_concatenation():
    x = Tensor([1.0, 2.0])
    y = concat([x, 2 * x, x])
    assert grad((y * np.arange(6)).sum(), x).value.tolist() == [0 + 2 * 2 + 4, 1 + 2 * 3 + 5]
