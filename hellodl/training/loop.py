"""The training loop itself: one network learning from one data set, step by step, epoch by epoch.

Everything random is a function of the seed and the position, so the state of a run is small: the weights,
what the optimizer remembers, and how many steps were done.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.about import EXTREME, MAX_LOSS, Calibration, DataIdentity, Epoch, Position, describe
from hellodl.autograd.tensor import CACHE_LINE
from hellodl.checkpoint import MAX_WEIGHT, Checkpoint, weights_of
from hellodl.errors import DataError, ModelError, NonFiniteError
from hellodl.evaluation import score
from hellodl.nn import DigitNet
from hellodl.optim import ALL, SCHEDULES, SGD, Adam
from hellodl.reading.doubt import fit_doubt
from hellodl.system.lockstep import in_lockstep
from hellodl.system.processors import one_blas_thread
from hellodl.training.augment import Augmenter, Strengths, augmenter
from hellodl.training.batches import Batches, Purpose, epoch_order, generator, stratified_split
from hellodl.training.drawn import with_drawn
from hellodl.training.step import Shard, split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from hellodl.datasets import Dataset
    from hellodl.optim import Optimizer
    from hellodl.system.lockstep import Meet
    from hellodl.training.settings import Settings

    Array = NDArray[Any]
    Rows = NDArray[np.intp]  # of the images of a batch, in the training set
    Progress = Callable[["Trainer", Iterable[Rows]], Iterable[Rows]]

QUICK_RUN, QUICK_LOOK = 2000, 300  # a run of so few steps is calibrated on so many images

# About as far from MNIST as what people photograph.
STRONG = Strengths(shift=1.5, rotation=15, scale=0.2, shear=0.25, elastic=1.0, stroke=0.7)


@dataclass(frozen=True)
class EpochRecord:
    """One pass over the training set. `seconds` is the training alone, validation not counted."""

    epoch: int
    epochs: int
    loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float


class Trainer:
    """A run: the network, the optimizer and the position.

    Args:
        settings: what to do.
        data: the training set; the validation images are held out of it.
        processes: 1, or 2 to share out every step; the weights come out the same bit for bit.
    """

    def __init__(self, settings: Settings, data: Dataset, processes: int = 1) -> None:
        self.settings, self.data, self.processes = settings, data, processes
        one_blas_thread()
        _check_enough(settings, data)
        self._rows, self._held_out = stratified_split(data.labels, settings.validation, settings.seed)
        self.batch_size = min(settings.batch_size, len(self._rows))
        self.steps_per_epoch = (len(self._rows) + settings.drawn) // self.batch_size
        images, labels = data.images, data.labels
        if settings.drawn:
            images, labels = with_drawn(images, labels, settings.seed)
        self._drawn_rows = np.arange(len(data.labels), len(labels))
        self._batches = Batches(images, labels, _augmenter(settings.augment), settings.seed)
        self.trained = DigitNet(settings.hidden, generator(settings.seed, Purpose.WEIGHTS))
        self.optimizer = _optimizer(settings, self.trained)
        self.average = self.optimizer.weights.copy() if settings.average else None
        self.step = 0
        self.loss_sum = 0.0  # over the steps of this epoch
        self.train_seconds = 0.0  # up to this epoch, or up to where it was resumed
        self._epoch_started = 0.0
        self.history: list[Epoch] = []
        self._make_shards()

    def _make_shards(self) -> None:
        """Lay out the step: a program for each shard of a batch. At first all work is ours."""
        targets = np.column_stack([np.eye(10), np.full(10, 0.1)])  # last: NO_DIGIT
        slices = split(self.batch_size)
        self._gradients = [self.optimizer.gradient, *(self.optimizer.zeros() for _ in slices[1:])]
        self._shards = [
            Shard(self.trained, number, rows, self.batch_size, targets, self.optimizer.views(gradient))
            for number, (rows, gradient) in enumerate(zip(slices, self._gradients, strict=True))
        ]
        self._take_over()

    def _take_over(self) -> None:
        """Do all the work of a step in this process."""
        self._ours, self._part, self._meet = self._shards, ALL, _nobody_to_meet
        self.optimizer.gradient, *self._others = self._gradients

    def _share(self, number: int, meet: Meet) -> None:
        """Do one shard's work and half of the update: of the two processes the one with this number."""
        line = CACHE_LINE // 4  # floats: two processes that write to one line slow each other down
        middle = self.optimizer.weights.size // 2 // line * line
        self._part = slice(middle, None) if number else slice(middle)
        self._ours, self._meet = [self._shards[number]], meet
        self.optimizer.gradient, *self._others = self._gradients[number], self._gradients[1 - number]

    # Learning ---------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """Epochs completed."""
        return self.step // self.steps_per_epoch

    @property
    def _is_amid_epoch(self) -> bool:
        return self.step % self.steps_per_epoch > 0

    @property
    def steps(self) -> int:
        """Steps in the whole run."""
        return self.settings.epochs * self.steps_per_epoch

    def learn(self, rows: Rows) -> None:
        """One step down the hill, from the images in these rows."""
        position = self.epoch, self.step % self.steps_per_epoch
        for shard in self._ours:
            shard.read(self._batches, rows, *position)
            shard.program.run()
        self._meet()
        loss = sum(shard.loss for shard in self._shards)
        if not math.isfinite(loss):
            for shard in self._shards:  # also what the other process has seen
                shard.read(self._batches, rows, *position)
            self._explain_divergence(self.step)
        self.optimizer.lr = self.learning_rate()
        for gradient in self._others:
            self.optimizer.gradient[self._part] += gradient[self._part]
        self.optimizer.update(self._part)
        self._meet()
        self.step += 1
        self.loss_sum += loss
        if self.average is not None:
            self._update_average(self.average)

    def learning_rate(self) -> float:
        """The learning rate of the step to come."""
        done = self.step / self.steps
        rising = min(1.0, (self.step + 1) / max(1.0, self.settings.warmup * self.steps))
        return self.settings.lr * SCHEDULES[self.settings.schedule](done) * rising

    def _update_average(self, average: Array) -> None:
        """Move the average towards the weights; faster at first, so that the start is forgotten."""
        decay = min(self.settings.average, (1 + self.step) / (10 + self.step))
        average *= decay
        average += (1 - decay) * self.optimizer.weights

    def _explain_divergence(self, step: int, what: str = "") -> None:
        """Raise NonFiniteError: which step (from 0), which op or else `what` is wrong, what to do."""
        place = f"epoch {step // self.steps_per_epoch + 1}, step {step % self.steps_per_epoch + 1}"
        try:
            for shard in self._shards:
                shard.program.check_finite()
        except NonFiniteError as error:
            what = str(error)
        raise NonFiniteError(f"{place}: {what}; the learning rate {self.settings.lr:g} may be too large")

    def _check_sane(self, loss: float) -> None:
        """Raise NonFiniteError if the weights, or the mean loss, are nothing to keep."""
        if not all(np.isfinite(array).all() for array in self._state().values()):
            self._explain_divergence(self.step - 1, "the weights are no longer finite")
        if not (np.abs(self.optimizer.weights) < MAX_WEIGHT).all():
            self._explain_divergence(self.step - 1, f"weights have grown beyond {MAX_WEIGHT:g}")
        if not loss < MAX_LOSS:
            self._explain_divergence(self.step - 1, f"the mean loss is {loss:g}")

    @property
    def mean_loss(self) -> float:
        """The mean loss over this epoch so far."""
        return self.loss_sum / max(1, self.step % self.steps_per_epoch)

    def batch_accuracy(self) -> float:
        """The share of the latest batch, or of our shard of it, that was read rightly before learning."""
        return self._ours[0].accuracy()

    def run_epoch(self, progress: Progress, after_step: Callable[[], None]) -> EpochRecord:
        """Finish the current epoch, from wherever it stands, and look at the images held out.

        `progress` wraps the batches; `after_step` is called between steps, when the run can be saved.
        """
        self._epoch_started = time.perf_counter()
        for rows in progress(self, self._rest_of_epoch()):
            self.learn(rows)
            if self._is_amid_epoch:
                after_step()
        seconds = self._seconds_of_epoch()
        self.train_seconds += seconds
        loss, self.loss_sum = self.loss_sum / self.steps_per_epoch, 0.0
        self._check_sane(loss)
        validation = self._validate()
        record = EpochRecord(self.epoch, self.settings.epochs, loss, *validation, seconds)
        self.history.append(Epoch(record.epoch, record.loss, *validation))
        return record

    def _rest_of_epoch(self) -> NDArray[np.intp]:
        """The rows of the batches that this epoch still has, (steps, batch)."""
        rows, seed = self._rows, self.settings.seed
        if self.settings.drawn:
            pick = generator(seed, Purpose.PEN, self.epoch)
            rows = np.concatenate([rows, pick.choice(self._drawn_rows, self.settings.drawn, replace=False)])
        return epoch_order(rows, self.batch_size, seed, self.epoch)[self.step % self.steps_per_epoch :]

    @contextmanager
    def shared_out(self) -> Iterator[None]:
        """Inside, another process takes the same steps, if we may use two and there is work for two."""
        if self.processes == 1 or len(self._shards) == 1:
            self.processes = 1
            yield
            return
        with in_lockstep(self._assist) as meet:
            if meet is None:
                self.processes = 1
            else:
                self._share(0, meet)
            try:
                yield
            finally:
                self._take_over()

    def _assist(self, meet: Meet) -> None:
        """The other process's life. It keeps what it needs for the next step; all the rest is ours."""
        self._share(1, meet)
        self.average = None
        while True:
            for rows in self._rest_of_epoch():
                self.learn(rows)

    def _seconds_of_epoch(self) -> float:
        return time.perf_counter() - self._epoch_started

    def _validate(self) -> tuple[float | None, float | None]:
        """Loss and accuracy on the images held out."""
        if not len(self._held_out):
            return None, None
        held_out = score(self.model(), self.data.images[self._held_out], self.data.labels[self._held_out])
        return held_out.loss, held_out.accuracy

    def is_done(self) -> bool:
        """Whether all epochs are done, or the accuracy aimed at is reached."""
        target, reached = self.settings.target_accuracy, self.validation_accuracy
        return self.epoch >= self.settings.epochs or (
            target is not None and reached is not None and reached >= target
        )

    @property
    def validation_accuracy(self) -> float | None:
        """The accuracy on the images held out after the latest epoch."""
        return self.history[-1].validation_accuracy if self.history else None

    # The model and the state ---------------------------------------------------------------------------

    def model(self) -> DigitNet:
        """The network as it is now, with averaged weights if the settings ask for them."""
        return self.trained if self.average is None else self._with(self.average)

    def _with(self, weights: Array) -> DigitNet:
        model = DigitNet(self.settings.hidden, np.random.default_rng(0))
        for parameter, view in zip(model.parameters(), self.optimizer.views(weights), strict=True):
            parameter.value = view
        return model

    def _state(self) -> dict[str, Array]:
        """All arrays that change from step to step, by name."""
        arrays = {"weights": self.optimizer.weights, "average": self.average}
        return {name: a for name, a in arrays.items() if a is not None} | self.optimizer.state()

    def calibrate(self) -> Calibration:
        """How far to believe the result, from the images held out, as they are and strongly distorted."""
        rows = self._held_out[: QUICK_LOOK if self.steps <= QUICK_RUN else None]
        images, labels = self.data.images[rows], self.data.labels[rows]
        distort = Augmenter(STRONG)
        distorted = distort(images, generator(self.settings.seed, Purpose.CALIBRATE))
        found = fit_doubt(self.model(), images, labels, distorted)
        return Calibration(found.temperature, found.familiar if abs(found.familiar) < EXTREME else None)

    def checkpoint(self, **more: Any) -> Checkpoint:
        """The model, and everything needed to go on from here. Raises NonFiniteError if it has diverged.

        `more` are fields of About.
        """
        self._check_sane(self.mean_loss)
        model = self.model()
        amid_epoch = self._seconds_of_epoch() if self._is_amid_epoch else 0.0
        about = describe(
            model,
            dataset=DataIdentity(self.data.name, self.data.sha256, self.data.classes),
            settings=self.settings.as_dict(),
            history=tuple(self.history),
            position=Position(self.step, self.loss_sum, self.train_seconds + amid_epoch),
            threads=self.processes,
            **more,
        )
        return Checkpoint(weights_of(model), about, self._state())

    def restore(self, path: Path, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of the same run. Raises ModelError if it lacks what that takes."""
        state = self._state()
        for name, array in state.items():
            saved = checkpoint.training.get(name)
            if saved is None or saved.shape != array.shape:
                raise ModelError(
                    f"{path}: holds no training state {name!r} of this run; it can be used, not resumed"
                )
            array[...] = saved
        position, history = checkpoint.about.position, checkpoint.about.history
        if position is None or not self._has_come_to(position, history):
            raise ModelError(f"{path}: its position in the training is damaged; it can be used, not resumed")
        self.step, self.loss_sum, self.history = position.step, position.loss_sum, list(history)
        self.train_seconds = position.train_seconds
        for parameter in self.trained.parameters():
            parameter.touch()

    def _has_come_to(self, position: Position, history: tuple[Epoch, ...]) -> bool:
        """Whether a run like this one can stand there, with this history."""
        measured = bool(len(self._held_out))
        return len(history) == position.step // self.steps_per_epoch and all(
            (epoch.validation_loss is not None and epoch.validation_accuracy is not None) is measured
            for epoch in history
        )


def _nobody_to_meet() -> None:
    """What a process that works alone does where two would wait for each other."""


def _check_enough(settings: Settings, data: Dataset) -> None:
    images = len(data.labels)
    if images <= settings.validation:
        msg = f"{data.name}: has {images} images, expected more than the {settings.validation} to hold out; "
        raise DataError(msg + "give --validation a smaller number")


def _optimizer(settings: Settings, model: DigitNet) -> Optimizer:
    parameters, decay = model.parameters(), settings.weight_decay
    if settings.optimizer == "adam":
        return Adam(parameters, settings.lr, weight_decay=decay)
    return SGD(parameters, settings.lr, settings.momentum, nesterov=settings.momentum > 0, weight_decay=decay)


def _augmenter(kind: str) -> Augmenter | None:
    return None if kind == "none" else augmenter(kind)
