import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hellodl.datasets.augment import augmenter
from hellodl.datasets.batches import Batches, Purpose, epoch_order, generator, stratified_split

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


def test_each_purpose_has_its_own_random_numbers():
    drawn = {generator(3, purpose).integers(1 << 60) for purpose in Purpose}
    drawn |= {generator(3, Purpose.AUGMENT, *where).integers(1 << 60) for where in ((0, 1), (1, 0), (0,))}
    assert len(drawn) == len(Purpose) + 3


@pytest.fixture
def images():
    return np.random.default_rng(4).integers(0, 256, (90, 28, 28), dtype=np.uint8)


def delivered(images, kind, epoch=0, start=0):
    labels = np.arange(90, dtype=np.uint8)
    order = epoch_order(np.arange(90), 8, 0, epoch)
    batches = Batches(images, labels, augmenter(kind) if kind != "none" else None, seed=0)
    return order, [(pixels.copy(), some) for pixels, some in batches.of(order, epoch, start)]


def test_batches_hold_the_pictures_of_their_order(images):
    order, batches = delivered(images, "none")
    assert len(batches) == 11
    for rows, (pixels, labels) in zip(order, batches, strict=True):
        assert np.array_equal(pixels, images[rows].reshape(8, 784))
        assert np.array_equal(labels, rows)


@pytest.mark.parametrize("kind", ["none", "elastic"])
def test_batches_from_the_middle_are_those_of_a_whole_epoch(images, kind):
    """The thread that prepares batches ahead changes nothing."""
    _, whole = delivered(images, kind, epoch=2)
    for start in (0, 1, 5, 10, 11):
        _, rest = delivered(images, kind, epoch=2, start=start)
        assert [p.tobytes() for p, _ in rest] == [p.tobytes() for p, _ in whole[start:]]


def test_augmented_batches_keep_their_labels_and_differ_between_epochs(images):
    order, first = delivered(images, "affine")
    _, second = delivered(images, "affine", epoch=1)
    assert all(np.array_equal(labels, rows) for (_, labels), rows in zip(first, order, strict=True))
    assert not np.array_equal(first[0][0], second[0][0])
    assert not np.array_equal(first[0][0], images[order[0]].reshape(8, 784))


def test_leaving_an_epoch_early_ends_its_thread(images):
    before = threading.active_count()
    batches = Batches(images, np.zeros(90, np.uint8), augmenter("affine"), 0).of(
        np.arange(80).reshape(8, 10), 0
    )
    next(batches)
    batches.close()
    assert threading.active_count() == before
