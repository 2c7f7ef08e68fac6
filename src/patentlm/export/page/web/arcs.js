// Arcs over a text, from earlier words to the one they brought about.
import { element } from './dom.js';

/**
 * @param {Element} frame holds the text, and gets the drawing
 * @param {Element[]} words
 * @param {number} target
 * @param {{at: number, value: number}[]} causes
 */
export function drawArcs(frame, words, target, causes) {
  clearArcs(frame);
  const origin = frame.getBoundingClientRect();
  const top = (word) => {
    const box = word.getBoundingClientRect();
    return { x: box.left + box.width / 2 - origin.left, y: box.top - origin.top + 3 };
  };
  const most = Math.max(...causes.map(({ value }) => Math.abs(value)), 1e-9);
  const end = top(words[target]);
  const paths = causes.map(({ at, value }) => {
    const start = top(words[at]);
    const lift = 14 + Math.min(40, Math.abs(end.x - start.x) / 9) + Math.min(40, Math.abs(end.y - start.y) / 6);
    const peak = Math.min(start.y, end.y) - lift;
    return element('path', {
      d: `M ${start.x} ${start.y} C ${start.x} ${peak}, ${end.x} ${peak}, ${end.x} ${end.y}`,
      class: value > 0 ? 'more' : 'less',
      'stroke-width': 1 + (4 * Math.abs(value)) / most,
      'stroke-opacity': 0.35 + (0.6 * Math.abs(value)) / most,
    });
  });
  frame.append(element('svg', { 'aria-hidden': 'true' }, ...paths));
}

export function clearArcs(frame) {
  frame.querySelector('svg')?.remove();
}
