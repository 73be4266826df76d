#!/usr/bin/env python3
"""PyTorch as an expert would write it: tensors in memory, no DataLoader, Nesterov SGD, linear decay."""

import time

STARTED = time.perf_counter()

import torch  # noqa: E402 - the clock counts the imports
from common import BATCH, DEVIATION, EPOCHS, MEAN, MOMENTUM, RATE, decay, mnist, report, seed  # noqa: E402
from torch import Tensor, nn  # noqa: E402


def main() -> None:
    """Train and print the line."""
    torch.manual_seed(seed())
    images, labels, test_images, test_labels = map(torch.tensor, mnist())
    images, test_images = scaled(images), scaled(test_images)
    labels, test_labels = labels.long(), test_labels.long()
    model = network()
    seconds = train(model, images, labels)
    with torch.no_grad():
        accuracy = (model(test_images).argmax(1) == test_labels).float().mean().item()
    report("torch_eager", accuracy, STARTED, seconds, seconds / EPOCHS)


def scaled(pixels: Tensor) -> Tensor:
    """Pixels as the network wants them."""
    return pixels.float().div_(255).sub_(MEAN).div_(DEVIATION)


def network() -> nn.Module:
    """784 → 128 → 64 → 10 with ReLU between."""
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


def train(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """All epochs; the seconds they took."""
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, nesterov=True)
    batches = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: decay(step, EPOCHS * batches))
    started = time.perf_counter()
    for _ in range(EPOCHS):
        order = torch.randperm(len(images))
        shuffled, wanted = images[order], labels[order]
        for start in range(0, batches * BATCH, BATCH):
            scores = model(shuffled[start : start + BATCH])
            loss = nn.functional.cross_entropy(scores, wanted[start : start + BATCH])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
