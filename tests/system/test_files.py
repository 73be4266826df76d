"""Files are replaced whole or not at all, by one process at a time, and nothing is left behind."""

import errno
import sys

import pytest

from hellodl.system.files import alone_in, replacing, temporary_of

needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="no folder locks there")


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


def test_what_a_killed_process_left_is_used_again(tmp_path):
    path = tmp_path / "file"
    temporary_of(path).write_bytes(b"something long, and only half of it")
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@needs_locks
def test_in_a_folder_one_is_alone_and_others_wait_or_leave(tmp_path):
    with alone_in(tmp_path), pytest.raises(BlockingIOError), alone_in(tmp_path):
        pass
    with alone_in(tmp_path):
        assert list(tmp_path.iterdir()) == []


@needs_locks
def test_where_folders_cannot_be_locked_the_work_goes_on(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with alone_in(tmp_path), alone_in(tmp_path):
        pass
