// Hypervolume over evaluations, one line; where another rung begins is marked.
function drawHistory() {
  const node = $("#history-plot");
  const rows = (designs.history ?? []).filter((h) => h.hypervolume !== null);
  if (!node || !rows.length) return;
  const [width, height] = [Math.max(240, node.clientWidth), 260];
  const box = { left: 58, right: width - 10, top: 26, bottom: height - 48, floor: height - 48 };
  const column = (key, label, values) => ({ key, label, unit: "", kind: "number", values });
  const [xs, ys] = [rows.map((h) => h.evaluations), rows.map((h) => h.hypervolume)];
  const all = rows.map((_, k) => k);
  const top = Math.max(...ys) || 1;
  const x = makeScale(column("n", "designs measured", xs), [0, Math.max(...xs, 1)], false, box.left, box.right);
  const y = makeScale(column("v", "hypervolume", ys), [0, top], false, box.bottom, box.top, 50);
  const d = all.map((k) => (k ? `H${x.at(xs[k])}V${y.at(ys[k])}` : `M${x.at(xs[k])} ${y.at(ys[k])}`)).join("");
  const starts = all.filter((k) => k === 0 || rows[k].rung !== rows[k - 1].rung);
  const rungs = starts.map((k) => [
    k ? mark("line", { class: "limit soft", x1: x.at(xs[k]), x2: x.at(xs[k]), y1: box.top, y2: box.floor }) : null,
    mark("text", { class: "sub", x: x.at(xs[k]) + 5, y: box.floor - 7 }, rows[k].rung),
  ]);
  const last = rows[rows.length - 1];
  const told = `Hypervolume rises to ${plainNumber(last.hypervolume)} after ${plural(last.evaluations, "measured design")}.`;
  node.replaceChildren(
    mark(
      "svg",
      { class: "over", width, height, role: "img", "aria-label": told },
      gridMarks(box, x, y),
      axisMarks(box, x, y),
      rungs,
      mark("path", { class: "curve", d }),
      mark("circle", { class: "die", cx: x.at(last.evaluations), cy: y.at(last.hypervolume), r: 4 }),
    ),
  );
  node.style.height = `${height}px`;
}
