// The sheet to draw on: strokes of mouse, pen, finger and keyboard, pictures that are dropped on it, and its ink.

const PEN = 0.07; // width of the pen, a share of the sheet's height
const STEP = 0.02; // what an arrow key moves the keyboard's pen by, a share of the sheet's height
const READ = 480; // pixels of the sheet's longer side that are read

/** Everything on the sheet; `changed` is called when it looks different. */
class Sheet {
  constructor(canvas, changed) {
    Object.assign(this, { canvas, changed, strokes: [], picture: null, pen: null, keyed: { x: 0.5, y: 0.25, down: false } });
    this.context = canvas.getContext("2d");
    this.small = new OffscreenCanvas(READ, READ / 2).getContext("2d", { willReadFrequently: true });
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button || this.pen !== null) return; // one pen at a time: a resting palm draws nothing
      canvas.setPointerCapture(this.pen = event.pointerId);
      this.strokes.push([]);
      this.follow(event);
    });
    canvas.addEventListener("pointermove", (event) => event.pointerId === this.pen && this.follow(event));
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, (event) => { if (event.pointerId === this.pen) this.pen = null; });
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const turn of ["focus", "blur"]) canvas.addEventListener(turn, () => this.draw());
  }

  /** A stroke goes on through all points since the last event: browsers put several into one. */
  follow(event) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const events = event.getCoalescedEvents?.() ?? [];
    for (const { clientX, clientY } of events.length ? events : [event])
      this.strokes.at(-1).push([(clientX - left) / width, (clientY - top) / width]);
    this.draw();
  }

  key(event) {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key], { keyed } = this;
    if (arrow) {
      const step = (STEP / 2) * (event.shiftKey ? 4 : 1);
      [keyed.x, keyed.y] = [clip(keyed.x + arrow[0] * step, 0, 1), clip(keyed.y + arrow[1] * step, 0, 0.5)];
      if (keyed.down) this.strokes.at(-1).push([keyed.x, keyed.y]);
    } else if (event.key === " ") {
      keyed.down = !keyed.down;
      if (keyed.down) this.strokes.push([[keyed.x, keyed.y]]);
    } else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) this.undo();
    else return;
    event.preventDefault();
    this.draw();
  }

  undo() {
    if (!this.strokes.pop()) this.picture = this.theirs = null;
    this.keyed.down = false;
    this.draw();
  }

  clear() {
    [this.strokes, this.picture, this.theirs, this.keyed.down] = [[], null, null, false];
    this.draw();
  }

  /** Put a picture on the sheet, as large as it fits; its ink is read with what is drawn. */
  async show(file) {
    this.clear();
    this.picture = await createImageBitmap(file);
    this.theirs = this.inkOfPicture();
    this.draw();
  }

  /** Where the picture lies in a canvas. */
  place({ width, height }) {
    const factor = Math.min(width / this.picture.width, height / this.picture.height);
    const w = this.picture.width * factor, h = this.picture.height * factor;
    return [(width - w) / 2, (height - h) / 2, w, h];
  }

  draw() {
    const { context, canvas, keyed } = this, colour = getComputedStyle(canvas).getPropertyValue("--ink");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (this.picture) context.drawImage(this.picture, ...this.place(canvas));
    this.ink(context, canvas, colour);
    if (document.activeElement === canvas && canvas.matches(":focus-visible")) {
      context.strokeStyle = getComputedStyle(canvas).getPropertyValue(keyed.down ? "--none" : "--bar");
      context.lineWidth = 4;
      context.beginPath();
      context.arc(keyed.x * canvas.width, keyed.y * canvas.width, (PEN * canvas.height) / 2, 0, 7);
      context.stroke();
    }
    this.changed();
  }

  /** The strokes, smooth: curves from middle to middle of the points, which bend at the points. */
  ink(context, { width, height }, colour) {
    Object.assign(context, { strokeStyle: colour, lineWidth: PEN * height, lineCap: "round", lineJoin: "round" });
    for (const stroke of this.strokes) {
      const points = stroke.map(([x, y]) => [x * width, y * width]);
      context.beginPath();
      context.moveTo(...points[0]);
      points.slice(1).forEach(([x, y], i) => context.quadraticCurveTo(...points[i], (x + points[i][0]) / 2, (y + points[i][1]) / 2));
      context.lineTo(...points.at(-1));
      context.stroke();
    }
  }

  /** All ink, from 0 to 1, for the reader. */
  plane() {
    const { small, small: { canvas: { width, height } } } = this;
    small.clearRect(0, 0, width, height);
    this.ink(small, { width, height }, "#000");
    const { data } = small.getImageData(0, 0, width, height), ink = plane(width, height);
    for (let i = 0; i < ink.data.length; i++) ink.data[i] = Math.max(data[4 * i + 3] / 255, this.theirs?.data[i] ?? 0);
    return ink;
  }

  /** The ink of a picture, found once. */
  inkOfPicture() {
    const { small, small: { canvas: { width, height } } } = this, [x, y, w, h] = this.place({ width, height }).map(Math.round);
    small.clearRect(0, 0, width, height);
    small.drawImage(this.picture, x, y, w, h);
    return part(inkOf(small.getImageData(x, y, w, h)), -x, -y, width, height);
  }

  /** The sheet as a PNG, dark on white, as `hellodl predict` reads it. */
  async png() {
    const { width, height } = this.canvas, page = new OffscreenCanvas(width, height), context = page.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    if (this.picture) context.drawImage(this.picture, ...this.place(page));
    this.ink(context, page, "#000");
    return page.convertToBlob();
  }
}
