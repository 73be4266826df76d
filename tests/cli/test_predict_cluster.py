"""`hellodl predict --cluster`: the lines of a local run, whatever happens to the workers."""

from __future__ import annotations

import functools
import http.server
import json
import os
import threading

import click
import paper
import pytest
import tiny
from click.testing import CliRunner
from PIL import Image

from hellodl.cli.main import cli
from hellodl.errors import DataError, UsageError

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # Dask's own
    pytest.mark.skipif(os.name == "nt", reason="kills by signals"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, 300 digits, a photograph, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("cluster")
    tiny.save_model(folder / "m.safetensors")
    (folder / "many").mkdir()
    for i, image in enumerate(paper.digits()[0][:300]):
        Image.fromarray(image).save(folder / "many" / f"{i:03}.png")
    (folder / "many" / "100-is-none.png").write_bytes(b"none")
    Image.fromarray(paper.drawn([paper.number("42")])).save(folder / "many" / "42.jpg")
    return folder


def predict(folder, *words):
    done = CliRunner().invoke(cli, ["predict", "-m", str(folder / "m.safetensors"), *map(str, words)])
    assert done.exit_code in (0, 5), done.exception
    return done


def about(line):
    """A line's record; probabilities may differ in their last bits where other pictures were read with it."""
    return json.loads(line, parse_float=lambda number: pytest.approx(float(number), abs=1e-5))


def test_the_same_lines_though_a_worker_is_killed(cluster, folder, tmp_path, monkeypatch):
    """JSON lines and complaints, in order; one of two workers is killed when the first lines are there."""
    monkeypatch.setattr("hellodl.cli.predict_cluster.GROUPS", 1)
    here = predict(folder, "--json", folder / "many")
    lines = tmp_path / "names.txt"
    lines.write_text("".join(f"{json.loads(line)['file']}\n" for line in here.stdout.splitlines()))
    worker, _ = cluster.workers(2)
    echo, killed = click.echo, []

    def kill_one(*words, **options):
        if not killed:
            killed.append(worker.kill())
        echo(*words, **options)

    monkeypatch.setattr("hellodl.cli.predict_cluster.click.echo", kill_one)
    there = predict(folder, "--json", "--cluster", cluster.address, "--names", lines)
    assert killed
    found = there.stdout.splitlines()
    assert [json.loads(line) for line in found] == [about(line) for line in here.stdout.splitlines()]
    assert len(found) == 302
    assert there.exit_code == here.exit_code == 5


def test_addresses_are_fetched_by_the_workers(cluster, folder):
    """From a server on this machine; what is not there costs its own line alone."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder / "many")
    cluster.workers(1)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        words = [f"{base}/{name}" for name in ("000.png", "missing.png", "100-is-none.png", "001.png")]
        done = predict(folder, "--json", "--cluster", cluster.address, *words)
        server.shutdown()
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["file"] for record in records] == words
    assert ["error" in record for record in records] == [False, True, True, False]
    assert all(record["error"].startswith(record["file"]) for record in records[1:3])


def test_names_are_looked_up_where_they_were_typed(cluster, folder, monkeypatch):
    """Not where a worker happens to be; and called as they were typed. Folders within folders with -r."""
    monkeypatch.chdir(folder)
    cluster.workers(1)
    lines = [
        predict(folder, "--json", "-r", *where, "many/000.png", "many/none.png").stdout.splitlines()
        for where in ((), ("--cluster", cluster.address))
    ]
    assert [json.loads(line) for line in lines[1]] == [about(line) for line in lines[0]]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "which picture"),
        (("a.png", "-"), "standard input is here"),
        (("a.png", "-o", "b.png"), "--output"),
        (("a.png", "--show-steps"), "--show-steps"),
        (("a.png", "--show-steps", "--json"), "--show-steps"),
    ],
)
def test_what_a_cluster_does_not_do_is_refused(folder, words, what):
    with pytest.raises(UsageError, match=what):
        CliRunner().invoke(cli, ["predict", "--cluster", "tcp://127.0.0.1:1", *words], catch_exceptions=False)


@pytest.mark.parametrize("command", ["predict a.png", "sweep --epochs 1"])
def test_an_empty_address_is_no_cluster(folder, command, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(UsageError, match="--cluster ''"):
        CliRunner().invoke(cli, [*command.split(), "--cluster", ""], catch_exceptions=False)


def test_names_are_taken_from_a_list_and_have_to_be_there(folder):
    """Also where they are read here."""
    names = "".join(f"{folder}/many/{i:03}.png\n" for i in range(3))
    command = ["predict", "-m", str(folder / "m.safetensors"), "-q", "--json", "--names", "-"]
    done = CliRunner().invoke(cli, command, input=names, catch_exceptions=False)
    assert "".join(f"{json.loads(line)['file']}\n" for line in done.stdout.splitlines()) == names
    from hellodl.cli.pictures import names_in

    with pytest.raises(DataError, match="cannot be read: No such file"):
        list(names_in(folder / "missing.txt"))
