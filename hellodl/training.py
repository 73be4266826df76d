"""A whole training run, from data to saved model: yields records, knows no terminal."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hellodl import checkpoint as checkpoints
from hellodl import datasets
from hellodl.errors import HellodlError, Interrupted, ModelError, UsageError
from hellodl.evaluation import score
from hellodl.settings import PRESETS, Settings
from hellodl.threads import BlasThreads
from hellodl.trainer import EpochRecord, Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hellodl.trainer import Progress

ENDINGS = ("epochs", "patience", "target_accuracy")  # settings that a resumed run may change


@dataclass(frozen=True)
class DoneRecord:
    """The end of a run. `train_seconds` is all its epochs, validation not counted."""

    validation_accuracy: float | None
    test_accuracy: float
    test_loss: float
    epochs: int
    steps: int
    train_seconds: float
    model: str
    threads: int


@dataclass(frozen=True)
class Run:
    """Where a run reads and writes, and how it is watched.

    `checkpoint_every` is in seconds. `progress` wraps the batches of an epoch. `should_stop` is asked after
    every step: once it says yes, the run is saved and Interrupted is raised.
    """

    output: Path
    data_dir: Path | None = None
    resume: Path | None = None
    force: bool = False
    threads: int | None = None
    checkpoint_every: float = 5.0
    progress: Progress = lambda _trainer, batches: batches
    should_stop: Callable[[], bool] = lambda: False


def train(settings: Settings, run: Run) -> Iterator[EpochRecord | DoneRecord]:
    """Train as told: yields a record for each epoch and one at the end, when the model is saved.

    Raises DataError, ModelError, UsageError (before anything is trained), NonFiniteError when the training
    diverges, Interrupted when asked to stop. Whenever it ends early, the last good checkpoint stays.
    """
    check_output(run.output, settings, force=run.force or run.output == run.resume)
    data = datasets.load(settings.dataset, "train", run.data_dir)
    trainer = Trainer(settings, data, BlasThreads(run.threads))
    if run.resume:
        _restore(trainer, run.resume)
    saver = _Saver(trainer, run)
    seconds = 0.0
    while not trainer.is_done():
        record = trainer.run_epoch(run.progress, saver.between_steps)
        seconds += record.seconds
        saver.between_steps()
        yield record
    test = datasets.load(settings.dataset, "test", run.data_dir)
    result = score(trainer.result(), test.images, test.labels)
    accuracies = [record["validation_accuracy"] for record in trainer.history]
    kept = max(accuracies) if settings.patience else accuracies[-1]
    done = DoneRecord(
        kept,
        result.accuracy,
        result.loss,
        trainer.epoch,
        trainer.step,
        seconds,
        str(run.output),
        trainer.threads.count,
    )
    saver.save(validation_accuracy=kept, test_accuracy=result.accuracy, test_loss=result.loss)
    yield done


class _Saver:
    """Saves a run every so many seconds, and when it is asked to stop."""

    def __init__(self, trainer: Trainer, run: Run) -> None:
        self._trainer, self._run = trainer, run
        self._due = time.monotonic() + run.checkpoint_every

    def between_steps(self) -> None:
        if self._run.should_stop():
            self.save()
            place = f"after {self._trainer.step} of {self._trainer.steps} steps"
            raise Interrupted(f"stopped {place}; go on with `hellodl train --resume {self._run.output}`")
        if time.monotonic() >= self._due:
            self.save()

    def save(self, **results: float | None) -> None:
        checkpoints.save(self._run.output, self._trainer.checkpoint(results=results))
        self._due = time.monotonic() + self._run.checkpoint_every


def check_output(path: Path, settings: Settings, *, force: bool) -> None:
    """Make sure before the training that its result can be saved, and that nothing precious is replaced.

    Creates missing folders. Raises HellodlError if `path` cannot be written; UsageError if it is no
    checkpoint, or one of another architecture, unless `force`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HellodlError(f"{path.parent}: cannot be made: {error.strerror or error}") from None
    if path.is_dir():
        raise UsageError(f"{path}: is a folder, expected the name of a file to write")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise HellodlError(f"{path}: cannot be written: the folder {path.parent.resolve()} is read-only")
    if path.exists() and not force:
        try:
            widths = tuple(checkpoints.load(path).about["network"])
        except ModelError as error:
            raise UsageError(f"{error}; --force replaces the file") from None
        if widths != (784, *settings.hidden, 10):
            old = "→".join(map(str, widths))
            raise UsageError(f"{path}: holds a network {old}; --force replaces it, -o FILE writes elsewhere")


def choose_settings(preset: str | None, given: dict[str, Any], resume: Path | None) -> Settings:
    """The settings of a run: those of a preset or of the checkpoint to resume, then the given ones.

    A resumed run may be told only when to end: more epochs (the schedule goes on as if they had been asked
    for from the start), patience, the accuracy to reach. Raises UsageError listing other differences,
    ModelError if the checkpoint cannot be resumed.
    """
    if resume is None:
        return Settings(**{**PRESETS[preset or "fast"], **given})
    try:
        before = Settings.from_dict(checkpoints.load(resume).about["settings"])
    except (KeyError, TypeError, UsageError):
        raise ModelError(f"{resume}: holds no training settings; it can be used, not resumed") from None
    wanted = {**(PRESETS[preset] if preset else {}), **given}
    there = before.as_dict()
    differences = [
        f"{name} is {there[name]} there, {value} here"
        for name, value in wanted.items()
        if name not in ENDINGS and value != there[name]
    ]
    if differences:
        raise UsageError(f"{resume}: was trained with other settings: {'; '.join(differences)}")
    return replace(before, **{name: value for name, value in wanted.items() if name in ENDINGS})


def _restore(trainer: Trainer, path: Path) -> None:
    """Put a run where a checkpoint stands, if it is of the same data and not beyond its end."""
    checkpoint = checkpoints.load(path)
    if checkpoint.about.get("dataset", {}).get("sha256") != trainer.data.sha256:
        raise UsageError(f"{path}: was trained on other images than these; give --data-dir the same folder")
    trainer.restore(path, checkpoint)
    if trainer.epoch > trainer.settings.epochs:
        raise UsageError(
            f"{path}: has {trainer.epoch} epochs behind it, expected --epochs to be at least that"
        )
