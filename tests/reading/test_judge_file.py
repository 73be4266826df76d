"""The judge's file may be gone or broken, as any file of an installation."""

import pytest

from hellodl.errors import ModelError
from hellodl.reading import judge


@pytest.mark.parametrize("part", [None, 0, 5, 0.5, 0.999])
def test_without_its_file_there_is_one_line_that_says_what_to_do(part, tmp_path, monkeypatch):
    """Missing, empty, or cut off in its header or its numbers."""
    content, path = judge.SHIPPED.read_bytes(), tmp_path / "judge.safetensors"
    if part is not None:
        path.write_bytes(content[: part if isinstance(part, int) else int(part * len(content))])
    monkeypatch.setattr(judge, "SHIPPED", path)
    with pytest.raises(ModelError, match=r"judge\.safetensors.*install that anew$") as caught:
        judge.shipped.__wrapped__()
    assert "\n" not in str(caught.value)
