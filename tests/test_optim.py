import math

import numpy as np
import pytest
import torch

from hellodl.autograd import Tensor
from hellodl.optim import SCHEDULES, SGD, Adam

RULES = {
    "hill descent": (lambda p: SGD(p, 0.02), lambda p: torch.optim.SGD(p, 0.02)),
    "momentum": (lambda p: SGD(p, 0.01, 0.9), lambda p: torch.optim.SGD(p, 0.01, 0.9)),
    "nesterov": (
        lambda p: SGD(p, 0.01, 0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.01, 0.9, nesterov=True),
    ),
    "weight decay": (
        lambda p: SGD(p, 0.01, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, 0.01, weight_decay=0.1),
    ),
    "momentum and decay": (
        lambda p: SGD(p, 0.01, 0.8, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, 0.01, 0.8, weight_decay=0.1),
    ),
    "nesterov and decay": (
        lambda p: SGD(p, 0.01, 0.8, nesterov=True, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, 0.01, 0.8, nesterov=True, weight_decay=0.1),
    ),
    "adam": (lambda p: Adam(p, 0.03), lambda p: torch.optim.Adam(p, 0.03)),
    "adam, other betas": (
        lambda p: Adam(p, 0.003, (0.5, 0.9), 1e-3),
        lambda p: torch.optim.Adam(p, 0.003, (0.5, 0.9), 1e-3),
    ),
    "adamw": (
        lambda p: Adam(p, 0.03, weight_decay=0.2),
        lambda p: torch.optim.AdamW(p, 0.03, weight_decay=0.2),
    ),
}


def bowl(x, y, power):
    """Something with a minimum, written for both libraries."""
    return (power(x - 1, 2)).sum() + (power(x, 4)).sum() * 0.1 + (power(y @ x + 2, 2)).sum()


@pytest.mark.parametrize("rule", RULES)
def test_rules_walk_the_path_of_pytorchs(rule):
    """200 steps in float64, with a learning rate that changes: the same weights at every step."""
    rng = np.random.default_rng(3)
    start = [rng.normal(size=(3, 2)), rng.normal(size=(2, 3)) / 2]
    ours = [Tensor(a, np.float64) for a in start]
    theirs = [torch.tensor(a, requires_grad=True) for a in start]
    make, make_torch = RULES[rule]
    optimizer, torch_optimizer = make(ours), make_torch(theirs)
    first_lr = optimizer.lr
    loss = bowl(*ours, power=lambda a, b: a**b)
    for step in range(200):
        optimizer.lr = torch_optimizer.param_groups[0]["lr"] = first_lr * (1 - step / 300)
        loss.backward()
        optimizer.step()
        torch_optimizer.zero_grad()
        bowl(*theirs, power=torch.pow).backward()
        torch_optimizer.step()
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.value, b.detach().numpy(), rtol=1e-7, atol=1e-9)


def test_parameters_live_in_one_vector_in_their_own_memory_order():
    """A weight stored column by column stays so: matrix products depend on it for speed."""
    weight, bias = Tensor(np.arange(6.0).reshape(2, 3).T), Tensor([7.0, 8.0])
    optimizer = SGD([weight, bias])
    assert optimizer.weights.tolist() == [0, 1, 2, 3, 4, 5, 7, 8]
    assert weight.value.flags.f_contiguous
    optimizer.weights += 1
    assert weight.value.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert np.shares_memory(optimizer.views(optimizer.gradient)[0], optimizer.gradient)


def test_a_parameter_without_gradient_stays():
    used, unused = Tensor(1.0), Tensor(5.0)
    optimizer = SGD([used, unused], 0.5)
    (used * 3).backward()
    optimizer.step()
    assert (float(used), float(unused)) == (-0.5, 5.0)


@pytest.mark.parametrize("make", [lambda p: SGD(p, 0.1, 0.9, nesterov=True), lambda p: Adam(p, 0.1)])
def test_its_state_is_all_that_a_rule_remembers(make):
    """Weights and state put into a fresh optimizer go on exactly as the first one does."""

    def step(optimizer):
        optimizer.gradient[...] = np.sin(optimizer.weights * 3)
        optimizer.update()

    first, second = make([Tensor(np.linspace(0, 1, 5))]), make([Tensor(np.zeros(5))])
    for _ in range(7):
        step(first)
    second.weights[...] = first.weights
    for name, array in second.state().items():
        array[...] = first.state()[name]
    step(first)
    step(second)
    assert first.weights.tobytes() == second.weights.tobytes()


@pytest.mark.parametrize(
    "make",
    [
        lambda p: SGD(p, 0.1, 0.9, nesterov=True, weight_decay=0.01),
        lambda p: SGD(p, 0.1),
        lambda p: Adam(p, 0.1, weight_decay=0.01),
    ],
)
def test_updating_part_by_part_is_updating_the_whole(make):
    """As two processes do, each with a part of its own: the same bits, long enough to flush velocities."""
    start = np.linspace(-1, 1, 40)
    whole, left, right = (make([Tensor(start)]) for _ in range(3))
    for step in range(130):
        gradient = np.sin(start * (step + 1)) * (step < 5)
        for optimizer, part in ((whole, slice(None)), (left, slice(16)), (right, slice(16, None))):
            optimizer.gradient[...] = gradient
            optimizer.update(part)
    assert whole.weights[:16].tobytes() == left.weights[:16].tobytes()
    assert whole.weights[16:].tobytes() == right.weights[16:].tobytes()


@pytest.mark.parametrize("make", [lambda p: SGD(p, 0.1, 0.9), lambda p: Adam(p, 0.1)])
def test_what_a_rule_remembers_of_weights_without_gradient_ends_at_zero(make):
    """It would linger among the smallest numbers there are, with which arithmetic is ten times slower."""
    optimizer = make([Tensor(np.ones(3))])
    for step in range(3000):
        optimizer.gradient[...] = [1, 0, 1e-12] if step < 10 else 0
        optimizer.update()
    for name, array in optimizer.state().items():
        assert name in ("count", "square") or not array.any()


def test_schedules_begin_at_the_full_rate_and_end_where_they_should():
    ends = {name: (schedule(0.0), schedule(1.0)) for name, schedule in SCHEDULES.items()}
    falling = {"linear": (1, 0), "cosine": (1, pytest.approx(0, abs=1e-16)), "trapezoid": (1, 0)}
    assert ends == {"constant": (1, 1), **falling}
    assert [SCHEDULES["trapezoid"](share) for share in (0.25, 0.5, 0.75)] == [1, 1, 0.5]
    assert SCHEDULES["cosine"](0.5) == pytest.approx(0.5)


@pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step")
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_schedules_agree_with_pytorchs(name):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = {
        "linear": lambda: torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 1e-9, total_iters=40),
        "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40),
    }[name]()
    for step in range(40):
        assert math.isclose(SCHEDULES[name](step / 40), theirs.get_last_lr()[0], abs_tol=1e-7)
        theirs.step()
