// What points at the scatter: hover, click, brush, keys; its legend and its controls.
const tip = $("#tip");

function nearest(x, y, far = 14) {
  let [found, least] = [-1, far * far];
  const [cx, cy] = [Math.floor(x / CELL), Math.floor(y / CELL)];
  for (let a = cx - 1; a <= cx + 1; a++)
    for (let b = cy - 1; b <= cy + 1; b++) {
      for (const i of plot.grid.get(`${a},${b}`) ?? []) {
        // A design that is larger on the screen is easier to hit; unselected ones only where nothing else is.
        const weight = (state.selected[i] ? 1 : 6) * (designs.front[i] ? 0.5 : designs.rung.values[i] ? 0.8 : 1);
        const away = weight * ((plot.px[i] - x) ** 2 + (plot.py[i] - y) ** 2);
        if (away < least) [found, least] = [i, away];
      }
    }
  return found;
}

function tipFor(i) {
  const most = 8;
  const different = differences(designs, i);
  const figures = [...new Set([state.x, state.y, ...designs.objectives, state.colour])].filter(
    (c) => c && !c.isParameter && !c.isRung,
  );
  const row = (name, value) => [el("dt", {}, name), el("dd", {}, value)];
  const flags = [
    designs.front[i] ? "on the front" : null,
    designs.rungs[designs.rung.values[i]],
    designs.feasible[i] ? null : "breaks a limit",
  ];
  return [
    el("b", {}, nameOf(designs, i)),
    el("span", { class: "id" }, ` ${shortId(designs.ids[i])}`),
    el("div", { class: "dim" }, flags.filter(Boolean).join(" · ")),
    el(
      "dl",
      {},
      figures.map((c) => row(c.label, withEnds(c, i))),
    ),
    different.length ? el("div", { class: "dim" }, "differs from the base") : null,
    el(
      "dl",
      {},
      different.slice(0, most).map(([p, base, value]) => row(p.label, base === null ? value : `${base} → ${value}`)),
    ),
    different.length > most ? el("div", { class: "dim" }, `and ${different.length - most} more`) : null,
  ].filter(Boolean);
}

function withEnds(column, i) {
  const ends = designs.ends.get(column.key);
  const value = column.show(column.values[i]);
  if (!ends || Number.isNaN(ends.low[i]) || ends.high[i] <= ends.low[i]) return value;
  return `${value} (${column.show(ends.low[i]).replace(/ %$/, "")} to ${column.show(ends.high[i])})`;
}

function showTip(content, x, y) {
  tip.replaceChildren(...content);
  const box = tip.getBoundingClientRect();
  const wide = document.documentElement.clientWidth;
  const left = x + 18 + box.width > wide - 8 ? x - box.width - 18 : x + 18;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${clamp(8, y - 20, Math.max(8, window.innerHeight - box.height - 8))}px`;
  tip.classList.add("on");
}
const hideTip = () => tip.classList.remove("on");

function pointAt(i, x, y) {
  if (plot.cursor !== i) {
    plot.cursor = i;
    drawPicks();
  }
  if (i < 0) return hideTip();
  const box = $("#plot").getBoundingClientRect();
  showTip(tipFor(i), x ?? box.left + plot.px[i], y ?? box.top + plot.py[i]);
}

function choose(i) {
  state.picked = i;
  changed("pick");
  if (designs.reports[designs.ids[i]]) openReport(i);
}

function listenToPlot() {
  const node = $("#plot");
  node.prepend(plot.under);
  node.append(plot.svg);
  let start = null;
  const where = (event) => {
    const box = node.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = where(event);
    node.setPointerCapture(event.pointerId);
  });
  node.addEventListener("pointermove", (event) => {
    const [x, y] = where(event);
    const dragged = start && Math.hypot(x - start[0], y - start[1]) > 4;
    if (!dragged) return start ? null : pointAt(nearest(x, y), event.clientX, event.clientY);
    pointAt(-1);
    drawBrush(start, [x, y]);
  });
  node.addEventListener("pointerup", (event) => {
    if (!start) return;
    const end = where(event);
    const from = start;
    start = null;
    if (Math.hypot(end[0] - from[0], end[1] - from[1]) > 4) return brush(from, end);
    const i = nearest(...end);
    if (i >= 0) choose(i);
  });
  node.addEventListener("pointercancel", () => {
    start = null;
    $("#brush").setAttribute("visibility", "hidden");
  });
  node.addEventListener("pointerleave", () => start || pointAt(-1));
  node.addEventListener("keydown", walk);
  node.addEventListener("blur", () => pointAt(-1));
}

function corners(a, b) {
  const { box } = plot;
  const inside = ([x, y]) => [clamp(box.left, x, box.right), clamp(box.top, y, box.floor)];
  const [[x1, y1], [x2, y2]] = [inside(a), inside(b)];
  return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
}

function drawBrush(a, b) {
  const [x1, y1, x2, y2] = corners(a, b);
  fill($("#brush"), { x: x1, y: y1, width: x2 - x1, height: y2 - y1, visibility: "visible" }, []);
}

// A rectangle becomes limits on both columns; within the strip of what was not measured only on the one across.
function brush(a, b) {
  const [x1, y1, x2, y2] = corners(a, b);
  limitAlong(state.x, plot.x, x1, x2);
  if (y1 <= plot.box.bottom) limitAlong(state.y, plot.y, y2, y1);
  else setLimit(state.y.key, null);
  changed();
}

function limitAlong(column, scale, from, to) {
  if (column.kind === "word") {
    const codes = new Set(
      [...column.words.keys()].filter(
        (c) => Math.abs(scale.at(c) - (from + to) / 2) <= (Math.abs(to - from) + Math.abs(scale.step)) / 2,
      ),
    );
    setLimit(column.key, codes.size && codes.size < column.words.length ? { codes } : null);
  } else setLimit(column.key, { low: scale.back(from), high: scale.back(to) });
}

function walk(event) {
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  if (event.key === "Escape") {
    pointAt(-1);
    return clearAll();
  }
  if (event.key === "Enter" && plot.cursor >= 0) {
    event.preventDefault();
    return choose(plot.cursor);
  }
  if (!(event.key in steps)) return;
  event.preventDefault();
  const drawn = [...designs.ids.keys()].filter((i) => !Number.isNaN(plot.px[i]) && state.selected[i]);
  const front = drawn.filter((i) => designs.front[i]);
  const path = (front.length ? front : drawn).sort((a, b) => plot.px[a] - plot.px[b] || plot.py[a] - plot.py[b]);
  if (!path.length) return;
  const now = path.indexOf(plot.cursor);
  pointAt(
    path[now < 0 ? (event.key === "End" ? path.length - 1 : 0) : clamp(0, now + steps[event.key], path.length - 1)],
  );
}

// The legend: colours as buttons that keep one word, sizes by rung, how the front is drawn.
function drawLegend() {
  const c = state.colour;
  const limit = state.limits.get(c.key);
  const many =
    c.kind === "word"
      ? c.words.map((_, code) => c.values.reduce((sum, v, i) => sum + (v === code && state.shown[i]), 0))
      : [];
  const words = c.words.map((word, code) => {
    const on = !limit || limit.codes?.has(code);
    const icon = shapeIcon(SHAPES[code % SHAPES.length], inks.words[code % inks.words.length]);
    const attributes = {
      type: "button",
      class: "word",
      "aria-pressed": String(Boolean(limit && on)),
      title: `Only ${word}`,
      onclick: () => toggleWord(c, code),
    };
    return el(
      "button",
      on ? attributes : { ...attributes, class: "word off" },
      icon,
      word,
      el("small", {}, whole(many[code])),
    );
  });
  const key = c.kind === "word" ? words : [rampKey(c)];
  const rest = [];
  if (c.missing)
    rest.push(el("span", {}, shapeIcon("circle", inks.plain), c.isParameter ? "does not apply" : "not measured"));
  if (designs.front.some(Boolean)) rest.push(el("span", {}, shapeIcon("circle", inks.ink, true), "on the front"));
  if (frontSteps())
    rest.push(
      el(
        "span",
        {},
        mark(
          "svg",
          { width: 22, height: 14, "aria-hidden": "true" },
          mark("path", { class: "front", d: "M2 12V7H12V2H21" }),
        ),
        "best on these axes",
      ),
    );
  if (designs.feasible.some((f) => !f)) rest.push(el("span", { class: "dim" }, "hollow: breaks a limit"));
  const focused = $$(".word", $("#legend")).indexOf(document.activeElement);
  $("#legend").replaceChildren(
    el("div", { class: "keys", role: "group", "aria-label": `Colour: ${c.label}` }, key),
    el("div", { class: "keys quiet" }, rest),
  );
  if (focused >= 0) $$(".word", $("#legend"))[focused]?.focus();
}

function rampKey(c) {
  const stops = inks.ramp.join(",");
  return el(
    "span",
    { class: "ramp" },
    c.label,
    el("span", {}, c.show(c.low)),
    el("i", { style: `background:linear-gradient(90deg,${stops})` }),
    el("span", {}, c.show(c.high)),
  );
}

function listenToControls() {
  const group = (label, columns) =>
    columns.length
      ? el(
          "optgroup",
          { label },
          columns.map((c) => el("option", { value: c.key }, c.label)),
        )
      : null;
  const useful = designs.parameters.filter((p) => p.distinct > 1);
  const quantities = designs.quantities.filter((q) => q.distinct > 0);
  for (const [id, name] of [
    ["#x", "x"],
    ["#y", "y"],
    ["#colour", "colour"],
  ]) {
    const extra = name === "colour" ? [group("search", [designs.rung])] : [];
    const lists = [group("results", quantities), group("choices", useful)];
    $(id).replaceChildren(...(name === "colour" ? lists.reverse() : lists).filter(Boolean), ...extra.filter(Boolean));
    $(id).value = state[name].key;
    $(id).addEventListener("change", () => {
      state[name] = designs.column.get($(id).value);
      if (name !== "colour") settleLog(name);
      changed("look");
    });
  }
  for (const [id, name] of [
    ["#log-x", "logX"],
    ["#log-y", "logY"],
  ])
    $(id).addEventListener("change", () => ((state[name] = $(id).checked), changed("look")));
  settleLog("x");
  settleLog("y");
  $("#checks").replaceChildren(...checks());
  $("#controls").addEventListener("submit", (event) => event.preventDefault());
}

// Values over more than a decade start on a logarithmic axis; what is 0 or less somewhere can't have one.
function settleLog(name) {
  const c = state[name];
  const flag = name === "x" ? "logX" : "logY";
  state[flag] = c.positive && !isPercent(c.key) && (c.log || c.high / c.low > 10) && c.kind === "number";
  const box = $(`#log-${name}`);
  box.checked = state[flag];
  box.disabled = !c.positive;
}

function checks() {
  const check = (text, on, act) =>
    el(
      "label",
      { class: "check" },
      el("input", { type: "checkbox", checked: on, onchange: (e) => act(e.target.checked) }),
      ` ${text}`,
    );
  const rungs = designs.rungs.map((name, code) => {
    const many = designs.rung.values.reduce((sum, v) => sum + (v === code), 0);
    return check(
      `${name} (${whole(many)})`,
      true,
      (on) => (on ? state.rungs.add(code) : state.rungs.delete(code), changed()),
    );
  });
  const more = [check("front only", false, (on) => ((state.frontOnly = on), changed()))];
  if (designs.feasible.some((f) => !f))
    more.push(check("beyond limits", true, (on) => ((state.infeasible = on), changed())));
  more.push(check("zoom to selection", false, (on) => ((state.zoom = on), changed("look"))));
  return [...(designs.rungs.length > 1 ? rungs : []), ...more];
}
