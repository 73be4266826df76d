"""Explanations: integrated gradients against PyTorch and against their own axiom; neighbours by hand."""

import numpy as np
import paper
import pytest
import torch

from hellodl.errors import ShapeError
from hellodl.explaining import Gallery, evidence, explain
from hellodl.nn import DigitNet


@pytest.fixture
def model():
    return DigitNet(rng=np.random.default_rng(4))


@pytest.fixture
def image():
    return paper.digits()[0][7]


def torch_score(model, pixels, digit):
    """A digit's output less the mean of all ten, as PyTorch computes it from our weights."""
    for layer in model.layers:
        if layer is not model.layers[0]:
            pixels = torch.relu(pixels)
        weight, bias = (torch.from_numpy(p.value.copy()).double() for p in (layer.weight, layer.bias))
        pixels = pixels @ weight.T + bias
    return pixels[:, digit] - pixels.mean(dim=1)


def scaled(image):
    return torch.from_numpy((image.reshape(1, 784) / 255 - 0.1307) / 0.3081).double()


def test_evidence_is_what_pytorch_integrates(model, image):
    """The midpoint rule along the straight way from the empty picture, with PyTorch's gradients."""
    empty, full = scaled(np.zeros_like(image)), scaled(image)
    share = torch.zeros_like(full)
    for step in range(40):
        pixels = (empty + (step + 0.5) / 40 * (full - empty)).requires_grad_()
        torch_score(model, pixels, 3).sum().backward()
        share += pixels.grad / 40 * (full - empty)
    expected = share.reshape(28, 28).numpy()
    np.testing.assert_allclose(evidence(model, image, 3, steps=40), expected, atol=1e-4 * abs(expected).max())


@pytest.mark.parametrize("digit", [0, 7, 9])
def test_evidence_adds_up_to_the_growth_of_the_score(model, image, digit):
    """Completeness, the axiom of the method: within 1 % of all that the pixels said."""
    why = explain(model, image, digit)
    missing = why.evidence.sum() - (why.score - why.empty_score)
    assert abs(missing) < 0.01 * abs(why.evidence).sum()
    assert why.score == pytest.approx(torch_score(model, scaled(image), digit).item(), abs=1e-4)


def test_pixels_without_ink_say_nothing(model, image):
    assert not evidence(model, image, 1)[image == 0].any()


def test_an_empty_picture_has_no_evidence(model):
    why = explain(model, np.zeros((28, 28), np.uint8), 2)
    assert not why.evidence.any()
    assert why.score == why.empty_score


def test_neighbours_are_the_nearest_in_the_hidden_layer(model, image):
    images, labels = paper.digits()
    found = Gallery(model, images, labels).nearest(image, 4)
    distances = np.sqrt(((model.hidden(images) - model.hidden(image[None])) ** 2).sum(axis=1))
    assert [n.index for n in found] == list(np.argsort(distances)[:4])
    assert (found[0].index, found[0].distance, found[0].label) == (7, pytest.approx(0, abs=1e-4), labels[7])
    np.testing.assert_array_equal(found[1].image, images[found[1].index])


def test_fewer_neighbours_where_there_are_fewer(model, image):
    images, labels = paper.digits()
    assert len(Gallery(model, images[:2], labels[:2]).nearest(image)) == 2


def test_only_pictures_as_the_network_takes_them_are_explained(model, image):
    for wrong in (image / 255, image[1:]):
        with pytest.raises(ShapeError, match="expected uint8"):
            explain(model, wrong, 7)
    with pytest.raises(ValueError, match="0 to 9"):
        explain(model, image, -1)
