"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Figures: the same prefixes as in the tables, three significant digits.
  const PREFIX = { "-18": "a", "-15": "f", "-12": "p", "-9": "n", "-6": "µ", "-3": "m", 0: "", 3: "k", 6: "M" };
  const digits = (x) => (x === 0 ? "0" : x.toFixed(Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(x)))))));
  const quantity = (value, unit) => {
    if (!value) return `0 ${unit}`;
    if (unit === "m²") return value >= 1e-9 ? `${digits(value / 1e-6)} mm²` : `${digits(value / 1e-12)} µm²`;
    const e = Math.max(-18, Math.min(6, 3 * Math.floor(Math.log10(Math.abs(value)) / 3)));
    return `${digits(value / 10 ** e)} ${PREFIX[e]}${unit}`;
  };
  const share = (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "–");
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  const column = (values, c) => sum(values.map((row) => row[c]));

  // What to say about a mark: its own words, or the figures of its layer and component.
  function words(mark) {
    if (mark.dataset.tip) return mark.dataset.tip;
    const panel = mark.closest("[data-q]");
    if (!panel) return "";
    const q = data.quantities[panel.dataset.q];
    const total = sum(q.values.map(sum));
    const c = mark.dataset.c;
    const l = (mark.closest("[data-l]") || mark).dataset.l;
    if (c !== undefined && l !== undefined) {
      const v = q.values[l][c];
      return `${data.layers[l]} · ${data.components[c]}\n${quantity(v, q.unit)}\n` +
        `${share(v, sum(q.values[l]))} of this layer, ${share(v, total)} of the chip`;
    }
    if (c !== undefined) {
      const v = column(q.values, c);
      return `${data.components[c]}\n${quantity(v, q.unit)}, ${share(v, total)} of the chip\nclick to see it alone in every layer`;
    }
    if (l !== undefined) {
      const v = sum(q.values[l]);
      return `${data.layers[l]}\n${quantity(v, q.unit)}, ${share(v, total)} of the chip`;
    }
    return "";
  }

  function show(mark, x, y) {
    const said = words(mark);
    if (!said) return hide();
    tip.textContent = said;
    const box = tip.getBoundingClientRect();
    const wide = document.documentElement.clientWidth;
    tip.style.left = `${Math.max(8, Math.min(x + 14, wide - box.width - 8))}px`;
    tip.style.top = `${y + 18 + box.height > innerHeight ? Math.max(8, y - box.height - 12) : y + 18}px`;
    tip.classList.add("on");
  }
  const hide = () => tip.classList.remove("on");
  const MARK = "[data-tip],[data-c],[data-l]";
  let pointer = [-1, -1];
  const at = (x, y) => {
    const under = document.elementFromPoint(x, y);
    const mark = under && under.closest(MARK);
    if (mark) show(mark, x, y);
    else hide();
  };
  document.addEventListener("pointermove", (event) => {
    pointer = [event.clientX, event.clientY];
    at(...pointer);
  });
  document.addEventListener("focusin", (event) => {
    const mark = event.target.closest(MARK);
    if (!mark || !mark.matches(":focus-visible")) return hide();
    const box = mark.getBoundingClientRect();
    show(mark, box.left + box.width / 2, box.bottom - 14);
  });
  document.addEventListener("scroll", () => at(...pointer), { passive: true });
  document.documentElement.addEventListener("pointerleave", () => {
    pointer = [-1, -1];
    hide();
  });

  // One component alone: its segments move to the axis, its figures replace the totals; again, or Escape, undoes it.
  let picked = null;
  function pick(component) {
    picked = component === picked ? null : component;
    for (const panel of $$(".panel")) showPick(panel);
  }
  function showPick(panel) {
    const q = data.quantities[panel.dataset.q];
    for (const chart of $$(".ranked,.stacked", panel)) chart.classList.toggle("picked", picked !== null);
    for (const row of $$(".row", panel)) row.setAttribute("aria-pressed", String(row.dataset.c === picked));
    for (const mark of $$(".stacked rect", panel)) {
      mark.dataset.x = mark.dataset.x || mark.getAttribute("x");
      const on = mark.dataset.c === picked;
      mark.classList.toggle("on", on);
      mark.setAttribute("x", on ? "0%" : mark.dataset.x);
    }
    for (const figure of $$("[data-sum]", panel)) {
      figure.dataset.all = figure.dataset.all || figure.textContent;
      const v = picked === null ? 0 : q.values[figure.dataset.sum][picked] / q.factor;
      figure.textContent = picked === null ? figure.dataset.all : digits(v);
    }
    const title = panel.querySelector(".of");
    title.textContent = picked === null ? "" : `: ${data.components[picked]} alone`;
  }
  document.addEventListener("click", (event) => {
    const mark = event.target.closest(".panel [data-c]");
    if (mark) pick(mark.dataset.c);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      hide();
      if (picked !== null) pick(picked);
    } else if ((event.key === "Enter" || event.key === " ") && event.target.matches(".row")) {
      event.preventDefault();
      pick(event.target.dataset.c);
    }
  });

  // Sorting: numbers by their value, the rest by text; the first click on figures puts the largest on top.
  function sort(header) {
    const table = header.closest("table");
    const place = [...header.parentNode.children].indexOf(header);
    const numeric = header.classList.contains("n");
    const before = header.getAttribute("aria-sort");
    const up = before ? before === "descending" : !numeric;
    const key = (row) => {
      const cell = row.children[place];
      return numeric ? parseFloat(cell.dataset.v ?? "NaN") : cell.dataset.v ?? cell.textContent.trim();
    };
    const compare = (a, b) => {
      if (!numeric) return (up ? 1 : -1) * a.localeCompare(b, undefined, { numeric: true });
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return up ? a - b : b - a;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b))));
    for (const other of $$("th", table)) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
  }
  for (const button of $$("th button")) button.addEventListener("click", () => sort(button.closest("th")));

  addEventListener("beforeprint", () => $$("details").forEach((part) => (part.open = true)));
})();
