// The full report of one design of the front, in a dialog: what differs, where costs go, accuracy, how to run it.
const paper = { row: -1, quantity: null, part: "group" };

function openReport(i) {
  hideTip();
  paper.row = i;
  drawReport();
  const dialog = $("#report");
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

// Designs with a report, along the first objective.
function reported() {
  const along = designs.objectives[0] ?? designs.quantities[0];
  const rows = Object.keys(designs.reports)
    .map((id) => designs.row.get(id))
    .filter((i) => i !== undefined);
  return along ? rows.sort((a, b) => along.values[a] - along.values[b] || a - b) : rows;
}

function drawReport() {
  const i = paper.row;
  const id = designs.ids[i];
  const report = designs.reports[id];
  const rows = reported();
  const at = rows.indexOf(i);
  const step = (by, text, label) =>
    el(
      "button",
      {
        type: "button",
        disabled: !rows[at + by] && rows[at + by] !== 0,
        "aria-label": label,
        onclick: () => {
          state.picked = rows[at + by];
          changed("pick");
          openReport(rows[at + by]);
          const same = $(`#report button[aria-label="${label}"]`);
          (same.disabled ? $("#report .close") : same).focus();
        },
      },
      text,
    );
  const head = el(
    "div",
    { class: "report-head" },
    el(
      "div",
      {},
      el(
        "h2",
        { id: "report-title" },
        shapeIcon(shapeOf(i), painter()(i)),
        nameOf(designs, i),
        " ",
        el("code", {}, id),
      ),
      el(
        "p",
        { class: "dim" },
        `${at + 1} of ${rows.length} reports · ${designs.rungs[designs.rung.values[i]]}${designs.front[i] ? " · on the front" : ""}`,
      ),
    ),
    el(
      "div",
      { class: "acts" },
      step(-1, "‹ Previous", "Previous report"),
      step(1, "Next ›", "Next report"),
      el("button", { type: "button", class: "close", autofocus: true, onclick: () => $("#report").close() }, "Close"),
    ),
  );
  const figures = designs.quantities
    .filter((q) => !Number.isNaN(q.values[i]))
    .map((q) =>
      el(
        "div",
        {},
        el("dt", {}, q.label),
        el(
          "dd",
          { class: "big" },
          q.show(q.values[i]).split(" ")[0],
          el("small", {}, q.show(q.values[i]).split(" ").slice(1).join(" ")),
        ),
      ),
    );
  $("#report").replaceChildren(
    head,
    el("dl", { class: "verdict small" }, figures),
    el(
      "div",
      { class: "two even" },
      el("div", {}, breakdownPart(report), accuracyPart(report.accuracy)),
      el("div", {}, diffPart(report), runPart(report, id), notesPart(report)),
    ),
    specPart(report),
  );
}

function diffPart(report) {
  const rows = (report.diff ?? []).map(([path, base, value]) =>
    el(
      "tr",
      {},
      el("td", { class: "path" }, path),
      el("td", { class: "was n" }, shownValue(path, base)),
      el("td", { class: "n" }, shownValue(path, value)),
    ),
  );
  if (!rows.length) return el("div", {}, el("h3", {}, "What differs from the base"), el("p", {}, "Nothing."));
  return el(
    "div",
    {},
    el("h3", {}, "What differs from the base"),
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", { scope: "col" }, "setting"),
          el("th", { scope: "col", class: "n" }, "base"),
          el("th", { scope: "col", class: "n" }, "here"),
        ),
      ),
      el("tbody", {}, rows),
    ),
  );
}

const PARTS = { group: "by group", component: "by component", layer: "by layer" };
function breakdownPart(report) {
  const box = el("div", { class: "breakdown" });
  const draw = (focus) => {
    const keys = Object.keys(report.breakdown ?? {});
    if (!keys.length) return box.replaceChildren();
    if (!keys.includes(paper.quantity)) paper.quantity = keys[0];
    const parts = Object.keys(report.breakdown[paper.quantity]);
    const part = parts.includes(paper.part) ? paper.part : parts[0];
    const tab = (name, text, value) =>
      el(
        "button",
        {
          type: "button",
          "aria-pressed": String(value === (name === "part" ? part : paper.quantity)),
          "data-value": value,
          onclick: () => ((paper[name] = value), draw(value)),
        },
        text,
      );
    box.replaceChildren(
      el("h3", {}, "Where it goes"),
      el(
        "div",
        { class: "tabs", role: "group", "aria-label": "Quantity" },
        keys.map((key) => tab("quantity", designs.column.get(key)?.label ?? key, key)),
      ),
      el(
        "div",
        { class: "tabs", role: "group", "aria-label": "Split" },
        parts.map((p) => tab("part", PARTS[p] ?? p, p)),
      ),
      barTable(report.breakdown[paper.quantity][part], part),
    );
    if (focus) $(`[data-value="${CSS.escape(focus)}"]`, box)?.focus();
  };
  draw();
  return box;
}

function barTable(values, part) {
  const unit = designs.column.get(paper.quantity)?.unit ?? "";
  const entries = Object.entries(values).filter(([, v]) => v);
  if (part !== "layer") entries.sort((a, b) => b[1] - a[1]);
  const sum = entries.reduce((total, [, v]) => total + v, 0);
  const most = Math.max(...entries.map(([, v]) => v), 0);
  const row = ([name, v]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, designs.labels[name] ?? name),
      el(
        "td",
        { class: "wide" },
        el("i", { style: `width:${(100 * v) / most}%;background:${designs.colours[name] ?? "var(--accent)"}` }),
      ),
      el("td", { class: "n" }, quantity(v, unit)),
      el("td", { class: "n dim" }, sum > 0 ? percent(v / sum) : ""),
    );
  const none = Object.entries(values)
    .filter(([, v]) => !v)
    .map(([name]) => designs.labels[name] ?? name);
  return el(
    "div",
    {},
    el("table", { class: "bars" }, el("tbody", {}, entries.map(row))),
    none.length ? el("p", { class: "note" }, `Nothing: ${none.join(", ")}.`) : null,
  );
}

// Accuracy of each die as a dot; the float and the integer network as lines.
function accuracyPart(accuracy) {
  if (!accuracy) return null;
  const dies = accuracy.analog?.chips ?? [];
  const lines = [
    ["float", accuracy.float],
    ["digital", accuracy.digital],
    ["mean of dies", accuracy.analog?.mean],
  ].filter(([, v]) => v !== null && v !== undefined);
  const all = [...dies, ...lines.map(([, v]) => v)];
  if (!all.length) return null;
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const pad = Math.max(0.002, 0.15 * (high - low));
  const at = (v) => 8 + (484 * (v - low + pad)) / (high - low + 2 * pad);
  const marks = lines.map(([name, v]) =>
    mark("line", { class: name.split(" ")[0], x1: at(v), x2: at(v), y1: 6, y2: 44 }),
  );
  const dots = dies.map((v, k) =>
    mark(
      "circle",
      { class: "die", cx: at(v), cy: 25 + (dies.length > 1 ? 8 * jitter(k) : 0), r: 5 },
      mark("title", {}, `die ${k + 1}: ${percent(v, 2)}`),
    ),
  );
  const told = [
    ...lines.map(([name, v]) => [name, percent(v, 2)]),
    dies.length ? ["dies", dies.map((v) => percent(v, 2)).join(", ")] : null,
    accuracy.analog?.std ? ["spread of dies", `± ${(100 * accuracy.analog.std).toFixed(2)} points`] : null,
  ].filter(Boolean);
  return el(
    "div",
    {},
    el(
      "h3",
      { class: "later" },
      "Accuracy",
      accuracy.images ? el("span", { class: "dim" }, ` on ${plural(accuracy.images, "image")}`) : null,
    ),
    mark(
      "svg",
      { class: "dies", viewBox: "0 0 500 50", role: "img", "aria-label": told.map((t) => t.join(" ")).join("; ") },
      mark("line", { class: "rule", x1: 0, x2: 500, y1: 25, y2: 25 }),
      marks,
      dots,
    ),
    el(
      "dl",
      { class: "pairs" },
      told.map(([name, text]) => [
        el("dt", {}, el("span", { class: `line-key ${name.split(" ")[0]}` }), name),
        el("dd", {}, text),
      ]),
    ),
  );
}

function runPart(report, id) {
  return el(
    "div",
    {},
    el("h3", { class: "later" }, "Run it"),
    report.command ? el("pre", {}, report.command) : null,
    el(
      "p",
      { class: "acts" },
      report.command ? copyButton("Copy the command", report.command) : null,
      report.yaml
        ? el(
            "button",
            { type: "button", class: "yaml", onclick: () => saveFile(`${id}.yaml`, report.yaml, "text/yaml") },
            "Download its chip as YAML",
          )
        : null,
    ),
  );
}

function notesPart(report) {
  return report.notes?.length
    ? el(
        "div",
        {},
        el("h3", { class: "later" }, "What to know"),
        el(
          "ul",
          { class: "plain" },
          report.notes.map((note) => el("li", {}, note)),
        ),
      )
    : null;
}

function specPart(report) {
  const rows = Object.entries(report.spec ?? {});
  if (!rows.length) return "";
  return el(
    "details",
    {},
    el("summary", {}, `All ${rows.length} settings`),
    el(
      "dl",
      { class: "pairs spec" },
      rows.map(([path, value]) => [el("dt", {}, path), el("dd", {}, shownValue(path, value))]),
    ),
  );
}

function listenToReport() {
  const dialog = $("#report");
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    const names = { ArrowLeft: "Previous report", ArrowRight: "Next report" };
    if (event.key in names) $(`button[aria-label="${names[event.key]}"]`, dialog)?.click();
  });
}
