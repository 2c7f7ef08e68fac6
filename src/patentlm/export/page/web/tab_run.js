// The last tab: how the network came to be, and how good it is.
import { chart } from './chart.js';
import { byId, element, shown } from './dom.js';
import { layout } from './text.js';

export function openRun(model, material) {
  const { run, missing } = material;
  byId('run-lede').textContent = run.lede;
  byId('run-figures').append(...run.figures.map(([value, label]) => element('div', {},
    element('b', {}, value), element('span', {}, label))));
  showCurves(run, missing);
  byId('run-table').append(run.table ? table(run.table) : '', ...said(missing.table));
  showSamples(run, missing);
  byId('run-card').append(...card(run.card));
  byId('print').addEventListener('click', () => window.print());
}

const said = (line) => (line ? [element('p', { class: 'note' }, line)] : []);

function showCurves({ curves }, missing) {
  const drawn = curves.map(({ name, unit, lines }) => element('figure', {},
    element('h3', {}, name), chart(lines, `${name} by step`), element('figcaption', {},
      lines.map(({ name: line, points }, at) => `${at ? 'orange' : 'blue'}: ${line}, ${shown(points.at(-1)[1], 2)} at the end`).join('; ') + (unit ? `; ${unit}` : ''))));
  byId('run-curves').append(...drawn, ...said(missing.curves));
}

function table({ headings, rows }) {
  const head = element('thead', {}, element('tr', {}, ...headings.map((name) => element('th', { scope: 'col' }, name))));
  const body = rows.map(([name, ...cells]) => element('tr', {},
    element('td', {}, name), ...cells.map((cell) => element('td', {}, cell))));
  return element('table', {}, head, element('tbody', {}, ...body));
}

/** The samples of the run, what they copy from the training texts marked. */
function showSamples({ samples }, missing) {
  const said_ = missing.novelty ?? 'Marked: runs of eight words or more that stand in the training texts, word for word.';
  byId('run-samples').append(element('p', { class: 'note' }, said_));
  for (const { words, copied, longest } of samples) {
    const text = element('p', { class: 'text small' });
    const inside = (at) => copied?.some(([first, count]) => at >= first && at < first + count);
    layout(words).forEach(({ blank, text: word }, at) => {
      const space = blank ? ' ' : '';
      if (inside(at)) text.append(element('mark', {}, (inside(at - 1) ? space : '') + word));
      else text.append(space + word);
      if (inside(at) && !inside(at - 1) && blank) text.lastChild.before(' ');
    });
    const note = longest === null ? '' : `Longest run also in the training texts: ${longest} words.`;
    byId('run-samples').append(element('div', { class: 'sample' }, text, element('p', { class: 'note' }, note)));
  }
}

function card(sections) {
  return sections.flatMap(({ title, lines, rows }) => [
    element('h3', {}, title),
    ...lines.map((line) => element('p', {}, line)),
    ...(rows.length ? [element('dl', {}, ...rows.flatMap(([name, value]) => [
      element('dt', {}, name), element('dd', {}, value)]))] : []),
  ]);
}
