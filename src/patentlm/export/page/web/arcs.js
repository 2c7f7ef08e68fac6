// Arcs over a text, from earlier words to the one they brought about.
import { element } from './dom.js';

/**
 * @param {Element} frame holds the text, and gets the drawing
 * @param {Element[]} words
 * @param {number} target
 * @param {{at: number, value: number}[]} causes
 * @param {number} most the value that is drawn the strongest
 */
export function drawArcs(frame, words, target, causes, most = strongest(causes)) {
  clearArcs(frame);
  const origin = frame.getBoundingClientRect();
  const lineHeight = parseFloat(getComputedStyle(words[target]).lineHeight);
  const end = place(words[target], origin);
  const paths = causes.map(({ at, value }) => element('path', {
    d: arc(place(words[at], origin), end, lineHeight),
    class: value > 0 ? 'more' : 'less',
    'stroke-width': 1 + (2.5 * Math.abs(value)) / most,
    'stroke-opacity': 0.4 + (0.5 * Math.abs(value)) / most,
  }));
  frame.append(element('svg', { 'aria-hidden': 'true' }, ...paths));
}

export function clearArcs(frame) {
  frame.querySelector('svg')?.remove();
}

const strongest = (causes) => Math.max(...causes.map(({ value }) => Math.abs(value)), 1e-9);

/** Where a word stands in the frame; of one that is broken over two lines, its beginning. */
function place(word, origin) {
  const [box = word.getBoundingClientRect()] = word.getClientRects(); // none while it is hidden
  return { x: box.left + box.width / 2 - origin.left, top: box.top - origin.top, bottom: box.bottom - origin.top };
}

/** Over the words of a line; to a further line, from below the one word to above the other. */
function arc(start, end, lineHeight) {
  if (end.top - start.top < lineHeight / 2) {
    const peak = end.top - Math.min(0.65 * lineHeight, 8 + Math.abs(end.x - start.x) / 30);
    return `M ${start.x} ${start.top + 2} C ${start.x} ${peak}, ${end.x} ${peak}, ${end.x} ${end.top + 2}`;
  }
  const bend = Math.max(14, (end.top - start.bottom) / 2);
  return `M ${start.x} ${start.bottom - 2} C ${start.x} ${start.bottom + bend}, `
    + `${end.x} ${end.top - bend}, ${end.x} ${end.top + 2}`;
}
