"""Asks a web server for a file and waits no longer than makes sense, whatever the server does."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

from hellodl.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 30.0  # seconds without a byte
PATIENCE = 60.0  # seconds for each piece, for the first with all that precedes it: 1 KB a second will do
PIECE = 2**16  # bytes


class MirrorFailure(Exception):  # noqa: N818 - no error yet: another mirror may do better
    """Why a mirror did not deliver a file; if it was by chance, trying again makes sense."""

    def __init__(self, reason: str, *, by_chance: bool) -> None:
        super().__init__(reason)
        self.by_chance = by_chance


def received(url: str) -> Iterator[bytes]:
    """What an address sends, in pieces of PIECE bytes, the last one shorter. Raises MirrorFailure.

    Another thread does the asking: no time limit of a socket's ends a transfer of a byte now and then. When
    our patience is at its end, that thread is left to itself, and ends with the next it hears.
    """
    line = _Line()
    Thread(target=_ask, args=(url, line), daemon=True).start()
    try:
        while piece := line.pieces.get(timeout=PATIENCE):
            if isinstance(piece, Exception):
                raise _explained(piece) from piece
            yield piece
    except Empty:
        slow = f"sent less than {PIECE:,} bytes in {PATIENCE:.0f} seconds"
        raise MirrorFailure(slow, by_chance=True) from None
    finally:
        line.hang_up()


class _Line:
    """What pooch takes for a file. Its content comes out as `pieces`, an empty one or an error at the end."""

    def __init__(self) -> None:
        self.pieces: Queue[bytes | Exception] = Queue(8)  # no more, or a slow disk would fill the memory
        self._is_heard = True

    def write(self, piece: bytes | Exception) -> None:
        if not self._is_heard:
            raise ConnectionAbortedError
        self.pieces.put(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def hang_up(self) -> None:
        """Let the next write fail, and one that waits for its turn go on."""
        self._is_heard = False
        with suppress(Empty):
            self.pieces.get_nowait()


def _ask(url: str, line: _Line) -> None:
    """Send what comes from an address down the line."""
    with suppress(ConnectionAbortedError):
        try:
            _downloader()(url, line, None)
            line.write(b"")
        except Exception as error:  # noqa: BLE001 - whoever waits at the other end raises it
            line.write(error)


def _downloader() -> Any:
    """What pooch uses for the web, told to send us the file as it is."""
    import pooch  # type: ignore[import-untyped]  # noqa: PLC0415 - no types; slow, for downloads alone

    return pooch.HTTPDownloader(
        chunk_size=PIECE,
        timeout=TIMEOUT,
        headers={"User-Agent": f"hellodl/{__version__}", "Accept-Encoding": "identity"},
        hooks={"response": _leave_compressed},
    )


def _leave_compressed(response: Any, *_args: object, **_kwargs: object) -> None:
    """Keep requests from unpacking .gz files from servers that declare them as compressed pages."""
    response.raw.headers.pop("Content-Encoding", None)


def _explained(error: Exception) -> Exception:
    """A failed request in plain words, with no text that the server chose; any other error as it is."""
    import requests  # noqa: PLC0415 - slow, needed for downloads alone

    why, by_chance = f"no usable answer ({type(error).__name__})", False
    match error:
        case requests.HTTPError(response=response) if response is not None:
            code = response.status_code
            phrase = HTTPStatus(code).phrase if code in set(HTTPStatus) else "unknown status"
            why, by_chance = f"{code} {phrase}", code >= 500 or code == 429
        case requests.exceptions.SSLError():
            why = "no trusted TLS connection"
        case requests.exceptions.ChunkedEncodingError():
            why, by_chance = "the connection broke off half-way", True
        case requests.ConnectionError() | requests.Timeout():
            why, by_chance = f"cannot be reached ({_root_of(error)})", True
        case requests.exceptions.InvalidSchema():
            why = "redirects to something that is not http(s)"
        case requests.RequestException() | ValueError():
            pass
        case _:
            return error
    return MirrorFailure(why, by_chance=by_chance)


def _root_of(error: BaseException) -> str:
    """What was behind a failed connection, in the system's words."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    if isinstance(error, TimeoutError):
        return f"nothing came for {TIMEOUT:.0f} seconds"
    return getattr(error, "strerror", None) or "no connection"
