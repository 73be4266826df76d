"""A whole training run, from data to saved model: yields records, knows no terminal."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hellodl import checkpoint as checkpoints
from hellodl.about import EXTREME, Calibration, Results
from hellodl.datasets import Dataset
from hellodl.errors import Interrupted, NonFiniteError, UsageError
from hellodl.evaluation import score
from hellodl.reading.doubt import fit_doubt
from hellodl.system.files import only_writer, temporary_of
from hellodl.system.lockstep import PROCESSES
from hellodl.system.processors import available_cpus, one_blas_thread
from hellodl.training import saving
from hellodl.training.augment import Augmenter, Strengths
from hellodl.training.batches import Purpose, generator
from hellodl.training.diagnosis import diagnosis
from hellodl.training.loop import EpochRecord, Trainer
from hellodl.training.saving import Run
from hellodl.training.settings import PRESETS, Settings, fitting
from hellodl.training.sources import count_digits, is_folder, scoring_set, training_set

__all__ = ["DoneRecord", "EpochRecord", "Run", "Trainer", "choose_settings", "train"]

QUICK_RUN, QUICK_LOOK = 2000, 300  # a run of so few steps is calibrated on so many images

# About as far from MNIST as what people photograph.
STRONG = Strengths(shift=1.5, rotation=15, scale=0.2, shear=0.25, elastic=1.0, stroke=0.7)


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
    earlier: saving.Earlier | None = None
    """The model that was there before, where it is kept now."""


def train(settings: Settings, run: Run) -> Generator[EpochRecord | DoneRecord]:
    """Train as told: yields a record for each epoch and one at the end, when the model is saved.

    Raises, before anything is trained, DataError, ModelError, UsageError, or HellodlError if the output
    cannot be written or another run is writing it; later NonFiniteError when the training diverges,
    Interrupted when asked to stop. Whenever it ends early, the last good checkpoint stays.
    """
    saving.check_place(run.output)
    with only_writer(run.output), one_blas_thread():
        temporary_of(run.output).unlink(missing_ok=True)  # a killed run's
        trainer = _prepared(settings, run)
        test = scoring_set(settings, run.data_dir)  # now, or that it is missing would be said too late
        if run.should_stop():
            raise Interrupted("stopped before the first step; nothing was written")
        saver = saving.Saver(trainer, run)
        try:
            with trainer.shared_out():
                while not trainer.is_done():
                    record = trainer.run_epoch(run.progress, saver.between_steps)
                    yield record  # first: a stop below must not lose it
                    if remark := diagnosis(trainer, record):
                        run.tell(remark)
                    saver.between_steps()
            yield _finish(trainer, run, saver, test)
        except (NonFiniteError, Interrupted):
            raise
        except Exception:  # a process that helped was killed, a library cannot be loaded, …
            saver.rescue()
            raise


def _prepared(settings: Settings, run: Run) -> Trainer:
    """A run that stands where it is to begin."""
    if not run.force and run.output != run.resume:
        saving.check_precious(run.output, settings)
    start = saving.read_start(run.resume, settings) if run.resume else None
    data = training_set(settings, run.data_dir, run.tell)
    trainer = Trainer(settings, data, min(run.threads or available_cpus(), PROCESSES))
    if run.resume and start:
        saving.restore(trainer, run.resume, start)
    elif settings.init:
        trainer.start_from(Path(settings.init))
    return trainer


def _finish(trainer: Trainer, run: Run, saver: saving.Saver, test: Dataset) -> DoneRecord:
    """Score the test set, once, and save the model."""
    result = score(trainer.model, test.images, test.labels)
    results = Results(trainer.validation_accuracy, result.accuracy, result.loss)
    saver.save(results=results, calibration=_calibrate(trainer))
    return DoneRecord(
        validation_accuracy=results.validation_accuracy,
        test_accuracy=result.accuracy,
        test_loss=result.loss,
        epochs=trainer.epoch,
        steps=trainer.step,
        train_seconds=trainer.train_seconds,
        model=str(run.output),
        threads=trainer.processes,
        earlier=saver.earlier,
    )


def _calibrate(trainer: Trainer) -> Calibration:
    """How far to believe the model, from the images held out, as they are and strongly distorted."""
    images, labels = trainer.held_out(QUICK_LOOK if trainer.plan.steps <= QUICK_RUN else None)
    if not len(images):
        return Calibration()
    distorted = Augmenter(STRONG)(images, generator(trainer.settings.seed, Purpose.CALIBRATE))
    found = fit_doubt(trainer.model, images, labels, distorted)
    return Calibration(found.temperature, found.familiar if abs(found.familiar) < EXTREME else None)


def choose_settings(preset: str | None, given: dict[str, Any], resume: Path | None) -> Settings:
    """The settings of a run: those of a preset or of the checkpoint to resume, then the given ones.

    Where no preset is given, some that fit a folder of few pictures, or another optimizer, better. Weights to
    start from go on with pictures as they know them, upright or not, and so does a run that is resumed.

    Raises UsageError for unusable values, ModelError if the checkpoint cannot be resumed.
    """
    if resume is None:
        name = given.get("dataset", "")
        if given.get("init"):
            given = {"upright": "yes" if checkpoints.learned_upright(Path(given["init"])) else "no"} | given
        return Settings(**fitting(preset, given, count_digits(Path(name)) if is_folder(name) else None))
    if resume == Path("shipped"):
        raise UsageError("--resume: the model that ships is complete; --init shipped starts from its weights")
    there = saving.settings_of(resume, checkpoints.load(resume))
    wanted = {**PRESETS.get(preset or "", {}), "upright": there.upright, **given}
    return replace(there, **wanted)
