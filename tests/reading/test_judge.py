"""What the judge of shapes says, and how its word is weighed with the network's."""

import numpy as np
import pytest

from hellodl import datasets
from hellodl.reading.doubt import WORDS, Answers, Doubt, Verdict, why
from hellodl.reading.judge import DIGIT, LABELS, MEASURES, OTHER, WAYS, alone, scores, shipped
from hellodl.training.batches import load_hands


def test_it_tells_digits_from_other_signs():
    """The test set's digits are digits; letters and scribbles that it never saw mostly are none."""
    images = datasets.load("mnist", "test").images[:500]
    signs = load_hands()[1][:, 0]
    judge = shipped()
    assert np.mean(judge(images, alone(images)).argmax(axis=1) == DIGIT) > 0.95
    assert np.mean(judge(signs, alone(signs)).argmax(axis=1) != DIGIT) > 0.85


def test_its_probabilities_add_up():
    """Of blank, full and noisy images; whatever the measures."""
    rng = np.random.default_rng(1)
    images = np.stack([np.zeros((28, 28)), np.full((28, 28), 255), rng.integers(0, 256, (28, 28))])
    judged = shipped()(images.astype(np.uint8), rng.normal(0, 3, (3, len(MEASURES))).astype(np.float32))
    assert judged.shape == (3, len(LABELS))
    assert np.allclose(judged.sum(axis=1), 1, atol=1e-5)


def test_evidence_for_a_digit_makes_it_likelier():
    """A surer judge, a surer network, a more familiar shape: each raises a digit above something else."""
    ways = shipped().weights["ways"]
    assert len(ways) == len(WAYS)

    def margin(judge, network, familiar):
        judged = np.full((1, len(LABELS)), (1 - judge) / (len(LABELS) - 1), np.float32)
        judged[0, DIGIT] = judge
        answers = np.full((1, 10), (1 - network) / 9, np.float32)
        answers[0, 3] = network
        logs = scores(answers, np.array([familiar], np.float32), judged, ways)
        assert logs.shape == (1, 10 + OTHER)
        return logs[0, 3] - logs[0, -1]

    usual = margin(0.6, 0.8, 1.5)
    assert margin(0.9, 0.8, 1.5) > usual
    assert margin(0.6, 0.99, 1.5) > usual
    assert margin(0.6, 0.8, 2.0) > usual


@pytest.mark.parametrize("label", [label for label in range(len(LABELS)) if label != DIGIT])
def test_what_a_shape_may_be_instead_of_a_digit_is_said(label):
    sure, judged = np.eye(10, dtype=np.float32)[[3]], np.zeros(len(LABELS), np.float32)
    judged[[DIGIT, label]] = 0.5
    images = np.zeros((1, 28, 28), np.uint8)
    (said,) = why(Answers(sure, np.ones(1), sure, images), 0, judged)
    assert said == WORDS.get(label, f"may be a {LABELS[label]}")


def test_familiarity_is_measured_by_the_least_familiar_digits():
    assert Doubt(familiar=0.5).known(np.array([0.25, -1.0], np.float32)).tolist() == [0.5, 0.0]


def test_the_surer_the_network_and_the_judge_the_likelier_a_digit_is_right():
    """By each of what is told; and what its ink hardly speaks for is no digit."""
    doubt = Doubt()
    assert doubt.verdict(0.99, 0.95, 1.8) is Verdict.DIGIT
    for doubtful in ((0.2, 0.95, 1.8), (0.99, 0.2, 1.8), (0.99, 0.95, 0.4)):
        assert doubt.verdict(*doubtful) is Verdict.UNSURE
    assert doubt.verdict(0.99, 0.1, 1.8) is Verdict.NO_DIGIT
