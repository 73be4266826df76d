"""Files are replaced whole or not at all, and nothing is left behind."""

import errno
import os
import sys
import time
from pathlib import Path

import pytest

from hellodl.datasets.folders import cache_folder
from hellodl.datasets.store import alone_in, replacing

needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="no folder locks there")


def stray(folder, age=0):
    path = folder / ".hellodl-1-00.part"
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_a_file_is_replaced_when_the_block_succeeds(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_stays_as_it_was_when_the_block_fails(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def interrupted():
        with replacing(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@needs_locks
def test_the_one_who_is_alone_sweeps_strays_and_others_wait_or_leave(tmp_path):
    fresh = stray(tmp_path)
    with alone_in(tmp_path):
        assert not fresh.exists()
        fresh.touch()
        with pytest.raises(BlockingIOError), alone_in(tmp_path):
            pass
        assert fresh.exists()


@needs_locks
def test_where_folders_cannot_be_locked_only_strays_of_yesterday_go(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    fresh = stray(tmp_path)
    with alone_in(tmp_path):
        assert fresh.exists()
    stray(tmp_path, age=100_000)
    with alone_in(tmp_path):
        assert not fresh.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other rules")
def test_the_cache_folder_follows_the_systems_rules(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/hellodl")
