#!/usr/bin/env python3
"""PyTorch with one of our presets, and our distortions: what the same recipe takes it, and where it gets.

    MNIST_DIR=data/mnist python scripts/bench/peers/torch_recipe.py PRESET SEED

Prints one line of JSON an epoch: seconds of training so far, and the accuracy on the test set.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch
from common import mnist
from torch import nn
from torch_eager import network, scaled

from hellodl.optim import SCHEDULES
from hellodl.training.augment import Augmenter, augmenter
from hellodl.training.settings import PRESETS, Settings


def main(preset: str, seed: int) -> None:
    """Train, and tell of each epoch."""
    settings = Settings(**PRESETS[preset], seed=seed)
    torch.manual_seed(seed)
    images, labels, test_images, test_labels = mnist()
    images, labels = images[settings.validation :], labels[settings.validation :]
    test, wanted = scaled(torch.tensor(test_images)), torch.tensor(test_labels).long()
    learner, seconds = Learner(settings), 0.0
    for epoch in range(settings.epochs):
        started = time.perf_counter()
        learner.epoch(images, torch.tensor(labels).long(), epoch)
        seconds += time.perf_counter() - started
        with torch.no_grad():
            accuracy = (learner.model(test).argmax(1) == wanted).float().mean().item()
        print(json.dumps({"seconds": seconds, "test_accuracy": accuracy}), flush=True)


class Learner:
    """A network, its optimizer and its distortions, as the settings say."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.model = settings, network()
        self.optimizer = torch.optim.SGD(
            self.model.parameters(),
            momentum=settings.momentum,
            nesterov=settings.momentum > 0,
            weight_decay=settings.weight_decay,
        )
        self.augmenter: Augmenter | None = None
        if settings.augment != "none":
            self.augmenter = augmenter(settings.augment)

    def epoch(self, images: np.ndarray, labels: torch.Tensor, epoch: int) -> None:
        """All batches once."""
        size, rng = self.settings.batch_size, np.random.default_rng((self.settings.seed, epoch))
        order, batches = rng.permutation(len(images)), len(images) // size
        for number in range(batches):
            rows = order[number * size : (number + 1) * size]
            progress = (epoch * batches + number) / (self.settings.epochs * batches)
            pictures = images[rows]
            if self.augmenter and progress < 1 - self.settings.clean:
                pictures = self.augmenter(pictures, rng)
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate(progress)
            loss = nn.functional.cross_entropy(self.model(scaled(torch.from_numpy(pictures))), labels[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def rate(self, progress: float) -> float:
        """The learning rate at a share of the training."""
        rising = min(1.0, progress / self.settings.warmup) if self.settings.warmup else 1.0
        return self.settings.lr * SCHEDULES[self.settings.schedule](progress) * rising


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
