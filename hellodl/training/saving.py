"""What a checkpoint of a run holds, when it is written, and how a run goes on from one."""

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hellodl import checkpoint as checkpoints
from hellodl.about import About, DataIdentity, Machine, Position, describe
from hellodl.checkpoint import Checkpoint, weights_of
from hellodl.errors import Interrupted, ModelError, UsageError
from hellodl.system.files import keep_as, kind_at
from hellodl.system.kernels import kernel_in_use, processor_name
from hellodl.training.loop import Progress, Trainer
from hellodl.training.settings import Settings

MAY_CHANGE = ("epochs", "target_accuracy")  # the end of a run may be another one than it was


@dataclass(frozen=True)
class Run:
    """Where a run reads and writes, and how it is watched.

    `checkpoint_every` is in seconds. `progress` wraps the batches of an epoch. `should_stop` is asked after
    every step: once it says yes, the run is saved and Interrupted is raised. `tell` is given remarks.
    """

    output: Path
    data_dir: Path | None = None
    resume: Path | None = None
    force: bool = False
    threads: int | None = None
    checkpoint_every: float = 5.0
    progress: Progress = lambda _trainer, batches: batches
    should_stop: Callable[[], bool] = lambda: False
    tell: Callable[[str], None] = lambda _remark: None


class Saver:
    """Saves a run every so many seconds, and when it is asked to stop."""

    def __init__(self, trainer: Trainer, run: Run) -> None:
        self._trainer, self._run = trainer, run
        self.earlier: Earlier | None = None
        self._may_replace = run.force or run.output == run.resume
        self._due = time.monotonic() + run.checkpoint_every

    def between_steps(self) -> None:
        """Save if it is time. Raises Interrupted, the run saved, if it was asked to stop."""
        if self._run.should_stop():
            self.save()
            run, trainer = self._run, self._trainer
            where = ["--data-dir", str(run.data_dir)] if run.data_dir else []
            command = shlex.join(["hellodl", "train", "--resume", str(run.output), *where])
            raise Interrupted(
                f"stopped after {trainer.step:,} of {trainer.plan.steps:,} steps; go on with `{command}`"
            )
        if time.monotonic() >= self._due:
            self.save()

    def rescue(self) -> None:
        """Save what was learned before something failed, unless that left a step or an epoch half done."""
        if is_whole := self._trainer.is_whole():
            self.save()
        remark = "has all that was learned" if is_whole else "stays as it was"
        self._run.tell(f"{self._run.output}: {remark}")

    def save(self, **more: Any) -> None:
        """Write the model, and everything needed to go on from here. Raises NonFiniteError if it diverged.

        `more` are fields of About that are known at the end.
        """
        trainer, data, output = self._trainer, self._trainer.data, self._run.output
        trainer.check_sane(trainer.loss_sum / max(1, trainer.step_in_epoch))
        if not self._may_replace:
            self._may_replace, self.earlier = True, keep_earlier(output)
        about = describe(
            trainer.model,
            dataset=DataIdentity(data.name, data.sha256, data.classes),
            settings=trainer.settings.as_dict(),
            history=tuple(trainer.history),
            position=Position(trainer.step, trainer.loss_sum, trainer.train_seconds),
            threads=trainer.processes,
            machine=Machine(processor_name(), kernel_in_use()),
            **more,
        )
        checkpoints.save(output, Checkpoint(weights_of(trainer.model), about, trainer.state()))
        self._due = time.monotonic() + self._run.checkpoint_every


# The place of the output ------------------------------------------------------------------------------


def check_place(path: Path) -> None:
    """Raise UsageError if something at the output's place is in the way."""
    if what := {"folder": "a folder", "other": "no plain file"}.get(kind_at(path)):
        raise UsageError(f"{path}: is {what}, expected the name of a file to write")


def check_precious(path: Path, settings: Settings) -> None:
    """Raise UsageError if a file would be replaced that is no model, or one of other layers or other data.

    The same where an earlier model would be kept: see `keep_earlier`.
    """
    if (about := _about_of(path)) is None:
        return
    learned = about.settings.get("dataset", settings.dataset)
    has_other_layers = about.network != (784, *settings.hidden, 10)
    if has_other_layers or learned != settings.dataset:
        layers = "→".join(map(str, about.network))
        what = f"a network {layers}" if has_other_layers else f"a model of {learned}"
        raise UsageError(f"{path}: holds {what}; --force replaces it, -o FILE writes elsewhere")
    _about_of(_backup(path))


def _about_of(path: Path) -> About | None:
    """What a model that is in the way says about itself. Raises UsageError for anything but a model."""
    if kind_at(path) == "nothing":
        return None
    try:
        return checkpoints.load(path).about
    except ModelError as error:
        raise UsageError(f"{str(error).rstrip('?')}; --force replaces the file") from None


@dataclass(frozen=True)
class Earlier:
    """A finished model that a run replaced, and where it is kept."""

    path: Path
    test_accuracy: float


def keep_earlier(path: Path) -> Earlier | None:
    """Keep a finished model as FILE.bak before it is replaced, unless a better one is kept there already.

    So the best is always in one of the two files.
    """
    found, kept = (_test_accuracy(file) for file in (path, _backup(path)))
    if found is None:
        return None
    if kept is None or kept < found:
        keep_as(path, _backup(path))
    return Earlier(_backup(path), max(found, kept or 0.0))


def _backup(path: Path) -> Path:
    return path.with_name(f"{path.name}.bak")


def _test_accuracy(path: Path) -> float | None:
    """That of a model whose training was finished."""
    about = _about_of(path)
    return about.results.test_accuracy if about and about.results else None


# Going on where another run stopped -------------------------------------------------------------------


def settings_of(path: Path, checkpoint: Checkpoint) -> Settings:
    """What a checkpoint's run was told. Raises ModelError if that is not known, or can be told no more."""
    try:
        return Settings.from_dict(checkpoint.about.settings)
    except (KeyError, TypeError, UsageError) as error:
        why = f"its {error}" if isinstance(error, UsageError) else "holds no training settings"
        raise ModelError(f"{path}: {why}; it can be used, not resumed") from None


def read_start(path: Path, settings: Settings) -> Checkpoint:
    """The checkpoint to go on from. Raises UsageError listing the settings that contradict it.

    Only the end may change: the number of epochs (the schedule goes on as if that had been asked for from
    the start) and the accuracy to reach.
    """
    checkpoint = checkpoints.load(path)
    there, here = settings_of(path, checkpoint).as_dict(), settings.as_dict()
    differences = [
        f"{name} is {there[name]} there, {here[name]} here"
        for name in here
        if name not in MAY_CHANGE and there[name] != here[name]
    ]
    if differences:
        raise UsageError(f"{path}: was trained with other settings: {'; '.join(differences)}")
    return checkpoint


def restore(trainer: Trainer, path: Path, start: Checkpoint) -> None:
    """Put a run where a checkpoint stands. Raises UsageError if it is of other data, or beyond the run's end.

    Raises ModelError if the file lacks what it takes to go on.
    """
    about = start.about
    if about.dataset is None or about.dataset.sha256 != trainer.data.sha256:
        raise UsageError(f"{path}: was trained on other images than these; give --data-dir the same folder")
    for name, array in trainer.state().items():
        saved = start.training.get(name)
        if saved is None or saved.shape != array.shape:
            raise ModelError(
                f"{path}: holds no training state {name!r} of this run; it can be used, not resumed"
            )
        array[...] = saved
    position, steps, validated = about.position, trainer.plan.steps_per_epoch, trainer.settings.validation > 0
    measured = [None not in (epoch.validation_loss, epoch.validation_accuracy) for epoch in about.history]
    if position is None or len(measured) != position.step // steps or (not validated) in measured:
        raise ModelError(f"{path}: its position in the training is damaged; it can be used, not resumed")
    if position.step > trainer.plan.steps:
        raise UsageError(
            f"{path}: has {position.step} steps behind it, --epochs {trainer.settings.epochs} has fewer"
        )
    trainer.go_to(position, list(about.history))
