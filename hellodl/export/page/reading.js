// Ink into digits: connected pieces, cut where digits touch, joined where strokes make one; the likeliest way through
// a line of them. Twin of reading/pieces.py, lines.py, lattice.py and reader.py, for ink on bare paper.

const MOST_PIECES = 400; // more are texture, not handwriting
const SMALL = 0.5; // less tall than this share of digits: a part of one, a sign, a speck
const LEVEL = 0.4; // digits of one line share this part of the lower one's height
const WIDE = 0.7, BLOT = 0.3; // wider than this may be digits that touch; strokes wider than this are none
const MOST_CUTS = 20, CUT_ROWS = 48, LEANS = [0, -0.3, 0.3], INKED = 0.4, LONGEST_CUT = 0.6; // cuts, as in pieces.py
const OFF = 0.5, ASLANT = 0.4, LEAST_PART = 0.06;
const MOST_JOINED = 6, WIDEST = 1.8; // pieces of a digit; groups wider than this are more than one
const SLIM = -1.6, THREAD = 0.06; // see judge.py
const FAR = 2; // ink further away, in digits' heights, is no neighbour
const INSIDE = 0.1; // of a digit's ink: more of other ink within it is no dirt
const AS_TALL = 0.75; // of the digits' height: what is that tall on another line, and is none, makes them unsure
const SUSPECT = 0.2; // what the judge gives this probability is worth a word

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const right = ({ box: [x, , w] }) => x + w;
const bottom = ({ box: [, y, , h] }) => y + h;
const middle = ({ box: [x, , w] }) => x + w / 2;

/** Connected ink, the largest pieces; specks are left out. */
function components(ink) {
  const { width, height, data } = ink, labels = new Int32Array(data.length), stack = new Int32Array(data.length), found = [];
  for (let start = 0; start < data.length; start++) {
    if (data[start] <= 0.5 || labels[start]) continue;
    let left = width, right = 0, top = height, bottom = 0, area = 0, depth = 0;
    const reach = (i) => { labels[i] = found.length + 1; stack[depth++] = i; };
    reach(start);
    for (; depth; area++) {
      const i = stack[--depth], x = i % width, y = (i - x) / width;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++)
        for (let n = ny * width + Math.max(0, x - 1); n <= ny * width + Math.min(width - 1, x + 1); n++)
          if (data[n] > 0.5 && !labels[n]) reach(n);
    }
    found.push({ label: found.length + 1, area, box: [left, top, right, bottom] });
  }
  const least = Math.max(6, Math.floor(data.length / 40000), Math.floor(Math.max(0, ...found.map((c) => c.area)) / 150));
  const kept = found.filter((c) => c.area >= least).sort((a, b) => b.area - a.area).slice(0, MOST_PIECES);
  return kept.map((c) => ownInk(ink, labels, c));
}

/** One component's ink with its soft edge. */
function ownInk(ink, labels, { label, box: [x0, y0, x1, y1] }) {
  const left = Math.max(0, x0 - 1), top = Math.max(0, y0 - 1);
  const w = Math.min(ink.width, x1 + 2) - left, h = Math.min(ink.height, y1 + 2) - top;
  const own = plane(w, h);
  own.data.forEach((_, i) => {
    if (labels[(top + Math.floor(i / w)) * ink.width + left + (i % w)] === label) own.data[i] = 1;
  });
  const near = greatest(own, 3), soft = part(ink, left, top, w, h);
  return { box: [left, top, w, h], ink: mapped(soft, (value, i) => Math.min(value, 1) * near.data[i]), cut: 0 };
}

/** Several pieces as one. */
function joined(pieces) {
  const left = Math.min(...pieces.map((p) => p.box[0])), top = Math.min(...pieces.map((p) => p.box[1]));
  const box = [left, top, Math.max(...pieces.map(right)) - left, Math.max(...pieces.map(bottom)) - top];
  const ink = plane(box[2], box[3]);
  for (const { box: [x, y, w, h], ink: { data } } of pieces)
    for (let r = 0; r < h; r++)
      for (let c = 0; c < w; c++) {
        const i = (y - top + r) * box[2] + x - left + c;
        ink.data[i] = Math.max(ink.data[i], data[r * w + c]);
      }
  return { box, ink, cut: pieces[0].cut };
}

/** A wide piece cut where digits may touch, from left to right. */
function cutUp(piece) {
  const [x0, y0, width, height] = piece.box;
  if (width <= WIDE * height || strokeWidth(piece.ink) > BLOT * height) return [piece];
  const edges = [{ way: new Array(height).fill(0), ink: 0 }, ...cuts(inked(piece.ink)), { way: new Array(height).fill(width) }];
  return edges.slice(1).flatMap(({ way }, i) => {
    const start = edges[i];
    const own = mapped(piece.ink, (value, k) => {
      const x = (k % width) + 0.5, y = Math.floor(k / width);
      return x >= start.way[y] && x < way[y] ? value : 0;
    });
    const box = bounds(own);
    return box ? [{ box: [x0 + box[0], y0 + box[1], box[2], box[3]], ink: part(own, ...box), cut: start.ink }] : [];
  });
}

/** From left to right the best cuts, with ink between any two of them, and through how much ink they go. */
function cuts(mask) {
  const { width, height } = mask, factor = Math.min(1, CUT_ROWS / height);
  const columns = Math.max(2, Math.round(width * factor)), rows = Math.max(2, Math.round(height * factor));
  const small = resized(mask, columns, rows).data, least = LEAST_PART * rows ** 2, found = [];
  const all = small.reduce((a, b) => a + b, 0);
  const tried = LEANS.flatMap((lean) => Array.from({ length: columns }, (_, middle) => cutAt(small, columns, rows, middle, lean)));
  for (const cut of tried.sort((a, b) => a.length - b.length)) {
    if (cut.length > LONGEST_CUT * rows || found.length === MOST_CUTS) break;
    if (Math.min(...[0, all, ...found.map((other) => other.before)].map((ink) => Math.abs(cut.before - ink))) >= least) found.push(cut);
  }
  const there = (way) => Array.from({ length: height }, (_, y) => ((way[Math.floor((y * rows) / height)] + 0.5) * width) / columns);
  return found.sort((a, b) => a.before - b.before).map(({ way, ink }) => ({ way: there(way), ink }));
}

/** One cut: its column in each row, through how much ink it goes, how much lies before it, and how long it is. */
function cutAt(small, columns, rows, middle, lean) {
  const way = Array.from({ length: rows }, (_, y) => clip(Math.round(middle + lean * ((rows - 1) / 2 - y)), 0, columns - 1));
  const met = way.map((x, y) => small[y * columns + x]);
  let before = 0;
  way.forEach((x, y) => { for (let i = 0; i < x; i++) before += small[y * columns + i]; });
  const first = met.findIndex((ink) => ink > INKED), after = met.findLastIndex((ink) => ink > INKED) + 1;
  const length = first < 0 ? 0 : after - first + (OFF / 2) * Math.abs(first + after - rows);
  const ink = Math.max(0.01, met.reduce((a, b) => a + b, 0) / rows);
  return { way, before, ink, length: length + ASLANT * rows * Math.abs(lean) };
}

/** Pieces in lines from top to bottom, each from left to right. */
function lines(pieces) {
  const heights = pieces.map((p) => p.box[3]).sort((a, b) => a - b), all = heights.reduce((a, b) => a + b, 0);
  let sum = 0;
  const tall = heights.find((h) => (sum += h) >= all / 2), found = [];
  const level = (a, b) => (Math.min(bottom(a), bottom(b)) - Math.max(a.box[1], b.box[1])) / Math.min(a.box[3], b.box[3]);
  const ordered = [...pieces].sort((a, b) => middle(a) - middle(b));
  for (const piece of ordered.filter((p) => p.box[3] >= SMALL * tall)) {
    const fits = found.map((line) => level(line.at(-1), piece)), best = Math.max(...fits);
    if (best >= LEVEL) found[fits.indexOf(best)].push(piece);
    else found.push([piece]);
  }
  for (const small of ordered.filter((p) => p.box[3] < SMALL * tall)) {
    const aside = (line) => Math.max(0, Math.min(...line.map((p) => p.box[1])) - bottom(small), small.box[1] - Math.max(...line.map(bottom)));
    const near = found.reduce((a, b) => (aside(b) < aside(a) ? b : a));
    if (aside(near) <= 0.5 * tall) near.push(small);
  }
  for (const line of found) line.sort((a, b) => middle(a) - middle(b));
  return found.sort((a, b) => a[0].box[1] - b[0].box[1]);
}

/** Every piece alone and neighbours joined, each with its picture as in MNIST and what the judge asks for. */
function groups(line, recipe) {
  const pieces = line.flatMap(cutUp), heights = pieces.map((p) => p.box[3]);
  const tall = median(heights.filter((h) => h >= Math.max(...heights) / 2));
  const level = levelOf(pieces.filter((p) => p.box[3] >= tall / 2));
  const stroke = median(pieces.map((p) => strokeWidth(p.ink))) || 1, found = [];
  for (let first = 0; first < pieces.length; first++)
    for (let after = first + 1; after <= Math.min(first + MOST_JOINED, pieces.length); after++) {
      const piece = joined(pieces.slice(first, after));
      if (after > first + 1 && piece.box[2] > WIDEST * Math.max(tall, piece.box[3])) break;
      const measures = measured(pieces, first, after, piece, { tall, level, stroke });
      found.push({ first, after, piece, image: normalise(piece.ink, recipe), measures });
    }
  return found;
}

/** The height of a line's middle at a column: level, or along a straight line through three and more. */
function levelOf(pieces) {
  const at = pieces.map(middle), heights = pieces.map(({ box: [, y, , h] }) => y + h / 2), n = pieces.length;
  if (n <= 2) return () => median(heights);
  const mx = at.reduce((a, b) => a + b) / n, my = heights.reduce((a, b) => a + b) / n;
  const slope = at.reduce((s, x, i) => s + (x - mx) * (heights[i] - my), 0) / (at.reduce((s, x) => s + (x - mx) ** 2, 0) || 1);
  return (x) => my + slope * (x - mx);
}

/** What the judge asks for beside the picture, in the order of judge.MEASURES. */
function measured(pieces, first, after, piece, { tall, level, stroke }) {
  const [x, y, width, height] = piece.box, group = pieces.slice(first, after);
  const mid = level(x + width / 2), own = strokeWidth(piece.ink) || 1, following = pieces[after]?.cut ?? 0;
  const space = (other) => Math.min(Math.max(other.box[0] - right(piece), piece.box[0] - right(other), 0), FAR * tall) / tall;
  let gap = 0, end = right(group[0]);
  for (const p of group.slice(1)) [gap, end] = [Math.max(gap, p.box[0] - end), Math.max(end, right(p))];
  const before = group[0].cut ? 0 : first ? space(pieces[first - 1]) : FAR;
  const behind = following ? 0 : after < pieces.length ? space(pieces[after]) : FAR;
  return [
    Math.max(Math.log(width / height), SLIM), Math.log(height / tall), (y - mid) / tall + 0.5, (y + height - mid) / tall - 0.5,
    Math.max(own / Math.max(width, height), THREAD), Math.log(own / stroke), group[0].cut, following,
    Math.max(0, ...group.slice(1).map((p) => p.cut)), gap / tall, before, behind,
    0, 0, // nothing dark lies around, and no border
  ];
}

const logAdd = (a, b) => (a === -Infinity ? b : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))));

/** The likeliest way through a line, as [group, answer], and the share of all ways that give each place each answer. */
function bestWay(found, likelihoods) {
  const count = Math.max(...found.map((g) => g.after)) + 1, fresh = () => new Array(count).fill(-Infinity);
  const logs = likelihoods.map((row) => row.map((value) => Math.log(Math.max(value, 1e-30))));
  const every = logs.map((row) => row.reduce(logAdd)), best = logs.map((row) => Math.max(...row));
  const forward = fresh(), backward = fresh(), cost = fresh(), came = [];
  forward[0] = backward[count - 1] = cost[0] = 0;
  found.forEach(({ first, after }, i) => {
    forward[after] = logAdd(forward[after], forward[first] + every[i]);
    if (cost[first] + best[i] > cost[after]) [cost[after], came[after]] = [cost[first] + best[i], i];
  });
  for (let i = found.length - 1; i >= 0; i--)
    backward[found[i].first] = logAdd(backward[found[i].first], backward[found[i].after] + every[i]);
  const way = [];
  for (let at = count - 1; at > 0; at = found[came[at]].first) way.unshift([came[at], logs[came[at]].indexOf(best[came[at]])]);
  const through = found.map(({ first, after }, i) =>
    logs[i].map((log) => Math.min(1, Math.exp(forward[first] + backward[after] + log - forward[count - 1]))));
  const near = found.map((a) => through.filter((_, k) => samePlace(a.piece.box, found[k].piece.box)));
  return [way, near.map((rows) => rows[0].map((_, answer) => rows.reduce((sum, row) => sum + row[answer], 0)))];
}

/** Whether two boxes share more than half of what they cover together: with or without a speck. */
function samePlace([ax, ay, aw, ah], [bx, by, bw, bh]) {
  const across = Math.min(ax + aw, bx + bw) - Math.max(ax, bx), down = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  const common = Math.max(0, across) * Math.max(0, down);
  return common > 0.5 * (aw * ah + bw * bh - common);
}
