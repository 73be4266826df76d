"""Types reach those who use hellodl: mypy, strict, over a program as users write them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
from pathlib import Path

import numpy as np

import hellodl
from hellodl import Program, Tensor, grad, nn, optim

rng = np.random.default_rng(0)
layer = nn.Linear(784, 10, rng)
x = Tensor(np.zeros((5, 784)))
loss = -(layer(x).log_softmax() * Tensor(np.eye(10)[[1, 2, 3, 4, 5]])).sum()
slope: Tensor = grad(loss, x)
both: tuple[Tensor, ...] = grad(loss, layer.weight, layer.bias)
sgd = optim.SGD([layer.weight, layer.bias], lr=0.1)
program = Program(loss, slope)
loss.backward()
sgd.step()
value: float = float(loss) + loss.item()

mixed: Tensor = hellodl.where(x > 0, hellodl.exp(x), 0) + hellodl.sum(x.clip(0, 1), axis=0)
both = hellodl.grad(mixed.sum(), layer.weight, layer.bias)
gathered: Tensor = hellodl.gather(hellodl.einsum("ij->ji", x), [[0, 1], [2, -1]]).max(1)
curved: Tensor = hellodl.hvp(loss, x, x)
net = nn.Sequential(layer, Tensor.relu)
loss = nn.cross_entropy(net(x), np.eye(10)[[1, 2, 3, 4, 5]])
scaled: Tensor = np.ones(784) * x - np.ones(784) @ layer.weight.T

model = hellodl.load(Path("digits.safetensors"))
hellodl.save(model, "again.safetensors")
answers = model.predict(np.zeros((3, 28, 28), np.uint8))
best: int = int(answers.argmax(axis=1)[0])
reading = hellodl.read("photo.jpg", model)
text: str = reading.text
try:
    reading = hellodl.read(bytes(3))
except hellodl.errors.PictureError as error:
    text = str(error)
confidences: list[float] = [digit.confidence for digit in reading.digits]
"""
WRONG = """
import hellodl

text: int = hellodl.read("photo.jpg").text
hellodl.nn.Linear("784", 10)
hellodl.Tensor(1.0).backwards()
"""


def test_a_users_program_is_well_typed_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    """No complaint about a right program; one for each of three mistakes in a wrong one."""
    (tmp_path / "right.py").write_text(PROGRAM)
    (tmp_path / "wrong.py").write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "right.py", "wrong.py"]
    environment = os.environ | {"MYPYPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    found = done.stdout + done.stderr
    assert "right.py:" not in found, found
    assert found.count("wrong.py:") == 3, found
    assert "Found 3 errors in 1 file (checked 2 source files)" in found, found
