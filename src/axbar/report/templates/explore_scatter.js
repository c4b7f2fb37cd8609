// The scatter of designs: points on a canvas, axes, limits and the front in SVG above it.
const plot = {
  box: null,
  x: null,
  y: null,
  px: null,
  py: null,
  grid: null,
  svg: mark("svg", { class: "over", "aria-hidden": "true" }),
  under: mark("svg", { class: "over", "aria-hidden": "true" }),
  cursor: -1,
  ms: 0,
};
const CELL = 24;

// A number in -0.5..0.5 that stays with its point, to spread what has no value.
const jitter = (i) => ((Math.imul(i + 1, 2654435761) >>> 8) & 0xffff) / 65536 - 0.5;

function layout() {
  const node = $("#plot");
  const width = Math.max(280, node.clientWidth);
  const height = Math.round(clamp(440, width * 0.62, Math.max(440, Math.min(680, window.innerHeight - 220))));
  node.style.height = `${height}px`;
  const rows = visibleRows();
  const unmeasured =
    state.y.kind === "number" && rows.some((i) => Number.isNaN(state.y.values[i]) && !Number.isNaN(state.x.values[i]));
  const left = state.y.kind === "word" ? Math.min(120, 16 + 6.6 * Math.max(...state.y.words.map((w) => w.length))) : 58;
  const floor = height - 48;
  plot.box = {
    left,
    right: width - 10,
    top: 26,
    bottom: floor - (unmeasured ? 40 : 0),
    floor,
    width,
    height,
    gutter: unmeasured,
  };
  const { box } = plot;
  const limited = (c) => designs.limits.filter((l) => l.key === c.key);
  const domain = (c, log) =>
    widened(spanOf(c, state.zoom && isNarrowed() ? rows.filter((i) => state.selected[i]) : rows, log), limited(c), log);
  plot.x = makeScale(
    state.x,
    state.x.kind === "number" ? domain(state.x, state.logX) : null,
    state.logX,
    box.left,
    box.right,
  );
  plot.y = makeScale(
    state.y,
    state.y.kind === "number" ? domain(state.y, state.logY) : null,
    state.logY,
    box.bottom,
    box.top,
    50,
  );
}
const visibleRows = () => [...designs.ids.keys()].filter((i) => state.shown[i]);

function place() {
  const { box, x, y } = plot;
  plot.px = new Float64Array(designs.n).fill(NaN);
  plot.py = new Float64Array(designs.n).fill(NaN);
  plot.grid = new Map();
  const spread = (scale, i) => (scale.step ? 0.6 * scale.step * jitter(i) : 0);
  for (let i = 0; i < designs.n; i++) {
    const [u, v] = [state.x.values[i], state.y.values[i]];
    if (!state.shown[i] || Number.isNaN(u) || (state.logX && u <= 0)) continue;
    const away = Number.isNaN(v) || (state.logY && v <= 0);
    if (away && !box.gutter) continue;
    const px = x.at(u) + spread(x, i);
    const py = away ? box.floor - 17 + 26 * jitter(i) : y.at(v) + spread(y, 7 * i + 3);
    if (px < box.left - 1 || px > box.right + 1 || (!away && (py < box.top - 1 || py > box.bottom + 1))) continue;
    plot.px[i] = px;
    plot.py[i] = py;
    const cell = `${Math.floor(px / CELL)},${Math.floor(py / CELL)}`;
    if (!plot.grid.has(cell)) plot.grid.set(cell, []);
    plot.grid.get(cell).push(i);
  }
}

// Colour of each design by the chosen column.
function painter() {
  const c = state.colour;
  if (c.kind === "word")
    return (i) => (Number.isNaN(c.values[i]) ? inks.plain : inks.words[c.values[i] % inks.words.length]);
  const log = c.positive && c.high / c.low > 20;
  const bend = log ? Math.log : (v) => v;
  const [a, b] = [bend(c.low), bend(c.high)];
  const steps = [...Array(65)].map((_, k) => rampColour(k / 64));
  return (i) =>
    Number.isNaN(c.values[i]) ? inks.plain : steps[Math.round(64 * (b > a ? (bend(c.values[i]) - a) / (b - a) : 0))];
}
const shapeOf = (i) =>
  state.colour.kind === "word" && state.colour.values[i] >= 0
    ? SHAPES[state.colour.values[i] % SHAPES.length]
    : "circle";

function radiusOf(i) {
  const most = designs.rungs.length - 1;
  if (most <= 0) return designs.front[i] ? 4 : 2.6;
  return [1.5, 3, 4.4][Math.min(2, Math.round((2 * designs.rung.values[i]) / most))];
}

function drawPoints() {
  const { box } = plot;
  const context = cleared($("#plot canvas"), box.width, box.height);
  const paint = painter();
  const narrowed = isNarrowed();
  const layers = [[], [], [], []];
  for (let i = 0; i < designs.n; i++) {
    if (Number.isNaN(plot.px[i])) continue;
    layers[narrowed && !state.selected[i] ? 0 : designs.front[i] ? 3 : radiusOf(i) < 2 ? 1 : 2].push(i);
  }
  context.fillStyle = inks.faint;
  for (const i of layers[0]) square(context, i, Math.max(1.1, 0.7 * radiusOf(i)));
  for (const i of layers[1]) {
    context.globalAlpha = designs.feasible[i] ? 0.5 : 0.22;
    context.fillStyle = paint(i);
    square(context, i, 1.5);
  }
  layers[2].sort((a, b) => designs.rung.values[a] - designs.rung.values[b]);
  for (const i of layers[2]) dot(context, i, paint(i), designs.feasible[i] ? 0.75 : 0.5);
  for (const i of layers[3]) ring(context, i, paint(i));
  const measured = [...layers[2].filter((i) => designs.rung.values[i] === designs.rungs.length - 1), ...layers[3]];
  drawErrors(context, measured, paint);
  context.globalAlpha = 1;
}

function square(context, i, r) {
  context.fillRect(plot.px[i] - r, plot.py[i] - r, 2 * r, 2 * r);
}

// Designs that break a limit are drawn hollow.
function dot(context, i, colour, alpha) {
  context.globalAlpha = alpha;
  context.beginPath();
  trace(context, shapeOf(i), plot.px[i], plot.py[i], designs.feasible[i] ? radiusOf(i) : radiusOf(i) - 0.7);
  if (designs.feasible[i]) {
    context.fillStyle = colour;
    context.fill();
  } else {
    context.strokeStyle = colour;
    context.lineWidth = 1.2;
    context.stroke();
  }
}

function ring(context, i, colour) {
  context.globalAlpha = 1;
  context.beginPath();
  trace(context, shapeOf(i), plot.px[i], plot.py[i], 5.4);
  context.lineJoin = "round";
  context.lineWidth = 4.4;
  context.strokeStyle = inks.paper;
  context.stroke();
  context.fillStyle = colour;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = inks.ink;
  context.stroke();
}

// The interval of a measured quantity, for designs of the highest rung and of the front; few images make it longer
// than the axis.
function drawErrors(context, rows, paint) {
  const { box } = plot;
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  context.clip();
  context.globalAlpha = 0.75;
  context.lineWidth = 1.2;
  for (const [column, scale, along] of [
    [state.x, plot.x, "x"],
    [state.y, plot.y, "y"],
  ]) {
    const ends = designs.ends.get(column.key);
    if (!ends) continue;
    for (const i of rows) {
      const [low, high] = [ends.low[i], ends.high[i]];
      if (Number.isNaN(low) || Number.isNaN(high) || high <= low || (scale.log && low <= 0)) continue;
      context.strokeStyle = paint(i);
      context.beginPath();
      const [a, b, cap] = [scale.at(low), scale.at(high), 2.5];
      const [px, py] = [plot.px[i], plot.py[i]];
      const line = (x1, y1, x2, y2) => (context.moveTo(x1, y1), context.lineTo(x2, y2));
      if (along === "y") (line(px, a, px, b), line(px - cap, a, px + cap, a), line(px - cap, b, px + cap, b));
      else (line(a, py, b, py), line(a, py - cap, a, py + cap), line(b, py - cap, b, py + cap));
      context.stroke();
    }
  }
  context.restore();
}

// The front as what can be reached: a step line through the designs of the front that are best on both axes.
function frontSteps() {
  const [sx, sy] = [state.x.sense, state.y.sense];
  if (!sx || !sy) return null;
  const signX = sx === "max" ? -1 : 1;
  const signY = sy === "max" ? -1 : 1;
  const rows = [...designs.ids.keys()].filter(
    (i) => designs.front[i] && !Number.isNaN(plot.px[i]) && !Number.isNaN(state.y.values[i]),
  );
  rows.sort(
    (a, b) => signX * (state.x.values[a] - state.x.values[b]) || signY * (state.y.values[a] - state.y.values[b]),
  );
  const best = [];
  for (const i of rows)
    if (!best.length || signY * (state.y.values[i] - state.y.values[best[best.length - 1]]) < 0) best.push(i);
  if (!best.length) return null;
  const { box } = plot;
  const [worstX, worstY] = [signX > 0 ? box.right : box.left, signY > 0 ? box.top : box.bottom];
  const d = [`M${plot.px[best[0]]} ${worstY}`];
  for (const i of best) d.push(`H${plot.px[i]}V${plot.py[i]}`);
  return { d: `${d.join("")}H${worstX}`, rows: best };
}

function limitMarks() {
  const { box } = plot;
  const [marks, below, outside] = [[], [], []];
  for (const l of designs.limits) {
    for (const [column, scale, name] of [
      [state.x, plot.x, "x"],
      [state.y, plot.y, "y"],
    ]) {
      if (column.key !== l.key || (scale.log && l.limit <= 0)) continue;
      const at = scale.at(l.limit);
      const [start, end] = name === "x" ? [box.left, box.right] : [box.top, box.bottom];
      if (at < start || at > end) {
        outside.push(limitWords(column, l));
        continue;
      }
      // Pixels grow downwards: what lies above a limit of y has the smaller ones.
      const from = (l.op === "<=") === (name === "x") ? at : start;
      const to = (l.op === "<=") === (name === "x") ? end : at;
      if (name === "x") {
        below.push(mark("rect", { class: "no", x: from, y: box.top, width: to - from, height: box.floor - box.top }));
        marks.push(mark("line", { class: "limit", x1: at, x2: at, y1: box.top, y2: box.floor }));
        const right = at > (box.left + box.right) / 2;
        marks.push(
          mark(
            "text",
            { class: `limit-text ${right ? "end" : ""}`, x: at + (right ? -6 : 6), y: box.top + 13 },
            `limit: ${limitWords(column, l)}`,
          ),
        );
      } else {
        below.push(mark("rect", { class: "no", x: box.left, y: from, width: box.right - box.left, height: to - from }));
        marks.push(mark("line", { class: "limit", x1: box.left, x2: box.right, y1: at, y2: at }));
        marks.push(
          mark(
            "text",
            { class: "limit-text end", x: box.right - 4, y: at + (at > box.bottom - 20 ? -6 : 15) },
            `limit: ${limitWords(column, l)}`,
          ),
        );
      }
    }
  }
  return { marks, below, outside };
}
// The rectangle of the limits on the two columns, as far as they are ranges.
function keptMark() {
  const { box } = plot;
  const ranges = [state.x, state.y].map((c) => (c.kind === "number" ? state.limits.get(c.key) : null));
  if (!ranges.some(Boolean)) return mark("g");
  const inside = (scale, v, low, high) =>
    scale.log && v <= 0 ? low : clamp(Math.min(low, high), scale.at(v), Math.max(low, high));
  const [x1, x2] = ranges[0]
    ? [inside(plot.x, ranges[0].low, box.left, box.right), inside(plot.x, ranges[0].high, box.left, box.right)]
    : [box.left, box.right];
  const [y2, y1] = ranges[1]
    ? [inside(plot.y, ranges[1].low, box.bottom, box.top), inside(plot.y, ranges[1].high, box.bottom, box.top)]
    : [box.floor, box.top];
  return mark("rect", { class: "brush kept", x: x1, y: y1, width: Math.max(0, x2 - x1), height: Math.max(0, y2 - y1) });
}
const limitWords = (column, l) =>
  `${column.label} ${l.op === "<=" ? "≤" : "≥"} ${column.show(l.limit).replace(/\.0+(?= |$)/, "")}`;

function drawOver() {
  const { box, svg, under } = plot;
  for (const layer of [svg, under]) fill(layer, { width: box.width, height: box.height }, []);
  const limits = limitMarks();
  const front = frontSteps();
  under.replaceChildren(...limits.below, ...gridMarks(box, plot.x, plot.y));
  const marks = [...axisMarks(box, plot.x, plot.y), ...limits.marks];
  if (box.gutter) {
    marks.push(
      mark("line", { class: "rule thin", x1: box.left, x2: box.right, y1: box.bottom + 4, y2: box.bottom + 4 }),
    );
    const [first, second] = ["not", "measured"];
    marks.push(
      mark("text", { class: "tick end", x: box.left - 9, y: box.floor - 20 }, first),
      mark("text", { class: "tick end", x: box.left - 4, y: box.floor - 7 }, second),
    );
  }
  if (front) marks.push(mark("path", { class: "front", d: front.d }));
  svg.replaceChildren(
    ...marks,
    mark("g", { id: "marks" }),
    keptMark(),
    mark("rect", { id: "brush", class: "brush", visibility: "hidden" }),
  );
  plotNote(limits.outside);
  drawPicks();
}

function drawPicks() {
  const around = (i, name, r) =>
    i < 0 || Number.isNaN(plot.px[i]) ? null : mark("circle", { class: name, cx: plot.px[i], cy: plot.py[i], r });
  const marks = [around(state.picked, "picked", 10), around(plot.cursor, "cursor", 8)].filter(Boolean);
  $("#marks", plot.svg)?.replaceChildren(...marks);
}

function plotNote(outside) {
  const rows = visibleRows();
  const lost = rows.filter((i) => Number.isNaN(state.x.values[i])).length;
  const away = plot.box.gutter
    ? rows.filter((i) => Number.isNaN(state.y.values[i]) && !Number.isNaN(state.x.values[i])).length
    : 0;
  const said = [];
  if (away) said.push(`${plural(away, "design")} ${away === 1 ? "has" : "have"} no ${state.y.label}: below the line.`);
  if (lost)
    said.push(
      `${plural(lost, "design")} ${lost === 1 ? "has" : "have"} no ${state.x.label} and ${lost === 1 ? "is" : "are"} not drawn.`,
    );
  for (const text of outside) said.push(`The limit ${text} lies outside of this chart.`);
  if (!rows.length) said.push("No design is shown.");
  $("#plot-note").textContent = said.join(" ");
}

function drawScatter(what) {
  if ($("#pareto").hidden) return;
  if (what.size === 1 && what.has("pick")) return drawPicks();
  const begun = performance.now();
  layout();
  place();
  drawPoints();
  drawOver();
  drawLegend();
  plot.ms = performance.now() - begun;
  document.documentElement.dataset.drawMs = plot.ms.toFixed(1);
}
