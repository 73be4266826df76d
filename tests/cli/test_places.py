"""Places that may not be looked into, or are gone: one line and the right code, or the work goes on."""

import os
import subprocess
import sys

import numpy as np
import paper
import pytest
import tiny
from modes import OBEDIENT, needs_modes, obedient
from PIL import Image

from hellodl import checkpoint
from hellodl.about import describe
from hellodl.nn import DigitNet

pytestmark = needs_modes


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a digit, a data set, and a folder `shut` that nobody may look into."""
    folder = tmp_path_factory.mktemp("places")
    Image.fromarray(paper.digits()[0][0]).save(folder / "digit.png")
    tiny.write_dataset(folder / "data", train=20, test=6)
    (folder / "loop.png").symlink_to("loop.png")
    shut = folder / "shut", folder / "set" / "7"
    for place in shut:
        place.mkdir(parents=True)
        place.chmod(0)
    yield folder
    for place in shut:
        place.chmod(0o700)


def run(*arguments, cwd, before="", **environment):
    """Exit code and stderr of a command; `before` is shell for its process to begin with."""
    command = [*OBEDIENT, "sh", "-c", f'{before} exec "$@"', "sh", sys.executable, "-m", "hellodl"]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(tiny.REPOSITORY), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("predict", "-q", "shut/digit.png"), 5, "shut/digit.png: Permission denied"),
        (("predict", "-q", "shut"), 5, "shut: Permission denied"),
        (("predict", "-q", "loop.png"), 5, "loop.png: Too many levels of symbolic links"),
        (("predict", "-q", f"{'x' * 300}.png"), 5, "File name too long"),
        (("predict", "-q", "-m", "shut/m", "digit.png"), 3, "shut/m: Permission denied; expected a"),
        (("export", "-q", "-o", "shut/m.h"), 2, "shut/m.h: cannot be written: Permission denied"),
        (("evaluate", "-q", "--data-dir", "shut"), 4, "Permission denied, expected a folder that can"),
        (("evaluate", "-q", "shut"), 4, "shut: cannot be read: Permission denied"),
        (("evaluate", "-q", "set"), 4, "set/7: cannot be read: Permission denied"),
        (("train", "-q", "--dataset", "set"), 4, "set/7: cannot be read: Permission denied"),
        (("train", "-q", "--data-dir", "data", "-o", "shut/m"), 1, "shut/m: cannot be written"),
        (("train", "-q", "--data-dir", "data", "--log", "shut/log"), 1, "shut/log: cannot be written"),
        (("download", "kmnist", "--data-dir", "shut"), 4, "Permission denied"),
    ],
)  # fmt: skip
def test_places_that_may_not_be_looked_into_get_a_line(place, arguments, code, says):
    with obedient():
        done = tiny.hellodl(*arguments, cwd=place)
    said = done.stderr.decode().splitlines()
    assert (done.returncode, len(said)) == (code, 1), said
    assert says in said[0]


@pytest.mark.slow
def test_where_the_place_does_not_matter_the_work_goes_on(place, tmp_path):
    """In a folder that is shut or was deleted, with no home and an unreadable $HELLODL_DATA's parent."""
    digit, gone = place / "digit.png", tmp_path / "gone"
    for before in (f"cd {place}/shut 2>/dev/null;", f"mkdir {gone}; cd {gone}; rmdir {gone};"):
        assert run("predict", "-q", digit, cwd=place, before=before) == (0, []), before
    data = {"HELLODL_DATA": str(place / "data"), "XDG_CACHE_HOME": str(place / "shut")}
    assert run("evaluate", "-q", cwd=place, **data) == (0, [])


@pytest.mark.parametrize("command", ["predict", "explain"])
def test_weights_that_overflow_are_said_at_once(command, tmp_path):
    """Finite ones, in layers that multiply them up: no warning of NumPy's, no answer."""
    model = DigitNet((64, 64, 64, 64, 64), np.random.default_rng(0))
    for parameter in model.parameters():
        parameter.value = np.full(parameter.shape, 9e5, np.float32)
    about = checkpoint.Checkpoint(checkpoint.weights_of(model), describe(model))
    checkpoint.save(tmp_path / "m", about)
    Image.fromarray(paper.drawn([paper.number("42")])).save(tmp_path / "42.png")
    done = tiny.hellodl(command, "-q", "-m", "m", "42.png", cwd=tmp_path)
    said = done.stderr.decode().splitlines()
    assert (done.returncode, len(said)) == (3, 1), said
    assert "its weights are too large" in said[0]
