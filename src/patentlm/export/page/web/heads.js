// Heads: from a hidden vector to the logarithms of all words' probabilities.
//
// `logProbabilities(hidden, memory, words)`; a memory is a list of `[hidden vector, word after it]`,
// and words are all that were read, one more than are remembered. A head that copies has
// `copyable` with the same arguments: the places of words that the next one may be a copy of.

/** Turns logits into natural logarithms of probabilities, in place (softmax). */
export function logSoftmax(logits) {
  let most = -Infinity;
  for (let at = 0; at < logits.length; at++) if (logits[at] > most) most = logits[at];
  let sum = 0;
  for (let at = 0; at < logits.length; at++) sum += Math.exp(logits[at] - most);
  const whole = most + Math.log(sum);
  for (let at = 0; at < logits.length; at++) logits[at] -= whole;
  return logits;
}

/** `matrix · vector + bias`. */
function linear(kernel, matrix, vector, bias) {
  const result = new Float64Array(matrix.rows);
  kernel.multiply(matrix, vector, result);
  if (bias) for (let at = 0; at < result.length; at++) result[at] += bias.data[at];
  return result;
}

/** A linear layer and a softmax; the weights may be the embedding, behind a projection where a
 * hidden vector is not as long as a word's (Inan et al. 2017, Press & Wolf 2017). */
class SoftmaxHead {
  constructor(weights, kernel) {
    Object.assign(this, weights, { kernel });
  }

  logProbabilities(hidden) {
    const { kernel, projection, weight, bias } = this;
    const vector = projection ? linear(kernel, projection, hidden) : hidden;
    return logSoftmax(linear(kernel, weight, vector, bias));
  }
}

/** Several softmaxes, mixed (Yang et al. 2018). */
class MixtureHead {
  constructor(weights, kernel) {
    Object.assign(this, weights, { kernel });
  }

  logProbabilities(hidden) {
    const { kernel, prior, latent, latentBias, weight, bias } = this;
    const mixture = logSoftmax(linear(kernel, prior, hidden));
    const vectors = linear(kernel, latent, hidden, latentBias).map(Math.tanh);
    const probabilities = new Float64Array(weight.rows);
    mixture.forEach((share, at) => {
      const vector = vectors.subarray(at * weight.columns, (at + 1) * weight.columns);
      const words = logSoftmax(linear(kernel, weight, vector, bias));
      for (let word = 0; word < words.length; word++) {
        probabilities[word] += Math.exp(share + words[word]);
      }
    });
    return probabilities.map(Math.log);
  }
}

/** Points at words of the text so far or, at a trained sentinel, leaves it to the vocabulary
 * (Merity et al. 2017), by the place, the words before it and the word itself, see
 * `patentlm.model.pointer`. `<end>`, word 0, is never copied. */
class PointerSentinelHead {
  constructor({ softmax, ...weights }, kernel) {
    Object.assign(this, weights, { kernel, softmax: makeHead(softmax, kernel) });
  }

  logProbabilities(hidden, memory, words) {
    const { written, places } = this.shares(hidden, memory, words);
    const probabilities = this.softmax.logProbabilities(hidden);
    for (let word = 0; word < probabilities.length; word++) probabilities[word] += written;
    const copied = new Map();
    places.forEach(({ word, log }) => copied.set(word, (copied.get(word) ?? 0) + Math.exp(log)));
    for (const [word, share] of copied) {
      probabilities[word] = Math.log(Math.exp(probabilities[word]) + share);
    }
    return probabilities;
  }

  /** `{word, back, log}` of each place: how many words back it is, how likely it is copied. */
  copyable(hidden, memory, words) {
    return this.shares(hidden, memory, words).places;
  }

  /** Logarithms of the mixture weights of the vocabulary and of each place. */
  shares(hidden, memory, words) {
    const query = linear(this.kernel, this.query, hidden, this.queryBias).map(Math.tanh);
    const product = (vector) => query.reduce((sum, value, at) => sum + value * vector[at], 0);
    const run = this.runs ? this.weigh(hidden, words) : () => 0;
    const bias = (word) => (this.wordBias ? this.wordBias.data[word] : 0);
    const places = [];
    for (let at = Math.max(0, memory.length - (this.size ?? Infinity)); at < memory.length; at++) {
      const [vector, word] = memory[at];
      const score = product(vector) + run(at) + bias(word);
      if (word !== 0) places.push({ word, back: memory.length - at, score });
    }
    const scores = [product(this.sentinel.data), ...places.map(({ score }) => score)];
    const [written, ...logs] = logSoftmax(Float64Array.from(scores));
    return { written, places: places.map(({ word, back }, at) => ({ word, back, log: logs[at] })) };
  }

  /** What a run of equal words adds to the score of a place. */
  weigh(hidden, words) {
    const weights = linear(this.kernel, this.runs, hidden, this.runsBias);
    const last = words.length - 1;
    return (place) => {
      let sum = 0;
      for (let back = 0; back < this.match; back++) {
        const word = words[place - back];
        if (!word || word !== words[last - back]) break; // `<end>`, and what is before all words
        sum += weights[back];
      }
      return sum;
    };
  }
}

const HEADS = { softmax: SoftmaxHead, mixture: MixtureHead, pointer: PointerSentinelHead };

export function makeHead({ kind, ...weights }, kernel) {
  return new HEADS[kind](weights, kernel);
}
