// Text ↔ words, by the rules of patentlm.data.text.

// Scripts without blanks between words: Thai, Lao, Tibetan, Myanmar, Khmer, Kana, Han.
const UNSPACED = '\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e50-\u0e59\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6'
  + '\u0ed0-\u0edf\u0f00\u0f20-\u0f33\u0f40-\u0f6c\u0f88-\u0f8c\u1000-\u102a\u103f-\u1055'
  + '\u1780-\u17b3\u17dc\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u309d-\u309f'
  + '\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f'
  + '\u{1b000}-\u{1b16f}\u{20000}-\u{3ffff}';
const LETTER = `(?![${UNSPACED}])[\\p{L}\\p{N}_]`;
const RUN = `(?:${LETTER})+(?:\\p{M}+(?:${LETTER})*)*`;
// What Python takes for blanks differs a little from what JavaScript does.
const WORD = new RegExp(`${RUN}(?:['-]${RUN})*|<unk>|(?:\\ufeff|[^\\s\\x1c-\\x1f\\x85])\\p{M}*`, 'gu');
const BEGINS_UNSPACED = new RegExp(`^[${UNSPACED}]`, 'u');
const CLOSING = new Set('.,;:!?%)]}”、。');
const OPENING = new Set('([{“');
const SENTENCE_END = new Set('.!?');
const SKIPPED = new Set('"([');

/** The words of a text, lower-cased. */
export function tokenize(text) {
  return text.toLowerCase().match(WORD) ?? [];
}

/**
 * How words are written so that they read naturally: blanks where they belong, sentences capitalised.
 *
 * @param {string[]} words
 * @returns {{blank: boolean, text: string}[]} of each word, whether a blank stands before it
 */
export function layout(words) {
  let quoted = false;
  return words.map((word, at) => {
    const opensQuote = word === '"' && !quoted;
    const blank = at > 0 && blankBetween(words, at, quoted);
    quoted = opensQuote || (quoted && word !== '"');
    return { blank, text: startsSentence(words, at) ? capitalised(word) : word };
  });
}

/** Words as readable text, the inverse of `tokenize`. */
export function detokenize(words) {
  return layout(words).map(({ blank, text }) => (blank ? ` ${text}` : text)).join('');
}

function blankBetween(words, at, quoted) {
  const [left, right] = [words[at - 1], words[at]];
  if (/^\p{M}/u.test(right)) return true; // or it would belong to the word before it
  if (BEGINS_UNSPACED.test(left) && BEGINS_UNSPACED.test(right)) return false;
  if (CLOSING.has(right) || OPENING.has(left) || left === '/' || right === '/') return false;
  if (quoted && (left === '"' || right === '"')) return false;
  return !insideDots(words, at);
}

/** Whether the dot before a word is part of a number (1.5) or an abbreviation (e.g.). */
function insideDots(words, at) {
  if (at < 2 || words[at - 1] !== '.') return false;
  const [left, right] = [words[at - 2], words[at]];
  if (isDigits(left) && isDigits(right)) return true;
  return words[at + 1] === '.' && isLetter(left) && isLetter(right);
}

const isDigits = (word) => /^[\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽⓿❶-❾➀-➈➊-➒፩-፱᧚]+$/u.test(word);
const isLetter = (word) => /^\p{L}$/u.test(word);

function startsSentence(words, at) {
  let before = at - 1;
  while (before >= 0 && SKIPPED.has(words[before])) before -= 1;
  if (before < 0) return true;
  const abbreviated = before > 0 && insideDots(words, before - 1); // the second dot of e.g.
  return SENTENCE_END.has(words[before]) && !abbreviated && !insideDots(words, at);
}

function capitalised(word) {
  const [initial = ''] = word;
  const upper = initial.toUpperCase();
  const single = [...upper].length === 1 && upper.toLowerCase() === initial;
  return single ? upper + word.slice(initial.length) : word;
}
