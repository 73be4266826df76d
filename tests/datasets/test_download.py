"""Downloads against a real server on loopback: whatever it does, only verified files get into the folder."""

import contextlib
import gzip
import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import made
import pytest
from click.testing import CliRunner

import hellodl.cli.download as cli_download
from hellodl.datasets import catalogue, download, folders, load, web
from hellodl.datasets.catalogue import File
from hellodl.datasets.download import Downloader
from hellodl.errors import DataError, UsageError
from hellodl.system.files import alone_in, temporary_of

PAGE = b"<!DOCTYPE html><html><body>Not here</body></html>"


class Server:
    """A web server whose answer for each path can be set: bytes, or a function of the request handler."""

    def __init__(self):
        self.answers, self.asked = {}, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                answer = outer.answers.get(self.path.rsplit("/", 1)[-1], missing)
                answer(self) if callable(answer) else send(self, answer)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, args=(0.02,)).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def send(handler, data, length=None, **headers):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    with contextlib.suppress(OSError):  # clients may leave early
        handler.wfile.write(data)


def missing(handler):
    handler.send_error(404)


def status(code, **headers):
    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSES", (0, 0, 0))
    server = Server()
    yield server
    server.close()


@pytest.fixture
def tiny(server, monkeypatch):
    """A small data set in the catalogue that the server offers."""
    source, served = made.published(mirrors=[server.url])
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny", source)
    server.answers.update(served)
    return source


def stored(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def served(server, source):
    return {file.name: server.answers[file.name] for file in source.files}


def test_files_arrive_verified_and_load(server, tiny, cache):
    heard = []
    files = Downloader(notify=heard.append).fetch(tiny, cache / "tiny")
    assert stored(cache / "tiny") == served(server, tiny)
    assert [file.path.name for file in files] == [file.name for file in tiny.files]
    assert {file.url for file in files} == {server.url + file.name for file in tiny.files}
    assert heard == []
    assert len(load("tiny").images) == 12


def test_what_is_there_is_kept_unless_forced(server, tiny, tmp_path):
    Downloader().fetch(tiny, tmp_path)
    server.asked.clear()
    assert [file.url for file in Downloader().fetch(tiny, tmp_path)] == [None] * 4
    assert server.asked == []
    Downloader(force=True).fetch(tiny, tmp_path)
    assert len(server.asked) == 4


def drop(handler):
    send(handler, b"\x1f\x8b" + bytes(100), length=100_000)


def hang_up(handler):
    handler.connection.close()
    handler.close_connection = True


def compressed_page(handler):
    send(handler, PAGE, Content_Type="text/html")


def endless_redirect(handler):
    """Sends on without end what nobody wants to read."""
    handler.send_response(302)
    handler.send_header("Location", made.FOUR[0])
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(bytes(2**16))


FAILURES = {
    "404": (missing, "404 Not Found", 1),
    "503": (status(503), "503 Service Unavailable", 3),
    "odd status": (status(599), "599 unknown status", 3),
    "web page": (compressed_page, "sent a web page instead of the file", 1),
    "truncated": (lambda h: send(h, FIRST[:-9]), "broke off after", 3),
    "wrong bytes": (lambda h: send(h, FIRST[:-1] + b"?"), "sent other content, expected sha256:", 1),
    "too much": (lambda h: send(h, FIRST + bytes(10**6)), "sent more than the", 1),
    "dropped": (drop, "the connection broke off half-way", 3),
    "hung up": (hang_up, "cannot be reached", 3),
    "file": (status(302, Location="file:///etc/passwd"), "or to something that is not http", 1),
    "ftp": (status(302, Location="ftp://127.0.0.1/x"), "or to something that is not http", 1),
    "in circles": (status(302, Location=made.FOUR[0]), "302 redirects in circles", 5),
    "no address": (status(302, Location="http://[::1"), "no usable answer", 1),
    "endless redirect": (endless_redirect, "302 redirects in circles", 5),
    "no HTTP": (lambda h: h.wfile.write(b"SSH-2.0-OpenSSH\r\n"), r"no usable answer \(BadStatusLine\)", 1),
    "bad length": (lambda h: send(h, FIRST[:-9], length="many"), "broke off after", 3),
}
FIRST = made.published()[1][made.FOUR[0]]


@pytest.mark.parametrize(("answer", "reason", "tries"), FAILURES.values(), ids=FAILURES)
def test_a_failing_mirror_is_named_with_its_reason_and_leaves_nothing(
    server, tiny, tmp_path, answer, reason, tries
):
    server.answers[made.FOUR[0]] = answer
    heard = []
    with pytest.raises(DataError, match=reason) as caught:
        Downloader(notify=heard.append).fetch(tiny, tmp_path / "new")
    assert str(caught.value).startswith(
        f"{made.FOUR[0]}: no mirror delivered it ({server.url}{made.FOUR[0]}: "
    )
    assert "\n" not in str(caught.value)
    assert len(heard) == 1
    assert not (tmp_path / "new").exists()
    assert len(server.asked) == tries


def trickle(handler, end):
    """A byte now and then: headers that never end, or after them a content."""
    with contextlib.suppress(OSError):
        while not end.wait(0.02):
            handler.wfile.write(b"X")


def trickle_content(handler, end):
    handler.send_response(200)
    handler.end_headers()
    trickle(handler, end)


def trickle_chunks(handler, end):
    """Chunks of one byte, as web servers send what they make on the way."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    with contextlib.suppress(OSError):
        while not end.wait(0.02):
            handler.wfile.write(b"1\r\nX\r\n")


def silence(handler, end):
    end.wait(10)


@pytest.mark.parametrize("answer", [silence, trickle, trickle_content, trickle_chunks])
def test_a_server_that_trickles_is_given_up_for_the_next(server, tiny, tmp_path, monkeypatch, answer):
    """A byte now and then lets no socket's time limit end a transfer; nobody asks such a server twice."""
    monkeypatch.setattr(web, "PATIENCE", 0.3)
    good, end = server.answers[made.FOUR[0]], threading.Event()
    server.answers[made.FOUR[0]] = lambda h: send(h, good) if "second" in h.path else answer(h, end)
    heard = []

    def notify(said):
        heard.append(said)
        monkeypatch.setattr(web, "PATIENCE", 600)  # the good server may be slow, as this machine may be

    source = replace(tiny, mirrors=(server.url, server.url + "second"))
    files = Downloader(notify=notify).fetch(source, tmp_path)
    end.set()
    assert heard == [f"{server.url}{made.FOUR[0]}: sent less than 65,536 bytes in 0 seconds"]
    assert ["second" in file.url for file in files] == [True, False, False, False]
    assert (tmp_path / made.FOUR[0]).read_bytes() == good


def test_what_goes_wrong_here_is_not_the_mirrors_fault(tiny, tmp_path, monkeypatch):
    """An error that no server can cause comes out as it is."""
    monkeypatch.setattr(web._Web, "do_open", {}.popitem)
    with pytest.raises(TypeError):
        Downloader().fetch(tiny, tmp_path)
    assert stored(tmp_path) == {}


def test_a_server_without_trusted_tls_is_given_up(server, tiny, tmp_path):
    source = replace(tiny, mirrors=(server.url.replace("http", "https"),))
    with pytest.raises(DataError, match="no trusted TLS connection"):
        Downloader().fetch(source, tmp_path)


def test_the_next_mirror_is_tried_and_the_first_is_reported(server, tiny, tmp_path):
    source = replace(tiny, mirrors=("http://127.0.0.1:1/", server.url))
    heard = []
    files = Downloader(notify=heard.append).fetch(source, tmp_path)
    assert {file.url for file in files} == {server.url + file.name for file in tiny.files}
    assert heard[0].startswith(f"http://127.0.0.1:1/{made.FOUR[0]}: cannot be reached (")


def test_mirrors_given_by_the_user_come_first(server, tiny, tmp_path):
    files = Downloader(mirrors=(server.url + "mine",)).fetch(tiny, tmp_path)
    assert server.asked[0] == f"/mine/{made.FOUR[0]}"
    assert files[0].url == f"{server.url}mine/{made.FOUR[0]}"


def test_a_failure_by_chance_is_tried_again(server, tiny, tmp_path):
    answers = iter([drop, status(503), server.answers[made.FOUR[0]]])

    def moody(handler):
        answer = next(answers)
        answer(handler) if callable(answer) else send(handler, answer)

    good = server.answers[made.FOUR[0]]
    server.answers[made.FOUR[0]] = moody
    Downloader().fetch(tiny, tmp_path)
    assert (tmp_path / made.FOUR[0]).read_bytes() == good


def test_redirects_are_followed_and_compression_is_left_alone(server, tiny, tmp_path):
    data = server.answers[made.FOUR[0]]
    server.answers["elsewhere"] = lambda handler: send(handler, data, Content_Encoding="gzip")
    server.answers[made.FOUR[0]] = status(302, Location="/../../elsewhere")
    Downloader().fetch(tiny, tmp_path)
    assert (tmp_path / made.FOUR[0]).read_bytes() == data


def test_the_servers_names_are_not_used(server, tiny, tmp_path):
    data = server.answers[made.FOUR[0]]
    disposition = 'attachment; filename="../evil"'
    server.answers[made.FOUR[0]] = lambda handler: send(handler, data, Content_Disposition=disposition)
    Downloader().fetch(tiny, tmp_path / "inner")
    assert sorted(stored(tmp_path / "inner")) == sorted(made.FOUR)
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]


@pytest.mark.parametrize("mirror", ["file:///etc/", "ftp://host/", "host/", ""])
def test_a_mirror_must_be_a_web_address(tiny, tmp_path, mirror):
    with pytest.raises(UsageError, match=r"expected https://… or http://…"):
        Downloader(mirrors=(mirror,)).fetch(tiny, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_damaged_files_are_repaired_in_hellodls_folders_and_reported_in_a_users(server, tiny, tmp_path):
    Downloader().fetch(tiny, tmp_path)
    path = tmp_path / made.FOUR[0]
    path.write_bytes(b"mine")
    with pytest.raises(DataError, match="not the published file of that name; --force replaces it"):
        Downloader().fetch(tiny, tmp_path)
    assert path.read_bytes() == b"mine"
    heard = []
    Downloader(repair=True, notify=heard.append).fetch(tiny, tmp_path)
    assert path.read_bytes() == server.answers[path.name]
    assert heard == [f"{path}: damaged, fetching it again"]


def test_a_failed_download_leaves_the_old_file(server, tiny, tmp_path):
    Downloader().fetch(tiny, tmp_path)
    before = stored(tmp_path)
    server.answers.clear()
    with pytest.raises(DataError):
        Downloader(force=True).fetch(tiny, tmp_path)
    assert stored(tmp_path) == before


def test_progress_counts_every_byte(server, tiny, tmp_path):
    seen = {}

    @contextlib.contextmanager
    def progress(name, size):
        seen[name] = [size, 0]

        def advance(count):
            seen[name][1] += count

        yield advance

    Downloader(progress=progress).fetch(tiny, tmp_path)
    assert seen == {file.name: [file.size, file.size] for file in tiny.files}


def test_a_folder_that_cannot_be_made_is_a_data_error(tiny, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="expected a folder to write"):
        Downloader().fetch(tiny, tmp_path / "file" / "tiny")


@pytest.mark.skipif(sys.platform == "win32", reason="no folder locks there")
def test_two_downloads_at_once_take_turns(server, tiny, tmp_path):
    heard = []
    with alone_in(tmp_path, heard.clear):
        second = threading.Thread(target=Downloader(notify=heard.append).fetch, args=(tiny, tmp_path))
        second.start()
        while not heard:
            time.sleep(0.01)
        assert server.asked == []
    second.join()
    assert heard == [f"{tmp_path}: waiting for another download to end"]
    assert stored(tmp_path) == served(server, tiny)


KILLED = """
import sys
from pathlib import Path
from hellodl.datasets.catalogue import File, Source
from hellodl.datasets.download import Downloader
file = File("train-images-idx3-ubyte.gz", "sha256:" + "0" * 64, 10**6)
Downloader().fetch(Source("tiny", "", (file,) * 4, (sys.argv[1],), "", ""), Path(sys.argv[2]))
"""


def test_half_a_file_beside_a_good_one_is_swept_away(server, tiny, tmp_path):
    Downloader().fetch(tiny, tmp_path)
    temporary_of(tmp_path / made.FOUR[0]).write_bytes(b"half")
    Downloader().fetch(tiny, tmp_path)
    assert stored(tmp_path) == served(server, tiny)


def test_what_a_killed_download_left_is_swept_away(server, tiny, tmp_path):
    good, halfway, done = server.answers[made.FOUR[0]], threading.Event(), threading.Event()

    def stall(handler):
        send(handler, bytes(200_000), length=10**6)
        halfway.set()
        done.wait(120)

    server.answers[made.FOUR[0]] = stall
    process = subprocess.Popen([sys.executable, "-c", KILLED, server.url, str(tmp_path)])
    assert halfway.wait(120)
    while not any(path.stat().st_size for path in tmp_path.iterdir()):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done.set()
    assert list(tmp_path.iterdir()) == [temporary_of(tmp_path / made.FOUR[0])]
    server.answers[made.FOUR[0]] = good
    Downloader().fetch(tiny, tmp_path)
    assert stored(tmp_path) == served(server, tiny)


class TestArchive:
    """EMNIST comes as one zip file."""

    @pytest.fixture
    def emnist(self, server, monkeypatch):
        evil = {"../evil": b"!", "/tmp/evil": b"!", "gzip/../../evil": b"!"}
        source, bundle = made.published_zip([server.url], extra=evil)
        monkeypatch.setitem(catalogue.CATALOGUE, source.name, source)
        server.answers.update(bundle)
        return source

    def test_the_four_members_are_taken_out_and_nothing_else(self, emnist, cache, tmp_path):
        files = Downloader().fetch(emnist, tmp_path / "inner")
        assert [file.path.name for file in files] == [file.name for file in emnist.files]
        assert sorted(stored(tmp_path / "inner")) == sorted(file.name for file in emnist.files)
        assert [path.name for path in tmp_path.iterdir()] == ["inner"]
        assert len(load("emnist-digits", "test", tmp_path / "inner").images) == 5

    def test_sound_members_are_kept_and_damaged_ones_fetched_again(self, server, emnist, tmp_path):
        Downloader().fetch(emnist, tmp_path)
        before = stored(tmp_path)
        Downloader().fetch(emnist, tmp_path)
        assert len(server.asked) == 1
        (tmp_path / emnist.files[0].name).write_bytes(before[emnist.files[0].name][:-20])
        Downloader(repair=True).fetch(emnist, tmp_path)
        assert stored(tmp_path) == before

    def test_a_zip_file_that_is_there_already_is_used_and_kept(self, server, emnist, tmp_path):
        (tmp_path / "gzip.zip").write_bytes(server.answers["gzip.zip"])
        Downloader().fetch(emnist, tmp_path)
        assert server.asked == []
        assert len(stored(tmp_path)) == 5

    def test_a_zip_file_without_the_members_is_a_data_error(self, server, emnist, tmp_path):
        archive = replace(emnist.archive, prefix="other/")
        with pytest.raises(DataError, match="other/emnist-digits-train-images"):
            Downloader().fetch(replace(emnist, archive=archive), tmp_path)


def test_md5_is_enough_for_files_without_a_sha256(server, tiny, tmp_path, cache, monkeypatch):
    digest = "5eb63bbbe01e093edb9a3a1f5c1c2f5e"  # no data's
    source = replace(tiny, files=(File(made.FOUR[0], f"md5:{digest}"), *tiny.files[1:]))
    with pytest.raises(DataError, match=f"expected md5:{digest}"):
        Downloader().fetch(source, tmp_path)
    digest = hashlib.md5(server.answers[made.FOUR[0]]).hexdigest()
    source = replace(tiny, files=(File(made.FOUR[0], f"md5:{digest}"), *tiny.files[1:]))
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny", source)
    Downloader().fetch(source, cache / "tiny")
    assert len(load("tiny").images) == 12
    (cache / "tiny" / made.FOUR[0]).write_bytes(gzip.compress(made.contents()[0], 1))
    with pytest.raises(DataError, match="damaged, expected checksum md5:"):
        load("tiny")


class TestCommand:
    """`hellodl download` as people type it."""

    @pytest.fixture
    def kmnist(self, server, monkeypatch):
        source, files = made.published("kmnist", [server.url], like="kmnist")
        monkeypatch.setitem(catalogue.CATALOGUE, "kmnist", source)
        server.answers.update(files)
        return source

    def run(self, *args):
        return CliRunner().invoke(cli_download.download, args, catch_exceptions=False)

    def test_it_prints_the_folder_and_credits_on_stderr(self, kmnist, cache):
        result = self.run("kmnist")
        assert result.stdout == f"{cache / 'kmnist'}\n"
        assert "4 files fetched, 0 already there, all verified" in result.stderr
        assert 'Licence: CC BY-SA 4.0. Credit: "KMNIST Dataset" (created by CODH)' in result.stderr
        assert len(load("kmnist").images) == 12

    def test_json_is_one_object_and_quiet_is_quiet(self, server, kmnist, tmp_path):
        result = self.run("kmnist", "--json", "-q", "--data-dir", str(tmp_path), "--mirror", server.url + "x")
        record = json.loads(result.stdout)
        assert result.stderr == ""
        assert record["folder"] == str(tmp_path / "kmnist")
        assert [file["file"] for file in record["files"]] == made.FOUR
        assert {file["url"] for file in record["files"]} == {f"{server.url}x/{name}" for name in made.FOUR}
        assert record["licence"] == "CC BY-SA 4.0"

    def test_the_mnist_that_ships_is_verified_and_kept(self):
        result = self.run()
        assert result.stdout == f"{folders.shipped_folder() / 'mnist'}\n"
        assert "0 files fetched, 4 already there" in result.stderr

    def test_the_environments_folder_is_filled(self, kmnist, tmp_path, monkeypatch):
        monkeypatch.setenv("HELLODL_DATA", str(tmp_path))
        assert self.run("kmnist").stdout == f"{tmp_path / 'kmnist'}\n"
        assert len(load("kmnist").images) == 12

    def test_failures_are_data_errors(self, server, kmnist):
        server.answers.clear()
        with pytest.raises(DataError, match="404 Not Found"):
            self.run("kmnist")

    def test_the_bar_names_the_file_and_its_size(self, capsys):
        with cli_download._bar("file.gz", 2_000) as advance:
            advance(1_000)
        heard = capsys.readouterr()
        assert "file.gz:" in heard.err
        assert "/2.00k" in heard.err
        assert heard.out == ""
