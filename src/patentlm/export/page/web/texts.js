// Which text is read: a real abstract of test, or one's own.
import { byId, choice } from './dom.js';
import { detokenize, tokenize } from './text.js';

const FALLBACK = 'A neural network is trained by a method that comprises the steps of receiving '
  + 'an input signal, adapting the weights of a hidden layer, and providing an output signal.';

/** A text whose words are all shown, and whose unknown ones are read as `<unk>`. */
export const prepare = (text, vocabulary) => vocabulary.spell(tokenize(text));

/**
 * A choice of abstracts that fills a text area.
 *
 * @param {string} name of the tab
 * @param {{abstracts: string[][], missing: Object}} material
 * @param {() => void} onchange after another text is there
 */
export function offerTexts(name, material, onchange) {
  const area = byId(`${name}-input`);
  const abstracts = material.abstracts ?? [];
  area.value = abstracts.length ? detokenize(abstracts[0].words) : FALLBACK;
  if (!abstracts.length) {
    byId(`${name}-choice`).append(material.missing.abstracts ?? '');
    return;
  }
  const beginning = (words) => `${detokenize(words).slice(0, 52)}…`;
  const choices = abstracts.map(({ words }, at) => [String(at), beginning(words)]);
  byId(`${name}-choice`).append(choice(`${name}-abstract`, 'A real abstract', choices, (at) => {
    area.value = detokenize(abstracts[Number(at)].words);
    onchange();
  }));
}
