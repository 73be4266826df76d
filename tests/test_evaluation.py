"""The numbers of an evaluation, against published values, hand-made examples and plain definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hellodl import evaluation
from hellodl.datasets import Dataset
from hellodl.errors import ModelError
from hellodl.nn import DigitNet


def certain(predicted, confidence):
    """Probabilities (n, 10): one digit gets the confidence, the others share the rest."""
    rows = np.full((len(predicted), 10), 0.0, np.float32)
    rows[:] = ((1 - np.array(confidence)) / 9)[:, None]
    rows[np.arange(len(predicted)), predicted] = confidence
    return rows


@st.composite
def readings(draw):
    """Random probabilities (n, 10) and labels, some of them rightly read."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    images = draw(st.integers(1, 60))
    scores = rng.normal(0, draw(st.sampled_from([0.1, 2, 20])), (images, 10))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    labels = rng.integers(0, draw(st.integers(1, 10)), images).astype(np.uint8)
    right = rng.random(images) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    labels[right] = probabilities.argmax(axis=1)[right]
    return probabilities, labels


@pytest.mark.parametrize(
    ("correct", "images", "low", "high"),
    [
        # Newcombe, Two-sided confidence intervals for the single proportion, Stat. in Medicine 17, 1998,
        # table I, method 3 (score, no continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # R: prop.test(5, 10, correct = FALSE); without successes the upper end is z² / (n + z²).
        (5, 10, 0.2366, 0.7634),
        (0, 10, 0.0000, 3.8415 / 13.8415),
        (10, 10, 1 - 3.8415 / 13.8415, 1.0000),
    ],
)
def test_wilsons_interval_is_the_published_one(correct, images, low, high):
    assert evaluation.wilson_interval(correct, images) == pytest.approx((low, high), abs=5.1e-5)


@given(images=st.integers(1, 10**6), share=st.floats(0, 1))
def test_the_ends_of_the_interval_are_where_the_score_test_just_rejects(images, share):
    """Wilson's definition: shares p with |observed - p| = 1.96 sqrt(p (1 - p) / n)."""
    correct = round(share * images)
    low, high = evaluation.wilson_interval(correct, images)
    assert 0 <= low <= correct / images <= high <= 1
    for end in (low, high):
        deviation = evaluation.Z_95 * (max(end * (1 - end), 0) / images) ** 0.5
        assert abs(correct / images - end) == pytest.approx(deviation, abs=1e-7)


def test_calibration_error_of_a_hand_made_example():
    """Bin (9/15, 10/15]: confidences .62 .66, one right: |.64 - .5| of 2. Bin (14/15, 1]: .95, right: .05."""
    probabilities = certain([1, 2, 3], [0.62, 0.66, 0.95])
    expected = (2 * abs(0.64 - 0.5) + 1 * abs(0.95 - 1.0)) / 3
    assert evaluation.calibration_error(probabilities, np.array([1, 5, 3])) == pytest.approx(
        expected, abs=1e-6
    )


def test_calibration_error_is_0_for_honest_and_1_for_sure_and_wrong():
    sure = certain([4, 4], [1.0, 1.0])
    assert evaluation.calibration_error(sure, np.array([4, 4])) == 0
    assert evaluation.calibration_error(sure, np.array([5, 6])) == 1
    half = certain([4, 4], [0.5, 0.5])
    assert evaluation.calibration_error(half, np.array([4, 9])) == pytest.approx(0)
    last_bin = certain([4, 4], [1.0, 0.95])  # to which its end belongs
    assert evaluation.calibration_error(last_bin, np.array([9, 4])) == pytest.approx(0.475)


@given(readings())
def test_calibration_error_is_guos_sum_over_bins(reading):
    probabilities, labels = reading
    images, total = len(labels), 0.0
    for m in range(1, 16):
        inside = [
            (float(max(row)), int(np.argmax(row)) == label)
            for row, label in zip(probabilities, labels, strict=True)
            if (m - 1) / 15 < float(max(row)) <= m / 15
        ]
        if inside:
            confidence = sum(c for c, _ in inside) / len(inside)
            accuracy = sum(right for _, right in inside) / len(inside)
            total += len(inside) / images * abs(accuracy - confidence)
    assert evaluation.calibration_error(probabilities, labels) == pytest.approx(total, abs=1e-9)


@given(readings())
def test_counts_and_shares_are_what_their_definitions_say(reading):
    probabilities, labels = reading
    predicted = [int(np.argmax(row)) for row in probabilities]
    table = evaluation.confusion(labels, np.array(predicted))
    pairs = list(zip(labels.tolist(), predicted, strict=True))
    assert table.tolist() == [[pairs.count((true, read)) for read in range(10)] for true in range(10)]
    for row in evaluation.per_digit(table):
        right = pairs.count((row.digit, row.digit))
        read = predicted.count(row.digit)
        assert row.images == labels.tolist().count(row.digit)
        assert row.precision == (right / read if read else 0)
        assert row.recall == (right / row.images if row.images else 0)
        total = row.precision + row.recall
        assert row.f1 == pytest.approx(2 * row.precision * row.recall / total if total else 0)


@given(readings())
def test_mistakes_are_all_the_images_read_wrongly_the_surest_first(reading):
    probabilities, labels = reading
    mistakes = evaluation.find_mistakes(probabilities, labels)
    wrong = {i for i, row in enumerate(probabilities) if np.argmax(row) != labels[i]}
    assert {mistake.index for mistake in mistakes} == wrong
    assert len(mistakes) == len(wrong)
    keys = [(-mistake.confidence, mistake.index) for mistake in mistakes]
    assert keys == sorted(keys)
    for mistake in mistakes:
        row = probabilities[mistake.index]
        assert (mistake.label, mistake.predicted) == (labels[mistake.index], int(np.argmax(row)))
        assert mistake.confidence == float(row.max())


def dataset(images=200):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (images, 28, 28), dtype=np.uint8)
    return Dataset("mnist", "test", pixels, rng.integers(0, 10, images, dtype=np.uint8), "")


def test_an_evaluation_agrees_with_itself_and_with_the_score_that_training_uses():
    model, data = DigitNet(rng=np.random.default_rng(2)), dataset()
    result = evaluation.evaluate(model, data)
    score = evaluation.score(model, data.images, data.labels)
    assert (result.images, result.correct, result.loss) == (score.images, score.correct, score.loss)
    assert result.accuracy == score.accuracy == result.correct / 200
    assert sum(map(sum, result.confusion)) == sum(row.images for row in result.per_digit) == 200
    assert sum(result.confusion[digit][digit] for digit in range(10)) == result.correct
    assert len(result.mistakes) == 200 - result.correct
    assert result.accuracy_interval == evaluation.wilson_interval(result.correct, 200)
    assert result.seconds > 0


def test_weights_so_large_that_they_overflow_are_a_model_error():
    model = DigitNet(rng=np.random.default_rng(2))
    for parameter in model.parameters():
        parameter.value = np.full(parameter.shape, 1e38, np.float32)
    with pytest.raises(ModelError, match="answers NaN"):
        evaluation.evaluate(model, dataset(3))


def test_silent_units_are_those_that_fire_for_no_image():
    """Of each hidden layer, if there is one; a single image that makes a unit fire is enough."""
    net, images = DigitNet((3, 2), rng=np.random.default_rng(0)), np.zeros((3, 28, 28), np.uint8)
    images[2, 5, 5] = 255
    for layer in net.layers:
        layer.weight.value = np.zeros(layer.weight.shape, np.float32)
        layer.bias.value = np.full(layer.bias.shape, -1, np.float32)
    net.lc1.weight.value[1, 5 * 28 + 5] = 1e3
    net.lc2.bias.value[0] = 1
    assert evaluation.silent_units(net, images) == [[0, 2], [1]]
    assert evaluation.silent_units(net, images[:2]) == [[0, 1, 2], [1]]
    assert evaluation.silent_units(DigitNet(()), images) == []
