// Puts the page together: the network first, so that words come at once; each tab when it is opened.
import { byId } from './dom.js';
import { LanguageModel } from './language_model.js';
import { watchCard } from './popover.js';
import { openGame } from './tab_game.js';
import { openRead } from './tab_read.js';
import { openRemember } from './tab_remember.js';
import { openRun } from './tab_run.js';
import { openWords } from './tab_words.js';
import { openWrite } from './tab_write.js';
import { makeTabs, makeTheme } from './tabs.js';
import { detokenize, tokenize } from './text.js';
import { fillLegends } from './word_view.js';

const TABS = { read: openRead, remember: openRemember, words: openWords, game: openGame, run: openRun };

const parsed = (id) => JSON.parse(byId(id).textContent);

function start() {
  const description = parsed('model');
  const model = new LanguageModel(description, byId('weights').textContent);
  byId('weights').remove(); // many megabytes of text
  byId('about').textContent = `trained on ${description.title}`;
  fillLegends();
  watchCard();
  makeTheme();
  openWrite(model, description.seed);
  const opened = new Set(['write']);
  let material;
  makeTabs((name) => {
    if (opened.has(name)) {
      dispatchEvent(new Event('resize')); // what was drawn while it was hidden had no size
      return;
    }
    opened.add(name);
    material ??= parsed('material');
    TABS[name](model, material);
  });
  return model;
}

/**
 * What other people's scripts may use, once `window.patentlm.ready` is fulfilled.
 *
 * - `model`: the `LanguageModel` itself.
 * - `vocabulary`: the tokens by id.
 * - `logProbabilities(words)`: an array of V natural logarithms after `<end>`, and one after each word.
 * - `text`: `tokenize(text)` and `detokenize(words)`.
 * - `write({prompt, seed, maxWords, temperature, topP})`: the words that follow the prompt; sampled as
 *   the run samples unless `temperature` or `topP` is given.
 */
function surface(model) {
  return {
    model,
    text: { tokenize, detokenize },
    vocabulary: model.vocabulary.tokens,
    logProbabilities: (words) => model.logProbabilities(words),
    write({ temperature, topP, ...options } = {}) {
      const given = temperature !== undefined || topP !== undefined;
      return model.writeWords({ ...options, ...(given && { sampling: { temperature, top_p: topP } }) });
    },
  };
}

window.patentlm = {};
window.patentlm.ready = new Promise((resolve) => {
  resolve(Object.assign(window.patentlm, surface(start())));
});
