"""What makes training and start-up quick, counted rather than timed: calls, bytes, imports."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from hellodl import checkpoint
from hellodl.about import describe
from hellodl.datasets import Dataset
from hellodl.nn import DigitNet
from hellodl.training.loop import Trainer
from hellodl.training.settings import PRESETS, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hellodl.training.batches import Batch


def test_a_training_step_is_few_calls() -> None:
    """Loss and all gradients take no more steps of a program than when this was written, copies included."""
    trainer, _ = training()
    for shard in trainer._step._shards:
        assert len(shard.program._steps) <= 32, [call.op.name for call in shard.program.calls]


@pytest.mark.parametrize("batch_size", [128, PRESETS["fast"]["batch_size"]])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_training_step_allocates_next_to_nothing(batch_size: int, optimizer: str) -> None:
    """Gathering, scaling, running and updating take at most 20 KB at any moment."""
    trainer, batches = training(batch_size=batch_size, optimizer=optimizer)
    trainer.learn(next(batches))  # what is made once is made here
    peaks = []
    tracemalloc.start()
    try:
        for _ in range(3):
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            trainer.learn(next(batches))
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert max(peaks) <= 20_000


def training(**settings: Any) -> tuple[Trainer, Iterator[Batch]]:
    """The fast preset, less distortion, on pictures of nothing: what a step costs does not depend on them."""
    told = Settings(**{**PRESETS["fast"], "augment": "none", "validation": 0, **settings})
    images, rng = 4 * told.batch_size, np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (images, 784), np.uint8), rng.integers(0, 10, images, np.uint8)
    trainer = Trainer(told, Dataset("noise", "train", pixels, labels, sha256=""))
    return trainer, trainer.plan.rest(0)


def test_training_off_a_terminal_imports_only_what_it_uses(small_mnist: Path, tmp_path: Path) -> None:
    """`hellodl train --json` needs nothing that draws, reads pictures or downloads."""
    loaded = imports(
        "train", "--json", "--epochs", "1", "--validation", "0", "--data-dir", small_mnist, cwd=tmp_path
    )
    assert "hellodl.training.run" in loaded  # or the test would see nothing
    assert not {"rich", "tqdm", "PIL", "urllib.request", "cv2", "scipy"} & loaded


def test_reading_a_small_picture_imports_only_what_it_uses(tmp_path: Path) -> None:
    """`hellodl predict` of a 28×28 PNG needs nothing that finds digits in photographs, draws or downloads."""
    model = DigitNet(rng=np.random.default_rng(0))
    about = describe(model)
    checkpoint.save(tmp_path / "m.safetensors", checkpoint.Checkpoint(checkpoint.weights_of(model), about))
    pixels = np.zeros((28, 28), np.uint8)
    pixels[4:24, 12:16] = 255
    Image.fromarray(pixels).save(tmp_path / "digit.png")
    loaded = imports("predict", "digit.png", "-m", "m.safetensors", cwd=tmp_path)
    assert "hellodl.reading.reader" in loaded
    assert not {"cv2", "scipy", "rich", "tqdm", "urllib.request"} & loaded


def imports(*command: str | Path, cwd: Path) -> set[str]:
    """The names of all modules that `python -m hellodl …` imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "hellodl", *command],
        cwd=cwd,
        env=os.environ | {"XDG_CACHE_HOME": str(cwd)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
