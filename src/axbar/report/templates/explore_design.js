// The picked design beside the scatter: its figures, where costs go, its choices and what differs from the base.
function drawDesign(what) {
  if (!what.has("pick") && !what.has("start") && !what.has("look")) return;
  const i = state.picked;
  const node = $("#design");
  if (i < 0) return node.replaceChildren(el("p", { class: "note" }, "Click a design to see what it is made of."));
  const id = designs.ids[i];
  const has = designs.reports[id];
  const tags = [
    designs.front[i] ? el("span", { class: "tag on" }, "on the front") : null,
    el("span", { class: "tag" }, designs.rungs[designs.rung.values[i]]),
    designs.feasible[i] ? null : el("span", { class: "tag bad" }, "breaks a limit"),
  ];
  node.replaceChildren(
    el("h3", {}, shapeIcon(shapeOf(i), painter()(i)), nameOf(designs, i)),
    el("p", { class: "tags" }, el("code", {}, shortId(id)), tags),
    figureList(i),
    el(
      "p",
      { class: "acts" },
      has ? el("button", { type: "button", class: "main", onclick: () => openReport(i) }, "Open its report") : null,
      copyButton("Copy its id", id),
    ),
    ...sharesOf(i),
    choiceTable(i),
  );
}

// A path may break behind its dots.
const breakable = (path) =>
  path.split(".").flatMap((part, k, all) => (k < all.length - 1 ? [`${part}.`, el("wbr")] : [part]));

function figureList(i) {
  const rows = designs.quantities.filter((q) => !Number.isNaN(q.values[i]));
  return el(
    "dl",
    { class: "pairs figures" },
    rows.map((q) => [el("dt", {}, q.label), el("dd", {}, withEnds(q, i))]),
  );
}

function copyButton(text, content) {
  const act = async (event) => {
    const button = event.target;
    try {
      await navigator.clipboard.writeText(content);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed here";
    }
    setTimeout(() => (button.textContent = text), 1500);
  };
  return el("button", { type: "button", onclick: act }, text);
}

// One stacked bar a quantity, by component group, and one legend for all.
function sharesOf(i) {
  const found = [...designs.shares]
    .map(([key, groups]) => [designs.column.get(key), groups.filter((g) => g.values[i] > 0.002)])
    .filter(([, groups]) => groups.length);
  if (!found.length) return [];
  const used = designs.groups.filter((name) => found.some(([, groups]) => groups.some((g) => g.group === name)));
  const bars = found.map(([column, groups]) => {
    const parts = groups.map((g) =>
      el("i", {
        style: `flex-grow:${g.values[i]};background:${designs.colours[g.group]}`,
        title: `${designs.labels[g.group]}: ${percent(g.values[i], 0)}`,
      }),
    );
    const told = groups.map((g) => `${designs.labels[g.group]} ${percent(g.values[i], 0)}`).join(", ");
    return el(
      "div",
      { class: "split" },
      el("span", {}, column.label),
      el("div", { class: "bar-parts", role: "img", "aria-label": `${column.label}: ${told}` }, parts),
    );
  });
  const keys = used.map((name) =>
    el("li", {}, el("span", { class: "key", style: `background:${designs.colours[name]}` }), designs.labels[name]),
  );
  return [el("h4", {}, "Where it goes"), ...bars, el("ul", { class: "keys" }, keys)];
}

function choiceTable(i) {
  const active = designs.parameters.filter((p) => !Number.isNaN(p.values[i]));
  const different = new Map(differences(designs, i).map(([p, base]) => [p, base]));
  const row = (p) =>
    el(
      "tr",
      { class: different.has(p) ? "differs" : "" },
      el("th", { scope: "row" }, breakable(p.label)),
      el("td", { class: "was" }, different.get(p) ?? ""),
      el("td", { class: "n" }, p.show(p.values[i])),
    );
  return [
    el(
      "h4",
      {},
      different.size ? `Choices, ${different.size} of ${active.length} unlike the base` : "Choices, all as in the base",
    ),
    el(
      "table",
      { class: "choices" },
      el(
        "thead",
        { class: "unseen" },
        el(
          "tr",
          {},
          ["choice", "base", "value"].map((t) => el("th", { scope: "col" }, t)),
        ),
      ),
      el("tbody", {}, active.map(row)),
    ),
  ].reduce((box, child) => (box.append(child), box), el("div"));
}
