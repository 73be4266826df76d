"""Files are replaced whole or not at all, by one process at a time, and nothing is left behind."""

import errno
import os
import stat
import sys
import threading
from pathlib import Path

import pytest
from modes import needs_modes, obedient

from hellodl.errors import HellodlError
from hellodl.system import files
from hellodl.system.files import alone_in, kind_at, only_writer, replacing, temporary_of, write_atomically

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


@pytest.mark.skipif(sys.platform == "win32", reason="no open file can be removed there")
def test_two_writers_without_a_lock_never_show_half_a_file(tmp_path):
    """The one that began later has taken the temporary's place: the other may not give it its name."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    first, second = replacing(path), replacing(path)
    first.__enter__().write(b"first")
    file = second.__enter__()
    file.write(b"sec")
    file.flush()
    with pytest.raises(OSError, match="another process writes it too"):
        first.__exit__(None, None, None)
    assert path.read_bytes() == b"old"
    file.write(b"ond")
    second.__exit__(None, None, None)
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_used_again(tmp_path):
    path = tmp_path / "file"
    temporary_of(path).write_bytes(b"something long, and only half of it")
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be synced there")
def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    """Or a machine that stops could have the new name for an empty file."""
    path, done = tmp_path / "file", []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor):
        found = os.fstat(descriptor)
        done.append("folder" if stat.S_ISDIR(found.st_mode) else f"{found.st_size} bytes")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", lambda *paths: done.append("name") or replace(*paths))
    with replacing(path) as file:
        file.write(b"new")
    assert done == ["3 bytes", "name", "folder"]


def test_a_disk_that_is_full_only_at_the_rename_leaves_the_old_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(HellodlError, match=r"file: cannot be written: No space left on device$"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="making a link needs a privilege there")
def test_a_link_in_the_temporarys_place_is_not_followed(tmp_path):
    """In a folder that others may write, they could have it overwrite any file of ours."""
    mine, path = tmp_path / "mine", tmp_path / "file"
    mine.write_bytes(b"precious")
    temporary_of(path).symlink_to(mine)
    write_atomically(path, b"new")
    assert (mine.read_bytes(), path.read_bytes()) == (b"precious", b"new")


@pytest.mark.skipif(os.name != "posix", reason="other links and modes there")
def test_a_file_that_is_replaced_stays_a_link_and_as_private_as_it_was(tmp_path):
    """Also where a link leads to what is not there yet; and nobody else may read what nobody might."""
    (tmp_path / "far").mkdir()
    far, link = tmp_path / "far" / "file", tmp_path / "link"
    link.symlink_to("far/file")
    write_atomically(link, b"first")
    far.chmod(0o600)
    write_atomically(link, b"second")
    assert link.is_symlink()
    assert far.read_bytes() == b"second"
    assert stat.S_IMODE(far.stat().st_mode) == 0o600
    assert sorted(tmp_path.rglob("*")) == [far.parent, far, link]


@needs_modes
def test_what_may_not_be_looked_at_is_hidden_not_missing(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "shut").mkdir(mode=0)
    (tmp_path / "file").touch()
    names = ("file", ".", "none", "file/in", "shut/file", "loop", "nul\0")
    kinds = "file", "folder", "nothing", "nothing", "hidden", "hidden", "nothing"
    with obedient():
        assert tuple(kind_at(f"{tmp_path}/{name}") for name in names) == kinds


def test_the_folder_of_a_lock_is_made(tmp_path):
    with only_writer(tmp_path / "new" / "folder" / "file"):
        assert (tmp_path / "new" / "folder" / "file.lock").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no open file can be removed there")
def test_the_lock_of_the_next_process_stays(tmp_path, monkeypatch):
    """It may make its own as soon as ours is given back."""
    path, lock, close = tmp_path / "file", tmp_path / "file.lock", os.close

    def closed(descriptor):
        close(descriptor)
        lock.touch()

    with only_writer(path):
        monkeypatch.setattr(os, "close", closed)
    monkeypatch.undo()
    assert lock.exists()


@needs_locks
def test_who_has_to_wait_says_so_first(tmp_path):
    told = threading.Event()

    def wait():
        with alone_in(tmp_path, told.set):
            pass

    with alone_in(tmp_path, told.clear):
        assert list(tmp_path.iterdir()) == []
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert told.wait(10)
        assert waiting.is_alive()
    waiting.join(10)
    assert not waiting.is_alive()


@needs_locks
def test_a_file_that_is_called_as_a_lock_would_be_stays(tmp_path):
    """`train -o uv` beside uv.lock."""
    (tmp_path / "uv.lock").write_text("precious")
    with pytest.raises(HellodlError, match=r"uv\.lock: is no lock of"), only_writer(tmp_path / "uv"):
        pass
    assert (tmp_path / "uv.lock").read_text() == "precious"


@needs_locks
def test_who_writes_through_a_link_writes_the_same_file(tmp_path):
    (tmp_path / "link").symlink_to("file")
    with (
        only_writer(tmp_path / "link"),
        pytest.raises(HellodlError, match="another run is writing it"),
        only_writer(tmp_path / "file"),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_lock_that_somebody_removed_is_not_left_open(tmp_path, monkeypatch):
    answers = iter([False])
    monkeypatch.setattr(files, "_is_still", lambda *_: next(answers, True))
    before = len(list(Path("/proc/self/fd").iterdir()))
    with only_writer(tmp_path / "file"):
        pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@needs_locks
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL])
def test_where_there_are_no_locks_the_work_goes_on(tmp_path, monkeypatch, code):
    """As on some network disks: one run at a time is then for people to see to."""

    def no_locks(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", no_locks)
    with alone_in(tmp_path, no_locks), alone_in(tmp_path, no_locks):
        pass
    path = tmp_path / "file"
    with only_writer(path), only_writer(path):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
