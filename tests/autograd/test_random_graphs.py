"""Random graphs against PyTorch: values, first and second derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from oracle import FLOAT32, FLOAT64, disagreement
from random_graphs import recipes

bounded = settings(derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.slow
@given(recipe=recipes())
@settings(bounded, max_examples=300)
def test_values_and_both_derivatives_agree_with_pytorch_in_float64(recipe):
    assert disagreement(recipe.total, recipe.total, recipe.inputs(), np.float64) <= FLOAT64


@pytest.mark.slow
@given(recipe=recipes(longest=6))
@settings(bounded, max_examples=60)
def test_third_derivatives_agree_with_pytorch(recipe):
    assert disagreement(recipe.total, recipe.total, recipe.inputs(), np.float64, order=3) <= FLOAT64


@given(recipe=recipes())
@settings(bounded, max_examples=100)
def test_values_and_gradients_agree_with_pytorch_in_float32(recipe):
    assert disagreement(recipe.total, recipe.total, recipe.inputs(), np.float32, order=1) <= FLOAT32
