
"use strict";

const plots = JSON.parse(document.getElementById("plots").textContent);

/* Text, grid and background follow the page, which follows the reader's system. */
function themed(layout) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const titled = (axis) => axis?.title ? { ...axis, title: { standoff: 10, ...axis.title } } : axis;
  const axis = { gridcolor: colour("--grid"), linecolor: colour("--line"), zerolinecolor: colour("--grid"), automargin: true };
  return {
    ...layout,
    height: undefined,
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("--soft"), size: 13, family: getComputedStyle(document.body).fontFamily },
    margin: { l: 50, r: 14, t: 10, b: 44 },
    legend: { orientation: "h", yref: "container", y: 1, yanchor: "top", x: 0 },
    hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
    xaxis: { ...axis, ...titled(layout.xaxis) },
    yaxis: { ...axis, ...titled(layout.yaxis) },
  };
}

/* Plotly picks a contrast to the colour scale alone and forgets the page behind it. */
function inked(trace) {
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  return trace.texttemplate ? { ...trace, textfont: { color: ink } } : trace;
}

function draw() {
  plots.forEach((plot, number) => {
    const options = { displayModeBar: false, responsive: true };
    Plotly.react(`plot-${number}`, plot.data.map(inked), themed(plot.layout), options);
  });
}

if (plots.length) {
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

function value(row, column) {
  const cell = row.cells[column];
  if (!("sort" in cell.dataset)) return cell.textContent;
  return cell.dataset.sort === "" ? null : Number(cell.dataset.sort);
}

function compare(a, b) {
  return typeof a === "string" ? a.localeCompare(b) : a - b;
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const head of table.tHead.rows[0].cells) {
    head.querySelector("button")?.addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") === "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const sign = ascending ? 1 : -1;
      const rows = [...table.tBodies[0].rows].map((row) => [value(row, head.cellIndex), row]);
      /* Rows without a value stay at the end, whatever the order. */
      rows.sort(([a], [b]) => (a === null ? (b === null ? 0 : 1) : b === null ? -1 : sign * compare(a, b)));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  }
}
