// Elements, figures and colours: what all parts of the page share.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}
const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const mark = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// Figures: SI prefixes and three significant digits, as in the other pages.
const PREFIX = ["a", "f", "p", "n", "µ", "m", "", "k", "M", "G", "T"];
const NAMES = { m2: "m²", ohm: "Ω", Js: "J·s", Jm2: "J·m²" };
const isPercent = (key) => key === "accuracy";

function digits(x, count = 3) {
  if (x === 0) return "0";
  const decimals = count - 1 - Math.floor(Math.log10(Math.abs(x)) + 1e-12);
  const fixed = Number(x.toFixed(Math.min(8, Math.max(0, decimals))));
  return fixed.toLocaleString("en", {
    minimumFractionDigits: Math.max(0, Math.min(4, decimals)),
    maximumFractionDigits: 8,
  });
}

// The prefix with which a value reads between 1 and 1000: { factor, unit }.
function prefixFor(value, unit) {
  if (!unit || !value || !Number.isFinite(value)) return { factor: 1, unit: NAMES[unit] ?? unit ?? "" };
  const size = Math.abs(value);
  if (unit === "m2") return size >= 1e-9 ? { factor: 1e-6, unit: "mm²" } : { factor: 1e-12, unit: "µm²" };
  const exponent = Math.max(-18, Math.min(12, 3 * Math.floor(Math.log10(size) / 3 + 1e-12)));
  return { factor: 10 ** exponent, unit: PREFIX[exponent / 3 + 6] + (NAMES[unit] ?? unit) };
}

function quantity(value, unit, count = 3) {
  const scale = prefixFor(value, unit);
  return `${digits(value / scale.factor, count)} ${scale.unit}`.trim();
}
const plainNumber = (value) =>
  Number.isInteger(value)
    ? value.toLocaleString("en")
    : Number(value.toPrecision(5)).toLocaleString("en", { maximumSignificantDigits: 5 });
const percent = (share, count = 1) => (share > 0 && share < 0.0005 ? "<0.1 %" : `${(100 * share).toFixed(count)} %`);
const whole = (n) => n.toLocaleString("en");
const plural = (n, word) => `${whole(n)} ${word}${n === 1 ? "" : "s"}`;
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const clamp = (low, value, high) => Math.max(low, Math.min(high, value));

// A value of a report, whose unit stands at the end of its path.
const UNITS = ["ohm", "m2", "Hz", "Js", "Jm2", "J", "s", "S", "V", "A", "W", "F", "K", "m"];
function shownValue(path, value) {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value !== "number") return typeof value === "string" ? value : JSON.stringify(value);
  const tail = path.slice(path.lastIndexOf(".") + 1);
  const unit = tail.includes("_") ? tail.slice(tail.lastIndexOf("_") + 1) : "";
  return UNITS.includes(unit) ? quantity(value, unit) : plainNumber(value);
}

// Colours of the style sheet, read anew when light and dark change.
let inks = {};
function readInks() {
  const style = getComputedStyle(document.documentElement);
  inks = {};
  for (const name of ["paper", "wash", "ink", "soft", "hair", "accent", "faint", "bad", "plain"])
    inks[name] = style.getPropertyValue(`--${name}`).trim();
  inks.words = [...Array(8)].map((_, i) => style.getPropertyValue(`--w${i}`).trim());
  inks.ramp = [...Array(5)].map((_, i) => style.getPropertyValue(`--r${i}`).trim());
}
const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
function rampColour(share) {
  const at = clamp(0, share, 1) * (inks.ramp.length - 1);
  const left = Math.min(inks.ramp.length - 2, Math.floor(at));
  const [a, b] = [channels(inks.ramp[left]), channels(inks.ramp[left + 1])];
  return `rgb(${a.map((v, i) => Math.round(v + (b[i] - v) * (at - left))).join(",")})`;
}

// A shape beside each colour, so that colour never stands alone.
const SHAPES = ["circle", "square", "triangle", "diamond", "down"];
function trace(context, shape, x, y, r) {
  if (shape === "circle") {
    context.moveTo(x + r, y);
    context.arc(x, y, r, 0, 2 * Math.PI);
    return;
  }
  const corners = {
    square: [
      [-0.88, -0.88],
      [0.88, -0.88],
      [0.88, 0.88],
      [-0.88, 0.88],
    ],
    triangle: [
      [0, -1.2],
      [1.12, 0.8],
      [-1.12, 0.8],
    ],
    diamond: [
      [0, -1.25],
      [1.25, 0],
      [0, 1.25],
      [-1.25, 0],
    ],
    down: [
      [0, 1.2],
      [1.12, -0.8],
      [-1.12, -0.8],
    ],
  }[shape];
  corners.forEach(([dx, dy], i) => context[i ? "lineTo" : "moveTo"](x + r * dx, y + r * dy));
  context.closePath();
}
function shapeIcon(shape, colour, ring = false) {
  const path = {
    steps: [],
    moveTo: (x, y) => path.steps.push(`M${x} ${y}`),
    lineTo: (x, y) => path.steps.push(`L${x} ${y}`),
    closePath: () => path.steps.push("Z"),
    arc: () => {},
  };
  trace(path, shape === "circle" ? "square" : shape, 7, 7, 4.2);
  const style = ring ? { fill: "none", stroke: colour, "stroke-width": 1.6 } : { fill: colour };
  const body =
    shape === "circle"
      ? mark("circle", { cx: 7, cy: 7, r: 4.4, ...style })
      : mark("path", { d: path.steps.join(""), ...style });
  return mark("svg", { width: 14, height: 14, "aria-hidden": "true" }, body);
}

// A canvas as sharp as the screen; returns its context, cleared, in CSS pixels.
function cleared(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Hand a text to the user as a file.
function saveFile(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
