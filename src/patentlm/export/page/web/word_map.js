// A map of words on a canvas: drag to move, buttons or + and − to come closer.
import { byId, element } from './dom.js';

const COLOURS = () => {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return { ink: of('--ink'), soft: of('--soft'), warm: of('--warm'), cool: of('--cool'), serif: of('--serif') };
};

export class WordMap {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{ids: number[], x: number[], y: number[]}} points from -1 to 1
   * @param {(id: number) => string} nameOf
   * @param {(id: number) => void} onChoose
   */
  constructor(canvas, points, nameOf, onChoose) {
    Object.assign(this, { canvas, points, nameOf, onChoose });
    this.view = { x: 0, y: 0, zoom: 1 };
    this.chosen = null;
    this.near = new Set();
    this.makeTools();
    this.watchPointer();
    canvas.addEventListener('keydown', (event) => this.onKey(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
    addEventListener('themechange', () => this.draw());
  }

  choose(id, near) {
    this.chosen = id;
    this.near = new Set(near);
    this.canvas.setAttribute('aria-label', `Map of ${this.points.ids.length} words; the neighbours of ${this.nameOf(id)} are marked. Plus and minus zoom, arrow keys move.`);
    this.draw();
  }

  makeTools() {
    const tool = (text, label, by) => element('button', {
      type: 'button', 'aria-label': label, onclick: () => this.zoom(by),
    }, text);
    byId('map-tools').append(tool('+', 'Closer', 1.5), tool('−', 'Farther', 1 / 1.5), tool('Whole map', 'Whole map', 0));
  }

  zoom(by) {
    if (by === 0) this.view = { x: 0, y: 0, zoom: 1 };
    else this.view.zoom = Math.min(30, Math.max(0.7, this.view.zoom * by));
    this.draw();
  }

  onKey(event) {
    const step = 0.2 / this.view.zoom;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key === '+' || event.key === '=') this.zoom(1.5);
    else if (event.key === '-') this.zoom(1 / 1.5);
    else if (moves[event.key]) {
      this.view.x += moves[event.key][0];
      this.view.y += moves[event.key][1];
      this.draw();
    } else return;
    event.preventDefault();
  }

  watchPointer() {
    const { canvas } = this;
    let last = null;
    let moved = 0;
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      [last, moved] = [event, 0];
    });
    canvas.addEventListener('pointermove', (event) => {
      if (!last) return;
      const scale = this.scale();
      this.view.x -= (event.clientX - last.clientX) / scale;
      this.view.y -= (event.clientY - last.clientY) / scale;
      moved += Math.abs(event.clientX - last.clientX) + Math.abs(event.clientY - last.clientY);
      last = event;
      this.draw();
    });
    canvas.addEventListener('pointerup', (event) => {
      last = null;
      if (moved < 5) this.chooseAt(event.offsetX, event.offsetY);
    });
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    }, { passive: false });
  }

  scale() {
    return (Math.min(this.canvas.clientWidth, this.canvas.clientHeight) / 2.1) * this.view.zoom;
  }

  /** Where the n-th word stands on the canvas. */
  place(n) {
    const { canvas, points, view } = this;
    const scale = this.scale();
    return [
      canvas.clientWidth / 2 + (points.x[n] - view.x) * scale,
      canvas.clientHeight / 2 + (points.y[n] - view.y) * scale,
    ];
  }

  chooseAt(x, y) {
    let [best, least] = [-1, 22];
    this.points.ids.forEach((_, n) => {
      const [left, top] = this.place(n);
      const distance = Math.hypot(left - x, top - y);
      if (distance < least) [best, least] = [n, distance];
    });
    if (best >= 0) this.onChoose(this.points.ids[best]);
  }

  draw() {
    const { canvas, points } = this;
    if (!canvas.clientWidth) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const context = canvas.getContext('2d');
    context.scale(ratio, ratio);
    const colours = COLOURS();
    const important = (id) => (id === this.chosen ? 2 : this.near.has(id) ? 1 : 0);
    const order = points.ids.map((id, n) => [important(id), n]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    const taken = [];
    context.textBaseline = 'middle';
    for (const [rank, n] of order) this.drawWord(context, n, rank, colours, taken);
  }

  /** A dot, and the word beside it where there is room. */
  drawWord(context, n, rank, colours, taken) {
    const [x, y] = this.place(n);
    if (x < -5 || y < -5 || x > this.canvas.clientWidth + 5 || y > this.canvas.clientHeight + 5) return;
    const name = this.nameOf(this.points.ids[n]);
    context.fillStyle = rank === 2 ? colours.warm : rank === 1 ? colours.cool : colours.soft;
    context.globalAlpha = rank ? 1 : 0.45;
    context.beginPath();
    context.arc(x, y, rank ? 4 : 2, 0, 7);
    context.fill();
    context.globalAlpha = 1;
    context.font = `${rank ? 'bold 15px' : '13px'} ${colours.serif}`;
    const width = context.measureText(name).width;
    const left = x + 9 + width > this.canvas.clientWidth ? x - 7 - width : x + 7;
    const box = { left: left - 2, right: left + width + 2, top: y - 8, bottom: y + 8 };
    const clashes = taken.some((other) => box.left < other.right && other.left < box.right
      && box.top < other.bottom && other.top < box.bottom);
    if (clashes && rank < 2) return;
    taken.push(box);
    context.fillStyle = rank ? colours.ink : colours.soft;
    context.fillText(name, left, y);
  }
}
