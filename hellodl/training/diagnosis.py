"""Says so when training learns next to nothing, what that usually means, and what to try."""

import math
from collections.abc import Iterator

from hellodl.training.loop import EpochRecord, Trainer

GUESSING = math.log(10)  # nats: the loss of one who gives each digit a tenth
NOTHING = 0.9 * GUESSING  # from this loss on next to nothing was learned
FEW_STEPS = 20  # after so few nothing is to be expected
LOOKED_AT = 500  # images
LARGEST = {"sgd": 0.5, "adam": 0.01}  # learning rates beyond these are seldom of use, nor
SMALLEST = {"sgd": 1e-3, "adam": 1e-5}  # are those below these


def diagnosis(trainer: Trainer, record: EpochRecord) -> str:
    """A remark in one line after a first or last epoch that taught next to nothing; else an empty one."""
    labels = trainer.data.labels
    if record.epoch == 1 and (labels == labels[0]).all():
        return f"all {len(labels):,} labels are {labels[0]}: there is nothing to tell apart; the right file?"
    if record.epoch not in (1, record.epochs) or trainer.step <= FEW_STEPS or record.loss < NOTHING:
        return ""
    reasons = [*_of_data(trainer), *_of_settings(trainer)] or ["try another --lr, or more --epochs"]
    return (
        f"epoch {record.epoch} taught next to nothing: the loss is {record.loss:.2f}, "
        f"guessing has {GUESSING:.2f} (ln 10); {'; '.join(reasons)}"
    )


def _of_data(trainer: Trainer) -> Iterator[str]:
    images = trainer.data.images[:LOOKED_AT]
    brightest = int(images.max())
    if brightest <= 1:
        yield f"the brightest pixel is {brightest}, expected 255: pixels are not scaled beforehand"
    elif (images == images[0]).all():
        yield "the pictures are all the same"


def _of_settings(trainer: Trainer) -> Iterator[str]:
    settings = trainer.settings
    hidden = trainer.model.hidden(trainer.data.images[:LOOKED_AT], ready=True)
    dead = int((hidden <= 0).all(axis=0).sum())
    largest, smallest = LARGEST[settings.optimizer], SMALLEST[settings.optimizer]
    if dead > hidden.shape[1] / 2:
        yield (
            f"{dead} of {hidden.shape[1]} units of the last hidden layer are dead (their ReLU gives 0 for "
            f"every picture), as after too large steps: try --lr {min(settings.lr / 10, largest / 5):g}"
        )
    elif settings.lr > largest:
        yield f"the learning rate {settings.lr:g} is large for {settings.optimizer}: try --lr {largest / 5:g}"
    if settings.lr < smallest:
        better = f"{50 * smallest:g}"
        yield f"the learning rate {settings.lr:g} is small for {settings.optimizer}: try --lr {better}"
