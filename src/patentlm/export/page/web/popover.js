// The card beside a word: what else the network had in mind.
import { byId, element, percent } from './dom.js';

let opener = null;

/**
 * @param {Element} beside
 * @param {{title: string, line: string, rows: [string, number][], onPick?: (at: number) => void}}
 *   content rows are names with probabilities; with `onPick` they can be chosen
 */
export function openCard(beside, { title, line, rows, onPick }) {
  const card = byId('popover');
  opener = beside;
  card.classList.toggle('still', !onPick);
  const attributes = onPick
    ? { role: 'dialog', 'aria-label': `In place of “${title}”` }
    : { role: 'presentation', 'aria-hidden': 'true' };
  for (const name of ['role', 'aria-label', 'aria-hidden']) card.removeAttribute(name);
  for (const [name, value] of Object.entries(attributes)) card.setAttribute(name, value);
  const list = rows.map((row, at) => element('li', {}, bar(row, rows[0][1], onPick && (() => onPick(at)))));
  card.replaceChildren(element('h2', {}, title), element('p', {}, line), element('ol', { class: 'bars' }, ...list));
  card.hidden = false;
  place(card, beside);
  if (onPick) card.querySelector('button')?.focus({ preventScroll: true });
}

export function closeCard({ refocus = false } = {}) {
  const card = byId('popover');
  if (card.hidden) return;
  card.hidden = true;
  if (refocus) opener?.focus();
}

/** A name, a bar as long as its share of the longest, and its probability. */
function bar([name, probability], most, onclick) {
  const parts = [
    element('b', {}, name),
    element('i', { style: `width: ${(100 * probability) / most}%` }),
    element('span', {}, percent(probability)),
  ];
  return element('button', { type: 'button', tabindex: onclick ? 0 : -1, ...(onclick && { onclick }) }, ...parts);
}

function place(card, beside) {
  const word = beside.getBoundingClientRect();
  const left = Math.min(word.left, document.documentElement.clientWidth - card.offsetWidth - 12);
  card.style.left = `${Math.max(12, left) + scrollX}px`;
  const below = word.bottom + 8 + card.offsetHeight <= innerHeight || word.top < card.offsetHeight + 120;
  card.style.top = `${scrollY + (below ? word.bottom + 8 : word.top - card.offsetHeight - 8)}px`;
}

/** Escape, and a click anywhere else, close the card. */
export function watchCard() {
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape') closeCard({ refocus: true });
  });
  addEventListener('pointerdown', (event) => {
    if (!byId('popover').contains(event.target)) closeCard();
  });
}
