"""Training on pictures of your own: prepared as predict prepares them, alone or joined to a data set."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hellodl import checkpoint
from hellodl.errors import DataError, Interrupted, UsageError
from hellodl.training import run as training
from hellodl.training.batches import MOST_REPEATS, with_repeats
from hellodl.training.settings import Settings
from hellodl.training.sources import _read, count_digits, scoring_set, training_set

MNIST = Path(__file__).parents[2] / "data" / "mnist"


@pytest.fixture(scope="module")
def digits():
    """MNIST's first test images and labels: pictures that no training set has."""
    with gzip.open(MNIST / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(16 + 200 * 784), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(MNIST / "t10k-labels-idx1-ubyte.gz") as file:
        return images, np.frombuffer(file.read(8 + 200), np.uint8, offset=8)


@pytest.fixture
def folder(tmp_path, digits):
    """A folder of 60 pictures, sorted into sub-folders by label."""
    return write(tmp_path / "own", *digits, slice(60))


def write(folder, images, labels, part):
    for i, (image, label) in enumerate(zip(images[part], labels[part], strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - image).save(place / f"{i}.png")  # dark on light, as on paper
    _read.cache_clear()
    return folder


def told():
    remarks = []
    return remarks, remarks.append


def test_what_is_learned_from_is_what_predict_would_see(folder, digits, capsys):
    """Pictures as MNIST has them come through unchanged; a fifth is kept for the test, always the same."""
    settings = Settings(dataset=str(folder))
    train, test = training_set(settings), scoring_set(settings)
    assert capsys.readouterr() == ("", "")  # `hellodl sweep --json` prints records and nothing else
    assert (len(train.labels), len(test.labels)) == (48, 12)
    seen = {image.tobytes() for image in (*train.images, *test.images)}
    assert seen == {image.tobytes() for image in digits[0][:60]}
    assert train.sha256 == training_set(settings).sha256
    assert (train.name, train.classes) == (str(folder), tuple("0123456789"))


def test_sub_folders_called_train_and_test_are_what_they_say(tmp_path, digits):
    write(tmp_path / "train", *digits, slice(40))
    write(tmp_path / "test", *digits, slice(100, 125))
    settings = Settings(dataset=str(tmp_path))
    assert len(training_set(settings).labels) == 40
    assert len(scoring_set(settings).labels) == 25


def test_a_folder_called_train_alone_is_a_part_like_others(tmp_path, digits):
    """What is counted, for how long to train, is what is trained on."""
    write(tmp_path / "train", *digits, slice(40))
    write(tmp_path / "more", *digits, slice(40, 70))
    assert count_digits(tmp_path) == 70
    assert len(training_set(Settings(dataset=str(tmp_path))).labels) == 56


def test_your_own_pictures_join_a_data_set_and_come_in_every_epoch_as_a_tenth(folder, small_mnist):
    settings = Settings(also=str(folder), validation=200, batch_size=50, epochs=1)
    data = training_set(settings, small_mnist)
    assert (len(data.labels), data.added) == (2060, 60)
    assert scoring_set(settings, small_mnist).name == "mnist"
    rows = training.Trainer(settings, data).plan.rest_of_epoch(0)
    seen = np.concatenate([batch.rows for batch in rows])
    assert 0.08 < (seen >= 2000).mean() < 0.12


def test_repeats_have_a_limit_and_nothing_added_changes_nothing():
    rows = np.arange(100_000)
    assert with_repeats(rows, 100_000) is rows
    assert len(with_repeats(rows, 99_990)) == 99_990 + 10 * MOST_REPEATS
    assert len(with_repeats(rows, 50_000)) == 100_000


def test_a_folder_is_learned_and_the_run_goes_on_where_it_stopped(folder, tmp_path):
    output = tmp_path / "m.safetensors"
    settings = training.choose_settings(None, {"dataset": str(folder), "epochs": 40}, None)
    assert (settings.validation, settings.batch_size, settings.augment) == (10, 32, "affine")
    stops = iter([False] * 9)
    with pytest.raises(Interrupted):
        list(training.train(settings, training.Run(output, threads=1, should_stop=lambda: next(stops, True))))
    *_, done = training.train(settings, training.Run(output, resume=output, threads=1))
    again = tmp_path / "again.safetensors"
    list(training.train(settings, training.Run(again, threads=1)))
    assert done.validation_accuracy > 0.4
    for name, weights in checkpoint.load(again).weights.items():
        assert np.array_equal(checkpoint.load(output).weights[name], weights)
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(next((folder / "7").iterdir()))
    _read.cache_clear()
    with pytest.raises(UsageError, match="was trained on other images"):
        list(training.train(settings, training.Run(output, resume=output, threads=1)))


def test_what_cannot_be_used_is_left_out_and_told(folder):
    (folder / "3" / "broken.png").write_bytes(b"no picture")
    (folder / "12").mkdir()
    next((folder / "1").iterdir()).rename(folder / "12" / "one.png")
    _read.cache_clear()
    remarks, tell = told()
    assert len(training_set(Settings(also=str(folder)), MNIST, tell).labels) == 60_000 + 59
    _, first, second = remarks
    assert "left out: 1 read with other numbers of digits than labelled" in first
    assert "not '12'" in first
    assert "broken.png" in second


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (
            lambda _folder: None,
            UsageError,
            "expected one of mnist, .*, or a folder of pictures",
        ),
        (lambda folder: folder.mkdir(), DataError, "holds no labelled pictures"),
        (lambda folder: (folder / "3").mkdir(parents=True), DataError, "holds no labelled pictures"),
    ],
    ids=["nothing", "empty folder", "empty sub-folder"],
)
def test_what_is_nothing_to_learn_from_is_refused(tmp_path, make, error, match):
    make(tmp_path / "own")
    with pytest.raises(error, match=match):
        training_set(Settings(dataset=str(tmp_path / "own")))


def test_too_few_pictures_are_refused(tmp_path, digits):
    folder = write(tmp_path / "own", *digits, slice(7))
    with pytest.raises(DataError, match="gives 7 digits, expected at least 20"):
        training_set(Settings(dataset=str(folder)))


def test_a_few_pictures_are_learned_with_nothing_said(folder, tmp_path):
    """At the rate that suits batches of 256 images, such runs diverged, or ended at one digit in ten."""
    settings = training.choose_settings(None, {"dataset": str(folder)}, None)
    *_, done = training.train(settings, training.Run(tmp_path / "m.safetensors", threads=1))
    assert done.test_accuracy > 0.6
