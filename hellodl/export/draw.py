"""One HTML file that holds the trained network, and reads what is drawn on it, anywhere, without a network.

The files in page/ are put together as they are. The browser may run the two scripts and use the style whose
hashes the policy names, and may fetch nothing from any address.
"""

import base64
import html
import json
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hellodl.checkpoint import TrainedNet
from hellodl.errors import HellodlError
from hellodl.reading import judge
from hellodl.reading.doubt import doubt_of
from hellodl.upright import LEAST, MIDDLE, NARROWEST, STEEPEST, USUAL, WIDEST
from hellodl.version import __version__

PAGE = Path(__file__).parent / "page"
READER = ("network.js", "prepare.js", "reading.js", "reader.js")  # in this order, in a thread of its own
VIEW = ("sheet.js", "page.js")
BLOCK = 14  # weights that share a scale: with 16 bits probabilities are within 1e-4 of the network's
NETWORK_BITS, JUDGE_BITS = 16, 8  # of a weight; what the judge of shapes says need not be so exact
SCALE_STEPS, SCALE_LEAST, SCALE_MOST = 8, -32, 255  # powers of 2, in eighths of the exponent, from 2⁻³² on


def page(model: TrainedNet, about: str = "", silent: list[list[int]] | None = None) -> bytes:
    """The page with a model in it; `about` says whose network it is. The same model gives the same bytes.

    `silent`: the units of each hidden layer that never fire, as far as that is known.

    Raises HellodlError for a model with weights of some 30,000 and more.
    """
    reader, script, style = (
        "".join((PAGE / name).read_text(encoding="utf-8") for name in names)
        for names in (READER, VIEW, ("style.css",))
    )
    hashes = [f"'sha256-{_text(sha256(text.encode()).digest())}'" for text in (reader, script, style)]
    policy = (
        f"default-src 'none'; script-src {hashes[0]} {hashes[1]}; style-src {hashes[2]}; "
        "worker-src blob:; img-src blob:; base-uri 'none'; form-action 'none'"
    )
    numbers = packed_model(model) | {"silent": silent or []}
    parts = {
        "policy": policy,
        "style": style,
        "weights": f"{sum(layer.weight.size for layer in model.layers):,}",
        "about": html.escape(f"hellodl {__version__}{about and ': '}{about}"),
        "model": json.dumps(numbers, separators=(",", ":")).replace("<", "\\u003c"),
        "reader": reader,
        "script": script,
    }
    return Template((PAGE / "page.html").read_text(encoding="utf-8")).substitute(parts).encode()


def packed_model(model: TrainedNet) -> dict[str, Any]:
    """What the page needs to know: the network, the judge of shapes, and how far to believe them."""
    doubt, shapes = doubt_of(model), judge.shipped().weights
    judges = [(shapes[f"lc{i}.weight"], shapes[f"lc{i}.bias"]) for i in (1, 2)]
    layers = [(layer.weight.value, layer.bias.value) for layer in model.layers]
    return {
        "layers": [packed(*layer, NETWORK_BITS) for layer in layers],
        "pixels": list(model.pixels),
        "upright": [MIDDLE, LEAST, STEEPEST, USUAL, NARROWEST, WIDEST] if model.upright else None,
        "classes": list(model.classes),
        "recipe": [model.recipe.thinnest, model.recipe.thickest],
        "temperature": doubt.temperature,
        "doubt": {"sure": doubt.sure, "least": doubt.least, "familiar": max(doubt.familiar, 0)},
        "judge": {
            "layers": [packed(*layer, JUDGE_BITS) for layer in judges],
            "scale": shapes["scale"].tolist(),
            "ways": shapes["ways"].tolist(),
            "right": shapes["right"].tolist(),
            "labels": list(judge.LABELS),
        },
    }


def packed(weight: NDArray[np.float32], bias: NDArray[np.float32], bits: int) -> dict[str, Any]:
    """A layer as text: weights as whole numbers of so many bits, a scale for each block of them."""
    flat = np.append(weight.ravel().astype(np.float64), np.zeros(-weight.size % BLOCK)).reshape(-1, BLOCK)
    largest = np.maximum(np.abs(flat).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1), 2.0**SCALE_LEAST)
    steps = np.ceil((np.log2(largest) - SCALE_LEAST) * SCALE_STEPS)
    if steps.max() > SCALE_MOST:
        raise HellodlError(f"a weight of size {np.abs(weight).max():.0f} is too large for the page's numbers")
    whole = np.rint(flat / 2 ** (steps / SCALE_STEPS + SCALE_LEAST)).ravel()[: weight.size]
    rows, columns = weight.shape
    return {
        "rows": rows,
        "columns": columns,
        "bits": bits,
        "block": BLOCK,
        "whole": _text(whole.astype(f"<i{bits // 8}").data),
        "scale": _text(steps.astype(np.uint8).data),
        "bias": _text(bias.astype("<f4").data),
    }


def _text(data: bytes | memoryview) -> str:
    return base64.b64encode(data).decode()
