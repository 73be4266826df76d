"""Rules: lines from border to border go, strokes stay."""

import numpy as np
from paper import Sheet, drawn, number

from hellodl.reading.ink import find_ink, to_grey
from hellodl.reading.load import load_picture
from hellodl.reading.rules import lifted, without_rules


def inks(sheet, text="3780"):
    """Ink of a sheet, and the same sheet's ink without its rules."""
    plain = Sheet(**{**vars(sheet), "rules": 0, "squared": False})
    pictures = [load_picture(drawn([number(text)], s)) for s in (sheet, plain)]
    return [find_ink(*to_grey(picture), light=False) for picture in pictures]


def test_rules_as_dark_as_ink_are_taken_away_and_digits_keep_their_strokes():
    for sheet in (
        Sheet(rules=60),
        Sheet(rules=60, tilt=3, paper=(230, 225, 220), noise=3),
        Sheet(rules=40, squared=True),
        Sheet(rules=40, squared=True, tilt=2, margin=160),  # more than twenty each way
    ):
        ruled, plain = inks(sheet)
        dark = ruled.strength > 0.3  # so that the rules count as ink
        cleaned = without_rules(ruled.strength, dark)
        lost = (plain.mask & ~cleaned).sum() / plain.mask.sum()
        bare = ~(plain.strength > 0.1)
        left = (cleaned & bare).sum() / max(1, (dark & bare).sum())
        assert lost < 0.08
        assert left < 0.35


def test_a_stem_from_border_to_border_is_no_rule():
    four = np.zeros((120, 100), np.float32)
    four[:, 60:72] = 1
    four[60:70, 5:95] = 1
    for y in range(64):
        four[y, 60 - y * 55 // 64 : 70 - y * 55 // 64] = 1
    assert np.array_equal(without_rules(four, four > 0.5), four > 0.5)


def test_strokes_on_paler_rules_are_whole_again():
    strength = np.zeros((60, 100), np.float32)
    strength[30:33] = 1.0  # a rule, as strong as most ink
    strength[10:50, 48:54] = strength[28:35, 20:80] = 2.0  # a cross of the pen, one bar along the rule
    mask, cleaned = strength > 0.5, (strength > 1.5) & (np.arange(60) != 31)[:, None]
    scaled, strokes = lifted(strength, mask, cleaned)
    assert np.array_equal(strokes, strength > 1.5)
    assert scaled.max() == 1
    same = lifted(np.minimum(strength, 1), mask, cleaned)[1]  # rules as strong as the pen
    assert np.array_equal(same, cleaned)


def test_curved_rules_are_followed():
    strength = np.zeros((300, 600), np.float32)
    columns = np.arange(600)
    for top in range(20, 280, 40):
        rows = np.round(top + 6 * np.sin(columns / 600 * np.pi)).astype(int)
        for thickness in range(3):
            strength[rows + thickness, columns] = 1
    assert without_rules(strength, strength > 0.5).sum() < 0.02 * (strength > 0.5).sum()


def test_ones_as_tall_as_the_picture_are_no_rules():
    ones = np.zeros((100, 400), np.float32)
    for left in range(30, 400, 60):
        ones[1:99, left : left + 8] = 1
    assert np.array_equal(without_rules(ones, ones > 0.5), ones > 0.5)


def test_a_lone_bar_is_not_taken_for_a_rule():
    one = np.zeros((200, 120), np.float32)
    one[:, 57:62] = 1
    assert without_rules(one, one > 0.5).sum() == one.sum()
