// A network of vae/int8.py in the page: its weights, and the kernel that computes its layers (kernel.ts).

const bytesOf = base64 => {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
};
const padded = channels => Math.ceil(channels / 4) * 4;

// What the kernel does, many times slower, for browsers that do not run it.
function convolution(memory) {
  return (x, height, width, inputs, w, bias, y, rows, columns, outputs, down, across, stride, top, left, step, below, beside, broad, relu) => {
    [x, w, bias, y] = [x, w, bias, y].map(place => place / 4);
    for (let first = 0; first < outputs;) {
      const rest = outputs - first, size = rest >= 32 ? 32 : rest >= 16 ? 16 : 4;
      for (let pixel = 0; pixel < rows * columns; pixel++) {
        const i = Math.floor(pixel / columns), j = pixel % columns, to = y + ((i * step + below) * broad + j * step + beside) * outputs + first;
        for (let output = 0; output < size; output++) memory[to + output] = memory[bias + first + output];
        for (let tap = 0; tap < down * across; tap++) {
          const row = i * stride + top + Math.floor(tap / across), column = j * stride + left + (tap % across);
          if (row < 0 || column < 0 || row >= height || column >= width) continue;
          for (let input = 0; input < inputs; input++) {
            const value = memory[x + (row * width + column) * inputs + input], from = w + (tap * inputs + input) * size;
            if (value !== 0) for (let output = 0; output < size; output++) memory[to + output] += value * memory[from + output];
          }
        }
        if (relu) for (let output = 0; output < size; output++) memory[to + output] = Math.max(0, memory[to + output]);
      }
      w += down * across * inputs * size;
      first += size;
    }
  };
}

class Network {
  // layers: descriptions of int8.Layer. weights: base64 of every layer's scales and biases, float32, then of all int8.
  // module: the compiled kernel, or null.
  constructor({ layers, weights }, module) {
    const bytes = bytesOf(weights), kernel = module && new WebAssembly.Instance(module, {}).exports;
    const counts = layers.map(({ parts, outputs }) => parts.length * outputs[2]);
    const floats = new Float32Array(bytes.buffer, 0, 2 * counts.reduce((sum, count) => sum + count, 0));
    const ints = new Int8Array(bytes.buffer, floats.byteLength);
    const images = [layers[0].inputs, ...layers.map(({ outputs }) => outputs)].map(([height, width, channels]) => height * width * padded(channels));
    let end = 0;
    const claim = count => { end += 4 * count; return end - 4 * count; };
    const places = images.map(claim);
    this.layers = layers.map((layer, index) => {
      const { parts, inputs, outputs, taps } = layer, size = taps[0] * taps[1] * padded(inputs[2]) * padded(outputs[2]);
      return { ...layer, x: places[index], y: places[index + 1], parts: parts.map(part => ({ part, w: claim(size), bias: claim(padded(outputs[2])) })) };
    });
    kernel?.memory.grow(Math.ceil(end / 65536));
    this.memory = kernel ? new Float32Array(kernel.memory.buffer) : new Float32Array(end / 4);
    this.convolve = kernel ? kernel.convolve : convolution(this.memory);
    let float = 0, int = 0;
    for (const { parts, inputs, outputs, taps } of this.layers) {
      const [, , cin] = inputs, [, , cout] = outputs, seen = taps[0] * taps[1], count = parts.length * cout;
      parts.forEach(({ w, bias }, number) => {
        const scale = floats.subarray(float + number * cout, float + (number + 1) * cout);
        this.memory.set(floats.subarray(float + count + number * cout, float + count + (number + 1) * cout), bias / 4);
        for (let first = 0, block = w / 4; first < cout;) { // blocks of output channels, as the kernel has them
          const rest = padded(cout) - first, size = rest >= 32 ? 32 : rest >= 16 ? 16 : 4, last = Math.min(size, cout - first);
          for (let tap = 0; tap < seen; tap++) {
            for (let channel = 0; channel < cin; channel++) {
              const from = int + (tap * cin + channel) * cout + first, to = block + (tap * padded(cin) + channel) * size;
              for (let output = 0; output < last; output++) this.memory[to + output] = ints[from + output] * scale[first + output];
            }
          }
          block += seen * padded(cin) * size;
          first += size;
        }
        int += seen * cin * cout;
      });
      float += 2 * count;
    }
    this.takes = layers[0].inputs;
    this.gives = layers.at(-1).outputs;
  }
  compute(values) { // (height, width, channels), and so is what it returns
    const fill = (image, [height, width, channels], to) => {
      for (let pixel = 0; pixel < height * width; pixel++) {
        for (let channel = 0; channel < channels; channel++) this.memory[to / 4 + pixel * padded(channels) + channel] = image[pixel * channels + channel];
      }
    };
    fill(values, this.takes, this.layers[0].x);
    for (const { x, y, inputs, outputs, grid, taps, stride, step, relu, parts } of this.layers) {
      for (const { part: [top, left, below, beside], w, bias } of parts) {
        this.convolve(x, inputs[0], inputs[1], padded(inputs[2]), w, bias, y, grid[0], grid[1], padded(outputs[2]), taps[0], taps[1], stride, top, left, step, below, beside, outputs[1], relu);
      }
    }
    const [height, width, channels] = this.gives, start = this.layers.at(-1).y / 4;
    return Float32Array.from({ length: height * width * channels }, (_, index) => this.memory[start + Math.floor(index / channels) * padded(channels) + index % channels]);
  }
}

const links = { // from a decoder's output to the mean of a pixel
  identity: value => value,
  tanh: Math.tanh,
  sigmoid: value => 1 / (1 + Math.exp(-value)),
  continuous_bernoulli: value => (Math.abs(value) < 1e-3 ? 0.5 + value / 12 : -1 / Math.expm1(-value) - 1 / value),
};
