"""What is published: the wheel and the source archive hold what they need, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from hellodl.version import __version__

ROOT = Path(__file__).parent.parent
MNIST = [f"{split}-{kind}-ubyte.gz" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]

pytestmark = pytest.mark.slow


def build(source: Path, target: str, into: Path) -> Path:
    """Build a wheel or an sdist of `source` without a network; returns the file."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", into]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = into.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the source archive of the checkout."""
    return {target: build(ROOT, target, tmp_path_factory.mktemp(target)) for target in ("wheel", "sdist")}


@pytest.fixture(scope="module")
def wheel(built: dict[str, Path]) -> zipfile.ZipFile:
    return zipfile.ZipFile(built["wheel"])


@pytest.fixture(scope="module")
def unpacked(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built["sdist"]) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"hellodl-{__version__}"


@pytest.mark.parametrize("name", MNIST)
def test_wheel_holds_mnist(wheel: zipfile.ZipFile, name: str) -> None:
    """An installed hellodl trains offline: the four files travel in the wheel, byte for byte."""
    same = wheel.read(f"hellodl/data/mnist/{name}") == (ROOT / "data/mnist" / name).read_bytes()
    assert same  # a bare comparison would print megabytes


def test_wheel_holds_all_of_the_package(wheel: zipfile.ZipFile) -> None:
    """Every file of hellodl/, models and py.typed among them, is in the wheel."""
    files = [
        file for file in (ROOT / "hellodl").rglob("*") if file.is_file() and "__pycache__" not in file.parts
    ]
    names = {file.relative_to(ROOT).as_posix() for file in files}
    assert "hellodl/py.typed" in names
    assert names <= set(wheel.namelist())


def test_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    """No tests, scripts or stray files: two top-level folders, and data only from data/."""
    names = wheel.namelist()
    assert {name.split("/")[0] for name in names} == {"hellodl", f"hellodl-{__version__}.dist-info"}
    data = {name for name in names if name.startswith("hellodl/data/")}
    assert data == {"hellodl/data/README.md", *(f"hellodl/data/mnist/{name}" for name in MNIST)}
    assert not [name for name in names if "test" in Path(name).name or name.endswith((".pyc", ".lock"))]


def test_metadata(wheel: zipfile.ZipFile) -> None:
    """Name, version, licence and the hellodl command are as they should be."""
    info = f"hellodl-{__version__}.dist-info"
    metadata = message_from_bytes(wheel.read(f"{info}/METADATA"))
    assert metadata["Name"] == "hellodl"
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    assert b"hellodl = hellodl.__main__:main" in wheel.read(f"{info}/entry_points.txt")


def test_source_archive_is_whole(unpacked: Path, built: dict[str, Path], tmp_path: Path) -> None:
    """It holds tests and data, and a wheel built from it has the bytes of the one built from the checkout."""
    for name in (
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "pyproject.toml",
        "tests/test_package.py",
        "scripts/test",
    ):
        assert (unpacked / name).is_file(), name
    same = build(unpacked, "wheel", tmp_path).read_bytes() == built["wheel"].read_bytes()
    assert same  # a bare comparison would print megabytes


def test_building_twice_gives_the_same_bytes(built: dict[str, Path], tmp_path: Path) -> None:
    """For the wheel, the test above says so."""
    same = build(ROOT, "sdist", tmp_path).read_bytes() == built["sdist"].read_bytes()
    assert same  # a bare comparison would print megabytes


@pytest.mark.skipif(os.name != "posix", reason="a script for shells")
@pytest.mark.parametrize("place", [".venv", "of another checkout"])
def test_an_environment_that_others_made_is_not_emptied(tmp_path: Path, place: str) -> None:
    """One without pip, as `uv venv` makes it; one that .venv is a link to."""
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/hellodl", "scripts/environment.sh", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    theirs = tmp_path / place
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", theirs], check=True)
    (theirs / "precious").touch()
    if place != ".venv":
        (theirs / "hellodl-home").write_text("/elsewhere\n")
        (tmp_path / ".venv").symlink_to(theirs)
    before = sorted(path.name for path in theirs.iterdir())
    environment = os.environ | {"PYTHON": sys.executable, "PIP_NO_INDEX": "1"}
    command = [tmp_path / "scripts" / "hellodl", "--version"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert sorted(path.name for path in theirs.iterdir()) == before
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    assert done.stderr.startswith(f"hellodl: {tmp_path}/.venv: is not one that this script made")
