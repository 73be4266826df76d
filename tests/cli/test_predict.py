"""`hellodl predict`: lines, bars and JSON, folders and bad files, steps as PNG, many files."""

import io
import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import click
import numpy as np
import paper
import pytest
import tiny
from click.testing import CliRunner
from PIL import Image, ImageDraw
from rich.console import Console

from hellodl import checkpoint
from hellodl.about import DIGITS
from hellodl.cli import predict_view
from hellodl.cli.main import cli
from hellodl.cli.steps import steps_report
from hellodl.cli.words import PLAIN
from hellodl.reading.formats import FORMATS, SUFFIXES
from hellodl.reading.reader import read, read_all


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, a folder of twelve 28-pixel digits, and a photograph of 42."""
    folder = tmp_path_factory.mktemp("predict")
    tiny.save_model(folder / "m.safetensors")
    (folder / "many").mkdir()
    for i, image in enumerate(paper.digits()[0][:12]):
        Image.fromarray(image).save(folder / "many" / f"{i:02}.png")
    Image.fromarray(paper.drawn([paper.number("42")])).save(folder / "42.jpg")
    return folder


@pytest.fixture
def here(folder, tmp_path, monkeypatch):
    """An empty folder to work in, with the model."""
    monkeypatch.chdir(tmp_path)
    os.link(folder / "m.safetensors", tmp_path / "hellodl.safetensors")
    return tmp_path


def run(*arguments, **options):
    return CliRunner().invoke(cli, ["predict", *map(str, arguments)], catch_exceptions=False, **options)


def digit_file(path, i=0):
    Image.fromarray(paper.digits()[0][i]).save(path)
    return path


@pytest.mark.skipif(os.name != "posix", reason="terminals as POSIX has them")
def test_on_a_terminal_no_bar_is_left_behind(folder, here):
    """After a second it stands below what is printed, and is wiped out; a few files take less."""
    pictures = sorted((folder / "many").iterdir())[:3]
    sent = tiny.on_terminal([sys.executable, "-m", "hellodl", "predict", *pictures], here)
    assert not sent.rsplit("\r", 1)[-1].strip()


def test_json_is_what_reading_says(folder, here):
    """The fields of the contract, in order, with the reading's own values."""
    result = run(folder / "42.jpg", "--json")
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    assert list(record) == ["file", "text", "verdict", "digits", "warnings", "marks"]
    assert list(record["digits"][0]) == ["digit", "confidence", "verdict", "box", "probabilities"]
    reading = read(folder / "42.jpg", checkpoint.load_model(folder / "m.safetensors"))
    assert (record["text"], record["verdict"]) == (reading.text, reading.verdict)
    assert record["warnings"] == list(reading.warnings)
    assert [tuple(d["box"]) for d in record["digits"]] == [d.box for d in reading.digits]
    assert [tuple(d["probabilities"]) for d in record["digits"]] == [d.probabilities for d in reading.digits]


def test_one_bad_file_does_not_stop_the_rest(folder, here):
    """It has its line on stdout and stderr, in its place, and the exit code is 5."""
    (here / "bad.png").write_text("no picture")
    (here / "empty").mkdir()
    arguments = (folder / "many" / "00.png", "bad.png", "none.png", "empty", folder / "many" / "01.png")
    result = run(*arguments, "--json")
    assert result.exit_code == 5
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [r["file"] for r in records] == list(map(str, arguments))
    assert [list(r) == ["file", "error"] for r in records] == [False, True, True, True, False]
    assert "empty: holds no pictures" in result.stderr
    plain = run(*arguments)
    assert plain.exit_code == 5
    assert plain.stdout.count("\n") < plain.output.count("\n")


def test_folders_give_their_pictures_in_order_of_name(folder, here):
    (folder / "many" / "notes.txt").write_text("no picture")
    records = map(json.loads, run(folder / "many", "--json").stdout.splitlines())
    assert [Path(r["file"]).name for r in records] == [f"{i:02}.png" for i in range(12)]


def test_several_pictures_have_a_line_each_and_one_has_bars(folder, here):
    several = [folder / "many" / f"{i:02}.png" for i in range(3)]
    assert "█" not in run(*several).stdout
    alone = run(several[0]).stdout.splitlines()
    assert [line.split()[0] for line in alone[-10:]] == list("0123456789")
    assert run(several[0], "-q").stdout.count("%") == 1


def test_standard_input_is_read(folder, here):
    result = run("-", "--json", input=(folder / "many" / "03.png").read_bytes())
    expected = json.loads(run(folder / "many" / "03.png", "--json").stdout)
    assert json.loads(result.stdout) == expected | {"file": "-"}


def test_polarity_can_be_forced(folder, here, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "hellodl.reading.several.read_all", lambda *_, invert: asked.append(invert) or read_all(*_)
    )
    for flags in ((), ("--invert",), ("--no-invert",)):
        run(folder / "many" / "00.png", *flags)
    assert asked == [None, True, False]


@pytest.mark.parametrize("share", [0.0, 1e-9, 1 / 320, 0.1, 0.125, 0.5, 0.987, 0.9999, 1.0])
def test_bars_are_as_long_as_the_share(share):
    """To an eighth of a character, always of the full width, and empty or full at the ends."""
    drawn = predict_view.bar(share, 40)
    assert len(drawn) == 40
    filled = drawn.rstrip()
    part = predict_view.EIGHTHS.find(filled[-1:]) if filled and filled[-1] != "█" else 0
    assert filled.count("█") * 8 + part == round(share * 320)
    assert len(drawn.encode("ascii", PLAIN)) == 40


def test_ends_of_bars():
    assert predict_view.bar(1, 8) == "████████"
    assert predict_view.bar(0, 8) == " " * 8
    assert predict_view.bar(1 / 64, 8) == "▏       "
    assert predict_view.bar(15 / 64, 8) == "█▉      "


def test_names_cannot_drive_the_terminal(here):
    name = digit_file(here / "a\x1b[31m\n.png")
    assert "\x1b" not in run(name.name).stdout.splitlines()[0]


def test_no_colour_where_none_is_wanted(folder, here, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run(folder / "many" / "00.png", color=True).stdout
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b" in run(folder / "many" / "00.png", color=True).stdout


# Steps ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("picture", ["42.jpg", "many/00.png"])
def test_steps_as_png_and_again(folder, here, picture):
    """A sheet that says who drew it, and may be drawn again."""
    for _ in range(2):
        assert run(folder / picture, "-o", "steps.png").exit_code == 0
    with Image.open("steps.png") as image:
        assert image.info["Software"].startswith("hellodl ")
        assert image.width == 2032
        assert len(image.getcolors(1 << 24)) > 50


def test_quiet_draws_steps_and_says_nothing(folder, here):
    result = CliRunner().invoke(cli, ["predict", str(folder / "42.jpg"), "-q", "-o", "steps.png"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert (here / "steps.png").exists()


def test_steps_never_replace_a_file_of_others(folder, here):
    mine = digit_file(here / "mine.png")
    before = mine.read_bytes()
    for name in ("mine.png", "steps.jpg", "."):
        result = tiny.hellodl("predict", folder / "42.jpg", "-o", name, cwd=here)
        assert result.returncode == 2
        assert result.stderr.count(b"\n") == 1
    assert mine.read_bytes() == before
    bomb = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)  # a PNG that says it is very large
    parts = b"IHDR" + bomb, b"IDAT", b"IEND"
    chunks = [struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts]
    (here / "mine.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    assert tiny.hellodl("predict", folder / "42.jpg", "-o", "mine.png", cwd=here).returncode == 2
    assert sorted(p.name for p in here.iterdir()) == ["hellodl.safetensors", "mine.png"]


def test_steps_with_one_name_is_the_picture(here):
    """`predict --show-steps digit.png` draws digit.png in the terminal, and leaves the file as it is."""
    before = digit_file(here / "digit.png").read_bytes()
    result = run("--show-steps", "digit.png")
    assert result.exit_code == 0
    assert "digit.png" in result.stdout.splitlines()[0]
    assert (here / "digit.png").read_bytes() == before


def test_contradictions_are_refused(folder, here):
    run(folder / "42.jpg", "-o", "ours.png")
    for arguments in (
        (),
        ("--show-steps",),
        (folder / "many", "-o", "s.png"),
        (folder / "42.jpg", "--json", "--show-steps"),
        ("ours.png", "-o", "./ours.png"),
    ):
        result = tiny.hellodl("predict", *arguments, cwd=here)
        assert (result.returncode, result.stderr.count(b"\n")) == (2, 1), arguments
    assert not (here / "s.png").exists()


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("colour", ["truecolor", None])
@pytest.mark.parametrize("picture", ["42.jpg", "many/00.png", "blank"])
def test_steps_fit_the_terminal(folder, width, colour, picture):
    blank = np.full((40, 60), 255, np.uint8)
    source = blank if picture == "blank" else folder / picture
    reading = read(source, checkpoint.load_model(folder / "m.safetensors"))
    file = io.StringIO()
    out = Console(file=file, width=width, color_system=colour, force_terminal=bool(colour))
    for line in steps_report(reading, DIGITS, out):
        out.print(line, soft_wrap=True)
    lines = click.unstyle(file.getvalue()).splitlines()
    most = max(width, 28 + 3 + 11 + 8)
    assert max(map(len, lines)) <= most
    assert sum("%" in line for line in lines) == 11 * len(reading.digits)


@pytest.mark.parametrize("upright", [False, True])
def test_a_picture_as_in_training_is_shown_and_called_so(folder, upright):
    """Not that there is "nothing to find"; where the network turns it, both are there."""
    model = checkpoint.load_model(folder / "m.safetensors")
    model.upright = upright
    slanted = np.zeros((28, 28), np.uint8)
    for row in range(4, 24):
        slanted[row, 17 - row // 3 : 20 - row // 3] = 255
    reading = read(slanted, model)
    assert reading.ink is None
    file = io.StringIO()
    out = Console(file=file, width=80)
    for line in steps_report(reading, DIGITS, out):
        out.print(line)
    before, after = file.getvalue().split("the picture: 28 by 28 pixels, as in training")
    assert "█" in before
    assert ("turned upright" if upright else "taken as it is") in after
    assert "nothing" not in file.getvalue()


def test_thin_lines_on_large_paper_are_seen(folder):
    """Where a line is a twentieth of a pixel that is shown, it is as dark there as on the paper."""
    paper = Image.new("L", (1600, 1200), 255)
    ImageDraw.Draw(paper).line([(500, 300), (800, 300), (650, 900)], fill=0, width=4)
    reading = read(np.asarray(paper), checkpoint.load_model(folder / "m.safetensors"))
    file = io.StringIO()
    out = Console(file=file, width=80)
    for line in steps_report(reading, DIGITS, out):
        out.print(line, soft_wrap=True)
    picture = file.getvalue().split("the picture")[0]
    assert sum(picture.count(c) for c in "█▓▀▄") > 20


# Many files -------------------------------------------------------------------------------------------


def test_many_files_are_answered_in_order_as_each_alone(folder, here):
    """Also where one of them, in the middle, cannot be read."""
    names = [str(folder / "many" / f"{i % 12:02}.png") for i in range(200)]
    names[150] = "missing.png"
    alone = {name: nearly(run(name, "--json").stdout) for name in set(names)}
    lines = run(*names, "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [alone[name] for name in names]


def nearly(line):
    """A record that equals those with other last digits: products of other sizes are rounded otherwise."""
    return json.loads(line, parse_float=lambda number: pytest.approx(float(number), abs=1e-5))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="no Ctrl-C by kill there")
@pytest.mark.parametrize("files", [1, 20_000])
def test_ctrl_c_ends_reading_at_once_in_one_line(folder, here, files):
    """However many pictures wait, or when a single one is being waited for, and nothing goes on."""
    names = [str(folder / "many" / f"{i % 12:02}.png") for i in range(files)] if files > 1 else ["-"]
    program = """if True:
        import signal, sys
        from hellodl.cli.main import main

        class Telling:
            def __init__(self, stdin):
                self.isatty, self.buffer, self._stdin = stdin.isatty, self, stdin
            def read(self, size):
                print(flush=True)
                return self._stdin.buffer.read(size)

        signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
        sys.argv[1:] = sys.stdin.readline().split()
        sys.stdin = Telling(sys.stdin)
        main()"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(tiny.REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdin.write(f"predict --json -q {' '.join(names)}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline()  # the first record, or that it is waited for
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert (process.returncode, said) == (130, b"hellodl: interrupted\n")


def test_folders_are_read_in_order_of_numbers_without_what_is_hidden(here):
    """2 before 12; folders within folders with -r alone; a PDF's pages one by one."""
    for name in ("12.png", "2.png", ".1.png", "a/3.png", ".b/4.png"):
        place = here / "scans" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        digit_file(place)
    pytest.importorskip("pypdfium2")
    page = Image.new("L", (160, 4), 255)
    page.save(here / "scans" / "20.pdf", save_all=True, append_images=[page] * 2)

    def read_files(*options):
        lines = run("scans", "--json", *options).stdout.splitlines()
        return [json.loads(line)["file"].removeprefix("scans" + os.sep) for line in lines]

    pages = ["20.pdf#1", "20.pdf#2", "20.pdf#3"]
    assert read_files() == ["2.png", "12.png", *pages]
    assert read_files("-r") == ["2.png", "12.png", *pages, str(Path("a", "3.png"))]


def test_marks_are_told_with_their_boxes(here):
    """A dash between two digits: left out of the text, so that a script can put a date together."""
    picture = paper.drawn([paper.number("38")], paper.Sheet(gap=50)).copy()
    picture[108:116, 172:204] = 20
    Image.fromarray(picture).save(here / "date.png")
    told = json.loads(run("date.png", "-m", "shipped", "--json").stdout)
    assert told["text"] == "38"
    ((mark),) = told["marks"]
    assert mark["mark"] == "-"
    x, _, width, _ = mark["box"]
    assert 160 < x < x + width < 215


def test_suffixes_are_those_of_formats_that_are_read():
    """Each format that load_picture opens has one; HEIC and PDF need an extra package."""
    Image.init()
    known = Image.registered_extensions()
    assert {known[s] for s in SUFFIXES if s in known} <= {*FORMATS, "MPO", "TGA", "HEIF", "PDF"}
    assert {known[s] for s in SUFFIXES if s in known} >= {*FORMATS, "MPO", "TGA"}
    assert {s for s in SUFFIXES if s not in known} <= {".heic", ".heif"}


def test_what_is_no_picture_on_standard_input_is_called_so(here, monkeypatch):
    result = run("-", input=b"no picture")
    assert result.exit_code == 5
    assert "hellodl: standard input: not a picture" in result.stderr
    assert "hellodl: standard input: is empty" in run("-", input=b"").stderr
    monkeypatch.setattr("hellodl.reading.opening.MOST_BYTES", 10)
    assert "hellodl: standard input: more than 10 bytes, too large" in run("-", input=bytes(99)).stderr


# Which model ------------------------------------------------------------------------------------------


def said_of_model(folder, *arguments, **about):
    """The first line on stderr when a model that says this about itself lies in the folder."""
    tiny.save_model(folder / "hellodl.safetensors", **about)
    return run(digit_file(folder / "7.png"), *arguments).stderr.splitlines()[:1]


def test_stderr_says_which_model_reads_and_what_that_means(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(digit_file(tmp_path / "7.png")).stderr == "model: the one that ships with hellodl\n"
    mnist = {"dataset": {"name": "mnist", "sha256": "0"}, "results": {"test_accuracy": 0.98}}
    advice = "; the model that ships reads photographs better: -m shipped"
    own = "model: your own hellodl.safetensors"
    assert said_of_model(tmp_path, **mnist) == [f"{own}: 98.00 % on mnist{advice}"]
    assert said_of_model(tmp_path) == [f"{own}{advice}"]
    assert said_of_model(tmp_path, **mnist, settings={"drawn": 100}) == [f"{own}: 98.00 % on mnist"]
    assert said_of_model(tmp_path, dataset={"name": "kmnist", "sha256": "0"}) == [own]
    assert said_of_model(tmp_path, "-q") == said_of_model(tmp_path, "-m", "shipped") == []


def test_classes_that_are_no_digits_are_called_by_their_names(here):
    """In the terminal; --json has the numbers that the contract names."""
    names = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot")
    tiny.save_model(
        here / "f.safetensors", dataset={"name": "fashion-mnist", "sha256": "0", "classes": names}
    )
    digit_file(here / "shoe.png")
    read_as = json.loads(run("shoe.png", "-m", "f.safetensors", "--json").stdout)["text"]
    assert read_as.isdigit()
    told = run("shoe.png", "-m", "f.safetensors", "--show-steps").stdout
    assert told.startswith(f"shoe.png: {read_as} {names[int(read_as)]}  ")
    bars = run("shoe.png", "-m", "f.safetensors").stdout
    assert all(f"\n  {i} {name} " in bars for i, name in enumerate(names))
    assert all(f"{i} {name} " in told for i, name in enumerate(names))
    explained = CliRunner().invoke(cli, ["explain", "shoe.png", "-m", "f.safetensors"])
    assert f"read as {read_as} {names[int(read_as)]}" in explained.stdout


def test_shipped_names_the_model_that_ships_whatever_lies_here(here):
    digit_file(here / "7.png")
    shipped, own = (run("7.png", "--json", *model).stdout for model in (("-m", "shipped"), ()))
    assert shipped != own
    (here / "hellodl.safetensors").unlink()
    assert run("7.png", "--json").stdout == shipped
