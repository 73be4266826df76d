// What ink says, how sure that is, and why not surer. Twin of reading/doubt.py and reader.py; and dropped pictures.

/** The model in the page's data. */
function modelFrom(text) {
  const model = JSON.parse(text);
  for (const net of [model, model.judge]) net.layers = net.layers.map(layerFrom);
  return model;
}

/** A reading with what spoke for each of its digits, or nothing where there is no ink. */
function readWithEvidence(model, ink) {
  const reading = bounds(ink) ? read(model, ink) : { text: "", digits: [], warnings: [] };
  for (const digit of reading.digits) digit.evidence = evidence(model, digit.seen, digit.digit);
  return reading;
}

/** The reading of ink, a plane from 0 to 1: text, verdict, digits and warnings. */
function read(model, ink) {
  const asked = lines(components(ink)).map((line) => {
    const found = groups(line, model.recipe);
    for (const group of found) {
      Object.assign(group, ask(model, group.image), { judged: judged(model.judge, group.image, group.measures) });
      group.likely = likelihoods(model.judge.ways, group);
    }
    return found;
  });
  let found = asked.map((line) => readLine(model, line, false));
  if (!found.some((line) => line.digits.length)) found = asked.map((line) => readLine(model, line, true));
  return summary(found);
}

/** The likeliest way through a line; `bare` knows of no marks and of nothing else. */
function readLine(model, found, bare) {
  const { labels } = model.judge, sum = (values) => values.reduce((a, b) => a + b);
  const likely = found.map((group) => (bare ? group.likely.slice(0, 10) : group.likely));
  const [way, shares] = bestWay(found, likely), line = { digits: [], marks: [], others: 0, missed: 0 }, inner = [];
  for (const [i, answer] of way) {
    const { measures } = found[i], label = labels[answer - 9];
    if (answer < 10) {
      const trusted = bare ? sum(found[i].likely.slice(0, 10)) / sum(found[i].likely) : 1;
      line.digits.push(digitOf(model, found[i], trusted * shares[i][answer]));
      continue;
    }
    line.missed = Math.max(line.missed, sum(shares[i].slice(0, 10)));
    if (label !== "other") line.marks.push(label);
    else if (measures[1] > Math.log(0.5)) line.others++;
    else inner.push(found[i].piece);
  }
  line.others += way.filter(([i, answer]) => answer < 10 && isFilled(found[i].piece, inner)).length;
  return { ...line, tall: Math.max(...way.map(([i]) => found[i].piece.box[3])) };
}

/** Whether a digit has other ink within it, as a face has eyes and a mouth. */
function isFilled(digit, others) {
  const covers = ({ ink: { data } }) => data.reduce((sum, value) => sum + value, 0), [x, y] = digit.box;
  const within = others.filter((p) => x < p.box[0] && y < p.box[1] && right(p) < right(digit) && bottom(p) < bottom(digit));
  return within.reduce((sum, piece) => sum + covers(piece), 0) > INSIDE * covers(digit);
}

/** A digit with its verdict, and what speaks against it. */
function digitOf(model, { answers, familiar, judged, seen, piece: { box } }, belief) {
  const order = [...answers.keys()].sort((a, b) => answers[b] - answers[a]), { sure, least } = model.doubt;
  const doubtful = belief <= 0.5 || rightness(model.judge, answers[order[0]], belief, familiar) < sure;
  const verdict = belief < least ? "not a digit" : doubtful ? "unsure" : "digit", doubts = [];
  const says = (label) => judged[model.judge.labels.indexOf(label)] > SUSPECT;
  if (says("other") || familiar < 1) doubts.push("is unlike the digits known");
  if (says("part")) doubts.push("looks like part of a digit, or like more than one");
  for (const mark of model.judge.labels.slice(1, -2)) if (says(mark)) doubts.push(`may be a ${mark}`);
  if (answers[order[1]] > SUSPECT || answers[order[0]] < 0.5) doubts.push(`looks like ${order[0]} or ${order[1]}`);
  if (!doubts.length) doubts.push("is not clear");
  const known = { digit: order[0], confidence: answers[order[0]], probabilities: answers };
  return { ...known, verdict, belief, seen, box, doubts: verdict === "digit" ? [] : doubts };
}

/** All lines together; of those without digits what is as tall counts. */
function summary(lines) {
  const digits = lines.flatMap((line) => line.digits), warnings = [];
  if (!digits.length) return { text: "", verdict: "not digits", digits, warnings: ["nothing found that could be a digit"] };
  const least = AS_TALL * median(digits.map((digit) => digit.box[3]));
  const found = lines.filter((line) => line.digits.length || line.tall > least), marks = found.flatMap((line) => line.marks);
  if (found.some((line) => line.missed > 0.3)) warnings.push("something beside the digits may be one, too");
  if (found.some((line) => line.others)) warnings.push("something as tall as the digits, or within one, is none");
  const verdicts = new Set(digits.map((digit) => digit.verdict)), sure = verdicts.size === 1 && verdicts.has("digit");
  const verdict = sure && !warnings.length ? "digits" : verdicts.size === 1 && verdicts.has("not a digit") ? "not digits" : "unsure";
  if (marks.length) warnings.push(`beside the digits: ${marks.join(" ")}`);
  digits.forEach((digit, i) => {
    const place = digits.length > 1 ? `digit ${i + 1}` : "the digit";
    if (digit.verdict === "not a digit") warnings.push(`${place} is none, by its shape`);
    warnings.push(...digit.doubts.map((words) => `${place} ${words}`));
  });
  const written = lines.filter((line) => line.digits.length);
  const text = written.map((line) => line.digits.map((digit) => digit.digit).join("")).join("\n");
  return { text, verdict, digits, warnings };
}

/** Ink of a picture: whatever differs from its local ground, dark on light or light on dark. */
function inkOf({ width, height, data }) {
  const grey = plane(width, height);
  for (let i = 0; i < grey.data.length; i++) {
    const alpha = data[4 * i + 3] / 255;
    grey.data[i] = 255 * (1 - alpha) + alpha * (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
  }
  const usual = median(grey.data.filter((_, i) => i % 7 === 0));
  const skew = grey.data.reduce((sum, value) => sum + (value - usual) ** 3, 0);
  const dark = skew > 0 ? mapped(grey, (value) => 255 - value) : grey; // ink is little, and differs much
  const small = fitted(dark, Math.min(160, Math.max(width, height))), reach = Math.max(3, Math.round(Math.min(small.width, small.height) / 6));
  const least = mapped(greatest(mapped(greatest(small, reach), (value) => 256 - value), reach), (value) => 256 - value);
  const ground = resized(least, width, height);
  const relief = mapped(dark, (value, i) => Math.max(0, (ground.data[i] - value) / (ground.data[i] + 16)));
  const top = [...relief.data].sort((a, b) => b - a)[Math.floor(relief.data.length / 200)];
  return mapped(relief, (value) => (top < 0.08 ? 0 : Math.min(1, value / top)));
}
