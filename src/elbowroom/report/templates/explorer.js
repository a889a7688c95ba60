// --- latent space: pictures that were decoded in advance, or that a network of decoder.js decodes now -----------------

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
    forget(canvas);
  }
}
const tile = ([height, width], label) => make("canvas", { className: "tile", width, height, aria: { role: "img", label } });
const className = (images, index) => images.classes.length ? `${images.classes[images.labels[index]]}, ` : ""; // before a number
const clamp = (value, most) => Math.max(0, Math.min(most, value));

function slider(label, most, said, changed, step = 1) {
  const id = unique(), value = make("output", { htmlFor: id, aria: { live: "off" } });
  const input = make("input", { id, type: "range", min: 0, max: most, value: 0, step, aria: { label } });
  const tell = () => {
    value.textContent = said(+input.value);
    input.setAttribute("aria-valuetext", value.textContent);
    changed(+input.value);
  };
  input.addEventListener("input", tell);
  return { input, tell, row: make("div", { className: "slide" }, input, value) };
}

function choice(legend, options, className, changed, first = 0) { // radio buttons: options are the elements to show
  let chosen = first; // a click on it makes no change, but chooses it again: what it set may have been moved since
  const name = unique(), set = make("fieldset", { className }, make("legend", {}, legend));
  options.forEach(({ label, shown }, index) => {
    const input = make("input", { type: "radio", name, value: index, checked: index === first, aria: { label } });
    input.addEventListener("click", () => chosen === index && changed(index));
    input.addEventListener("change", () => { chosen = index; changed(index); });
    set.append(make("label", { className: className === "bar" ? "pick" : "" }, input, ...shown));
  });
  return set;
}

class Variant {
  constructor(data, size) {
    Object.assign(this, data, { live: liveModels.get(data.name), film: new Sheet(data.film, size, data.film_columns) });
    this.sheet = this.live ? null : new Sheet(data.sheet, size, data.columns);
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
  showPlace(canvas, place) { // a point of the map
    if (this.live) this.live.show(canvas, this.live.lift(place.map((at, axis) => this.limits[axis][0] + at * (this.limits[axis][1] - this.limits[axis][0]))));
    else this.sheet.show(canvas, this.starts.grid + this.cell(place));
  }
  showPath(canvas, from, to, curved, step) { // step: from 0 to steps - 1, also between two whole numbers
    if (this.live) return this.live.show(canvas, (curved ? slerp : lerp)(this.live.ends[from], this.live.ends[to], step / (this.steps - 1)));
    if (from === to) [to, curved, step] = [from ? 0 : 1, 0, 0]; // the end of any path from there
    const [first, second] = from < to ? [from, to] : [to, from], back = from > to, whole = Math.round(step);
    const pair = first * this.images - first * (first + 1) / 2 + second - first - 1; // in the order of itertools.combinations
    this.sheet.show(canvas, this.starts.paths + (2 * pair + curved) * this.steps + (back ? this.steps - 1 - whole : whole));
  }
  showWalk(canvas, rank, step) { // step: from 0 to stops - 1, also between two whole numbers
    if (!this.live) return this.sheet.show(canvas, this.starts.walks + rank * this.stops + Math.round(step));
    const { latents, ends, middle, deviation } = this.live, deviations = page.span * ((2 * step) / (this.stops - 1) - 1);
    const walked = latents.indexOf(this.walked[rank].latent); // -1: it carries next to nothing, and has no effect
    this.live.show(canvas, ends[0].map((value, place) => (place === walked ? middle[place] + deviations * deviation[place] : value)));
  }
  scatter(canvas, snapshot, labels, dot) {
    const wide = Math.round((canvas.clientWidth || 300) * devicePixelRatio), draw = canvas.getContext("2d");
    canvas.width = canvas.height = wide;
    draw.strokeStyle = css("--soft");
    draw.lineWidth = 0.4 * devicePixelRatio;
    for (let index = 0; index < this.count; index++) {
      const [x, y] = this.place(snapshot, index);
      draw.fillStyle = seen(page.classes[(labels[index] ?? 0) % page.classes.length]); // without labels, all are alike
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
function thumbs(legend, images, size, count, first, changed) { // the choice of a test image
  const options = Array.from({ length: count }, (_, index) => {
    const canvas = tile(size, "");
    images.sheet.show(canvas, index);
    canvas.setAttribute("aria-hidden", "true");
    return { label: `test image ${className(images, index)}number ${index}`, shown: [canvas] };
  });
  return choice(legend, options, "thumbs", changed, first);
}
const fine = variants => (variants.some(({ live }) => live) ? 0.05 : 1); // the step of a slider between stored pictures
const card = (title, text, ...children) => make("section", { className: "card" }, make("h4", {}, title), make("p", { className: "soft" }, text), ...children);

const opens = (variants, first) => Math.max(0, variants.findIndex(({ name }) => name === first)); // the one shown first

function mapCard(variants, images, size, first) {
  let chosen = variants[first];
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
    chosen.showPlace(decoded, at);
    images.sheet.show(near, index);
    says.textContent = `Nearest test image: ${className(images, index)}number ${index}`;
    for (const { variant, canvas } of others.tiles) {
      variant.showPlace(canvas, variant.place(variant.last, index));
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
  const pick = choice("Map of", options, "bar", index => { chosen = variants[index]; paint(); }, first);
  const legend = make("p", { className: "bar" }, ...images.classes.map((name, index) => make("span", { className: "soft" }, swatch(page.classes[index % page.classes.length]), name)));
  const right = make("div", {}, make("div", { className: "pair" },
    make("figure", { className: "small" }, decoded, make("figcaption", {}, "Decoded at the point")), make("figure", { className: "small" }, near, says)),
    make("p", { className: "soft" }, "Every variant, at that test image’s place in its own map:"), others.element);
  const element = card("Move over the map",
    `mu of the first ${chosen.count.toLocaleString("en")} test images on two principal components (in brackets, their share of the variance)${images.classes.length ? ", coloured by class" : ""}; both axes are scaled so that the points fill the square. The point is decoded with all other components at their mean${variants.every(({ live }) => live) ? "" : ` (if the page lacks the decoder, on a grid of ${chosen.grid} × ${chosen.grid})`}. Nearest means nearest on this map.`,
    pick, make("div", { className: "map" }, make("div", {}, plane, legend), right));
  return { element, paint };
}

function pathCard(variants, images, size) {
  let [from, to, curved] = [0, 1, 0];
  const { steps, images: count } = variants[0], { tiles, element } = strip(variants, size, "between two test images");
  const show = step => tiles.forEach(({ variant, canvas }) => variant.showPath(canvas, from, to, curved, step));
  const slide = slider("Between the two images", steps - 1, step => `${Math.round((100 * step) / (steps - 1))} % of the way`, show, fine(variants));
  const ends = [
    thumbs("From", images, size, count, from, index => { from = index; slide.tell(); }),
    thumbs("To", images, size, count, to, index => { to = index; slide.tell(); }),
  ];
  const ways = ["straight line", "great circle (slerp)"].map(label => ({ label, shown: [label] }));
  const way = choice("Along", ways, "bar", index => { curved = index; slide.tell(); });
  return { element: card("Slide between two test images", "From one image’s mu to the other’s. The ends are reconstructions.", ...ends, way, slide.row, element), paint: slide.tell };
}

function walkCard(variants, images, size) {
  let rank = 0;
  const { stops } = variants[0], { tiles, element } = strip(variants, size, "along one latent");
  const show = step => tiles.forEach(({ variant, canvas, note }) => {
    const own = variant.walked[rank];
    if (own) variant.showWalk(canvas, rank, step);
    else canvas.getContext("2d").clearRect(0, 0, size[1], size[0]);
    note.textContent = own ? `, latent ${own.latent}: ${variant.model === "vae" ? `${own.amount} nats` : `variance ${own.amount}`}` : `: has ${variant.walked.length}`;
  });
  const said = step => `${(page.span * ((2 * step) / (stops - 1) - 1)).toFixed(1)} standard deviations`;
  const slide = slider("Value of the latent", stops - 1, said, show, fine(variants));
  slide.input.value = Math.floor(stops / 2);
  const most = Math.max(...variants.map(variant => variant.walked.length));
  const ranks = Array.from({ length: most }, (_, index) => ({ label: `latent number ${index + 1} by its KL`, shown: [String(index + 1)] }));
  const pick = choice("Latent, by its KL", ranks, "bar", index => { rank = index; slide.tell(); });
  return { element: card("Walk along one latent", `The ${most} latents with the most KL over the first ${variants[0].count.toLocaleString("en")} test images (for an autoencoder, the most variance), from -3 to 3 standard deviations of the prior (for an autoencoder, of its mu around the mean). The other latents stay as they are for the first test image.`, pick, slide.row, element), paint: slide.tell };
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
      variant.film.show(is, snapshot * variant.followed + index);
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
  await loadModels(data);
  const variants = data.variants.map(variant => new Variant(variant, data.size)), alive = variants.filter(({ live }) => live);
  await Promise.all([images.sheet, ...variants.flatMap(({ sheet, film }) => [sheet, film])].map(sheet => sheet?.ready));
  const cards = [mapCard, pathCard, walkCard].map(card => card(variants, images, data.size, opens(variants, data.first)));
  if (alive.length) cards.push(...liveCards(alive, variants, images, data.size, data.first));
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
