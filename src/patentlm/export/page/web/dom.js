// Small helpers around the document.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; attributes that begin with `on` are listeners. */
export function element(tag, attributes = {}, ...children) {
  const svg = ['svg', 'path', 'line', 'text', 'circle', 'polyline', 'rect', 'title', 'g'].includes(tag);
  const made = svg
    ? document.createElementNS('http://www.w3.org/2000/svg', tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

/** A labelled select; `choices` are `[value, name]`. */
export function choice(id, label, choices, onchange) {
  const options = choices.map(([value, name]) => element('option', { value }, name));
  const select = element('select', { id, onchange: () => onchange(select.value) }, ...options);
  return element('div', { class: 'field' }, element('label', { for: id }, label), select);
}

/** Lets the browser show what was done and take what was typed. */
export const pause = () => new Promise((resolve) => setTimeout(resolve));

/**
 * Goes through a generator without keeping the browser busy for more than a moment at a time.
 *
 * @param {Iterable} work
 * @param {(value) => boolean|void} each true ends it
 * @param {{cancelled: boolean}} token
 */
export async function steadily(work, each, token) {
  let rested = performance.now();
  for (const value of work) {
    if (token.cancelled || each(value)) return;
    if (performance.now() - rested < 14) continue;
    await pause();
    rested = performance.now();
  }
}

/** A number as people write it. */
export const shown = (value, digits = 1) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A share of 1 as people write it. */
export function percent(share) {
  if (share >= 0.1) return `${shown(100 * share, 0)} %`;
  if (share >= 0.001) return `${shown(100 * share, 1)} %`;
  return share < 1e-6 ? '< 0.0001 %' : `${(100 * share).toPrecision(1).replace(/e.*/, '')} %`;
}

export const bits = (log) => -log / Math.LN2;
