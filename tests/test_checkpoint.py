import json
import os
import stat
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

from hellodl import checkpoint
from hellodl.about import Calibration, Epoch, Position, Recipe, as_dict, describe
from hellodl.checkpoint import KEY, Checkpoint, load, load_model, load_weights, save, weights_of
from hellodl.errors import HellodlError, ModelError
from hellodl.nn import DigitNet

NETWORK = DigitNet((3,), np.random.default_rng(0))
COUNT = 785 * 3 + 4 * 10


def good():
    """A small checkpoint as training makes it."""
    training = {"weights": np.zeros(COUNT, np.float32), "count": np.ones(1, np.float32)}
    about = describe(NETWORK, position=Position(3, 0.5, 1.5), settings={"lr": 0.1}, history=(Epoch(1, 0.5),))
    return Checkpoint(weights_of(NETWORK), about, training)


def file_of(arrays=None, about=None, metadata=None):
    """The bytes of a file with some arrays (None removes one) and metadata changed."""
    found = good()
    all_arrays = found.arrays() | (arrays or {})
    metadata = metadata or {KEY: json.dumps(as_dict(found.about) | (about or {}))}
    return to_bytes({n: np.ascontiguousarray(a) for n, a in all_arrays.items() if a is not None}, metadata)


def with_header(change):
    """A good file whose header (parsed JSON) was changed."""
    content = file_of()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header = json.dumps(change(header) or header).encode()
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def refused(path, content, match=None):
    """The one line that tells why a file is refused."""
    path.write_bytes(content)
    with pytest.raises(ModelError, match=match) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < len(str(path)) + 400


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def put(name, field, value):
    def change(header):
        header[name][field] = value

    return change


# Writing and reading ----------------------------------------------------------------------------------


def test_what_is_saved_is_loaded(path):
    save(path, good())
    found = load(path)
    assert found.about == good().about
    for ours, theirs in ((found.weights, good().weights), (found.training, good().training)):
        assert ours.keys() == theirs.keys()
        assert all(ours[name].tobytes() == theirs[name].tobytes() for name in theirs)
    images = np.zeros((2, 28, 28), np.uint8)
    assert np.array_equal(load_model(path).predict(images), NETWORK.predict(images))


def test_the_same_checkpoint_gives_the_same_bytes(path):
    """So that a model that ships can be made again and compared."""
    save(path, good())
    first = path.read_bytes()
    save(path, good())
    assert path.read_bytes() == first


def test_a_model_without_training_state_is_a_model(path):
    save(path, Checkpoint(good().weights, describe(NETWORK)))
    assert load(path).training == {}


def test_what_was_found_out_about_a_model_travels_with_it(path):
    """The model that is loaded knows how to prepare pictures, and how far to believe itself."""
    about = describe(NETWORK, recipe=Recipe(2, 3), calibration=Calibration(0.5, 7))
    save(path, Checkpoint(weights_of(NETWORK), about))
    model = load_model(path)
    assert (model.recipe, model.calibration) == (Recipe(2, 3), Calibration(0.5, 7))
    assert model.classes == tuple("0123456789")


def test_a_checkpoint_of_version_0_1_is_loaded(path):
    """It knew settings that are no more, and no names of classes."""
    about = {"recipe": None, "calibration": {"temperature": 0.6}, "other": [{}], "threads": 2, "results": {}}
    about |= {
        "settings": {"label_smoothing": 0.1, "hidden": [3]},
        "dataset": {"name": "mnist", "sha256": "1f"},
    }
    path.write_bytes(file_of(about={name: value for name, value in about.items() if value is not None}))
    assert load(path).about.calibration == Calibration(0.6)
    assert load_model(path).recipe == Recipe(1.95, 3.55)


def test_ours_is_found_before_the_shipped_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoint, "SHIPPED", tmp_path / "shipped")
    assert checkpoint.find_model(None) == tmp_path / "shipped"
    save(tmp_path / "hellodl.safetensors", good())
    assert str(checkpoint.find_model(None)) == "hellodl.safetensors"


# Hostile files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        (
            {"lc1.weight": np.zeros((3, 4), np.float32)},
            r"lc1.weight has shape \(3, 4\), expected \(3, 784\); is",
        ),
        ({"lc1.weight": np.zeros((784, 3), np.float32)}, "has shape"),
        ({"lc2.bias": np.zeros((10, 1), np.float32)}, "has shape"),
        ({"lc2.bias": None}, r"lc2.bias is missing, expected shape \(10,\)"),
        ({"lc3.weight": np.zeros((10, 10), np.float32)}, "unexpected tensor 'lc3.weight'"),
        ({"a\nb\x1b[31m": np.zeros(1, np.float32)}, "unexpected tensor"),
        ({"x" * 5000: np.zeros(1, np.float32)}, "unexpected tensor"),
        ({"training.\x1b[2J": np.zeros(1, np.float32)}, "unexpected tensor"),
        ({f"training.t{i}": np.zeros(COUNT, np.float32) for i in range(9)}, "unexpected tensor"),
        ({"training.big": np.zeros(COUNT + 1, np.float32)}, "training.big has shape"),
        ({"training.square": np.zeros((COUNT, 1), np.float32)}, "training.square has shape"),
        ({"lc1.bias": np.zeros(3, np.float64)}, "lc1.bias is F64, expected F32"),
        ({"lc1.bias": np.zeros(3, np.float16)}, "lc1.bias is F16"),
        ({"lc1.bias": np.zeros(3, np.int32)}, "lc1.bias is I32"),
        ({"lc1.bias": np.array([0, np.nan, 0], np.float32)}, "lc1.bias holds NaN"),
        ({"lc1.bias": np.array([0, np.inf, 0], np.float32)}, "lc1.bias holds"),
        ({"lc1.bias": np.array([0, -1e30, 0], np.float32)}, "lc1.bias holds"),
        ({"training.weights": np.full(COUNT, np.nan, np.float32)}, "training.weights holds NaN"),
    ],
    ids=str,
)
def test_tensors_that_do_not_fit_are_refused(path, arrays, match):
    refused(path, file_of(arrays), match)


DEEP = "[" * 900 + "]" * 900


@pytest.mark.parametrize(
    ("about", "match"),
    [
        ({"format": 2}, "is of format 2, expected 1; is it from a newer hellodl"),
        ({"format": json.loads(DEEP)}, None),
        ({"format": "\x1b[31m\n"}, "is of format"),
        ({"network": None}, "describes the network"),
        ({"network": [784, 10**9, 10]}, "describes the network"),
        ({"network": [784, 1 << 14, 1 << 14, 10]}, "describes the network"),
        ({"network": [784, 3.0, 10]}, "describes the network"),
        ({"network": [784, -3, 10]}, "describes the network"),
        ({"network": [784, True, 10]}, "describes the network"),
        ({"network": [784] + [1] * 200 + [10]}, "describes the network"),
        ({"network": [10, 784]}, "describes the network"),
        ({"network": {"784": 10}}, "describes the network"),
        ({"network": "784"}, "describes the network"),
        ({"pixels": [0.1]}, "scales pixels"),
        ({"pixels": [0.1, 0.0]}, "scales pixels"),
        ({"pixels": [0.1, 1e-300]}, "scales pixels"),
        ({"pixels": [float("nan"), 1.0]}, "scales pixels"),
        ({"pixels": [10**400, 1]}, "scales pixels"),
        ({"pixels": ["0", "1"]}, "scales pixels"),
        ({"recipe": [1.95, 3.55]}, "its recipe is"),
        (
            {"recipe": {"thinnest": "2"}},
            "its recipe's thinnest is '2', expected a stroke width from 0.5 to 10",
        ),
        ({"recipe": {"thinnest": 0}}, "its recipe's thinnest is"),
        ({"recipe": {"thinnest": 4}}, "its recipe's thinnest is 4, expected at most thickest, 3.55"),
        ({"recipe": {"thickest": 1e9}}, "its recipe's thickest is"),
        ({"recipe": {"thickest": float("nan")}}, "its recipe's thickest is"),
        ({"recipe": {"slant": 1}}, "its recipe is"),
        ({"calibration": 1}, "its calibration is"),
        ({"calibration": {"temperature": "hot"}}, "its calibration's temperature is"),
        ({"calibration": {"temperature": 0}}, "its calibration's temperature is"),
        ({"calibration": {"temperature": 0.01}}, "its calibration's temperature is 0.01, expected a number"),
        ({"calibration": {"familiar": [1]}}, "its calibration's familiar is"),
        ({"calibration": {"thinnest": 999}}, "its calibration is"),
        ({"history": {}}, "its history is"),
        ({"history": [1, 2]}, "its history"),
        ({"history": [{"loss": 0.5}]}, "its history"),
        ({"history": [{"epoch": 1, "loss": float("nan")}]}, "its history's loss is"),
        (
            {"history": [{"epoch": 1, "loss": 0.5, "validation_accuracy": 2}]},
            "its history's validation_accuracy",
        ),
        ({"dataset": ["mnist"]}, "its dataset is"),
        ({"dataset": {"name": ["mnist"]}}, "its dataset's name is"),
        ({"dataset": {"name": "n" * 5000}}, "its dataset's name is"),
        ({"dataset": {"name": "mnist", "classes": ["one"]}}, "its dataset's classes is"),
        ({"settings": "fast"}, "its settings is"),
        ({"settings": {"lr": {}}}, "its settings is"),
        ({"settings": {"lr": float("nan")}}, "its settings is"),
        ({"step": "3"}, "its step is"),
        ({"step": -1}, "its step is"),
        ({"step": 10**400}, "its step is"),
        ({"threads": True}, "its threads is"),
        ({"machine": {"processor": 3}}, "its machine's processor is"),
        ({"versions": 5}, "its versions is"),
        ({"versions": {"numpy": []}}, "its versions is"),
        ({"results": [1]}, "its results is"),
        ({"loss_sum": None}, "its loss_sum is"),
        ({"train_seconds": 10**400}, "its train_seconds is"),
        ({"settings": {"lr": 10**400}}, "its settings is"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_metadata_of_the_wrong_kind_is_refused(path, about, match):
    refused(path, file_of(about=about), match)


@pytest.mark.parametrize("text", [b"", b"hi", b"\0" * 8, b"a text\n", b"\x09" + b"\0" * 7 + b"{}"])
def test_a_short_text_is_no_model_and_is_told_so_in_plain_words(path, text):
    path.write_bytes(text)
    with pytest.raises(ModelError, match="begins as no model does, is cut off"):
        checkpoint.load(path)


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '"format"', "5", "{}", DEEP * 2, "[" * 100_000, "9" * 5000, "NaN"]
)
def test_metadata_that_is_no_record_is_refused(path, text):
    refused(path, file_of(metadata={KEY: text}))


def test_a_safetensors_file_of_another_program_is_refused(path):
    refused(path, to_bytes({"weight": np.zeros(3)}), "has no hellodl metadata; is this a hellodl checkpoint")
    refused(path, file_of(metadata={"other": "x"}), "has no hellodl metadata")


@pytest.mark.parametrize(
    "change",
    [
        put("lc1.bias", "data_offsets", [0, 10**15]),
        put("lc1.bias", "data_offsets", [10**18, 10**18 + 12]),
        put("lc1.bias", "data_offsets", [12, 0]),
        put("lc1.bias", "data_offsets", [-12, 0]),
        put("lc1.bias", "data_offsets", [0.5, 12.5]),
        put("lc1.bias", "data_offsets", [2**64, 2**64 + 12]),
        put("lc1.bias", "data_offsets", None),
        put("lc1.bias", "shape", [3, 10**12]),
        put("lc1.bias", "shape", [2**63, 2**63]),
        put("lc1.bias", "shape", [-3]),
        put("lc1.bias", "shape", []),
        put("lc1.bias", "dtype", "F8_E4M3"),
        put("lc1.bias", "dtype", "PICKLE"),
        put("lc1.bias", "dtype", "two\nlines\x1b[31m"),
        put("lc1.bias", "dtype", {"two\r\nlines": None}),
        put("lc1.bias", "dtype", "long" * 5000),
        put("lc1.bias", "dtype", 7),
        put("__metadata__", "number", 5),
        put("__metadata__", "nested", {"a": "b"}),
        lambda header: header.update({"lc1.bias": header["lc2.bias"]}),
        lambda header: header.update({"__metadata__": []}),
        lambda header: header.update({"deep": json.loads(DEEP)}),
        lambda header: [header],
        lambda header: header.pop("lc1.weight") and None,
    ],
)
def test_headers_that_lie_are_refused(path, change):
    """Offsets that overlap or lie outside, sizes that overflow, kinds that do not exist."""
    refused(path, with_header(change))


@pytest.mark.parametrize(
    "size", [0, 1, 2, 100, 1 << 22, (1 << 22) + 1, 1 << 27, 1 << 40, 1 << 63, (1 << 64) - 1]
)
def test_wrong_header_sizes_are_refused(path, size):
    refused(path, size.to_bytes(8, "little") + file_of()[8:])


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 8, b"\x00" * 1000, b"\x89PNG\r\n\x1a\n" * 9, b"\x80\x04pickle."]
)
def test_files_of_other_kinds_are_refused(path, content):
    refused(path, content)


def test_truncation_at_every_byte_is_refused(path):
    """Every byte of the header and its surroundings; every 101st of the numbers."""
    content = file_of()
    header = 8 + int.from_bytes(content[:8], "little")
    for length in [*range(header + 64), *range(header + 64, len(content), 101), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(ModelError):
            load(path)


def test_bytes_after_the_end_are_refused(path):
    refused(path, file_of() + b"\x00")


def test_huge_promises_take_no_memory(tmp_path):
    """Files that promise much, 3 GB of holes among them, are refused within 64 MB."""
    pytest.importorskip("resource")
    sparse = tmp_path / "sparse.safetensors"
    wide = [784, 1 << 20, 10]
    shapes = {
        "lc1.weight": [1 << 20, 784],
        "lc1.bias": [1 << 20],
        "lc2.weight": [10, 1 << 20],
        "lc2.bias": [10],
    }
    header, end = {"__metadata__": {KEY: json.dumps(as_dict(describe(NETWORK)) | {"network": wide})}}, 0
    for name, shape in shapes.items():
        size = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    with sparse.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    long = tmp_path / "long.safetensors"
    body = b'{"__metadata__": {"hellodl": "' + b"[]," * (30 << 20) + b'"}}'
    long.write_bytes(len(body).to_bytes(8, "little") + body)
    script = (
        "import resource, sys; from pathlib import Path; from hellodl import checkpoint, errors\n"
        "import safetensors\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for name in sys.argv[1:]:\n"
        "    try: checkpoint.load(Path(name)); print('loaded')\n"
        "    except errors.ModelError as error: print('refused')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    arguments = [sys.executable, "-c", script, str(sparse), str(long)]
    words = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.split()
    assert words[:2] == ["refused", "refused"]
    assert int(words[2]) < 64 << 10  # KB


# Things that are no files -----------------------------------------------------------------------------


def test_what_is_missing_or_no_file_is_told(path, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for name, what in {
        path: "does not exist",
        tmp_path: "is a folder",
        tmp_path / "loop": "Too many levels",
        tmp_path / "nowhere": "does not exist",
        tmp_path / ("n" * 300): "File name too long",
        tmp_path / "a" / "b": "does not exist",
    }.items():
        with pytest.raises(ModelError, match=what):
            load(name)


def test_shipped_names_weights_to_start_from():
    """As it does where a model is read."""
    assert checkpoint.load_weights(Path("shipped"), (784, 128, 64, 10)).keys() == set(
        checkpoint.load(checkpoint.SHIPPED).weights
    )
    assert checkpoint.learned_upright(Path("shipped")) == checkpoint.learned_upright(checkpoint.SHIPPED)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_pipes_and_devices_are_not_opened(path):
    """Opening a pipe would wait for ever; /dev/zero has no end."""
    os.mkfifo(path)
    for name in (path, path.with_name("zero")):
        if not name.exists():
            name.symlink_to("/dev/zero")
        with pytest.raises(ModelError, match="is a device or pipe"):
            load(name)


def test_nothing_but_data_is_ever_loaded():
    """No pickle, anywhere in the source."""
    for file in checkpoint.SHIPPED.parents[1].rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "import pickle" not in text, file
        assert "allow_pickle=True" not in text, file
        assert "np.load(" not in text or "allow_pickle=False" in text, file


# Writing where it fails -------------------------------------------------------------------------------


def listing(path):
    """The names in the folder of `path`."""
    return sorted(other.name for other in path.parent.iterdir())


def fails_and_keeps(path, match):
    """Saving fails with one line; the old file and the folder stay as they were."""
    before, names = path.read_bytes(), listing(path)
    larger = good()
    larger.training["velocity"] = np.ones(COUNT, np.float32)
    with pytest.raises(HellodlError, match=match) as caught:
        save(path, larger)
    assert str(caught.value).startswith(f"{path}: cannot be written: ")
    assert path.read_bytes() == before
    assert listing(path) == names


def test_a_limit_on_file_sizes_keeps_the_old_checkpoint(path):
    """As a full disk or a quota does, amid the write. Python turns the signal into an error."""
    resource = pytest.importorskip("resource")
    save(path, good())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        with pytest.raises(HellodlError, match="File too large"):
            save(path, good())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert load(path).about == good().about
    assert listing(path) == [path.name]


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 40 KB, where we may mount one."""
    command = ["mount", "-t", "tmpfs", "-o", "size=40k", "none", str(tmp_path)]
    if sys.platform != "linux" or os.geteuid() or subprocess.call(command, stderr=subprocess.DEVNULL):
        pytest.skip("may not mount a file system")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_disk_keeps_the_old_checkpoint(tiny_disk):
    save(tiny_disk / "m", good())
    fails_and_keeps(tiny_disk / "m", "No space left on device")
    assert load(tiny_disk / "m").about == good().about


def test_a_read_only_disk_keeps_the_old_checkpoint(tiny_disk):
    """Root, too, cannot write there."""
    save(tiny_disk / "m", good())
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    fails_and_keeps(tiny_disk / "m", "Read-only file system")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_error_at_any_step_of_writing_keeps_the_old_checkpoint(path, monkeypatch, step):
    """Disks tell only when syncing that a write failed; a rename may fail, too."""
    save(path, good())

    def fail(*_args):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os if step == "fsync" else Path, step, fail)
    fails_and_keeps(path, "Input/output error")


def test_a_folder_that_vanished_is_told(path):
    with pytest.raises(HellodlError, match="cannot be written: No such file"):
        save(path.parent / "gone" / "m", good())


def test_a_file_in_place_of_the_folder_is_told(path):
    path.write_text("")
    with pytest.raises(HellodlError, match="cannot be written: Not a directory"):
        save(path / "m", good())


def test_a_folder_in_place_of_the_file_is_told(path):
    path.mkdir()
    with pytest.raises(HellodlError, match="cannot be written: Is a directory"):
        save(path, good())
    assert listing(path) == [path.name]


def test_a_checkpoint_can_be_read_by_others(path):
    """It has the rights that the umask gives new files, not those of a private temporary file."""
    umask = os.umask(0o022)
    try:
        save(path, good())
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


# Weights of other programs ----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_weights_of_another_program_are_taken_by_name(tmp_path, suffix):
    weights = {name: np.ascontiguousarray(array, np.float64) for name, array in weights_of(NETWORK).items()}
    path = tmp_path / f"w{suffix}"
    if suffix == ".npz":
        np.savez(path, **weights, other=np.zeros(3))
    else:
        path.write_bytes(to_bytes(weights | {"other": np.zeros(3)}))
    found = load_weights(path, NETWORK.widths)
    assert all(np.array_equal(found[name], weights[name].astype(np.float32)) for name in weights)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_weights_that_do_not_fit_are_refused_in_a_line(tmp_path, suffix):
    def write(**arrays):
        path = tmp_path / f"w{suffix}"
        whole = {name: np.ascontiguousarray(array) for name, array in weights_of(NETWORK).items()} | arrays
        whole = {name: array for name, array in whole.items() if array is not None}
        if suffix == ".npz":
            np.savez(path, **whole)
        else:
            path.write_bytes(to_bytes(whole))
        return path

    for arrays, match in (
        ({"lc1.bias": None}, "holds no 'lc1.bias"),
        ({"lc1.bias": np.zeros(2)}, r"lc1.bias has shape \(2,\), expected \(3,\)"),
        ({"lc1.bias": np.array([0, np.nan, 0])}, "holds NaN"),
    ):
        path = write(**arrays)
        with pytest.raises(ModelError, match=match) as caught:
            load_weights(path, NETWORK.widths)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04broken", b"\x80\x04pickle.", os.urandom(2000), (7).to_bytes(8, "little") + b"{broken"],
    ids=["empty", "zip", "pickle", "random", "header"],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_files_that_hold_no_weights_are_refused(tmp_path, suffix, content):
    (tmp_path / f"w{suffix}").write_bytes(content)
    with pytest.raises(ModelError):
        load_weights(tmp_path / f"w{suffix}", NETWORK.widths)
    with pytest.raises(ModelError):
        load_weights(tmp_path / f"none{suffix}", NETWORK.widths)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_weights_are_not_waited_for_at_a_pipe(tmp_path, suffix):
    os.mkfifo(tmp_path / f"w{suffix}")
    with pytest.raises(ModelError, match=r"is (a device or pipe|no file), expected"):
        load_weights(tmp_path / f"w{suffix}", NETWORK.widths)
    assert not checkpoint.learned_upright(tmp_path / f"w{suffix}")


def test_weights_whose_header_would_fill_the_memory_are_not_opened(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes((1 << 40).to_bytes(8, "little") + b"{" * 100)
    with pytest.raises(ModelError, match="has too long a header"):
        load_weights(path, NETWORK.widths)


def test_npz_that_unpack_to_more_than_their_shapes_are_not_unpacked(tmp_path):
    """A megabyte can unpack to a thousand."""
    np.savez_compressed(tmp_path / "w.npz", **weights_of(NETWORK) | {"lc1.bias": np.zeros(1_000_000)})
    with pytest.raises(ModelError, match=r"lc1.bias is larger than expected, \(3,\)$"):
        load_weights(tmp_path / "w.npz", NETWORK.widths)


def test_whether_pictures_were_turned_is_asked_without_unpacking_what_cannot_say_it(tmp_path):
    """Nor is a single array, or one whose header promises a petabyte, a reason to end with a traceback."""
    place = tmp_path / "w.npz"
    np.savez_compressed(place, upright=np.ones(20_000_000, np.uint8))
    tracemalloc.start()
    assert not checkpoint.learned_upright(place)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    with place.open("wb") as file:
        np.save(file, np.ones(1))
    assert not checkpoint.learned_upright(place)
    with zipfile.ZipFile(place, "w") as packed:
        header = b"{'descr': '|b1', 'fortran_order': False, 'shape': (1125899906842624,), }\n"
        packed.writestr("upright.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    assert not checkpoint.learned_upright(place)


def test_numbers_that_are_no_weights_are_refused_in_a_line(tmp_path):
    """Complex ones, dates, numbers beyond float32: no warning of NumPy's, nothing silently dropped."""
    weights = weights_of(NETWORK)
    for strange in (weights["lc1.bias"] + 1j, np.zeros(3, "M8[s]")):
        np.savez(tmp_path / "w.npz", **weights | {"lc1.bias": strange})
        with pytest.raises(ModelError, match=rf"lc1\.bias is {strange.dtype.name[:9]}.*, expected float32"):
            load_weights(tmp_path / "w.npz", NETWORK.widths)
    np.savez(tmp_path / "w.npz", **weights | {"lc1.bias": np.full(3, 1e300)})
    with pytest.raises(ModelError, match=r"lc1\.bias holds NaN, infinite or huge"):
        load_weights(tmp_path / "w.npz", NETWORK.widths)


@pytest.mark.parametrize(("kind", "size"), [("BF16", 2), ("F8_E4M3", 1), ("F8_E5M2", 1), ("C64", 8)])
def test_kinds_of_numbers_that_numpy_lacks_are_refused_in_a_line(tmp_path, kind, size):
    header, at = {}, 0
    for name, array in weights_of(NETWORK).items():
        end = at + size * array.size
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": (at, end)}
        at = end
    text = json.dumps(header).encode()
    (tmp_path / "w.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(at))
    with pytest.raises(ModelError, match=rf"lc\d.\w+ is {kind}, expected F32") as caught:
        load_weights(tmp_path / "w.safetensors", NETWORK.widths)
    assert len(str(caught.value).splitlines()) == 1


def test_pickles_in_npz_are_not_opened(tmp_path):
    arrays = weights_of(NETWORK) | {"lc1.bias": np.array([None], object)}
    np.savez(tmp_path / "w.npz", **arrays)
    with pytest.raises(ModelError, match="expected weights as"):
        load_weights(tmp_path / "w.npz", NETWORK.widths)
