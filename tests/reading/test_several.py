"""Several pictures give, in order, what each gives alone: in threads, with flat memory; they can be left."""

import threading
from dataclasses import replace

import numpy as np
import paper
import pytest
from PIL import Image

from hellodl.errors import PictureError
from hellodl.reading import several
from hellodl.reading.load import load_picture
from hellodl.reading.reader import read
from hellodl.reading.several import GROUP, groups, read_each


class Model:
    """Answers by how much ink there is, one image at a time or many."""

    calls = 0

    def predict(self, images):
        self.calls += 1
        ink = images.reshape(len(images), -1).sum(axis=1) % 10
        return np.eye(10, dtype=np.float32)[ink] * 0.91 + np.float32(0.009)


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr(several, "available_cpus", lambda: 2)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """300 small digits, a photograph of 42 amidst, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("several")
    for i, image in enumerate(paper.digits()[0][:300]):
        Image.fromarray(image).save(folder / f"{i:03}.png")
    Image.fromarray(paper.drawn([paper.number("42")])).save(folder / "100a.png")
    (folder / "200a.png").write_text("no picture")
    return sorted(map(str, folder.iterdir()))


@pytest.mark.parametrize("cpus", [1, 2, 64])
def test_several_are_read_as_each_alone(files, monkeypatch, cpus):
    monkeypatch.setattr(several, "available_cpus", lambda: cpus)
    model = Model()
    found = list(read_each([*files, "missing.png"], model))
    assert model.calls < 12  # groups of 64 and what the photograph takes
    for name, reading in zip([*files, "missing.png"], found, strict=True):
        if isinstance(reading, PictureError):
            assert name in str(reading)
            assert "200a" in name or "missing" in name
        else:
            assert reading == read(name, Model())  # whose answers do not depend on how many there are
            assert reading.picture.name == name


@pytest.mark.parametrize(
    ("quick", "threads"), [(np.inf, False), (0.0, True)], ids=["short work", "long work"]
)
@pytest.mark.usefixtures("two")
def test_what_takes_no_time_is_read_in_one_thread(files, monkeypatch, quick, threads):
    """In two, small digits took twice as long: both want Python's lock."""
    monkeypatch.setattr(several, "QUICK", quick)
    readers = set()

    class Watched(Model):
        def predict(self, images):
            readers.add(threading.current_thread() is not threading.main_thread())
            return super().predict(images)

    assert len(list(read_each(files, Watched()))) == len(files)
    assert readers == ({True, False} if threads else {False})  # the first group is timed in this one


def test_groups_hold_every_source_once_and_photographs_are_alone(files, tmp_path):
    photo = str(tmp_path / "photo.bmp")
    Image.new("L", (600, 600)).save(photo)
    mixed = [*files, photo, photo, "missing.png", *files]
    found = list(groups(mixed))
    assert [name for group in found for name in group] == mixed
    assert max(map(len, found)) == GROUP
    assert [photo] in found


def test_sources_are_taken_as_they_are_needed(files, two):
    """Not all at once: there may be millions."""
    taken = []
    readings = read_each((taken.append(name) or name for name in files * 10), Model())
    for _ in range(200):
        next(readings)
    assert len(taken) <= 200 + GROUP * 2 * (several.AHEAD + 1)
    readings.close()


@pytest.mark.parametrize("cpus", [1, 64])
def test_few_bytes_may_be_many_pixels(tmp_path, monkeypatch, cpus):
    """64 pages of 5 KB were in memory at once, and the ink of all that had been read: 0.7 GB and more."""
    monkeypatch.setattr(several, "available_cpus", lambda: cpus)
    at_once, one = [], read(paper.drawn([paper.number("4")]), Model())
    assert one.ink is not None

    def noted(pictures, model, *, invert):
        if pictures[0].width == 1100:  # an earlier test's thread may still be at its last group
            at_once.append(len(pictures))
        return [replace(one, picture=picture) for picture in pictures]

    monkeypatch.setattr(several, "read_all", noted)
    Image.new("L", (1100, 1000)).save(tmp_path / "page.png")
    readings = list(read_each([tmp_path / "page.png"] * 9, Model()))
    assert at_once == [1] * 9
    assert [(reading.ink, reading.picture.pixels.size) for reading in readings] == [(None, 0)] * 9


def test_steps_are_kept_where_they_are_asked_for(files, two):
    for reading in read_each(files[99:102], Model(), steps=True):
        assert reading.ink is not None or reading.picture.pixels.shape == (28, 28)
        assert reading.picture.pixels.size


def test_nothing_waits_for_a_picture_once_it_is_left(files, two, monkeypatch):
    """As at Ctrl-C: pictures under way come to their end by themselves, no other is begun."""
    begun, go_on = [], threading.Event()

    def slow(source):
        begun.append(source)
        assert go_on.wait(10)
        return load_picture(files[0])

    readings = read_each(files, Model())
    next(readings)
    monkeypatch.setattr(several, "load_picture", slow)
    readings.close()
    count = len(begun)
    go_on.set()
    assert count <= 2


def test_an_error_of_ours_is_no_pictures(files, two):
    class Broken:
        def predict(self, images):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(read_each(files, Broken()))
