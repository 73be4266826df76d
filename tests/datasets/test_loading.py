"""Loading finds the right files, checks them, and gives pictures and labels that belong together."""

import gzip
import hashlib
import os
import sys
from contextlib import contextmanager
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import made
import numpy as np
import pytest
from modes import needs_modes, obedient

from hellodl.datasets import Dataset, catalogue, decoded, folders, load
from hellodl.datasets.folders import cache_folder
from hellodl.errors import DataError, UsageError


def test_the_shipped_mnist_is_the_canonical_one():
    train, test = load("mnist", "train"), load("mnist", "test")
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert train.images.dtype == train.labels.dtype == np.uint8
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert round(train.images.mean() / 255, 4) == 0.1307
    assert not train.images.flags.writeable
    with pytest.raises(FrozenInstanceError):
        train.name = "other"


# SHA-256 of the decompressed files, taken with sha256sum
CONTENT = {
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def test_the_identity_of_a_data_set_is_that_of_its_decompressed_files():
    expected = hashlib.sha256(" ".join(CONTENT.values()).encode()).hexdigest()
    assert load("mnist", "test").sha256 == expected


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("subfolder", ["mnist", "."])
def test_a_users_folder_may_hold_other_data_compressed_or_not(tmp_path, compress, subfolder):
    made.write(tmp_path / subfolder, made.FOUR, made.contents(), compress=compress)
    images, labels = made.digits(12)
    train = load("mnist", "train", tmp_path)
    assert np.array_equal(train.images, images)
    assert np.array_equal(train.labels, labels)
    assert len(load("mnist", "test", str(tmp_path)).labels) == 5


def test_old_names_with_a_dot_are_found(tmp_path):
    old = [name.removesuffix(".gz").replace("-idx", ".idx") for name in made.FOUR]
    made.write(tmp_path, old, made.contents(), compress=False)
    assert len(load("mnist", "train", tmp_path).images) == 12


def test_the_identity_does_not_depend_on_the_compression(tmp_path):
    made.write(tmp_path / "a", made.FOUR, made.contents())
    made.write(tmp_path / "b", made.FOUR, made.contents(), compress=False)
    made.write(tmp_path / "c", made.FOUR, made.contents(train=13))
    a, b, c = (load("mnist", "train", tmp_path / name).sha256 for name in "abc")
    assert a == b != c


def test_an_explicit_folder_is_the_only_one_looked_into(tmp_path):
    with pytest.raises(
        DataError, match=r"train-images-idx3-ubyte.gz is in none of .*`hellodl download mnist"
    ) as error:
        load("mnist", "train", tmp_path / "empty")
    assert str(tmp_path / "empty") in str(error.value)


def test_without_a_copy_anywhere_the_error_lists_the_places_and_the_remedy(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("HELLODL_DATA", str(tmp_path))
    with pytest.raises(DataError, match="`hellodl download kmnist` fetches it") as error:
        load("kmnist")
    for place in (tmp_path / "kmnist", folders.shipped_folder() / "kmnist", cache / "kmnist"):
        assert str(place) in str(error.value)


def test_the_environment_comes_before_the_shipped_copy(tmp_path, monkeypatch):
    made.write(tmp_path, made.FOUR, made.contents())
    monkeypatch.setenv("HELLODL_DATA", str(tmp_path))
    assert len(load().images) == 12


def test_images_without_labels_are_an_error_not_a_reason_to_look_elsewhere(tmp_path, monkeypatch):
    made.write(tmp_path, made.FOUR[:1], made.contents()[:1])
    monkeypatch.setenv("HELLODL_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz is missing"):
        load()


@pytest.mark.parametrize("call", [{"name": "mnits"}, {"split": "validation"}])
def test_unknown_names_are_usage_errors_that_list_the_known(call):
    with pytest.raises(UsageError, match=r"unknown, expected .*mnist|'train' or 'test'"):
        load(**call)


def test_labels_beyond_the_classes_are_refused(tmp_path):
    files = made.contents()
    files[1] = made.labels_file([0, 9, 10] + [1] * 9)
    made.write(tmp_path, made.FOUR, files)
    with pytest.raises(DataError, match="label 10 at index 2, expected 0 to 9"):
        load("mnist", "train", tmp_path)


def test_images_and_labels_must_match_in_number(tmp_path):
    files = made.contents()
    files[1] = made.labels_file([1] * 11)
    made.write(tmp_path, made.FOUR, files)
    with pytest.raises(DataError, match="11 labels, expected 12"):
        load("mnist", "train", tmp_path)


def test_the_files_of_one_data_set_are_refused_under_the_name_of_another():
    with pytest.raises(DataError, match="this file belongs to mnist, expected fashion-mnist"):
        load("fashion-mnist", "test", folders.shipped_folder() / "mnist")


def test_cached_files_must_be_the_published_ones(cache, monkeypatch):
    source, served = made.published()
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny", source)
    (cache / "tiny").mkdir()
    for name, data in served.items():
        (cache / "tiny" / name).write_bytes(data)
    assert len(load("tiny").images) == 12
    other = gzip.compress(made.contents()[0][:-1] + b"\0")  # a sound file, but not the published one
    (cache / "tiny" / made.FOUR[0]).write_bytes(other)
    with pytest.raises(
        DataError, match=r"damaged, expected checksum sha256:.*`hellodl download tiny` repairs it"
    ):
        load("tiny")


def test_emnist_is_put_upright(tmp_path):
    names = [file.name for file in catalogue.EMNIST_DIGITS.files]
    made.write(tmp_path, names, made.contents())
    images, _ = made.digits(12)
    loaded = load("emnist-digits", "train", tmp_path).images
    assert np.array_equal(loaded, images.transpose(0, 2, 1))
    assert loaded.flags.c_contiguous


def qmnist_labels(classes):
    rows = np.full((len(classes), 8), 2599, ">i4")
    rows[:, 0] = classes
    return made.header(3074, *rows.shape) + rows.tobytes()


def test_qmnist_labels_are_the_first_of_eight_columns(tmp_path):
    names = [file.name for file in catalogue.QMNIST.files]
    files = made.contents()
    _, labels = made.digits(12)
    files[1] = qmnist_labels(labels)
    made.write(tmp_path, names, files)
    loaded = load("qmnist", "train", tmp_path).labels
    assert loaded.dtype == np.uint8
    assert loaded.tolist() == labels.tolist()
    files[1] = qmnist_labels([-1] + [0] * 11)
    made.write(tmp_path, names, files)
    with pytest.raises(DataError, match="label -1 at index 0"):
        load("qmnist", "train", tmp_path)


def test_every_catalogue_record_is_complete():
    for name, source in catalogue.CATALOGUE.items():
        assert source.name == name
        assert len(source.classes) == 10
        assert source.licence
        assert source.attribution
        downloads = [source.archive] if source.archive else source.files
        for file in downloads:
            assert file.checksum.startswith(("sha256:", "md5:"))
            assert Path(file.name).name == file.name
        assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in source.mirrors)


def no_home(*_):
    raise RuntimeError("could not determine the home directory")


def test_without_a_home_what_ships_is_loaded_and_the_rest_said_in_a_line(monkeypatch):
    """A container's user without an entry and without HOME."""
    monkeypatch.setattr("platformdirs.user_cache_dir", no_home)
    monkeypatch.setattr(folders, "cache_folder", cache_folder)
    assert len(load("mnist", "test").images) == 10_000
    with pytest.raises(DataError, match=r"kmnist: train-images.* is in none of"):
        load("kmnist")
    with pytest.raises(DataError, match="no home folder to keep it in; name a folder with --data-dir"):
        folders.destination("kmnist")
    assert folders.clear_cache() == 0


@needs_modes
def test_a_folder_that_may_not_be_read_is_named(tmp_path):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist").chmod(0)
    with obedient(), pytest.raises(DataError, match=rf"^{tmp_path}/mnist: Permission denied"):
        load("mnist", "train", tmp_path)
    (tmp_path / "mnist").chmod(0o700)


def test_clearing_the_cache_tells_how_much_it_was(cache):
    (cache / "decoded").mkdir()
    (cache / "decoded" / "x.idx").write_bytes(bytes(1000))
    assert folders.clear_cache() == 1000
    assert not cache.exists()
    assert folders.clear_cache() == 0


def test_clearing_the_cache_leaves_what_is_not_ours(cache):
    """With XDG_CACHE_HOME=., in a clone, its folder is that of our own source."""
    (cache / "datasets").mkdir()
    (cache / "datasets" / "precious.py").touch()
    (cache / "kmnist").mkdir()
    folders.clear_cache()
    assert [path.name for path in cache.iterdir()] == ["datasets"]
    assert (cache / "datasets" / "precious.py").exists()


@needs_modes
def test_a_cache_folder_that_may_not_be_looked_into_is_told_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "shut" / "hellodl")
    (tmp_path / "shut").mkdir(mode=0)
    with obedient(), pytest.raises(DataError, match="cannot be removed: Permission denied"):
        folders.clear_cache()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other rules")
def test_the_cache_folder_follows_the_systems_rules(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/hellodl")


class TestDecodedCopies:
    """Copies of decompressed files in the cache: quicker, and never trusted unseen."""

    @pytest.fixture
    def tiny(self, cache, monkeypatch):
        """A published set in the cache folder whose files are all worth a decoded copy."""
        monkeypatch.setattr(decoded, "_WORTH_KEEPING", 0)
        source, served = made.published()
        monkeypatch.setitem(catalogue.CATALOGUE, "tiny", source)
        (cache / "tiny").mkdir()
        for name, data in served.items():
            (cache / "tiny" / name).write_bytes(data)
        return cache / "decoded"

    def test_a_copy_is_made_and_then_read_instead_of_decompressing(self, tiny, monkeypatch):
        first = load("tiny")
        assert len(list(tiny.iterdir())) == 2
        monkeypatch.setattr(decoded, "inflate", None)
        again = load("tiny")
        assert np.array_equal(first.images, again.images)
        assert first.sha256 == again.sha256

    @pytest.mark.parametrize(
        "damage", [lambda b: b[:-1], lambda b: b"\1" + b[1:], lambda _: b"", lambda b: b + b]
    )
    def test_a_damaged_copy_is_noticed_and_replaced(self, tiny, damage):
        first = load("tiny")
        intact = {copy: copy.read_bytes() for copy in tiny.iterdir()}
        for copy, data in intact.items():
            copy.write_bytes(damage(data))
        assert np.array_equal(load("tiny").images, first.images)
        assert {copy: copy.read_bytes() for copy in tiny.iterdir()} == intact

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
    @pytest.mark.parametrize("suffix", ["{}", ".{}.tmp"], ids=["in its place", "in the temporary's place"])
    def test_a_pipe_in_a_copys_place_is_replaced_not_waited_for(self, tiny, suffix):
        load("tiny")
        names = [copy.name for copy in tiny.iterdir()]
        for name in names:
            (tiny / name).unlink()
            os.mkfifo(tiny / suffix.format(name))
        assert len(load("tiny").images) == 12
        assert sorted(tiny.iterdir()) == sorted(tiny / name for name in names)
        assert all(copy.is_file() for copy in tiny.iterdir())

    def test_a_copy_of_replaced_data_is_not_used(self, tiny, cache, monkeypatch):
        load("tiny")
        newer = gzip.compress(made.contents(train=20)[0]), gzip.compress(made.contents(train=20)[1])
        source = catalogue.CATALOGUE["tiny"]
        files = list(source.files)
        for at, data in enumerate(newer):
            (cache / "tiny" / files[at].name).write_bytes(data)
            files[at] = replace(files[at], checksum=f"sha256:{hashlib.sha256(data).hexdigest()}")
        monkeypatch.setitem(catalogue.CATALOGUE, "tiny", replace(source, files=tuple(files)))
        assert len(load("tiny").images) == 20

    def test_an_unusable_cache_folder_costs_time_only(self, tiny, tmp_path, monkeypatch):
        (tmp_path / "file").touch()
        monkeypatch.setattr(
            folders, "candidates", lambda *_: [folders.Found(tiny.parent / "tiny", users=False)]
        )
        monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "file")
        assert len(load("tiny").images) == 12

    def test_other_data_in_a_users_folder_leaves_no_copies(self, tmp_path, cache, monkeypatch):
        monkeypatch.setattr(decoded, "_WORTH_KEEPING", 0)
        made.write(tmp_path, made.FOUR, made.contents())
        load("mnist", "train", tmp_path)
        assert not (cache / "decoded").exists()

    @pytest.mark.skipif(os.name == "nt", reason="no open file can be removed there")
    def test_two_processes_that_write_a_copy_at_once_leave_a_whole_one(self, tiny, monkeypatch):
        """The one that began later has taken the temporary's place, and writes it to its end."""
        write, first_time = decoded.replacing, iter([True])

        @contextmanager
        def overtaken(path, **more):
            with write(path, **more) as file:
                if next(first_time, False):
                    load("tiny")
                yield file

        monkeypatch.setattr(decoded, "replacing", overtaken)
        first = load("tiny")
        assert len(list(tiny.iterdir())) == 2
        monkeypatch.setattr(decoded, "inflate", None)
        assert np.array_equal(load("tiny").images, first.images)


def test_a_data_set_of_ones_own_takes_two_arrays_and_shows_none():
    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    mine = Dataset("mine", "test", images, labels)
    assert mine != Dataset("mine", "test", images, labels)  # each is itself, where arrays raised ValueError
    assert "array" not in repr(mine)
