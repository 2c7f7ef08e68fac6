// The fifth tab: is a text real, and where does the machine begin?
import { byId, element, pause } from './dom.js';
import { END } from './network.js';
import { detokenize, layout } from './text.js';
import { showWords } from './word_view.js';

const OPENING = 14;
const CONTINUED = 34;

export function openGame(model, material) {
  const usable = fairest(material.abstracts ?? []);
  if (!usable.length) {
    byId('game-body').hidden = true;
    byId('game-none').hidden = false;
    byId('game-none').textContent = material.missing.abstracts ?? 'No abstract of test is long enough.';
    return;
  }
  const state = { model, abstracts: shuffled(usable), round: 0, seed: Math.floor(Math.random() * 1e6) };
  Object.assign(state, { real: { right: 0, played: 0 }, seam: { points: 0, played: 0 } });
  byId('real-next').addEventListener('click', () => dealReal(state));
  byId('seam-next').addEventListener('click', () => dealSeam(state));
  dealReal(state);
  dealSeam(state);
}

/** Abstracts without unknown words where they are shown; or, of too few, those that have fewest. */
function fairest(abstracts) {
  const unknown = ({ words }) => words.slice(0, OPENING + CONTINUED).filter((word) => word === '<unk>').length;
  const long = abstracts.filter(({ words }) => words.length > OPENING + 12);
  const known = long.filter((abstract) => unknown(abstract) === 0);
  return known.length >= 5 ? known : long.sort((a, b) => unknown(a) - unknown(b)).slice(0, 12);
}

/** Words as the game shows them: all unknown ones look alike, whoever wrote them. */
const masked = (words) => words.map((word) => (word === '<unk>' ? '▢' : word));

const nextAbstract = (state) => state.abstracts[state.round++ % state.abstracts.length].words;

/** So many words that the network adds to a beginning; of an early end it writes another. */
function continued(state, opening, count) {
  const { model } = state;
  const prompt = model.vocabulary.encode(opening);
  const unknown = state.abstracts.some(({ words }) => words.includes('<unk>'));
  for (let tries = 0; ; tries++) {
    const ids = [];
    for (const { id } of model.write(prompt, { seed: state.seed++, sampling: model.sampling, unknown })) {
      if (id === END) break;
      ids.push(id);
      if (model.vocabulary.wordsOf(ids).length > count) break;
    }
    const words = model.vocabulary.wordsOf(ids).slice(0, count);
    if (words.length === count || tries === 6) return words;
  }
}

async function dealReal(state) {
  byId('real-verdict').textContent = 'The network is writing …';
  await pause();
  const words = nextAbstract(state);
  const opening = words.slice(0, OPENING);
  const real = words.slice(OPENING, OPENING + CONTINUED);
  const texts = shuffled([
    { words: real, real: true },
    { words: continued(state, opening, real.length), real: false },
    { words: continued(state, opening, real.length), real: false },
  ]);
  byId('real-opening').textContent = `${detokenize(masked(opening))} …`;
  byId('real-verdict').textContent = '';
  showScore(state);
  byId('real-cards').replaceChildren(...texts.map((text) => element('button', {
    type: 'button', onclick: (event) => judge(state, texts, text, event.currentTarget),
  }, `… ${after(opening, text.words)} …`)));
}

/** A continuation as it is written after its beginning. */
function after(opening, words) {
  const parts = layout(masked([...opening, ...words])).slice(opening.length);
  return parts.map(({ blank, text }) => (blank ? ` ${text}` : text)).join('').trim();
}

function judge(state, texts, chosen, button) {
  const buttons = [...byId('real-cards').querySelectorAll('button')];
  buttons.forEach((other, at) => {
    other.disabled = true;
    other.classList.add(texts[at].real ? 'real' : 'machine');
    other.append(element('em', {}, texts[at].real ? 'Written by a person' : 'Written by the network'));
  });
  if (!chosen.real) button.classList.add('wrong');
  state.real.played += 1;
  state.real.right += chosen.real;
  byId('real-verdict').textContent = chosen.real ? 'Right: a person wrote that.' : 'The network fooled you.';
  showScore(state);
  byId('real-next').focus();
}

async function dealSeam(state) {
  byId('seam-verdict').textContent = '';
  await pause();
  const words = nextAbstract(state);
  const known = words.slice(0, OPENING + CONTINUED);
  const seam = 8 + Math.floor(Math.random() * (known.length - 16));
  const text = [...known.slice(0, seam), ...continued(state, known.slice(0, seam), 30)];
  let open = true;
  const units = layout(masked(text)).map((unit) => ({ ...unit, label: unit.text }));
  showWords(byId('seam-text'), units, {
    onChoose: (at) => {
      if (!open) return;
      open = false;
      reveal(state, at, seam);
    },
  });
}

/** Three points for the very word, two for close to it, one for near. */
function reveal(state, at, seam) {
  const away = Math.abs(at - seam);
  const points = away === 0 ? 3 : away <= 3 ? 2 : away <= 8 ? 1 : 0;
  state.seam.played += 1;
  state.seam.points += points;
  const shownWords = [...byId('seam-text').querySelectorAll('.w')];
  shownWords.forEach((word, place) => {
    if (place >= seam) word.classList.add('warm');
    word.style.setProperty('--tint', 0.28);
    word.classList.toggle('chosen', place === at);
  });
  const where = away === 0 ? 'Exactly there.' : `It began ${away} word${away > 1 ? 's' : ''} ${at > seam ? 'earlier' : 'later'}, at “${shownWords[seam].textContent}”.`;
  byId('seam-verdict').textContent = `${where} ${points} point${points === 1 ? '' : 's'}.`;
  showScore(state);
}

function showScore({ real, seam }) {
  byId('real-score').textContent = real.played
    ? `${real.right} of ${real.played} right; one in three is chance.` : 'Which of the three did a person write?';
  byId('seam-score').textContent = seam.played
    ? `${seam.points} points in ${seam.played} rounds; three for the very word.` : 'Three points for the very word, two for three words off, one for eight.';
}

function shuffled(values) {
  const mixed = [...values];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other], mixed[at]];
  }
  return mixed;
}
