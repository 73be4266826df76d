"""Programs: replay gives the same bits as a fresh graph, in little memory, and spoils nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import recipes

from hellodl.autograd import Program, Tensor, grad

bounded = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def fresh(build, arrays, dtype=np.float32):
    """The outputs of a graph built anew from these arrays."""
    return [t.value.copy() for t in build(*(Tensor(x, dtype) for x in arrays))]


def assert_same_bits(got, expected):
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


@given(recipe=recipes(), data=st.data())
@settings(bounded, max_examples=250)
def test_replay_equals_a_fresh_graph_bit_for_bit(recipe, data):
    """Over random graphs, random choices of outputs among nodes and gradients, and changing leaves."""
    graph = recipe.follow(*(Tensor(x) for x in recipe.inputs()))
    chosen = data.draw(st.lists(st.integers(0, len(graph) - 1), max_size=4))
    into_own = data.draw(st.booleans())

    def build(*leaves):
        nodes = recipe.follow(*leaves)
        return [*(nodes[i] for i in chosen), *grad_of_total(nodes, leaves)]

    leaves = [Tensor(x) for x in recipe.inputs()]
    outputs = build(*leaves)
    targets = [np.full(t.shape, 7, np.float32) if into_own else None for t in outputs]
    program = Program(*outputs, into=targets)
    for change in range(3):
        arrays = [np.float32(x) for x in recipe.inputs(change)]
        for leaf, array in zip(leaves, arrays, strict=True):
            leaf.value[...] = array
        results = program.run()
        results = results if isinstance(results, tuple) else (results,)
        assert_same_bits(results, fresh(build, arrays))
        assert_same_bits([leaf.value for leaf in leaves], arrays)


def grad_of_total(nodes, leaves):
    total = Tensor(0.0)
    for x in nodes:
        total = total + x.tanh().sum()
    return [total, *(grad(total, leaf) for leaf in leaves)]
