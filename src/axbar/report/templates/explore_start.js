// Begin: unpack, choose what is shown first, listen, draw.
let designs = null;

async function begin() {
  const begun = performance.now();
  designs = makeDesigns(await unpack($("#block").textContent));
  const drawn = designs.quantities.filter((q) => q.distinct > 0);
  const wanted = designs.objectives.filter((o) => o.distinct > 0);
  // Accuracy goes up the page, the first cost across.
  state.y =
    wanted.find((o) => o.sense === "max") ??
    wanted[1] ??
    drawn.find((q) => q !== wanted[0]) ??
    drawn[0] ??
    designs.quantities[0];
  state.x = wanted.find((o) => o !== state.y) ?? drawn.find((q) => q !== state.y) ?? state.y;
  state.colour =
    designs.parameters.find((p) => p.kind === "word" && p.distinct > 1) ??
    designs.parameters.find((p) => p.distinct > 1) ??
    designs.rung;
  designs.rungs.forEach((_, code) => state.rungs.add(code));
  readInks();
  state.picked = balanced(designs);
  listenToControls();
  listenToPlot();
  listenToLines();
  listenToReport();
  listenToBar();
  for (const draw of [drawScatter, drawLines, drawTable, drawDesign, drawBar]) onChange(draw);
  select();
  if (designs.n === 0) for (const id of ["#bar", "#pareto", "#designs"]) $(id).hidden = true;
  if (designs.n < 2 || lines.keys.length < 2) $("#parallel").hidden = true;
  for (const draw of [...views, drawHistory]) draw(new Set(["selection", "look", "start"]));
  document.documentElement.dataset.ready = (performance.now() - begun).toFixed(0);
}

function listenToBar() {
  let typing = 0;
  $("#only").placeholder = exampleTerms();
  $("#only-says").textContent = readAs([]);
  $("#only").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(readOnly, 200);
  });
  $("#only").addEventListener("change", readOnly);
  $("#clear").addEventListener("click", () => {
    clearAll();
    $("#only").focus(); // the button is of no use now
  });
  $("#csv").addEventListener("click", () => saveFile("designs.csv", csvText(), "text/csv"));
  const again = () => {
    readInks();
    changed("look");
    drawHistory();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  // A tip of the keyboard goes along, one of the pointer is of where it was.
  addEventListener("scroll", () => (document.activeElement === $("#plot") ? pointAt(plot.cursor) : hideTip()), {
    passive: true,
  });
  // Charts are drawn anew when their width changes: also where a page begins in the background, without any.
  const widths = new Map();
  const watch = new ResizeObserver((entries) => {
    const resized = entries.filter(
      ({ target, contentRect }) => widths.get(target) !== undefined && widths.get(target) !== contentRect.width,
    );
    for (const { target, contentRect } of entries) widths.set(target, contentRect.width);
    if (resized.length) again();
  });
  for (const node of [$("#plot"), $("#lines"), $("#history-plot")].filter(Boolean)) {
    widths.set(node, node.clientWidth);
    watch.observe(node);
  }
}

try {
  await begin();
} catch (error) {
  const trouble = $("#trouble");
  trouble.hidden = false;
  const old =
    typeof DecompressionStream === "undefined"
      ? "The browser can't unpack it: it needs one of 2023 or later."
      : String(error);
  trouble.append(el("b", {}, "This page could not be drawn"), old);
  throw error;
}
