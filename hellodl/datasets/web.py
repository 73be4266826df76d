"""Asks a web server for a file and waits no longer than makes sense, whatever the server does."""

import io
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse, responses
from typing import Any
from urllib import request
from urllib.error import HTTPError, URLError

from hellodl.version import __version__

PATIENCE = 30.0  # seconds for each piece, for the first with all that precedes it: 2 KB a second will do
PIECE = 2**16  # bytes
BUSY = {408, 425, 429}  # HTTP statuses of requests that may do better later, as all from 500 on


class MirrorFailure(Exception):  # noqa: N818 - no error yet: another mirror may do better
    """Why a mirror did not deliver a file; if it was by chance, trying again makes sense."""

    def __init__(self, reason: str, *, by_chance: bool) -> None:
        super().__init__(reason)
        self.by_chance = by_chance


def received(url: str) -> Iterator[bytes]:
    """What an address sends, in pieces of PIECE bytes, the last one shorter. Raises MirrorFailure.

    The bytes come as they are: nothing that a server declares as compressed is unpacked.
    """
    web = _Web()
    headers = {"User-Agent": f"hellodl/{__version__}", "Accept-Encoding": "identity"}
    asked = request.Request(url, headers=headers)  # noqa: S310 - mirrors are http(s), and so is what they redirect to
    web.be_patient()
    try:
        with request.build_opener(web, _Redirect).open(asked, timeout=PATIENCE) as response:
            while piece := response.read(PIECE):
                yield piece
                web.be_patient()
            if response.length:
                raise MirrorFailure("the connection broke off half-way", by_chance=True)
    except (OSError, HTTPException, ValueError) as error:
        raise _explained(error) from error


class _Web(request.HTTPHandler, request.HTTPSHandler):
    """http and https, with one deadline for everything until the next piece has come."""

    _until = 0.0

    def be_patient(self) -> None:
        """Wait PATIENCE from now."""
        self._until = time.monotonic() + PATIENCE

    def left(self) -> float:
        """Seconds to the deadline. Raises TimeoutError when none are left."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def do_open(self, http_class: Any, req: request.Request, **options: Any) -> HTTPResponse:
        """Open a connection whose response keeps the deadline, its headers too."""

        def connection(host: str, **more: Any) -> Any:
            made = http_class(host, **more)
            made.response_class = self._response
            return made

        return super().do_open(connection, req, **options)

    def _response(self, sock: socket.socket, *args: Any, **options: Any) -> HTTPResponse:
        response = HTTPResponse(sock, *args, **options)
        response.fp.close()
        response.fp = io.BufferedReader(_Timely(sock, self.left))
        return response


class _Redirect(request.HTTPRedirectHandler):
    """Follows redirects, some ten of them, without reading what comes with one, however much it is."""

    def redirect_request(self, req: Any, fp: Any, code: int, *args: Any) -> request.Request | None:
        fp.close()
        new = super().redirect_request(req, fp, code, *args)
        if new is not None and new.type not in {"http", "https"}:
            raise HTTPError(new.full_url, code, "", fp.headers, fp)
        return new


class _Timely(io.RawIOBase):
    """What comes from a socket. No byte now and then keeps this waiting, as it does a socket's time limit."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock, self._left = sock, left
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there, or wait for it until the deadline."""
        self._sock.settimeout(self._left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _explained(error: Exception) -> MirrorFailure:
    """Why a request failed, in plain words, with no text that the server chose."""
    cause = error.reason if isinstance(error, URLError) and not isinstance(error, HTTPError) else error
    match cause:
        case HTTPError(code=code):
            cause.close()
            phrase = responses.get(code, "unknown status")
            if 300 <= code < 400:
                phrase = "redirects in circles, or to something that is not http(s)"
            return MirrorFailure(f"{code} {phrase}", by_chance=code >= 500 or code in BUSY)
        case ssl.SSLError():
            why = getattr(cause, "verify_message", "") or type(cause).__name__
            return MirrorFailure(f"no trusted TLS connection ({why})", by_chance=False)
        case TimeoutError():
            slow = f"sent less than {PIECE:,} bytes in {PATIENCE:.0f} seconds"
            return MirrorFailure(slow, by_chance=False)  # asked again at once it would be as slow
        case OSError():
            why = cause.strerror or "the connection broke off"
            return MirrorFailure(f"cannot be reached ({why})", by_chance=True)
    return MirrorFailure(f"no usable answer ({type(cause).__name__})", by_chance=False)
