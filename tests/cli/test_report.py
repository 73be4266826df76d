"""The report: one page that holds everything, asks for nothing, and reads well in a real browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from browser import NARROW, WIDE, visit
from click.testing import CliRunner
from PIL import Image
from tiny import hellodl, save_model, write_dataset

from hellodl import checkpoint, datasets
from hellodl.cli.evaluate import evaluate
from hellodl.cli.report import report
from hellodl.cli.train import train
from hellodl.errors import UsageError
from hellodl.evaluation import CALIBRATION_SAYS, LOSS_SAYS
from hellodl.graphs.report import page
from hellodl.graphs.report import report as gather
from hellodl.training.settings import PRESETS, Settings, as_command

MOST_BYTES = 1_500_000


def run(command, *arguments) -> str:
    return CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False).stdout


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The page about the model that comes with hellodl."""
    page = tmp_path_factory.mktemp("report") / "report.html"
    run(report, "-m", "shipped", "-o", page)
    return page


def test_the_page_holds_everything_and_is_small(shipped):
    """Command, settings, curves, interval, matrix, digits, reliability, mistakes, units, map, versions."""
    html = shipped.read_text(encoding="utf-8")
    assert len(html.encode()) < MOST_BYTES
    about = checkpoint.load(checkpoint.SHIPPED).about
    for words in (
        "<span>--preset</span> <span>",
        f"{100 * about.results.test_accuracy:.2f}&nbsp;%",
        "95&nbsp;% interval",
        about.settings["schedule"],
        "Loss by epoch",
        "Accuracy by epoch",
        "Confusion matrix",
        "Digit by digit",
        "Reliability",
        'alt="weights of unit 127"',
        "PCA",
        about.versions["numpy"],
    ):
        assert words in html
    explained = LOSS_SAYS, CALIBRATION_SAYS, "Precision: ", "Recall: ", "F1: ", "mean over an epoch"
    assert all(words in html for words in (*explained, "Share of the run, its end, without distortion."))
    mistakes = round(10_000 * (1 - about.results.test_accuracy))
    assert html.count(" read as ") >= 2 * min(24, mistakes)


class Links(HTMLParser):
    """Collects what a page could ask for, and what could run in it."""

    def __init__(self):
        super().__init__()
        self.asked, self.active = [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("src", "href", "action", "data", "poster", "srcset"):
                self.asked.append(value)
            if name.startswith("on") or name == "style":
                self.active.append((tag, name))
        if tag in ("script", "iframe", "object", "embed", "link", "form"):
            self.active.append((tag, ""))


def test_the_page_asks_for_nothing_and_runs_nothing(shipped):
    """Only data URLs; no script, handler, style attribute or form; one style sheet, known to the policy."""
    html = shipped.read_text(encoding="utf-8")
    links = Links()
    links.feed(html)
    assert links.active == []
    assert all(address.startswith("data:image/png;base64,") for address in links.asked)
    assert "default-src 'none'" in html
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in html


def test_json_is_what_evaluate_and_inspect_say(tmp_path):
    """The same numbers, and the command by which this very run is repeated."""
    data = write_dataset(tmp_path / "data")
    model, again = tmp_path / "model.safetensors", tmp_path / "again.safetensors"
    run(
        train,
        "--data-dir",
        data,
        "-o",
        model,
        "--hidden",
        "9",
        "--epochs",
        "1",
        "--validation",
        "20",
        "--threads",
        "1",
        "-q",
    )
    told = json.loads(run(report, model, "--data-dir", data, "--json"))
    evaluated = json.loads(run(evaluate, "-m", model, "--data-dir", data, "--json"))
    for key in ("accuracy", "accuracy_interval", "confusion", "per_digit", "calibration_error", "mistakes"):
        assert told["evaluation"][key] == evaluated[key]
    assert told["model"]["settings"]["hidden"] == [9]
    assert 0 < told["train_seconds"] < 60
    assert (
        told["command"] == "hellodl train --preset fast --hidden 9 --epochs 1 --validation 20"
        or told["command"]
    )
    _, _, *words = told["command"].split()
    run(train, *words, "--data-dir", data, "-o", again, "--threads", "1", "-q")
    assert checkpoint.load(again).about.settings == checkpoint.load(model).about.settings
    assert not (tmp_path / "report.html").exists()


def test_the_command_on_the_page_works_where_a_model_is(tmp_path):
    """As typed, in the folder of the model that it is about, and of another one."""
    data = write_dataset(tmp_path / "data")
    quick = ["--epochs", "1", "--validation", "20", "--data-dir", data, "--threads", "1", "-q"]
    run(train, "-o", tmp_path / "hellodl.safetensors", *quick)
    run(train, "-o", tmp_path / "m.safetensors", "--hidden", "9", *quick)
    run(report, tmp_path / "m.safetensors", "--data-dir", data, "-o", tmp_path / "page.html")
    shown = re.search(r"<code>(.*?)</code>", (tmp_path / "page.html").read_text(encoding="utf-8"))[1]
    _, _, *words = re.sub(r"<.*?>", "", shown).split()
    done = hellodl("train", *words, *quick[-5:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again, first = (checkpoint.load(tmp_path / f"{name}.safetensors") for name in ("again", "m"))
    assert again.about.settings == first.about.settings


def test_a_model_that_knows_nothing_of_itself_gets_a_page_too(tmp_path):
    """No settings, no history, no data set; names in it are text, whatever they hold."""
    data = write_dataset(tmp_path / "data")
    model = save_model(tmp_path / "<script>alert(1)<script>.safetensors")
    run(report, model, "--data-dir", data, "-o", tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script>" not in html
    assert "repeats the run" not in html
    assert "holds no history" in html


def test_units_are_numbered_from_0_and_those_that_never_fire_are_marked(tmp_path):
    """As `inspect` and the parameters count them."""
    data, made = write_dataset(tmp_path / "data"), save_model(tmp_path / "m.safetensors")
    loaded = checkpoint.load(made)
    loaded.weights["lc1.weight"][5] = 0
    loaded.weights["lc1.bias"][5] = -1
    html = page(gather(made, loaded, datasets.load("mnist", "test", data), ""), {})
    captions = re.findall(r'alt="weights of unit \d+"><figcaption>(.*?)</figcaption>', html)
    assert [words.split()[0] for words in captions] == [str(i) for i in range(128)]
    assert captions[5] == "5 never fires"
    assert captions[6].strip() == "6"


def test_classes_that_are_no_digits_are_named(tmp_path):
    """As in Fashion-MNIST; their names are text too."""
    data = write_dataset(tmp_path / "data")
    names = ["shirt & tie", *"123456789"]
    model = save_model(tmp_path / "m.safetensors", dataset={"name": "mnist", "sha256": "0", "classes": names})
    run(report, model, "--data-dir", data, "-o", tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<th scope="row">0 shirt &amp; tie</th>' in html
    assert '<th scope="row">1</th>' in html


def test_one_model_and_a_page_by_its_name(tmp_path):
    with pytest.raises(UsageError, match="two models are named"):
        run(report, "a", "-m", "b")
    with pytest.raises(UsageError, match=r"ends in \.html"):
        run(report, "-o", "report.pdf")


def test_the_command_is_the_shortest_that_repeats_the_run():
    """A preset's own is that preset and nothing more; of settings that are no more there is none."""
    for name, values in PRESETS.items():
        assert as_command(Settings(**values).as_dict()) == f"hellodl train --preset {name}"
    told = Settings(**PRESETS["hill"]).as_dict() | {"hidden": [9, 8], "also": "my digits"}
    assert as_command(told) == "hellodl train --preset hill --hidden 9,8 --also 'my digits'"
    assert as_command({"epochs": 3}) == as_command({}) == ""


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_evaluate_draws_its_confusion_matrix(tmp_path, suffix):
    """Every count that is not 0 is there, in its cell; the PNG is twice as large."""
    data, file = write_dataset(tmp_path / "data"), tmp_path / f"confusion.{suffix}"
    run(evaluate, "-m", save_model(tmp_path / "m.safetensors"), "--data-dir", data, "-o", file, "-q")
    told = json.loads(run(evaluate, "-m", tmp_path / "m.safetensors", "--data-dir", data, "--json"))
    if suffix == "png":
        with Image.open(file) as image:
            assert image.size == (2 * 362, 2 * 406)
        return
    counts = [int(t.text) for t in ET.parse(file).iter() if t.get("class") == "count"]
    assert counts == [count for row in told["confusion"] for count in row if count]


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_in_a_real_browser(chromium, shipped, width, theme):
    """It renders whole, complains of nothing, asks for nothing, fits; axe-core finds no hindrance."""
    with visit(chromium, shipped, width=width, theme=theme) as seen:
        assert seen.page.locator("svg").count() == 5
        assert seen.page.evaluate("() => [...document.images].every(i => i.complete && i.naturalWidth > 0)")
        assert seen.requests == seen.complaints == seen.hindrances() == []
        assert not seen.overflows()
        paper = seen.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(255, 255, 255)" if theme == "light" else "rgb(13, 17, 23)")
