"""What may come of any input: a sound result, or the documented error in one line, within bounds.

Each target takes bytes, as an attacker would send them, and raises whatever is wrong. Two fuzzers call them:
Hypothesis in test_fuzz.py, atheris in atheris_run.py. SEEDS are inputs to start from, TOKENS what is worth
putting into them.
"""

import gzip
import hashlib
import io
import json
import os
import re
import struct
import tempfile
import tracemalloc
import zlib
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from unicodedata import normalize

import numpy as np
from PIL import Image, ImageDraw
from safetensors.numpy import save as to_bytes

from hellodl import checkpoint
from hellodl.about import DataIdentity, Epoch, Machine, Position, Results, as_dict, describe
from hellodl.autograd import Tensor
from hellodl.datasets import decoded, idx
from hellodl.errors import DataError, ModelError, PictureError, UsageError
from hellodl.graphs.formula import FUNCTIONS, formula, read_values
from hellodl.nn import DigitNet
from hellodl.reading.load import LONG_SIDE, load_picture
from hellodl.reading.reader import read


@contextmanager
def refused_at_most(error, where=""):
    """Inside, the documented error may be raised: where, and then one line that is not too long."""
    try:
        yield
    except error as refusal:
        text = str(refusal)
        assert text.startswith(where), text
        what = text.removeprefix(where)
        assert len(what.splitlines()) == 1, text
        assert len(what) < 500, text


FILE = Path(tempfile.gettempdir(), f"hellodl-fuzz-{os.getpid()}")


@contextmanager
def written(data):
    """A file with this content, for a while."""
    FILE.write_bytes(data)
    try:
        yield FILE
    finally:
        FILE.unlink()


# IDX files --------------------------------------------------------------------------------------------

MOST_INFLATED = 1032  # bytes that deflate makes of one


def read_idx(data):
    """Numbers: all that the file holds, and nothing else. Memory grows with the data that is there."""
    with written(data) as path:
        for kind in idx.KINDS.values():
            with (
                refused_at_most(DataError, f"{path}: "),
                memory_at_most(2**21 + 2 * MOST_INFLATED * len(data)),
            ):
                numbers = idx.read(path, kind)
                content = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
                assert content == header(kind.magic, len(numbers), *kind.row) + numbers.tobytes()
        read_copy(path, data)


@contextmanager
def memory_at_most(limit):
    already = tracemalloc.is_tracing()  # in long runs: Python loses a little memory whenever it is stopped
    tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    try:
        yield
    finally:  # those who refuse an input must not have spent it either
        _, peak = tracemalloc.get_traced_memory()
        if not already:
            tracemalloc.stop()
        assert peak - before < limit, peak


def read_copy(path, data):
    """A kept copy is used if the SHA-256 at its end is that of what precedes it, and only then."""
    content, digest = data[:-32], data[-32:]
    intact = content and hashlib.sha256(content).digest() == digest
    kept = decoded._read(path)
    assert (kept is not None) == bool(intact)
    assert kept is None or (kept[0].tobytes(), kept[1]) == (content, digest.hex())


def header(*numbers):
    return struct.pack(f">{len(numbers)}I", *numbers)


compressed = partial(gzip.compress, mtime=0)  # the same bytes every time
IDX = [
    header(2051, 1, 28, 28) + bytes(range(196)) * 4,
    header(2049, 3) + bytes([3, 1, 4]),
    header(3074, 2, 8) + bytes(64),
]
IDX += [data + hashlib.sha256(data).digest() for data in IDX[1:]]

# Checkpoints ------------------------------------------------------------------------------------------


def read_checkpoint(data):
    """A network that answers with finite numbers, from whole files and from headers alone."""
    for content in (data, with_arrays(data)):
        with written(content) as path, refused_at_most(ModelError, f"{path}: "):
            model = checkpoint.load(path).model()
            assert np.isfinite(model.predict(np.full((1, 28, 28), 200, np.uint8))).all()


def with_arrays(header):
    """A checkpoint with this header, and the arrays of an undamaged one."""
    return len(header).to_bytes(8, "little") + header + ARRAYS


NETWORK = DigitNet((1,), np.random.default_rng(0))
ABOUT = as_dict(
    describe(
        NETWORK,
        dataset=DataIdentity("mnist", "1f"),
        settings={"lr": 0.1, "hidden": (1,)},
        history=(Epoch(1, 0.5),),
        results=Results(test_accuracy=0.5),
        machine=Machine("a processor", "a kernel"),
        position=Position(3, 0.5, 1.5),
    )
)


def checkpoint_file(**about):
    """A small checkpoint as training makes it, `about` changed."""
    arrays = checkpoint.weights_of(NETWORK) | {
        "training.velocity": np.zeros(1, np.float32),
    }
    return to_bytes(arrays, {checkpoint.KEY: json.dumps(ABOUT | about)})


CHECKPOINT = checkpoint_file()
END = 8 + int.from_bytes(CHECKPOINT[:8], "little")
HEADER, ARRAYS = CHECKPOINT[8:END], CHECKPOINT[END:]


# Pictures ---------------------------------------------------------------------------------------------


def read_picture(data):
    """Upright grey or coloured pixels of a workable size, from damaged PNGs also with checksums put right."""
    for content in {data, with_right_checksums(data)}:
        with refused_at_most(PictureError, "bytes: "):
            pixels = load_picture(content).pixels
            assert pixels.dtype == np.uint8
            assert pixels.shape[2:] in {(), (3,)}
            assert min(pixels.shape) > 0
            assert max(pixels.shape) <= LONG_SIDE


def with_right_checksums(png):
    """A PNG with each chunk's CRC put right, so that damage gets past it."""
    content = bytearray(png)
    at = 8
    while at + 12 <= len(content) and png.startswith(b"\x89PNG"):
        end = at + 8 + int.from_bytes(content[at : at + 4])
        content[end : end + 4] = (
            struct.pack(">I", zlib.crc32(content[at + 4 : end])) if end + 4 <= len(png) else b""
        )
        at = end + 4
    return bytes(content)


def picture_files():
    """A small picture in all formats that are read, and many of their modes."""
    rng = np.random.default_rng(0)
    rgba = Image.fromarray(rng.integers(0, 255, (9, 7, 4), np.uint8))
    exif = Image.Exif()
    exif[274] = 6
    ways = [("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    ways += [("PNG", "P", {"transparency": 3}), ("PNG", "L", {"exif": exif}), ("GIF", "P", {})]
    ways += [("GIF", "L", {"save_all": True, "append_images": [rgba.convert("L")] * 2, "transparency": 1})]
    ways += [("JPEG", "L", {}), ("JPEG", "CMYK", {}), ("JPEG", "RGB", {"progressive": True, "exif": exif})]
    ways += [("WEBP", "RGBA", {"lossless": True}), ("WEBP", "RGB", {"exif": exif}), ("BMP", "RGB", {})]
    ways += [("AVIF", "RGB", {}), ("AVIF", "RGBA", {"exif": exif})]
    ways += [("BMP", "P", {}), ("DIB", "L", {}), ("PPM", "1", {}), ("PPM", "L", {}), ("PPM", "RGB", {})]
    ways += [("TIFF", "L", {"compression": how}) for how in (None, "tiff_lzw", "group4", "jpeg", "packbits")]
    ways += [("TIFF", mode, {}) for mode in ("F", "I", "I;16", "CMYK", "RGBA", "P")]
    for kind, mode, options in ways:
        buffer = io.BytesIO()
        image = rgba.convert("L").convert(mode) if mode in {"I;16", "F", "I", "1"} else rgba.convert(mode)
        if options.get("compression") == "group4":
            image = image.convert("1")
        image.save(buffer, kind, **options)
        yield buffer.getvalue()
    yield b"P2 3 2 255 0 128 255 9 9 9"
    yield b"P1\n# a remark\n3 2\n1 0 1 0 1 0"


# Reading ----------------------------------------------------------------------------------------------


def read_pixels(data):
    """Digits with probabilities, boxes inside the picture, a text that agrees with them."""
    found = read(pixels_of(data), model())
    height, width = pixels_of(data).shape[:2]
    assert found.verdict in {"digits", "unsure", "not digits"}
    assert found.text.replace("\n", "") == "".join(str(digit.digit) for digit in found.digits)
    assert all(warning.isprintable() for warning in found.warnings)
    for digit in found.digits:
        assert digit.verdict in {"digit", "unsure", "not a digit"}
        assert digit.digit == int(np.argmax(digit.probabilities))
        assert abs(sum(digit.probabilities) - 1) < 1e-3
        x, y, w, h = digit.box
        assert min(x, y) >= 0
        assert min(w, h) >= 1
        assert x + w <= width + 1
        assert y + h <= height + 1


def pixels_of(data):
    """Any bytes as an array: height, width and kind of pixels, then the pixels, from the start if too few."""
    height, width, kind = (*data[:3], 0, 0, 0)[:3]
    shape = ((height + 1, width + 1), (height + 1, width + 1, 3), (height + 1, width + 1, 4))[kind % 3]
    return np.resize(np.frombuffer(data[3:] or b"\0", np.uint8), shape)


def bytes_of(pixels):
    """The bytes of which `pixels_of` makes these pixels."""
    height, width = pixels.shape[:2]
    kind = 0 if pixels.ndim == 2 else pixels.shape[2] - 2
    return bytes([height - 1, width - 1, kind]) + pixels.tobytes()


def written_pixels():
    """Digits in a printed hand, dark on light and light on dark, and a square of 28 pixels as in MNIST."""
    for paper, ink, size in ((255, 20, (64, 20)), (10, 200, (64, 20)), (0, 255, (28, 28))):
        image = Image.new("L", size, paper)
        ImageDraw.Draw(image).text((6, 2), "4071" if size[0] > 28 else "8", ink, font_size=16)
        yield bytes_of(np.asarray(image))
    yield bytes([40, 99, 1, *range(256)])


@cache
def model():
    return checkpoint.load_model(checkpoint.SHIPPED)


# Formulas ---------------------------------------------------------------------------------------------

VARIABLES = {"x": Tensor(2.0, np.float64), "z": Tensor(0.5, np.float64)}
NAMES = "|".join([*FUNCTIONS, "pi", "e", *VARIABLES])
BENIGN = re.compile(rf"(?:{NAMES}|\d[\w.]*|\.\d[\w.]*|[-+*/() ])*")


def read_formula(data):
    """A number, from nothing but numbers, names and arithmetic; or a value for a variable."""
    text = data.decode("utf-8", "surrogateescape")  # as arguments arrive
    with refused_at_most(UsageError, "formula"):
        y = formula(text, VARIABLES)
        assert BENIGN.fullmatch(normalize("NFKC", " ".join(text.split())))  # as Python reads names
        assert isinstance(y.item(), float)
    with refused_at_most(UsageError, f"--at {text}: "):
        (tensor,) = read_values([text]).values()
        assert np.isfinite(tensor.item())


FORMULAS = [
    b"3*x**3 + 4*x + 1 + x*z",
    b"-sin(pi/2)**2 / (x - 1e-3)",
    b"relu(tanh(z)) + gelu(.5*x)",
    b"x = -1e-3",
    b"__import__('os').system('true')",
    b"[y for y in ().__class__.__bases__]",
]

# ------------------------------------------------------------------------------------------------------

TARGETS = {
    "idx": read_idx,
    "checkpoint": read_checkpoint,
    "picture": read_picture,
    "reading": read_pixels,
    "formula": read_formula,
}
SEEDS = {
    "idx": [*IDX, *map(compressed, IDX)],
    "checkpoint": [CHECKPOINT, HEADER],
    "picture": list(picture_files()),
    "reading": list(written_pixels()),
    "formula": FORMULAS,
}
NUMBERS = [
    (number % 256**size).to_bytes(size, order)
    for number in (0, 1, -1, 2**15, 2**31 - 1, 2**31, 2**63)
    for size in (2, 4, 8)
    for order in ("big", "little")
]
TOKENS = {
    "idx": [*NUMBERS, b"\x1f\x8b\x08", b"<html", b"\xef\xbb\xbf"],
    "checkpoint": [
        *NUMBERS,
        *(b'null [] {} -1 1e999 99999999999999999999 " \\u0000 NaN \xff F64 BF16 true'.split()),
    ],
    "picture": [
        *NUMBERS,
        *b"IHDR PLTE tRNS IDAT IEND acTL fcTL eXIf iCCP zTXt iTXt gAMA VP8X ANIM ALPH".split(),
    ],
    "reading": [bytes(30), b"\xff" * 30, b"\x80" * 30],
    "formula": [
        *(name.encode() for name in FUNCTIONS),
        *b"pi e x z q 1 2.5 1e9 ( ) , + - * / ** @ . : [ ] { } = := ' \" f' \\ # ^ _ 0x \0 \x1b".split(),
        *b"__class__ import lambda if else not await".split(),
        *(b" ", b"\n", b" for x in "),
    ],
}
