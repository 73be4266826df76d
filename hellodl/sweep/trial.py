"""One training of a sweep: what it is told and what it gives. The test set is never looked at."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hellodl.errors import NonFiniteError
from hellodl.limits import SHARE, TEXT, Checked, Limit, OutOfLimitsError, limited, number, optional, whole
from hellodl.training.loop import Trainer
from hellodl.training.settings import Settings
from hellodl.training.sources import training_set

if TYPE_CHECKING:
    from hellodl.datasets import Dataset


@dataclass(frozen=True)
class Trial(Checked):
    """The end of one training.

    `validation_accuracy` is that of the last epoch, over `images` held out; None where there is an `error`.
    `weights` is the SHA-256 of the weights learned: equal where two runs are equal bit for bit. `data` is
    that of the training set.
    """

    settings: dict[str, Any] = field(metadata={"limit": Limit(lambda v: isinstance(v, dict), "a dict")})
    data: str = limited(TEXT)
    validation_accuracy: float | None = limited(optional(SHARE), None)
    validation_loss: float | None = limited(optional(number(0)), None)
    images: int = limited(whole(), 0)
    epochs: int = limited(whole(), 0)
    train_seconds: float = limited(number(0), 0.0)
    weights: str = limited(TEXT, "")
    error: str = limited(TEXT, "")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.validation_accuracy is not None and not self.images:
            raise OutOfLimitsError("images", self.images, "some, as there is an accuracy")

    @property
    def key(self) -> str:
        """What tells this training from others: its settings, and what it learned from."""
        return key_of(self.settings, self.data)


def key_of(settings: dict[str, Any], data: str) -> str:
    """The key of a training."""
    return json.dumps([settings, data], sort_keys=True)


def run_trial(data_dir: str | None, settings: dict[str, Any]) -> dict[str, Any]:
    """Train on one processor as told, and return the fields of a Trial.

    A training that diverges is a result like others. Takes and returns plain values: it may run on another
    machine. Raises DataError where the data set is not to be had there.
    """
    chosen = Settings.from_dict(settings)
    data = load_data(chosen.dataset, chosen.also, data_dir)
    told = chosen.as_dict()
    try:
        trainer = Trainer(chosen, data)
        if chosen.init:
            trainer.start_from(Path(chosen.init))
        while not trainer.is_done():
            record = trainer.run_epoch(lambda _trainer, batches: batches, lambda: None)
    except NonFiniteError as error:
        return asdict(Trial(told, data.sha256, error=str(error)))
    weights = b"".join(parameter.value.tobytes() for parameter in trainer.model.parameters())
    trial = Trial(
        told,
        data.sha256,
        record.validation_accuracy,
        record.validation_loss,
        images=chosen.validation,
        epochs=record.epoch,
        train_seconds=trainer.train_seconds,
        weights=hashlib.sha256(weights).hexdigest(),
    )
    return asdict(trial)


@lru_cache(maxsize=1)
def load_data(name: str, also: str, data_dir: str | None) -> Dataset:
    """The training set, kept for the next training of this process."""
    return training_set(Settings(dataset=name, also=also), None if data_dir is None else Path(data_dir))
