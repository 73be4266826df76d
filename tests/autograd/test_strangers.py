"""What people try who come from NumPy, PyTorch or micrograd: it works, or says what to do instead."""

from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch

import hellodl
from hellodl import nn, optim
from hellodl.autograd import Elementwise, Program, Tensor, concat, grad, stack
from hellodl.autograd.tensor import apply
from hellodl.errors import ShapeError


def mlp():
    rng = np.random.default_rng(0)
    return nn.Sequential(nn.Linear(3, 4, rng), Tensor.tanh, nn.Linear(4, 3, rng))


def loss_of(network):
    return (network(Tensor([[1.0, -2.0, 0.5]])) ** 2).sum()


# Optimizers


def test_a_layer_used_twice_learns_as_in_pytorch():
    layer = nn.Linear(3, 3, np.random.default_rng(1))
    network = nn.Sequential(layer, Tensor.tanh, layer)
    theirs = torch.nn.Linear(3, 3)
    with torch.no_grad():
        theirs.weight.copy_(torch.from_numpy(layer.weight.value.copy()))
        theirs.bias.zero_()
    ours, other = optim.SGD(network.parameters(), 0.1), torch.optim.SGD(theirs.parameters(), 0.1)
    for _ in range(3):
        loss_of(network).backward()
        ours.step()
        other.zero_grad()
        (theirs(torch.tanh(theirs(torch.tensor([[1.0, -2.0, 0.5]])))) ** 2).sum().backward()
        other.step()
    np.testing.assert_allclose(layer.weight.value, theirs.weight.detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_a_copied_network_and_its_optimizer_learn_on_and_leave_the_first_alone(copied):
    network = mlp()
    optimizer = optim.SGD(network.parameters(), 0.1, 0.9)
    loss_of(network).backward()
    optimizer.step()
    before = float(loss_of(network))
    other, others = copied((network, optimizer))
    for net, rule in ((other, others), (network, optimizer)):
        assert float(loss_of(net)) == before
        loss_of(net).backward()
        rule.step()
    assert float(loss_of(other)) == float(loss_of(network)) != before


def test_two_optimizers_may_take_turns():
    w = Tensor([1.0, 2.0])
    first, second = optim.SGD([w], 0.1), optim.SGD([w], 0.25)
    for rule in (first, second, first):
        (w * w).sum().backward()
        rule.step()
    np.testing.assert_allclose(w.value, np.array([1.0, 2.0]) * 0.8 * 0.5 * 0.8, rtol=1e-6)


def test_a_program_made_before_its_optimizer_says_so():
    w = Tensor([1.0, 2.0])
    loss = (w * w).sum()
    program = Program(loss, grad(loss, w))
    optim.SGD([w], 0.1)
    with pytest.raises(RuntimeError, match="make the program after the optimizer"):
        program.run()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ([np.ones(2)], "leaves"),
        (mlp(), "network.parameters"),
        ({"params": []}, "leaves"),
        ([Tensor(1.0), Tensor(1.0, np.float64)], "float32 and some of float64"),
    ],
)
def test_an_optimizer_of_anything_but_leaves_says_what_it_takes(parameters, said):
    with pytest.raises(TypeError, match=said):
        optim.SGD(parameters)


def test_cross_entropy_of_scores_is_pytorchs():
    scores, labels = np.random.default_rng(2).normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(labels))
    for given in (Tensor(scores), Tensor(scores).log_softmax(), Tensor(scores).softmax().log()):
        assert float(nn.cross_entropy(given, Tensor(np.eye(3)[labels]))) == pytest.approx(expected.item())
    with pytest.raises(ShapeError, match=r"np\.eye\(3\)"):
        nn.cross_entropy(Tensor(scores), Tensor(labels))


# Numbers


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_copy_is_a_leaf_of_its_own_in_the_same_precision(copied, dtype):
    x = Tensor([1.0, 2.0], dtype)
    y = x * 2
    for one in (copied(x), copied(y)):
        assert one.op is None
        assert (one + Tensor([1.0], np.float64)).dtype == np.float64
        assert (one + x).dtype == dtype
        one.value = [9, 9]
    assert x.tolist() == [1, 2]
    assert y.tolist() == [2, 4]


@pytest.mark.parametrize("nested", [[Tensor(1.0)], [[Tensor(1.0)], [Tensor(2.0)]], ([2.0, Tensor(1.0)],)])
def test_tensors_in_lists_are_refused_however_deep(nested):
    with pytest.raises(TypeError, match="stack or concat"):
        Tensor(nested)


def test_limits_that_cross_give_the_upper_one_as_in_numpy():
    assert Tensor([0.5, 1.5, 2.5]).clip(2, 1).tolist() == np.clip([0.5, 1.5, 2.5], 2, 1).tolist()


def test_joining_takes_what_a_loop_gives():
    x = Tensor([1.0, 2.0])
    assert stack(x * i for i in range(3)).tolist() == [[0, 0], [1, 2], [2, 4]]
    assert concat(x * i for i in range(2)).tolist() == [0, 0, 1, 2]


def test_precision_by_name_and_places_of_the_largest():
    assert Tensor([1.0]).cast("float64").dtype is np.dtype(np.float64)
    assert np.argmax(Tensor([1.0, 3.0])) == 1
    with pytest.raises(TypeError, match="float32 or float64"):
        Tensor([1.0]).cast(np.int64)


def test_a_table_of_fractions_names_no_rows():
    with pytest.raises(TypeError, match="whole numbers"):
        hellodl.gather([1.0, 2.0], [0.9])


# Messages


def test_a_slip_within_an_op_is_reported_as_what_it_is():
    class Slips(Elementwise):
        def forward(self, out, x):
            np.exq(x, out=out)

    with pytest.raises(AttributeError, match=r"numpy.* has no attribute 'exq'"):
        _ = Slips()(Tensor(1.0)).value
    with pytest.raises(AttributeError, match="here it is clip"):
        _ = Tensor(1.0).clamp


def test_an_op_that_takes_out_for_its_input_harms_no_leaf():
    class Swapped(Elementwise):
        def forward(self, x, out):
            np.exp(x, out=out)

    x = Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        _ = Swapped()(x).value
    assert x.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x: x.exp(2), "exp takes 1 "),
        (lambda x: x.where(x > 0), "where takes 3 "),
        (lambda x: x.sum(dim=0), r"sum\(\) got"),
        (lambda x: x.softmax(dim=0), r"softmax\(\) got"),
        (lambda x: x.flatten(1), r"flatten\(\) takes"),
        (lambda x: x.transpose(0, 1), r"\(0, 1\) is no order of the axes \(0, 1, 2\)"),
    ],
)
def test_wrong_arguments_are_told_where_they_are_written(wrong, said):
    with pytest.raises((TypeError, ShapeError), match=said):
        wrong(Tensor(np.ones((2, 3, 4))))


def test_help_shows_what_a_method_takes():
    assert list(inspect.signature(Tensor.sum).parameters) == ["x", "axis", "keepdims"]
    assert "element by element" in str(Tensor.add.__doc__)
    assert str(inspect.signature(Tensor.exp)) == "(x) -> 'Tensor'"
    assert inspect.getsource(Tensor.maximum.__wrapped__).startswith('row("maximum"')
    assert len(str(inspect.signature(hellodl.where))) < 90  # types by name


def test_numbers_of_a_matrix_stand_below_each_other():
    first, second = repr(Tensor([[0.0, 1.0], [2.0, 3.0]])).splitlines()
    assert first.index("0") == second.index("2")
    assert apply("add", 1, Tensor(1.0)).item() == 2
