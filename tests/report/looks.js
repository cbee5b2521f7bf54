/* What the tests ask of a page of a report in the browser: `looks` is put into every page. */
window.looks = (() => {
  "use strict";
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const box = (element) => element.getBoundingClientRect();

  function drawn() {
    return all(".plot").every((plot) => plot.querySelector("svg.main-svg") && plot.querySelector("text, canvas"));
  }

  /* What stands out of its card, or over another part of it. */
  function misplaced() {
    return all("figure").flatMap((figure) => {
      const plot = figure.querySelector(".plot");
      const card = box(figure);
      const wrong = [];
      const within = (what, { left, right }) => {
        if (left < card.left - 1 || right > card.right + 1) wrong.push(what);
      };
      within("plot", box(plot));
      if (box(figure.querySelector("figcaption")).bottom > box(plot).top + 1) wrong.push("heading");
      if (!plot.classList.contains("scrolls")) {
        within("drawing", box(plot.querySelector(".main-svg")));
        for (const text of all("text", plot)) within(text.textContent, box(text));
      }
      const legend = plot.querySelector(".legend");
      const drawing = plot.querySelector(".nsewdrag");
      if (legend && drawing && box(legend).bottom > box(drawing).top + 1) wrong.push("legend");
      return wrong.map((what) => `${figure.querySelector("h3").textContent}: ${what}`);
    });
  }

  /* Contrast of WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
  function parsed(text) {
    const [r, g, b, opacity = 1] = text.match(/[\d.]+/g).map(Number);
    return { rgb: [r, g, b], opacity };
  }

  function over(top, below) {
    return top.rgb.map((part, place) => top.opacity * part + (1 - top.opacity) * below[place]);
  }

  function luminance(rgb) {
    const [r, g, b] = rgb.map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  function behind(element) {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      layers.unshift(parsed(getComputedStyle(each).backgroundColor));
      if (layers[0].opacity === 1) break;
    }
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
  }

  /* How many texts there are, and those whose contrast to what is behind them is below 4.5. */
  function faint() {
    const found = new Set();
    let texts = 0;
    const look = (name, colour, ground) => {
      texts += 1;
      const ratio = contrast(over(parsed(colour), ground), ground);
      if (!(ratio >= 4.5)) found.add(`${name}: ${ratio.toFixed(2)}`);
    };
    for (const element of all("main *")) {
      if (element.closest("svg, .plot") || !element.checkVisibility()) continue;
      if (![...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) continue;
      look(`${element.localName}.${element.className}`, getComputedStyle(element).color, behind(element));
    }
    for (const input of all("input")) look("placeholder", getComputedStyle(input, "::placeholder").color, behind(input));
    for (const plot of all(".plot")) {
      const ground = behind(plot);
      for (const text of all("text", plot)) {
        if (text.textContent && !text.closest(".heatmaplayer")) look(text.textContent, getComputedStyle(text).fill, ground);
      }
      const shares = plot.querySelector(".heatmaplayer text");
      const cells = plot.data.find((trace) => trace.type === "heatmap");
      for (const [share, colour] of shares ? cells.colorscale : []) {
        look(`cell of ${100 * share} %`, getComputedStyle(shares).fill, over(parsed(colour), ground));
      }
    }
    return { texts, faint: [...found] };
  }

  /* What has no name for those who do not see it, or no scope, or an id that another has too. */
  function unnamed() {
    const name = (each) => each.ariaLabel
      ?? document.getElementById(each.getAttribute("aria-labelledby"))?.textContent ?? "";
    const ids = all("[id]:not(.plot *)").map((each) => each.id);
    return [
      ...all("section, [role=img], [role=region], [role=group]").filter((each) => !name(each).trim()),
      ...all("input").filter((each) => !each.labels.length),
      ...all("th").filter((each) => !["row", "col"].includes(each.scope)),
      ...all("button").filter((each) => !each.textContent.trim()),
      ...ids.filter((id, place) => ids.indexOf(id) !== place),
    ].map((each) => each.outerHTML ?? each);
  }

  function open() {
    for (const each of all("details")) each.open = true;
  }

  /* What is on paper, told before the page's own listener makes it a page for screens again. */
  const printed = {};
  addEventListener("afterprint", () => {
    const plots = all(".plot");
    printed.undrawn = plots.filter((plot) => !plot.querySelector(".main-svg")).length;
    printed.misplaced = misplaced();
    printed.inks = [...new Set(all(".plot .xtitle").map((title) => title.style.fill))];
    printed.ground = getComputedStyle(document.body).backgroundColor;
    printed.width = box(document.querySelector("main")).width;
  });

  return { drawn, misplaced, faint, unnamed, open, printed };
})();
