"""The training loop itself: one network learning from one data set, step by step, epoch by epoch.

Everything random is a function of the seed and the position, so the state of a run is small: the weights,
what the optimizer remembers, and how many steps were done.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hellodl.about import MAX_LOSS, Epoch, Position
from hellodl.autograd.memory import Array
from hellodl.checkpoint import MAX_WEIGHT, load_weights
from hellodl.datasets import Dataset
from hellodl.errors import NonFiniteError, UsageError
from hellodl.evaluation import score_probabilities
from hellodl.nn import DigitNet
from hellodl.optim import SGD, Adam, Optimizer
from hellodl.system.processors import one_blas_thread
from hellodl.training import batches
from hellodl.training.batches import Batch, Labels
from hellodl.training.settings import Settings
from hellodl.training.step import Step
from hellodl.upright import Images

Progress = Callable[["Trainer", Iterable[Batch]], Iterable[Batch]]


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

    Of the training set `data`, kept as the network sees it, validation images are held out. However many
    `processes` share out the steps, the weights come out the same bit for bit.
    """

    def __init__(self, settings: Settings, data: Dataset, processes: int = 1) -> None:
        self.settings = settings
        one_blas_thread()
        if (count := len(data.labels)) <= (asked := settings.validation):
            raise UsageError(
                f"--validation: is {asked}, expected fewer than the {count} images of {data.name}"
            )
        rows, self._held_out = batches.stratified_split(data.labels, settings.validation, settings.seed)
        rows = batches.with_repeats(rows, len(data.labels) - data.added)
        images, labels = data.images, data.labels
        if settings.drawn:
            images, labels = batches.with_hands(images, labels)
        self.plan = batches.Plan(settings, rows, np.arange(len(data.labels), len(labels)))
        rng = batches.generator(settings.seed, batches.Purpose.WEIGHTS)
        self.model = DigitNet(settings.hidden, rng, upright=settings.upright == "yes")
        self._optimizer = _optimizer(settings, self.model)
        self._as_given = data.images[self._held_out]
        images = self.model.turned(images)
        self.data = replace(data, images=images[: len(data.labels)])  # what it was made of takes memory
        pictures = batches.Pictures(images, labels, settings.augment, settings.seed)
        self._step = Step(self.model, self._optimizer, pictures, self.plan.batch_size, processes)
        self.step = 0
        self.loss_sum = 0.0  # over the steps of this epoch
        self.train_seconds = 0.0  # of all steps, those before a resume too, validation not counted
        self.history: list[Epoch] = []

    @property
    def epoch(self) -> int:
        """Epochs completed."""
        return self.step // self.plan.steps_per_epoch

    @property
    def step_in_epoch(self) -> int:
        """Steps done of the current epoch."""
        return self.step % self.plan.steps_per_epoch

    @property
    def processes(self) -> int:
        """How many take the steps."""
        return self._step.processes

    @property
    def validation_accuracy(self) -> float | None:
        """The accuracy on the images held out after the latest epoch."""
        return self.history[-1].validation_accuracy if self.history else None

    def is_whole(self) -> bool:
        """Whether this is a place to go on from: no weight amid an update, no epoch amid its validation."""
        return bool(self._optimizer.count[0] == self.step) and len(self.history) == self.epoch

    def is_done(self) -> bool:
        """Whether all epochs are done, or the accuracy aimed at is reached."""
        aim = self.settings.target_accuracy or np.inf
        return self.epoch >= self.settings.epochs or (self.validation_accuracy or 0.0) >= aim

    def held_out(self, most: int | None = None) -> tuple[Images, Labels]:
        """The images held out, as they were given, and their labels; at most so many."""
        return self._as_given[:most], self.data.labels[self._held_out[:most]]

    def shared_out(self) -> AbstractContextManager[None]:
        """Inside, steps are shared with a second process, if we may use one and there is work for two."""
        return self._step.shared(self.plan.rest(self.step))

    @np.errstate(all="ignore")  # what goes astray is told of below
    def run_epoch(self, progress: Progress, after_step: Callable[[], None]) -> EpochRecord:
        """Finish the current epoch, from wherever it stands, and look at the images held out.

        `progress` wraps the batches; `after_step` is called between steps, when the run can be saved.
        """
        before, started = self.train_seconds, time.perf_counter()
        for batch in progress(self, self.plan.rest_of_epoch(self.step)):
            self.learn(batch)
            self.train_seconds = before + time.perf_counter() - started
            if self.step_in_epoch:
                after_step()
        loss, self.loss_sum = self.loss_sum / self.plan.steps_per_epoch, 0.0
        self.check_sane(loss)
        validation = self._validate()
        self.history.append(Epoch(self.epoch, loss, *validation))
        seconds = self.train_seconds - before
        return EpochRecord(self.epoch, self.settings.epochs, loss, *validation, seconds)

    def learn(self, batch: Batch) -> None:
        """One step down the hill. Raises NonFiniteError if it leads nowhere."""
        try:
            self.loss_sum += self._step.take(batch)
        except NonFiniteError as error:
            raise self._diverged(self.step, str(error)) from None
        self.step += 1

    def _validate(self) -> tuple[float | None, float | None]:
        """Loss and accuracy on the images held out."""
        if not len(self._held_out):
            return None, None
        answers = self.model.predict(self.data.images[self._held_out], ready=True)
        found = score_probabilities(answers, self.data.labels[self._held_out])
        return found.loss, found.accuracy

    def check_sane(self, loss: float) -> None:
        """Raise NonFiniteError if the weights, or the mean loss, are nothing to keep."""
        last = self.step - 1
        if not all(np.isfinite(array).all() for array in self.state().values()):
            raise self._diverged(last, "the weights are no longer finite")
        if not (np.abs(self._optimizer.weights) < MAX_WEIGHT).all():
            raise self._diverged(last, f"weights have grown beyond {MAX_WEIGHT:g}")
        if not loss < MAX_LOSS:
            raise self._diverged(last, f"the mean loss is {loss:g}")

    def _diverged(self, step: int, what: str) -> NonFiniteError:
        """Which step (from 0), what is wrong, what to do."""
        epoch, number = divmod(step, self.plan.steps_per_epoch)
        place = f"epoch {epoch + 1}, step {number + 1}"
        lr, decay = self.settings.lr, self.settings.weight_decay
        culprit = f"weight decay {decay:g}" if decay > max(lr, 1 / lr) else f"learning rate {lr:g}"
        return NonFiniteError(f"{place}: {what}; the {culprit} may be too large")

    def state(self) -> dict[str, Array]:
        """All arrays that change from step to step, by name."""
        return {"weights": self._optimizer.weights} | self._optimizer.state()

    def start_from(self, path: Path) -> None:
        """Begin with the weights in a file instead of random ones. Raises ModelError if they do not fit."""
        found = load_weights(path, self.model.widths)
        for name, parameter in self.model.named_parameters().items():
            parameter.value = found[name]

    def go_to(self, position: Position, history: list[Epoch]) -> None:
        """Stand elsewhere; the arrays of `state` were changed to what they were there."""
        self.step, self.loss_sum = position.step, position.loss_sum
        self.train_seconds, self.history = position.train_seconds, history
        for parameter in self.model.parameters():
            parameter.touch()


def _optimizer(settings: Settings, net: DigitNet) -> Optimizer:
    parameters, decay = net.parameters(), settings.weight_decay
    if settings.optimizer == "adam":
        return Adam(parameters, settings.lr, weight_decay=decay)
    return SGD(parameters, settings.lr, settings.momentum, nesterov=settings.momentum > 0, weight_decay=decay)
