// The second tab: how surprised the network is at each word of a text.
import { Copies } from './copies.js';
import { bits, byId, element, percent, shown, steadily } from './dom.js';
import { END } from './network.js';
import { closeCard, openCard } from './popover.js';
import { tokenize } from './text.js';
import { offerTexts, prepare } from './texts.js';
import { paint, showWords, surpriseTint } from './word_view.js';

export function openRead(model, material) {
  const state = { model, token: { cancelled: true }, copies: new Copies(model) };
  if (state.copies.copying) {
    byId('read-legend').append(element('span', { class: 'copied' }, 'mostly copied from earlier in the text'));
  }
  offerTexts('read', material, () => read(state));
  byId('read-form').addEventListener('submit', (event) => {
    event.preventDefault();
    read(state);
  });
  read(state);
}

async function read(state) {
  state.token.cancelled = true;
  const token = { cancelled: false };
  state.token = token;
  const { model, copies } = state;
  const words = tokenize(byId('read-input').value);
  const unknown = new Set(model.vocabulary.unknown(words));
  const units = prepare(byId('read-input').value, model.vocabulary)
    .map((unit, at) => ({ ...unit, label: unit.text, unknown: unknown.has(words[at]) }));
  const end = { text: '■', blank: true, label: 'the end' };
  const scores = [];
  const name = (id) => (id === END ? 'the end' : model.vocabulary.name(id));
  showWords(byId('read-text'), [...units, end], {
    onPoint: (at, word) => scores[at] && point(word, scores[at], name, units[at]),
    onLeave: () => closeCard(),
    onChoose: (at, word) => scores[at] && point(word, scores[at], name, units[at]),
  });
  const shownWords = byId('read-text').querySelectorAll('.w');
  copies.begin([]);
  await steadily(model.score(units.map(({ id }) => id)), (score) => {
    const word = shownWords[scores.length];
    paint(word, { tint: surpriseTint(score.logProbability) });
    word.setAttribute('aria-label', describe(score, name, word.textContent));
    scores.push({ ...score, told: copies.add(word, score) });
  }, token);
  if (!token.cancelled) summarise(scores, [...unknown]);
}

function describe({ logProbability, rank, alternatives }, name, text) {
  const others = alternatives.slice(0, 3).map(([id]) => name(id)).join(', ');
  return `${text}: ${shown(bits(logProbability))} bits, rank ${rank}; expected: ${others}`;
}

function point(word, { logProbability, rank, alternatives, told }, name, unit) {
  openCard(word, {
    title: unit ? unit.text : 'The end',
    line: `${shown(bits(logProbability))} bits of surprise · ${percent(Math.exp(logProbability))} likely · `
      + `rank ${rank.toLocaleString('en')}${told}`,
    rows: alternatives.map(([id, log]) => [name(id), Math.exp(log)]),
  });
}

function summarise(scores, unknown) {
  const total = scores.reduce((sum, { logProbability }) => sum - logProbability, 0);
  const perplexity = Math.exp(total / scores.length);
  const right = scores.filter(({ rank }) => rank === 1).length / scores.length;
  const figure = (value, label) => element('div', {}, element('b', {}, value), element('span', {}, label));
  byId('read-figures').replaceChildren(
    figure(shown(perplexity), 'perplexity: as unsure as among so many words'),
    figure(shown(total / scores.length / Math.LN2, 2), 'bits of surprise a word'),
    figure(percent(right), 'guessed right'),
  );
  byId('read-status').textContent = unknown.length
    ? `Unknown to it, read as <unk>: ${unknown.join(', ')}.`
    : 'It knows every word of this text.';
}
