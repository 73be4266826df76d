"""Reading: what a picture says, how sure that is, and what is wrong in words."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from paper import Sheet, digits, drawn, encoded, enlarged, number
from PIL import Image, ImageDraw, ImageFilter

from hellodl import checkpoint
from hellodl.about import Recipe, describe
from hellodl.errors import PictureError
from hellodl.nn import DigitNet
from hellodl.reading.doubt import Verdict, ask, fit_doubt
from hellodl.reading.reader import read
from hellodl.reading.readings import Reading
from hellodl.upright import upright


@pytest.fixture(scope="module")
def model():
    """The model that ships."""
    return checkpoint.load(checkpoint.SHIPPED).model()


MANY = 30


def share_right(model, make):
    """Share of MNIST's first test images that read rightly in a picture made of each."""
    images, labels = digits()
    read_as = [read(make(image), model).text for image in images[:MANY]]
    return np.mean([text == str(label) for text, label in zip(read_as, labels[:MANY], strict=True)])


def on_canvas(image):
    canvas = np.zeros((300, 400), np.uint8)
    canvas[201 : 201 + 56, 37 : 37 + 56] = enlarged(image, 2)
    return encoded(canvas)


def transparent(image):
    return encoded(np.dstack([np.zeros((28, 28, 3), np.uint8), image]))


def tight(image):
    """Cut out along the ink: every border is touched."""
    rows, columns = np.flatnonzero(image.max(axis=1) > 100), np.flatnonzero(image.max(axis=0) > 100)
    return enlarged(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 8)


def stretched(image, side=16):
    """Fitted to a square, as data sets of 16 by 16 pixels have digits: its proportions are lost."""
    rows, columns = np.flatnonzero(image.max(axis=1) > 100), np.flatnonzero(image.max(axis=0) > 100)
    tightly = Image.fromarray(255 - image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return np.asarray(tightly.resize((side, side), Image.Resampling.BICUBIC))


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
        lambda image: encoded(255 - tight(image)),
        lambda image: encoded(tight(image)),
    ],
    ids=[
        "png",
        "inverted",
        "x5",
        "x12",
        "canvas",
        "transparent",
        "jpeg",
        "large jpeg",
        "tight",
        "tight light",
    ],
)
def test_mnist_reads_as_well_from_any_file_as_from_arrays(model, make):
    images, labels = digits()
    direct = (model.predict(images[:MANY]).argmax(axis=1) == labels[:MANY]).mean()
    assert share_right(model, make) >= direct - 0.04  # one of thirty


def test_ones_stretched_to_a_square_are_read_for_sure(model):
    """Half of them are: little of a 1's shape is left. As wide as they are, hardly any was."""
    images, labels = digits()
    readings = [read(stretched(image), model) for image in images[labels == 1][:MANY]]
    sure = [found for found in readings if (found.text, found.verdict) == ("1", "digits")]
    assert len(sure) >= MANY // 2
    assert sum(found.digits[0].box == (0, 0, 16, 16) for found in sure) >= MANY // 3


def test_what_bold_strokes_leave_bare_is_no_digit(model):
    """In two shades and tightly cut out, these had a sure 2, 5 and 7 in their corners and holes."""
    images, labels = digits()
    for i in (85, 146, 147):
        found = read(np.where(stretched(images[i]) < 145, 0, 255).astype(np.uint8), model)
        assert (found.text, found.verdict) == (str(labels[i]), "digits")


def boldly(image, *, square=False):
    """Made bold and cut out along its ink, as it is or to a square: little of the ground is left."""
    bold = Image.fromarray(np.pad(image, 2)).filter(ImageFilter.MaxFilter(3))
    bold = bold.crop(bold.point(lambda grey: 255 * (grey > 100)).getbbox())
    side = max(bold.size)
    cut = Image.new("L", (side, side) if square else bold.size)
    cut.paste(bold, ((cut.width - bold.width) // 2, (cut.height - bold.height) // 2))
    return np.asarray(cut)


@pytest.mark.parametrize("square", [False, True])
def test_bold_digits_cut_out_along_their_ink_are_no_holes_and_no_corners(model, square):
    """Of these, a hole or corner was a sure 1, 2 or 61, or no ink was found at all."""
    images, labels = digits()
    chosen = (27, 56, 146, 214, 264) if square else (4, 15, 28, 42, 56, 122, 125, 130, 177, 199)
    read_as = [read(boldly(images[i], square=square), model) for i in chosen]
    assert [(found.text, found.verdict) for found in read_as] == [(str(labels[i]), "digits") for i in chosen]


def in_blocks(image):
    """A bitmap of 32 by 32, counted in blocks of 4 by 4: as UCI's optical digits, scikit-learn's, are."""
    rows, columns = np.flatnonzero(image.max(axis=1) > 100), np.flatnonzero(image.max(axis=0) > 100)
    tightly = Image.fromarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    width = min(32, max(1, round(32 * tightly.width / tightly.height)))
    bitmap = np.zeros((32, 32))
    left = (32 - width) // 2
    bitmap[:, left : left + width] = np.asarray(tightly.resize((width, 32))) > 127
    return (255 * bitmap.reshape(8, 4, 8, 4).mean(axis=(1, 3))).round().astype(np.uint8)


def test_digits_of_eight_by_eight_pixels_are_read(model):
    images, labels = digits()
    read_as = [read(in_blocks(image), model) for image in images[:MANY]]
    right = [found.text == str(label) for found, label in zip(read_as, labels, strict=False)]
    assert np.mean(right) > 0.9
    assert all(found.text for found in read_as)


@pytest.mark.parametrize("text", ["42", "17", "80", "69"])
def test_two_digits_that_fill_a_square_are_not_taken_for_a_stretched_one(model, text):
    pair = np.hstack([image[:, 4:24] for image in number(text)])
    found = read(stretched(pair, 48), model)
    assert (found.text, found.verdict) == (text, "digits")


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


@pytest.mark.parametrize("degrees", [-20, -12, 12, 20])
def test_numbers_on_a_turned_sheet_are_read(model, degrees):
    texts = ["3574", "20", "9816", "473"]
    sheets = [Sheet(tilt=degrees, margin=150, seed=i) for i in range(len(texts))]
    right = [
        read(drawn([number(text, i)], sheet), model).text == text
        for i, (text, sheet) in enumerate(zip(texts, sheets, strict=True))
    ]
    assert sum(right) >= 3


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


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_page_that_lies_on_its_side_or_its_head_is_read(model, quarters):
    page = drawn([number("3741"), number("2345", 1)])
    upright, turned = read(page, model), read(np.rot90(page, quarters), model)
    assert (turned.text, turned.warnings) == ("3741\n2345", ("the picture does not lie upright",))
    box = upright.digits[0].box
    where = np.zeros(page.shape[:2], bool)
    where[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = True
    rows, columns = np.nonzero(np.rot90(where, quarters))
    expected = columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1
    assert turned.digits[0].box == pytest.approx(expected, abs=4)
    assert turned.ink.mask.shape == np.rot90(upright.ink.mask, quarters).shape


def test_a_page_that_reads_either_way_up_is_left_as_it_lies(model):
    """Turned left, 88 and 00 are as good as turned right."""
    reading = read(np.rot90(drawn([number("88"), number("00", 1)])), model)
    assert reading.verdict == "unsure"
    assert "the picture does not lie upright" not in reading.warnings


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
        assert np.array_equal(digit.turned, upright(digit.seen[None])[0] if model.upright else digit.seen)
        assert sum(digit.probabilities) == pytest.approx(1, abs=1e-5)
        assert digit.confidence == max(digit.probabilities) == digit.probabilities[digit.digit]


def test_what_looks_like_mnist_goes_to_the_network_as_it_is(model):
    image = digits()[0][0]
    reading = read(encoded(255 - image), model)
    assert np.array_equal(reading.digits[0].seen, image)
    assert reading.ink is None


def test_what_may_be_a_digit_is_likelier_than_none(model):
    """In the other polarity these hold no digit, which was believed in more than a doubtful one."""
    images, labels = digits()
    for i in (33, 124, 167):
        assert read(np.pad(boldly(images[i]), 1), model).text == str(labels[i])


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
    """A model that gives the answers it was told, and can do no more than predict."""

    def __init__(self, first, second=0.0):
        rest = (1 - first - second) / 8
        self.answer = np.float32([rest] * 4 + [first] + [rest] * 4 + [second])

    def predict(self, images):
        return np.tile(self.answer, (len(images), 1))


@pytest.mark.parametrize(
    ("model_told", "verdict", "words"),
    [
        (Parrot(0.95), Verdict.DIGITS, None),
        (Parrot(0.3, 0.28), Verdict.UNSURE, "looks like 4 or 9"),
        (Parrot(0.13), Verdict.NONE, "looks like 4"),
    ],
)
def test_verdicts_and_words_follow_from_the_answers(model_told, verdict, words):
    reading = read(digits()[0][0], model_told)
    assert reading.verdict is verdict
    assert (words in " ".join(reading.warnings)) if words else not reading.warnings


def test_faint_and_small_pictures_say_so():
    faint = Sheet(paper=(250, 250, 250), ink=(238, 238, 238))
    reading = read(drawn([number("7")], faint), Parrot(0.95))
    assert (reading.verdict, reading.warnings[0]) == ("unsure", "very faint")
    small = encoded(np.pad(255 - digits()[0][0][::4, ::4], 2, constant_values=255))
    assert "very small" in read(small, Parrot(0.95)).warnings


def test_ink_that_is_no_digit_is_so_for_any_model():
    """However sure a network is, and it is always sure of something."""
    picture = np.full((220, 200), 255, np.uint8)
    for x in (40, 140):  # an H
        picture[30:190, x : x + 16] = 0
    picture[100:116, 40:150] = 0
    reading = read(picture, Parrot(0.999, 0.0005))
    assert reading.verdict is not Verdict.DIGITS
    assert "unlike the digits known" in " ".join(reading.warnings)


MARKS = {  # lines of the pen as ((x, y), (x, y)) between two digits at 60 to 160 and 210 to 310
    ".": [((186, 140), (186, 140))],
    ",": [((187, 140), (180, 158))],
    "-": [((172, 112), (204, 112))],
    ":": [((186, 97), (186, 97)), ((186, 139), (186, 139))],
    "/": [((206, 60), (168, 164))],
}


def with_mark(strokes, text="38"):
    """A picture of two digits with strokes of a pen between them."""
    image = Image.fromarray(drawn([number(text)], Sheet(gap=50)))
    for ends in strokes:  # Pillow's lines have no round ends
        ImageDraw.Draw(image).line(ends, fill=(20, 20, 20), width=9)
        for x, y in ends:
            ImageDraw.Draw(image).ellipse((x - 5, y - 5, x + 5, y + 5), fill=(20, 20, 20))
    return np.asarray(image)


@pytest.mark.parametrize("mark", MARKS)
def test_marks_between_digits_are_named_and_left_out_of_the_text(model, mark):
    reading = read(with_mark(MARKS[mark]), model)
    assert reading.text == "38"
    (found,) = reading.marks
    assert found.mark == mark
    x, y, width, height = found.box
    assert 160 < x < x + width < 215
    assert 50 < y < y + height < 175
    assert f"beside the digits: {mark}" in reading.warnings


@pytest.mark.parametrize("ends", [((186, 76), (186, 146)), ((194, 76), (182, 146))])
def test_a_one_between_digits_stays(model, ends):
    reading = read(with_mark([ends]), model)
    assert reading.text == "318"
    assert not reading.marks


def test_a_long_line_and_a_dot_are_no_digits(model):
    page = np.full((160, 400), 235, np.uint8)
    page[60:70, 20:380] = page[90:94, 200:204] = 30
    assert read(page, model).verdict == "not digits"


def test_digits_in_the_cells_of_a_table_are_read_without_its_lines(model):
    """An empty cell is nothing, and a cross in one is no digit."""
    picture = Image.fromarray(drawn([number("7250")], Sheet(gap=30, margin=30)))
    pen = ImageDraw.Draw(picture)
    pen.rectangle([150, 20, 270, 140], fill=(255, 255, 255))
    pen.line([180, 55, 235, 110], (20, 20, 20), 8)
    pen.line([235, 55, 180, 110], (20, 20, 20), 8)
    for x in (15, 145, 275, 405, 535):
        pen.line([x, 0, x, 160], (90, 90, 90), 3 if x != 275 else 9)
    for y in (12, 148):
        pen.line([0, y, 560, y], (90, 90, 90), 3)
    assert read(np.asarray(picture), model).text == "750"


def test_a_stroke_broken_in_the_middle_is_one_digit(model):
    picture = drawn([number("303")]).copy()
    picture[:, 160:260] = 255  # the digit in the middle
    picture[76:112, 205:213] = picture[120:148, 211:219] = 20
    assert read(picture, model).text == "313"


def test_temperature_undoes_overconfidence():
    """Oracle: labels drawn from known probabilities, which a model three times as sharp reports."""
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 1.5, (4000, 10))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    images = np.zeros((4000, 28, 28), np.uint8)

    class Sharp:
        def predict(self, moved):
            return np.tile(shares**3 / (shares**3).sum(axis=1, keepdims=True), (len(moved) // 4000, 1))

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


def test_a_network_of_your_own_with_its_own_scores_is_asked_as_it_is():
    """Not with arguments that only DigitNet's own method has: it gave a TypeError."""

    class Sevens(DigitNet):
        def logits(self, images):
            return np.tile(np.float32(np.arange(10) == 7) * 20, (len(images), 1))

    assert read(drawn([number("0")]), Sevens(upright=True)).digits[0].digit == 7


def test_a_lone_digit_of_straight_strokes_is_no_print(model):
    """As a mouse draws it: its strokes are as thin and straight as a form's lines, and would be left out."""
    picture = Image.new("L", (440, 420), 255)
    for stroke in ([(100, 100), (285, 92), (280, 330)], [(150, 232), (340, 225)]):
        ImageDraw.Draw(picture).line(stroke, 0, 6)
    assert read(picture, model).text == "7"


def test_readings_compare_by_what_they_say(model):
    image = digits()[0][0]
    assert isinstance(read(image, model), Reading)
    assert read(image, model) == read(encoded(image), model)


def test_without_a_model_the_one_that_ships_is_loaded_once_and_ones_own_each_time(tmp_path, monkeypatch):
    """To load it takes twice as long as to read a small picture."""
    monkeypatch.chdir(tmp_path)
    loaded, load = [], checkpoint.load
    read(digits()[0][0])
    monkeypatch.setattr(checkpoint, "load", lambda path: loaded.append(path) or load(path))
    for _ in range(2):
        read(digits()[0][0])
    assert not loaded
    checkpoint.save_model(DigitNet(), checkpoint.DEFAULT_NAME)
    for _ in range(2):
        read(digits()[0][0])
    assert loaded == [Path(checkpoint.DEFAULT_NAME)] * 2


def test_a_reading_is_json_in_one_call_and_short_when_shown(model):
    found = read(drawn([number("38")], Sheet(gap=50)), model)
    told = json.loads(json.dumps(found.for_json()))
    assert (told["text"], told["verdict"], len(told["digits"][1]["probabilities"])) == ("38", "digits", 10)
    assert len(repr(found)) < 500


PEAK = """
import re, sys
from pathlib import Path
import numpy as np
from hellodl.reading.reader import read
read(np.load(sys.argv[1]))
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""
MUCH_INK = {  # where ink is, by the distances from the upper and left border, and from the nearest one
    "fine diagonals": lambda down, across, near: (across + down) % 4 < 2,
    "diagonals": lambda down, across, near: (across + down) % 8 < 4,
    "checkerboard": lambda down, across, near: (across // 40 + down // 40) % 2 > 0,
    "nested frames": lambda down, across, near: near % 10 < 4,
    "sloped stripes": lambda down, across, near: (across * 0.1 + down) % 10 < 4,
    "steep stripes": lambda down, across, near: (across + down * 0.05) % 10 < 4,
}
LIMITS = {1600: 500, 400: 150}  # MB; 75 are the program's and its libraries'


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("name", "side"), [(name, 1600 if name == "fine diagonals" else 400) for name in MUCH_INK]
)
def test_ink_everywhere_takes_less_than_half_a_gigabyte(name, side, tmp_path):
    """And seconds, where each stroke's box covers the picture: read without end before.

    Reading never sees more than 1,600 by 1,600 pixels; most of these have a sixteenth, and need up to 99 MB.
    """
    file = tmp_path / "ink.npy"
    down, across = np.mgrid[:side, :side]
    near = np.minimum(np.minimum(across, side - 1 - across), np.minimum(down, side - 1 - down))
    np.save(file, np.where(MUCH_INK[name](down, across, near), 0, 255).astype(np.uint8))
    command = [sys.executable, "-c", PEAK, file]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    assert int(run.stdout) < LIMITS[side]


def test_more_pages_are_told(model):
    first = Image.fromarray(drawn([number("42")]))
    content = encoded(first, "TIFF", save_all=True, append_images=[first])
    alone, found = read(encoded(first, "TIFF"), model), read(content, model)
    assert (found.text, found.verdict) == (alone.text, alone.verdict)
    assert found.warnings == (*alone.warnings, "the first page or frame alone was read; there are more")
