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
  const tests = [...state.limits].map(([key, limit]) => testOf(d.column.get(key), limit)).concat(state.terms);
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

// Typed conditions: "adc.bits <= 5 and energy < 2 µJ and sata"; a term without a comparison is sought in the words.
const POWERS = { a: -18, f: -15, p: -12, n: -9, u: -6, µ: -6, μ: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12 };
function parseTerms(text) {
  return text
    .split(/\s+and\s+|,/i)
    .map((part) => part.trim())
    .filter(Boolean)
    .map(parseTerm);
}

function parseTerm(part) {
  const match = part.match(/^(.+?)\s*(<=|>=|==|!=|=|<|>)\s*(.+)$/);
  if (!match) {
    const sought = part.toLowerCase();
    const hits = designs.columns
      .filter((c) => c.kind === "word")
      .map((c) => [c, c.words.map((w) => w.toLowerCase().includes(sought))]);
    return (i) => hits.some(([c, hit]) => hit[c.values[i]]) || designs.ids[i].startsWith(sought);
  }
  const [, name, op, right] = match;
  const column = findColumn(name);
  const values = column.values;
  if (column.kind === "word") return wordTerm(column, op, right);
  const limit = parseValue(column, right);
  const near = (v) => Math.abs(v - limit) <= 1e-5 * Math.abs(limit);
  const tests = {
    "<": (v) => v < limit,
    ">": (v) => v > limit,
    "<=": (v) => v <= limit || near(v),
    ">=": (v) => v >= limit || near(v),
    "=": near,
    "==": near,
    "!=": (v) => !Number.isNaN(v) && !near(v),
  };
  return (i) => tests[op](values[i]);
}

function wordTerm(column, op, right) {
  if (!["=", "==", "!="].includes(op)) throw new Error(`${column.label} has words: use = or !=`);
  const aliases = { true: "on", false: "off", yes: "on", no: "off" };
  const code = column.words.findIndex((w) =>
    [right.toLowerCase(), aliases[right.toLowerCase()]].includes(w.toLowerCase()),
  );
  if (code < 0) throw new Error(`${column.label} is never '${right}'; it is ${column.words.slice(0, 8).join(", ")}`);
  return op === "!=" ? (i) => column.values[i] >= 0 && column.values[i] !== code : (i) => column.values[i] === code;
}

function findColumn(name) {
  const sought = name.trim().toLowerCase();
  const exact = designs.columns.find((c) => [c.key, c.label].some((t) => t.toLowerCase() === sought));
  if (exact) return exact;
  const tails = designs.columns.filter((c) => c.key.toLowerCase().endsWith(`.${sought}`));
  if (tails.length === 1) return tails[0];
  if (tails.length) throw new Error(`'${name}' may be ${tails.map((c) => c.key).join(" or ")}`);
  const close = designs.columns.filter(
    (c) => c.key.toLowerCase().includes(sought) || c.label.toLowerCase().includes(sought),
  );
  throw new Error(
    `there is no '${name}'${
      close.length
        ? `; is ${close
            .slice(0, 3)
            .map((c) => c.key)
            .join(" or ")} meant?`
        : ""
    }`,
  );
}

function parseValue(column, text) {
  const match = text.replace(/,/g, "").match(/^([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(.*)$/i);
  if (!match) throw new Error(`'${text}' is no number`);
  const [number, suffix] = [Number(match[1]), match[2].replace("²", "2").replace("Ω", "ohm").replace("^", "")];
  if (!suffix) return number;
  if (suffix === "%" && !column.unit) return number / 100;
  const prefix = column.unit && suffix.endsWith(column.unit) ? suffix.slice(0, -column.unit.length) : null;
  if (prefix === null || !(prefix in POWERS)) {
    const wanted = column.unit ? `in ${NAMES[column.unit] ?? column.unit}` : "without a unit";
    throw new Error(`'${text}': ${column.label} is given ${wanted}`);
  }
  return number * 10 ** (POWERS[prefix] * (column.unit === "m2" ? 2 : 1));
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
  try {
    state.terms = parseTerms(field.value);
    $("#only-says").textContent = "";
    field.removeAttribute("aria-invalid");
  } catch (error) {
    $("#only-says").textContent = `${capital(error.message)}.`;
    field.setAttribute("aria-invalid", "true");
    return;
  }
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
