// One layer of a network, for decoder.js: a convolution in float32, with SIMD. `make kernel` compiles it to kernel.wasm.
//
// Images are (height, width, channels), and channels are padded with zeros to a multiple of 4. Weights are [block][tap]
// [input channel][output channel of the block]: blocks of 32 output channels, then of 16, then of 4.

// Add to the accumulators what the taps of one output pixel see. Inputs that are 0, as half of them are after a ReLU, are
// skipped.
@inline
function pixel32(x: usize, height: i32, width: i32, inputs: i32, w: usize, bias: usize, y: usize, down: i32, across: i32, top: i32, left: i32, least: v128): void {
  let a0 = v128.load(bias), a1 = v128.load(bias, 16), a2 = v128.load(bias, 32), a3 = v128.load(bias, 48);
  let a4 = v128.load(bias, 64), a5 = v128.load(bias, 80), a6 = v128.load(bias, 96), a7 = v128.load(bias, 112);
  for (let i = 0; i < down; i++) {
    for (let j = 0; j < across; j++) {
      if (u32(top + i) >= u32(height) || u32(left + j) >= u32(width)) { // outside, where there are zeros
        w += <usize>inputs << 7;
        continue;
      }
      let from = x + (<usize>(((top + i) * width + left + j) * inputs) << 2);
      for (const end = from + (<usize>inputs << 2); from < end; from += 4, w += 128) {
        const value = load<f32>(from);
        if (value == 0) continue;
        const s = f32x4.splat(value);
        a0 = f32x4.add(a0, f32x4.mul(s, v128.load(w)));
        a1 = f32x4.add(a1, f32x4.mul(s, v128.load(w, 16)));
        a2 = f32x4.add(a2, f32x4.mul(s, v128.load(w, 32)));
        a3 = f32x4.add(a3, f32x4.mul(s, v128.load(w, 48)));
        a4 = f32x4.add(a4, f32x4.mul(s, v128.load(w, 64)));
        a5 = f32x4.add(a5, f32x4.mul(s, v128.load(w, 80)));
        a6 = f32x4.add(a6, f32x4.mul(s, v128.load(w, 96)));
        a7 = f32x4.add(a7, f32x4.mul(s, v128.load(w, 112)));
      }
    }
  }
  v128.store(y, f32x4.max(a0, least));
  v128.store(y, f32x4.max(a1, least), 16);
  v128.store(y, f32x4.max(a2, least), 32);
  v128.store(y, f32x4.max(a3, least), 48);
  v128.store(y, f32x4.max(a4, least), 64);
  v128.store(y, f32x4.max(a5, least), 80);
  v128.store(y, f32x4.max(a6, least), 96);
  v128.store(y, f32x4.max(a7, least), 112);
}

@inline
function pixel16(x: usize, height: i32, width: i32, inputs: i32, w: usize, bias: usize, y: usize, down: i32, across: i32, top: i32, left: i32, least: v128): void {
  let a0 = v128.load(bias), a1 = v128.load(bias, 16), a2 = v128.load(bias, 32), a3 = v128.load(bias, 48);
  for (let i = 0; i < down; i++) {
    for (let j = 0; j < across; j++) {
      if (u32(top + i) >= u32(height) || u32(left + j) >= u32(width)) {
        w += <usize>inputs << 6;
        continue;
      }
      let from = x + (<usize>(((top + i) * width + left + j) * inputs) << 2);
      for (const end = from + (<usize>inputs << 2); from < end; from += 4, w += 64) {
        const value = load<f32>(from);
        if (value == 0) continue;
        const s = f32x4.splat(value);
        a0 = f32x4.add(a0, f32x4.mul(s, v128.load(w)));
        a1 = f32x4.add(a1, f32x4.mul(s, v128.load(w, 16)));
        a2 = f32x4.add(a2, f32x4.mul(s, v128.load(w, 32)));
        a3 = f32x4.add(a3, f32x4.mul(s, v128.load(w, 48)));
      }
    }
  }
  v128.store(y, f32x4.max(a0, least));
  v128.store(y, f32x4.max(a1, least), 16);
  v128.store(y, f32x4.max(a2, least), 32);
  v128.store(y, f32x4.max(a3, least), 48);
}

@inline
function pixel4(x: usize, height: i32, width: i32, inputs: i32, w: usize, bias: usize, y: usize, down: i32, across: i32, top: i32, left: i32, least: v128): void {
  let a0 = v128.load(bias);
  for (let i = 0; i < down; i++) {
    for (let j = 0; j < across; j++) {
      if (u32(top + i) >= u32(height) || u32(left + j) >= u32(width)) {
        w += <usize>inputs << 4;
        continue;
      }
      let from = x + (<usize>(((top + i) * width + left + j) * inputs) << 2);
      for (const end = from + (<usize>inputs << 2); from < end; from += 4, w += 16) {
        const value = load<f32>(from);
        if (value != 0) a0 = f32x4.add(a0, f32x4.mul(f32x4.splat(value), v128.load(w)));
      }
    }
  }
  v128.store(y, f32x4.max(a0, least));
}

// y (rows * step, columns * step, outputs): at (i * step + below, j * step + beside), the bias and what `down` x `across` taps
// see of x (height, width, inputs), the first at (i * stride + top, j * stride + left). With relu, at least 0.
export function convolve(
  x: usize, height: i32, width: i32, inputs: i32, w: usize, bias: usize, y: usize, rows: i32, columns: i32, outputs: i32,
  down: i32, across: i32, stride: i32, top: i32, left: i32, step: i32, below: i32, beside: i32, broad: i32, relu: bool,
): void {
  const least = f32x4.splat(relu ? 0 : -f32.MAX_VALUE);
  for (let first = 0; first < outputs;) {
    const left_over = outputs - first, size = left_over >= 32 ? 32 : left_over >= 16 ? 16 : 4;
    const from = bias + (<usize>first << 2);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const to = y + (<usize>(((i * step + below) * broad + j * step + beside) * outputs + first) << 2);
        const above = i * stride + top, before = j * stride + left;
        if (size == 32) pixel32(x, height, width, inputs, w, from, to, down, across, above, before, least);
        else if (size == 16) pixel16(x, height, width, inputs, w, from, to, down, across, above, before, least);
        else pixel4(x, height, width, inputs, w, from, to, down, across, above, before, least);
      }
    }
    w += <usize>(down * across * inputs * size) << 2;
    first += size;
  }
}
