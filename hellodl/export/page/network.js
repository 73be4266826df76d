"use strict";
// The trained network: its numbers, its answers, and the gradients of these. Twin of nn.py, upright.py, explaining.py.

const SIDE = 28;
const STEPS = 32; // pictures on the way from the empty one, for the pixels' shares in an answer
const SHIFTS = [[0, 0], [0, 1], [1, 0], [0, -1], [-1, 0]]; // as in reading/doubt.py
const LEAST = 1e-4, KNOWN = 3, USUAL = 1, UNEVEN = 0.35; // as in reading/judge.py and doubt.py

/** The bytes of base64. */
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** A layer from the page's data: whole numbers with a scale for each block, as export/page.py packs them. */
function layerFrom({ rows, columns, bits, block, whole, scale, bias }) {
  const packed = bits === 16 ? new Int16Array(bytes(whole).buffer) : new Int8Array(bytes(whole).buffer);
  const scales = Array.from(bytes(scale), (e) => 2 ** (e / 8 - 32));
  const weight = Float32Array.from(packed, (value, i) => value * scales[Math.floor(i / block)]);
  return { rows, columns, weight, trained: weight, bias: new Float32Array(bytes(bias).buffer), off: new Set() };
}

/** Weighted sums of a layer. */
function sums(layer, x) {
  const { rows, columns, weight, bias } = layer;
  const out = new Float32Array(rows);
  for (let r = 0, i = 0; r < rows; r++) {
    let sum = bias[r];
    for (let c = 0; c < columns; c++, i++) sum += weight[i] * x[c];
    out[r] = sum;
  }
  return out;
}

/** What each layer makes of scaled pixels: hidden layers after their ReLU, then ten scores. */
function forward(layers, x) {
  const values = [];
  for (const layer of layers) {
    let out = sums(layer, values.at(-1) ?? x);
    if (layer !== layers.at(-1)) out = out.map((value, unit) => (layer.off.has(unit) ? 0 : Math.max(value, 0)));
    values.push(out);
  }
  return values;
}

/** The gradient to the pixels of Σ seed · what layer `last` sums up, where the layers' values are given. */
function gradient(layers, values, last, seed) {
  let upstream = seed;
  for (let l = last; l >= 0; l--) {
    const { rows, columns, weight } = layers[l];
    const down = new Float32Array(columns);
    for (let r = 0; r < rows; r++) {
      if (!upstream[r]) continue;
      for (let c = 0, i = r * columns; c < columns; c++, i++) down[c] += upstream[r] * weight[i];
    }
    upstream = l ? down.map((value, c) => (values[l - 1][c] > 0 ? value : 0)) : down;
  }
  return upstream;
}

function softmax(scores) {
  const top = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - top));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}

/** An image upright and half the way to the usual width: rows slide by its slant, and are stretched. */
function upright([middle, least, steepest, usual, narrowest, widest], image) {
  const seen = new Uint8Array(SIDE * SIDE);
  const each = (what) => { for (let i = 0; i < seen.length; i++) what((i % SIDE) - middle, Math.floor(i / SIDE) - middle, i); };
  let total = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;
  each((across, down, i) => {
    total += image[i];
    x += image[i] * across;
    y += image[i] * down;
    xx += image[i] * across * across;
    xy += image[i] * across * down;
    yy += image[i] * down * down;
  });
  [x, y, xx, xy, yy] = [x, y, xx, xy, yy].map((sum) => sum / Math.max(total, 1));
  [xx, xy, yy] = [xx - x * x, xy - x * y, Math.max(yy - y * y, least)]; // about the centre of mass
  const slant = clip(xy / yy, -steepest, steepest);
  const width = Math.sqrt(Math.max(xx - 2 * slant * xy + slant * slant * yy, 0)); // once it is upright
  const stretch = clip(Math.sqrt(width / usual), narrowest, widest);
  each((across, down, i) => {
    const place = middle + x + slant * (down - y) + stretch * across, at = Math.floor(place), row = i - (i % SIDE);
    const [left, right] = [at, at + 1].map((column) => (column >= 0 && column < SIDE ? image[row + column] : 0)); // beyond is bare
    seen[i] = left + (right - left) * (place - at) + 0.5;
  });
  return seen;
}

/** An image as the network learned to see them: upright, or as it is. */
const seenBy = (model, image) => (model.upright ? upright(model.upright, image) : image);

/** Pixels 0…255, as the network sees them, scaled as it wants them. */
const scaled = ({ pixels: [mean, deviation] }, image) =>
  new Float32Array(image).map((pixel) => pixel / (255 * deviation) - mean / deviation);

/** Ten probabilities for an image of 784 pixels, ink bright. */
const probabilities = (model, image) => softmax(forward(model.layers, scaled(model, seenBy(model, image))).at(-1));

/** An image moved by rows and columns; what leaves on one side enters on the other. */
function rolled(image, [down, right]) {
  const moved = new Uint8Array(image.length);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++)
      moved[((y + down + SIDE) % SIDE) * SIDE + ((x + right + SIDE) % SIDE)] = image[y * SIDE + x];
  return moved;
}

/**
 * Calibrated probabilities, averaged over small shifts; how familiar that is, in terms of the least familiar digits;
 * and what the network saw: the image turned upright once, not after each shift.
 */
function ask(model, image) {
  const seen = seenBy(model, image), scores = SHIFTS.map((shift) => forward(model.layers, scaled(model, rolled(seen, shift))).at(-1));
  const answers = scores.map(softmax), sum = (values) => values.reduce((a, b) => a + b);
  const powers = [...answers[0].keys()].map((d) =>
    (sum(answers.map((answer) => answer[d])) / SHIFTS.length) ** (1 / model.temperature));
  const known = sum(scores.map((s) => Math.log(sum([...s].map(Math.exp))))) / SHIFTS.length;
  const { familiar } = model.doubt, share = familiar > 0 ? Math.min(Math.max(known / familiar, 0), KNOWN) : USUAL;
  return { answers: powers.map((power) => power / sum(powers)), familiar: share, seen };
}

/** What each pixel of an image, as the network saw it, adds to the score of a digit above the mean of all: integrated gradients. */
function evidence(model, seen, digit) {
  const { layers } = model;
  const empty = scaled(model, new Uint8Array(seen.length)), full = scaled(model, seen);
  const seed = Float32Array.from({ length: layers.at(-1).rows }, (_, d, ) => (d === digit) - 1 / layers.at(-1).rows);
  const total = new Float32Array(seen.length);
  for (let step = 0; step < STEPS; step++) {
    const x = empty.map((value, i) => value + ((step + 0.5) / STEPS) * (full[i] - value));
    gradient(layers, forward(layers, x), layers.length - 1, seed).forEach((value, i) => { total[i] += value / STEPS; });
  }
  return total.map((value, i) => value * (full[i] - empty[i]));
}

/** What a hidden unit looks at: how its sum would grow with each pixel's ink, near what was seen. */
function lookedAt(model, seen, layer, unit) {
  const seed = new Float32Array(model.layers[layer].rows);
  seed[unit] = 1;
  return gradient(model.layers, forward(model.layers, scaled(model, seen)), layer, seed);
}

/** What ink is, by the judge of shapes: a probability for each of its labels. Twin of reading/judge.py. */
function judged(judge, image, measures) {
  const half = SIDE / 2, x = new Float32Array(half * half + measures.length);
  image.forEach((pixel, i) => { x[half * (Math.floor(i / SIDE) >> 1) + ((i % SIDE) >> 1)] += pixel / 255 / 4; });
  x.set(measures.map((m, i) => m / judge.scale[i]), half * half);
  return softmax(forward(judge.layers, x).at(-1));
}

/** How likely each answer is: ten digits, the marks, something else. Twin of doubt.likelihoods. */
function likelihoods(ways, { answers, familiar, judged, measures }) {
  const logs = [...judged].map((p) => Math.log(Math.max(p, LEAST))), part = logs.length - 1, other = part - 1;
  const digit = ways[0] * logs[0] + ways[1] * logs[part] + ways[2] * familiar + ways[4];
  const small = (Math.min(measures[1], 0) / UNEVEN) ** 2 / 2;
  return [
    ...answers.map((p) => digit - small + ways[3] * Math.log(Math.max(p, LEAST))),
    ...logs.slice(1, other).map((mark) => ways[5] * mark + ways[6]),
    ways[7] * logs[other] + ways[8] * logs[part] + ways[9],
  ].map(Math.exp);
}

/** The probability that a digit is what it was read as. Twin of judge.right. */
function rightness({ right: weights }, confidence, belief, familiar) {
  const [a, b] = [confidence, belief].map((share) => Math.log(Math.max(share, LEAST)));
  return 1 / (1 + Math.exp(-(weights[0] * a + weights[1] * b + weights[2] * familiar + weights[3])));
}

/** Add noise to all weights: normal, `level` times the deviation of their row; 0 mends them. */
function shake(layers, level) {
  for (const layer of layers) {
    const { rows, columns, trained } = layer;
    layer.weight = level ? Float32Array.from(trained) : trained;
    for (let r = 0; level && r < rows; r++) {
      const row = layer.weight.subarray(r * columns, (r + 1) * columns);
      const deviation = Math.sqrt(row.reduce((sum, w) => sum + w * w, 0) / columns);
      for (let c = 0; c < columns; c++)
        row[c] += level * deviation * Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    }
  }
}
