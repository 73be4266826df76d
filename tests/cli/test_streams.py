"""What becomes of output that cannot be written: with a buffer under stdout, and without, as in Docker."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import tiny

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's devices")

LONG = ("inspect", "-q", "--json", "-m", "shipped")


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def run(request, tmp_path):
    """A command in a shell, with redirections behind it: exit code and lines on stderr."""

    def run(*arguments, to="", before=""):
        command = f'{before}; "$@" {to}'
        words = [
            "bash",
            "-c",
            command.removeprefix("; "),
            "bash",
            sys.executable,
            "-m",
            "hellodl",
            *arguments,
        ]
        variables = os.environ | {"PYTHONUNBUFFERED": request.param, "PYTHONPATH": str(tiny.REPOSITORY)}
        done = subprocess.run(words, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr.splitlines()

    return run


@pytest.mark.parametrize("arguments", [("graph", "x*x", "--at", "x=2", "--json"), LONG, ("--help",)])
@pytest.mark.parametrize(
    ("to", "before", "why"),
    [
        (">/dev/full", "", "No space left on device"),
        (">out", "ulimit -f 1", "File too large"),
        ("1</dev/null", "", "Bad file descriptor"),
    ],
)
def test_output_that_cannot_be_written_whole_is_told_in_one_line(run, arguments, to, before, why, tmp_path):
    fits = to == ">out" and arguments[0] == "graph"  # ulimit counts in kilobytes
    told = (1, [f"hellodl: the output cannot be written: {why}"])
    assert run(*arguments, to=to, before=before) == ((0, []) if fits else told)


def test_a_reader_that_leaves_ends_a_command_without_a_word(run):
    code, err = run("predict", "-q", "--json", "--help", to="| true; exit ${PIPESTATUS[0]}")
    assert (code, err) in [(1, []), (0, [])]  # as it happens
    assert run(*LONG, to="> >(exec <&- >&- 2>&-; sleep 9)", before="sleep .1")[1] == []


def test_a_slow_reader_of_a_pipe_that_does_not_block_gets_it_all(run, tmp_path):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.write(writer, bytes(60_000))
    command = [sys.executable, "-m", "hellodl", *LONG]
    got = []

    def read():
        time.sleep(1)
        while part := os.read(reader, 1 << 16):
            got.append(part)

    with subprocess.Popen(command, stdout=writer, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        os.close(writer)
        slow = threading.Thread(target=read)
        slow.start()
        assert process.wait() == 0
    slow.join()
    os.close(reader)
    assert json.loads(b"".join(got)[60_000:])


@pytest.mark.parametrize(
    "to", ["2>/dev/full", "2> >(exec <&- >&- 2>&-; sleep 1)", "2>&-", "2</dev/null", "<&- >&- 2>&-"]
)
def test_exit_codes_do_not_depend_on_who_listens(run, to):
    """Remarks on a full disk, to a reader that has left, to a stream that was closed."""
    for code, arguments in {
        0: "inspect",
        5: "predict nowhere.png",
        3: "inspect nowhere",
        2: "--nope",
    }.items():
        assert run(*arguments.split(), to=f">/dev/null {to}")[0] == code, arguments


def test_a_library_that_cannot_be_loaded_is_one_line(tmp_path):
    (tmp_path / "cv2.py").write_text(
        "raise ImportError('libswscale.so: failed to map segment\\nsecond line')"
    )
    variables = {"PYTHONPATH": f"{tmp_path}:{tiny.REPOSITORY}"}
    done = tiny.run_python(
        "-m",
        "hellodl",
        "predict",
        "-q",
        tiny.REPOSITORY / ".github" / "number.png",
        cwd=tmp_path,
        **variables,
    )
    assert done.returncode == 1
    assert done.stderr == b"hellodl: a library cannot be loaded: libswscale.so: failed to map segment\n"
