import gzip
import os
from pathlib import Path

import pytest
from browser import chromium  # noqa: F401 - a fixture for all tests
from hypothesis import settings
from loopback import cluster  # noqa: F401 - another one

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is there: files are tested side by side
settings.register_profile("patient", deadline=None)  # on a busy machine anything may take a while
settings.load_profile("patient")

SHIPPED = Path(__file__).parents[1] / "data" / "mnist"
FILES = {  # bytes of the header, bytes an item, items kept
    "train-images-idx3-ubyte": (16, 784, 2000),
    "train-labels-idx1-ubyte": (8, 1, 2000),
    "t10k-images-idx3-ubyte": (16, 784, 500),
    "t10k-labels-idx1-ubyte": (8, 1, 500),
}


def pytest_collection_modifyitems(items):
    """Files with slow tests first: begun last, one of them would be all that is left to wait for."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory):
    """A data folder with MNIST's first 2,000 training and 500 test images: an epoch takes some 20 ms."""
    folder = tmp_path_factory.mktemp("small-mnist")
    for name, (header, size, count) in FILES.items():
        with gzip.open(SHIPPED / f"{name}.gz") as file:
            start, items = file.read(header), file.read(count * size)
        (folder / name).write_bytes(start[:4] + count.to_bytes(4, "big") + start[8:] + items)
    return folder
