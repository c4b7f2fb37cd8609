// The table of the selection: sorted by any column, fifteen rows a page.
const sheet = { sort: null, up: false, page: 0, rows: [], size: 15, scales: new Map() };

function tableColumns() {
  const results = [
    ...designs.objectives,
    ...designs.quantities.filter((q) => !designs.objectives.includes(q) && q.distinct > 0),
  ];
  return [...results, ...designs.parameters.filter((p) => p.distinct > 1)];
}

// One prefix a column, so that its figures compare at a glance.
function columnScale(column) {
  if (isPercent(column.key)) return { factor: 0.01, unit: "%" };
  return prefixFor(middleOf(column), column.unit);
}
function middleOf(column) {
  const sizes = column.values.filter((v) => v > 0).sort();
  return sizes[Math.floor(sizes.length / 2)] ?? 1;
}
// The scale of a column, whether the table has it or not.
function tableScale(column) {
  if (!sheet.scales.has(column.key)) sheet.scales.set(column.key, columnScale(column));
  return sheet.scales.get(column.key);
}

function cellText(column, value) {
  if (Number.isNaN(value)) return "–";
  if (column.kind === "word") return column.words[value];
  const scale = tableScale(column);
  if (isPercent(column.key)) return (value / 0.01).toFixed(2);
  return column.isParameter && !column.unit ? plainNumber(value) : digits(value / scale.factor);
}

function sortRows() {
  const rows = [...designs.ids.keys()].filter((i) => state.selected[i]);
  const front = (a, b) => designs.front[b] - designs.front[a] || designs.rung.values[b] - designs.rung.values[a];
  const column = sheet.sort;
  const key =
    column?.key === "design" ? (i) => designs.rung.values[i] + 10 * designs.front[i] : (i) => column.values[i];
  const by = (a, b) => {
    const [u, v] = [key(a), key(b)];
    if (Number.isNaN(u) || Number.isNaN(v)) return Number.isNaN(u) - Number.isNaN(v);
    return sheet.up ? u - v : v - u;
  };
  const first = designs.objectives[0];
  const usual = (a, b) =>
    front(a, b) || (first ? (first.sense === "max" ? -1 : 1) * (first.values[a] - first.values[b]) || 0 : 0);
  sheet.rows = rows.sort(column ? (a, b) => by(a, b) || a - b : usual);
}

function drawTable(what) {
  if (what.size === 1 && what.has("pick")) return markPicked();
  if (what.has("selection")) {
    sheet.page = 0;
    sortRows();
  }
  const columns = tableColumns();
  const from = sheet.page * sheet.size;
  const rows = sheet.rows.slice(from, from + sheet.size);
  $("#table thead").replaceChildren(el("tr", {}, headCell({ key: "design", label: "design" }), columns.map(headCell)));
  $("#table tbody").replaceChildren(...rows.map((i) => tableRow(i, columns)));
  if (!rows.length)
    $("#table tbody").append(el("tr", {}, el("td", { colspan: columns.length + 1 }, "No design is selected.")));
  const bars = sheet.sort ? "" : "The front first. ";
  $("#table-note").textContent = sheet.rows.length ? `${bars}A row picks its design; the name of a column sorts.` : "";
  drawPages(from, rows.length);
}

// The rows stay: what the keyboard has focused is still there when a report closes.
function markPicked() {
  for (const row of $$("#table tbody tr")) row.classList.toggle("picked", Number(row.dataset.row) === state.picked);
}

function headCell(column) {
  const numeric = column.kind === "number";
  const unit = numeric ? tableScale(column).unit : "";
  const sorted = sheet.sort?.key === column.key ? (sheet.up ? "ascending" : "descending") : null;
  const act = () => {
    sheet.up = sheet.sort?.key === column.key ? !sheet.up : column.sense === "min" || column.kind === "word";
    sheet.sort = column;
    sheet.page = 0;
    sortRows();
    drawTable(new Set(["sort"]));
    $(`#table button[data-key="${CSS.escape(column.key)}"]`).focus();
  };
  return el(
    "th",
    { scope: "col", class: numeric ? "n" : "", "aria-sort": sorted },
    el(
      "button",
      { type: "button", "data-key": column.key, onclick: act },
      column.label,
      unit ? el("small", {}, `, ${unit}`) : null,
    ),
  );
}

function tableRow(i, columns) {
  const c = state.colour;
  const tone = painter()(i);
  const has = designs.reports[designs.ids[i]];
  const name = el(
    "button",
    {
      type: "button",
      class: "link",
      title: has ? "open its report" : "tell about it",
      onclick: (e) => (e.stopPropagation(), choose(i)),
    },
    shortId(designs.ids[i]),
  );
  const told = `${designs.front[i] ? "front" : designs.rungs[designs.rung.values[i]]}${designs.feasible[i] ? "" : ", breaks a limit"}`;
  const head = el(
    "td",
    { class: "path" },
    shapeIcon(shapeOf(i), tone, !designs.feasible[i]),
    name,
    el("small", { class: designs.front[i] ? "tag on" : "dim" }, told),
  );
  const cells = columns.map((column) =>
    el(
      "td",
      { class: `${column.kind === "number" ? "n" : "path"}${Number.isNaN(column.values[i]) ? " blank" : ""}` },
      cellText(column, column.values[i]),
    ),
  );
  const pick = () => {
    state.picked = i;
    changed("pick");
  };
  return el(
    "tr",
    { class: i === state.picked ? "picked" : "", onclick: pick, "data-row": i, "data-colour": c.key },
    head,
    cells,
  );
}

function drawPages(from, many) {
  const last = Math.max(0, Math.ceil(sheet.rows.length / sheet.size) - 1);
  const go = (text, page, label) =>
    el(
      "button",
      {
        type: "button",
        disabled: page < 0 || page > last || page === sheet.page,
        "aria-label": label,
        onclick: () => {
          sheet.page = page;
          drawTable(new Set(["page"]));
          const again = $(`#pages button[aria-label="${label}"]`);
          (again.disabled ? $("#pages button:not(:disabled)") : again)?.focus();
        },
      },
      text,
    );
  const where = many ? `${whole(from + 1)} to ${whole(from + many)} of ${whole(sheet.rows.length)}` : "none";
  const buttons =
    last > 0
      ? [
          go("«", 0, "First page"),
          go("‹", sheet.page - 1, "Previous page"),
          el("span", {}, where),
          go("›", sheet.page + 1, "Next page"),
          go("»", last, "Last page"),
        ]
      : [];
  $("#pages").replaceChildren(...buttons);
}
