// Which words of a text were copied from earlier ones: marks, and the same in words.

const NAMED = 3;

/** What is known of the copies in one text, token by token. */
export class Copies {
  constructor({ network, vocabulary }) {
    Object.assign(this, { copying: network.copies, vocabulary });
    this.begin([]);
  }

  /** Begins a text with tokens that were given, so neither written nor copied. */
  begin(given) {
    this.ids = [...given];
    this.sources = given.map(() => null);
  }

  /**
   * Marks a further token if it was mostly copied, and adds to its label from where.
   *
   * @param {Element} word
   * @param {{id: number, logProbability: number, copyable: Object[]}} token as `LanguageModel.score`
   *   has it
   * @returns {string} what it added; nothing for a model that never copies
   */
  add(word, token) {
    const at = this.ids.length;
    this.ids.push(token.id);
    this.sources.push(sourcesOf(at, token));
    word.classList.toggle('copied', sum(this.sources[at]) > 0.5);
    const told = this.copying ? `; ${this.told(at)}` : '';
    word.setAttribute('aria-label', word.getAttribute('aria-label') + told);
    return told;
  }

  /** Such as “71 % copied, from words 12 and 30; 29 % written”. */
  told(at) {
    const sources = this.sources[at];
    const copied = Math.round(100 * sum(sources));
    if (!copied) return 'written, not copied';
    const named = sources.slice(0, NAMED).filter(({ share }) => share > sources[0].share / 5);
    const numbers = [...new Set(named.map((source) => this.number(source.at)))].sort((a, b) => a - b);
    const list = new Intl.ListFormat('en').format(numbers.map(String));
    const mostly = sum(named) < 0.95 * sum(sources) ? 'mostly ' : '';
    const written = copied < 100 ? `; ${100 - copied} % written` : '';
    return `${copied} % copied, ${mostly}from word${numbers.length > 1 ? 's' : ''} ${list}${written}`;
  }

  /** Which word of the text a token belongs to, from 1 on. */
  number(at) {
    return 1 + this.ids.slice(0, at).filter((id) => this.vocabulary.closes(id)).length;
  }
}

/**
 * Which earlier tokens one was copied from, the likeliest first.
 *
 * @param {number} at its place in the text
 * @param {{id: number, logProbability: number, copyable: Object[]}} token
 * @returns {{at: number, share: number}[]} shares of the token's probability; what they lack of 1 is
 *   that of the vocabulary
 */
export function sourcesOf(at, { id, logProbability, copyable }) {
  return copyable.filter(({ word }) => word === id)
    .map((place) => ({ at: at - place.back, share: Math.exp(place.log - logProbability) }))
    .sort((a, b) => b.share - a.share);
}

const sum = (sources) => sources.reduce((total, { share }) => total + share, 0);
