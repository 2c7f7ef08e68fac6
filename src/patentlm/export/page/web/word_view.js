// Texts whose words can be pointed at, chosen and walked through with the arrow keys.
import { bits, element } from './dom.js';

/**
 * Fills a container with words.
 *
 * @param {Element} container
 * @param {Object[]} units `{text, blank, label, tint, hue, given, unknown}` of each word
 * @param {{onPoint?: Function, onLeave?: Function, onChoose?: Function}} listeners get the word's
 *   place and its element
 */
export function showWords(container, units, listeners = {}) {
  container.replaceChildren();
  container.onkeydown = (event) => moveWith(event, container);
  units.forEach((unit) => addWord(container, unit, listeners));
}

/** One more word at the end. */
export function addWord(container, unit, { onPoint, onLeave, onChoose }) {
  const at = container.querySelectorAll('.w').length;
  const word = element('span', {
    class: 'w', role: 'button', tabindex: at === 0 ? 0 : -1, 'aria-label': unit.label,
  }, unit.text);
  paint(word, unit);
  word.classList.toggle('given', Boolean(unit.given));
  word.classList.toggle('unknown', Boolean(unit.unknown));
  if (onPoint) {
    word.addEventListener('pointerenter', () => onPoint(at, word));
    word.addEventListener('focus', () => onPoint(at, word));
    word.addEventListener('pointerleave', () => onLeave?.(at, word));
    word.addEventListener('blur', () => onLeave?.(at, word));
  }
  if (onChoose) word.addEventListener('click', () => onChoose(at, word));
  container.append(unit.blank ? ' ' : '', word);
  return word;
}

/** Tints a word: `hue` is `warm` or `cool`, `tint` from 0 to 1. */
export function paint(word, { tint = 0, hue = 'warm' }) {
  word.classList.remove('warm', 'cool');
  if (tint < 0.01) return;
  word.classList.add(hue);
  word.style.setProperty('--tint', (0.5 * Math.min(1, tint)).toFixed(3));
}

/** How strongly a log-probability is tinted: not at all for what was sure, fully from 13 bits on. */
export const surpriseTint = (log) => Math.min(1, bits(log) / 13) ** 1.5;

function moveWith(event, container) {
  const words = [...container.querySelectorAll('.w')];
  const at = words.indexOf(event.target);
  if (at < 0) return;
  if (event.key === 'Enter' || event.key === ' ') {
    event.preventDefault();
    event.target.click();
    return;
  }
  const places = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1,
    Home: 0, End: words.length - 1 };
  const next = words[places[event.key]];
  if (!next) return;
  event.preventDefault();
  words[at].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/** What the tints mean, beside each text. */
export function fillLegends() {
  const scale = (from, to) => element('i', {
    style: `background: linear-gradient(90deg, ${from}, ${to})`, 'aria-hidden': 'true',
  });
  const half = (name) => `color-mix(in srgb, var(${name}) 50%, transparent)`;
  for (const legend of document.querySelectorAll('[data-legend]')) {
    if (legend.dataset.legend === 'surprise') {
      legend.append('expected', scale('transparent', half('--warm')), 'surprising');
    } else {
      legend.append('negative', scale(half('--warm'), 'transparent'),
        scale('transparent', half('--cool')), 'positive');
    }
  }
}
