#!/usr/bin/env python3
"""PyTorch with one of our presets: the same batches, distorted by us, at the same rates; the rest is PyTorch.

    MNIST_DIR=data/mnist python scripts/bench/peers/torch_recipe.py PRESET SEED [EPOCHS]

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

from hellodl.training.batches import Pictures, Plan, stratified_split
from hellodl.training.settings import PRESETS, Settings
from hellodl.upright import upright


def main(preset: str, seed: int, epochs: int | None = None) -> None:
    """Train, and tell of each epoch."""
    told = PRESETS[preset] | ({"epochs": epochs} if epochs else {})
    settings = Settings(**told, seed=seed)
    torch.manual_seed(seed)
    images, labels, test_images, test_labels = mnist()
    if settings.upright == "yes":
        images, test_images = upright(images), upright(test_images)
    rows, _ = stratified_split(labels, settings.validation, seed)
    plan, pictures = Plan(settings, rows, rows[:0]), Pictures(images, labels, settings.augment, seed)
    test, wanted = scaled(torch.tensor(test_images)), torch.tensor(test_labels).long()
    model, pixels, whole = network(), np.empty((plan.batch_size, 784), np.uint8), slice(None)
    nesterov = settings.momentum > 0
    optimizer = torch.optim.SGD(
        model.parameters(),
        settings.lr,
        settings.momentum,
        nesterov=nesterov,
        weight_decay=settings.weight_decay,
    )
    seconds = 0.0
    for epoch in range(settings.epochs):
        started = time.perf_counter()
        for batch in plan.rest_of_epoch(epoch * plan.steps_per_epoch):
            pictures.read(batch, whole, 0, pixels)
            truth = torch.from_numpy(pictures.labels(batch, whole)).long()
            optimizer.param_groups[0]["lr"] = batch.lr
            loss = nn.functional.cross_entropy(model(scaled(torch.from_numpy(pixels))), truth)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds += time.perf_counter() - started
        with torch.no_grad():
            accuracy = (model(test).argmax(1) == wanted).float().mean().item()
        print(json.dumps({"seconds": seconds, "test_accuracy": accuracy}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
