"""Reading: what a picture says, how sure that is, and what is wrong in words."""

import io
from dataclasses import replace

import numpy as np
import pytest
from paper import Sheet, digits, drawn, encoded, enlarged, number
from PIL import Image

from hellodl import checkpoint
from hellodl.about import Recipe, describe
from hellodl.errors import PictureError
from hellodl.nn import DigitNet
from hellodl.reading.doubt import Doubt, ask, fit_doubt, is_pattern
from hellodl.reading.reader import Reading, read


@pytest.fixture(scope="module")
def model():
    """The model that ships."""
    return checkpoint.load(checkpoint.SHIPPED).model()


def share_right(model, make, count=60):
    """Share of MNIST's first test images that read rightly in a picture made of each."""
    images, labels = digits()
    read_as = [read(make(image), model).text for image in images[:count]]
    return np.mean([text == str(label) for text, label in zip(read_as, labels[:count], strict=True)])


def on_canvas(image):
    canvas = np.zeros((300, 400), np.uint8)
    canvas[201 : 201 + 56, 37 : 37 + 56] = enlarged(image, 2)
    return encoded(canvas)


def transparent(image):
    return encoded(np.dstack([np.zeros((28, 28, 3), np.uint8), image]))


@pytest.mark.parametrize(
    "make",
    [
        encoded,
        lambda image: encoded(255 - image),
        lambda image: encoded(enlarged(image, 5)),
        lambda image: encoded(255 - enlarged(image, 12)),
        on_canvas,
        transparent,
        lambda image: encoded(image, "JPEG", quality=30),
        lambda image: encoded(255 - enlarged(image, 8)[8:-8, 8:-8], "JPEG", quality=30),
    ],
    ids=["png", "inverted", "x5", "x12", "canvas", "transparent", "jpeg", "large jpeg"],
)
def test_mnist_reads_as_well_from_any_file_as_from_arrays(model, make):
    images, labels = digits()
    direct = (model.predict(images[:60]).argmax(axis=1) == labels[:60]).mean()
    assert share_right(model, make) >= direct - 0.04  # two of sixty


SHEETS = {
    "plain": Sheet(),
    "shadow": Sheet(paper=(210, 205, 200), shadow=0.7, noise=4),
    "pencil": Sheet(paper=(235, 235, 230), ink=(180, 180, 185), noise=3),
    "ruled": Sheet(paper=(230, 225, 220), rules=45, noise=3),
    "ruled and tilted": Sheet(paper=(230, 225, 220), rules=60, tilt=3),
    "squared": Sheet(rules=34, squared=True),
    "squared, tilted": Sheet(rules=34, squared=True, tilt=2),
    "page of squares": Sheet(rules=40, squared=True, size=200, margin=150),
    "narrow squares": Sheet(rules=20, squared=True),
    "ruled sheet on a desk": Sheet(rules=45, size=70, margin=100, desk=(60, 45, 40)),
    "desk": Sheet(paper=(225, 225, 225), desk=(60, 45, 40), noise=3),
    "pale sheet on white": Sheet(paper=(205, 205, 205), desk=(255, 255, 255)),
    "blue on pink": Sheet(paper=(240, 200, 210), ink=(90, 80, 170), noise=4),
    "chalk": Sheet(paper=(40, 60, 45), ink=(220, 220, 215), noise=5),
    "tiny": Sheet(size=18, margin=4),
    "close": Sheet(gap=-25),
    "wide apart": Sheet(gap=80),
}


@pytest.mark.parametrize("name", SHEETS)
def test_numbers_are_read_from_all_kinds_of_sheets(model, name):
    texts = ["306", "147", "201", "790"]
    right = sum(
        read(drawn([number(text, i)], replace(SHEETS[name], seed=i)), model).text == text
        for i, text in enumerate(texts)
    )
    assert right >= 3


@pytest.mark.parametrize("text", ["2728", "748", "5193"])
def test_a_shadow_with_a_sharp_edge_cuts_no_digit_off(model, text):
    """Such an edge looks like that of a sheet, and what is left of the number is read without doubt."""
    page = drawn([number(text)], Sheet(gap=10, desk=(150, 150, 150))).astype(float)
    page[70:-70, 90:350] *= 0.65
    assert read(page.astype(np.uint8), model).text == text


def test_lines_are_joined_by_newlines_and_boxes_lie_where_the_digits_are(model):
    sheet = Sheet()
    reading = read(drawn([number("30"), number("71")], sheet), model)
    assert reading.text == "30\n71"
    for i, digit in enumerate(reading.digits):
        x, y, width, height = digit.box
        left = sheet.margin + sheet.size * (i % 2)
        top = sheet.margin + sheet.size * (i // 2)
        assert left <= x
        assert x + width <= left + sheet.size
        assert top <= y
        assert y + height <= top + sheet.size


def test_boxes_are_in_the_pixels_of_the_original(model):
    large = Image.fromarray(drawn([number("7")])).resize((3300, 3300))
    x, y, width, height = read(large, model).digits[0].box
    assert 900 < x < x + width < 2400
    assert 900 < y < y + height < 2400


def test_the_digits_of_a_reading_are_complete_and_consistent(model):
    reading = read(drawn([number("42")]), model)
    assert reading.verdict in {"digits", "unsure"}
    for digit in reading.digits:
        assert digit.seen.shape == (28, 28)
        assert digit.seen.dtype == np.uint8
        assert sum(digit.probabilities) == pytest.approx(1, abs=1e-5)
        assert digit.confidence == max(digit.probabilities) == digit.probabilities[digit.digit]


def test_what_looks_like_mnist_goes_to_the_network_as_it_is(model):
    image = digits()[0][0]
    reading = read(encoded(255 - image), model)
    assert np.array_equal(reading.digits[0].seen, image)
    assert reading.ink is None


def test_forced_polarity_is_obeyed(model):
    picture = drawn([number("7")])
    assert read(picture, model, invert=False).text == "7"
    assert read(255 - picture, model, invert=True).text == "7"
    assert read(picture, model, invert=True).ink.light
    assert not read(picture, model, invert=False).ink.light


def boxes(width, height):
    """Black boxes in rows."""
    picture = np.full((400, 600), 255, np.uint8)
    for top in range(20, 380 - height, height + 14):
        for left in range(20, 580 - width, width + 14):
            picture[top : top + height, left : left + width] = 0
    return picture


def bars():
    """A bar code: bars of all widths, as far apart as chance will have it."""
    rng, picture = np.random.default_rng(0), np.full((300, 600), 255, np.uint8)
    lefts, widths = 30 + np.cumsum(rng.integers(26, 50, 12)), rng.integers(4, 20, 12)
    for left, width in zip(lefts, widths, strict=True):
        picture[60:240, left : left + width] = 20
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        np.full((300, 300), 255, np.uint8),
        np.full((1, 1), 128, np.uint8),
        np.random.default_rng(0).integers(0, 256, (150, 150), np.uint8),
        np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((25, 25))).astype(np.uint8) * 255,
        np.pad(np.zeros((60, 60), np.uint8), 40, constant_values=255),
        drawn([[np.zeros((28, 28), np.uint8)]], Sheet(rules=40, noise=4, paper=(220, 220, 215))),
        boxes(60, 60),
        boxes(30, 60),
        255 - boxes(20, 40),
        boxes(14, 240)[50:350],
        bars(),
        np.where(np.hypot(*(np.indices((400, 600)) - 250)) < 110, 20, 250).astype(np.uint8),
        np.tri(300, 300, dtype=np.uint8) * 255,
    ],
    ids=[
        *("blank", "one pixel", "noise", "chessboard", "blot", "ruled paper"),
        *("keys", "bricks", "windows", "equal bars", "bar code", "disc", "triangle"),
    ],
)
def test_what_holds_no_digit_is_not_passed_off_as_digits(model, picture):
    reading = read(picture, model)
    assert reading.verdict != "digits"
    assert reading.warnings


def test_pictures_that_cannot_be_read_are_refused(model, tmp_path):
    with pytest.raises(PictureError):
        read(tmp_path / "missing.png", model)
    with pytest.raises(PictureError):
        read(io.BytesIO(b"no picture"), model)


class Parrot:
    """A model that gives the answers it was told."""

    def __init__(self, probabilities, sharpness=20.0):
        self.scores = np.log(np.maximum(np.float32(probabilities), 1e-6)) + sharpness

    def predict(self, images):
        powers = np.exp(self.logits(images))
        return powers / powers.sum(axis=1, keepdims=True)

    def logits(self, images):
        return np.tile(self.scores, (len(images), 1))


def told(first, second=0.0, **options):
    rest = (1 - first - second) / 8
    return Parrot([rest] * 4 + [first] + [rest] * 4 + [second], **options)


@pytest.mark.parametrize(
    ("model_told", "verdict", "words"),
    [
        (told(0.95), "digits", None),
        (told(0.55, 0.41), "unsure", "looks like 4 or 9"),
        (told(0.2), "not digits", "looks like 4"),
        (told(0.95, sharpness=1.0), "unsure", "unlike the digits known"),
    ],
)
def test_verdicts_and_words_follow_from_the_answers(model_told, verdict, words):
    reading = read(digits()[0][0], model_told, doubt=Doubt(familiar=3.0))
    assert reading.verdict == verdict
    assert (words in " ".join(reading.warnings)) if words else not reading.warnings


def test_faint_and_small_pictures_say_so():
    faint = Sheet(paper=(250, 250, 250), ink=(238, 238, 238))
    assert "very faint" in read(drawn([number("7")], faint), told(0.95)).warnings
    small = encoded(np.pad(255 - digits()[0][0][::4, ::4], 2, constant_values=255))
    assert "very small" in read(small, told(0.95)).warnings


def two_blobs():
    """A stroke, and further down a short one."""
    picture = np.full((180, 140), 255, np.uint8)
    picture[40:100, 65:75] = picture[113:130, 65:75] = 0
    return picture


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (drawn([number("7")])[:, 85:], "the digit touches the border"),
        (two_blobs(), "the digit is two blobs"),
    ],
)
def test_flaws_of_the_ink_are_told_and_ask_for_more_confidence(picture, words):
    reading = read(picture, told(0.8))
    assert reading.verdict == "unsure"
    assert words in " ".join(reading.warnings)
    assert read(drawn([number("7")]), told(0.8)).verdict == "digits"


def test_a_model_without_scores_is_enough():
    class Plain:
        def predict(self, images):
            return told(0.95).predict(images)

    assert read(digits()[0][0], Plain()).text == "4"


def test_temperature_undoes_overconfidence():
    """Oracle: labels drawn from known probabilities, which a model three times as sharp reports."""
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 1.5, (4000, 10))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    images = np.zeros((4000, 28, 28), np.uint8)

    class Sharp:
        def logits(self, moved):
            return np.tile(3 * logits, (len(moved) // 4000, 1))

        def predict(self, moved):
            raise AssertionError

    doubt = fit_doubt(Sharp(), images, labels)
    assert doubt.temperature == pytest.approx(3, rel=0.1)
    calibrated = ask(Sharp(), images, doubt).probabilities.max(axis=1).mean()
    assert calibrated == pytest.approx((logits.argmax(axis=1) == labels).mean(), abs=0.03)


def test_pictures_are_prepared_as_the_models_checkpoint_says(tmp_path):
    def seen_by(**more):
        network = DigitNet(rng=np.random.default_rng(0))
        path = tmp_path / "m.safetensors"
        checkpoint.save(
            path, checkpoint.Checkpoint(checkpoint.weights_of(network), describe(network, **more))
        )
        (digit,) = read(drawn([number("0")]), checkpoint.load_model(path)).digits
        return int(digit.seen.sum(dtype=int))

    assert seen_by(recipe=Recipe(thinnest=5, thickest=6)) > 1.2 * seen_by()


def test_readings_compare_by_what_they_say(model):
    image = digits()[0][0]
    assert isinstance(read(image, model), Reading)
    assert read(image, model) == read(encoded(image), model)


def test_shapes_without_anything_to_see_are_no_pattern():
    """And nothing is divided by their variance, 0."""
    assert not is_pattern([np.zeros((28, 28), np.uint8)] * 9, [20] * 9)
