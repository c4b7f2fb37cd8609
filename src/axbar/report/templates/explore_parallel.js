// Parallel coordinates: one line a design through all chosen columns; ranges are dragged along the axes.
const lines = {
  keys: [],
  axes: [],
  top: 48,
  bottom: 0,
  height: 0,
  svg: mark("svg", { class: "over", role: "group", "aria-label": "Axes of choices and results" }),
};
const MOST_LINES = 2000;
const MOST_FAINT = 1000;

// Choices that vary, the important ones if there are many, then the objectives.
function usualAxes() {
  const room = Math.max(4, Math.floor(Math.min(1700, $("#lines").clientWidth) / 88));
  const last = designs.objectives.filter((o) => o.distinct > 1);
  const choices = designs.parameters.filter((p) => p.distinct > 1);
  const weigh = (p) => Math.max(0, ...Object.values(designs.importance ?? {}).map((shares) => shares[p.key] ?? 0));
  const kept = new Set([...choices].sort((a, b) => weigh(b) - weigh(a)).slice(0, Math.max(2, room - last.length)));
  return [...choices.filter((p) => kept.has(p)), ...last].map((c) => c.key);
}

function makeAxes() {
  const width = Math.max(280, $("#lines").clientWidth);
  lines.height = 420;
  lines.bottom = lines.height - 34;
  const shown = lines.keys.map((key) => designs.column.get(key));
  const missing = shown.some((c) => c.missing);
  const [left, right] = [44, width - 62];
  const rows = visibleRows();
  lines.axes = shown.map((column, k) => {
    const x = shown.length > 1 ? left + (k * (right - left)) / (shown.length - 1) : (left + right) / 2;
    return {
      column,
      x,
      room: shown.length > 1 ? (right - left) / (shown.length - 1) : width,
      missing,
      ...axisScale(column, rows),
    };
  });
}

// Listed values stand at equal distances, as they were listed; others by their value.
function axisScale(column, rows) {
  const [from, to] = [lines.bottom - 6, lines.top + 10];
  const listed = column.levels ?? (column.kind === "word" ? [...column.words.keys()] : null);
  if (listed) {
    // Words read from top to bottom, numbers grow upwards.
    const [first, last] = column.kind === "word" ? [to + 8, from - 8] : [from - 8, to + 8];
    const step = listed.length > 1 ? (last - first) / (listed.length - 1) : 0;
    const places = new Map(listed.map((v, k) => [v, listed.length > 1 ? first + k * step : (from + to) / 2]));
    const spread = listed.length > 1 ? Math.min(34, 0.6 * Math.abs(step)) : 34;
    return {
      at: (v) => places.get(v),
      ticks: listed.map((v) => ({ at: places.get(v), text: column.show(v), value: v })),
      listed,
      spread,
    };
  }
  const span = spanOf(column, rows, false);
  const log = span[0] > 0 && !isPercent(column.key) && (column.log || span[1] / span[0] > 10);
  const scale = makeScale(column, span, log, from, to);
  return {
    at: scale.at,
    back: scale.back,
    ticks: scale.ticks,
    unit: scale.title.split(", ").pop(),
    title: scale.title,
    log,
  };
}

const lostAt = () => lines.bottom + 20;
function lineRows() {
  const rows = visibleRows().filter((i) => !lines.keys.every((key) => Number.isNaN(designs.column.get(key).values[i])));
  const chosen = rows.filter((i) => state.selected[i]);
  const rank = (i) => 10 * designs.front[i] + designs.rung.values[i];
  const first = chosen.filter((i) => rank(i) > 0);
  const others = chosen.filter((i) => rank(i) === 0);
  const kept = [...evenly(others, Math.max(0, MOST_LINES - first.length)), ...evenly(first, MOST_LINES)];
  return {
    kept: kept.sort((a, b) => rank(a) - rank(b)),
    faint: evenly(
      rows.filter((i) => !state.selected[i]),
      MOST_FAINT,
    ),
    whole: chosen.length,
  };
}
const evenly = (rows, most) =>
  rows.length <= most ? rows : Array.from({ length: most }, (_, k) => rows[Math.floor((k * rows.length) / most)]);

function drawLines(what) {
  if ((what.size === 1 && what.has("pick")) || $("#parallel").hidden) return;
  const node = $("#lines");
  if (!lines.keys.length) lines.keys = usualAxes();
  makeAxes();
  node.style.height = `${lines.height}px`;
  const context = cleared($("canvas", node), Math.max(280, node.clientWidth), lines.height);
  const { kept, faint, whole: many } = lineRows();
  context.lineJoin = "round";
  context.lineWidth = 1;
  context.strokeStyle = inks.faint;
  context.globalAlpha = 0.22;
  for (const i of faint) stroke(context, i);
  const paint = painter();
  const usual = clamp(0.07, 90 / Math.max(1, kept.length), 0.8);
  for (const i of kept) {
    const front = designs.front[i];
    context.globalAlpha = front ? 0.95 : designs.rung.values[i] ? Math.min(0.8, 1.6 * usual) : usual;
    context.lineWidth = front ? 1.8 : 1;
    context.strokeStyle = paint(i);
    stroke(context, i);
  }
  context.globalAlpha = 1;
  drawAxes();
  const drawn =
    kept.length < many
      ? `${whole(kept.length)} of ${plural(many, "selected design")} have a line: all on the front and measured, an even part of the others.`
      : "";
  $("#lines-note").textContent = drawn;
}

function stroke(context, i) {
  context.beginPath();
  lines.axes.forEach((axis, k) => {
    const v = axis.column.values[i];
    const y =
      Number.isNaN(v) || (axis.log && v <= 0)
        ? lostAt() + 8 * jitter(i * 31 + k)
        : axis.at(v) + (axis.listed ? axis.spread * jitter(i * 31 + k) : 0);
    context[k ? "lineTo" : "moveTo"](axis.x, y);
  });
  context.stroke();
}

function drawAxes() {
  const node = $("#lines");
  fill(lines.svg, { width: node.clientWidth, height: lines.height }, []);
  const focused = lines.svg.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  lines.svg.replaceChildren(...lines.axes.map(axisGroup));
  if (focused) $(`[data-key="${CSS.escape(focused)}"]`, lines.svg)?.focus();
}

function axisGroup(axis) {
  const { column, x } = axis;
  const limit = state.limits.get(column.key);
  const dot = column.label.lastIndexOf(".");
  const [above, below] = dot > 0 ? [column.label.slice(0, dot), column.label.slice(dot + 1)] : ["", column.label];
  const unit = axis.title && axis.title.includes(", ") ? `, ${axis.unit}` : "";
  const name = mark(
    "g",
    {
      class: "name",
      tabindex: 0,
      role: "button",
      "data-key": column.key,
      "aria-label": `${column.label}${limit ? `, limited: ${limitText(column, limit)}; Enter lets go` : "; arrows keep a range"}`,
      onclick: () => release(column),
      onkeydown: (e) => axisKeys(e, axis),
    },
    mark("title", {}, column.label),
    mark("text", { class: "sub mid", x, y: 12 }, shortened(above, axis.room - 4)),
    mark("text", { class: "mid strong", x, y: 28 }, shortened(below + unit, axis.room - 4)),
  );
  const marks = [mark("line", { class: "rule", x1: x, x2: x, y1: lines.top, y2: lines.bottom }), name];
  for (const t of axis.ticks) marks.push(tickMark(axis, t, limit));
  if (axis.missing)
    marks.push(mark("text", { class: "tick halo", x: x + 6, y: lostAt() + 4 }, column.missing ? "none" : ""));
  if (limit && !limit.codes) marks.push(rangeMark(axis, limit));
  marks.push(
    mark("rect", {
      class: "handle",
      "data-axis": column.key,
      x: x - 11,
      y: lines.top,
      width: 22,
      height: lines.bottom - lines.top,
      onpointerdown: (e) => dragAxis(e, axis),
    }),
  );
  return mark("g", {}, marks);
}

function tickMark(axis, tick, limit) {
  const { column, x } = axis;
  const text = shortened(tick.text, axis.room - 12);
  if (column.kind !== "word") return mark("text", { class: "tick halo", x: x + 6, y: tick.at + 4 }, text);
  const on = limit?.codes?.has(tick.value);
  return mark(
    "text",
    {
      class: `tick halo word ${limit ? (on ? "on" : "off") : ""}`,
      x: x + 6,
      y: tick.at + 4,
      onclick: () => toggleWord(column, tick.value),
    },
    mark("title", {}, tick.text),
    text,
  );
}

function rangeMark(axis, { low, high }) {
  const ends = axis.listed
    ? axis.listed.filter((v) => v >= low && v <= high).map(axis.at)
    : [low, high].map((v) => clamp(lines.top, axis.log && v <= 0 ? lines.bottom : axis.at(v), lines.bottom));
  if (!ends.length) return mark("g");
  const [top, bottom] = [Math.min(...ends), Math.max(...ends)];
  const pad = axis.listed ? axis.spread / 2 : 0;
  return mark("rect", {
    class: "range",
    x: axis.x - 5,
    y: top - pad,
    width: 10,
    height: bottom - top + 2 * pad,
    rx: 2,
  });
}

function release(column) {
  if (!state.limits.has(column.key)) return;
  setLimit(column.key, null);
  changed();
}

// Dragging keeps what lies between; words and listed values are those whose marks the range holds.
function keepBetween(axis, from, to) {
  const [top, bottom] = [Math.min(from, to), Math.max(from, to)];
  const { column } = axis;
  if (axis.listed) {
    const kept = axis.listed.filter((v) => axis.at(v) >= top - 8 && axis.at(v) <= bottom + 8);
    if (!kept.length || kept.length === axis.listed.length) setLimit(column.key, null);
    else
      setLimit(
        column.key,
        column.kind === "word" ? { codes: new Set(kept) } : { low: kept[0], high: kept[kept.length - 1] },
      );
  } else setLimit(column.key, { low: axis.back(bottom), high: axis.back(top) });
  changed();
}

function dragAxis(event, axis) {
  if (event.button !== 0) return;
  event.preventDefault();
  const node = $("#lines");
  const y = (e) => clamp(lines.top, e.clientY - node.getBoundingClientRect().top, lines.bottom);
  const start = y(event);
  let end = start;
  let waits = false;
  const move = (e) => {
    end = y(e);
    if (waits || Math.abs(end - start) < 5) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      keepBetween(axis, start, end);
    });
  };
  const drag = new AbortController();
  const stop = () => {
    drag.abort();
    if (Math.abs(end - start) < 5) release(axis.column);
    else keepBetween(axis, start, end);
  };
  addEventListener("pointermove", move, { signal: drag.signal });
  addEventListener("pointerup", stop, { signal: drag.signal });
  addEventListener("pointercancel", () => drag.abort(), { signal: drag.signal });
}

// Where the range that the keyboard moves begins, by column.
const keyWindows = new Map();

// By keyboard a range of a third of the axis is moved; Enter or Escape lets go.
function axisKeys(event, axis) {
  if (event.key === "Enter" || event.key === " " || event.key === "Escape") {
    event.preventDefault();
    return release(axis.column);
  }
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
  event.preventDefault();
  const [top, bottom] = [lines.top + 10, lines.bottom - 6];
  const size = (bottom - top) / 3;
  const had = keyWindows.get(axis.column.key);
  const up = event.key === "ArrowUp";
  const first = up ? top : bottom - size;
  const place = had === undefined ? first : clamp(top, had + (up ? -size : size) / 3, bottom - size);
  keyWindows.set(axis.column.key, place);
  keepBetween(axis, place, place + size);
}

function listenToLines() {
  $("#lines").append(lines.svg);
  const box = (c) =>
    el(
      "label",
      { class: "check" },
      el("input", {
        type: "checkbox",
        value: c.key,
        checked: lines.keys.includes(c.key),
        onchange: () => {
          const on = new Set($$("input:checked", $("#axes")).map((input) => input.value));
          lines.keys = [...designs.parameters, ...designs.quantities].filter((q) => on.has(q.key)).map((q) => q.key);
          changed("look");
        },
      }),
      ` ${c.label}`,
    );
  lines.keys = usualAxes();
  $("#axes").replaceChildren(...[...designs.parameters, ...designs.quantities].filter((c) => c.distinct > 0).map(box));
}
