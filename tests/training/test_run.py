import os
import signal
from contextlib import closing
from dataclasses import replace
from functools import cache
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from hellodl import checkpoint, datasets, evaluation, optim
from hellodl.about import Epoch, Position
from hellodl.errors import DataError, HellodlError, Interrupted, ModelError, NonFiniteError, UsageError
from hellodl.system import lockstep
from hellodl.system.files import temporary_of
from hellodl.system.lockstep import PROCESSES
from hellodl.training import run as training
from hellodl.training import step
from hellodl.training.loop import EpochRecord, Trainer
from hellodl.training.settings import Settings

# Every feature that a resume has to carry over, in a few combinations: 18 or 19 steps an epoch.
COMBINATIONS = {
    "hill": {"batch_size": 64, "epochs": 2},
    "momentum, schedule": {"momentum": 0.9, "lr": 0.05, "schedule": "linear", "warmup": 0.3},
    "momentum, augmentation": {"momentum": 0.9, "lr": 0.05, "augment": "elastic", "clean": 0.4},
    "adam, cosine, decay": {"optimizer": "adam", "lr": 0.002, "schedule": "cosine", "weight_decay": 0.01},
    "target": {"target_accuracy": 0.7, "lr": 0.5},
    "no validation": {"validation": 0, "momentum": 0.5, "augment": "shift"},
}


def settings_of(**changes):
    return Settings(**{"epochs": 3, "batch_size": 100, "validation": 150, "seed": 1, **changes})


@pytest.fixture
def output(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def run(small_mnist, output):
    """Trains, and gives back the records."""

    def run(settings, **options):
        options = {"output": output, "data_dir": small_mnist, "threads": 1, **options}
        return list(training.train(settings, training.Run(**options)))

    return run


@pytest.fixture(scope="module")
def whole(small_mnist, tmp_path_factory):
    """What one process learns with a combination, uninterrupted, and its records; trained once."""

    @cache
    def whole(combination):
        output = tmp_path_factory.mktemp("whole") / "model.safetensors"
        here = training.Run(output=output, data_dir=small_mnist, threads=1)
        records = list(training.train(settings_of(**COMBINATIONS[combination]), here))
        return learned(output), records

    return whole


def stop_after(steps):
    """A `should_stop` that says yes after so many steps: it is asked once before the first."""
    asked = iter(range(steps))
    return lambda: next(asked, None) is None


def learned(path):
    """All that a run has learned: every array's bytes, the position, the history; not how long it took."""
    found = checkpoint.load(path)
    about, stands = found.about, found.about.position
    told = (stands.step, stands.loss_sum, about.history, about.results, about.settings)
    return {name: a.tobytes() for name, a in found.arrays().items()}, told


# Learning ---------------------------------------------------------------------------------------------


def test_the_loss_falls_and_digits_are_read(run):
    *epochs, done = run(settings_of(epochs=5, momentum=0.9, lr=0.05))
    losses = [record.loss for record in epochs]
    assert losses == sorted(losses, reverse=True)
    assert [record.epoch for record in epochs] == [1, 2, 3, 4, 5]
    assert done.test_accuracy > 0.8
    assert done.validation_accuracy == epochs[-1].validation_accuracy
    assert (done.epochs, done.steps) == (5, 5 * 18)
    assert done.train_seconds == pytest.approx(sum(record.seconds for record in epochs))


def test_the_same_seed_gives_the_same_weights_bit_for_bit(run, tmp_path):
    files = [tmp_path / f"{i}.safetensors" for i in range(3)]
    for path, seed in zip(files, (1, 1, 2), strict=True):
        run(settings_of(seed=seed, augment="elastic"), output=path)
    first, again, other = map(learned, files)
    assert first == again
    assert first[0]["lc1.weight"] != other[0]["lc1.weight"]


@pytest.mark.skipif(PROCESSES == 1, reason="one process is all there is on this system")
@pytest.mark.parametrize("name", COMBINATIONS)
def test_one_process_or_several_give_the_same_weights_bit_for_bit(run, whole, tmp_path, name):
    """Also where a run with one goes on with two."""
    together, mixed = tmp_path / "together.safetensors", tmp_path / "mixed.safetensors"
    alone, _ = whole(name)
    for threads in (2, 3) if "augment" in COMBINATIONS[name] else (2,):
        run(settings_of(**COMBINATIONS[name]), output=together, threads=threads)
        assert learned(together) == alone
    with pytest.raises(Interrupted):
        run(settings_of(**COMBINATIONS[name]), output=mixed, threads=2, should_stop=stop_after(23))
    run(settings_of(**COMBINATIONS[name]), output=mixed, resume=mixed)
    assert learned(mixed) == alone


def test_small_and_odd_batches_are_worked_on_too(run, output):
    """A batch of one picture, of an odd number, of more than there are: the loss is the mean over all."""
    for batch_size in (1, 31, 33, 5000):
        settings = settings_of(batch_size=batch_size, epochs=1, lr=1e-9, validation=0)
        (epoch, done) = run(settings, output=output, force=True, threads=2)
        assert epoch.loss == pytest.approx(done.test_loss, rel=0.1)
        assert done.threads == (min(PROCESSES, 2) if batch_size > 32 else 1)  # what was used, not asked for


@pytest.mark.skipif(PROCESSES == 1, reason="one process is all there is on this system")
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_steps_taken_alone_between_shared_ones_change_no_bit(run, monkeypatch, tmp_path, optimizer, threads):
    """As beside busy neighbours, where the first process goes on alone for a while."""
    alone, mixed = tmp_path / "alone.safetensors", tmp_path / "mixed.safetensors"
    settings = settings_of(optimizer=optimizer, augment="elastic", weight_decay=1e-3)
    run(settings, output=alone)
    chosen = cycle([True, True, False])
    monkeypatch.setattr(step, "STRETCH", 3)
    monkeypatch.setattr(step.Pace, "choose", lambda _pace: next(chosen))
    run(settings, output=mixed, threads=threads)
    assert learned(mixed) == learned(alone)


def test_steps_are_shared_unless_neighbours_make_that_slower():
    """In quiet for ever; beside others what was quicker, and after some time the other is tried again."""

    def choices(shared, alone, count):
        pace = step.Pace()
        for _ in range(count):
            pace.wall, pace.work = alone if pace.alone else shared
            yield pace.choose()

    assert not any(choices((1.0, 0.95), (1.6, 1.6), 50))
    assert list(choices((0.3, 0.1), (0.2, 0.16), 2)) == [True, True]
    assert list(choices((3.0, 1.0), (2.0, 1.6), 16)) == [True] * 7 + [False] + [True] * 7 + [False]
    assert list(choices((2.0, 1.0), (3.0, 1.6), 16)) == [True] + [False] * 6 + [True] + [False] * 7 + [True]


@pytest.mark.parametrize("when", [0, 5, 8])
def test_after_an_hours_pause_steps_are_soon_shared_again(when):
    """A laptop's lid was closed: the next time that sharing is tried, the pause is forgotten."""
    pace, alone = step.Pace(), []
    for stretch in range(30):
        wall = 1.6 if pace.alone else 1.0
        pace.wall, pace.work = wall + 3600 * (stretch == when), 0.95 * wall
        alone.append(pace.choose())
    assert sum(alone) <= step.RETRY
    assert not alone[-1]


def test_a_stretch_of_steps_is_remembered_by_halves():
    """One pause alone must not decide."""
    pace, known = step.Pace(), []
    for wall in (4.0, 2.0, 0.0):
        pace.wall = pace.work = wall
        pace.choose()
        known.append(pace._seconds[False])
    assert known == [4.0, 3.0, 1.5]


def test_a_program_has_its_threads_for_matrix_products_back_afterwards(run):
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        before = ThreadpoolController().info()
        run(settings_of(epochs=1))
        assert ThreadpoolController().info()[: len(before)] == before  # OpenCV may have come with its own


def test_momentum_looks_ahead(small_mnist):
    """As settings say (Nesterov): the first step, from rest, is longer by the momentum."""

    def moved(momentum):
        trainer = Trainer(settings_of(momentum=momentum), datasets.load("mnist", "train", small_mnist))
        before = trainer.state()["weights"].copy()
        trainer.learn(next(trainer.plan.rest(0)))
        return trainer.state()["weights"] - before

    np.testing.assert_allclose(moved(0.9), 1.9 * moved(0.0), rtol=1e-3, atol=1e-6)


@pytest.mark.skipif(PROCESSES == 1, reason="one process is all there is on this system")
@pytest.mark.parametrize(
    ("augment", "batch_size", "asked", "used"),
    [("elastic", 100, 8, 3), ("elastic", 100, 2, 2), ("affine", 20, 8, 2), ("shift", 100, 8, 2)],
)
def test_more_processes_are_used_where_distorting_takes_long(run, augment, batch_size, asked, used):
    settings = settings_of(augment=augment, batch_size=batch_size, epochs=1)
    assert run(settings, threads=asked)[-1].threads == used


@pytest.mark.skipif(PROCESSES == 1, reason="one process is all there is on this system")
def test_a_helper_that_is_killed_ends_the_run_with_a_line(run, monkeypatch, output):
    """Nobody waits for its pictures for ever, and what was learned is saved."""
    monkeypatch.setattr(lockstep, "CHECK_EVERY", 0.01)
    kill, born, fork = iter(range(20)), [], os.fork
    monkeypatch.setattr(os, "fork", lambda: born.append(fork()) or born[-1])

    def between_steps():
        if next(kill, None) == 15:
            os.kill(born[0], signal.SIGKILL)
        return False

    with pytest.raises(HellodlError, match="process that helped was ended; --threads 1"):
        run(settings_of(augment="elastic", epochs=30), threads=4, should_stop=between_steps)
    assert checkpoint.load(output).about.position.step >= 15


@pytest.mark.skipif(PROCESSES == 1, reason="one process is all there is on this system")
@pytest.mark.parametrize("shard", [0, 1])
def test_a_helper_that_dies_between_two_shards_ends_the_run(run, monkeypatch, shard):
    """It stays a zombie until its parent asks, and was once waited for without end."""
    monkeypatch.setattr(lockstep, "CHECK_EVERY", 0.01)
    fill, done = lockstep.Relay.fill, iter(range(10**9))

    def dying(*arguments):
        if next(done) == 20 + shard:
            os.kill(os.getpid(), signal.SIGKILL)
        fill(*arguments)

    monkeypatch.setattr(lockstep.Relay, "fill", dying)
    with pytest.raises(HellodlError, match="process that helped was ended"):
        run(settings_of(augment="elastic", epochs=30), threads=4)


def test_where_no_process_can_be_had_a_run_is_taken_alone(run, monkeypatch, tmp_path):
    """Neither to share steps with nor to distort pictures."""
    settings = settings_of(augment="elastic", epochs=1)
    run(settings, output=tmp_path / "usual")

    def refuse():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    assert run(settings, output=tmp_path / "alone", threads=4)[-1].threads == 1
    assert learned(tmp_path / "alone") == learned(tmp_path / "usual")


def test_the_saved_model_is_the_one_that_was_scored(run, small_mnist, output):
    done = run(settings_of(momentum=0.9))[-1]
    test = datasets.load("mnist", "test", small_mnist)
    predicted = checkpoint.load_model(output).predict(test.images).argmax(axis=1)
    assert (predicted == test.labels).mean() == done.test_accuracy
    assert checkpoint.load(output).about.results.test_accuracy == done.test_accuracy


def test_the_test_set_is_loaded_and_scored_once_at_the_end(run, monkeypatch):
    """Nothing may be chosen by it."""
    seen = []
    load, score = datasets.load, evaluation.score
    monkeypatch.setattr(datasets, "load", lambda n, s, d: seen.append(s) or load(n, s, d))
    monkeypatch.setattr(training, "score", lambda *a: seen.append("scored") or score(*a))
    run(settings_of(epochs=2))
    assert seen == ["train", "test", "scored"]


def test_training_stops_once_the_accuracy_aimed_at_is_reached(run):
    *epochs, done = run(settings_of(epochs=50, momentum=0.9, target_accuracy=0.7))
    assert len(epochs) < 10
    assert (
        epochs[-1].validation_accuracy >= 0.7 > max((r.validation_accuracy for r in epochs[:-1]), default=0)
    )
    assert done.epochs == len(epochs)


def test_without_validation_there_is_none(run):
    *epochs, done = run(settings_of(validation=0))
    assert {(r.validation_loss, r.validation_accuracy) for r in epochs} == {(None, None)}
    assert done.validation_accuracy is None
    assert done.steps == 3 * 20


def test_a_batch_larger_than_the_set_is_the_set(run):
    done = run(settings_of(batch_size=10**9))[-1]
    assert done.steps == 3


def test_a_single_image_left_to_train_on_is_enough(run):
    assert run(settings_of(validation=1999, epochs=1))[-1].steps == 1


def test_holding_out_everything_is_refused(run, output):
    with pytest.raises(UsageError, match="--validation: is 2000, expected fewer than the 2000 images"):
        run(settings_of(validation=2000))
    assert not output.exists()


def test_other_networks_can_be_trained(run, output):
    run(settings_of(hidden=(20,), epochs=1))
    assert checkpoint.load_model(output).widths == (784, 20, 10)


# Divergence -------------------------------------------------------------------------------------------


def test_a_diverging_run_names_epoch_step_and_op_and_keeps_the_last_good_model(run, output):
    run(settings_of())
    good = output.read_bytes()
    with pytest.raises(
        NonFiniteError, match=r"^epoch 1, step \d+: \w+ of shape \(.*\) gave .*rate 100 may be"
    ):
        run(settings_of(lr=100.0), checkpoint_every=1e9)
    assert output.read_bytes() == good
    assert [p.name for p in output.parent.iterdir()] == [output.name]


def test_divergence_in_the_very_last_step_is_noticed(run, output):
    """The loss was still finite; the weights it led to are not."""
    with pytest.raises(NonFiniteError, match=r"^epoch 1, step 1: "):
        run(settings_of(lr=1e30, batch_size=2000, epochs=1))
    assert not output.exists()


def test_what_diverged_by_the_time_it_is_saved_leaves_nothing_behind(run, output):
    run(settings_of())
    with pytest.raises(NonFiniteError, match=r"^epoch 1, step 1: "):
        run(settings_of(lr=1e30), checkpoint_every=0)
    assert [path.name for path in output.parent.iterdir()] == [output.name]


def test_a_run_that_ends_finite_but_absurd_has_diverged(run, monkeypatch, output):
    monkeypatch.setattr("hellodl.training.loop.MAX_LOSS", 0.1)
    with pytest.raises(NonFiniteError, match=r"^epoch 1, step 18: the mean loss is "):
        run(settings_of())
    assert not output.exists()


# Resuming ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("combination", COMBINATIONS)
@pytest.mark.parametrize("stops", [(7,), (1, 17, 5, 11)], ids=str)
def test_a_resumed_run_ends_bit_for_bit_where_an_uninterrupted_one_does(
    run, whole, output, combination, stops
):
    """Stopped in the middle of an epoch, at its end, and several times."""
    settings = settings_of(**COMBINATIONS[combination])
    expected, records = whole(combination)
    resume = None
    for steps in stops:
        with pytest.raises(Interrupted):
            run(settings, resume=resume, should_stop=stop_after(steps))
        resume = output
    *epochs, done = run(settings, resume=output)
    assert learned(output) == expected
    assert epochs[-1].loss == records[-2].loss
    assert (done.test_loss, done.epochs, done.steps) == (
        records[-1].test_loss,
        records[-1].epochs,
        records[-1].steps,
    )


def test_the_time_before_a_resume_counts(run, output):
    settings = settings_of()
    with pytest.raises(Interrupted):
        run(settings, should_stop=stop_after(30))
    before = checkpoint.load(output).about.position.train_seconds
    *epochs, done = run(settings, resume=output)
    assert before > 0
    assert done.train_seconds == pytest.approx(before + sum(record.seconds for record in epochs))


def test_a_finished_run_can_be_extended(run, output, tmp_path):
    """With a constant rate that is the same as having asked for more epochs at once."""
    run(settings_of(epochs=2, momentum=0.9, lr=0.05))
    longer = training.choose_settings(None, {"epochs": 4}, output)
    records = run(longer, resume=output)
    assert [r.epoch for r in records if isinstance(r, EpochRecord)] == [3, 4]
    run(settings_of(epochs=4, momentum=0.9, lr=0.05), output=tmp_path / "whole.safetensors")
    assert learned(output) == learned(tmp_path / "whole.safetensors")


def test_an_extended_schedule_goes_on_as_if_asked_for_from_the_start(run, output, monkeypatch):
    """After 2 of 2 epochs the linear rate was 0; for 4 it is half the full one and falls to 0."""
    run(settings_of(epochs=2, schedule="linear"))
    rates = []
    monkeypatch.setattr("hellodl.optim.SGD.update", lambda self, _part: rates.append(self.lr))
    run(settings_of(epochs=4, schedule="linear"), resume=output)
    assert rates == pytest.approx([0.1 * (1 - step / 72) for step in range(36, 72)])


def test_a_finished_run_resumed_is_finished(run, output):
    run(settings_of())
    before = learned(output)
    (done,) = run(settings_of(), resume=output)
    assert done.epochs == 3
    assert learned(output) == before


def test_a_run_can_go_on_into_another_file(run, output, tmp_path):
    run(settings_of(epochs=1))
    first = output.read_bytes()
    run(settings_of(epochs=2), resume=output, output=tmp_path / "other.safetensors")
    assert output.read_bytes() == first
    assert checkpoint.load(tmp_path / "other.safetensors").about.position.step == 36


def test_contradicting_settings_are_refused_with_all_differences(run, output):
    run(settings_of(epochs=1))
    before = output.read_bytes()
    with pytest.raises(UsageError) as caught:
        run(settings_of(epochs=1, lr=0.2, seed=5, momentum=0.5), resume=output)
    assert str(caught.value) == (
        f"{output}: was trained with other settings: seed is 1 there, 5 here; "
        "lr is 0.1 there, 0.2 here; momentum is 0.0 there, 0.5 here"
    )
    assert output.read_bytes() == before


def test_the_end_may_be_changed(run, output):
    run(settings_of(epochs=1))
    changes = {"epochs": 3, "target_accuracy": 0.999}
    assert run(training.choose_settings(None, changes, output), resume=output)[-1].epochs == 3
    run(training.choose_settings(None, {"epochs": 4, "target_accuracy": 0.9}, output), resume=output)


def test_fewer_epochs_than_are_done_are_refused(run, output):
    run(settings_of(epochs=2))
    with pytest.raises(UsageError, match="has 36 steps behind it, --epochs 1 has fewer"):
        run(settings_of(epochs=1), resume=output)


def test_other_images_are_refused(run, output, small_mnist, tmp_path):
    run(settings_of())
    for file in small_mnist.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + b"\x07")
    with pytest.raises(UsageError, match="was trained on other images"):
        run(settings_of(), resume=output, data_dir=tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        {"position": Position(10**9, 0.0, 1.0)},
        {"position": None},
        {"history": ()},
        {"history": (Epoch(1, 1.0, 1.0, 0.5),) * 4},
        {"history": (Epoch(1, 1.0),) * 3},
    ],
    ids=str,
)
def test_a_damaged_position_is_refused(run, output, damage):
    run(settings_of())
    found = checkpoint.load(output)
    checkpoint.save(output, replace(found, about=replace(found.about, **damage)))
    with pytest.raises(ModelError, match="position in the training is damaged"):
        run(settings_of(), resume=output)


@pytest.mark.parametrize("lost", ["velocity", "count", "weights"])
def test_a_checkpoint_without_its_training_state_is_refused(run, output, lost):
    settings = settings_of(momentum=0.9)
    run(settings)
    found = checkpoint.load(output)
    del found.training[lost]
    checkpoint.save(output, found)
    with pytest.raises(ModelError, match=f"holds no training state '{lost}'"):
        run(settings, resume=output)


@pytest.mark.parametrize("values", [{}, {"lr": 0.1}, {"lr": 7}], ids=str)
def test_a_checkpoint_without_its_settings_is_refused(run, output, values):
    run(settings_of(epochs=1))
    found = checkpoint.load(output)
    checkpoint.save(output, replace(found, about=replace(found.about, settings=values)))
    with pytest.raises(ModelError, match="holds no training settings"):
        training.choose_settings(None, {}, output)


def test_a_run_with_a_setting_that_is_no_more_is_used_but_not_resumed(run, output):
    run(settings_of(epochs=1))
    found = checkpoint.load(output)
    for off, other in (("label_smoothing", 0.1), ("average", 0.9), ("patience", 3)):
        told = found.about.settings | {"label_smoothing": 0.0, "average": 0.0, "patience": 0}
        checkpoint.save(output, replace(found, about=replace(found.about, settings=told)))
        assert training.choose_settings(None, {}, output) == settings_of(epochs=1)
        told[off] = other
        checkpoint.save(output, replace(found, about=replace(found.about, settings=told)))
        with pytest.raises(
            ModelError, match=f"{off.replace('_', '-')}: is {other}, a setting that is no more"
        ):
            training.choose_settings(None, {}, output)


def test_a_preset_for_a_resumed_run_is_compared_like_options(run, output):
    run(settings_of(epochs=1))
    with pytest.raises(UsageError, match="batch_size is 100 there, 64 here"):
        run(training.choose_settings("hill", {}, output), resume=output)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_a_run_can_start_from_the_weights_in_a_file(run, output, tmp_path, suffix):
    """A step of next to no length leaves them where they were; a resume needs the file no more."""
    run(settings_of(epochs=3))
    before = checkpoint.load(output).weights
    start = tmp_path / f"start{suffix}"
    if suffix == ".npz":
        np.savez(start, **before)
    else:
        start.write_bytes(output.read_bytes())
    settings = settings_of(init=str(start), lr=1e-12, epochs=2, seed=5)
    with pytest.raises(Interrupted):
        run(settings, output=tmp_path / "tuned", should_stop=stop_after(7))
    start.unlink()
    run(settings, output=tmp_path / "tuned", resume=tmp_path / "tuned")
    for name, weights in checkpoint.load(tmp_path / "tuned").weights.items():
        np.testing.assert_allclose(weights, before[name], atol=1e-6)


def test_weights_of_another_shape_are_no_start(run, output, tmp_path):
    run(settings_of(epochs=1, hidden=(20, 64)))
    with pytest.raises(ModelError, match=r"lc1.weight has shape \(20, 784\), expected \(128, 784\)"):
        run(settings_of(init=str(output)), output=tmp_path / "other")


# What goes wrong late ---------------------------------------------------------------------------------


def test_a_missing_test_set_is_told_before_the_first_step(run, small_mnist, tmp_path, monkeypatch, output):
    monkeypatch.setattr(Trainer, "learn", lambda *_: pytest.fail("it trained"))
    for file in small_mnist.glob("train-*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match="t10k"):
        run(settings_of(), data_dir=tmp_path)
    assert not output.exists()


def test_an_epoch_that_cannot_be_validated_is_not_saved_amid_that(run, monkeypatch, output):
    def fails(_):
        raise MemoryError

    monkeypatch.setattr(Trainer, "_validate", fails)
    with pytest.raises(MemoryError):
        run(settings_of())
    assert not output.exists()


@pytest.mark.parametrize("name", ["score", "fit_doubt"])
def test_what_cannot_be_scored_is_saved_and_can_be_scored_later(run, monkeypatch, output, tmp_path, name):
    def fails(*_):
        raise ImportError("libswscale.so: failed to map segment")

    usual = getattr(training, name)
    monkeypatch.setattr(training, name, fails)
    with pytest.raises(ImportError):
        run(settings_of())
    monkeypatch.setattr(training, name, usual)
    assert checkpoint.load(output).about.position.step == 54
    run(settings_of(), resume=output)
    run(settings_of(), output=tmp_path / "whole")
    assert learned(output) == learned(tmp_path / "whole")


@pytest.mark.parametrize("broken", ["hellodl.system.files.write_atomically", "os.link"])
def test_the_earlier_model_is_kept_without_room_for_a_copy_or_by_one(run, monkeypatch, output, broken):
    def fails(*_):
        raise OSError(28, "No space left on device")

    run(settings_of())
    best = output.read_bytes()
    monkeypatch.setattr(broken, fails)
    done = run(settings_of(epochs=1, lr=1e-3))[-1]
    assert done.earlier.path.read_bytes() == best != output.read_bytes()
    assert [path.name for path in sorted(output.parent.iterdir())] == [output.name, done.earlier.path.name]


@pytest.mark.skipif(PROCESSES == 1, reason="one process is all there is on this system")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("place", ["read", "alone", "update"])
def test_a_partner_that_is_killed_costs_nothing_unless_amid_an_update(
    run, monkeypatch, output, tmp_path, place, optimizer
):
    """Between two updates the weights, which both have, are whole; amid one nobody knows."""
    monkeypatch.setattr(lockstep, "CHECK_EVERY", 0.01)
    owner, name = (optim.Optimizer, "update") if place == "update" else (step.Shard, "read")
    if place == "alone":  # it waits while the first goes on alone, which notices after the stretch
        owner, name = step.Step, "_agree"
        monkeypatch.setattr(step, "STRETCH", 4)
    usual, ours, calls, told = getattr(owner, name), os.getpid(), iter(range(10**9)), []

    def dying(*arguments):
        if os.getpid() != ours and next(calls) == 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return usual(*arguments)

    monkeypatch.setattr(owner, name, dying)
    monkeypatch.setattr(step.Pace, "choose", lambda _: place == "alone")
    settings = settings_of(optimizer=optimizer, lr=0.01)
    with pytest.raises(HellodlError, match="process that helped was ended"):
        run(settings, threads=2, tell=told.append)
    if place == "update":
        assert (output.exists(), told) == (False, [f"{output}: stays as it was"])
        return
    assert told == [f"{output}: has all that was learned"]
    assert checkpoint.load(output).about.position.step == 20
    monkeypatch.setattr(owner, name, usual)
    run(settings, resume=output)
    run(settings, output=tmp_path / "whole")
    assert learned(output) == learned(tmp_path / "whole")


# Stopping ---------------------------------------------------------------------------------------------


def test_a_stop_says_how_to_go_on(run, output, small_mnist):
    with pytest.raises(Interrupted) as caught:
        run(settings_of(), should_stop=stop_after(7))
    assert str(caught.value) == (
        f"stopped after 7 of 54 steps; go on with `hellodl train --resume {output} --data-dir {small_mnist}`"
    )
    assert checkpoint.load(output).about.position.step == 7


def test_a_stop_in_validation_loses_no_record(small_mnist, output):
    """The epoch's record comes before the run ends."""
    records, is_validating = [], []

    def look(trainer, batches):
        yield from batches
        is_validating.append(True)  # what follows the batches is the validation

    here = training.Run(
        output, small_mnist, threads=1, progress=look, should_stop=lambda: bool(is_validating)
    )
    with pytest.raises(Interrupted, match="stopped after 18 of 54 steps"):
        records.extend(training.train(settings_of(), here))
    assert [record.epoch for record in records] == [1]


def test_a_stop_before_the_first_step_touches_nothing(run, output):
    run(settings_of())
    before = output.read_bytes()
    with pytest.raises(Interrupted, match="nothing was written"):
        run(settings_of(seed=9), should_stop=lambda: True)
    assert output.read_bytes() == before


def children():
    """Processes that we started and that have not been waited for, those of other tests among them."""
    tasks = Path("/proc/self/task")  # on Linux; elsewhere training starts none
    return {child for task in tasks.glob("*/children") for child in task.read_text().split()}


@pytest.mark.parametrize("where", ["save", "predict", "learn"])
def test_leaving_at_once_does_no_harm(run, output, monkeypatch, where):
    """A KeyboardInterrupt amid saving, validation or a step: the old model, kept twice at most, no lock."""
    run(settings_of())
    before, strangers = output.read_bytes(), children()

    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    target = {
        "save": "os.fsync",
        "predict": "hellodl.nn.DigitNet.predict",
        "learn": "hellodl.training.loop.Trainer.learn",
    }[where]
    monkeypatch.setattr(target, interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(settings_of(seed=2), threads=2, checkpoint_every=0 if where == "save" else 3600)
    left = sorted(output.parent.iterdir())
    assert {path.read_bytes() for path in left} == {before}
    assert [path.name for path in left] in ([output.name], [output.name, f"{output.name}.bak"])
    assert children() == strangers


def test_checkpoints_come_when_their_time_has_come(run, output, monkeypatch):
    """Every 0 seconds: after every step and epoch; every hour: at the end alone."""
    steps = []
    save = checkpoint.save
    monkeypatch.setattr(
        checkpoint,
        "save",
        lambda path, found: steps.append(found.about.position.step) or save(path, found),
    )
    run(settings_of(epochs=2), checkpoint_every=0)
    assert steps == [*range(1, 37), 36]
    steps.clear()
    run(settings_of(epochs=2), checkpoint_every=3600)
    assert steps == [36]


# The place of the output ------------------------------------------------------------------------------


def test_missing_folders_are_made(run, tmp_path):
    run(settings_of(epochs=1), output=tmp_path / "a" / "b" / "model")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["model"]


def test_another_architecture_is_replaced_only_by_force(run, output):
    run(settings_of(hidden=(20,), epochs=1))
    with pytest.raises(UsageError, match="holds a network 784→20→10; --force replaces it"):
        run(settings_of(epochs=1))
    run(settings_of(epochs=1), force=True)
    assert checkpoint.load_model(output).widths == (784, 128, 64, 10)


def test_a_file_that_is_no_model_is_replaced_only_by_force(run, output):
    output.write_text("my notes")
    with pytest.raises(UsageError, match="--force replaces"):
        run(settings_of(epochs=1))
    assert output.read_text() == "my notes"
    run(settings_of(epochs=1), force=True)
    checkpoint.load(output)


def test_a_folder_is_no_output_even_by_force(run, tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        run(settings_of(), output=tmp_path, force=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_device_or_pipe_is_never_replaced(run, output):
    os.mkfifo(output)
    with pytest.raises(UsageError, match="is no plain file"):
        run(settings_of(), force=True)
    assert output.is_fifo()


def test_a_file_where_a_folder_should_be_is_told(run, output):
    output.write_text("")
    with pytest.raises(HellodlError, match="cannot be written"):
        run(settings_of(), output=output / "model")


def test_a_name_that_is_too_long_is_told_before_training(run, tmp_path):
    for length in (251, 255, 3000):
        with pytest.raises(HellodlError, match=r"(?i)cannot be written: File ?name too long"):
            run(settings_of(), output=tmp_path / ("m" * length))


def test_a_second_run_with_the_same_output_is_refused_and_the_first_goes_on(run, small_mnist, output):
    here = training.Run(output=output, data_dir=small_mnist, threads=1)
    with closing(training.train(settings_of(), here)) as first:
        next(first)
        with pytest.raises(HellodlError, match="another run is writing it"):
            run(settings_of())
        with pytest.raises(HellodlError, match="another run is writing it"):
            run(settings_of(), force=True)
        assert len(list(first)) == 3
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    run(settings_of())


def test_what_a_killed_run_left_is_no_obstacle_and_is_swept_away(small_mnist, output):
    """The half checkpoint at once, the lock with the end."""
    output.with_name(f"{output.name}.lock").write_text("")
    temporary_of(output).write_bytes(b"half a checkpoint")
    records = training.train(settings_of(), training.Run(output, small_mnist, threads=1))
    next(records)
    assert [path.name for path in output.parent.iterdir()] == [f"{output.name}.lock"]
    list(records)
    assert [path.name for path in output.parent.iterdir()] == [output.name]


def test_weights_do_not_depend_on_how_often_a_run_is_saved(run, tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    run(settings_of(epochs=1), output=a, checkpoint_every=0)
    run(settings_of(epochs=1), output=b)
    assert learned(a) == learned(b)
    assert np.isfinite(checkpoint.load(a).weights["lc1.weight"]).all()
