"""LeNet (LeCun et al. 1998) on MNIST, made of gather, matrix products and maxima; beside PyTorch's if asked.

A batch is a matrix: a row for each pixel of each channel, a column for each picture. A table says which rows
each window sees. So a convolution is a gather and a matrix product, pooling a gather and a maximum, and both
get their gradients from those. How many threads: set OMP_NUM_THREADS, which NumPy and PyTorch both obey.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl import Program, Tensor, gather, grad, optim
from hellodl.datasets import load
from hellodl.nn import UNDECIDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Table = NDArray[np.intp]
    Batch = tuple[NDArray[np.float32], NDArray[np.uint8]]  # pixels (784, n), labels

BATCH = 100
SHAPES = {"conv1": (6, 25), "conv2": (16, 6 * 25), "full1": (120, 400), "full2": (84, 120), "full3": (10, 84)}


def windows(channels: int, side: int, size: int, stride: int = 1, pad: int = 0) -> Table:
    """The rows that each window sees: (channels, size · size, windows); -1 is outside the picture."""
    pixels = np.pad(np.arange(side * side).reshape(side, side), pad, constant_values=-1)
    seen = np.lib.stride_tricks.sliding_window_view(pixels, (size, size))[::stride, ::stride]
    table = seen.reshape(-1, size * size).T
    return np.array([np.where(table < 0, -1, table + channel * side * side) for channel in range(channels)])


TABLES = {
    "conv1": windows(1, 28, 5, pad=2).reshape(25, -1),
    "pool1": windows(6, 28, 2, stride=2).swapaxes(0, 1).reshape(4, -1),
    "conv2": windows(6, 14, 5).reshape(6 * 25, -1),
    "pool2": windows(16, 10, 2, stride=2).swapaxes(0, 1).reshape(4, -1),
}


class LeNet:
    """Two convolutions, each with ReLU and pooling, and three linear layers: 61,706 parameters."""

    def __init__(self, rng: np.random.Generator) -> None:
        usual = {name: (2 / shape[1]) ** 0.5 for name, shape in SHAPES.items()}
        usual["full3"] *= UNDECIDED
        self.weights = {
            name: Tensor(rng.standard_normal(shape) * usual[name]) for name, shape in SHAPES.items()
        }
        self.biases = {name: Tensor(np.zeros(shape[0])) for name, shape in SHAPES.items()}

    def parameters(self) -> list[Tensor]:
        """The weights, then the biases."""
        return [*self.weights.values(), *self.biases.values()]

    def linear(self, name: str, x: Tensor) -> Tensor:
        """Weighted sums of the rows of x."""
        return self.weights[name] @ x + self.biases[name].reshape(-1, 1)

    def convolution(self, number: int, x: Tensor) -> Tensor:
        """Weighted sums of each window, the largest of four neighbours, negative ones replaced by 0."""
        seen = gather(x, TABLES[f"conv{number}"])
        sums = self.linear(f"conv{number}", seen.reshape(seen.shape[0], -1)).reshape(-1, x.shape[1])
        return gather(sums, TABLES[f"pool{number}"]).max(0).relu()

    def __call__(self, x: Tensor) -> Tensor:
        """The logarithm of the probability of each digit: pixels (784, n) → (10, n)."""
        x = self.convolution(2, self.convolution(1, x))
        x = self.linear("full2", self.linear("full1", x).relu()).relu()
        return self.linear("full3", x).log_softmax(axis=0)


class Trainer:
    """A step and an answer of the network, as programs that are built once."""

    def __init__(self, net: LeNet, batch: int = BATCH) -> None:
        self.pixels, self.targets = Tensor(np.zeros((784, batch))), Tensor(np.zeros((10, batch)))
        self.descent = optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
        answer = net(self.pixels)
        loss = (answer * self.targets).sum() * (-1 / batch)
        slopes = grad(loss, *net.parameters())
        self.step = Program(loss, *slopes, into=[None, *self.descent.views(self.descent.gradient)])
        self.answer = Program(answer)

    def learn(self, pixels: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
        """One step down the hill; the loss before it."""
        self.pixels.value[...], self.targets.value[...] = pixels, np.eye(10)[labels].T
        loss = float(self.step.run()[0])
        self.descent.update()
        return loss

    def read(self, pixels: NDArray[np.float32]) -> NDArray[Any]:
        """The digit that is likeliest in each column."""
        self.pixels.value[...] = pixels
        return np.asarray(self.answer.run()).argmax(axis=0)


class Torch:
    """The same network, with the same first weights, in PyTorch."""

    def __init__(self, net: LeNet) -> None:
        import torch

        self.torch = torch
        conv = {"conv1": (6, 1, 5, 5), "conv2": (16, 6, 5, 5)}
        weights = [torch.tensor(w.value.reshape(conv.get(n, w.shape))) for n, w in net.weights.items()]
        biases = [torch.zeros(w.shape[0]) for w in weights]
        self.parameters = [p.requires_grad_() for p in (*weights, *biases)]
        self.descent = torch.optim.SGD(self.parameters, lr=0.02, momentum=0.9)

    def __call__(self, x: Any) -> Any:
        """Pixels (n, 1, 28, 28) → (n, 10)."""
        f, (c1, c2, w1, w2, w3, d1, d2, b1, b2, b3) = self.torch.nn.functional, self.parameters
        x = f.max_pool2d(f.conv2d(x, c1, d1, padding=2), 2).relu()
        x = f.max_pool2d(f.conv2d(x, c2, d2), 2).relu().flatten(1)
        x = f.linear(f.linear(x, w1, b1).relu(), w2, b2).relu()
        return f.linear(x, w3, b3).log_softmax(1)

    def learn(self, pixels: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
        """One step down the hill; the loss before it."""
        likelihood = self(self.torch.tensor(pixels.T).reshape(-1, 1, 28, 28))
        loss = self.torch.nn.functional.nll_loss(likelihood, self.torch.tensor(labels.astype(np.int64)))
        self.descent.zero_grad()
        loss.backward()
        self.descent.step()
        return float(loss.item())

    def read(self, pixels: NDArray[np.float32]) -> NDArray[Any]:
        """The digit that is likeliest in each column."""
        with self.torch.no_grad():
            return self(self.torch.tensor(pixels.T).reshape(-1, 1, 28, 28)).argmax(1).numpy()


def batches(data: Any, order: NDArray[Any]) -> Iterator[Batch]:
    """The pictures in this order, BATCH at a time, pixels scaled as PyTorch's examples scale them."""
    for rows in order.reshape(-1, BATCH):
        pixels = data.images[rows].reshape(BATCH, 784).T / np.float32(255)
        yield (pixels - np.float32(0.1307)) / np.float32(0.3081), data.labels[rows]


def train(name: str, learner: Trainer | Torch, epochs: int, seed: int) -> None:
    """Train on MNIST; after each epoch say how long it took and how many test pictures are read rightly."""
    data, test = load("mnist", "train"), load("mnist", "test")
    print(f"{name}: epoch, test pictures read rightly, time")
    rng = np.random.default_rng(seed)
    for epoch in range(1, epochs + 1):
        start, work = time.perf_counter(), time.process_time()
        for pixels, labels in batches(data, rng.permutation(len(data.labels))):
            learner.learn(pixels, labels)
        seconds, work = time.perf_counter() - start, time.process_time() - work
        right = np.mean([learner.read(x) == labels for x, labels in batches(test, np.arange(10_000))])
        print(f"{name} {epoch}: {100 * right:.2f} % read, {seconds:.1f} s ({work:.1f} s of work)", flush=True)


def main() -> None:
    """Train LeNet, or two of them in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--torch", action="store_true", help="then the same network in PyTorch")
    told = parser.parse_args()
    net = LeNet(np.random.default_rng(told.seed))
    twin = Torch(net) if told.torch else None  # made before the weights change
    train("hellodl", Trainer(net), told.epochs, told.seed)
    if twin:
        train("PyTorch", twin, told.epochs, told.seed)


if __name__ == "__main__":
    main()
