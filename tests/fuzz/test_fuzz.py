"""Fuzzing: no input makes anything but a sound result or the documented error, in bounded time and memory.

HELLODL_FUZZ=1000 tries a thousand times as many inputs as every test run does, which takes some hours; add
-n 0 -s to see how many there were. A finding is printed with the bytes that cause it.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import paper
import pytest
import targets
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from targets import SEEDS, TARGETS, TOKENS, bytes_of, checkpoint_file, compressed

TIMES = int(os.environ.get("HELLODL_FUZZ", "1"))
HYPOTHESIS = {"idx": 300, "checkpoint": 300, "picture": 400, "reading": 20, "formula": 500}  # inputs
ATHERIS = {"idx": 1000, "checkpoint": 1000, "picture": 1000, "reading": 20, "formula": 10_000}


# What Hypothesis tries --------------------------------------------------------------------------------


@st.composite
def damaged(draw, good, tokens):
    """Good inputs, up to four parts of them overwritten, removed, inserted, cut off or from another one."""
    data = bytearray(draw(good))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, min(len(data), 64)) | st.integers(0, len(data)))
        new = draw(st.sampled_from(tokens) | st.binary(max_size=8))
        match draw(st.sampled_from(["overwrite", "insert", "remove", "cut off", "splice"])):
            case "overwrite":
                data[at : at + len(new)] = new
            case "insert":
                data[at:at] = new
            case "remove":
                del data[at : at + draw(st.integers(1, 64))]
            case "cut off":
                del data[at:]
            case "splice":
                other = draw(good)
                data[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


@st.composite
def odd_metadata(draw):
    """Checkpoints that say something odd about themselves."""
    known = [*targets.ABOUT, "other"]
    return checkpoint_file(**{draw(st.sampled_from(known)): draw(VALUES)})


@st.composite
def odd_headers(draw):
    """Headers that tell something odd about one of the tensors."""
    header = json.loads(targets.HEADER)
    entry = header[draw(st.sampled_from(sorted(header)))]
    entry[draw(st.sampled_from(sorted(entry)))] = draw(VALUES | st.lists(st.integers(), max_size=3))
    return json.dumps(header).encode()


@st.composite
def sheets(draw):
    """Pictures of digits on all kinds of paper."""
    digits = paper.number(draw(st.text("0123456789", min_size=1, max_size=4)))
    sheet = paper.Sheet(
        size=draw(st.integers(10, 50)),
        gap=draw(st.integers(-10, 10)),
        margin=draw(st.integers(0, 20)),
        ink=draw(st.tuples(*[st.integers(0, 255)] * 3)),
        shadow=draw(st.floats(0, 1)),
        noise=draw(st.floats(0, 50)),
        rules=draw(st.integers(0, 20)),
        squared=draw(st.booleans()),
        tilt=draw(st.floats(-45, 45)),
    )
    return bytes_of(paper.drawn([digits], sheet)[:256, :256])


def from_seeds(name):
    return damaged(st.sampled_from(SEEDS[name]), TOKENS[name])


INPUTS = {
    "idx": from_seeds("idx") | damaged(from_seeds("idx").map(compressed), TOKENS["idx"]),
    "checkpoint": from_seeds("checkpoint") | odd_metadata() | odd_headers(),
    "picture": from_seeds("picture"),
    "reading": from_seeds("reading") | sheets(),
    "formula": from_seeds("formula")
    | st.text(max_size=60).map(str.encode)
    | st.lists(st.sampled_from(TOKENS["formula"]), max_size=25).map(b"".join),
}


@pytest.mark.parametrize("name", TARGETS)
def test_hypothesis_finds_nothing(name):
    """Structured inputs. In rounds, as Hypothesis remembers all that it has tried in one."""
    tried = 0

    @given(INPUTS[name])
    @settings(
        max_examples=HYPOTHESIS[name],
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    def attempt(data):
        nonlocal tried
        tried += 1
        TARGETS[name](data)

    for number in range(TIMES):
        seed(number)(attempt)()
    print(f"{name}: {tried:,} inputs by Hypothesis")  # noqa: T201 - for -s


# What atheris tries -----------------------------------------------------------------------------------


@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="atheris is for Linux on x86-64 alone")
@pytest.mark.parametrize("name", TARGETS)
def test_atheris_finds_nothing(name, tmp_path):
    """Inputs guided by coverage, each in under a minute on any machine, in a process of under 500 MB.

    In rounds, as atheris keeps all arrays that were compared; what a round has found out, the next one knows.
    """
    tried = 0
    for start in range(0, TIMES, 50):
        runs = ATHERIS[name] * min(50, TIMES - start)
        tried += run_atheris(name, tmp_path, f"-runs={runs}", f"-seed={start + 1}")
    print(f"{name}: {tried:,} inputs by atheris")  # noqa: T201 - for -s


def run_atheris(name, folder, *options):
    """How many inputs were tried."""
    script = Path(__file__).with_name("atheris_run.py")
    limits = ["-timeout=60", "-rss_limit_mb=500", "-print_final_stats=1"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "TMPDIR": str(folder)}
    # By way of a shell, as a process's peak memory is never told as less than that of who started it.
    by_a_shell = ["sh", "-c", '"$@"; exit $?', "sh"]
    done = subprocess.run(
        [*by_a_shell, sys.executable, script, name, folder, *limits, *options],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.search(r"number_of_executed_units: (\d+)", done.stderr)[1])


# What the targets are worth ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["picture", "reading"])
def test_the_seeds_are_good_inputs(name, monkeypatch):
    """Nothing is refused: the fuzzers start behind the first check, not before it."""
    monkeypatch.setattr(targets, "refused_at_most", lambda *_: nullcontext())
    for data in SEEDS[name]:
        TARGETS[name](data)


BUGS = {
    "idx": "hellodl.datasets.idx.rows",
    "checkpoint": "hellodl.checkpoint._check_numbers",
    "picture": "hellodl.reading.load._opaque",
    "reading": "hellodl.reading.lines.find_lines",
    "formula": "hellodl.graphs.formula.Reader.number",
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_bug_would_be_found(name, monkeypatch):
    """Fuzzers that find nothing prove something only if they can find something."""

    monkeypatch.setattr(BUGS[name], {}.popitem)  # takes no arguments: a TypeError
    with pytest.raises(TypeError):
        list(map(TARGETS[name], SEEDS[name]))
