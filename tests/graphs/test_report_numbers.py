"""The numbers behind a report, against plain definitions and data whose axes are known."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from hellodl.evaluation import calibration_error
from hellodl.graphs.charts import BADGE, apart, curves, principal_axes, reliability, scatter


def test_reliability_holds_the_calibration_error():
    """The differences of its bins, weighted by images, are the expected calibration error."""
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.full(10, 0.3), 2000).astype(np.float32)
    labels = np.where(random.random(2000) < 0.6, probabilities.argmax(axis=1), random.integers(0, 10, 2000))
    bins = reliability(probabilities, labels)
    assert sum(part.images for part in bins) == 2000
    error = sum(part.images * abs(part.confidence - part.accuracy) for part in bins) / 2000
    assert error == pytest.approx(calibration_error(probabilities, labels))
    assert [part.confidence for part in bins] == sorted(part.confidence for part in bins)
    assert all(low <= part.accuracy <= high for part in bins for low, high in [part.accuracy_interval])


def test_the_map_shows_the_two_directions_that_vary_most():
    """Data that varies by 3, 2 and 0.1 along known directions: shares 9 and 4 of 13, the distances kept."""
    random = np.random.default_rng(1)
    directions, _ = np.linalg.qr(random.standard_normal((5, 5)))
    spread = random.standard_normal((5000, 3)) * [3, 2, 0.1]
    hidden = (spread @ directions[:3] + 7).astype(np.float32)
    found = principal_axes(hidden, np.zeros(5000, int))
    assert found.shares == pytest.approx((9 / 13, 4 / 13), abs=0.02)
    centred = spread[: len(found.points)] - spread.mean(axis=0)
    assert np.linalg.norm(found.points, axis=1) * 3 == pytest.approx(
        np.linalg.norm(centred, axis=1), rel=0.05, abs=0.2
    )


def test_a_layer_of_one_unit_varies_in_one_direction():
    """`train --hidden 1`, and then a report."""
    found = principal_axes(np.arange(50, dtype=np.float32)[:, None], np.arange(50) % 10)
    assert found.shares == pytest.approx((1, 0))
    assert ET.fromstring(scatter(found)).tag.endswith("svg")


def test_a_layer_without_life_gives_a_map_without_nan():
    assert np.isfinite(principal_axes(np.zeros((50, 4), np.float32), np.zeros(50, int)).points).all()


def test_badges_do_not_overlap():
    """Not even those that start in one place; those that are free stay where they are."""
    places = apart(np.array([[50.0, 50.0], [50.0, 50.0], [52.0, 49.0], [200.0, 100.0]]))
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(4, 1)]
    assert distances.min() > 2 * BADGE - 1
    assert places[3].tolist() == [200, 100]


def drawn(epochs: int) -> list[ET.Element]:
    """The shapes of a chart of so many epochs."""
    points = [(i, 1 / i) for i in range(1, epochs + 1)]
    both = [("series", "training", points), ("other", "held out", points)]
    return list(ET.fromstring(curves("Loss", "loss", both, "{:g}".format)).iter())


@pytest.mark.parametrize("epochs", [1, 2, 12, 210])
def test_curves_are_named_outside_of_what_they_show(epochs):
    """Nothing lies on a curve; few epochs have a number and a dot each, many have round numbers."""
    shapes = drawn(epochs)
    words = {e.text: (float(e.get("x")), float(e.get("y"))) for e in shapes if e.get("x") and e.text}
    top = min(float(e.get("y")) for e in shapes if e.tag.endswith("rect"))
    assert words["training"][1] < top
    assert words["held out"][1] < top
    assert words["loss"][0] + 30 < words["training"][0] < words["held out"][0] - 60
    across = [int(e.text) for e in shapes if e.get("text-anchor") == "middle" and e.text.isdigit()]
    assert across == (list(range(epochs + 1)) if epochs <= 12 else [0, 50, 100, 150, 200])
    assert sum(e.tag.endswith("circle") for e in shapes) == (2 * epochs if epochs <= 12 else 0)
