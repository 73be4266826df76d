"""The files of small networks may be gone or broken, as any file of an installation."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hellodl.errors import ModelError
from hellodl.reading import judge, printed

LOADS = {judge: judge.shipped.__wrapped__, printed: printed.weights.__wrapped__}


@pytest.mark.parametrize("module", LOADS, ids=lambda module: module.__name__)
@pytest.mark.parametrize("part", [None, 0, 5, 0.5, 0.999])
def test_without_its_file_there_is_one_line_that_says_what_to_do(part, module, tmp_path, monkeypatch):
    """Missing, empty, or cut off in its header or its numbers."""
    content, path = module.SHIPPED.read_bytes(), tmp_path / "some.safetensors"
    if part is not None:
        path.write_bytes(content[: part if isinstance(part, int) else int(part * len(content))])
    monkeypatch.setattr(module, "SHIPPED", path)
    with pytest.raises(ModelError, match=r"some\.safetensors.*install that anew$") as caught:
        LOADS[module]()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("right", lambda _: None),
        ("right", lambda right: right[:2]),
        ("ways", lambda ways: ways.astype(np.int8)),
        ("lc1.bias", lambda bias: bias * np.nan),
        ("lc1.bias", lambda _: None),
        ("lc1.weight", lambda weight: weight[:, :100].copy()),
    ],
)
def test_a_file_that_holds_something_else_is_told_in_one_line(name, change, tmp_path, monkeypatch):
    """As of an installation renewed by half: it gave a traceback, and with NaN reading had no end."""
    weights = load_file(judge.SHIPPED)
    weights |= {name: change(weights[name])}
    path = tmp_path / "judge.safetensors"
    save_file({name: array for name, array in weights.items() if array is not None}, path)
    monkeypatch.setattr(judge, "SHIPPED", path)
    with pytest.raises(ModelError, match=rf"judge\.safetensors: {name} .*install that anew$"):
        judge.shipped.__wrapped__()
