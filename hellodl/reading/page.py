"""Draws a page of a PDF, as a program of its own: what takes too long, or too much, ends with it.

    python page.py SECONDS MEGABYTES [PIXELS PAGE] < FILE

Writes how many pages there are; or, of one that is there (1 is the first), width, height, bytes a row, and
red, green, blue of each pixel. A limit inside a process would not do: PDFium draws a page in one call, and
threads may not share it.
"""

from __future__ import annotations

import io
import sys
from contextlib import suppress


def main(seconds: int, megabytes: int, pixels: int = 0, number: int = 0) -> None:
    """Raises whatever PDFium raises."""
    with suppress(ImportError):  # Windows
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 10**6, megabytes * 10**6))
    from pypdfium2 import PdfDocument

    file, out = sys.stdin.buffer, sys.stdout.buffer
    if file.seekable():
        file.seek(0)  # whoever opened it may have read
    document = PdfDocument(file if file.seekable() else io.BytesIO(file.read()))
    if not 1 <= number <= len(document):
        out.write(b"%d" % len(document))
        return
    page = document[number - 1]
    drawn = page.render(scale=pixels / max(page.get_size()), rev_byteorder=True)
    out.write(b"%d %d %d\n" % (drawn.width, drawn.height, drawn.stride))
    out.write(drawn.buffer)


if __name__ == "__main__":
    try:
        main(*map(int, sys.argv[1:]))
    except Exception as error:  # noqa: BLE001 - said in one line to who asked for the page
        sys.exit(str(error))
