"""A small data set on disk and models that read it, for the tests of the commands."""

import io
import json
import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

from hellodl import checkpoint
from hellodl.about import as_dict, describe
from hellodl.cli import words
from hellodl.cli.main import main
from hellodl.nn import DigitNet

REPOSITORY = Path(__file__).parents[2]


def write_dataset(folder, train=200, test=60):
    """Random pictures with an empty border, as MNIST's have one, under MNIST's names; returns `folder`."""
    folder.mkdir(exist_ok=True)
    for split, count, seed in (("train", train, 0), ("t10k", test, 1)):
        rng = np.random.default_rng(seed)
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, 4:24, 4:24] = rng.integers(0, 256, (count, 20, 20))
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        save_idx(folder / f"{split}-images-idx3-ubyte", images)
        save_idx(folder / f"{split}-labels-idx1-ubyte", labels)
    return folder


def save_idx(path, array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


def save_model(path, **about):
    """An untrained network; `about` adds to what the file says about itself."""
    model = DigitNet(rng=np.random.default_rng(3))
    weights = {name: np.ascontiguousarray(array) for name, array in checkpoint.weights_of(model).items()}
    path.write_bytes(to_bytes(weights, {checkpoint.KEY: json.dumps(as_dict(describe(model)) | about)}))
    return path


def hellodl(*arguments, cwd, **environment):
    """What `python -m hellodl` does, in this process: it would take half a second to start another one."""
    given, encoding = list(map(str, arguments)), environment.get("PYTHONIOENCODING", "utf-8")
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding) for name in ("stdout", "stderr")}
    program = [str(REPOSITORY / "hellodl" / "__main__.py")]
    python = {"argv": program + given, "orig_argv": [sys.executable, "-m", "hellodl", *given], **streams}
    words.command_name.cache_clear()
    variables = mock.patch.dict(os.environ, _variables(environment), clear=True)
    with chdir(cwd), variables, mock.patch.multiple(sys, **python), pytest.raises(SystemExit) as left:
        main()
    words.command_name.cache_clear()
    out, err = (stream.buffer.getvalue() for stream in streams.values())
    return subprocess.CompletedProcess(given, left.value.code, out, err)


def run_python(*arguments, cwd, **environment):
    """Python in a process of its own, its output as bytes."""
    settings = {"PYTHONPATH": str(REPOSITORY), "OPENBLAS_NUM_THREADS": "1", **environment}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=_variables(settings), capture_output=True, check=False)


def on_terminal(words, folder, columns=80, **environment):
    """What a terminal of so many columns is sent."""
    import pty
    import termios

    terminal, side = pty.openpty()
    termios.tcsetwinsize(side, (24, columns))
    variables = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    environment = variables | {"TERM": "xterm-256color", "PYTHONPATH": str(REPOSITORY)} | environment
    with subprocess.Popen(words, cwd=folder, stdout=side, stderr=side, env=environment) as process:
        os.close(side)
        shown = b""
        while chunk := _read(terminal):
            shown += chunk
    os.close(terminal)
    assert process.returncode == 0
    return shown.decode(environment.get("PYTHONIOENCODING", "utf-8"))


def _read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other side was closed
        return b""


def _variables(environment):
    """Ours, without those that change what is printed, and some more."""
    ours = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "FORCE_COLOR", "HELLODL_DATA")}
    return ours | environment
