"""One training of a sweep, and the journal of all that ended, from which a sweep goes on.

The test set is never looked at.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from hellodl.datasets import Dataset
from hellodl.errors import NonFiniteError, UsageError
from hellodl.limits import SHARE, TEXT, Checked, Limit, OutOfLimitsError, limited, number, optional, whole
from hellodl.system.files import only_writer, writing
from hellodl.training.loop import Trainer
from hellodl.training.settings import Settings
from hellodl.training.sources import training_set

LONGEST = 1 << 20  # bytes of a line: a thousand times what settings and results take


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


def key_of(settings: dict[str, Any], data: str) -> str:
    """What tells a training from others: its settings, and what it learned from."""
    return json.dumps([settings, data], sort_keys=True)


def run_trial(data_dir: str | None, settings: dict[str, Any]) -> dict[str, Any]:
    """Train on one processor as told, and return the fields of a Trial.

    A training that diverges is a result like others. Takes and returns plain values: it may run on another
    machine. Raises DataError where the data set is not to be had there.
    """
    chosen = Settings.from_dict(settings)
    data = load_data(chosen.dataset, chosen.also, data_dir)
    told: dict[str, Any] = {"settings": chosen.as_dict(), "data": data.sha256}
    try:
        trainer = Trainer(chosen, data)
        if chosen.init:
            trainer.start_from(Path(chosen.init))
        while not trainer.is_done():
            record = trainer.run_epoch(lambda _trainer, batches: batches, lambda: None)
    except NonFiniteError as error:
        return asdict(Trial(**told, error=str(error)))
    weights = b"".join(parameter.value.tobytes() for parameter in trainer.model.parameters())
    trial = Trial(
        **told,
        validation_accuracy=record.validation_accuracy,
        validation_loss=record.validation_loss,
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


# The journal: a line of JSON for each training --------------------------------------------------------


@contextmanager
def journal(path: Path) -> Iterator[tuple[dict[str, Trial], Callable[[Trial], None]]]:
    """The trainings that a file holds, by key, and a function that adds one; nobody else may write meanwhile.

    What a killed sweep wrote of its last line is dropped. Raises UsageError if the file holds something else,
    HellodlError if it cannot be written.
    """
    with only_writer(path):
        with writing(path), path.open("a+b") as file:
            file.seek(0)
            held, whole = _read(path, file.read())
            file.truncate(whole)

        def add(trial: Trial) -> None:
            with writing(path), path.open("ab") as file:
                file.write(json.dumps(asdict(trial)).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())

        yield held, add


def _read(path: Path, content: bytes) -> tuple[dict[str, Trial], int]:
    """The trainings in whole lines, and how many bytes those have."""
    whole = content.rfind(b"\n") + 1
    if not whole and content and not content.startswith(b'{"settings"'[: len(content)]):
        raise _another_kind(path, 1)
    held = {}
    for place, line in enumerate(content[:whole].splitlines(), 1):
        try:
            trial = Trial(**json.loads(line[:LONGEST]))
        except (ValueError, TypeError, RecursionError):
            raise _another_kind(path, place) from None
        held[key_of(trial.settings, trial.data)] = trial
    return held, whole


def _another_kind(path: Path, place: int) -> UsageError:
    return UsageError(
        f"{path}, line {place}: is no result of a sweep, expected a file that `hellodl sweep` wrote; "
        "-o FILE writes elsewhere"
    )
