"""Loading: any source and format gives upright, opaque pixels, or a PictureError of one line."""

import io
import random
import struct
import subprocess
import sys
import zlib

import numpy as np
import paper
import pytest
import torch
from paper import digits, encoded, enlarged
from PIL import Image

from hellodl import Tensor
from hellodl.errors import PictureError
from hellodl.reading.formats import LONG_SIDE, pages
from hellodl.reading.load import load_picture

DARK = 255 - enlarged(digits()[0][3], 4)  # dark ink on white, 112 by 112


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_claiming(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


@pytest.mark.parametrize(
    ("kind", "mode", "options", "tolerance"),
    [
        ("PNG", "L", {}, 0),
        ("PNG", "RGB", {}, 0),
        ("PNG", "RGBA", {}, 0),
        ("PNG", "LA", {}, 0),
        ("PNG", "P", {}, 2),
        ("JPEG", "L", {"quality": 95}, 20),
        ("JPEG", "RGB", {"quality": 95, "progressive": True}, 20),
        ("JPEG", "CMYK", {"quality": 95}, 20),
        ("BMP", "RGB", {}, 0),
        ("GIF", "L", {}, 2),
        ("WEBP", "RGB", {"lossless": True}, 0),
        ("TIFF", "L", {"compression": "tiff_lzw"}, 0),
        ("PPM", "L", {}, 0),
        ("AVIF", "RGB", {"quality": 95}, 20),
    ],
)
def test_formats_and_modes_give_the_same_pixels(kind, mode, options, tolerance):
    loaded = load_picture(encoded(Image.fromarray(DARK).convert(mode), kind, **options)).pixels
    grey = loaded if loaded.ndim == 2 else loaded.mean(axis=2)
    assert np.abs(grey.astype(int) - DARK).max() <= tolerance


def test_one_bit_pictures_are_black_and_white():
    pixels = load_picture(encoded(Image.fromarray(DARK > 127))).pixels
    assert np.array_equal(pixels, np.where(DARK > 127, 255, 0))


def test_sixteen_bits_keep_their_greys():
    """Pillow's own convert("L") turns them all white."""
    assert np.array_equal(load_picture(encoded(DARK.astype(np.uint16) * 257)).pixels, DARK)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_fewer_bits_in_numbers_of_sixteen_are_not_taken_for_darkness(bits):
    """As microscopes, scanners and scikit-image write them."""
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    for source in (grey << (bits - 8), encoded(grey << (bits - 8)), encoded(grey << (bits - 8), "TIFF")):
        assert np.abs(load_picture(source).pixels.astype(int) - grey).max() <= 1


@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (255, 0)])
def test_ink_on_a_transparent_ground_stays_visible(ink, ground):
    rgba = np.zeros((*DARK.shape, 4), np.uint8)
    rgba[..., :3], rgba[..., 3] = ink, 255 - DARK
    pixels = load_picture(encoded(rgba)).pixels
    assert pixels[0, 0] == ground
    assert abs(int(pixels[DARK == 0].mean()) - ink) <= 1


def test_holes_in_an_opaque_picture_take_its_usual_colour():
    rgba = np.dstack([DARK] * 3 + [np.full_like(DARK, 255)])
    rgba[5:15, 5:15] = 0
    assert (load_picture(encoded(rgba)).pixels[5:15, 5:15] == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_upright(orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposes that store it sideways
    stored = Image.fromarray(DARK[:, :80])
    if orientation in undo:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[274] = orientation
    assert np.array_equal(load_picture(encoded(stored, exif=exif)).pixels, DARK[:, :80])


class Pipe(io.RawIOBase):
    """A file that cannot seek."""

    def __init__(self, content):
        self.content = io.BytesIO(content)

    def readable(self):
        return True

    def seekable(self):
        return False

    def read(self, size=-1):
        return self.content.read(size)


def test_all_kinds_of_sources_give_the_same_picture(tmp_path):
    file = tmp_path / "digit.jpg"  # the name may lie
    file.write_bytes(encoded(DARK))
    content = file.read_bytes()
    sources = [str(file), file, content, bytearray(content), memoryview(content), io.BytesIO(content)]
    sources += [Pipe(content), Image.fromarray(DARK), DARK, DARK[..., None], DARK / 255, DARK.astype(float)]
    sources += [DARK.astype(np.uint16) * 257, np.dstack([DARK] * 3), load_picture(file)]
    sources += [torch.tensor(DARK), Tensor(DARK), memoryview(np.dstack([DARK] * 3))]  # as Matplotlib's canvas
    for source in sources:
        assert np.array_equal(load_picture(source).pixels, DARK), type(source)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(5),
        np.zeros((0, 4)),
        np.zeros((2, 2, 5)),
        np.full((4, 4), np.nan),
        np.zeros((2, 2), complex),
        np.array([["a"]]),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(array):
    with pytest.raises(PictureError, match="array"):
        load_picture(array)


@pytest.mark.parametrize("source", [None, 7, [DARK, DARK], {}, io.StringIO("x")])
def test_what_can_be_no_picture_is_told_what_can(source):
    with pytest.raises(PictureError, match=f"^{type(source).__name__}: expected one picture: a path, b"):
        load_picture(source)


def test_large_pictures_are_reduced_and_say_by_how_much():
    picture = load_picture(encoded(np.zeros((3000, 4000, 3), np.uint8), "JPEG"))
    assert (picture.width, picture.height) == (LONG_SIDE, 1200)
    assert picture.scale == pytest.approx(2.5)


def test_an_image_of_the_callers_stays_as_it_is():
    """Pillow can decode a JPEG at half its size, but does so for good."""
    image = Image.open(io.BytesIO(encoded(Image.new("L", (3400, 3400)), "JPEG")))
    assert load_picture(image).scale == 3400 / 1600
    assert image.size == (3400, 3400)


def test_a_strip_one_pixel_wide_is_a_picture():
    assert load_picture(encoded(np.zeros((100_000, 1), np.uint8))).pixels.shape == (LONG_SIDE, 1)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG", "AVIF", "MPO"])
def test_what_a_file_holds_besides_is_told(kind):
    """Not of a phone's photograph, whose second picture is the first for other screens."""
    first, second = Image.fromarray(DARK), Image.fromarray(255 - DARK)
    alone, two = encoded(first, kind), encoded(first, kind, save_all=True, append_images=[second])
    assert not load_picture(alone).has_more
    assert load_picture(two).has_more == (kind != "MPO")
    if kind in ("GIF", "TIFF", "PNG"):
        assert np.array_equal(load_picture(two).pixels, load_picture(alone).pixels)


def test_damage_after_the_first_frame_does_not_cost_it():
    frames = [Image.fromarray(DARK), Image.fromarray(255 - DARK)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    damaged = content[: content.rindex(b"\x2c") + 5]
    assert np.array_equal(load_picture(damaged).pixels, load_picture(content).pixels)


def test_of_thousands_of_frames_only_the_first_is_read():
    frames = [Image.new("L", (8, 8), i % 256) for i in range(2000)]
    content = encoded(frames[7], "GIF", save_all=True, append_images=frames)
    assert (load_picture(content).pixels == 7).all()


@pytest.mark.parametrize("size", [(30_000, 30_000), (2**31 - 1, 2**31 - 1), (0, 10), (7300, 7300)])
def test_impossible_sizes_are_refused_before_anything_is_decoded(size):
    with pytest.raises(PictureError, match="bytes"):
        load_picture(png_claiming(*size))


def read_or_refused(content):
    """Whether it was read; anything but a picture or a PictureError of one line fails."""
    try:
        return load_picture(content).pixels.size > 0
    except PictureError as refusal:
        error = refusal
    assert "\n" not in str(error)
    return False


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "AVIF"])
def test_a_file_cut_off_anywhere_is_read_or_refused(kind):
    content = encoded(DARK[::4, ::4], kind)
    cut = [read_or_refused(content[:length]) for length in range(0, len(content), 1 + len(content) // 250)]
    assert not cut[0]
    assert not cut[len(cut) // 2]
    assert read_or_refused(content)


def test_a_damaged_photograph_of_a_phone_is_read_or_refused():
    """Cut off, and with bytes changed where the sizes and places of its parts stand."""
    heif, file, chance = pytest.importorskip("pillow_heif"), io.BytesIO(), random.Random(0)
    heif.from_pillow(Image.fromarray(DARK).convert("RGB")).save(file)
    content = file.getvalue()
    assert read_or_refused(content)
    for length in range(0, len(content), 1 + len(content) // 100):
        assert not read_or_refused(content[:length])
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 2, 5))):
            damaged[chance.randrange(min(600, len(content)))] = chance.choice((0, 1, 127, 128, 255))
        read_or_refused(bytes(damaged))


def test_a_pillow_image_whose_file_is_damaged_is_refused():
    """Pillow decodes late: what it was given may turn out to be damaged only here."""
    image = Image.open(io.BytesIO(encoded(DARK)[:200]))
    with pytest.raises(PictureError, match="image: damaged picture"):
        load_picture(image)


def test_a_mistake_of_our_own_is_not_blamed_on_the_picture(monkeypatch):
    """Only what Pillow raises means damage."""
    monkeypatch.setattr("hellodl.reading.load._opaque", {}.popitem)
    with pytest.raises(TypeError):
        load_picture(encoded(DARK))


def test_what_is_no_picture_is_named(tmp_path):
    text = tmp_path / "letter.png"
    text.write_text("dear reader")
    for source in (text, tmp_path, tmp_path / "missing.png"):
        with pytest.raises(PictureError, match=str(source)):
            load_picture(source)
    with pytest.raises(PictureError, match="not a picture"):
        load_picture(b"dear reader")


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\0\0\0\x24ftypheic\0\0\0\0mif1heic", r"is a HEIC picture; `\S+ -m pip install pillow-heif`"),
        (b"%PDF-1.7\n", r"is a PDF; `\S+ -m pip install pypdfium2`"),
    ],
)
def test_a_format_that_needs_an_extra_package_names_it(monkeypatch, head, what):
    for module in ("pillow_heif", "pypdfium2"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PictureError, match=what):
        load_picture(head)


def test_phones_pages_and_targas_read_as_the_pictures_they_hold(tmp_path):
    """Oracle: the packages that write these formats; HEIC is lossy."""
    heif = pytest.importorskip("pillow_heif")
    pytest.importorskip("pypdfium2")
    picture = np.full((120, 200), 255, np.uint8)
    picture[30:90, 80:120] = 0
    image = Image.fromarray(picture)
    heif.from_pillow(image.convert("RGB")).save(tmp_path / "a.heic")
    image.save(tmp_path / "a.tga")
    image.save(tmp_path / "a.pdf", save_all=True, append_images=[Image.new("L", (200, 120), 255)])
    for name in ("a.heic", "a.tga"):
        assert np.abs(load_picture(tmp_path / name).pixels.astype(int) - picture).mean() < 4
    first, second = (load_picture(page) for page in pages(str(tmp_path / "a.pdf")))
    small = np.asarray(Image.fromarray(first.pixels).resize((200, 120)))
    assert np.abs(small.astype(int) - picture).mean() < 8
    assert second.pixels.min() > 250
    with pytest.raises(PictureError, match="has 2 pages"):
        load_picture(f"{tmp_path / 'a.pdf'}#3")


PEAK = """
import re, sys
from pathlib import Path
from hellodl.checkpoint import SHIPPED, load_model
from hellodl.reading import several
several.available_cpus = lambda: int(sys.argv[1])
for answer in several.read_each(sys.argv[2:], load_model(SHIPPED)):
    answer.verdict  # a reading, no error
# not ru_maxrss: a child's starts at what its parent holds
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def peak(cpus, files):
    """The most memory of a process that reads files as if it had so many processors, in MB."""
    command = [sys.executable, "-c", PEAK, str(cpus), *files]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_folders_of_large_pictures_take_less_than_half_a_gigabyte(tmp_path):
    """Of 50 megapixels with alpha, of 80 in a JPEG of several scans, by two threads (by four: 497 MB)."""
    size, files = (8160, 6120), [tmp_path / name for name in ("a.png", "b.jpg", "c.png")]
    Image.new("RGBA", size, (200, 200, 200, 255)).save(files[0], compress_level=1)
    Image.new("RGB", (10_320, 7_740), "white").save(files[1], progressive=True)
    Image.new("P", size).save(files[2], compress_level=1, transparency=7)
    assert peak(2, files) < 500


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_sixty_four_processors_take_no_more(tmp_path):
    """Of WebP, whose decoder holds four copies; pages with ink beside them are read meanwhile."""
    large, page = tmp_path / "a.webp", tmp_path / "page.png"
    Image.new("RGB", (5160, 3870), "white").save(large, quality=50, method=0)
    Image.fromarray(paper.drawn([paper.number("42")])).resize((1600, 1600)).save(page)
    assert peak(64, [page, large, page, large, page]) < 500
