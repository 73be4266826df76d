"""The IDX reader reads what is right, and refuses everything else without spending memory on it."""

import gzip
import tracemalloc

import made
import numpy as np
import pytest

from hellodl.datasets import idx
from hellodl.errors import DataError

IMAGES, LABELS = made.digits(3)
CONTENT = made.images_file(IMAGES)


def save(folder, data, name="images.gz"):
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("data", [CONTENT, gzip.compress(CONTENT)], ids=["plain", "gzip"])
def test_images_are_read_whether_compressed_or_not_whatever_the_name(tmp_path, data):
    assert np.array_equal(idx.read(save(tmp_path, data), idx.IMAGES), IMAGES)


def test_labels_and_qmnist_labels_are_read(tmp_path):
    labels = save(tmp_path, made.labels_file([3, 1, 4]))
    assert idx.read(labels, idx.LABELS).tolist() == [3, 1, 4]
    rows = np.arange(16).reshape(2, 8) - 3
    extended = save(tmp_path, made.header(3074, 2, 8) + rows.astype(">i4").tobytes())
    assert idx.read(extended, idx.QMNIST_LABELS).tolist() == rows.tolist()


HEAD = made.header(2051, 3, 28, 28)
BAD = {
    "empty": (b"", "truncated: only 0 bytes"),
    "half a header": (HEAD[:11], "truncated: only 11 bytes"),
    "labels": (made.labels_file([1] * 20), r"magic 2049 \(IDX labels\), expected IDX images"),
    "something else": (b"\x89PNG\r\n\x1a\n" + bytes(50), "magic 2303741511, expected IDX images"),
    "web page": (b"\n <!DOCTYPE html><html>404</html>", "HTML or XML page"),
    "cloud error": (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "HTML or XML page"),
    "wrong shape": (made.header(2051, 3, 32, 32) + bytes(3 * 32 * 32), "images of 32 × 32, expected 28 × 28"),
    "no images": (made.header(2051, 0, 28, 28), "holds no images"),
    "one byte short": (CONTENT[:-1], "truncated: 2,367 bytes, its header promises 2,368"),
    "trailing byte": (CONTENT + b"\0", "trailing bytes"),
    "terabytes": (made.header(2051, 2**32 - 1, 28, 28) + bytes(99), "promises 4,294,967,295 images"),
    "half a gigabyte": (made.header(2051, 700_000, 28, 28), "promises 700,000 images"),
    "a lie": (made.header(2051, 600_000, 28, 28), "truncated"),
}


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_bad_content_is_named_and_costs_no_memory(tmp_path, data, message, compress):
    path = save(tmp_path, gzip.compress(data) if compress else data)
    tracemalloc.start()
    with pytest.raises(DataError, match=message) as caught:
        idx.read(path, idx.IMAGES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert peak < 2**20


def test_a_gzip_bomb_is_left_when_it_exceeds_its_promise(tmp_path):
    bomb = save(tmp_path, gzip.compress(CONTENT + bytes(2**26)))
    tracemalloc.start()
    with pytest.raises(DataError, match="trailing bytes: more than the 2,368"):
        idx.read(bomb, idx.IMAGES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**21


def test_bytes_after_the_gzip_stream_are_refused(tmp_path):
    data = gzip.compress(CONTENT)
    for tail in (b"x", data):
        with pytest.raises(DataError, match="trailing bytes after the end"):
            idx.read(save(tmp_path, data + tail), idx.IMAGES)


def test_no_truncation_of_either_form_is_accepted(tmp_path):
    for data in (CONTENT[:200], gzip.compress(made.labels_file(LABELS))):
        kind = idx.LABELS if idx.is_gzip(data) else idx.IMAGES
        for length in range(len(data)):
            with pytest.raises(DataError):
                idx.read(save(tmp_path, data[:length]), kind)


def test_folders_and_missing_files_are_data_errors(tmp_path):
    with pytest.raises(DataError, match="Is a directory"):
        idx.read(tmp_path, idx.IMAGES)
    with pytest.raises(DataError, match="No such file"):
        idx.read(tmp_path / "nothing", idx.IMAGES)


def test_files_too_large_for_any_data_set_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "MAX_BYTES", 2_000)
    with pytest.raises(DataError, match="2,368 bytes, expected at most 2,000"):
        idx.read(save(tmp_path, CONTENT), idx.IMAGES)
    with pytest.raises(DataError, match="promises 3 images, 2,368 bytes; at most 2,000 fit"):
        idx.read(save(tmp_path, gzip.compress(made.images_file(np.zeros((3, 28, 28), np.uint8)))), idx.IMAGES)


def test_a_content_shorter_than_its_header_says_is_refused(tmp_path):
    with pytest.raises(DataError, match="truncated: 2,367 bytes, its header promises 2,368"):
        idx.rows(np.frombuffer(CONTENT[:-1], np.uint8), idx.IMAGES, tmp_path)
