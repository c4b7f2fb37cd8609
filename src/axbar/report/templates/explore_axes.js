// From values to pixels: scales, ticks and the drawing of axes.
function spanOf(column, rows, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const i of rows) {
    const v = column.values[i];
    if (Number.isNaN(v) || (log && v <= 0)) continue;
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  if (low > high) return log ? [0.1, 10] : [0, 1];
  if (low === high && isPercent(column.key)) return [Math.max(0, low - 0.05), Math.min(1, high + 0.05)];
  if (low === high)
    return log ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  return [low, high];
}

// A limit that lies near the values belongs to the picture.
function widened([low, high], limits, log) {
  const to = log ? Math.log : (v) => v;
  const room = 0.35 * (to(high) - to(low));
  for (const { limit } of limits) {
    if (log && limit <= 0) continue;
    if (to(limit) < to(low) && to(low) - to(limit) <= room) low = limit;
    if (to(limit) > to(high) && to(limit) - to(high) <= room) high = limit;
  }
  return [low, high];
}

// { at(value) -> pixel, back(pixel) -> value, ticks, title, log }; ticks stand about `gap` pixels apart.
function makeScale(column, span, log, from, to, gap = 75) {
  if (column.kind === "word") return wordScale(column, from, to);
  const [low, high] = span;
  const bend = log ? Math.log10 : (v) => v;
  const pad = 0.035 * (bend(high) - bend(low));
  const top = isPercent(column.key) && high <= 1 ? Math.min(1.005, bend(high) + pad) : bend(high) + pad;
  const [a, b] = [bend(low) - pad, top];
  const unbend = log ? (v) => 10 ** v : (v) => v;
  const at = (value) => from + ((bend(value) - a) / (b - a)) * (to - from);
  const scale = isPercent(column.key)
    ? { factor: 0.01, unit: "%" }
    : prefixFor(log ? Math.sqrt(low * high) : Math.max(Math.abs(low), Math.abs(high)), column.unit);
  const room = (Math.abs(to - from) * 75) / gap; // as if all ticks were 75 pixels apart
  const values = (log ? logTicks : roundTicks)(unbend(a) / scale.factor, unbend(b) / scale.factor, room);
  const ticks = values.map((v) => ({ at: at(v * scale.factor), text: tickText(v) }));
  return {
    at,
    back: (p) => unbend(a + ((p - from) / (to - from)) * (b - a)),
    ticks,
    log,
    title: capital(column.label) + (scale.unit ? `, ${scale.unit}` : ""),
  };
}

function wordScale(column, from, to) {
  const step = (to - from) / column.words.length;
  const ticks = column.words.map((text, i) => ({ at: from + (i + 0.5) * step, text }));
  return {
    at: (v) => from + (v + 0.5) * step,
    back: (p) => (p - from) / step - 0.5,
    ticks,
    log: false,
    step,
    title: capital(column.label),
  };
}
const tickText = (v) => Number(v.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 10 });

function roundTicks(low, high, room) {
  const raw = (high - low) / Math.max(2, Math.floor(room / 75));
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * (1 - 1e-9));
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return found;
}

function logTicks(low, high, room) {
  const decades = Math.log10(high) - Math.log10(low);
  if (decades < 0.7) return roundTicks(low, high, room);
  const each = room / decades;
  const steps = each > 150 ? [1, 2, 5] : each > 70 ? [1, 3] : [1];
  const every = Math.max(1, Math.ceil(45 / each));
  const found = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
    if (((e % every) + every) % every === 0) for (const m of steps) found.push(m * 10 ** e);
  return found.filter((v) => v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9));
}

// Lines of the grid, to stand behind everything: box = { left, right, top, bottom, floor }, floor where the labels of x begin.
function gridMarks(box, x, y) {
  const across = y.ticks.map((t) => mark("line", { class: "grid", x1: box.left, x2: box.right, y1: t.at, y2: t.at }));
  return [
    ...across,
    ...x.ticks.map((t) => mark("line", { class: "grid", x1: t.at, x2: t.at, y1: box.top, y2: box.floor })),
  ];
}

// Ticks and titles of a plot.
function axisMarks(box, x, y, yTitle = y.title) {
  const marks = [];
  for (const t of y.ticks) {
    marks.push(mark("text", { class: "tick end", x: box.left - 9, y: t.at + 4 }, shortened(t.text, box.left - 14)));
  }
  let last = -Infinity;
  for (const t of x.ticks) {
    const half = 3.4 * Math.min(t.text.length, 18);
    if (t.at - half < last + 8) continue;
    last = t.at + half;
    marks.push(
      mark("text", { class: "tick mid", x: t.at, y: box.floor + 18 }, shortened(t.text, x.step ? x.step - 6 : 120)),
    );
  }
  marks.push(mark("line", { class: "rule", x1: box.left, x2: box.right, y1: box.floor, y2: box.floor }));
  marks.push(
    mark("text", { class: "axis end", x: box.right, y: box.floor + 38 }, x.log ? `${x.title} (log)` : x.title),
  );
  marks.push(mark("text", { class: "axis", x: 0, y: 12 }, y.log ? `${yTitle} (log)` : yTitle));
  return marks;
}

// As much of a text as fits, at about 6.4 pixels a character.
function shortened(text, room) {
  const most = Math.max(3, Math.floor(room / 6.4));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
