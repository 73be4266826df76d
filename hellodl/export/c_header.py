"""The network as one C header: its weights, and a forward pass in some forty lines of C99."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl import upright as twin
from hellodl.export.int8 import Int8Net, arrays_of
from hellodl.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hellodl.nn import DigitNet

A_LINE = 16  # numbers

HEADER = """\
/* A network that reads handwritten digits, written by hellodl $version.
 *
 *     #include "digits.h"
 *     float p[10];
 *     hellodl_predict(image, p);    image: 784 bytes, row by row, ink bright: 255 is full ink
 *
 * p[d] is then the probability of digit d. Prepare pictures as MNIST's: the digit in a box of 20 by 20
 * pixels, its centre of mass at the centre of 28 by 28. Needs C99 or C++, $math $scratch bytes of stack.
 */
#ifndef HELLODL_H
#define HELLODL_H
#include <math.h>
#include <stdint.h>

${arrays}typedef struct { int n_in, n_out; $fields; } hellodl_layer;
static const hellodl_layer hellodl_layers[] = {
$layers};

$upright/* Scores become probabilities. */
static void hellodl_softmax(const float *scores, float *probabilities) {
    float top = scores[0], total = 0;
    for (int d = 1; d < 10; d++)
        if (scores[d] > top) top = scores[d];
    for (int d = 0; d < 10; d++) total += probabilities[d] = expf(scores[d] - top);
    for (int d = 0; d < 10; d++) probabilities[d] /= total;
}

/* The probability of each digit, from pixels of 0 (bare) to 255 (full ink). */
static void hellodl_predict(const uint8_t image[784], float probabilities[10]) {
$body}
#endif
"""

# Twin of hellodl.upright, whose numbers it takes by their names.
UPRIGHT = """\
static float hellodl_clip(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

/* The picture upright and half the way to the usual width: rows slide by its slant, and are stretched. */
static void hellodl_upright(const uint8_t image[784], uint8_t out[784]) {
    float total = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;
    for (int i = 0; i < 784; i++) {
        float across = i % 28 - $MIDDLE, down = i / 28 - $MIDDLE, ink = image[i];
        total += ink;
        x += ink * across;
        y += ink * down;
        xx += ink * (across * across);
        xy += ink * (across * down);
        yy += ink * (down * down);
    }
    if (total < 1) total = 1;
    x /= total; /* the centre of mass */
    y /= total;
    xx = xx / total - x * x;
    xy = xy / total - x * y;
    yy = yy / total - y * y;
    if (yy < $LEAST) yy = $LEAST;
    float slant = hellodl_clip(xy / yy, -$STEEPEST, $STEEPEST);
    float variance = xx - 2 * slant * xy + slant * slant * yy; /* once it is upright */
    float stretch = hellodl_clip(sqrtf(sqrtf(variance < 0 ? 0 : variance) / $USUAL), $NARROWEST, $WIDEST);
    for (int i = 0; i < 784; i++) {
        const uint8_t *row = image + i / 28 * 28;
        float middle = $MIDDLE + x + slant * (i / 28 - $MIDDLE - y);
        float place = hellodl_clip(stretch * (i % 28 - $MIDDLE) + middle, -1, 28) + 1;
        int at = (int)place; /* between two columns a share of both; what is beyond is bare */
        float left = at > 0 && at < 29 ? row[at - 1] : 0, right = at < 28 ? row[at] : 0;
        out[i] = (uint8_t)(left + (right - left) * (place - at) + 0.5f);
    }
}

"""

FLOAT_FIELDS = "const float *weight, *bias"
FLOAT_BODY = """\
    float a[$widest], b[$widest], *in = a, *out = b;
${turn}    for (int i = 0; i < 784; i++) in[i] = $image[i] * $factor - $offset;
    for (int l = 0; l < $count; l++) {
        const hellodl_layer *layer = &hellodl_layers[l];
        for (int o = 0; o < layer->n_out; o++) {
            const float *weight = layer->weight + (long)o * layer->n_in;
            float sum = layer->bias[o];
            for (int i = 0; i < layer->n_in; i++) sum += weight[i] * in[i];
            out[o] = sum > 0 || l == $count - 1 ? sum : 0; /* ReLU, but for the scores */
        }
        float *swap = in; in = out; out = swap;
    }
    hellodl_softmax(in, probabilities);
"""

INT8_FIELDS = "const int8_t *weight; const float *scale, *bias"
INT8_BODY = """\
    uint8_t in[$widest];
    float out[$outs], unit = 1; /* what 1 of `in` counts */
    $copy
    for (int l = 0; l < $count; l++) {
        const hellodl_layer *layer = &hellodl_layers[l];
        float top = 0;
        for (int o = 0; o < layer->n_out; o++) {
            const int8_t *weight = layer->weight + (long)o * layer->n_in;
            int32_t sum = 0;
            for (int i = 0; i < layer->n_in; i++) sum += (int32_t)weight[i] * in[i];
            out[o] = (float)sum * (layer->scale[o] * unit) + layer->bias[o];
            if (out[o] > top) top = out[o];
        }
        if (l == $count - 1) break;
        float factor = 255 / (top > 0 ? top : 1); /* ReLU, and the largest becomes 255 */
        for (int o = 0; o < layer->n_out; o++) in[o] = out[o] > 0 ? (uint8_t)(out[o] * factor + 0.5f) : 0;
        unit = top / 255;
    }
    hellodl_softmax(out, probabilities);
"""


def header(net: DigitNet | Int8Net) -> bytes:
    """A C header with a network's numbers and `hellodl_predict`, which computes what `net.predict` does."""
    arrays = [arrays_of(layer) for layer in net.layers]
    shapes = [own["weight"].shape for own in arrays]
    widest, outs = max(max(shape) for shape in shapes), max(n_out for n_out, _ in shapes)
    told: dict[str, object] = {
        "version": __version__,
        "arrays": "".join(_array(i, *each) for i, own in enumerate(arrays, 1) for each in own.items()),
        "layers": "".join(_row(i, own) for i, own in enumerate(arrays, 1)),
        "widest": widest,
        "outs": outs,
        "count": len(shapes),
    } | _turning(upright=net.upright)
    if isinstance(net, Int8Net):
        body, fields, scratch = INT8_BODY, INT8_FIELDS, widest + 4 * outs
    else:
        body, fields, scratch = FLOAT_BODY, FLOAT_FIELDS, 8 * widest + 784 * net.upright
        mean, deviation = net.pixels
        factor, offset = np.array([1 / (255 * deviation), mean / deviation], np.float32)
        told |= {"factor": _literal(factor), "offset": _literal(offset)}
    told |= {"fields": fields, "scratch": f"{scratch:,}"}
    return Template(HEADER.replace("$body", body)).substitute(told).encode()


def _turning(*, upright: bool) -> dict[str, object]:
    """What the code says where pictures are turned upright, or not."""
    if not upright:
        copy = "for (int i = 0; i < 784; i++) in[i] = image[i];"
        return {"upright": "", "math": "expf and", "turn": "", "image": "image", "copy": copy}
    numbers = {name: value for name, value in vars(twin).items() if isinstance(value, float)}
    code = Template(UPRIGHT).substitute({name: _literal(np.float32(n)) for name, n in numbers.items()})
    turn, copy = "    uint8_t seen[784];\n    hellodl_upright(image, seen);\n", "hellodl_upright(image, in);"
    return {"upright": code, "math": "expf, sqrtf and", "turn": turn, "image": "seen", "copy": copy}


def _row(number: int, arrays: dict[str, NDArray[Any]]) -> str:
    """A layer in the table of layers."""
    n_out, n_in = arrays["weight"].shape
    return f"    {{{n_in}, {n_out}, {', '.join(f'hellodl_lc{number}_{name}' for name in arrays)}}},\n"


def _array(layer: int, name: str, array: NDArray[Any]) -> str:
    """A flat constant array in C."""
    kind = "int8_t" if array.dtype == np.int8 else "float"
    texts = [_literal(value) for value in array.ravel()]
    lines = ",\n".join(",".join(texts[i : i + A_LINE]) for i in range(0, len(texts), A_LINE))
    return f"static const {kind} hellodl_lc{layer}_{name}[{array.size}] = {{\n{lines}}};\n\n"


def _literal(value: np.generic) -> str:
    """A number in C, to the last bit."""
    if isinstance(value, np.integer):
        return str(int(value))
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
