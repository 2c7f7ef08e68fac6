// The fourth tab: which words are used alike.
import { byId, element, shown } from './dom.js';
import { WordMap } from './word_map.js';

export function openWords(model, material) {
  const { vocabulary } = model;
  const lengths = lengthsOf(model);
  const map = new WordMap(byId('map'), material.map, (id) => vocabulary.name(id), (id) => find(id));
  const known = (id) => id > 1;

  function find(id) {
    const neighbours = nearest(model, lengths, id, 12).filter(([other]) => known(other));
    const name = vocabulary.name(id);
    byId('words-search').value = name.replace('\u2423', '');
    byId('neighbours-title').textContent = `Used like “${name}”`;
    byId('neighbours').replaceChildren(...neighbours.map(([other, likeness]) => {
      const bar = element('i', { style: `width: ${Math.max(0, 100 * likeness)}%` });
      const parts = [element('b', {}, vocabulary.name(other)), bar, element('span', {}, shown(likeness, 2))];
      return element('li', {}, element('button', { type: 'button', onclick: () => find(other) }, ...parts));
    }));
    byId('words-status').textContent = `The nearest to ${name}: ${neighbours.slice(0, 3).map(([other]) => vocabulary.name(other)).join(', ')}.`;
    map.choose(id, neighbours.map(([other]) => other));
  }

  byId('words-list').append(...material.map.ids.slice(0, 300)
    .map((id) => element('option', { value: vocabulary.name(id) })));
  byId('words-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const typed = byId('words-search').value.trim().toLowerCase();
    const ids = vocabulary.unknown([typed]).length ? [] : vocabulary.idsOf(typed);
    if (ids.length === 1) find(ids[0]);
    else byId('words-status').textContent = `The network does not know “${typed}” as one word.`;
  });
  find(startingWord(vocabulary, material.map.ids));
}

/** A word that most such networks know, or else the most frequent on the map. */
function startingWord(vocabulary, frequent) {
  const liked = ['signal', 'image', 'network', 'first'];
  const found = liked.map((word) => vocabulary.idsOf(word)).find((ids) => ids.length === 1 && ids[0] > 1);
  return found ? found[0] : frequent[0];
}

function lengthsOf({ network, vocabulary }) {
  return vocabulary.tokens.map((_, id) => Math.hypot(...network.vector(id)));
}

/** The words with the most similar vectors, by the cosine between them. */
function nearest({ network, vocabulary }, lengths, id, count) {
  const vector = network.vector(id);
  const likeness = vocabulary.tokens.map((_, other) => {
    const values = network.vector(other);
    let product = 0;
    for (let at = 0; at < vector.length; at++) product += vector[at] * values[at];
    return [other, product / (lengths[id] * lengths[other] || 1)];
  });
  return likeness.filter(([other]) => other !== id).sort((a, b) => b[1] - a[1]).slice(0, count);
}
