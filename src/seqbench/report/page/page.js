"use strict";

const plots = JSON.parse(document.getElementById("plots").textContent);
const places = [...document.querySelectorAll(".plot")];
const NARROWEST = 200;
let drawnFor = innerWidth;
let resizing;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/* Long names would leave no room for what they name; an escaped character counts as one. */
function cut(text, most) {
  const letters = text.match(/&#?\w+;|./gs) ?? [];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
}

function wrapped(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length > most && lines.at(-1)) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.join("<br>");
}

/* Text, grid and background follow the page, which follows the reader's system. */
function themed(plot, { width, height }) {
  const { layout } = plot;
  const own = (axis, most) => ({
    gridcolor: colour("--grid"), linecolor: colour("--line"), zerolinecolor: colour("--soft"), automargin: true,
    minorloglabels: "complete",
    zeroline: !axis?.ticktext,
    ...axis,
    ...axis?.title && { title: { standoff: 10, font: { size: 13 }, ...axis.title, text: wrapped(axis.title.text, most) } },
  });
  const yaxis = own(layout.yaxis, 40);
  if (yaxis.ticktext) yaxis.ticktext = yaxis.ticktext.map((text) => cut(text, Math.max(8, Math.floor(width / 16))));
  const labelled = plot.data.some((trace) => trace.textposition === "outside");
  return {
    margin: { l: 50, r: labelled ? 44 : 14, t: 10, b: 44 },
    ...layout,
    ...lanes(plot) && { margin: { ...layout.margin, r: Math.max(layout.margin.r, 4 * lanes(plot).at(-1).label.length) } },
    width,
    height,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("--soft"), size: 13, family: getComputedStyle(document.body).fontFamily },
    legend: { orientation: "h", xref: "container", x: 0, yref: "container", y: 1, yanchor: "top", tracegroupgap: 0 },
    hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
    shapes: layout.shapes?.map((shape) => ({ ...shape, layer: "below", line: { color: colour("--soft"), width: 1, dash: "dot" } })),
    xaxis: own(layout.xaxis, Math.max(16, Math.floor(width / 13))),
    yaxis,
  };
}

/* Plotly picks a contrast to the colour scale alone and forgets the page behind it. */
function inked(trace) {
  if (trace.type === "heatmap") {
    const shade = (opacity) => `rgba(${colour("--heat")}, ${opacity})`;
    return { ...trace, textfont: { color: colour("--ink") }, colorscale: [[0, shade(0)], [0.02, shade(0.12)], [1, shade(1)]] };
  }
  if (trace.type === "parcoords") {
    const font = { color: colour("--soft"), size: 12, shadow: "none" };
    return { ...trace, labelfont: { ...font, color: colour("--ink") }, tickfont: font, rangefont: font, unselected: { line: { color: colour("--soft"), opacity: 0.08 } } };
  }
  return trace;
}

/* The axes of parallel coordinates, which need room for their names. */
function lanes(plot) {
  return plot.data.find((trace) => trace.type === "parcoords")?.dimensions;
}

/* Pixels that the legend takes beyond two lines, in which the figure has room for it. */
function legendExcess({ data, layout }, width) {
  const names = data.filter((trace) => trace.showlegend !== false && trace.name).map((trace) => trace.name.length);
  if (layout.showlegend === false || names.length < 2) return 0;
  const columns = Math.max(1, Math.floor(width / (48 + 7.2 * Math.max(...names))));
  return 20 * Math.max(0, Math.ceil(names.length / columns) - 2);
}

/* Sizes are known before anything is drawn, so that nothing moves while the reader reads. */
function fit(place) {
  const plot = plots[place.dataset.plot];
  place.dataset.height ??= place.clientHeight;
  const share = document.documentElement.classList.contains("printing") ? 0.8 : 1;
  place.style.height = `${share * place.dataset.height + legendExcess(plot, place.clientWidth)}px`;
  const width = Math.max(place.clientWidth, NARROWEST, 60 + 100 * (lanes(plot)?.length ?? 0));
  const scrolls = width > place.clientWidth;
  place.classList.toggle("scrolls", scrolls);
  place.tabIndex = scrolls ? 0 : -1;
  return { width, height: place.clientHeight };
}

function draw(place) {
  const plot = plots[place.dataset.plot];
  const size = fit(place);
  place.dataset.drawn = place.dataset.plot;
  return Plotly.react(place, plot.data.map(inked), themed(plot, size), { displayModeBar: false });
}

/* What can be seen is drawn first, the rest one by one, so that the page answers meanwhile. */
function drawAll() {
  const seen = (place) => place.getBoundingClientRect().top < innerHeight;
  places.forEach(fit);
  places.filter(seen).forEach(draw);
  const rest = places.filter((place) => !seen(place));
  const next = () => {
    const place = rest.shift();
    if (!place) return;
    if (!place.dataset.drawn) draw(place);
    setTimeout(next);
  };
  setTimeout(next);
}

function redraw() {
  places.forEach(draw);
}

/* The page is laid out for paper before the browser takes its picture, and as it was afterwards. */
function printing(begins) {
  document.documentElement.classList.toggle("printing", begins);
  redraw();
}

if (plots.length) {
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => {
      /* A phone's address bar comes and goes: only another width counts. */
      if (innerWidth === drawnFor || innerWidth < NARROWEST) return;
      drawnFor = innerWidth;
      redraw();
    }, 150);
  });
}

for (const button of document.querySelectorAll(".variants button")) {
  button.addEventListener("click", () => {
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", other === button);
    const place = button.closest("figure").querySelector(".plot");
    place.dataset.plot = button.dataset.plot;
    draw(place);
  });
}

function value(row, column) {
  const cell = row.cells[column];
  if (!("sort" in cell.dataset)) return cell.textContent;
  return cell.dataset.sort === "" ? null : Number(cell.dataset.sort);
}

function compare(a, b) {
  return typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const head of table.tHead.rows[0].cells) {
    head.querySelector("button")?.addEventListener("click", () => {
      const first = head.classList.contains("number") ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? second : first;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const rows = [...table.tBodies[0].rows].map((row) => [value(row, head.cellIndex), row]);
      /* Rows without a value stay at the end, whatever the order. */
      rows.sort(([a], [b]) => (a === null ? (b === null ? 0 : 1) : b === null ? -1 : sign * compare(a, b)));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  }
}

/* A row stays if it holds one of the words. */
function filter(input) {
  const rows = [...document.getElementById(input.dataset.filters).tBodies[0].rows];
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) {
    const text = row.cells[0].textContent.toLowerCase();
    row.hidden = words.length > 0 && !words.some((word) => text.includes(word));
  }
  const shown = rows.filter((row) => !row.hidden).length;
  input.closest(".tools").querySelector(".count").textContent = words.length ? `${shown} of ${rows.length}` : "";
}

for (const input of document.querySelectorAll("input[data-filters]")) {
  input.addEventListener("input", () => filter(input));
}

/* While runs are being made the page looks again; what the reader has set stays as it was. */
const KEY = `seqbench ${location.pathname}`;

function every(selector, told) {
  return [...document.querySelectorAll(selector)].map(told);
}

function nameOfView(button) {
  return `${button.parentElement.ariaLabel}: ${button.textContent}`;
}

function remember() {
  const state = {
    y: scrollY,
    open: every("details", (each) => each.open),
    words: every("input[data-filters]", (input) => [input.dataset.filters, input.value]),
    views: every('.variants button[aria-pressed="true"]', nameOfView),
    sorted: every("th[aria-sort]", (head) => [head.closest("table").id, head.cellIndex, head.ariaSort]),
  };
  sessionStorage.setItem(KEY, JSON.stringify(state));
}

function restore() {
  const state = JSON.parse(sessionStorage.getItem(KEY));
  sessionStorage.removeItem(KEY);
  if (!state) return;
  every("details", (each, place) => { each.open = state.open[place] ?? false; });
  for (const [id, words] of state.words) {
    const input = document.querySelector(`input[data-filters="${id}"]`);
    if (!input) continue;
    input.value = words;
    filter(input);
  }
  every(".variants button", (button) => {
    if (button.ariaPressed === "false" && state.views.includes(nameOfView(button))) button.click();
  });
  for (const [id, column, order] of state.sorted) {
    const head = document.getElementById(id)?.tHead.rows[0].cells[column];
    for (let clicks = 0; clicks < 2 && head && head.ariaSort !== order; clicks += 1) head.querySelector("button").click();
  }
  scrollTo(0, state.y);
}

/* A browser that keeps nothing for files starts from the top. */
function tried(action) {
  try {
    action();
  } catch { /* as it is */ }
}

tried(restore);
if (document.body.dataset.reload) {
  setInterval(() => {
    if (document.hidden || document.activeElement?.matches("input")) return;
    tried(remember);
    location.reload();
  }, 1000 * Number(document.body.dataset.reload));
}
