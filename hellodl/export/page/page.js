// The page: what was read, the inside of the network, and ways to break it.

const $ = (id) => document.getElementById(id);
const CELL = 16, CROSS = "#ff7b72"; // a unit's square in pixels; the colour in which it is crossed out
const WORDS = { digits: "sure", unsure: "not sure", "not digits": "no digit" };
const model = modelFrom($("model").textContent);
let reading = { text: "", digits: [], warnings: [] }, chosen = 0, unit = null, stale = false, waiting = false;

const make = (name, fields = {}, ...children) => {
  const element = Object.assign(document.createElement(name), fields);
  element.append(...children);
  return element;
};
const percent = (share) => `${(100 * Math.min(share, 0.999)).toFixed(1)} %`;

/** Numbers as a picture: grey for plain ones, red above 0 and blue below for signed ones, over a faint image. */
function paint(canvas, values, { signed = false, under = null } = {}) {
  const context = canvas.getContext("2d"), picture = context.createImageData(canvas.width, canvas.height);
  const most = Math.max(1e-9, ...values.map(Math.abs));
  for (let i = 0; i < canvas.width * canvas.height; i++) {
    const share = (values[i] ?? 0) / most, grey = signed ? (under ? under[i] * 0.45 : 0) : 255 * share, force = 210 * Math.sqrt(Math.abs(share));
    const colour = signed ? [grey + (share > 0 ? force : 0), grey, grey + (share < 0 ? force : 0)] : [grey, grey, grey];
    picture.data.set([...colour.map((c) => Math.min(255, c)), 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
}

function show() {
  const { verdict, digits, warnings, text } = reading;
  $("verdict").dataset.verdict = verdict ?? "";
  $("text").textContent = text;
  const least = Math.min(...digits.map((digit) => digit.confidence));
  $("words").textContent = verdict ? [WORDS[verdict], ...(digits.length ? [percent(least)] : [])].join(", ") : "Nothing is drawn yet.";
  $("warnings").replaceChildren(...warnings.map((words) => make("li", { textContent: words })));
  chosen = Math.min(chosen, Math.max(0, digits.length - 1));
  $("digits").replaceChildren(...digits.map((digit, i) => {
    const small = make("canvas", { width: SIDE, height: SIDE }), button = make("button", { type: "button" }, small, `${digit.digit}`);
    paint(small, digit.seen);
    button.setAttribute("aria-pressed", i === chosen);
    button.setAttribute("aria-label", `digit ${i + 1}: ${digit.digit}, ${percent(digit.confidence)}, ${digit.verdict}`);
    button.onclick = () => { chosen = i; show(); $("digits").children[i].focus(); };
    return button;
  }));
  showOne(digits[chosen]);
}

/** The chosen digit: what the network sees, what spoke for the answer, ten bars, the layers. */
function showOne(digit) {
  const image = digit?.seen ?? new Uint8Array(SIDE * SIDE);
  paint($("seen"), digit?.evidence ?? image, { signed: true, under: image });
  $("seen").setAttribute("aria-label", digit ? `What the network sees as ${digit.digit}` : "What the network sees: nothing yet");
  [...$("bars").children].forEach((bar, d) => {
    const share = digit?.probabilities[d] ?? 0;
    bar.classList.toggle("best", digit?.digit === d);
    bar.querySelector("i").style.width = `${100 * share}%`;
    bar.lastChild.textContent = digit ? percent(share) : "";
  });
  const values = forward(model.layers, scaled(model, image));
  [...$("layers").children].forEach((canvas, l) => paintUnits(canvas, model.layers[l], values[l]));
  if (unit) showUnit(image, values);
}

/** A square for each unit, as bright as it is active; one that is switched off is crossed out. */
function paintUnits(canvas, layer, values) {
  const context = canvas.getContext("2d"), most = Math.max(1e-9, ...values), columns = canvas.width / CELL;
  values.forEach((value, i) => {
    const x = CELL * (i % columns), y = CELL * Math.floor(i / columns), grey = (255 * value) / most;
    context.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
    context.fillRect(x, y, CELL, CELL);
    if (!layer.off.has(i)) return;
    context.strokeStyle = CROSS;
    context.lineWidth = 2;
    context.stroke(new Path2D(`M${x + 3} ${y + 3}l${CELL - 6} ${CELL - 6}m0 ${6 - CELL}l${6 - CELL} ${CELL - 6}`));
  });
}

function showUnit(image, values) {
  const { layer, index } = unit, never = model.silent[layer]?.includes(index) ? ", never fires (for no test image)" : "";
  const state = model.layers[layer].off.has(index) ? "switched off" : values[layer][index].toFixed(2) + never;
  const words = `layer ${layer + 1}, unit ${index}: ${state}`, canvas = $("layers").children[layer];
  paint($("unit"), lookedAt(model, image, layer, index), { signed: true, under: image });
  $("chosen").textContent = words;
  canvas.setAttribute("aria-valuenow", index);
  canvas.setAttribute("aria-valuetext", words);
}

/** A hidden layer as squares, to be pointed at, or gone through with arrow keys. */
function layerView(layer, l) {
  const columns = Math.ceil(Math.sqrt(layer.rows * 2)), lines = Math.ceil(layer.rows / columns);
  const canvas = make("canvas", { width: CELL * columns, height: CELL * lines, tabIndex: 0 });
  const given = { role: "slider", "aria-label": `Hidden layer ${l + 1}: unit`, "aria-valuemin": 0, "aria-valuemax": layer.rows - 1, "aria-valuenow": 0 };
  for (const [name, value] of Object.entries(given)) canvas.setAttribute(name, value);
  const choose = (index) => { unit = { layer: l, index: clip(index, 0, layer.rows - 1) }; showOne(reading.digits[chosen]); };
  const toggle = () => { const { off } = layer; if (!off.delete(unit.index)) off.add(unit.index); damaged(); };
  const at = ({ offsetX, offsetY }) => Math.floor((offsetY / canvas.clientHeight) * lines) * columns + Math.floor((offsetX / canvas.clientWidth) * columns);
  const isUnit = (event) => at(event) < layer.rows; // the last line may have room for more
  canvas.onpointermove = canvas.onpointerdown = (event) => isUnit(event) && choose(at(event));
  canvas.onclick = (event) => isUnit(event) && toggle();
  canvas.onfocus = () => unit?.layer === l || choose(0);
  canvas.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (step) choose(unit.index + step);
    else if (event.key === "Enter") toggle();
    else return;
    event.preventDefault();
  };
  return canvas;
}

const hidden = model.layers.slice(0, -1);
const order = hidden.flatMap((layer, l) => [...layer.bias.keys()].map((i) => [layer, i, Math.sin(i * 12.9898 + l + 4) * 43758.5453 % 1]));
order.sort(([, , a], [, , b]) => a - b); // that in which units are switched off: it only looks random
const silenced = () => hidden.reduce((sum, layer) => sum + layer.off.size, 0);

/** After the network was changed: say how much, and read anew. */
function damaged() {
  const noise = Number($("noise").value);
  $("off").value = silenced();
  $("noisy").textContent = `${Math.round(100 * noise)} % of their size`;
  $("silenced").textContent = `${silenced()} of ${order.length}`;
  $("broken").hidden = !noise && !silenced();
  worker.postMessage({ layers: model.layers });
  showOne(reading.digits[chosen]);
  changed();
}

/** So many units off: some more than there are, or some of them on again. */
function silence(count) {
  for (const [layer, i] of order) if (silenced() < count) layer.off.add(i);
  for (const [layer, i] of [...order].reverse()) if (silenced() > count) layer.off.delete(i);
  damaged();
}

/** Another thread reads, so that drawing never waits for it; it reads again as soon as it is done. */
const worker = new Worker(URL.createObjectURL(new Blob([$("reader").textContent, `
  let model;
  onmessage = ({ data: { text, layers, ink } }) => {
    if (text) model = modelFrom(text);
    if (layers) model.layers = layers;
    if (ink) postMessage(readWithEvidence(model, ink));
  };`])));
worker.postMessage({ text: $("model").textContent });
worker.onmessage = ({ data }) => {
  [reading, waiting] = [data, false];
  show();
  if (stale) changed();
};

function changed() {
  stale = waiting;
  if (!waiting) requestAnimationFrame(() => worker.postMessage({ ink: sheet.plane() }));
  waiting = true;
}

const sheet = new Sheet($("pad"), changed);
$("bars").append(...model.classes.map((name) => make("li", {}, make("span", { textContent: name }), make("span", {}, make("i")), make("span"))));
$("layers").append(...model.layers.slice(0, -1).map(layerView));
$("undo").onclick = () => sheet.undo();
$("clear").onclick = () => sheet.clear();
$("open").onclick = () => $("file").click();
const take = (file) => file && sheet.show(file).catch(() => { sheet.clear(); $("words").textContent = "This file is no picture that the browser can open."; });
$("file").onchange = () => take($("file").files[0]);
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => { event.preventDefault(); take(event.dataTransfer.files[0]); };
document.onpaste = (event) => take(event.clipboardData.files[0]);
$("save").onclick = async () => make("a", { href: URL.createObjectURL(await sheet.png()), download: "drawing.png" }).click();
$("noise").oninput = () => { shake(model.layers, Number($("noise").value)); damaged(); };
$("off").max = order.length;
$("off").oninput = () => silence(Number($("off").value));
$("mend").onclick = () => { $("noise").value = 0; shake(model.layers, 0); silence(0); };
matchMedia("(prefers-color-scheme: dark)").onchange = () => sheet.draw();
damaged();
sheet.draw();
