#!/usr/bin/env python3
"""What each step of reading is worth: it is switched off, one step at a time, and folders are read again.

    python scripts/tools/ablation.py FOLDER …

Folders are as for `hellodl evaluate FOLDER`; scripts/tools/pages.py makes some. The first line of a table
says how the folder is read with all steps, the others by how much that changes without one.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from hellodl import checkpoint
from hellodl.datasets.labelled import labelled_pictures
from hellodl.reading import doubt, ground, ink, lattice, lines, normalise, reader
from hellodl.reading.scoring import score_folder
from hellodl.system.processors import one_blas_thread

PLAIN_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def _no_digit_judge(probabilities: Any, familiar: Any, judged: Any, ways: Any) -> Any:
    return SCORES(probabilities, familiar, np.full_like(judged, 1 / judged.shape[1]), ways)


def _unfamiliar(_doubt: Any, familiarity: Any) -> Any:
    return np.full(np.shape(familiarity), doubt.USUAL, np.float32)


def _clearest(grey: Any, light: Any) -> bool:
    return bool(ink.is_light_on_dark(grey) if light is None else light)


def _views_but(least: float, grey: Any, scale: float, light: Any) -> Any:
    return [view for view in VIEWS(grey, scale, light=light) if view[1] != least]


def _without_print(*given: Any, **how: Any) -> Any:
    return FIND_INK(*given, **how)[0], None


SCORES, DOUBT_OF, VIEWS, FIND_INK = doubt.scores, doubt.doubt_of, ink.views, ink.find_ink
STEPS: dict[str, dict[tuple[Any, str], Any]] = {
    "nothing": {},
    "second polarity": {
        (ink, "views"): lambda grey, scale, light: VIEWS(grey, scale, light=_clearest(grey, light))
    },
    "flat ground": {(ink, "views"): partial(_views_but, ink.FLAT)},
    "narrow ground": {(ink, "views"): partial(_views_but, ground.NARROW)},
    "print's blurred edges": {(ink, "DARKER"): np.inf},
    "stretched digits": {(ink, "FILLED"): (2.0, 2.0)},
    "holes in small pictures": {(reader, "_largest"): reader._first},  # noqa: SLF001 (what it stands for)
    "bare border": {(ink, "BARE"): 0.0},
    "sheet": {(ground, "alone_on_sheet"): lambda _grey: None},
    "colour axis": {
        (ink, "contrast_axis"): lambda p: np.float32(p) if p.ndim == 2 else np.float32(p) @ PLAIN_GREY
    },
    "local ground": {
        (ink, "ground_of"): lambda grey, _least: np.full(grey.shape, np.percentile(grey, 90), np.float32)
    },
    "printed lines": {(ink, "printed"): lambda _strength, faint, _written: (np.zeros_like(faint),) * 2},
    "print as strokes": {(ink, "find_ink"): _without_print},
    "pale strokes": {(ink, "evened"): lambda traces, _lines: (np.maximum(traces.strength, 0), traces.mask)},
    "slopes of lines": {(lines, "_slope"): lambda _pieces, _tall: 0.0},
    "even heights": {(doubt, "UNEVEN"): np.inf},
    "inside a digit": {(reader, "INSIDE"): np.inf},
    "small print": {(reader, "_of_one_size"): lambda found: found},
    "lines as tall": {(reader, "AS_TALL"): np.inf},
    "rings": {(lines, "_without_rings"): lambda pieces: pieces},
    "rings alone": {(lines, "_is_hollow"): lambda _ring: True},
    "sheet edges": {(lines, "_without_sheet_edges"): lambda pieces, _shape: pieces},
    "broken strokes": {(lines, "_continues"): lambda *_: False},
    "circles of an 8": {(lines, "_are_circles"): lambda *_: False},
    "cutting": {(lattice, "cut_up"): lambda piece: [piece]},
    "joining": {(lattice, "MOST_JOINED"): 1},
    "same place": {(lattice, "_same_place"): lambda found: np.eye(len(found), dtype=np.float32)},
    "outline": {(lattice, "shared_outline"): lambda *_: 0.0},
    "averaging over shifts": {(doubt, "SHIFTS"): ((0, 0),)},
    "the judge": {(doubt, "scores"): _no_digit_judge},
    "familiarity": {(doubt.Doubt, "known"): _unfamiliar},
    "temperature": {(reader, "doubt_of"): lambda m: replace(DOUBT_OF(m), temperature=1.0)},
    "hairlines": {(normalise, "_unbroken"): lambda crop, _factor: crop},
    "stroke width": {(reader, "_recipe_of"): lambda m: replace(m.recipe, thinnest=0.5, thickest=10)},
    "turned pages": {(reader.Reader, "upright"): lambda _, found: found},
    "as trained": {(reader.Reader, "as_trained"): lambda *_: {}},
}
"""What takes a step's place, and where it is looked up."""

COLUMNS = ("single", "several", "refused", "doubted_right", "wrong_sure")


def main() -> None:
    """Print a table for each folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("-m", "--model", type=Path, default=checkpoint.SHIPPED)
    parser.add_argument("--only", choices=STEPS, nargs="+", default=list(STEPS), help="these steps")
    options = parser.parse_args()
    one_blas_thread()
    model = checkpoint.load(options.model).model()
    for folder in options.folder:
        print(f"{folder!s:30.30}" + "".join(f"{name.replace('_', ' '):>15}" for name in COLUMNS))
        whole = counts(folder, model, STEPS["nothing"])
        print(f"{'all steps':30}" + "".join(f"{f'{count}/{of}':>15}" for count, of in whole), flush=True)
        for step in options.only[options.only[0] == "nothing" :]:
            found = counts(folder, model, STEPS[step])
            changes = [count - before for (count, _), (before, _) in zip(found, whole, strict=True)]
            print(
                f"without {step:22}"
                + "".join(f"{change or '':>+15}" if change else " " * 15 for change in changes),
                flush=True,
            )


def counts(
    folder: Path, model: checkpoint.TrainedNet, without: dict[tuple[Any, str], Any]
) -> list[tuple[int, int]]:
    """How a folder is read without a step: for each column, how many of how many."""
    with ExitStack() as stack:
        for (module, name), replacement in without.items():
            stack.enter_context(patch.object(module, name, replacement))
        score = score_folder(labelled_pictures(folder), model).all
    return [(getattr(score, column).count, getattr(score, column).of) for column in COLUMNS]


if __name__ == "__main__":
    main()
