// --- latent space, decoded on the page: sliders, arithmetic between images, and a pad to draw on ----------------------

const lerp = (a, b, t) => a.map((value, index) => value + t * (b[index] - value));
const norm = a => Math.hypot(...a);
function slerp(a, b, t) { // as vae/latent_space.py has it
  const angle = Math.acos(Math.max(-1, Math.min(1, a.reduce((sum, value, index) => sum + value * b[index], 0) / (norm(a) * norm(b)))));
  if (!(Math.sin(angle) >= 1e-4)) return lerp(a, b, t);
  return a.map((value, index) => (Math.sin((1 - t) * angle) * value + Math.sin(t * angle) * b[index]) / Math.sin(angle));
}

const waiting = new Map(); // canvas -> the newest picture that it waits for
function soon(canvas, work) { // as many as there is time for in a frame
  if (!waiting.size) requestAnimationFrame(workOff);
  waiting.set(canvas, work);
}
const forget = canvas => waiting.delete(canvas);
function workOff() {
  const until = performance.now() + 8;
  for (const [canvas, work] of waiting) {
    waiting.delete(canvas);
    work();
    if (performance.now() > until) break;
  }
  if (waiting.size) requestAnimationFrame(workOff);
}

class LiveModel { // figures.live_model.LiveModel
  constructor(data, size, module) {
    Object.assign(this, data, { size, module });
  }
  get decodes() { return (this.decoding ??= new Network(this.decoder, this.module)); }
  get encodes() { return (this.encoding ??= new Network(this.encoder, this.module)); }
  lift([x, y]) { return this.centre.map((value, index) => value + x * this.axes[0][index] + y * this.axes[1][index]); } // from the plane of the map
  picture(z) {
    const output = this.decodes.compute(z), [tall, broad, channels] = this.decodes.gives, [height, width] = this.size;
    const top = (tall - height) >> 1, left = (broad - width) >> 1, [low, high] = this.pixel_range, link = links[this.link];
    const picture = new ImageData(width, height);
    for (let pixel = 0; pixel < height * width; pixel++) {
      const from = ((top + Math.floor(pixel / width)) * broad + left + (pixel % width)) * channels;
      for (let colour = 0; colour < 3; colour++) picture.data[4 * pixel + colour] = (255 * (link(output[from + (channels === 3 ? colour : 0)]) - low)) / (high - low);
      picture.data[4 * pixel + 3] = 255;
    }
    return picture;
  }
  encode(image) { // grey, from 0 to 1
    const [low, high] = this.pixel_range;
    return Array.from(this.encodes.compute(image.map(value => low + value * (high - low))));
  }
  show(canvas, z) {
    delete canvas.dataset.tile;
    soon(canvas, () => canvas.getContext("2d").putImageData(this.picture(z), 0, 0));
  }
}
const liveModels = new Map();
const kernel = (async () => WebAssembly.compile(bytesOf(live.kernel)))().catch(() => null);
async function loadModels({ size, variants }) {
  const module = await kernel;
  for (const { name } of variants) {
    if (live.models[name]) liveModels.set(name, new LiveModel(live.models[name], size, module));
  }
}

const pick = (legend, variants, changed, first) => choice(legend, variants.map(({ name, colour }) => ({ label: name, shown: [swatch(colour), name] })), "bar", changed, first);
const button = (text, clicked) => {
  const element = make("button", { type: "button", className: "chip" }, text);
  element.addEventListener("click", clicked);
  return element;
};
const unit = ({ model }) => (model === "vae" ? "nats" : "variance");
const OPEN = 8; // sliders that are not behind a fold

const notHere = (part, all, here) => { // names what a card leaves out
  const names = all.filter(variant => !here.includes(variant)).map(({ name }) => name);
  return names.length ? ` Not here: ${names.join(", ")}, since the page does not have the ${part}.` : "";
};

function slidersCard(variants, all, images, size, first) {
  let chosen = variants[first], start = 0, z = [];
  const decoded = tile(size, "decoded from the sliders"), place = make("div", { className: "sliders" }), rows = [];
  const show = () => chosen.live.show(decoded, z);
  const set = values => {
    z = [...values];
    rows.forEach(({ input, tell }, index) => { input.value = (z[index] - chosen.live.middle[index]) / chosen.live.deviation[index]; tell(true); });
    show();
  };
  const build = () => {
    const { live } = chosen;
    rows.length = 0;
    live.latents.forEach((latent, index) => {
      const id = unique(), value = make("output", { htmlFor: id, aria: { live: "off" } });
      const input = make("input", { id, type: "range", min: -page.span, max: page.span, step: 0.05 });
      const tell = fromElsewhere => {
        if (!fromElsewhere) z[index] = live.middle[index] + input.value * live.deviation[index];
        value.textContent = z[index].toFixed(2);
        input.setAttribute("aria-valuetext", value.textContent);
      };
      input.addEventListener("input", () => { tell(false); show(); });
      const label = make("label", { htmlFor: id }, `Latent ${latent}`, make("span", { className: "soft" }, ` ${live.amounts[index].toPrecision(2)} ${unit(chosen)}`));
      rows.push({ input, tell, row: make("div", { className: "slide" }, label, input, value) });
    });
    const all = rows.map(({ row }) => row), rest = all.slice(OPEN);
    place.replaceChildren(...all.slice(0, OPEN), ...(rest.length ? [make("details", {}, make("summary", {}, `${rest.length} more latents`), ...rest)] : []));
    set(live.ends[start]);
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()); // Box and Muller
  const buttons = make("div", { className: "bar" },
    button("Surprise me", () => set(chosen.live.middle.map((middle, index) => middle + normal() * chosen.live.deviation[index]))),
    button("All in the middle", () => set(chosen.live.middle)));
  const from = thumbs("From", images, size, chosen.live.ends.length, 0, index => { start = index; set(chosen.live.ends[index]); });
  build();
  return {
    element: card("Set the latents yourself",
      "From the latent with the most KL (for an autoencoder, the most variance) to the one with the least. A slider spans three standard deviations of the prior to either side (for an autoencoder, which has no prior, of its mu around the mean), and “Surprise me” draws from that normal distribution. Latents that carry next to nothing have no slider: they stay at their mean." + notHere("decoder", all, variants),
      pick("Decoder of", variants, index => { chosen = variants[index]; build(); }, first), from, buttons,
      make("div", { className: "beside" }, make("figure", { className: "small" }, decoded), place)),
    paint: show,
  };
}

function sumCard(variants, all, images, size) {
  const chosen = [0, 1, 2], { tiles, element } = strip(variants, size, "the sum"), count = variants[0].live.ends.length;
  const show = () => tiles.forEach(({ variant, canvas }) => {
    const [a, b, c] = chosen.map(index => variant.live.ends[index % count]);
    variant.live.show(canvas, a.map((value, index) => value - b[index] + c[index]));
  });
  const rows = ["", "−", "+"].map((sign, number) => thumbs(sign || "From", images, size, count, chosen[number] % count, index => { chosen[number] = index; show(); }));
  return { element: card("Add and subtract test images", "Take the mu of the first image, subtract the second’s, add the third’s, and decode the result." + notHere("decoder", all, variants), ...rows, element), paint: show };
}

const PAD = 280, PEN = 22, BOX = 20; // pixels of the pad and of its pen; of the box that MNIST's digits fill

function padCard(variants, all, images, size, first) {
  let chosen = variants[first], last = null, seen = new Float32Array(size[0] * size[1]), mu = [];
  const context = { willReadFrequently: true }, ink = make("canvas", { width: PAD, height: PAD }), draw = ink.getContext("2d", context);
  const pad = make("canvas", { className: "pad", width: PAD, height: PAD, tabIndex: 0, aria: { role: "application", label: "Drawing pad. Arrow keys move the pen, the space bar lowers and lifts it." } });
  const given = tile(size, "what the encoder is given"), bars = make("canvas", { className: "bars", height: 120, aria: { role: "img" } }), said = make("figcaption", { aria: { live: "polite" } });
  const { tiles, element } = strip(variants, size, "the drawing’s reconstruction"), pen = { x: PAD / 2, y: PAD / 2, down: false };

  const refresh = () => { // the pad, with the pen if it has the keyboard
    const visible = pad.getContext("2d");
    visible.drawImage(ink, 0, 0);
    if (!pad.matches(":focus-visible")) return;
    visible.strokeStyle = pen.down ? "#ff5c38" : "#7cc0f5";
    visible.lineWidth = 3;
    visible.beginPath();
    visible.arc(pen.x, pen.y, PEN / 2, 0, 7);
    visible.stroke();
  };
  const read = from => { // pixels of a canvas, 0 to 1
    const { data } = from.getContext("2d").getImageData(0, 0, from.width, from.height);
    return Float32Array.from({ length: data.length / 4 }, (_, index) => data[4 * index] / 255);
  };
  const centred = () => { // the drawing as MNIST has digits: in a box of 20 pixels, its centre of mass in the middle
    const pixels = read(ink);
    let [left, top, right, bottom, sum, x, y] = [PAD, PAD, -1, -1, 0, 0, 0];
    pixels.forEach((value, index) => {
      if (value < 0.1) return;
      const [across, down] = [index % PAD, Math.floor(index / PAD)];
      [left, top, right, bottom] = [Math.min(left, across), Math.min(top, down), Math.max(right, across), Math.max(bottom, down)];
      [sum, x, y] = [sum + value, x + value * (across + 0.5), y + value * (down + 0.5)];
    });
    const small = make("canvas", { width: size[1], height: size[0] }), to = small.getContext("2d", context);
    to.fillRect(0, 0, size[1], size[0]);
    if (right < 0) return small;
    const [wide, tall] = [right - left + 1, bottom - top + 1], scale = BOX / Math.max(wide, tall);
    Object.assign(to, { imageSmoothingEnabled: true, imageSmoothingQuality: "high" });
    to.drawImage(ink, left, top, wide, tall, size[1] / 2 + (left - x / sum) * scale, size[0] / 2 + (top - y / sum) * scale, wide * scale, tall * scale);
    return small;
  };
  const chart = () => { // mu of the chosen variant
    const scale = devicePixelRatio, wide = Math.round((bars.clientWidth || 300) * scale), left = 24 * scale, step = (wide - left) / mu.length, to = bars.getContext("2d");
    [bars.width, bars.height] = [wide, Math.round(120 * scale)];
    const inside = 8 * scale, unit = (bars.height / 2 - inside) / page.span, y = deviations => bars.height / 2 - deviations * unit;
    Object.assign(to, { font: `${11 * scale}px system-ui, sans-serif`, textAlign: "right", textBaseline: "middle" });
    for (let tick = -page.span; tick <= page.span; tick++) { // the axis
      to.fillStyle = css(tick ? "--grid" : "--soft");
      to.fillRect(left, Math.round(y(tick)), wide - left, scale);
      to.fillStyle = css("--soft");
      if (tick % page.span === 0) to.fillText(String(tick).replace("-", "−"), left - 5 * scale, y(tick));
    }
    to.fillStyle = css("--link");
    mu.forEach((value, index) => {
      const deviations = (value - chosen.live.middle[index]) / chosen.live.deviation[index];
      to.fillRect(left + index * step, y(0), Math.max(1, step - 1), y(Math.max(-page.span, Math.min(page.span, deviations))) - y(0));
    });
    const beyond = mu.filter((value, index) => Math.abs(value - chosen.live.middle[index]) > page.span * chosen.live.deviation[index]).length;
    const largest = mu.map((value, index) => [Math.abs(value), `latent ${chosen.live.latents[index]}: ${value.toFixed(2)}`]).sort(([a], [b]) => b - a);
    said.textContent = `mu of ${chosen.name}, from the latent with the most ${chosen.model === "vae" ? "KL" : "variance"} to the least, ${page.span} standard deviations of ${chosen.model === "vae" ? "the prior" : "its mu"} to either side${beyond ? `; ${beyond} ${beyond === 1 ? "bar is" : "bars are"} cut off there` : ""}. Farthest from 0: ${largest.slice(0, 3).map(([, words]) => words).join(", ")}.`;
    bars.setAttribute("aria-label", said.textContent);
  };
  const look = from => { // encode and decode a small picture
    given.getContext("2d").drawImage(from, 0, 0);
    seen = read(from);
    for (const { variant, canvas } of tiles) {
      soon(canvas, () => {
        const code = variant.live.encode(seen);
        canvas.getContext("2d").putImageData(variant.live.picture(code), 0, 0);
        if (variant === chosen) { mu = code; chart(); }
      });
    }
  };
  const changed = () => { refresh(); look(centred()); };
  const stroke = (x, y) => {
    Object.assign(draw, { lineWidth: PEN, strokeStyle: "#fff", fillStyle: "#fff" });
    draw.beginPath();
    if (last) draw.moveTo(...last);
    draw.lineTo(x, y);
    draw.stroke();
    draw.beginPath();
    draw.arc(x, y, PEN / 2, 0, 7);
    draw.fill();
    last = [x, y];
    changed();
  };
  const at = event => {
    const box = pad.getBoundingClientRect();
    return [((event.clientX - box.left) * PAD) / box.width, ((event.clientY - box.top) * PAD) / box.height];
  };
  const clear = () => {
    draw.fillStyle = "#000";
    draw.fillRect(0, 0, PAD, PAD);
    last = null;
  };
  pad.addEventListener("pointerdown", event => { pad.setPointerCapture(event.pointerId); last = null; stroke(...at(event)); });
  pad.addEventListener("pointermove", event => { if (pad.hasPointerCapture(event.pointerId)) stroke(...at(event)); });
  pad.addEventListener("keydown", event => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] }[event.key];
    if (!way) return;
    event.preventDefault();
    if (event.key === " ") [pen.down, last] = [!pen.down, null];
    [pen.x, pen.y] = [clamp(pen.x + (PAD / 28) * way[0], PAD), clamp(pen.y + (PAD / 28) * way[1], PAD)];
    if (pen.down) stroke(pen.x, pen.y);
    else refresh();
  });
  for (const event of ["focus", "blur"]) pad.addEventListener(event, refresh);
  const take = index => {
    const small = make("canvas", { width: size[1], height: size[0] });
    images.sheet.show(small, index);
    clear();
    draw.drawImage(small, 0, 0, PAD, PAD);
    refresh();
    look(small);
  };
  clear();
  take(0);
  const from = thumbs("Or take", images, size, chosen.live.ends.length, 0, take);
  element.prepend(make("figure", {}, given, make("figcaption", {}, "as the encoder gets it")));
  const panel = make("div", {}, element,
    pick("Latents of", variants, index => { chosen = variants[index]; mu = chosen.live.encode(seen); chart(); }, first), make("figure", {}, bars, said));
  return {
    element: card("Draw one yourself", "With the mouse, a finger, or the keyboard. The drawing is scaled to 20 pixels and moved to its centre of mass, as the digits of MNIST were; then this page encodes it and decodes its mu." + notHere("encoder", all, variants),
      from, make("div", { className: "map" }, make("div", {}, pad, make("div", { className: "bar" }, button("Clear", () => { clear(); changed(); }))), panel)),
    paint: () => { refresh(); if (mu.length) chart(); },
  };
}

function liveCards(variants, all, images, size, first) {
  const drawing = variants.filter(({ live }) => live.encoder), at = shown => opens(shown, first);
  const pad = drawing.length ? [padCard(drawing, all, images, size, at(drawing))] : [];
  return [slidersCard(variants, all, images, size, at(variants)), sumCard(variants, all, images, size), ...pad];
}
