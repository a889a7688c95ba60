"use strict";
// What is interactive on the page: here, tables that sort and charts; in explorer.js and live.js, latent space.
const [page, live] = ["page-data", "live-data"].map(id => JSON.parse(document.getElementById(id).textContent));
const dark = matchMedia("(prefers-color-scheme: dark)");
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const seen = colour => { // on dark, nearer to white, and black as white; page.css has the same for swatches
  if (!dark.matches) return colour;
  if (colour === "#000000") return "#ffffff";
  return `#${[1, 3, 5].map(at => Math.round(0.7 * parseInt(colour.slice(at, at + 2), 16) + 76.5).toString(16).padStart(2, "0")).join("")}`;
};
const make = (tag, properties = {}, ...children) => {
  const { aria = {}, ...own } = properties, element = Object.assign(document.createElement(tag), own);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(name === "role" ? name : `aria-${name}`, value);
  element.append(...children);
  return element;
};
const swatch = colour => {
  const dot = make("i", { className: "swatch" });
  dot.style.setProperty("--colour", colour === "#000000" ? "light-dark(#000000, #ffffff)" : colour);
  return dot;
};
let names = 0;
const unique = () => `control-${names++}`;

// --- contents: the link to what is read is marked ---------------------------------------------------------------------

const contents = document.querySelector("nav"), reached = new Set();
const marks = new Map([...contents.querySelectorAll("a")].map(link => [document.getElementById(link.hash.slice(1)), link]));
const watcher = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) reached[isIntersecting ? "add" : "delete"](target);
  const last = [...marks].findLast(([place]) => reached.has(place))?.[1] ?? [...marks.values()][0];
  if (last.hasAttribute("aria-current")) return;
  contents.querySelector("[aria-current]")?.removeAttribute("aria-current");
  last.setAttribute("aria-current", "true");
  const shown = last.checkVisibility() ? last : last.closest("ul ul").parentElement; // a narrow window has the first level only
  for (const box of [contents, contents.firstElementChild]) { // which of them scrolls depends on the window's width
    const [whole, part] = [box, shown].map(element => element.getBoundingClientRect());
    box.scrollBy(Math.min(0, part.left - whole.left) || Math.max(0, part.right - whole.right), Math.min(0, part.top - whole.top) || Math.max(0, part.bottom - whole.bottom));
  }
}, { rootMargin: "10000000px 0px -65% 0px" }); // a third of the window, and all above
for (const place of marks.keys()) watcher.observe(place);

// --- tables ---------------------------------------------------------------------------------------------------------

const amount = text => { // 1,912.93 ± 1.25 -> 1912.93; < 0.001 -> 0.001; a dash -> null
  const number = parseFloat(text.replace("< ", "").replaceAll(",", ""));
  return Number.isNaN(number) ? null : number;
};
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const text = head.classList.contains("text"), sign = down ? -1 : 1;
    const keyed = [...body.rows].map(row => {
      const said = row.cells[column].textContent.trim();
      return { row, key: text ? said || null : amount(said) };
    });
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null); // rows without a value stay last
      return sign * (text ? a.key.localeCompare(b.key, "en", { numeric: true }) : a.key - b.key);
    });
    body.append(...keyed.map(({ row }) => row));
  }));
}

// --- charts ---------------------------------------------------------------------------------------------------------

const views = new Map(); // place -> Vega's view
const hidden = {}; // group -> variants
const themed = () => {
  const [text, soft, grid] = ["--text", "--soft", "--grid"].map(css), size = { labelFontSize: 11, titleFontSize: 11 };
  return {
    background: "transparent", font: "system-ui, sans-serif", view: { stroke: null },
    axis: { ...size, labelColor: soft, titleColor: soft, titleFontWeight: 400, gridColor: grid, domainColor: grid, tickColor: grid },
    legend: { ...size, labelColor: text, titleColor: text, orient: "top", symbolType: "stroke", symbolSize: 300, symbolStrokeColor: text },
    text: { color: soft },
  };
};
const every = (part, change) => { // of a layered specification
  change(part);
  part.layer?.forEach(layer => every(layer, change));
};
async function draw(place) {
  const { datasets, ...parts } = page.charts[place.dataset.chart], group = place.dataset.group;
  const inside = css("--card"); // of a hollow point
  const coloured = JSON.stringify(parts).replace(/"(#[0-9a-f]{6})"/gi, (_, colour) => `"${colour === "#ffffff" ? inside : seen(colour)}"`);
  const spec = { ...JSON.parse(coloured), datasets: structuredClone(datasets) };
  every(spec, part => {
    for (const axis of ["x", "y"]) {
      const chosen = document.querySelector(`input[data-scale="${axis}"][data-group="${CSS.escape(group)}"]`);
      const own = place.dataset.switch && part.encoding?.[axis];
      if (!chosen?.checked || !own?.field) continue;
      const values = Object.values(spec.datasets).flat().map(row => row[own.field]).filter(value => value !== undefined);
      const type = Math.min(...values) > 0 ? "log" : "symlog"; // symlog can show 0 and negative numbers, too
      own.scale = { type, nice: false };
      if (type === "symlog") own.title = `${own.title}, linear around 0`;
    }
  });
  delete spec.config;
  spec.description = place.getAttribute("aria-label");
  const tooltip = { theme: dark.matches ? "dark" : "light" };
  const options = { actions: false, renderer: "svg", config: themed(), tooltip };
  try {
    views.get(place)?.finalize();
    const { view } = await vegaEmbed(place, spec, options);
    views.set(place, view);
    if (hidden[group]?.size) await view.signal("hidden", [...hidden[group]]).runAsync();
  } catch (error) {
    place.textContent = String(error);
    console.error(error);
  }
}
const places = [...document.querySelectorAll("[data-chart]")];
const drawn = (async () => { for (const place of places) await draw(place); })();
const redraw = chosen => drawn.then(async () => { for (const place of places.filter(chosen)) await draw(place); });
dark.addEventListener("change", () => redraw(() => true));
for (const fold of document.querySelectorAll("details:has([data-chart])")) { // a closed one has no width
  fold.addEventListener("toggle", () => fold.open && redraw(place => fold.contains(place)));
}
const closed = new Set(); // folds that printing opens
addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach(fold => { closed.add(fold); fold.open = true; }));
addEventListener("afterprint", () => { closed.forEach(fold => { fold.open = false; }); closed.clear(); });
for (const box of document.querySelectorAll("input[data-scale]")) {
  box.addEventListener("change", () => redraw(place => place.dataset.switch && place.dataset.group === box.dataset.group));
}
for (const chip of document.querySelectorAll(".chip[data-variant]")) {
  const { group, variant } = chip.dataset, gone = (hidden[group] ??= new Set());
  const say = (signal, value) => {
    for (const [place, view] of views) if (place.dataset.group === group) view.signal(signal, value).runAsync();
  };
  const light = () => { if (!gone.has(variant)) say("lit", variant); };
  chip.addEventListener("pointerenter", event => { if (event.pointerType === "mouse") light(); });
  chip.addEventListener("focus", () => { if (chip.matches(":focus-visible")) light(); });
  for (const event of ["pointerleave", "blur"]) chip.addEventListener(event, () => say("lit", ""));
  chip.addEventListener("click", () => {
    gone[gone.has(variant) ? "delete" : "add"](variant);
    chip.setAttribute("aria-pressed", String(!gone.has(variant)));
    say("hidden", [...gone]);
    say("lit", "");
  });
}
