"""The tester tested: wrong derivatives must fail the gradient checker, right ones must pass."""

from __future__ import annotations

import numpy as np
import pytest

from hellodl.autograd import Op, Tensor, concat
from hellodl.autograd.check import check_gradients
from hellodl.autograd.ops import Elementwise

X = np.array([[0.7, -1.2, 2.5], [1.1, 0.4, -0.3]])


def square_with(derivative):
    """A square op whose derivative is the given formula of g and x."""

    class Square(Elementwise, name=""):
        def forward(self, out, x):
            np.multiply(x, x, out=out)

        def backward(self, g, y, x):
            return (derivative(g, x),)

    Square.name = Square.symbol = "square"  # not entered into the registry
    return Square()


def test_a_right_derivative_passes():
    check_gradients(square_with(lambda g, x: g * 2 * x), X, order=4)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda g, x: g * 2.001 * x,
        lambda g, x: g * 1.99999 * x,
        lambda g, x: -g * 2 * x,
        lambda g, x: g * x,
        lambda g, x: 2 * x,  # forgets the chain rule
        lambda g, x: g * 2 * x * 123,
        lambda g, x: g * 2 * (x + Tensor([0, 0, 1e-4], np.float64)),  # wrong in one column
        lambda g, x: g * 2 * x.relu(),  # wrong where x is negative
        lambda g, x: None,
        lambda g, x: g * 2 * x / 0,
    ],
)
def test_a_wrong_derivative_fails(wrong):
    with pytest.raises(AssertionError, match="derivative of order 1 for input 0"):
        check_gradients(square_with(wrong), X)


def test_a_first_derivative_that_cannot_be_differentiated_rightly_fails_at_order_two():
    """The values of 2x are right, but its graph says that it is constant."""
    wrong = square_with(lambda g, x: g * Tensor(2 * x.value, np.float64))
    check_gradients(wrong, X, order=1)
    with pytest.raises(AssertionError, match="derivative of order 2 for input 0"):
        check_gradients(wrong, X)


def test_derivatives_are_checked_to_the_second_order_unless_told():
    """relu(x)**4 has no fourth derivative at 0, and differences of its second one see that."""
    function = square_with(lambda g, x: g * 2 * x)
    check_gradients(function, X)
    kinked = lambda x: x.relu() ** 4  # noqa: E731
    check_gradients(kinked, [0.0])
    with pytest.raises(AssertionError, match="derivative of order 3"):
        check_gradients(kinked, [0.0], order=3)


def test_the_error_guesses_what_is_wrong():
    with pytest.raises(AssertionError, match=r"all are 0\.5 times what they should be"):
        check_gradients(square_with(lambda g, x: g * x), X)
    with pytest.raises(AssertionError, match=r"all are -1 times"):
        check_gradients(square_with(lambda g, x: -g * 2 * x), X)
    with pytest.raises(AssertionError, match=r"order 2.* written in tensors"):
        check_gradients(square_with(lambda g, x: Tensor(g.value * 2 * x.value, np.float64)), X)


def test_gradients_exchanged_between_two_inputs_fail():
    class Product(Elementwise, name=""):
        def forward(self, out, a, b):
            np.multiply(a, b, out=out)

        def backward(self, g, y, a, b):
            return g * a, g * b

    with pytest.raises(AssertionError, match="order 1 for input 0"):
        check_gradients(Product(), X, X + 1)


def test_a_sum_that_forgets_an_axis_fails():
    class SumOfRows(Op, name=""):
        def shape(self, x):
            return x[1:]

        def forward(self, out, x):
            np.sum(x, 0, out=out)

        def backward(self, g, y, x):
            return (g * x / x.value.max(),)

    with pytest.raises(AssertionError, match="order 1"):
        check_gradients(SumOfRows(), X)


def test_the_error_names_order_input_element_and_both_numbers():
    def wrong_in_one_place(a, b):
        off = np.zeros(X.shape)
        off[1, 2] = 1e-3
        return a + square_with(lambda g, x: g * 2 * (x + off))(b)

    with pytest.raises(AssertionError) as error:
        check_gradients(wrong_in_one_place, X, X)
    message = str(error.value)
    assert "order 1 for input 1, element (1, 2): got -0." in message
    assert "central differences give -0." in message


def test_inputs_of_any_shape_and_results_of_any_shape():
    check_gradients(lambda a, b: concat([a * b, b.reshape(1)]), [2.0], 3.0)
    check_gradients(lambda a: a[:, None] @ a[None], [1.0, 2.0])
    check_gradients(lambda a: a * 0, np.zeros((0, 3)))


def test_the_inputs_are_left_as_they_were():
    x = X.copy()
    check_gradients(lambda a: a.exp(), x)
    assert np.array_equal(x, X)
