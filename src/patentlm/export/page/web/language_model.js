// What the network does for a reader: write, score, remember, find what a word came from.
import { END, Network, Reader, UNK } from './network.js';
import { fastest, plain } from './multiply.js';
import { randomOf } from './random.js';
import { applyFilters, draw } from './sampling.js';
import { detokenize, tokenize } from './text.js';
import { makeVocabulary } from './vocabulary.js';
import { decodeWeights } from './weights.js';

export class LanguageModel {
  /**
   * @param {Object} description the network's config, its tensors, the vocabulary, how it reads
   * @param {string} weights base64
   */
  constructor(description, weights) {
    const { matrices, memory, scratch, longest } = decodeWeights(weights, description.tensors);
    this.kernel = fastest(memory, scratch, longest);
    this.network = new Network(description.network, matrices, this.kernel);
    this.exact = new Network(description.network, matrices, plain);
    this.vocabulary = makeVocabulary(description.vocabulary, description.pieces);
    this.context = description.context;
    this.sampling = description.sampling;
    this.maxWords = description.max_words;
  }

  /**
   * Log-probabilities after `<end>` and after each word.
   *
   * @param {string[]} words with byte pairs: words, or tokens if one of them ends with a blank
   * @returns {number[][]} `(words + 1, V)`
   */
  logProbabilities(words) {
    const tokens = words.some((word) => word.endsWith(' '));
    const idsOf = (word) => (tokens ? [this.vocabulary.ids.get(word) ?? UNK] : this.vocabulary.idsOf(word));
    const reader = new Reader(this.network, this.context).begin([]);
    return [[], ...words.map(idsOf)].map((ids) => {
      for (const id of ids) reader.read(id);
      return Array.from(reader.logProbabilities);
    });
  }

  /**
   * A text, token by token; goes on until `<end>` or as long as it is asked to.
   *
   * @param {number[]} prompt ids
   * @param {{seed: number, sampling: Object, text?: number, unknown?: boolean}} options which of the
   *   seed's texts; `unknown` lets it write `<unk>`
   * @yields {{id: number, logs: Float64Array, copyable: Object[]}} the token, the log-probabilities it
   *   was drawn from, as the network has them, and the places that could be copied
   */
  *write(prompt, { seed, sampling, text = 0, unknown = false }) {
    const random = randomOf(seed, text);
    const reader = new Reader(this.network, this.context).begin(prompt);
    const written = [...prompt];
    for (;;) {
      const logs = reader.logProbabilities;
      const logits = logs.slice();
      if (!unknown) logits[UNK] = -Infinity;
      applyFilters(logits, written, sampling);
      const id = draw(logits, random.uniform());
      yield { id, logs, copyable: reader.copyable };
      if (id === END) return;
      written.push(id);
      reader.read(id);
    }
  }

  /** Whole words of a text that begins with a prompt, which is left out; at once. */
  writeWords({ prompt = '', seed = 1, maxWords = this.maxWords, sampling = this.sampling }) {
    const ids = [];
    const tokens = this.write(this.vocabulary.encode(tokenize(prompt)), { seed, sampling });
    while (ids.length < maxWords) {
      const { id } = tokens.next().value;
      if (id === END) break;
      ids.push(id);
    }
    return this.vocabulary.wordsOf(ids);
  }

  /**
   * How likely each token of a text is, and the end.
   *
   * @yields {{id, logProbability, rank, alternatives, copyable}} `alternatives` are the ten likeliest
   *   tokens with their log-probabilities, the likeliest first; `copyable` the places to copy from
   */
  *score(ids) {
    const reader = new Reader(this.network, this.context).begin([]);
    for (const id of [...ids, END]) {
      const logs = reader.logProbabilities;
      const { copyable } = reader;
      yield { id, logProbability: logs[id], rank: rankOf(logs, id), alternatives: top(logs, 10), copyable };
      reader.read(id);
    }
  }

  /**
   * Gates, cells and hidden vectors of a layer, word by word, of the words a prediction is made from.
   *
   * @returns {{first: number, layers: Object[][]}} which token the first column belongs to, and of
   *   each layer a list with `{i, f, g, o, c, h}` of each token; a GRU has `{r, z, n, h}`, and so on
   */
  trace(ids) {
    const { network, context } = this;
    const read = this.window(ids);
    const blanks = read.length - Math.min(ids.length, context ?? Infinity);
    const state = network.start();
    for (const id of read.slice(0, blanks)) network.read(id, [state]);
    const layers = network.layers.map(() => []);
    for (const id of read.slice(blanks)) {
      const record = network.layers.map(({ size }) => emptyRecord(network.gates, size));
      network.read(id, [state], { record });
      state.layers.forEach(({ h, c }, depth) => {
        const cell = network.hasCells ? { c: c.slice() } : {};
        layers[depth].push({ ...record[depth], ...cell, h: h.slice() });
      });
    }
    return { first: ids.length - read.length + blanks, layers };
  }

  /**
   * Which earlier tokens brought a token about.
   *
   * @param {number[]} ids the text
   * @param {number} target place of the token in it, or its length for the end
   * @param {number} most how many of the tokens before it are tried
   * @yields {{at: number, leftOut: number, gradient: number}} by how much that one raises the token's
   *   log-probability: with it left out of the text, and by the gradient along its vector
   */
  *influence(ids, target, most) {
    const { context } = this;
    const [wanted, past] = [ids[target] ?? END, ids.slice(0, target)];
    const read = this.window(past);
    const blanks = read.length - Math.min(past.length, context ?? Infinity);
    const before = this.statesBefore(read);
    const whole = this.likelihood(this.network, read, before[0], wanted);
    for (let place = read.length - 1; place >= Math.max(blanks, read.length - most); place--) {
      const at = past.length - read.length + place;
      const rest = read.slice(place + 1);
      // A window without one of its words has another one at its beginning.
      const without = context === null
        ? this.likelihood(this.network, rest, before[place], wanted)
        : this.likelihood(this.network, this.window(past.toSpliced(at, 1)), before[0], wanted);
      yield { at, leftOut: whole - without, gradient: this.slope(read, place, before[place], wanted) };
    }
  }

  /** What a prediction after a text is made from. */
  window(ids) {
    if (this.context === null) return [END, ...ids];
    return [...new Array(this.context).fill(END), ...ids].slice(-this.context);
  }

  /** The states before each of some tokens, and after the last. */
  statesBefore(ids) {
    const state = this.network.start();
    return [this.network.clone(state), ...ids.map((id) => {
      this.network.read(id, [state]);
      return this.network.clone(state);
    })];
  }

  /** Log-probability of a token after others that are read from a state on. */
  likelihood(network, ids, from, wanted) {
    const state = network.clone(from);
    for (const id of ids) network.read(id, [state]);
    return network.logProbabilities(state)[wanted];
  }

  /** How much likelier a token gets as the vector of one before it grows: gradient times vector,
   * by a central difference in double precision, which serves all cells alike. */
  slope(ids, place, from, wanted) {
    const step = 1e-3;
    const [more, less] = [1 + step, 1 - step].map((factor) => {
      const state = this.exact.clone(from);
      const vector = Float64Array.from(this.exact.vector(ids[place]), (value) => factor * value);
      this.exact.read(ids[place], [state], { vector });
      return this.likelihood(this.exact, ids.slice(place + 1), state, wanted);
    });
    return (more - less) / (2 * step);
  }

  /** Readable text of token ids. */
  text(ids) {
    return detokenize(this.vocabulary.wordsOf(ids));
  }
}

function emptyRecord(gates, size) {
  return Object.fromEntries(gates.map((gate) => [gate, new Float64Array(size)]));
}

/** 1 for the likeliest token; of equally likely ones the first has the better rank. */
export function rankOf(logs, id) {
  let rank = 1;
  for (let word = 0; word < logs.length; word++) {
    if (logs[word] > logs[id] || (logs[word] === logs[id] && word < id)) rank += 1;
  }
  return rank;
}

/** The likeliest tokens with their log-probabilities, `[id, log]`, the likeliest first. */
export function top(logs, count) {
  const best = [];
  for (let word = 0; word < logs.length; word++) {
    if (best.length === count && logs[word] <= best.at(-1)[1]) continue;
    let place = best.length;
    while (place > 0 && best[place - 1][1] < logs[word]) place -= 1;
    best.splice(place, 0, [word, logs[word]]);
    if (best.length > count) best.pop();
  }
  return best;
}
