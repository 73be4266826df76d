"""Pages of PDFs, friendly and hostile: a reading or one line, in bounded time and memory.

PDFium is the reader, and its package the oracle for what is friendly; what is hostile is made by hand.
"""

import gzip
import io
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hellodl.errors import PictureError
from hellodl.reading import formats
from hellodl.reading.load import load_picture

pdfium = pytest.importorskip("pypdfium2")
STROKE = b"8 w 200 600 m 400 600 l 300 200 l S"


def document(*objects, trailer=b""):
    """A PDF of these objects, the first of which is its catalogue."""
    file, starts = io.BytesIO(), []
    file.write(b"%PDF-1.7\n")
    for number, body in enumerate(objects, 1):
        starts.append(file.tell())
        file.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))
    where, count = file.tell(), len(objects) + 1
    file.write(b"xref\n0 %d\n0000000000 65535 f \n" % count)
    file.writelines(b"%010d 00000 n \n" % start for start in starts)
    file.write(b"trailer << /Size %d /Root 1 0 R %b >>\nstartxref\n%d\n%%%%EOF\n" % (count, trailer, where))
    return file.getvalue()


def stream(content, entries=b""):
    packed = zlib.compress(content)
    return b"<< %b /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream" % (entries, len(packed), packed)


def page(content=STROKE, box=b"0 0 612 792", resources=b"", more=(), catalogue=b"", trailer=b""):
    """A PDF of one page; `more` are the objects from number 5 on."""
    return document(
        b"<< /Type /Catalog /Pages 2 0 R %b >>" % catalogue,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [%b] /Contents 4 0 R /Resources << %b >> >>"
        % (box, resources),
        stream(content),
        *more,
        trailer=trailer,
    )


def laughs():
    """A drawing of ten drawings of ten drawings …, a million in all."""
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 612 792]"
    uses = b" /Resources << /XObject << /F %d 0 R >> >>"
    forms = [stream(b"/F Do " * 10, form + uses % number) for number in range(6, 12)]
    return page(b"/F Do", resources=b"/XObject << /F 5 0 R >>", more=[*forms, stream(STROKE, form)])


def tiles():
    """A page filled with a pattern whose tiles are a thousandth of a point wide."""
    kind = b"/PatternType 1 /PaintType 1 /TilingType 1 /Resources << >>"
    pattern = stream(b"0 0 1 1 re f", kind + b" /BBox [0 0 .01 .01] /XStep .001 /YStep .001")
    return page(b"/Pattern cs /P scn 0 0 612 792 re f", resources=b"/Pattern << /P 5 0 R >>", more=[pattern])


def picture_of(side):
    """A page with one black picture, whose pixels take 1,000 times the space of the file."""
    entries = b"/Subtype /Image /ColorSpace /DeviceGray /BitsPerComponent 1 /Width %d /Height %d"
    more = [stream(bytes(side * side // 8), entries % (side, side))]
    return page(b"612 0 0 792 0 0 cm /I Do", resources=b"/XObject << /I 5 0 R >>", more=more)


def locked():
    """Encrypted with a password that nobody knows."""
    keys = b"/O <%b> /U <%b>" % (b"11" * 32, b"22" * 32)
    return page(trailer=b"/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 %b /P -44 >>" % keys)


def test_pages_look_as_pdfium_itself_draws_them(tmp_path):
    scale = formats.LONG_SIDE / 792
    expected = pdfium.PdfDocument(page())[0].render(scale=scale).to_pil().convert("L")
    path = tmp_path / "a.pdf"
    path.write_bytes(page())
    packed = tmp_path / "a.pdf.gz"
    packed.write_bytes(gzip.compress(page()))
    with path.open("rb") as file, gzip.open(packed) as inner:
        file.read(20)  # wherever it stands
        for source in (path, page(), io.BytesIO(page()), file, inner):
            assert np.array_equal(load_picture(source).pixels, expected)


def test_pages_are_drawn_by_several_threads(tmp_path):
    """PDFium itself is not made for that."""
    path = tmp_path / "a.pdf"
    path.write_bytes(
        document(
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 6 /Kids [%b] >>" % b" ".join(b"%d 0 R" % n for n in range(4, 10)),
            stream(STROKE),
            *[
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 %d] /Contents 3 0 R >>" % n
                for n in range(700, 706)
            ],
        )
    )
    with ThreadPoolExecutor(4) as pool:
        sizes = [picture.width for picture in pool.map(load_picture, formats.pages(str(path)))]
    assert sizes == pytest.approx([612 * formats.LONG_SIDE / height for height in range(700, 706)], abs=1)


@pytest.mark.parametrize(
    "box", [b"0 0 14400 14400", b"0 0 1e9 1e9", b"0 0 1e39 1e39", b"0 0 0 0", b"0 0 -5 -5", b"a b c d"]
)
def test_pages_of_any_size_are_drawn_small(box):
    picture = load_picture(page(box=box))
    assert max(picture.width, picture.height) == formats.LONG_SIDE


@pytest.mark.parametrize("box", [b"0 0 1 1000000", b"0 0 1000000 .00001"])
def test_pages_without_width_are_a_pixel_wide(box):
    assert sorted(load_picture(page(box=box)).pixels.shape) == [1, formats.LONG_SIDE]


def test_pictures_in_a_page_may_be_larger_than_memory():
    """PDFium unpacks them row by row: 800 megapixels."""
    assert load_picture(picture_of(28_000)).pixels.max() == 0


@pytest.mark.parametrize(
    "action", [b"/JavaScript /JS (while (1) {})", b"/Launch /F (/bin/sh)", b"/URI /URI (http://a)"]
)
def test_nothing_in_a_page_runs(action):
    plain, hooked = load_picture(page()), page(catalogue=b"/OpenAction << /S %b >>" % action)
    assert np.array_equal(load_picture(hooked).pixels, plain.pixels)


@pytest.mark.parametrize("make", [laughs, tiles])
def test_no_page_outlasts_its_time(make, monkeypatch):
    """Unless it has used up its memory before, as on a quick processor."""
    monkeypatch.setattr(formats, "MOST_SECONDS", 1.0)
    late, large = "not drawn after 1 seconds; save it anew as PNG", "damaged PDF (or a page of over 400 MB)"
    with pytest.raises(PictureError) as refused:
        load_picture(make())
    assert str(refused.value) in {f"bytes: {late}", f"bytes: {large}"}


def test_a_page_that_needs_too_much_memory_is_refused(monkeypatch):
    """100 million states to go back to, kept in 100 KB."""
    with pytest.raises(PictureError, match=r"^bytes: damaged PDF \(or a page of over 400 MB\)$"):
        load_picture(page(b"q " * 100_000_000))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (locked(), "Incorrect password"),
        (page()[:300], "Data format"),
        (b"%PDF-1.7\n", "Data format"),
        (
            document(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 9 >>"),
            "load page",
        ),
        (document(b"<< /Type /Catalog >>"), "Failed to load"),
    ],
    ids=["locked", "cut off", "a head alone", "pages in a circle", "no pages"],
)
def test_what_cannot_be_read_is_said_in_a_line(content, why):
    with pytest.raises(PictureError, match=rf"^bytes: damaged PDF \([^\n]*{why}[^\n]*\)$"):
        load_picture(content)


@pytest.mark.parametrize("number", ["0", "2", "99999999999999999999"])
def test_pages_that_are_not_there_are_refused(number, tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(page())
    with pytest.raises(PictureError, match=f"a.pdf#{number}: has 1 pages, expected #1 to #1$"):
        load_picture(f"{path}#{number}")


def test_a_hundred_thousand_pages_are_counted_and_the_last_is_read(tmp_path):
    path, count = tmp_path / "a.pdf", 100_000
    leaf = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 3 0 R >>"
    kids = b" ".join(b"%d 0 R" % (number + 4) for number in range(count))
    path.write_bytes(
        document(
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count %d /Kids [%b] >>" % (count, kids),
            stream(STROKE),
            *[leaf] * count,
        )
    )
    names = formats.pages(str(path))
    assert len(names) == count
    assert np.array_equal(load_picture(names[-1]).pixels, load_picture(page()).pixels)
