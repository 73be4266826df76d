"""A whole training run, from data to saved model: yields records, knows no terminal."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hellodl import checkpoint as checkpoints
from hellodl import datasets
from hellodl.about import Calibration, Results
from hellodl.errors import HellodlError, Interrupted, ModelError, UsageError
from hellodl.evaluation import score
from hellodl.system.files import only_writer, temporary_of
from hellodl.system.lockstep import PROCESSES
from hellodl.system.processors import available_cpus
from hellodl.training.loop import EpochRecord, Trainer
from hellodl.training.settings import PRESETS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from hellodl.checkpoint import Checkpoint
    from hellodl.training.loop import Progress


@dataclass(frozen=True)
class DoneRecord:
    """The end of a run. `validation_accuracy` is that of the weights kept, None if no images were held out.

    `train_seconds` covers all steps, those before a resume too, and no validation.
    """

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


def train(settings: Settings, run: Run) -> Generator[EpochRecord | DoneRecord]:
    """Train as told: yields a record for each epoch and one at the end, when the model is saved.

    Raises, before anything is trained, DataError, ModelError, UsageError, or HellodlError if the output
    cannot be written or another run is writing it; later NonFiniteError when the training diverges,
    Interrupted when asked to stop. Whenever it ends early, the last good checkpoint stays.
    """
    _check_place(run.output)
    with only_writer(run.output):
        temporary_of(run.output).unlink(missing_ok=True)  # a killed run's
        if not run.force and run.output != run.resume:
            check_precious(run.output, settings)
        start = _read_start(run.resume, settings) if run.resume else None
        data = datasets.load(settings.dataset, "train", run.data_dir)
        trainer = Trainer(settings, data, min(run.threads or available_cpus(), PROCESSES))
        if run.resume and start:
            _restore(trainer, run.resume, start)
        if run.should_stop():
            raise Interrupted("stopped before the first step; nothing was written")
        saver = _Saver(trainer, run)
        with trainer.shared_out():
            while not trainer.is_done():
                record = trainer.run_epoch(run.progress, saver.between_steps)
                saver.between_steps()
                yield record
        yield _finish(trainer, run, saver)


def _finish(trainer: Trainer, run: Run, saver: _Saver) -> DoneRecord:
    """Score the test set, once, and save the model."""
    test = datasets.load(trainer.settings.dataset, "test", run.data_dir)
    result, kept = score(trainer.model(), test.images, test.labels), trainer.validation_accuracy
    calibration = trainer.calibrate() if trainer.settings.validation else Calibration()
    results = Results(kept, result.accuracy, result.loss)
    saver.save(results=results, calibration=calibration)
    return DoneRecord(
        validation_accuracy=kept,
        test_accuracy=result.accuracy,
        test_loss=result.loss,
        epochs=trainer.epoch,
        steps=trainer.step,
        train_seconds=trainer.train_seconds,
        model=str(run.output),
        threads=trainer.processes,
    )


class _Saver:
    """Saves a run every so many seconds, and when it is asked to stop."""

    def __init__(self, trainer: Trainer, run: Run) -> None:
        self._trainer, self._run = trainer, run
        self._due = time.monotonic() + run.checkpoint_every

    def between_steps(self) -> None:
        if self._run.should_stop():
            self.save()
            raise Interrupted(
                f"stopped after {self._trainer.step} of {self._trainer.steps} steps; "
                f"go on with `{_resume_command(self._run)}`"
            )
        if time.monotonic() >= self._due:
            self.save()

    def save(self, **more: Any) -> None:
        checkpoints.save(self._run.output, self._trainer.checkpoint(**more))
        self._due = time.monotonic() + self._run.checkpoint_every


def _resume_command(run: Run) -> str:
    """What to type to go on."""
    where = ["--data-dir", str(run.data_dir)] if run.data_dir else []
    return shlex.join(["hellodl", "train", "--resume", str(run.output), *where])


def _check_place(path: Path) -> None:
    """Make the output's folder if it is missing. Raises if something there is in the way."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise UsageError(f"{path}: is a folder, expected the name of a file to write")
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: is no plain file, expected the name of a file to write")
    except OSError as error:
        raise HellodlError(f"{path}: cannot be written: {error.strerror or error}") from None


def check_precious(path: Path, settings: Settings) -> None:
    """Raise UsageError if a file would be replaced that is no checkpoint, or one of another architecture."""
    if not path.exists():
        return
    try:
        widths = checkpoints.load(path).about.network
    except ModelError as error:
        raise UsageError(f"{error}; --force replaces the file") from None
    if widths != (784, *settings.hidden, 10):
        old = "→".join(map(str, widths))
        raise UsageError(f"{path}: holds a network {old}; --force replaces it, -o FILE writes elsewhere")


# Going on where another run stopped -------------------------------------------------------------------


def choose_settings(preset: str | None, given: dict[str, Any], resume: Path | None) -> Settings:
    """The settings of a run: those of a preset or of the checkpoint to resume, then the given ones.

    Raises UsageError for unusable values, ModelError if the checkpoint cannot be resumed.
    """
    wanted = {**PRESETS.get(preset or "", {}), **given}
    if resume is None:
        return Settings(**{**PRESETS[preset or "fast"], **wanted})
    return replace(_settings_of(resume, checkpoints.load(resume)), **wanted)


def _settings_of(path: Path, checkpoint: Checkpoint) -> Settings:
    """What a checkpoint's run was told."""
    try:
        return Settings.from_dict(checkpoint.about.settings)
    except (KeyError, TypeError):
        raise ModelError(f"{path}: holds no training settings; it can be used, not resumed") from None
    except UsageError as error:
        raise ModelError(f"{path}: its {error}; it can be used, not resumed") from None


def _read_start(path: Path, settings: Settings) -> Checkpoint:
    """The checkpoint to go on from. Raises UsageError listing the settings that contradict it.

    Only the end may change: the number of epochs (the schedule goes on as if that had been asked for from
    the start) and the accuracy to reach.
    """
    checkpoint = checkpoints.load(path)
    there, here = _settings_of(path, checkpoint).as_dict(), settings.as_dict()
    differences = [
        f"{name} is {there[name]} there, {here[name]} here"
        for name in here
        if name not in ("epochs", "target_accuracy") and there[name] != here[name]
    ]
    if differences:
        raise UsageError(f"{path}: was trained with other settings: {'; '.join(differences)}")
    return checkpoint


def _restore(trainer: Trainer, path: Path, start: Checkpoint) -> None:
    """Put a run where a checkpoint stands, if it is of the same data and not beyond its end."""
    if start.about.dataset is None or start.about.dataset.sha256 != trainer.data.sha256:
        raise UsageError(f"{path}: was trained on other images than these; give --data-dir the same folder")
    trainer.restore(path, start)
    if trainer.step > trainer.steps:
        raise UsageError(
            f"{path}: has {trainer.step} steps behind it, --epochs {trainer.settings.epochs} has fewer"
        )
