// The first tab: the network writes, and can be led elsewhere at any word.
import { Copies } from './copies.js';
import { CopyArcs } from './copy_arcs.js';
import { bits, byId, element, percent, shown, steadily } from './dom.js';
import { top } from './language_model.js';
import { END } from './network.js';
import { closeCard, openCard } from './popover.js';
import { tokenize } from './text.js';
import { addWord, showWords, surpriseTint } from './word_view.js';

const FIELDS = [
  ['temperature', 'Temperature', { min: 0, max: 2, step: 0.05 }, 1, 'Low is careful, high is bold; 0 always takes the likeliest.'],
  ['top_p', 'Top-p', { min: 0.05, max: 1, step: 0.05 }, 1, 'Only the likeliest words that together reach this share.'],
  ['top_k', 'Top-k', { min: 0, max: 200, step: 1 }, 0, 'Only so many likeliest words; 0 is off.'],
  ['min_p', 'Min-p', { min: 0, max: 0.5, step: 0.01 }, 0, 'Only words this likely beside the likeliest; 0 is off.'],
  ['repetition_penalty', 'Repetition penalty', { min: 1, max: 2, step: 0.05 }, 1, 'Above 1, words already written get rarer.'],
  ['no_repeat_ngram', 'No run twice', { min: 0, max: 8, step: 1 }, 0, 'No run of so many words is written twice; 0 is off.'],
];

/**
 * @param {LanguageModel} model
 * @param {number} seed to begin with
 */
export function openWrite(model, seed) {
  const state = { model, prompt: [], written: [], token: { cancelled: true }, seed, copies: new Copies(model) };
  state.arcs = new CopyArcs('write', state.copies);
  makeFields(model, seed);
  byId('write-form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (!state.token.cancelled) stop(state);
    else begin(state);
  });
  begin(state);
}

function makeFields(model, seed) {
  const ranges = FIELDS.map(([name, label, limits, off, help]) => {
    const id = `write-${name}`;
    const output = element('output', { for: id });
    const input = element('input', { id, type: 'range', ...limits, value: model.sampling[name] ?? off });
    const show = () => { output.textContent = input.value; };
    input.addEventListener('input', show);
    show();
    return element('div', {}, element('label', { for: id }, label, output), input, element('small', {}, help));
  });
  const number = (id, label, value, help) => element('div', {},
    element('label', { for: id }, label),
    element('input', { id, type: 'number', min: 1, max: 1000000, value }), element('small', {}, help));
  byId('write-fields').append(...ranges,
    number('write-seed', 'Seed', seed, 'The same seed writes the same text, as generate.py does.'),
    number('write-words', 'Longest', model.maxWords, 'Words after which a text is cut off.'));
}

/** What the fields say, in the names of `patentlm.generation.sampling`. */
function sampling() {
  const values = Object.fromEntries(FIELDS.map(([name]) => [name, Number(byId(`write-${name}`).value)]));
  return { ...values, top_k: values.top_k || null };
}

const seedOf = () => Math.max(0, Math.floor(Number(byId('write-seed').value) || 0));

function begin(state) {
  state.prompt = tokenize(byId('prompt').value);
  state.written = [];
  state.seed = seedOf();
  byId('write-seed').value = state.seed + 1; // the next text is another one
  goOn(state);
}

function stop(state) {
  state.token.cancelled = true;
  byId('write-go').textContent = 'Write';
}

/** Writes from the prompt and the tokens chosen so far on. */
async function goOn(state) {
  const { model } = state;
  stop(state);
  closeCard();
  const token = { cancelled: false };
  state.token = token;
  byId('write-go').textContent = 'Stop';
  show(state);
  const before = [...model.vocabulary.encode(state.prompt), ...state.written.map(({ id }) => id)];
  const started = performance.now();
  let count = 0;
  const left = Number(byId('write-words').value) - state.written.length;
  const work = model.write(before, { seed: state.seed, sampling: sampling(), text: state.written.length });
  await steadily(work, ({ id, logs, copyable }) => {
    if (count >= left) return true;
    state.written.push({ id, log: logs[id], alternatives: top(logs, 10), copyable });
    extend(state);
    count += 1;
    return false;
  }, token);
  if (token.cancelled) return;
  const seconds = (performance.now() - started) / 1000;
  stop(state);
  if (!byId('write-text').contains(document.activeElement)) show(state); // dots of “e.g.” close up
  const ended = state.written.at(-1)?.id === END;
  byId('write-status').textContent = `${count} words in ${shown(seconds)} s, ${shown(count / seconds, 0)} a second. `
    + `Seed ${state.seed}. ${ended ? 'The network ended the text itself.' : 'Cut off at the longest allowed.'}`;
}

/** All of the text anew. */
function show(state) {
  const { model, prompt, written } = state;
  const given = model.vocabulary.spell(prompt).map((unit) => ({ ...unit, given: true, label: unit.text }));
  showWords(byId('write-text'), given);
  for (const word of byId('write-text').querySelectorAll('.w')) word.setAttribute('aria-disabled', 'true');
  state.shown = given.length;
  state.copies.begin(given.map(({ id }) => id));
  state.arcs.clear();
  for (let count = 1; count <= written.length; count++) extend(state, count);
}

/** Shows the last of the first `count` tokens written. */
function extend(state, count = state.written.length) {
  const { model, prompt, written, shown: given, copies } = state;
  const token = written[count - 1];
  const { id, log } = token;
  const container = byId('write-text');
  const name = id === END ? 'the end' : model.vocabulary.name(id);
  const spelt = id === END
    ? { text: '■', blank: true }
    : model.vocabulary.spellLast(prompt, written.slice(0, count).map((other) => other.id));
  const unit = { ...spelt, label: `${name}, ${percent(Math.exp(log))} likely`, tint: surpriseTint(log) };
  const word = addWord(container, unit, { onChoose: (at, chosen) => choose(state, at - given, chosen) });
  token.told = copies.add(word, { ...token, logProbability: log });
}

/** Offers other tokens in the place of one. */
function choose(state, at, word) {
  if (at < 0) return;
  const { model } = state;
  const { id, log, alternatives, copyable, told } = state.written[at];
  const name = (token) => (token === END ? 'the end' : model.vocabulary.name(token));
  stop(state);
  openCard(word, {
    title: name(id),
    line: `${percent(Math.exp(log))} likely, ${shown(bits(log))} bits of surprise${told}. Choose another to go on from there.`,
    rows: alternatives.map(([token, value]) => [name(token), Math.exp(value)]),
    onPick: (row) => {
      const [token, value] = alternatives[row];
      state.written = [...state.written.slice(0, at), { id: token, log: value, alternatives, copyable }];
      if (token === END) show(state);
      else goOn(state);
      byId('write-text').querySelectorAll('.w')[at + state.shown]?.focus();
    },
  });
}
