// Text ↔ words, by the rules of patentlm.data.words.

// What Python takes for blanks differs a little from what JavaScript does.
const WORD = /[\p{L}\p{N}_]+(?:['-][\p{L}\p{N}_]+)*|<unk>|\ufeff|[^\s\x1c-\x1f\x85]/gu;
const CLOSING = new Set('.,;:!?%)]}”');
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

const isDigits = (word) => /^[\p{Nd}\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089]+$/u.test(word);
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
