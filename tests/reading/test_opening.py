"""What decoding a picture may cost is bounded: waiting, time, memory, and how many large ones at once."""

import io
import os
import signal
import struct
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from hellodl.errors import PictureError
from hellodl.reading import opening
from hellodl.reading.load import load_picture


def run_lengths():
    """A BMP of runs of one pixel, which Pillow decodes in Python: 60 MB take minutes."""
    side, row = 1000, b"\x01\x07\x01\x00" * 500 + b"\x00\x00"
    palette = b"".join(bytes([i, i, i, 0]) for i in range(256))
    sizes = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(row) * side, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(row) * side, 0, 0, 1078) + sizes + palette + row * side


def long_comment():
    """A comment of 2 MB: Pillow reads it a byte at a time."""
    return b"P2\n#" + b"x" * 2_000_000 + b"\n28 28 255\n" + b"0 " * 784


def many_scans():
    """A progressive JPEG whose last scan comes a thousand times; each touches the whole picture."""
    good = jpeg(progressive=True)
    last = good[good.rfind(b"\xff\xc4") : -2]
    return good[:-2] + last * 1000 + b"\xff\xd9"


def jpeg(colours="L", size=(1000, 1000), **options):
    file = io.BytesIO()
    Image.new(colours, size, 128).save(file, "JPEG", **options)
    return file.getvalue()


def one_colour_a_scan():
    """A JPEG that is not progressive, but whose first scan claims to hold one colour of three."""
    data = jpeg("RGB", subsampling=0)
    scan = data.index(b"\xff\xda\x00\x0c\x03")
    return data[:scan] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + data[scan + 14 :]


@pytest.mark.parametrize("make", [run_lengths, long_comment, many_scans])
def test_no_decoder_outlasts_its_time(make, monkeypatch):
    monkeypatch.setattr(opening, "MOST_SECONDS", 0.05)
    with pytest.raises(PictureError, match=r"^bytes: not decoded after 0 seconds; save it anew as PNG$"):
        load_picture(make())


def test_comments_between_numbers_cost_little():
    """Pillow cuts them out of what it has read, one by one: a megabyte at a time took 7 seconds."""
    start = time.thread_time()
    page = load_picture(b"P2 28 28 255\n" + b"#\n" * 500_000 + b"0 " * 784)
    assert page.width == 28
    assert time.thread_time() - start < opening.MOST_SECONDS / 2


def test_a_good_picture_may_take_as_long_as_it_waits(monkeypatch):
    """What counts is a processor's time: a slow disk is no fault of the picture's."""
    monkeypatch.setattr(opening.time, "monotonic", iter(range(0, 100_000, 100)).__next__)
    assert load_picture(jpeg(size=(50, 50))).width == 50


@pytest.mark.parametrize(
    ("make", "is_read"),
    [
        (lambda: jpeg("RGB", subsampling=0), True),
        (lambda: jpeg("RGB", subsampling=0, progressive=True), False),
        (lambda: jpeg("RGB", subsampling=2, progressive=True), True),
        (one_colour_a_scan, False),
        (lambda: jpeg("L", progressive=True), True),
    ],
    ids=["one scan", "progressive", "progressive, coarser colours", "a scan a colour", "progressive grey"],
)
def test_jpegs_of_several_scans_are_bounded_by_what_has_to_be_kept(make, is_read, monkeypatch):
    """All coefficients, three times as many as pixels or, with coarser colours, one and a half times."""
    monkeypatch.setattr(opening, "MOST_COEFFICIENTS", 2_000_000)
    if is_read:
        assert load_picture(make()).width == 1000
    else:
        with pytest.raises(PictureError, match="1000 by 1000 pixels, at most 666,666 are read"):
            load_picture(make())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_with_a_name_is_refused_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(PictureError, match=r"pipe\.png: is a pipe or a device, .* `hellodl predict - < "):
        load_picture(tmp_path / "pipe.png")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("none.png", "does not exist, expected a picture"),
        ("none.pdf#3", "does not exist, expected a picture"),
        (".", "holds no pictures, expected files like image.png"),
        ("empty.png", "is empty, expected a picture"),
        ("http://example.org/a.png", "is an address: fetch it first; only --cluster fetches pictures itself"),
    ],
)
def test_what_cannot_be_opened_is_told_with_what_to_do(name, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(PictureError) as refused:
        load_picture(name)
    assert str(refused.value) == f"{name}: {what}"


def test_more_bytes_than_a_picture_has_are_refused(monkeypatch):
    monkeypatch.setattr(opening, "MOST_BYTES", 100)
    with pytest.raises(PictureError, match="more than 100 bytes, too large"):
        load_picture(bytes(101))


def test_pictures_are_decoded_together_as_far_as_memory_goes(monkeypatch):
    """However many threads read pictures: what has half of all pixels has half of the memory."""
    monkeypatch.setattr(opening, "MOST_PIXELS", 40_000)
    busy, most, small = 0, 0, threading.Event()
    change, decode = threading.Lock(), Image.Image.resize

    def counted(image, *args, **options):
        nonlocal busy, most
        with change:
            busy += 1
            most = max(most, busy)
        assert small.wait(10)
        with change:
            busy -= 1
        return decode(image, *args, **options)

    monkeypatch.setattr(Image.Image, "resize", counted)
    with ThreadPoolExecutor(5) as pool:
        pictures = [pool.submit(load_picture, np.zeros((10, 1900), np.uint8)) for _ in range(4)]
        assert pool.submit(load_picture, np.zeros((5, 20), np.uint8)).result(timeout=10).width == 20
        while busy < 2:
            time.sleep(0.001)
        small.set()
        assert [picture.result().width for picture in pictures] == [1600] * 4
    assert most == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process forks on this system")
def test_a_process_forked_while_a_picture_is_read_has_all_memory():
    """What other threads have taken of it, nobody gives back there."""
    with opening.memory(opening.MEMORY):
        child = os.fork()
        if not child:
            signal.alarm(5)
            with opening.memory(opening.MEMORY):
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0


def test_too_little_memory_is_said_so(monkeypatch):
    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", full)
    with pytest.raises(
        PictureError, match=r"^bytes: needs about 1 MB of memory to decode, more than there is;"
    ):
        load_picture(jpeg(size=(2000, 500)))


def test_threads_leave_the_filters_of_warnings_as_they_were():
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(load_picture, [jpeg(size=(300, 300))] * 100))
    assert list(warnings.filters) == before


def test_a_file_of_the_callers_stays_open():
    file = io.BytesIO(jpeg())
    assert load_picture(file).width == 1000
    assert not file.closed
    assert file.seek(0) == 0
