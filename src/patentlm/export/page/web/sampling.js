// How the next word is chosen, by the rules of patentlm.generation.sampling: filters, then one draw.
//
// A filter changes log-probabilities in place; a word at minus infinity can no longer be drawn.

const NEVER = -Infinity;

/** The filters in the order in which they apply; `written` are the words so far. */
export const FILTERS = {
  /** Words already written become less likely; measured from the mean (Keskar et al. 2019). */
  repetition_penalty(logits, written, value) {
    if (value === 1) return;
    let sum = 0;
    let count = 0;
    for (const logit of logits) if (logit > NEVER) (sum += logit), (count += 1);
    const mean = sum / count;
    for (let word = 0; word < logits.length; word++) logits[word] -= mean;
    for (const word of new Set(written)) logits[word] *= logits[word] > 0 ? 1 / value : value;
  },

  /** Forbids words that would complete a run already written (Paulus et al. 2017). */
  no_repeat_ngram(logits, written, value) {
    if (value === 0 || written.length < value) return;
    const end = written.length - value + 1;
    const forbidden = new Set();
    for (let start = 0; start < end; start++) {
      let same = 0;
      while (same < value - 1 && written[start + same] === written[end + same]) same += 1;
      if (same === value - 1) forbidden.add(written[start + same]);
    }
    if (logits.every((logit, word) => logit === NEVER || forbidden.has(word))) return;
    for (const word of forbidden) logits[word] = NEVER;
  },

  /** Below 1 sharper, above 1 flatter; 0 keeps the likeliest word alone. */
  temperature(logits, written, value) {
    if (value === 1) return;
    const best = likeliest(logits);
    const most = logits[best];
    if (value < 1e-6) {
      logits.fill(NEVER);
      logits[best] = most;
      return;
    }
    for (let word = 0; word < logits.length; word++) logits[word] = (logits[word] - most) / value;
  },

  /** Keeps so many words, and those as likely as the last of them (Fan et al. 2018). */
  top_k(logits, written, value) {
    if (value >= logits.length) return;
    const last = Float64Array.from(logits).sort()[logits.length - value];
    for (let word = 0; word < logits.length; word++) if (logits[word] < last) logits[word] = NEVER;
  },

  /** Keeps the fewest likeliest words whose probabilities add up to `value` (Holtzman et al. 2020). */
  top_p(logits, written, value) {
    if (value >= 1) return;
    const probabilities = softmax(logits);
    // All words rarer than this add up to less than what is left out: no need to sort them.
    const least = (1 - value) / logits.length;
    const sorted = probabilities.filter((probability) => probability >= least).sort();
    let [sum, kept] = [0, 0];
    while (sum < value && kept < sorted.length) sum += sorted[sorted.length - ++kept];
    const lowest = sorted[sorted.length - kept];
    let equal = kept;
    for (let at = sorted.length - 1; at >= 0 && sorted[at] > lowest; at--) equal -= 1;
    for (let word = 0; word < logits.length; word++) {
      const stays = probabilities[word] > lowest || (probabilities[word] === lowest && equal-- > 0);
      if (!stays) logits[word] = NEVER;
    }
  },

  /** Keeps words of so many times the probability of the likeliest (Nguyen et al. 2024). */
  min_p(logits, written, value) {
    const most = logits[likeliest(logits)];
    for (let word = 0; word < logits.length; word++) {
      if (Math.exp(logits[word] - most) < value) logits[word] = NEVER;
    }
  },
};

/** Applies all filters that have a value. */
export function applyFilters(logits, written, sampling) {
  for (const [name, filter] of Object.entries(FILTERS)) {
    const value = sampling[name];
    if (value !== null && value !== undefined) filter(logits, written, value);
  }
}

/** The word at which the sum of probabilities, in the vocabulary's order, exceeds `uniform`. */
export function draw(logits, uniform) {
  const probabilities = softmax(logits);
  let sum = 0;
  let last = 0;
  for (let word = 0; word < probabilities.length; word++) {
    if (probabilities[word] === 0) continue;
    sum += probabilities[word];
    last = word;
    if (sum > uniform) break;
  }
  return last;
}

export function softmax(logits) {
  const most = logits[likeliest(logits)];
  const probabilities = new Float64Array(logits.length);
  let sum = 0;
  for (let word = 0; word < logits.length; word++) {
    if (logits[word] === NEVER) continue;
    sum += probabilities[word] = Math.exp(logits[word] - most);
  }
  for (let word = 0; word < logits.length; word++) probabilities[word] /= sum;
  return probabilities;
}

function likeliest(logits) {
  let [best, most] = [0, logits[0]];
  for (let word = 1; word < logits.length; word++) {
    if (logits[word] > most) [best, most] = [word, logits[word]];
  }
  return best;
}
