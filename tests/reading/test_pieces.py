from concurrent.futures import ThreadPoolExecutor
from threading import Event

import cv2
import numpy as np
import pytest

from hellodl.reading import pieces
from hellodl.reading.pieces import Piece, components, cut_up, joined


def leaning_strokes():
    """Two strokes that lean so far that no column is free between them, and a thin bridge that joins them."""
    canvas = np.zeros((100, 90), np.uint8)
    cv2.line(canvas, (8, 92), (43, 8), 255, 13)
    cv2.line(canvas, (42, 92), (77, 8), 255, 13)
    cv2.line(canvas, (25, 50), (60, 50), 255, 2)
    return Piece((30, 20, 90, 100), canvas.astype(np.float32) / 255)


def test_pieces_of_several_threads_do_not_wait_for_each_other(monkeypatch):
    """Nor does a process for ever that was forked meanwhile."""
    leave, busy, measure = Event(), Event(), pieces.stroke_width

    def slowly(ink):
        busy.set()
        leave.wait()
        return measure(ink)

    with ThreadPoolExecutor(2) as pool, monkeypatch.context() as patched:
        patched.setattr(pieces, "stroke_width", slowly)
        first = pool.submit(lambda: leaning_strokes().stroke)
        busy.wait()
        patched.undo()
        second = pool.submit(lambda: leaning_strokes().stroke)
        try:
            assert second.result(5) > 5
        finally:
            leave.set()
        assert first.result() == second.result()


def test_digits_that_touch_are_cut_along_a_way_that_leans_as_they_do():
    """Some parts in turn are each stroke. Where they lie is told in the whole picture's pixels."""
    piece = leaning_strokes()
    parts = cut_up(piece)
    whole = laid_out(piece, (150, 150))
    sides = np.arange(150) - 48.0 > (106 - np.arange(150.0)[:, None]) * 35 / 84  # between the two
    assert all(likeness(parts, whole & side) > 0.85 for side in (sides, ~sides))


def likeness(parts, ink):
    """How much of some ink, a mask, is some parts in turn: what both have, of what either has."""
    groups = [parts[i:j] for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)]
    found = [laid_out(joined(group), ink.shape) for group in groups]
    return max((one & ink).sum() / (one | ink).sum() for one in found)


@pytest.mark.parametrize("opening", [0, 40, 80], ids=["closed", "open", "wide open"])
def test_noughts_in_one_go_come_apart(opening):
    """Rings that share a stroke, open above by so many degrees."""
    rings = np.zeros((3, 110, 250), np.uint8)
    for i, ring in enumerate(rings):
        first, last = opening / 2 - 90, 270 - opening / 2
        cv2.ellipse(ring, (50 + 74 * i, 55), (38, 45), 0, first, last, 255, 7)
    parts = cut_up(Piece((0, 0, 250, 110), rings.max(axis=0).astype(np.float32) / 255))
    assert all(likeness(parts, ring > 127) > 0.7 for ring in rings)


def laid_out(piece, shape):
    """The piece's ink where it lies."""
    x, y, width, height = piece.box
    ink = np.zeros(shape, bool)
    ink[y : y + height, x : x + width] = piece.strength > 0.5
    return ink


def test_parts_join_to_the_piece_again():
    piece = leaning_strokes()
    again = joined(cut_up(piece))
    assert np.isclose(again.strength.sum(), piece.strength.sum())
    assert again.cut == 0.0


def test_only_what_was_cut_off_is_said_to_be():
    first, *others = cut_up(leaning_strokes())
    assert first.cut == 0.0
    assert all(0.0 < part.cut < 0.5 for part in others)


def test_narrow_pieces_are_left_whole():
    piece = Piece((0, 0, 30, 60), np.ones((60, 30), np.float32) * (np.arange(30) < 8))
    assert cut_up(piece) == [piece]


def test_nested_strokes_are_soon_too_many():
    """Each of these boxes covers the picture; they would take the square of its pixels."""
    x = np.arange(400)
    mask = (x + x[:, None]) % 8 < 4
    found = components(mask.astype(np.float32), mask)
    assert 0 < sum(piece.strength.size for piece in found) < 5 * mask.size


def test_nested_frames_are_taken_only_as_far_as_they_cover_the_picture_twice():
    """A hundred rings in each other took 26 seconds of a processor and 490 MB; now 7 and 300."""
    across, down = np.abs(np.mgrid[-200:200, -200:200] + 0.5)
    mask = np.maximum(across, down) // 2 % 2 > 0
    found = components(mask.astype(np.float32), mask)
    assert len(found) > 1
    assert sum(piece.box[2] * piece.box[3] for piece in found) <= 2.1 * mask.size  # boxes are a pixel wider
