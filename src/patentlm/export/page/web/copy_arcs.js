// Arcs to a word that is pointed at, from the words it was copied from.
import { clearArcs, drawArcs } from './arcs.js';
import { byId, element } from './dom.js';

const DRAWN = 8;
const IDLE = ': mostly copied from earlier in the text. Point at any word to see from where.';

/** For the text in the frame `#NAME-arcs`, with the line `#NAME-copies` below it. */
export class CopyArcs {
  constructor(name, copies) {
    Object.assign(this, { copies, frame: byId(`${name}-arcs`), line: byId(`${name}-copies`) });
    if (!copies.copying) return;
    const { frame, line } = this;
    frame.classList.add('copies');
    line.hidden = false;
    for (const event of ['pointerover', 'focusin']) {
      frame.addEventListener(event, ({ target }) => target.matches('.w') && this.point(target));
    }
    frame.addEventListener('pointerleave', ({ pointerType }) => pointerType === 'mouse' && this.leave());
    addEventListener('resize', () => this.chosen && this.point(this.chosen));
    this.clear();
  }

  point(word) {
    this.clear();
    const { copies, frame, line } = this;
    const words = [...frame.querySelectorAll('.w')];
    const at = words.indexOf(word);
    if (!copies.sources[at]) return;
    this.chosen = word;
    word.classList.add('chosen');
    const [strongest] = copies.sources[at];
    const sources = copies.sources[at].slice(0, DRAWN)
      .filter(({ share }) => share > Math.max(0.01, strongest.share / 8));
    drawArcs(frame, words, at, sources.map((source) => ({ at: source.at, value: source.share })), 1);
    for (const source of sources) words[source.at].classList.add('source');
    const name = word.textContent === '■' ? 'The end' : `“${word.textContent}”`;
    line.textContent = `${name}: ${copies.told(at)}.`;
  }

  /** What stays is the word that was chosen. */
  leave() {
    const focused = this.frame.querySelector('.w:focus');
    if (focused) this.point(focused);
    else this.clear();
  }

  clear() {
    const { frame, line } = this;
    this.chosen = null;
    clearArcs(frame);
    for (const word of frame.querySelectorAll('.w')) word.classList.remove('source', 'chosen');
    line.replaceChildren(element('span', { class: 'copied' }, 'Underlined'), IDLE);
  }
}
