// Words ↔ ids, by the rules of patentlm.data.words and patentlm.data.byte_pairs.
import { UNK } from './network.js';
import { layout } from './text.js';

const SPECIAL = ['<end>', '<unk>'];
const HAIR = '\u200a'; // a token without letters of its own is a thin blank that can be chosen

/** A vocabulary of whole words; what it lacks is `<unk>`. */
export class WordVocabulary {
  constructor(tokens) {
    this.tokens = tokens;
    this.ids = new Map(tokens.map((token, at) => [token, at]));
  }

  /** Ids of the tokens of one word. */
  idsOf(word) {
    return [this.ids.get(word) ?? UNK];
  }

  encode(words) {
    return words.flatMap((word) => this.idsOf(word));
  }

  wordsOf(ids) {
    return ids.map((id) => this.tokens[id]);
  }

  /** The words of a text that the vocabulary lacks, each once. */
  unknown(words) {
    return [...new Set(words)].filter((word) => !this.ids.has(word));
  }

  /** A token as people read it. */
  name(id) {
    return this.tokens[id];
  }

  /** Whether a token closes a word. */
  closes() {
    return true;
  }

  /**
   * A text's tokens, and how each is written.
   *
   * @returns {{id: number, blank: boolean, text: string}[]}
   */
  spell(words) {
    return layout(words).map(({ blank, text }, at) => ({ id: this.idsOf(words[at])[0], blank, text }));
  }

  /** How the last of some tokens after a prompt is written. */
  spellLast(prompt, ids) {
    return layout([...prompt, ...this.wordsOf(ids)]).at(-1);
  }
}

/**
 * A vocabulary of pieces of words, whose characters stand for the bytes of UTF-8; a blank closes a
 * word. Two pieces become one wherever that is in the vocabulary, the earliest there first.
 */
export class PieceVocabulary extends WordVocabulary {
  idsOf(word) {
    if (SPECIAL.includes(word)) return [SPECIAL.indexOf(word)];
    const pieces = Array.from(new TextEncoder().encode(`${word} `), (byte) => String.fromCharCode(byte));
    for (;;) {
      let best = Infinity;
      let place = -1;
      for (let at = 0; at + 1 < pieces.length; at++) {
        const rank = this.rank(pieces[at], pieces[at + 1]);
        if (rank < best) [best, place] = [rank, at];
      }
      if (place < 0) return pieces.map((piece) => this.ids.get(piece) ?? UNK);
      pieces.splice(place, 2, pieces[place] + pieces[place + 1]);
    }
  }

  /** The order in which two pieces are put together: of what they make, then of where it is cut. */
  rank(left, right) {
    const whole = this.ids.get(left + right);
    return whole === undefined || whole <= UNK ? Infinity : whole * 4096 + left.length;
  }

  wordsOf(ids) {
    const bytes = ids.map((id) => (id <= UNK ? `${this.tokens[id]} ` : this.tokens[id])).join('');
    return decode(bytes).replaceAll('\ufffd', '').split(/(?:[^\S\ufeff]|[\x1c-\x1f\x85])+/).filter(Boolean);
  }

  unknown() {
    return [];
  }

  name(id) {
    return id <= UNK ? this.tokens[id] : decode(this.tokens[id]).replace(/ $/, '\u2423');
  }

  closes(id) {
    return id <= UNK || this.tokens[id].endsWith(' ');
  }

  spell(words) {
    return layout(words).flatMap(({ blank, text }, at) => {
      const ids = this.idsOf(words[at]);
      const parts = ids.map((id) => (id <= UNK ? text : decode(this.tokens[id]).trimEnd()));
      const whole = parts.join('') === words[at];
      let written = 0;
      return ids.map((id, nth) => {
        const part = whole ? text.slice(written, written + parts[nth].length) : nth === 0 ? text : HAIR;
        written += parts[nth].length;
        return { id, blank: blank && nth === 0, text: part || HAIR };
      });
    });
  }

  spellLast(prompt, ids) {
    const begins = ids.length < 2 || this.closes(ids.at(-2));
    const part = this.name(ids.at(-1)).replace('\u2423', '') || HAIR;
    return begins ? super.spellLast(prompt, ids) ?? { blank: true, text: part } : { blank: false, text: part };
  }
}

/** Characters that stand for bytes as text. */
function decode(characters) {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(characters, (c) => c.charCodeAt(0)));
}

export function makeVocabulary(tokens, pieces) {
  return pieces ? new PieceVocabulary(tokens) : new WordVocabulary(tokens);
}
