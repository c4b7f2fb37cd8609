// What is shown and what is selected; every view draws the same selection.
const state = {
  x: null,
  y: null,
  colour: null,
  logX: false,
  logY: false,
  zoom: false,
  frontOnly: false,
  infeasible: true,
  rungs: new Set(),
  limits: new Map(),
  terms: [],
  picked: -1,
  shown: null,
  selected: null,
  shownCount: 0,
  selectedCount: 0,
};
const views = [];
const onChange = (draw) => views.push(draw);
let waiting = null;

// Views are drawn once a frame; "look" says that colours or axes changed, "pick" only the picked design.
function changed(what = "selection") {
  if (what === "selection") select();
  waiting = waiting ?? new Set();
  if (waiting.size === 0)
    requestAnimationFrame(() => {
      const all = waiting;
      waiting = null;
      for (const draw of views) draw(all);
    });
  waiting.add(what);
}

function select() {
  const d = designs;
  const tests = [...state.limits].map(([key, limit]) => testOf(d.column.get(key), limit)).concat(
    state.terms.map((term) => term.test),
  );
  state.shown = new Uint8Array(d.n);
  state.selected = new Uint8Array(d.n);
  state.shownCount = state.selectedCount = 0;
  for (let i = 0; i < d.n; i++) {
    if (!state.rungs.has(d.rung.values[i]) || (state.frontOnly && !d.front[i]) || (!state.infeasible && !d.feasible[i]))
      continue;
    state.shown[i] = 1;
    state.shownCount++;
    if (tests.every((test) => test(i))) {
      state.selected[i] = 1;
      state.selectedCount++;
    }
  }
}
const isNarrowed = () => state.limits.size > 0 || state.terms.length > 0;

function testOf(column, limit) {
  const values = column.values;
  if (limit.codes) return (i) => limit.codes.has(values[i]);
  return (i) => values[i] >= limit.low && values[i] <= limit.high;
}

function setLimit(key, limit) {
  if (limit) state.limits.set(key, limit);
  else state.limits.delete(key);
}

// One word of a column in or out; all words in is no limit.
function toggleWord(column, code) {
  const codes = new Set(state.limits.get(column.key)?.codes ?? []);
  if (codes.has(code)) codes.delete(code);
  else codes.add(code);
  setLimit(column.key, codes.size && codes.size < column.words.length ? { codes } : null);
  changed();
}

function limitText(column, limit) {
  if (limit.codes) return `${column.label}: ${[...limit.codes].map((c) => column.words[c]).join(", ")}`;
  return limit.low === limit.high
    ? `${column.label} = ${column.show(limit.low)}`
    : `${column.label} ${column.show(limit.low)} to ${column.show(limit.high)}`;
}

// The bar: how many are selected, by which limits, and as a file.
function drawBar() {
  const many = isNarrowed()
    ? `${whole(state.selectedCount)} of ${plural(state.shownCount, "design")}`
    : plural(state.shownCount, "design");
  $("#count").textContent = many;
  $("#clear").disabled = !isNarrowed();
  $("#csv").disabled = state.selectedCount === 0;
  const chips = [...state.limits].map(([key, limit]) => {
    const text = limitText(designs.column.get(key), limit);
    const gone = () => {
      setLimit(key, null);
      changed();
      $("#only").focus();
    };
    return el(
      "li",
      {},
      text,
      el("button", { type: "button", class: "gone", "aria-label": `Remove ${text}`, onclick: gone }, "×"),
    );
  });
  $("#chips").replaceChildren(...chips);
}

function readOnly() {
  const field = $("#only");
  const says = $("#only-says");
  try {
    state.terms = parseTerms(field.value);
  } catch (error) {
    says.textContent = `${capital(error.message)}.`;
    says.classList.add("wrong");
    field.setAttribute("aria-invalid", "true");
    return;
  }
  says.textContent = readAs(state.terms);
  says.classList.remove("wrong");
  field.removeAttribute("aria-invalid");
  changed();
}

function clearAll() {
  state.limits.clear();
  state.terms = [];
  $("#only").value = "";
  readOnly();
}

// The selection as CSV: SI units, as the keys say.
function csvText() {
  const cell = (text) => {
    const safe = /^[=+\-@\t]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  };
  const read = (c) => (i) =>
    Number.isNaN(c.values[i])
      ? ""
      : c.kind === "word"
        ? c.words[c.values[i]]
        : String(Number(c.values[i].toPrecision(6)));
  const columns = [
    ["id", (i) => designs.ids[i]],
    ["rung", read(designs.rung)],
    ["front", (i) => String(designs.front[i])],
    ["feasible", (i) => String(designs.feasible[i])],
    ...[...designs.parameters, ...designs.quantities].map((c) => [c.key, read(c)]),
  ];
  const rows = [...designs.ids.keys()].filter((i) => state.selected[i]);
  return (
    [
      columns.map(([name]) => cell(name)).join(","),
      ...rows.map((i) => columns.map(([, get]) => cell(get(i))).join(",")),
    ].join("\n") + "\n"
  );
}
