import cv2
import numpy as np

from hellodl.reading.pieces import Piece, components, cut_up, joined


def leaning_strokes():
    """Two strokes that lean so far that no column is free between them, and a thin bridge that joins them."""
    canvas = np.zeros((100, 90), np.uint8)
    cv2.line(canvas, (8, 92), (43, 8), 255, 13)
    cv2.line(canvas, (42, 92), (77, 8), 255, 13)
    cv2.line(canvas, (25, 50), (60, 50), 255, 2)
    return Piece((30, 20, 90, 100), canvas.astype(np.float32) / 255)


def test_digits_that_touch_are_cut_along_a_way_that_leans_as_they_do():
    """Each part has one stroke: half of the ink. Where they lie is told in the whole picture's pixels."""
    left, right = cut_up(leaning_strokes())
    ink = [(part.strength > 0.5).sum() for part in (left, right)]
    assert max(ink) < 1.2 * min(ink)
    assert left.right - right.box[0] > 5  # no straight cut could have done it
    assert abs(left.box[0] - 32) <= 2
    assert abs(right.right - 114) <= 2


def test_parts_join_to_the_piece_again():
    piece = leaning_strokes()
    again = joined(cut_up(piece))
    assert np.isclose(again.strength.sum(), piece.strength.sum())
    assert again.cut == 0.0


def test_only_what_was_cut_off_is_said_to_be():
    first, *others = cut_up(leaning_strokes())
    assert first.cut == 0.0
    assert all(0.0 < part.cut < 0.2 for part in others)


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
