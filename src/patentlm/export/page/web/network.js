// The network: embedding → recurrent layers → head, and the way it was trained to read.
import { LAYERS, hasCells } from './cells.js';
import { makeHead } from './heads.js';

export const END = 0;
export const UNK = 1;

/** Predicts the next word from the words before it. */
export class Network {
  /**
   * @param {Object} config `{cell, embedding, layers, head}`, whose tensors are named
   * @param {Object} matrices tensors by name
   * @param {Object} kernel multiplies
   */
  constructor(config, matrices, kernel) {
    const filled = (value) => fillIn(value, matrices);
    const Layer = LAYERS[config.cell];
    this.hasCells = hasCells(config.cell);
    this.gates = Layer.gates;
    this.embedding = filled(config.embedding);
    this.layers = config.layers.map((weights) => new Layer(filled(weights), kernel));
    this.head = makeHead(filled(config.head), kernel);
    this.copies = config.head.kind === 'pointer';
  }

  /** A state in which nothing has been read. */
  start() {
    const zeros = (layer) => ({
      h: new Float64Array(layer.size), c: new Float64Array(layer.size), ...layer.start?.(),
    });
    return { layers: this.layers.map(zeros), memory: [], words: [] };
  }

  clone(state) {
    const layers = state.layers.map((layer) => Object.fromEntries(
      Object.entries(layer).map(([name, values]) => [name, values.slice()])));
    return { layers, memory: state.memory.slice(), words: state.words.slice() };
  }

  /** The vector of a word. */
  vector(word) {
    const { data, stride, columns } = this.embedding;
    return data.subarray(word * stride, word * stride + columns);
  }

  /**
   * Reads a further word, in each of several states, which it changes.
   *
   * @param {number} word
   * @param {Object[]} states
   * @param {{vector?: Float64Array, record?: Object[]}} options another vector in the word's place;
   *   and what the gates of each layer are written to
   */
  read(word, states, { vector = this.vector(word), record = [] } = {}) {
    if (this.copies) for (const state of states) remember(state, word);
    let projected = [this.layers[0].project(vector)];
    this.layers.forEach((layer, depth) => {
      states.forEach((state, at) => {
        layer.step(projected[at] ?? projected[0], state.layers[depth], record[depth]);
      });
      const above = this.layers[depth + 1];
      if (above) projected = states.map((state) => above.project(state.layers[depth].h));
    });
    for (const state of states) state.words.push(word);
  }

  /** Natural logarithms of the probabilities of all words, after what a state has read. */
  logProbabilities(state) {
    return this.head.logProbabilities(state.layers.at(-1).h, state.memory, state.words);
  }

  /** The places of words that the next one may be a copy of, see `heads.js`; none if it copies none. */
  copyable(state) {
    return this.head.copyable?.(state.layers.at(-1).h, state.memory, state.words) ?? [];
  }
}

/** The hidden vector before a word, and the word, become a pair that can be copied from. */
function remember(state, word) {
  if (state.words.length) state.memory.push([state.layers.at(-1).h.slice(), word]);
}

/** The same value with tensors in place of their names, which begin with `@`. */
function fillIn(value, matrices) {
  if (typeof value === 'string' && value.startsWith('@')) return matrices[value.slice(1)];
  if (Array.isArray(value)) return value.map((part) => fillIn(part, matrices));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([k, part]) => [k, fillIn(part, matrices)]));
}

/**
 * Reads a text, a word at a time, the way the network was trained to.
 *
 * With a context of n words each prediction is made from the last n, read from a state of zeros. So n
 * states go side by side, each started one word after the one before it: all read the same words, and
 * the one that has read n gives the prediction and starts anew. Otherwise one state is carried on.
 */
export class Reader {
  constructor(network, context) {
    Object.assign(this, { network, context, states: [], oldest: null });
  }

  /** Begins a text with the words of a prompt. */
  begin(words) {
    if (this.context === null) {
      this.states = [this.network.start()];
      for (const word of [END, ...words]) this.read(word);
      return this;
    }
    this.states = [];
    const blanks = new Array(this.context).fill(END);
    for (const word of [...blanks, END, ...words].slice(-this.context)) this.read(word);
    return this;
  }

  /** Reads a further word. */
  read(word) {
    const { network, context, states } = this;
    if (context !== null) {
      if (states.length === context) states.shift();
      states.push(network.start());
    }
    network.read(word, states);
  }

  get logProbabilities() {
    return this.network.logProbabilities(this.states[0]);
  }

  get copyable() {
    return this.network.copyable(this.states[0]);
  }
}
