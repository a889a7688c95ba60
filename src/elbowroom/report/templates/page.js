"use strict";
// What is interactive on the page: tables that sort, charts, and an explorer of latent space, whose pictures were decoded in advance.
const page = JSON.parse(document.getElementById("page-data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const seen = colour => (dark.matches && colour === "#000000" ? "#ffffff" : colour); // black cannot be seen on dark
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
  const spec = structuredClone(page.charts[place.dataset.chart]), group = place.dataset.group;
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
    const range = part.encoding?.color?.scale?.range;
    if (range) part.encoding.color.scale.range = range.map(seen);
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

// --- decoded pictures -----------------------------------------------------------------------------------------------

class Sheet { // a sheet of tiles [height, width], laid out by figures.explorer_sheet
  constructor(uri, size, columns) {
    const [height, width] = size, [down, right] = size.map(side => Math.ceil(side / page.block) * page.block);
    Object.assign(this, { height, width, down, right, columns });
    this.image = make("img", { src: uri });
    this.ready = this.image.decode();
  }
  show(canvas, index) {
    const { height, width, down, right, columns } = this, [x, y] = [index % columns, Math.floor(index / columns)];
    canvas.getContext("2d").drawImage(this.image, x * right, y * down, width, height, 0, 0, width, height);
    canvas.dataset.tile = index;
  }
}
const tile = ([height, width], label) => make("canvas", { className: "tile", width, height, aria: { role: "img", label } });
const className = (images, index) => images.classes.length ? `${images.classes[images.labels[index]]}, ` : ""; // before a number
const clamp = (value, most) => Math.max(0, Math.min(most, value));

function slider(label, most, said, changed) {
  const id = unique(), value = make("output", { htmlFor: id, aria: { live: "off" } });
  const input = make("input", { id, type: "range", min: 0, max: most, value: 0, step: 1, aria: { label } });
  const tell = () => {
    value.textContent = said(+input.value);
    input.setAttribute("aria-valuetext", value.textContent);
    changed(+input.value);
  };
  input.addEventListener("input", tell);
  return { input, tell, row: make("div", { className: "slide" }, input, value) };
}

function choice(legend, options, className, changed, first = 0) { // radio buttons: options are the elements to show
  const name = unique(), set = make("fieldset", { className }, make("legend", {}, legend));
  options.forEach(({ label, shown }, index) => {
    const input = make("input", { type: "radio", name, value: index, checked: index === first, aria: { label } });
    input.addEventListener("change", () => changed(index));
    set.append(make("label", { className: className === "bar" ? "pick" : "" }, input, ...shown));
  });
  return set;
}

class Variant {
  constructor(data, size) {
    Object.assign(this, data, { sheet: new Sheet(data.sheet, size, data.columns) });
    const bytes = Uint8Array.from(atob(data.points), letter => letter.charCodeAt(0)), read = new DataView(bytes.buffer);
    this.places = Float32Array.from({ length: bytes.length / 2 }, (_, index) => read.getUint16(2 * index, true) / 65535);
    this.count = this.places.length / 2 / data.at.length; // points at an epoch
  }
  place(snapshot, index) { // from the lower left, 0 to 1
    const at = 2 * (snapshot * this.count + index);
    return [this.places[at], this.places[at + 1]];
  }
  get last() { return this.at.length - 1; }
  cell([x, y]) { return clamp(Math.floor((1 - y) * this.grid), this.grid - 1) * this.grid + clamp(Math.floor(x * this.grid), this.grid - 1); }
  nearest([x, y]) {
    let best = 0, least = Infinity;
    for (let index = 0; index < this.count; index++) {
      const [px, py] = this.place(this.last, index), far = (px - x) ** 2 + (py - y) ** 2;
      if (far < least) [best, least] = [index, far];
    }
    return best;
  }
  path(from, to, curved, step) { // pairs in the order of itertools.combinations; a pair the other way round is walked back
    const [first, second] = from < to ? [from, to] : [to, from], back = from > to;
    const pair = first * this.images - first * (first + 1) / 2 + second - first - 1;
    return this.starts.paths + (2 * pair + curved) * this.steps + (back ? this.steps - 1 - step : step);
  }
  walk(rank, step) { return this.starts.walks + rank * this.stops + step; }
  scatter(canvas, snapshot, labels, dot) {
    const wide = Math.round((canvas.clientWidth || 300) * devicePixelRatio), draw = canvas.getContext("2d");
    canvas.width = canvas.height = wide;
    draw.strokeStyle = css("--soft");
    draw.lineWidth = 0.4 * devicePixelRatio;
    for (let index = 0; index < this.count; index++) {
      const [x, y] = this.place(snapshot, index);
      draw.fillStyle = page.classes[(labels[index] ?? 0) % page.classes.length]; // without labels, all are alike
      draw.beginPath();
      draw.arc(x * wide, (1 - y) * wide, dot * devicePixelRatio, 0, 7);
      draw.fill();
      draw.stroke();
    }
  }
}

function strip(variants, size, words) { // a tile of each variant
  const tiles = variants.map(variant => {
    const canvas = tile(size, `${variant.name}: ${words}`), note = make("span");
    return { variant, canvas, note, figure: make("figure", {}, canvas, make("figcaption", {}, swatch(variant.colour), variant.name, note)) };
  });
  return { tiles, element: make("div", { className: "tiles" }, ...tiles.map(({ figure }) => figure)) };
}
const card = (title, text, ...children) => make("section", { className: "card" }, make("h4", {}, title), make("p", { className: "soft" }, text), ...children);

function mapCard(variants, images, size) {
  let chosen = variants[0];
  const middle = (Math.floor(chosen.grid / 2) + 0.5) / chosen.grid; // of a cell
  let at = [middle, 1 - middle];
  const plane = make("canvas", { className: "plane moved", tabIndex: 0, aria: { role: "application", label: "Map of latent space. Arrow keys move the point that is decoded." } });
  const decoded = tile(size, "decoded at the point"), near = tile(size, "nearest test image"), says = make("figcaption", { aria: { live: "polite" } });
  const others = strip(variants, size, "decoded at the same test image's place"), dots = make("canvas");
  const point = () => {
    const draw = plane.getContext("2d"), [x, y] = [at[0] * plane.width, (1 - at[1]) * plane.height];
    draw.clearRect(0, 0, plane.width, plane.height);
    draw.drawImage(dots, 0, 0);
    draw.strokeStyle = css("--text");
    draw.lineWidth = 1.5 * devicePixelRatio;
    draw.beginPath();
    draw.arc(x, y, 7 * devicePixelRatio, 0, 7);
    draw.stroke();
    const index = chosen.nearest(at);
    chosen.sheet.show(decoded, chosen.starts.grid + chosen.cell(at));
    images.sheet.show(near, index);
    says.textContent = `Nearest test image: ${className(images, index)}number ${index}`;
    for (const { variant, canvas } of others.tiles) {
      variant.sheet.show(canvas, variant.starts.grid + variant.cell(variant.place(variant.last, index)));
    }
  };
  const paint = () => {
    dots.width = dots.height = plane.width = plane.height = Math.round((plane.clientWidth || 300) * devicePixelRatio);
    Object.defineProperty(dots, "clientWidth", { value: plane.clientWidth, configurable: true });
    chosen.scatter(dots, chosen.last, images.labels, 2.2);
    point();
  };
  const follow = event => {
    const box = plane.getBoundingClientRect();
    at = [clamp((event.clientX - box.left) / box.width, 1), clamp(1 - (event.clientY - box.top) / box.height, 1)];
    point();
  };
  plane.addEventListener("pointermove", follow);
  plane.addEventListener("pointerdown", follow);
  plane.addEventListener("keydown", event => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    at = at.map((value, axis) => clamp(value + way[axis] / chosen.grid, 1));
    point();
  });
  const options = variants.map(variant => {
    const label = `${variant.name} (${(100 * variant.share).toFixed(0)} %)`;
    return { label, shown: [swatch(variant.colour), label] };
  });
  const pick = choice("Map of", options, "bar", index => { chosen = variants[index]; paint(); });
  const legend = make("p", { className: "bar" }, ...images.classes.map((name, index) => make("span", { className: "soft" }, swatch(page.classes[index % page.classes.length]), name)));
  const right = make("div", {}, make("div", { className: "pair" },
    make("figure", { className: "small" }, decoded, make("figcaption", {}, "Decoded at the point")), make("figure", { className: "small" }, near, says)),
    make("p", { className: "soft" }, "Every variant, at that test image’s place in its own map:"), others.element);
  const element = card("Move over the map",
    `mu of the first ${chosen.count} test images on two principal components (in brackets, their share of the variance)${images.classes.length ? ", coloured by class" : ""}; each component is stretched to the side of the square. The point is decoded with all other components at their mean, on a grid of ${chosen.grid} × ${chosen.grid}. Nearest means nearest on this map.`,
    pick, make("div", { className: "map" }, make("div", {}, plane, legend), right));
  return { element, paint };
}

function pathCard(variants, images, size) {
  let [from, to, curved] = [0, 1, 0];
  const { steps, images: count } = variants[0], { tiles, element } = strip(variants, size, "between two test images");
  const show = step => tiles.forEach(({ variant, canvas }) => {
    const index = from === to ? variant.path(from, from ? 0 : 1, 0, 0) : variant.path(from, to, curved, step);
    variant.sheet.show(canvas, index);
  });
  const slide = slider("Between the two images", steps - 1, step => `${Math.round((100 * step) / (steps - 1))} % of the way`, show);
  const thumbs = (legend, first, changed) => {
    const options = Array.from({ length: count }, (_, index) => {
      const canvas = tile(size, "");
      images.sheet.show(canvas, index);
      canvas.setAttribute("aria-hidden", "true");
      return { label: `test image ${className(images, index)}number ${index}`, shown: [canvas] };
    });
    return choice(legend, options, "thumbs", index => { changed(index); slide.tell(); }, first);
  };
  const ends = [thumbs("From", from, index => { from = index; }), thumbs("To", to, index => { to = index; })];
  const ways = ["straight line", "great circle (slerp)"].map(label => ({ label, shown: [label] }));
  const way = choice("Along", ways, "bar", index => { curved = index; slide.tell(); });
  return { element: card("Slide between two test images", "From one image’s mu to the other’s. The ends are reconstructions.", ...ends, way, slide.row, element), paint: slide.tell };
}

function walkCard(variants, images, size) {
  let rank = 0;
  const { stops } = variants[0], { tiles, element } = strip(variants, size, "along one latent");
  const show = step => tiles.forEach(({ variant, canvas, note }) => {
    const own = variant.walked[rank];
    if (own) variant.sheet.show(canvas, variant.walk(rank, step));
    else canvas.getContext("2d").clearRect(0, 0, size[1], size[0]);
    note.textContent = own ? `, latent ${own.latent}: ${own.amount} ${variant.model === "vae" ? "nats" : "variance"}` : `: has ${variant.walked.length}`;
  });
  const said = step => `${(page.span * ((2 * step) / (stops - 1) - 1)).toFixed(1)} standard deviations`;
  const slide = slider("Value of the latent", stops - 1, said, show);
  slide.input.value = Math.floor(stops / 2);
  const most = Math.max(...variants.map(variant => variant.walked.length));
  const ranks = Array.from({ length: most }, (_, index) => ({ label: `latent number ${index + 1} by its KL`, shown: [String(index + 1)] }));
  const pick = choice("Latent, by its KL", ranks, "bar", index => { rank = index; slide.tell(); });
  return { element: card("Walk along one latent", `The latents with the most KL over the first ${variants[0].count} test images (for an autoencoder, the most variance), from -3 to 3 standard deviations of the prior (for an autoencoder, of its mu around the mean). The other latents stay as they are for the first test image.`, pick, slide.row, element), paint: slide.tell };
}

function filmCard(variants, images, size) {
  const epochs = [...new Set(variants.flatMap(({ at }) => at))].sort((a, b) => a - b);
  const films = variants.map(variant => {
    const plane = make("canvas", { className: "plane", aria: { role: "img", label: `${variant.name}: map of latent space at the chosen epoch` } });
    const real = Array.from({ length: Math.min(variant.followed, 5) }, (_, index) => ({ index, of: tile(size, `test image ${index}`), is: tile(size, `${variant.name}: its reconstruction`) }));
    const figure = make("figure", {}, plane, make("div", { className: "tiles" }, ...real.map(({ of }) => of), ...real.map(({ is }) => is)),
      make("figcaption", {}, swatch(variant.colour), variant.name));
    return { variant, plane, real, figure };
  });
  const show = step => films.forEach(({ variant, plane, real }) => {
    const snapshot = Math.max(0, variant.at.findLastIndex(epoch => epoch <= epochs[step]));
    variant.scatter(plane, snapshot, images.labels, 1.3);
    plane.dataset.epoch = variant.at[snapshot];
    for (const { index, of, is } of real) {
      images.sheet.show(of, index);
      variant.sheet.show(is, variant.starts.evolution + snapshot * variant.followed + index);
    }
  });
  const said = step => (epochs[step] ? `epoch ${epochs[step]}` : "before training");
  const slide = slider("Epoch", epochs.length - 1, said, show);
  slide.input.value = epochs.length - 1;
  let timer = null;
  const play = make("button", { type: "button", className: "chip" }, "Play");
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; };
  play.addEventListener("click", () => {
    if (timer !== null) return stop();
    play.textContent = "Pause";
    if (+slide.input.value === epochs.length - 1) slide.input.value = 0;
    slide.tell();
    timer = setInterval(() => {
      slide.input.value = +slide.input.value + 1;
      slide.tell();
      if (+slide.input.value === epochs.length - 1) stop();
    }, 600);
  });
  slide.input.addEventListener("input", stop); // by hand, which a timer is not
  slide.row.prepend(play);
  const element = make("div", {}, slide.row, make("div", { className: "films" }, ...films.map(({ figure }) => figure)));
  return { element, paint: slide.tell };
}

async function explore(place, data) {
  const images = { ...data.images, sheet: new Sheet(data.images.sheet, data.size, data.images.columns) };
  const variants = data.variants.map(variant => new Variant(variant, data.size));
  await Promise.all([images, ...variants].map(({ sheet }) => sheet.ready));
  const cards = [mapCard, pathCard, walkCard].map(card => card(variants, images, data.size));
  const film = filmCard(variants, images, data.size);
  place.append(...cards.map(({ element }) => element));
  document.querySelector(`[data-film="${CSS.escape(place.dataset.explorer)}"]`).append(film.element);
  const paint = () => [...cards, film].forEach(card => card.paint());
  paint();
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; paint(); } });
  dark.addEventListener("change", paint);
}
const explored = [...document.querySelectorAll("[data-explorer]")].map(place => explore(place, page.explorers[place.dataset.explorer]));
Promise.all([drawn, ...explored]).then(() => { document.documentElement.dataset.ready = "yes"; }); // for tests, too
