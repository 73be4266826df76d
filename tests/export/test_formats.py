"""Exported models answer as the network does, in the programs that they are made for."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from hellodl import checkpoint, datasets
from hellodl.about import DataIdentity
from hellodl.cli.main import cli
from hellodl.errors import HellodlError, UsageError
from hellodl.export.draw import packed, page
from hellodl.export.formats import export
from hellodl.export.int8 import quantised
from hellodl.nn import DigitNet
from hellodl.upright import upright

if TYPE_CHECKING:
    from pathlib import Path

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
PROGRAM = """
#include <stdio.h>
#include "digits.h"
int main(void) {
    uint8_t image[784];
    float p[10];
    while (fread(image, 1, 784, stdin) == 784) {
        hellodl_predict(image, p);
        fwrite(p, sizeof p, 1, stdout);
    }
    return 0;
}
"""


@pytest.fixture(scope="module", params=[False, True], ids=["as they are", "upright"])
def model(request: pytest.FixtureRequest) -> DigitNet:
    """The shipped weights, for pictures as they are, and for pictures turned upright."""
    net = checkpoint.load_model(checkpoint.SHIPPED)
    net.upright = request.param
    return net


def with_edges(images: np.ndarray) -> np.ndarray:
    """Images, then an empty one, a full one, a pixel, a column and a row at the border, and a dash."""
    edges = np.zeros((6, 28, 28), np.uint8)
    edges[1] = edges[2, 13, 20] = edges[3, :, 27] = edges[4, 27] = 255
    edges[5, np.arange(28) // 7 + 12, np.arange(28)] = 255
    return np.concatenate([images, edges])


def assert_agree(found: np.ndarray, images: np.ndarray, net: DigitNet) -> None:
    """Answers within 1e-5; where pictures are turned upright, a pixel's grey may be rounded otherwise."""
    differences = np.abs(found - net.predict(images)).max(axis=1)
    assert differences.max() < (5e-3 if net.upright else 1e-5)
    assert (differences < 1e-5).mean() > 0.999


@pytest.fixture(scope="module")
def test_set() -> datasets.Dataset:
    return datasets.load("mnist", "test")


def in_c(folder: Path, images: np.ndarray, *flags: str) -> np.ndarray:
    """The answers of a program made from digits.h in `folder`, compiled without a single warning."""
    (folder / "main.c").write_text(PROGRAM)
    strict = ["-O2", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", *flags]
    subprocess.run([COMPILER, *strict, "main.c", "-o", "digits", "-lm"], cwd=folder, check=True)
    done = subprocess.run([folder / "digits"], input=images.tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32).reshape(-1, 10)


def test_onnx_agrees_on_the_whole_test_set(tmp_path, model, test_set):
    """Onnxruntime takes raw pictures, any number of them, and answers as the network does."""
    runtime = pytest.importorskip("onnxruntime")
    export(model, tmp_path / "digits.onnx")
    session = runtime.InferenceSession(tmp_path / "digits.onnx")
    (given,), (answer,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape) == ("images", "tensor(uint8)", ["n", 28, 28])
    assert (answer.name, answer.shape) == ("probabilities", ["n", 10])
    images = with_edges(test_set.images)
    found = session.run(None, {"images": images})[0]
    assert len(found) == 10_006
    assert_agree(found, images, model)
    assert session.run(None, {"images": test_set.images[:1]})[0].shape == (1, 10)


def test_npz_holds_all_that_the_network_is(tmp_path, model, test_set):
    """A few lines of NumPy that know nothing of the network give the same answers."""
    images = with_edges(test_set.images[:100])
    export(model, tmp_path / "digits.npz")
    with np.load(tmp_path / "digits.npz") as held:
        mean, deviation = held["pixels"]
        x = upright(images) if held["upright"] else images
        x = (x.reshape(-1, 784) / 255 - mean) / deviation
        for i in (1, 2, 3):
            x = x @ held[f"lc{i}.weight"].T + held[f"lc{i}.bias"]
            x = np.maximum(x, 0) if i < 3 else np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    assert np.abs(x - model.predict(images)).max() < 1e-5


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
@pytest.mark.parametrize("hidden", [(128, 64), (), (3, 900, 17)], ids=str)
def test_c_agrees(tmp_path, model, test_set, hidden):
    """Also for networks of other shapes, wider than a picture."""
    random = DigitNet(hidden, np.random.default_rng(1), upright=model.upright)
    net = model if hidden == (128, 64) else random
    export(net, tmp_path / "digits.h")
    images = with_edges(test_set.images[:1000])
    assert_agree(in_c(tmp_path, images), images, net)


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
def test_int8_in_c_is_int8_in_numpy_and_nearly_as_good(tmp_path, model, test_set):
    """The same answers from C and NumPy; at most 2 in 1,000 images lost; a quarter of the bytes."""
    written = export(model, tmp_path / "digits.h", int8=True)
    expected = quantised(model).predict(test_set.images)
    found = in_c(tmp_path, test_set.images)
    # Sums of whole numbers are equal; the compiler may fuse the few float operations, which moves a rounding.
    assert np.quantile(np.abs(found - expected).max(axis=1), 0.999) < 1e-4
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.9998
    exact = model.predict(test_set.images)
    assert (found.argmax(axis=1) == exact.argmax(axis=1)).mean() > 0.997
    right = [(p.argmax(axis=1) == test_set.labels).mean() for p in (found, exact)]
    assert right[0] > right[1] - 0.002
    assert written.weight_bytes < 4 * 109_386 / 3.9


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
def test_the_header_is_free_of_undefined_behaviour(tmp_path, model, test_set):
    """Address and undefined-behaviour sanitisers find nothing, also on empty, full and other odd pictures."""
    images = with_edges(test_set.images[:20])
    for int8 in (False, True):
        export(model, tmp_path / "digits.h", int8=int8)
        in_c(tmp_path, images, "-fsanitize=address,undefined", "-fno-sanitize-recover")


def test_the_same_model_gives_the_same_bytes(tmp_path, model):
    for suffix in ("npz", "h", "onnx"):
        files = [tmp_path / f"{name}.{suffix}" for name in "ab"]
        for file in files:
            export(model, file)
        assert files[0].read_bytes() == files[1].read_bytes()


def test_other_names_are_refused_before_anything_is_written(tmp_path, model):
    with pytest.raises(UsageError, match=r"digits\.pt: a model is exported as \.onnx, \.npz or \.h"):
        export(model, tmp_path / "digits.pt")
    with pytest.raises(UsageError, match=r"--int8 is for \.h alone"):
        export(model, tmp_path / "digits.npz", int8=True)
    with pytest.raises(HellodlError, match="cannot be written"):
        export(model, tmp_path / "none" / "digits.npz")
    assert list(tmp_path.iterdir()) == []


def test_names_in_a_model_are_nothing_but_names_in_the_page():
    """Neither HTML nor places of the page's own."""
    loaded = checkpoint.load(checkpoint.SHIPPED)
    names = ("</script><script>alert(1)</script>", "@reader@", "@weights@", *"34567", "<!--", "\u2028")
    about = replace(loaded.about, dataset=DataIdentity("</script>", classes=names))
    plain, hostile = (page(told.model(), "$script & <b>") for told in (loaded, replace(loaded, about=about)))
    text = hostile.decode()
    assert json.loads(re.search(r'<script[^>]*json"[^>]*>(.*?)</script>', text, re.DOTALL)[1])["classes"] == [
        *names
    ]
    assert "$script &amp; &lt;b&gt;" in text
    assert text.count("<script") == plain.count(b"<script")
    assert len(hostile) < len(plain) + 1000


def test_weights_that_the_page_cannot_hold_are_refused(model):
    """Up to 30,000 in size they are within a 65,536th of the largest near them."""
    weight = np.linspace(-30_000, 30_000, 784 * 10, dtype=np.float32).reshape(10, 784)
    told = packed(weight, weight[:, 0], 16)
    whole = np.frombuffer(base64.b64decode(told["whole"]), "<i2").astype(float)
    scale = 2 ** (np.frombuffer(base64.b64decode(told["scale"]), np.uint8) / 8 - 32)
    assert np.abs(whole * np.repeat(scale, told["block"]) - weight.ravel()).max() < 1
    with pytest.raises(HellodlError, match="a weight of size 900000 is too large"):
        packed(30 * weight, weight[:, 0], 16)


def test_the_command_states_size_and_accuracy(tmp_path, small_mnist):
    """For int8 with the accuracy beside that of float32."""
    arguments = [str(checkpoint.SHIPPED)]
    target = ["-o", str(tmp_path / "d.h"), "--int8", "--data-dir", str(small_mnist), "--json"]
    done = CliRunner().invoke(cli, ["export", *arguments, *target], catch_exceptions=False)
    record = json.loads(done.stdout)
    assert record["bytes"] == (tmp_path / "d.h").stat().st_size
    assert record["format"] == "int8 h"
    assert abs(record["accuracy"] - record["float32"]) < 0.01
