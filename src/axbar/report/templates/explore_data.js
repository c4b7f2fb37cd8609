// The designs: unpacked columns of numbers, or of codes of words; NaN is missing.
async function unpack(text) {
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const bytes = new Uint8Array(buffer, 4 + length);
  const fields = new Map(head.fields.map((field) => [field.name, readField(field, bytes, head.points)]));
  return { ...head, fields };
}

const HEX = [...Array(256).keys()].map((b) => b.toString(16).padStart(2, "0"));
function readField(field, bytes, n) {
  const at = (plane, i) => bytes[field.at + plane * n + i];
  const column = (read) => Float64Array.from({ length: n }, (_, i) => read(i));
  if (field.as === "names") return field.table;
  if (field.as === "hash")
    return Array.from({ length: n }, (_, i) => {
      let text = "";
      for (let p = 0; p < 8; p++) text += HEX[at(p, i)];
      return text;
    });
  if (field.as === "flag") return column((i) => at(0, i));
  if (field.as === "share") return column((i) => (at(0, i) ? (at(0, i) - 1) / 254 : NaN));
  if (field.as === "f4") {
    const view = new DataView(new ArrayBuffer(4));
    return column((i) => {
      view.setUint32(0, at(0, i) + 256 * at(1, i) + 65536 * at(2, i) + 16777216 * at(3, i), true);
      return view.getFloat32(0, true);
    });
  }
  const size = Number(field.as[1]);
  const code = (i) =>
    at(0, i) + (size > 1 ? 256 * at(1, i) : 0) + (size > 2 ? 65536 * at(2, i) + 16777216 * at(3, i) : 0);
  const numbers = field.table.every((v) => typeof v === "number");
  if (numbers && field.table.length) return column((i) => (code(i) ? field.table[code(i) - 1] : NaN));
  return { words: field.table, codes: column((i) => (code(i) ? code(i) - 1 : NaN)) };
}

const worded = (value) => (value === true ? "on" : value === false ? "off" : String(value));

// One column: { key, label, unit, kind: "number" | "word", values, words, levels, sense, log, base }.
function makeColumn(about, field, n) {
  const column = { unit: "", log: false, sense: null, ...about, words: [], levels: null };
  if (field instanceof Float64Array) {
    column.kind = "number";
    column.values = field;
  } else if (field && field.words.length) {
    column.kind = "word";
    const order = [...(about.order ?? [])].map(worded).filter((w) => field.words.map(worded).includes(w));
    column.words = [...new Set([...order, ...field.words.map(worded)])];
    const code = field.words.map((w) => column.words.indexOf(worded(w)));
    column.values = field.codes.map((c) => (Number.isNaN(c) ? NaN : code[c]));
  } else {
    column.kind = "number";
    column.values = new Float64Array(n).fill(NaN);
  }
  const present = [...new Set(column.values)].filter((v) => !Number.isNaN(v)).sort((a, b) => a - b);
  column.distinct = present.length;
  column.missing = column.values.some(Number.isNaN);
  column.low = present[0] ?? 0;
  column.high = present[present.length - 1] ?? 1;
  column.levels = column.kind === "number" && column.isParameter && present.length <= 10 ? present : null;
  column.positive = column.kind === "number" && present.length > 0 && column.low > 0;
  column.show = (value) => {
    if (Number.isNaN(value)) return "–";
    if (column.kind === "word") return column.words[value];
    if (isPercent(column.key)) return percent(value, 2).replace(/0 %$/, " %");
    return column.unit ? quantity(value, column.unit) : plainNumber(value);
  };
  return column;
}

function makeDesigns(head) {
  const n = head.points;
  const get = (name) => head.fields.get(name);
  const quantities = head.quantities.map((q) => makeColumn({ ...q, isQuantity: true }, get(`values:${q.key}`), n));
  const parameters = head.parameters.map((p) => {
    const about = {
      key: p.path,
      label: p.path,
      unit: p.unit,
      log: p.log,
      order: p.values,
      base: head.base?.[p.path],
      isParameter: true,
    };
    return makeColumn(about, get(`param:${p.path}`), n);
  });
  const rung = makeColumn({ key: "rung", label: "rung", isRung: true }, { words: head.rungs, codes: get("rung") }, n);
  rung.words = head.rungs;
  const ends = new Map();
  for (const q of head.quantities) {
    const [low, high] = [get(`low:${q.key}`), get(`high:${q.key}`)];
    if (low instanceof Float64Array && high instanceof Float64Array) ends.set(q.key, { low, high });
  }
  const shares = new Map();
  for (const q of head.quantities) {
    const groups = head.groups.filter((g) => head.fields.has(`share:${q.key}:${g}`));
    if (groups.length)
      shares.set(
        q.key,
        groups.map((g) => ({ group: g, values: get(`share:${q.key}:${g}`) })),
      );
  }
  const columns = [...quantities, ...parameters, rung];
  const ids = get("id");
  return {
    ...head,
    n,
    ids,
    quantities,
    parameters,
    rung,
    columns,
    ends,
    shares,
    column: new Map(columns.map((c) => [c.key, c])),
    row: new Map(ids.map((id, i) => [id, i])),
    front: get("front"),
    feasible: get("feasible"),
    objectives: head.objectives.map((key) => quantities.find((q) => q.key === key)).filter(Boolean),
  };
}

// What of a design differs from the base: [path, base, value], as people read it.
function differences(designs, i) {
  return designs.parameters
    .filter((p) => !Number.isNaN(p.values[i]))
    .map((p) => [p, p.base === undefined || p.base === null ? null : baseText(p), p.show(p.values[i])])
    .filter(([, base, value]) => base !== value);
}
const baseText = (p) =>
  p.kind === "word" ? worded(p.base) : typeof p.base === "number" ? p.show(p.base) : String(p.base);

const shortId = (id) => (/^[0-9a-f]{16}$/.test(id) ? id.slice(0, 8) : id);
function nameOf(designs, i) {
  const word = designs.parameters.find((p) => p.kind === "word" && !Number.isNaN(p.values[i]));
  return word ? word.show(word.values[i]) : `design ${shortId(designs.ids[i])}`;
}

// The most balanced design of the front: nearest to the best value of every objective, costs by their ratios.
function balanced(designs) {
  const rows = [...designs.ids.keys()].filter(
    (i) => designs.front[i] && designs.objectives.every((o) => !Number.isNaN(o.values[i])),
  );
  const scaled = designs.objectives.map((o) => {
    const log = o.unit && rows.every((i) => o.values[i] > 0);
    const values = rows.map((i) => (log ? Math.log(o.values[i]) : o.values[i]) * (o.sense === "max" ? -1 : 1));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return values.map((v) => (high > low ? (v - low) / (high - low) : 0));
  });
  const far = rows.map((_, k) => scaled.reduce((sum, s) => sum + s[k] ** 2, 0));
  return rows.length ? rows[far.indexOf(Math.min(...far))] : -1;
}
