import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hellodl.training.batches import Batch, Pictures, Plan, Purpose, epoch_order, generator, stratified_split
from hellodl.training.settings import Settings

LABELS = np.random.default_rng(0).integers(0, 10, 3000).astype(np.uint8)


@given(st.integers(1, 300), st.data())
def test_a_split_is_disjoint_and_complete(count, data):
    held_out = data.draw(st.integers(0, count))
    kept, out = stratified_split(LABELS[:count], held_out, seed=data.draw(st.integers(0, 5)))
    assert len(out) == held_out
    assert sorted([*kept, *out]) == list(range(count))
    assert (np.diff(kept) > 0).all()


def test_a_split_holds_out_each_digit_in_proportion():
    """No digit is off by more than one image."""
    _, out = stratified_split(LABELS, 500, seed=1)
    share = np.bincount(LABELS, minlength=10) * 500 / 3000
    assert np.abs(np.bincount(LABELS[out], minlength=10) - share).max() <= 1


def test_a_split_depends_on_the_seed_alone():
    first, again, other = (stratified_split(LABELS, 500, seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert len(np.intersect1d(first, other)) < 150


def test_an_epoch_visits_every_image_once_less_a_remainder():
    indices = np.arange(100, 203)
    order = epoch_order(indices, 10, seed=0, epoch=0)
    assert order.shape == (10, 10)
    assert len(np.unique(order)) == 100
    assert np.isin(order, indices).all()


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = [epoch_order(np.arange(50), 50, *where).tobytes() for where in ((0, 0), (0, 1), (1, 0), (0, 0))]
    assert orders[0] == orders[3]
    assert len(set(orders)) == 3


def test_a_course_goes_on_from_any_step_as_it_would_have():
    """Rows, positions and rates from a step on are those of the whole run from there."""
    settings = Settings(epochs=2, batch_size=30, schedule="linear", warmup=0.3, drawn=20, seed=3)
    plan = Plan(settings, np.arange(200), np.arange(200, 300))
    whole = [(b.rows.tolist(), b.epoch, b.number, b.lr) for b in plan.rest(0)]
    assert (len(whole), plan.steps, plan.steps_per_epoch) == (14, 14, 7)
    assert [where[1:3] for where in whole] == [(epoch, number) for epoch in range(2) for number in range(7)]
    for step in range(15):
        assert [(b.rows.tolist(), b.epoch, b.number, b.lr) for b in plan.rest(step)] == whole[step:]


def test_the_rate_rises_and_then_falls_as_the_schedule_says():
    settings = Settings(lr=0.5, epochs=10, batch_size=10, schedule="linear", warmup=0.2)
    rates = [batch.lr for batch in Plan(settings, np.arange(100), np.arange(0)).rest(0)]
    expected = [0.5 * (1 - step / 100) * min(1, (step + 1) / 20) for step in range(100)]
    assert rates == pytest.approx(expected)


def test_every_epoch_takes_as_many_pictures_of_other_hands_as_it_was_told():
    settings = Settings(epochs=3, batch_size=10, drawn=40)
    plan = Plan(settings, np.arange(60), np.arange(60, 160))
    epochs = [np.concatenate([b.rows for b in plan.rest_of_epoch(10 * epoch)]) for epoch in range(3)]
    assert [(rows >= 60).sum() for rows in epochs] == [40] * 3
    assert len({rows[rows >= 60].tobytes() for rows in epochs}) == 3


def test_each_purpose_has_its_own_random_numbers():
    drawn = {generator(3, purpose).integers(1 << 60) for purpose in Purpose}
    drawn |= {generator(3, Purpose.AUGMENT, *where).integers(1 << 60) for where in ((0, 1), (1, 0), (0,))}
    assert len(drawn) == len(Purpose) + 3


@pytest.fixture
def images():
    return np.random.default_rng(4).integers(0, 256, (90, 28, 28), dtype=np.uint8)


ROWS = np.array([7, 3, 3, 88, 40])
ALL = slice(None)


def delivered(images, kind, batch, number=0):
    pictures = Pictures(images, np.arange(90, dtype=np.uint8), kind, seed=0)
    pixels = np.empty((5, 784), np.uint8)
    pictures.read(batch, ALL, number, pixels)
    return pixels


@pytest.mark.parametrize("part", [ALL, slice(1, 4)])
def test_a_batch_has_the_labels_of_its_rows(images, part):
    pictures = Pictures(images, np.arange(90, dtype=np.uint8), "none", seed=0)
    assert pictures.labels(Batch(ROWS, 0, 0, 0.1), part).tolist() == ROWS[part].tolist()


@pytest.mark.parametrize(("kind", "distorted"), [("none", True), ("elastic", False), ("shift", False)])
def test_without_distortion_a_batch_holds_the_pictures_of_its_rows(images, kind, distorted):
    found = delivered(images, kind, Batch(ROWS, 0, 0, 0.1, distorted))
    assert np.array_equal(found, images[ROWS].reshape(5, 784))


def test_a_distortion_depends_on_the_position_alone(images):
    """Whatever was read before: a run that goes on from the middle sees what it would have seen."""
    pictures = Pictures(images, np.zeros(90, np.uint8), "elastic", seed=0)
    whole, again = np.empty((2, 5, 784), np.uint8)
    pictures.read(Batch(ROWS[::-1], 4, 0, 0.1), ALL, 0, again)
    pictures.read(Batch(ROWS, 4, 1, 0.1), ALL, 0, again)
    assert np.array_equal(again, delivered(images, "elastic", Batch(ROWS, 4, 1, 0.2)))
    for other in (Batch(ROWS, 4, 2, 0.1), 0), (Batch(ROWS, 3, 1, 0.1), 0), (Batch(ROWS, 4, 1, 0.1), 1):
        pictures.read(other[0], ALL, other[1], whole)
        assert not np.array_equal(again, whole)
    assert not np.array_equal(again, images[ROWS].reshape(5, 784))


@pytest.mark.parametrize(("clean", "distorted"), [(0.0, 20), (0.35, 13), (1.0, 0)])
def test_the_end_of_a_run_sees_pictures_as_they_are(clean, distorted):
    plan = Plan(Settings(epochs=2, batch_size=10, augment="shift", clean=clean), np.arange(100), np.arange(0))
    assert [batch.distorted for batch in plan.rest(0)] == [True] * distorted + [False] * (20 - distorted)
