"""One rule for all that is drawn: over a file of others it is refused, over an earlier drawing it goes."""

import paper
import pytest
import tiny
from click.testing import CliRunner
from PIL import Image

from hellodl.cli.main import cli
from hellodl.errors import UsageError

COMMANDS = [
    *(f"graph x*x --at x=2 -o {name}" for name in ("a.svg", "a.png", "a.dot", "a.SVG")),
    "graph x*x --at x=2 --steps -o a.svg",
    *(f"descend x**2 --from x=2 -o {name}" for name in ("a.svg", "a.png")),
    *(f"evaluate -m m.safetensors --data-dir data -o {name}" for name in ("a.svg", "a.png")),
    "predict digit.png -m m.safetensors -o a.png",
    "explain digit.png -m m.safetensors --data-dir data -o a.png",
    "report -m m.safetensors --data-dir data -o a.html",
    "draw -m m.safetensors -o a.htm",
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
        with pytest.raises(UsageError, match=f"^{file.name}: cannot be written: hellodl did not draw"):
            run(line)
        assert file.read_bytes() == content
    file.unlink()
    for _ in range(2):
        assert run(line).exit_code == 0
        assert file.stat().st_size > 60


def test_a_folder_is_no_place_for_a_drawing(folder):
    (folder / "a.png").mkdir()
    with pytest.raises(UsageError, match=r"^a\.png: cannot be written"):
        run("predict digit.png -m m.safetensors -o a.png")
