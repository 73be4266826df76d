import pytest

from hellodl.datasets import folders


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """A cache folder of the test's own, and no HELLODL_DATA."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(folders, "cache_folder", lambda: folder)
    monkeypatch.delenv("HELLODL_DATA", raising=False)
    return folder
