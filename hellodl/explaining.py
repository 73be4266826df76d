"""Why the network reads what it reads: the pixels that spoke for a digit, and training digits like it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hellodl.autograd import Tensor, grad
from hellodl.nn import DigitNet, check_images
from hellodl.upright import Floats, Images

STEPS = 128  # pictures on the way from the empty one; the sum is then off by 0.2 %, at worst by 1.8 %


@dataclass(frozen=True)
class Neighbour:
    """A training image as the network saw it: place in its data set, label, distance in the hidden layer."""

    index: int
    label: int
    distance: float
    image: Images = field(repr=False, compare=False)


@dataclass(frozen=True)
class Explanation:
    """Why a picture was read as a digit.

    evidence: float32 (28, 28), what each pixel, as the network saw it, adds to the digit's score: above 0 it
    spoke for the digit, below 0 against. All of it adds up to score - empty_score. A digit's score is how far
    its output (before the softmax) lies above the mean of all ten. neighbours: the nearest training images,
    nearest first.
    """

    digit: int
    score: float
    empty_score: float
    evidence: Floats = field(repr=False, compare=False)
    neighbours: tuple[Neighbour, ...] = ()


def explain(
    model: DigitNet, image: Images, digit: int, neighbours: tuple[Neighbour, ...] = ()
) -> Explanation:
    """Explain the reading of an image, uint8 (28, 28) as in MNIST, as a digit from 0 to 9.

    Raises ShapeError for other images, ValueError for other digits.
    """
    if digit not in range(10):
        raise ValueError(f"digit {digit}: expected one from 0 to 9")
    empty_score, score = _score(model, Tensor(_ends(model, image)), digit).value
    return Explanation(digit, float(score), float(empty_score), evidence(model, image, digit), neighbours)


def evidence(model: DigitNet, image: Images, digit: int, steps: int = STEPS) -> Floats:
    """What each pixel of an image (28, 28) adds to a digit's score: integrated gradients, float32 (28, 28).

    The picture grows from an empty one, evenly: at `steps` places on the way the gradient of the score says
    what a little more of each pixel adds; their mean times the pixel is its share. Pixels without ink have
    none. The shares add up to the growth of the score (completeness), but for the error of the midpoint
    rule. Sundararajan, Taly & Yan 2017, https://arxiv.org/abs/1703.01365.
    """
    empty, full = _ends(model, image)
    way = (np.arange(steps, dtype=np.float32)[:, None] + np.float32(0.5)) / np.float32(steps)
    pixels = Tensor(empty + way * (full - empty))
    gradient = grad(_score(model, pixels, digit).sum(), pixels).value
    share: Floats = (gradient.mean(axis=0) * (full - empty)).reshape(28, 28)
    return share


class Gallery:
    """Training images with what the last hidden layer makes of them, to find neighbours among."""

    def __init__(self, model: DigitNet, images: Images, labels: NDArray[np.integer]) -> None:
        self._model, self._images, self._labels = model, model.turned(images), labels
        self._hidden = model.hidden(self._images, ready=True)

    def nearest(self, image: Images, count: int = 8) -> tuple[Neighbour, ...]:
        """The `count` images most like an image (28, 28), nearest first; fewer where there are fewer."""
        distances = np.linalg.norm(self._hidden - self._model.hidden(image[None]), axis=1)
        first = np.argsort(distances, kind="stable")[:count]
        return tuple(
            Neighbour(int(i), int(self._labels[i]), float(distances[i]), self._images[i]) for i in first
        )


def _score(model: DigitNet, pixels: Tensor, digit: int) -> Tensor:
    """How far each picture's output for a digit lies above the mean of all ten: (n, 784) → (n,)."""
    scores = model.scores(pixels)
    return scores[:, digit] - scores.mean(axis=1)


def _ends(model: DigitNet, image: Images) -> Floats:
    """An empty picture and this one, as the network takes them: (2, 784)."""
    check_images(image[None])
    out = np.empty((2, 784), np.float32)
    model.scale_pixels(model.turned(np.stack([np.zeros(784, np.uint8), image.ravel()])), out)
    return out
