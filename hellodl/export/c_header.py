"""The network as one C header: its weights, and a forward pass in some forty lines of C99."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from hellodl.export.int8 import Int8Net, arrays_of
from hellodl.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hellodl.nn import DigitNet

A_LINE = 16  # numbers

USE = """\
/* A network that reads handwritten digits, written by hellodl $version.
 *
 *     #include "digits.h"
 *     float p[10];
 *     hellodl_predict(image, p);    image: 784 bytes, row by row, ink bright: 255 is full ink
 *
 * p[d] is then the probability of digit d. Prepare pictures as MNIST's: the digit in a box of 20 by 20
 * pixels, its centre of mass at the centre of 28 by 28. Needs C99 or C++, expf and $scratch bytes of stack.
 */
#ifndef HELLODL_H
#define HELLODL_H
#include <math.h>
#include <stdint.h>

${arrays}"""

SOFTMAX = """\
/* Scores become probabilities. */
static void hellodl_softmax(const float *scores, float *probabilities) {
    float top = scores[0], total = 0;
    for (int d = 1; d < 10; d++)
        if (scores[d] > top) top = scores[d];
    for (int d = 0; d < 10; d++) total += probabilities[d] = expf(scores[d] - top);
    for (int d = 0; d < 10; d++) probabilities[d] /= total;
}

"""

FLOAT_CODE = """\
typedef struct { int n_in, n_out; const float *weight, *bias; } hellodl_layer;
static const hellodl_layer hellodl_layers[] = {
$layers};

$softmax/* The probability of each digit, from pixels of 0 (bare) to 255 (full ink). */
static void hellodl_predict(const uint8_t image[784], float probabilities[10]) {
    float a[$widest], b[$widest], *in = a, *out = b;
    for (int i = 0; i < 784; i++) in[i] = image[i] * $factor - $offset;
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
}
"""

INT8_CODE = """\
typedef struct { int n_in, n_out; const int8_t *weight; const float *scale, *bias; } hellodl_layer;
static const hellodl_layer hellodl_layers[] = {
$layers};

$softmax/* The probability of each digit, from pixels of 0 (bare) to 255 (full ink). */
static void hellodl_predict(const uint8_t image[784], float probabilities[10]) {
    uint8_t in[$widest];
    float out[$outs], unit = 1; /* what 1 of `in` counts */
    for (int i = 0; i < 784; i++) in[i] = image[i];
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
}
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
        "softmax": SOFTMAX,
        "widest": widest,
        "outs": outs,
        "count": len(shapes),
    }
    if isinstance(net, Int8Net):
        told["scratch"], code = f"{widest + 4 * outs:,}", INT8_CODE
    else:
        mean, deviation = net.pixels
        factor, offset = np.array([1 / (255 * deviation), mean / deviation], np.float32)
        told |= {"factor": _literal(factor), "offset": _literal(offset)}
        told["scratch"], code = f"{8 * widest:,}", FLOAT_CODE
    return Template(f"{USE}{code}#endif\n").substitute(told).encode()


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
