"""Layers, and the chapter's network: 784 pixels → 128 → 64 → 10 scores, 109,184 weights and 202 biases."""

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hellodl.autograd import Tensor
from hellodl.autograd.tensor import Operand
from hellodl.errors import ModelError, ShapeError
from hellodl.predicting import Predictor
from hellodl.upright import upright

Function = Callable[[Tensor], Tensor]  # such as a layer, or of scaled pixels (n, 784)

UNDECIDED = 0.3  # of the usual size of the first weights that make scores: at first no digit is preferred
PIXEL_MEAN, PIXEL_DEVIATION = 0.1307, 0.3081  # of MNIST's training pixels, as shares of full ink


class Linear:
    """A layer of weighted sums: `x @ weight.T + bias`.

    `weight` has shape (n_out, n_in) and starts normally distributed with variance 2 / n_in, which keeps the
    size of the signal through ReLUs (He et al. 2015, https://arxiv.org/abs/1502.01852). `bias` has shape
    (n_out,) and starts at 0. With `small` the weights start at that share of their size.
    """

    def __init__(  # in quotes: NumPy's random numbers take 17 ms to load
        self, n_in: int, n_out: int, rng: "np.random.Generator | None" = None, small: float = 1.0
    ) -> None:
        rng = rng or np.random.default_rng()
        # Drawn as (n_in, n_out) and turned: in this memory order the matrix products are fastest.
        weight = rng.standard_normal((n_in, n_out), dtype=np.float32) * np.float32(small * np.sqrt(2 / n_in))
        self.weight = Tensor(weight.T)
        self.bias = Tensor(np.zeros(n_out))

    def __call__(self, x: Tensor) -> Tensor:
        """Batches are rows: (n, n_in) → (n, n_out)."""
        return x @ self.weight.T + self.bias

    def parameters(self) -> list[Tensor]:
        """The weight and the bias."""
        return [self.weight, self.bias]

    def __repr__(self) -> str:
        return "Linear({1}, {0})".format(*self.weight.shape)


class Sequential:
    """Layers one after the other: `Sequential(Linear(784, 32), Tensor.relu, Linear(32, 10))`."""

    def __init__(self, *layers: Function) -> None:
        self.layers = layers

    def __call__(self, x: Tensor) -> Tensor:
        """What the last layer makes of what the others made of x."""
        return reduce(lambda x, layer: layer(x), self.layers, x)

    def parameters(self) -> list[Tensor]:
        """Those of all layers that have some."""
        return [p for layer in self.layers if hasattr(layer, "parameters") for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"Sequential({', '.join(getattr(x, '__name__', repr(x)) for x in self.layers)})"


class DigitNet:
    """The chapter's network: linear layers lc1, lc2, lc3 with ReLU between and a log-softmax at the end.

    `hidden`: widths of the hidden layers. `rng`: where the first weights come from. `pixels`: the mean and
    the deviation of pixels, as shares of full ink, that become 0 and 1. `upright`: whether images are turned
    upright first, see hellodl.upright; it learned from such ones.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (128, 64),
        rng: "np.random.Generator | None" = None,
        pixels: tuple[float, float] = (PIXEL_MEAN, PIXEL_DEVIATION),
        *,
        upright: bool = False,
    ) -> None:
        self.pixels, self.upright = pixels, upright
        self.widths = (784, *hidden, 10)
        *inner, last = pairwise(self.widths)
        self.layers = [Linear(*widths, rng) for widths in inner] + [Linear(*last, rng, small=UNDECIDED)]
        self._predictor = Predictor(self.widths[0])

    def __getattr__(self, name: str) -> Linear:
        """Layers by name: lc1 is the first linear combination."""
        if (number := _number(name)) and number < len(self.widths):
            return self.layers[number - 1]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Linear) -> None:  # to type checkers: others are declared
        """A new lc1 takes the place of the old one; raises ShapeError if it is of another shape."""
        if number := _number(name):
            if (shape := value.weight.shape) != (expected := getattr(self, name).weight.shape):
                raise ShapeError(f"{name}: its weight has shape {shape}, expected {expected}")
            self.layers[number - 1] = value
        else:
            super().__setattr__(name, value)

    def named_parameters(self) -> dict[str, Tensor]:
        """All weights and biases by name: lc1.weight (128, 784) … lc3.bias (10,)."""
        return {
            f"lc{i}.{kind}": getattr(layer, kind)
            for i, layer in enumerate(self.layers, 1)
            for kind in ("weight", "bias")
        }

    def parameters(self) -> list[Tensor]:
        """All weights and biases, first layer first."""
        return list(self.named_parameters().values())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({' → '.join(map(str, self.widths))})"

    def hidden_layer(self, pixels: Tensor) -> Tensor:
        """What the last hidden layer makes of scaled pixels: (n, 784) → (n, 64)."""
        for layer in self.layers[:-1]:
            pixels = layer(pixels).relu()
        return pixels

    def scores(self, pixels: Tensor) -> Tensor:
        """Ten raw scores (logits) a picture from scaled pixels: (n, 784) → (n, 10)."""
        return self.layers[-1](self.hidden_layer(pixels))

    def __call__(self, pixels: Tensor) -> Tensor:
        """The logarithm of the probability of each digit from scaled pixels: (n, 784) → (n, 10)."""
        return self.scores(pixels).log_softmax()

    def scale_pixels(self, images: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Pixels 0…255 of images that are turned, if need be, scaled and written into `out`, float32."""
        mean, deviation = self.pixels
        np.copyto(out, images)
        np.multiply(out, np.float32(1 / (255 * deviation)), out=out)
        np.subtract(out, np.float32(mean / deviation), out=out)

    def turned(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Images as the network learned from them: upright, or as they are."""
        return upright(images) if self.upright else images

    def predict(self, images: NDArray[np.uint8], *, ready: bool = False) -> NDArray[np.float32]:
        """The probability of each digit: uint8 images (n, 28, 28), ink bright → float32 (n, 10).

        ready: images are as `turned` gives them. Raises ShapeError for anything else, ModelError for weights
        so large that they overflow; `logits` and `hidden` do as well.
        """
        return self._answer(self._probabilities, images, ready=ready)

    def logits(self, images: NDArray[np.uint8], *, ready: bool = False) -> NDArray[np.float32]:
        """Ten raw scores a picture, see `predict`: uint8 images (n, 28, 28) → float32 (n, 10)."""
        return self._answer(self.scores, images, ready=ready)

    def hidden(self, images: NDArray[np.uint8], *, ready: bool = False) -> NDArray[np.float32]:
        """The activations of the last hidden layer: uint8 images (n, 28, 28) → float32 (n, 64)."""
        return self._answer(self.hidden_layer, images, ready=ready)

    def _probabilities(self, pixels: Tensor) -> Tensor:
        return self.scores(pixels).softmax()

    def _answer(self, function: Function, images: NDArray[np.uint8], *, ready: bool) -> NDArray[np.float32]:
        """A function of scaled pixels applied to any number of images."""
        images = check_images(images)
        version = function.__name__, *(id(parameter.value) for parameter in self.parameters())
        seen = (images if ready else self.turned(images)).reshape(len(images), 784)
        with np.errstate(all="ignore"):
            results = self._predictor(function, version, seen, self.scale_pixels)
        if not np.isfinite(results).all():
            problem = "the model answers NaN or infinity, expected numbers; its weights are too large"
            raise ModelError(f"{problem}, train it again with a smaller --lr")
        return results


def _number(name: str) -> int:
    """1 for lc1, 0 for what is no layer's name."""
    return int(name[2:]) if name.startswith("lc") and name[2:].isdecimal() else 0


def check_images(images: ArrayLike) -> NDArray[np.uint8]:
    """They as one array; ShapeError unless it is as the network takes it, uint8 (n, 28, 28) or (n, 784)."""
    array = np.asarray(images)
    if array.dtype != np.uint8 or array.shape[1:] not in {(28, 28), (784,)}:
        hint = "0 to 255, ink bright; a single one as image[None], other pictures with hellodl.read"
        what = f"are {array.dtype} of shape {array.shape}"
        raise ShapeError(f"images: {what}, expected uint8 (n, 28, 28), {hint}")
    return array


def cross_entropy(log_probabilities: Tensor, targets: Operand) -> Tensor:
    """The mean over a batch of -Σ target · log p: both (n, classes), each row of targets sums to 1.

    `log_probabilities` as `log_softmax` gives them, or the scores themselves: of these it takes that first.
    Raises ShapeError if the shapes differ, as those of plain labels do: `np.eye(10)[labels]` is meant.
    """
    x, op, shape = log_probabilities, log_probabilities.op, np.shape(targets)
    if x.shape != shape:
        hint = f"np.eye({x.shape[-1]})[labels]" if x.shape else "one row an example"
        raise ShapeError(f"cross_entropy: targets {shape}, expected {x.shape}: {hint}")
    log_p = x if op and op.name == "log_softmax" else x.log_softmax()  # which changes nothing the second time
    return (log_p * targets).sum() * (-1 / shape[0])
