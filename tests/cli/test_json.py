"""The keys that the page of the commands names are those that they print."""

import json
import runpy
from pathlib import Path

import paper
import pytest
import tiny
from click.testing import CliRunner
from PIL import Image

from hellodl.cli.main import cli

PAGE = tiny.REPOSITORY / "scripts" / "tools" / "help_page.py"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the sources are not here")
LINES = {
    "train": "train --epochs 1 --validation 20 --threads 1 --data-dir data -o trained",
    "evaluate": "evaluate -m m --data-dir data",
    "evaluate FOLDER": "evaluate -m m photos",
    "predict IMAGE…": "predict -m shipped marked.png none.png",
    "explain IMAGE…": "explain -m m --data-dir data photos/7/a.png",
    "download": "download mnist",
    "inspect": "inspect trained",
    "graph FORMULA --steps": "graph x*x --at x=2 --steps",
    "descend FORMULA": "descend x**2 --from x=2",
    "report": "report -m m --data-dir data",
    "chapter": "chapter",
    "export -o FILE.h --int8": "export m -o a.h --int8 --data-dir data",
    "sweep": "sweep --epochs 1 --validation 20 --threads 1 --data-dir data --seeds 1",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data, models, pictures: a digit that an untrained network misreads, digits with a dash, no picture."""
    folder = tmp_path_factory.mktemp("json")
    tiny.write_dataset(folder / "data")
    tiny.save_model(folder / "m", dataset={"name": "mnist", "sha256": "0"})
    (folder / "photos" / "7").mkdir(parents=True)
    for i, image in enumerate(paper.digits()[0][:3]):
        Image.fromarray(image).save(folder / "photos" / "7" / f"{'abc'[i]}.png")
    (folder / "photos" / "7" / "none.png").touch()
    marked = paper.drawn([paper.number("38")], paper.Sheet(gap=50)).copy()
    marked[108:116, 172:204] = 20
    Image.fromarray(marked).save(folder / "marked.png")
    return folder


@pytest.mark.parametrize("name", LINES)
def test_a_command_prints_the_keys_that_its_page_names(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    page = runpy.run_path(str(PAGE))
    assert page["KEYS"].keys() == LINES.keys()
    if name == "inspect" and not Path("trained").exists():
        CliRunner().invoke(cli, LINES["train"].split(), catch_exceptions=False)
    done = CliRunner().invoke(cli, [*LINES[name].split(), "--json"], catch_exceptions=False)
    found = [page["keys_of"](json.loads(line)) for line in done.stdout.splitlines()]
    assert tuple(dict.fromkeys(found)) == page["KEYS"][name]
