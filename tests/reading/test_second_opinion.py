"""A model that has seen public sets' hands alone is checked against the one that ships; others are not."""

from dataclasses import replace

import numpy as np
import pytest

from hellodl import checkpoint, datasets, read
from hellodl.about import DataIdentity
from hellodl.reading.doubt import second_opinion


def shifted(data="mnist", classes=None, **settings):
    """The model that ships, made to call each digit by the next one's name, as if it came from other data."""
    shipped = checkpoint.load(checkpoint.SHIPPED)
    about = replace(
        shipped.about,
        dataset=DataIdentity(data, "", classes or shipped.about.dataset.classes),
        settings={**shipped.about.settings, "dataset": data, "drawn": 0, **settings},
    )
    weights = {n: np.roll(w, 1, axis=0) if n.startswith("lc3") else w for n, w in shipped.weights.items()}
    return replace(shipped, weights=weights, about=about).model()


@pytest.fixture(scope="module")
def digit():
    """A 7 that every model reads."""
    return datasets.load("mnist", "test").images[0]


def test_what_the_other_model_reads_otherwise_is_unsure(digit):
    """It is still told as our own model reads it, with our own confidence."""
    reading = read(digit, shifted())
    assert (reading.text, reading.verdict) == ("8", "unsure")
    assert reading.digits[0].confidence > 0.9
    assert "the digit is a 7 to the model that ships" in reading.warnings


@pytest.mark.parametrize(
    "model", [shifted(also="my-hand"), shifted("my-hand")], ids=["joined by your own", "your own alone"]
)
def test_your_own_hand_is_known_to_your_own_model_alone(digit, model):
    reading = read(digit, model)
    assert (reading.text, reading.verdict) == ("8", "digits")


def test_who_else_is_not_asked():
    """The model that ships about itself, or others that have seen drawn digits; and about clothes."""
    assert second_opinion(checkpoint.load_model("shipped")) is None
    assert second_opinion(shifted(drawn=1000)) is None
    assert second_opinion(shifted("fashion-mnist", classes=tuple("abcdefghij"))) is None
    assert second_opinion(object()) is None
