// Recurrent layers, each as its paper's equations.
//
// A layer has `project(input)`, the part of a step that depends on the input alone, and
// `step(projected, state, record)`, which changes the state `{h, c}`; `record` gets the gates, by name.
// Its state may hold more than `start()` of these two.

const sigmoid = (value) => 1 / (1 + Math.exp(-value));
const tanh = (value) => 1 - 2 / (Math.exp(2 * value) + 1); // in a third of the time of Math.tanh

/** A layer of gates, each `size` rows of the weights. */
class GatedLayer {
  constructor(weights, kernel) {
    Object.assign(this, weights, { kernel, size: weights.hidden.columns });
    this.fromHidden = new Float64Array(this.constructor.gates.length * this.size);
  }

  project(input) {
    return affine(this.kernel, this.input, input, this.bias);
  }
}

/** `W input + b`. */
function affine(kernel, matrix, input, bias) {
  const product = new Float64Array(matrix.rows);
  kernel.multiply(matrix, input, product);
  for (let at = 0; at < product.length; at++) product[at] += bias.data[at];
  return product;
}

/** `{i, f, g, o}`: input, forget, cell and output gate (Hochreiter & Schmidhuber 1997, Gers et al. 2000). */
export class LSTMLayer extends GatedLayer {
  static gates = ['i', 'f', 'g', 'o'];

  step(projected, state, record) {
    const { size, fromHidden } = this;
    this.kernel.multiply(this.hidden, state.h, fromHidden);
    const gate = (at) => sigmoid(projected[at] + fromHidden[at]);
    for (let unit = 0; unit < size; unit++) {
      const i = gate(unit);
      const f = gate(size + unit);
      const g = tanh(projected[2 * size + unit] + fromHidden[2 * size + unit]);
      const o = gate(3 * size + unit);
      const c = f * state.c[unit] + i * g;
      state.c[unit] = c;
      state.h[unit] = o * tanh(c);
      if (record) {
        record.i[unit] = i;
        record.f[unit] = f;
        record.g[unit] = g;
        record.o[unit] = o;
      }
    }
  }
}

/** `{r, z, n}`: reset gate, update gate and candidate (Cho et al. 2014); as PyTorch has it, `r` gates the
 * product with the hidden vector and its bias. */
export class GRULayer extends GatedLayer {
  static gates = ['r', 'z', 'n'];

  step(projected, state, record) {
    const { size, fromHidden } = this;
    this.kernel.multiply(this.hidden, state.h, fromHidden);
    for (let unit = 0; unit < size; unit++) {
      const r = sigmoid(projected[unit] + fromHidden[unit]);
      const z = sigmoid(projected[size + unit] + fromHidden[size + unit]);
      const past = fromHidden[2 * size + unit] + this.hiddenBias.data[unit];
      const n = tanh(projected[2 * size + unit] + r * past);
      state.h[unit] = (1 - z) * n + z * state.h[unit];
      if (record) {
        record.r[unit] = r;
        record.z[unit] = z;
        record.n[unit] = n;
      }
    }
  }
}

/** An LSTM whose input and hidden vector gate each other before each step (Melis et al. 2020). */
export class MogrifierLayer {
  static gates = ['i', 'f', 'g', 'o'];

  constructor({ gates, ...weights }, kernel) {
    this.lstm = new LSTMLayer(weights, kernel);
    Object.assign(this, { gates, kernel, size: this.lstm.size });
  }

  /** The input takes part in the gating, so there is nothing to do ahead of a step. */
  project(input) {
    return Float64Array.from(input);
  }

  step(projected, state, record) {
    let input = projected;
    let hidden = state.h;
    this.gates.forEach((gate, turn) => {
      if (turn % 2 === 0) input = this.gated(gate, hidden, input);
      else hidden = this.gated(gate, input, hidden);
    });
    state.h.set(hidden);
    this.lstm.step(this.lstm.project(input), state, record);
  }

  /** `2 σ(Q source) ⊙ target`, where Q may be a product of two matrices. */
  gated({ matrices, bias }, source, target) {
    let values = source;
    for (const matrix of matrices) {
      const product = new Float64Array(matrix.rows);
      this.kernel.multiply(matrix, values, product);
      values = product;
    }
    return target.map((value, at) => 2 * sigmoid(values[at] + bias.data[at]) * value);
  }
}

/** `{g, f, o}`: candidate, forget and output gate of a quasi-recurrent layer (Bradbury et al. 2017). What
 * the next step reads of this input, if anything, waits in the state as `next`. */
export class QRNNLayer {
  static gates = ['g', 'f', 'o'];

  constructor(weights, kernel) {
    Object.assign(this, weights, { kernel, size: weights.input.rows / 3 });
  }

  start() {
    return { next: new Float64Array(this.input.rows) };
  }

  project(input) {
    const now = affine(this.kernel, this.input, input, this.bias);
    const next = new Float64Array(now.length);
    if (this.earlier) this.kernel.multiply(this.earlier, input, next);
    return { now, next };
  }

  step({ now, next }, state, record) {
    const { size } = this;
    const sum = (at) => now[at] + state.next[at];
    for (let unit = 0; unit < size; unit++) {
      const g = tanh(sum(unit));
      const f = sigmoid(sum(size + unit));
      const o = sigmoid(sum(2 * size + unit));
      state.c[unit] = f * state.c[unit] + (1 - f) * g;
      state.h[unit] = o * state.c[unit];
      if (record) note(record, unit, { g, f, o });
    }
    state.next = next;
  }
}

/** `{f, i, g}`: forget gate, input gate and candidate of a minimal LSTM (Feng et al. 2024); `f` and `i` are
 * divided by their sum. */
export class MinLSTMLayer {
  static gates = ['f', 'i', 'g'];

  constructor(weights, kernel) {
    Object.assign(this, weights, { kernel, size: weights.input.rows / 3 });
  }

  project(input) {
    return affine(this.kernel, this.input, input, this.bias);
  }

  step(projected, state, record) {
    const { size } = this;
    for (let unit = 0; unit < size; unit++) {
      const [keep, open] = [sigmoid(projected[unit]), sigmoid(projected[size + unit])];
      const [f, i, g] = [keep / (keep + open), open / (keep + open), projected[2 * size + unit]];
      state.h[unit] = f * state.h[unit] + i * g;
      if (record) note(record, unit, { f, i, g });
    }
  }
}

function note(record, unit, gates) {
  for (const [name, value] of Object.entries(gates)) record[name][unit] = value;
}

export const LAYERS = {
  lstm: LSTMLayer, gru: GRULayer, mogrifier: MogrifierLayer, qrnn: QRNNLayer, min_lstm: MinLSTMLayer,
};

/** Whether layers hold something that they need not show. */
export const hasCells = (cell) => cell !== 'gru' && cell !== 'min_lstm';
