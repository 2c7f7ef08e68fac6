// Recurrent layers, each as its paper's equations.
//
// A layer has `project(input)`, the part of a step that depends on the input alone, and
// `step(projected, state, record)`, which changes the state `{h, c}`; `record` gets the gates, by name.

const sigmoid = (value) => 1 / (1 + Math.exp(-value));
const tanh = (value) => 1 - 2 / (Math.exp(2 * value) + 1); // in a third of the time of Math.tanh

/** A layer of gates, each `size` rows of the weights. */
class GatedLayer {
  constructor(weights, kernel) {
    Object.assign(this, weights, { kernel, size: weights.hidden.columns });
    this.fromHidden = new Float64Array(this.constructor.gates.length * this.size);
  }

  project(input) {
    const projected = new Float64Array(this.fromHidden.length);
    this.kernel.multiply(this.input, input, projected);
    const bias = this.bias.data;
    for (let at = 0; at < projected.length; at++) projected[at] += bias[at];
    return projected;
  }
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

export const LAYERS = { lstm: LSTMLayer, gru: GRULayer, mogrifier: MogrifierLayer };
