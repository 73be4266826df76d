"""One rule for all that is drawn or exported: not over a file of others, but over an earlier one."""

import os
import sys
import tempfile

import paper
import pytest
import tiny
from click.testing import CliRunner
from PIL import Image

from hellodl.cli.main import cli
from hellodl.errors import HellodlError, UsageError

COMMANDS = [
    *(f"graph x*x --at x=2 -o {name}" for name in ("a.svg", "a.png", "a.dot", "a.SVG")),
    "graph x*x --at x=2 --steps -o a.svg",
    *(f"descend x**2 --from x=2 -o {name}" for name in ("a.svg", "a.png")),
    *(f"evaluate -m m.safetensors --data-dir data -o {name}" for name in ("a.svg", "a.png")),
    "predict digit.png -m m.safetensors -o a.png",
    "explain digit.png -m m.safetensors --data-dir data -o a.png",
    "report -m m.safetensors --data-dir data -o a.html",
    "draw -m m.safetensors -o a.htm",
    *(f"export m.safetensors -o {name}" for name in ("a.h", "a.npz", "a.onnx")),
    "export m.safetensors --int8 --data-dir data -o a.h",
    "sweep --lr 0.1 --seeds 1 --epochs 1 --validation 20 --data-dir data --threads 1 --plot a.svg",
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a model, its data and a digit."""
    monkeypatch.chdir(tmp_path)
    tiny.write_dataset(tmp_path / "data")
    tiny.save_model(tmp_path / "m.safetensors", dataset={"name": "mnist", "sha256": "0"})
    Image.fromarray(paper.digits()[0][0]).save("digit.png")
    return tmp_path


def run(line):
    return CliRunner().invoke(cli, line.split(), catch_exceptions=False)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_file_of_others_stays_and_an_earlier_drawing_is_replaced(folder, line):
    """Refused before anything is read or printed, also where it is of the same kind."""
    file = folder / line.split()[-1]
    others = [b"something precious", b"", b'<svg xmlns="http://www.w3.org/2000/svg">mine</svg>']
    for content in [*others, (folder / "digit.png").read_bytes()]:
        file.write_bytes(content)
        with pytest.raises(UsageError, match=f"^{file.name}: cannot be written: hellodl did not write"):
            run(line)
        assert file.read_bytes() == content
    file.unlink()
    for _ in range(2):
        assert run(line).exit_code == 0
        assert file.stat().st_size > 60


@pytest.mark.parametrize("line", COMMANDS)
def test_a_folder_that_is_missing_is_made(folder, line):
    words = line.split()
    assert run(" ".join([*words[:-1], f"new/folder/{words[-1]}"])).exit_code == 0
    assert [file.name for file in (folder / "new" / "folder").iterdir()] == [words[-1]]


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes with names there")
def test_what_is_exported_replaces_a_file_of_others_when_it_is_told_to(folder):
    """But neither a pipe nor a link that leads nowhere."""
    (folder / "a.h").write_text("mine")
    assert run("export m.safetensors -o a.h --force").exit_code == 0
    assert "hellodl" in (folder / "a.h").read_text()
    (folder / "loop.h").symlink_to("loop.h")
    os.mkfifo("pipe.h")
    for name in ("loop.h", "pipe.h"):
        with pytest.raises(UsageError, match=f"^{name}: cannot be written: "):
            run(f"export m.safetensors -o {name} --force")


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
@pytest.mark.parametrize("file", ["a.svg", "a.png", "a.html"])
def test_a_model_whose_name_is_no_text_can_be_drawn(folder, file):
    """Nor does what drives a terminal make a drawing that no program opens."""
    name = os.fsdecode(b"b\xff\x1b[1md.safetensors")
    (folder / "m.safetensors").rename(name)
    line = f"{'report' if file == 'a.html' else 'evaluate'} --data-dir data -o {file}"
    assert CliRunner().invoke(cli, [*line.split(), "-m", name], catch_exceptions=False).exit_code == 0
    if file != "a.png":
        assert r"b\udcff\x1b[1md" in (folder / file).read_text()


def test_a_machine_without_a_folder_for_temporary_files_gets_a_line(folder, monkeypatch):
    """As on a full disk."""
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "nowhere"))
    with pytest.raises(HellodlError, match=r"^a\.png: cannot be written: No such file or directory$"):
        run("graph x*x --at x=2 -o a.png")


def test_a_folder_is_no_place_for_a_drawing(folder):
    (folder / "a.png").mkdir()
    with pytest.raises(UsageError, match=r"^a\.png: cannot be written"):
        run("predict digit.png -m m.safetensors -o a.png")
