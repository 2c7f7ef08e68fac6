// The third tab: what the layers hold while they read, what one unit follows, what a word came from.
import { byId, choice, element, shown, steadily } from './dom.js';
import { Copies } from './copies.js';
import { CopyArcs } from './copy_arcs.js';
import { openArcs } from './origins.js';
import { HeatMap, strip } from './heat_map.js';
import { offerTexts, prepare } from './texts.js';
import { paint, showWords } from './word_view.js';

/** What each picture shows, in plain words. */
const KINDS = {
  c: ['what it holds', 'Each row is one unit of memory, each column a word. Long even streaks are things kept in mind over many words; a streak that breaks off was forgotten.'],
  h: ['what it tells', 'What each unit tells the rest of the network after a word. Units can hold something for long without telling it.'],
  f: ['what it keeps', 'How much of what it holds a unit keeps as it reads a word: full colour keeps all, pale forgets. Look for pale columns: words such as full stops that clear the memory.'],
  i: ['what it lets in', 'How far each unit opens for the word just read: full colour takes it in, pale ignores it.'],
  g: ['what it proposes', 'What the word just read would write into each unit, if it is let in.'],
  o: ['what it shows', 'How much of what it holds each unit shows after a word.'],
  z: ['what it keeps', 'How much of what it holds a unit keeps as it reads a word: full colour keeps all, pale writes anew.'],
  r: ['what it looks back on', 'How much each unit looks at the past while it makes up its mind about the word just read.'],
  n: ['what it proposes', 'What each unit would hold if it kept nothing.'],
};
const FROM_ZERO = new Set(['i', 'f', 'o', 'z', 'r']);
const SHOWN = 160; // columns at most
const PLACES = 24; // abstracts that are searched for where a unit is strongest

export function openRemember(model, material) {
  const keeps = model.network.gates.includes('z') ? 'z' : 'f';
  const first = model.network.hasCells ? 'c' : 'h';
  const state = { model, material, keeps, kind: first, sort: 'number', layer: 0, unit: null, units: [],
    token: { cancelled: true } };
  byId('remember-lede').textContent = 'To read is to carry something from each word to the next. '
    + 'Here you see what this network carries: nothing but these numbers '
    + `${model.network.copies ? 'and the words that it can copy ' : ''}tells it, at the end of a text, how it began.`;
  state.map = new HeatMap(byId('heatmap'), byId('heatmap-caption'), (unit) => chooseUnit(state, unit));
  offerTexts('remember', material, () => read(state));
  makeControls(state, first);
  state.copies = new Copies(model);
  state.copyArcs = new CopyArcs('copying', state.copies);
  byId('copying').hidden = !state.copies.copying;
  state.arcs = openArcs(model);
  byId('remember-form').addEventListener('submit', (event) => {
    event.preventDefault();
    read(state);
  });
  read(state);
}

function makeControls(state, first) {
  const { network } = state.model;
  const kinds = [...(first === 'c' ? ['c'] : []), 'h', ...network.gates];
  const change = (name) => (value) => {
    state[name] = name === 'layer' ? Number(value) : value;
    if (name === 'layer') findStrongest(state);
    showMap(state);
  };
  const layers = network.layers.map((_, at) => [String(at), `layer ${at + 1}`]);
  byId('remember-controls').append(
    choice('remember-kind', 'Show', kinds.map((kind) => [kind, `${KINDS[kind][0]} (${kind})`]), change('kind')),
    ...(layers.length > 1 ? [choice('remember-layer', 'of', layers, change('layer'))] : []),
    choice('remember-sort', 'Units by', [['number', 'number'], ['life', 'how long they remember'], ['swing', 'how strongly they swing']], change('sort')),
    element('div', { class: 'field' }, element('label', { for: 'remember-unit' }, 'Unit'),
      element('input', { id: 'remember-unit', type: 'number', min: 0, max: network.layers[0].size - 1,
        onchange: (event) => chooseUnit(state, clamp(event.target.value, state)) })),
  );
}

const clamp = (value, { lives }) => Math.max(0, Math.min(lives.length - 1, Math.floor(Number(value) || 0)));

function read(state) {
  const { model } = state;
  const units = prepare(byId('remember-input').value, model.vocabulary).slice(0, SHOWN);
  const ids = units.map(({ id }) => id);
  const { first, layers } = model.trace(ids);
  Object.assign(state, { trace: layers, units: units.slice(first), strongest: null });
  findStrongest(state);
  showMap(state);
  if (state.copies.copying) showCopies(state, units);
  state.arcs.show(units);
}

async function showCopies(state, units) {
  const { model, copies, copyArcs } = state;
  state.token.cancelled = true;
  const token = { cancelled: false };
  state.token = token;
  showWords(byId('copying-text'), units.map((unit) => ({ ...unit, label: unit.text })));
  const words = [...byId('copying-text').querySelectorAll('.w')];
  copies.begin([]);
  copyArcs.clear();
  await steadily(model.score(units.map(({ id }) => id)), (score) => {
    if (copies.ids.length === words.length) return true; // the end is never copied
    copies.add(words[copies.ids.length], score);
    return false;
  }, token);
  const last = words.findLast((word) => word.matches('.copied') && word.textContent.length > 3);
  if (last && !token.cancelled) copyArcs.point(last);
}

function showMap(state) {
  const { trace, layer, kind, keeps, sort, map } = state;
  const steps = trace[layer];
  const [, line] = KINDS[kind];
  const { context } = state.model;
  byId('remember-note').textContent = line + (context === null ? ''
    : ` This network reads ${context} words at a time, as it was trained; you see its last window.`);
  state.columns = steps.map((step) => step[kind]);
  state.lives = halfLives(steps.map((step) => step[keeps]));
  const number = state.lives.map((_, unit) => unit);
  const swing = number.map((unit) => spread(state.columns.map((values) => values[unit])));
  const by = { number: (unit) => -unit, life: (unit) => state.lives[unit], swing: (unit) => swing[unit] }[sort];
  const order = number.sort((a, b) => by(b) - by(a));
  if (sort !== 'number') [state.unit] = order;
  state.unit ??= swing.indexOf(Math.max(...swing)); // the one with most to show
  map.show(state.columns, state.units.map(({ text }) => text), order, FROM_ZERO.has(kind) ? 0 : -1);
  chooseUnit(state, state.unit);
}

/** After how many words half of what each unit held is gone, from how much it keeps at each. */
function halfLives(columns) {
  return Array.from(columns[0] ?? [], (_, unit) => {
    const log = columns.reduce((sum, values) => sum + Math.log(Math.max(values[unit], 1e-9)), 0);
    return Math.min(999, Math.LN2 / Math.max(1e-9, -log / columns.length));
  });
}

function spread(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
}

function chooseUnit(state, unit) {
  state.unit = unit;
  state.map.choose(unit);
  const values = state.columns.map((column) => column[unit]);
  const most = Math.max(...values.map(Math.abs), 1e-9);
  const life = state.lives[unit];
  byId('remember-unit').value = unit;
  byId('unit-title').textContent = `Unit ${unit}`;
  byId('unit-note').textContent = `The text in the colours of this unit. It remembers for about ${words(life)}: then half of what it held is gone.`;
  showWords(byId('unit-text'), state.units.map((part, at) => ({
    ...part, label: `${part.text}: ${values[at].toFixed(2)}`, hue: values[at] < 0 ? 'warm' : 'cool', tint: Math.abs(values[at]) / most,
  })));
  const label = `How long each unit remembers, sorted; unit ${unit} is marked: ${words(life)}`;
  byId('unit-lives').replaceChildren(strip(state.lives, unit, label), element('figcaption', {},
    `All units, from the longest memory (${words(Math.max(...state.lives))}) to the shortest (${words(Math.min(...state.lives))}); this one is marked.`));
  showPlaces(state);
}

const words = (life) => (life >= 999 ? '1,000 words or more' : `${shown(life, life < 10 ? 1 : 0)} words`);

/** What the layer holds in abstracts of test, looked at once a layer. */
function findStrongest(state) {
  const { model, material, layer, keeps } = state;
  const cell = keeps === 'f' ? 'c' : 'h';
  state.read = (material.abstracts ?? []).slice(0, PLACES).map((abstract) => {
    const units = model.vocabulary.spell(abstract.words).slice(0, model.context ?? SHOWN);
    const { layers } = model.trace(units.map(({ id }) => id));
    return { units, columns: layers[layer].map((step) => step[cell]) };
  });
}

function showPlaces(state) {
  const { read: abstracts, unit } = state;
  const peaks = abstracts.map(({ units, columns }) => {
    const values = columns.map((column) => column[unit]);
    const at = values.reduce((best, value, place) => (Math.abs(value) > Math.abs(values[best]) ? place : best), 0);
    return { units, at, value: values[at] ?? 0, values };
  }).sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 5);
  byId('unit-places').replaceChildren(...peaks.map(({ units, at, value, values }) => {
    const from = Math.max(0, at - 9);
    const item = element('li', {}, from ? '… ' : '');
    units.slice(from, at + 4).forEach(({ blank, text }, nth) => {
      const part = element('span', { class: 'w' }, text);
      paint(part, { hue: value < 0 ? 'warm' : 'cool', tint: Math.max(0, values[from + nth] / value) ** 2 });
      item.append(blank ? ' ' : '', part);
    });
    item.append(' …');
    return item;
  }));
  if (!peaks.length) byId('unit-places').replaceChildren(element('li', {}, state.material.missing.abstracts ?? ''));
}

