// One digit brought to what training saw: MNIST's stroke width, its 20-pixel box, its centre of mass at the centre.
// Twin of reading/normalise.py. A plane is { width, height, data }, row by row; ink is 1.

const BOX = 20;
const FINE = 80; // pixels of the longer side at which strokes are widened or thinned

const plane = (width, height, data = new Float32Array(width * height)) => ({ width, height, data });
const mapped = ({ width, height, data }, what) => plane(width, height, data.map(what));
const inked = (p) => mapped(p, (value) => (value > 0.5 ? 1 : 0));
const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/** A part of a plane; beyond its edges there is 0. */
function part(p, left, top, width, height) {
  const out = plane(width, height);
  for (let y = Math.max(0, -top); y < Math.min(height, p.height - top); y++)
    for (let x = Math.max(0, -left); x < Math.min(width, p.width - left); x++)
      out.data[y * width + x] = p.data[(y + top) * p.width + x + left];
  return out;
}

/** The box of ink stronger than a half, or null. */
function bounds({ width, height, data }) {
  let left = width, top = height, right = -1, bottom = -1;
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++)
      if (data[i] > 0.5) {
        if (x < left) left = x;
        if (x > right) right = x;
        if (y < top) top = y;
        bottom = y;
      }
  return right < 0 ? null : [left, top, right - left + 1, bottom - top + 1];
}

/** Squared distances along one line of `f` to its nearest zero: the lower envelope of parabolas on `v`, split at `z`. */
function envelope(f, n, at, step, { v, z, out }) {
  let k = 0;
  v[0] = 0;
  z[0] = -Infinity;
  for (let q = 1; q < n; q++) {
    const own = f[at + q * step] + q * q;
    let s = (own - f[at + v[k] * step] - v[k] * v[k]) / (2 * (q - v[k]));
    while (s <= z[k]) {
      k--;
      s = (own - f[at + v[k] * step] - v[k] * v[k]) / (2 * (q - v[k]));
    }
    v[++k] = q;
    z[k] = s;
  }
  z[k + 1] = Infinity;
  for (let q = 0, j = 0; q < n; q++) {
    while (z[j + 1] < q) j++;
    out[q] = (q - v[j]) * (q - v[j]) + f[at + v[j] * step];
  }
  for (let q = 0; q < n; q++) f[at + q * step] = out[q];
}

/** The distance of each pixel that is not 0 to the nearest that is (Felzenszwalb and Huttenlocher 2012). */
function distances({ width, height, data }) {
  const f = new Float64Array(data).map((value) => (value ? 1e12 : 0)), n = Math.max(width, height) + 1;
  const room = { v: new Int32Array(n), z: new Float64Array(n), out: new Float64Array(n) };
  for (let x = 0; x < width; x++) envelope(f, height, x, width, room);
  for (let y = 0; y < height; y++) envelope(f, width, y * width, 1, room);
  return plane(width, height, new Float32Array(f.map(Math.sqrt)));
}

/** The mean width of strokes in pixels, at least 1; 0 without ink. Found once for a plane. */
function strokeWidth(p) {
  if (p.stroke !== undefined) return p.stroke;
  let sum = 0, count = 0;
  for (const d of distances(part(inked(p), -1, -1, p.width + 2, p.height + 2)).data) if (d > 0) { sum += d; count++; }
  return (p.stroke = count ? Math.max(1, (4 * sum) / count - 2) : 0);
}

/** How much each old pixel adds to each new one, on one axis: by area when shrinking, else cubic as OpenCV's. */
function taps(from, to) {
  const ratio = from / to, rows = [];
  for (let i = 0; i < to; i++) {
    const row = [];
    if (ratio > 1) {
      for (let j = Math.floor(i * ratio); j < Math.min(from, Math.ceil((i + 1) * ratio - 1e-9)); j++)
        row.push([j, (Math.min(j + 1, (i + 1) * ratio) - Math.max(j, i * ratio)) / ratio]);
    } else {
      const at = (i + 0.5) * ratio - 0.5, first = Math.floor(at);
      for (let j = first - 1; j <= first + 2; j++) row.push([clip(j, 0, from - 1), cubic(Math.abs(at - j))]);
    }
    rows.push(row);
  }
  return rows;
}

const cubic = (d) => (d <= 1 ? (1.25 * d - 2.25) * d * d + 1 : d < 2 ? ((-0.75 * d + 3.75) * d - 6) * d + 3 : 0);

/** A plane in another size. */
function resized(p, width, height) {
  const across = taps(p.width, width), down = taps(p.height, height);
  const half = plane(width, p.height), out = plane(width, height);
  for (let y = 0; y < p.height; y++)
    for (let x = 0; x < width; x++)
      for (const [j, share] of across[x]) half.data[y * width + x] += share * p.data[y * p.width + j];
  for (let y = 0; y < height; y++)
    for (const [j, share] of down[y])
      for (let x = 0; x < width; x++) out.data[y * width + x] += share * half.data[j * width + x];
  return out;
}

/** A plane with its longer side at so many pixels. */
function fitted(p, long) {
  const factor = long / Math.max(p.width, p.height);
  return resized(p, Math.max(1, Math.round(p.width * factor)), Math.max(1, Math.round(p.height * factor)));
}

/** Hairlines widened that would break up when the plane shrinks by a factor. */
function unbroken(p, factor) {
  if (factor >= 1 || strokeWidth(p) * factor >= 2) return p;
  const side = Math.ceil(1 / factor);
  return greatest(part(p, -side, -side, p.width + 2 * side, p.height + 2 * side), side);
}

/** The greatest value in a square of so many pixels around each. */
function greatest(p, side) {
  const before = side >> 1, along = (q, step, n, position) => mapped(q, (_, i) => {
    let best = 0;
    for (let k = Math.max(-before, -position(i)); k < Math.min(side - before, n - position(i)); k++)
      best = Math.max(best, q.data[i + k * step]);
    return best;
  });
  const wide = along(p, 1, p.width, (i) => i % p.width);
  return along(wide, p.width, p.height, (i) => Math.floor(i / p.width));
}

/** The edge of ink moved outwards by so many pixels, inwards when negative. */
function widened(mask, grow) {
  const margin = Math.max(0, Math.ceil(grow)) + 1;
  const padded = part(mask, -margin, -margin, mask.width + 2 * margin, mask.height + 2 * margin);
  if (grow >= 0) return mapped(distances(mapped(padded, (v) => 1 - v)), (d) => (d <= grow ? 1 : 0));
  const thinner = mapped(distances(padded), (d) => (d > -grow ? 1 : 0));
  return thinner.data.includes(1) ? thinner : padded;
}

/** Ink in the 20-pixel box, its centre of mass at the centre of 28 by 28: 784 pixels, 0 to 255. */
function placed(mask) {
  const seen = new Uint8Array(SIDE * SIDE), box = bounds(mask);
  if (!box) return seen;
  const [, , width, height] = box, long = Math.max(width, height);
  const alone = part(part(mask, ...box), -((long - width) >> 1), -((long - height) >> 1), long, long);
  const small = resized(alone, BOX, BOX).data, most = Math.max(...small);
  let total = 0, down = 0, right = 0;
  small.forEach((value, i) => {
    total += value;
    down += value * (Math.floor(i / BOX) + 0.5);
    right += value * ((i % BOX) + 0.5);
  });
  const y0 = clip(Math.trunc(15 - down / total), 0, SIDE - BOX), x0 = clip(Math.trunc(15 - right / total), 0, SIDE - BOX);
  small.forEach((value, i) => {
    seen[(y0 + Math.floor(i / BOX)) * SIDE + x0 + (i % BOX)] = Math.round((255 * value) / most);
  });
  return seen;
}

/** The ink of one digit, from 0 to 1, as 784 pixels like MNIST's. `recipe`: thinnest and thickest strokes kept. */
function normalise(strength, recipe) {
  const box = bounds(strength);
  if (!box) return new Uint8Array(SIDE * SIDE);
  const crop = unbroken(part(strength, ...box), FINE / Math.max(box[2], box[3]));
  let mask = inked(fitted(crop, FINE));
  const share = strokeWidth(mask) / Math.max(mask.width, mask.height);
  const wanted = clip(share, recipe[0] / BOX, recipe[1] / BOX);
  if (Math.abs(wanted - share) * FINE > 0.5 && share < 0.5) {
    const grow = (FINE * (wanted - share)) / (2 * (1 - share));
    mask = widened(inked(fitted(crop, Math.max(4, Math.round(FINE - 2 * grow)))), grow);
  }
  return placed(mask);
}
