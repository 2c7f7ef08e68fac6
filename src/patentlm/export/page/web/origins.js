// Which earlier words brought a word about: by leaving each out, and by the gradient.
import { clearArcs, drawArcs } from './arcs.js';
import { byId, choice, shown, steadily } from './dom.js';
import { paint, showWords } from './word_view.js';

const MOST = 40; // earlier words that are tried
const DRAWN = 8;

export function openArcs(model) {
  const state = { model, by: 'leftOut', token: { cancelled: true }, causes: [], target: null };
  byId('arcs-controls').append(choice('arcs-by', 'Measured by', [
    ['leftOut', 'leaving each word out'], ['gradient', 'the gradient'],
  ], (by) => {
    state.by = by;
    draw(state);
  }));
  addEventListener('resize', () => draw(state));
  return {
    show(units) {
      state.token.cancelled = true;
      Object.assign(state, { units, causes: [], target: null });
      clearArcs(byId('arcs'));
      showWords(byId('arcs-text'), units.map((unit) => ({ ...unit, label: unit.text })), {
        onChoose: (at) => find(state, at),
      });
      const interesting = units.findLastIndex(({ id, text }, at) => id > 1 && at < 45 && text.length > 5);
      if (interesting > 0) find(state, interesting);
    },
  };
}

async function find(state, target) {
  state.token.cancelled = true;
  const token = { cancelled: false };
  Object.assign(state, { token, target, causes: [] });
  const { model, units } = state;
  if (target === 0) {
    draw(state);
    byId('arcs-status').textContent = 'The first word has nothing before it.';
    return;
  }
  byId('arcs-status').textContent = 'Reading the text again without each of its words …';
  const ids = units.map(({ id }) => id);
  await steadily(model.influence(ids, target, MOST), (cause) => {
    state.causes.push(cause);
    draw(state);
  }, token);
  if (!token.cancelled) summarise(state);
}

/** The causes that are drawn, the strongest first. */
function strongest({ causes, by }) {
  const sized = causes.map((cause) => ({ at: cause.at, value: cause[by] }));
  return sized.sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, DRAWN);
}

function draw(state) {
  const shownWords = [...byId('arcs-text').querySelectorAll('.w')];
  if (state.target === null || !shownWords.length) return;
  const causes = strongest(state);
  const most = Math.abs(causes[0]?.value ?? 1);
  shownWords.forEach((word, at) => {
    const cause = causes.find((other) => other.at === at);
    paint(word, { hue: cause?.value > 0 ? 'cool' : 'warm', tint: Math.abs(cause?.value ?? 0) / most });
    word.classList.toggle('chosen', at === state.target);
  });
  drawArcs(byId('arcs'), shownWords, state.target, causes);
  if (state.causes.length && state.token.cancelled === false) summarise(state);
}

function summarise(state) {
  const { units, target } = state;
  const times = (value) => `${shown(Math.exp(Math.abs(value)), 1)} times ${value > 0 ? 'likelier' : 'less likely'}`;
  const said = strongest(state).slice(0, 3).map(({ at, value }) => (state.by === 'leftOut'
    ? `“${units[at].text}” made it ${times(value)}`
    : `“${units[at].text}” ${value > 0 ? 'speaks for' : 'speaks against'} it (${shown(value, 2)})`));
  byId('arcs-status').textContent = `“${units[target].text}”: ${said.join('; ')}.`;
}
