"""The pen: reproducible, placed as MNIST's digits are, all ten digits."""

import numpy as np

from hellodl.training.pen import drawn_digits, drawn_others


def test_the_same_seed_draws_the_same():
    a, labels = drawn_digits(np.random.default_rng(3), 20)
    b, same = drawn_digits(np.random.default_rng(3), 20)
    assert np.array_equal(a, b)
    assert np.array_equal(labels, same)
    others = [drawn_others(np.random.default_rng(3), 20) for _ in range(2)]
    assert np.array_equal(*others)


def test_every_digit_is_drawn_as_large_as_in_mnist():
    images, labels = drawn_digits(np.random.default_rng(1), 300)
    assert set(labels.tolist()) == set(range(10))
    for image in [*images, *drawn_others(np.random.default_rng(1), 100)]:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        assert max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1 == 20
