// Typed conditions: "adc.bits <= 5 and energy < 2 and sata"; a term without a comparison is sought in the words.
// A bare number has the unit that the table shows: of "energy" the prefix of its column, of "energy_J" that of the name.
const POWERS = { a: -18, f: -15, p: -12, n: -9, u: -6, µ: -6, μ: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12 };
const SIGNS = { "<=": "≤", ">=": "≥", "!=": "≠", "==": "=" };

// Each term: { test(i), says }, "says" in the unit of the table where a number was read.
function parseTerms(text) {
  return text
    .split(/\s+and\s+|(?<!\d),|,(?!\d{3}(?!\d))/i) // 1,000 is one number
    .map((part) => part.trim())
    .filter(Boolean)
    .map(parseTerm);
}

function parseTerm(part) {
  const match = part.match(/^(.+?)\s*(<=|>=|==|!=|[=<>≤≥≠])\s*(.+)$/);
  if (!match) return soughtTerm(part.toLowerCase());
  const [, name, sign, right] = match;
  const op = SIGNS[sign] ?? sign;
  const column = findColumn(name);
  if (column.kind === "word") return wordTerm(column, op, right);
  const limit = parseValue(column, right, scaleNamed(column, name));
  const near = (v) => Math.abs(v - limit) <= 1e-5 * Math.abs(limit);
  const test = {
    "<": (v) => v < limit,
    ">": (v) => v > limit,
    "≤": (v) => v <= limit || near(v),
    "≥": (v) => v >= limit || near(v),
    "=": near,
    "≠": (v) => !Number.isNaN(v) && !near(v),
  }[op];
  return { test: (i) => test(column.values[i]), says: `${column.label} ${op} ${inTable(column, limit)}` };
}

function soughtTerm(sought) {
  const hits = designs.columns
    .filter((c) => c.kind === "word")
    .map((c) => [c, c.words.map((w) => w.toLowerCase().includes(sought))]);
  return { test: (i) => hits.some(([c, hit]) => hit[c.values[i]]) || designs.ids[i].startsWith(sought), says: "" };
}

function wordTerm(column, op, right) {
  if (!["=", "≠"].includes(op)) throw new Error(`${column.label} has words: use = or !=`);
  const aliases = { true: "on", false: "off", yes: "on", no: "off" };
  const code = column.words.findIndex((w) =>
    [right.toLowerCase(), aliases[right.toLowerCase()]].includes(w.toLowerCase()),
  );
  if (code < 0) throw new Error(`${column.label} is never '${right}'; it is ${column.words.slice(0, 8).join(", ")}`);
  const test =
    op === "≠" ? (i) => column.values[i] >= 0 && column.values[i] !== code : (i) => column.values[i] === code;
  return { test, says: "" };
}

function findColumn(name) {
  const sought = name.trim().toLowerCase();
  const exact = designs.columns.find((c) => [c.key, c.label].some((t) => t.toLowerCase() === sought));
  if (exact) return exact;
  const tails = designs.columns.filter((c) => c.key.toLowerCase().endsWith(`.${sought}`));
  if (tails.length === 1) return tails[0];
  if (tails.length) throw new Error(`'${name}' may be ${tails.map((c) => c.key).join(" or ")}`);
  const close = designs.columns
    .filter((c) => [c.key, c.label].some((t) => t.toLowerCase().includes(sought)))
    .slice(0, 3)
    .map((c) => c.key);
  throw new Error(`there is no '${name}'${close.length ? `; is ${close.join(" or ")} meant?` : ""}`);
}

// A quantity named by its key, which ends in its unit, is given in that; everything else as the table has it.
function scaleNamed(column, name) {
  const keyed = name.trim().toLowerCase() === column.key.toLowerCase();
  return keyed && column.unit ? { factor: 1, unit: NAMES[column.unit] ?? column.unit } : tableScale(column);
}

// "1.2 µJ" as the table would show it, with as many digits as the number has.
function inTable(column, value) {
  const scale = tableScale(column);
  return `${Number((value / scale.factor).toPrecision(6)).toLocaleString("en", { maximumSignificantDigits: 6 })} ${scale.unit}`.trim();
}

function parseValue(column, text, scale) {
  const wanted = scale.unit ? `${column.label} is read in ${scale.unit}` : `${column.label} has no unit`;
  const match = text.replace(/,/g, "").match(/^([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(.*)$/i);
  if (!match) throw new Error(`'${text}' is no number; ${wanted}`);
  const [number, suffix] = [Number(match[1]), match[2].replace("²", "2").replace("Ω", "ohm").replace(/[\^·*\s]/g, "")];
  if (suffix === "%" && !column.unit) return number / 100;
  // Shares up to 1 stay what they are in spaces and on the command line: 0.85 is 85 %.
  if (!suffix) return isPercent(column.key) && Math.abs(number) <= 1 ? number : number * scale.factor;
  const prefix = column.unit && suffix.endsWith(column.unit) ? suffix.slice(0, -column.unit.length) : null;
  const hundredth = prefix === "c" && column.unit[0] === "m"; // cm, cm²
  if (prefix === null || !(hundredth || Object.hasOwn(POWERS, prefix))) {
    const other = column.unit ? ` unless you write a unit of ${NAMES[column.unit] ?? column.unit}` : "";
    throw new Error(`'${text}' can't be read: ${wanted}${other}`);
  }
  return number * 10 ** ((hundredth ? -2 : POWERS[prefix]) * (column.unit === "m2" ? 2 : 1));
}

// What is said below the field: how numbers were read, or in which units they will be.
function readAs(terms) {
  const said = terms.map((term) => term.says).filter(Boolean);
  if (said.length) return `Read as ${said.join(" and ")}.`;
  const units = designs.objectives
    .map((o) => [o.label, tableScale(o).unit])
    .filter(([, unit]) => unit)
    .map(([label, unit]) => `${label} in ${unit}`);
  return units.length && !terms.length ? `Numbers are in the units of the table: ${units.join(", ")}.` : "";
}

// An example of this study: a choice by a number, and a cost in the unit of the table.
function exampleTerms() {
  const [choice] = designs.parameters.filter((p) => p.levels && p.distinct > 1 && !p.unit);
  const [cost] = [...designs.objectives, ...designs.quantities].filter((q) => q.unit && q.distinct > 1);
  const middle = choice?.levels[Math.floor(choice.levels.length / 2)];
  return [
    choice ? `${choice.key} <= ${middle}` : "",
    cost ? `${cost.label} < ${digits(middleOf(cost) / tableScale(cost).factor, 2)} ${tableScale(cost).unit}` : "",
  ]
    .filter(Boolean)
    .join(" and ");
}
