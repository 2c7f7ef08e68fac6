// A heat map on a canvas: a row for each unit, a column for each word.
import { element } from './dom.js';

const LABELS = 46; // room for words above the columns
const ROW = 4;

export class HeatMap {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Element} caption says what is pointed at
   * @param {(unit: number) => void} onChoose
   */
  constructor(canvas, caption, onChoose) {
    Object.assign(this, { canvas, caption, onChoose, order: [], columns: [], chosen: 0 });
    canvas.tabIndex = 0;
    canvas.addEventListener('pointermove', (event) => this.point(event));
    canvas.addEventListener('click', (event) => onChoose(this.order[this.rowAt(event)] ?? this.chosen));
    canvas.addEventListener('keydown', (event) => this.onKey(event));
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
    addEventListener('themechange', () => this.draw());
  }

  /**
   * @param {Float64Array[]} columns of values of all units, one for each word
   * @param {string[]} words
   * @param {number[]} order of the units, from above
   * @param {number} from the smallest value there can be: -1 or 0
   */
  show(columns, words, order, from) {
    Object.assign(this, { columns, words, order, from });
    this.canvas.setAttribute('aria-label', `Heat map of ${order.length} units over ${words.length} words. Arrow keys choose a unit.`);
    this.draw();
  }

  choose(unit) {
    this.chosen = unit;
    this.draw();
  }

  get columnWidth() {
    return Math.max(7, Math.min(22, this.canvas.parentElement.clientWidth / this.columns.length));
  }

  rowAt(event) {
    return Math.floor((event.offsetY - LABELS) / ROW);
  }

  point(event) {
    const [row, column] = [this.rowAt(event), Math.floor(event.offsetX / this.columnWidth)];
    const unit = this.order[row];
    if (unit === undefined || !this.columns[column]) return;
    this.caption.textContent = `Unit ${unit} after “${this.words[column]}”: ${this.columns[column][unit].toFixed(2)}`;
  }

  onKey(event) {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (!by) return;
    event.preventDefault();
    const row = this.order.indexOf(this.chosen) + by;
    this.onChoose(this.order[Math.min(this.order.length - 1, Math.max(0, row))]);
  }

  draw() {
    const { canvas, columns, order } = this;
    if (!columns.length || !canvas.parentElement.clientWidth) return;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [this.columnWidth * columns.length, LABELS + ROW * order.length];
    Object.assign(canvas, { width: width * ratio, height: height * ratio });
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    const context = canvas.getContext('2d');
    context.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    this.drawCells(context, style);
    this.drawWords(context, style);
    const row = order.indexOf(this.chosen);
    context.strokeStyle = style.getPropertyValue('--ink');
    context.lineWidth = 1.5;
    context.strokeRect(0.75, LABELS + row * ROW - 1, width - 1.5, ROW + 2);
  }

  drawCells(context, style) {
    const [warm, cool] = ['--warm', '--cool'].map((name) => style.getPropertyValue(name));
    const most = this.from === 0 ? 1 : largest(this.columns);
    const width = this.columnWidth;
    this.columns.forEach((values, column) => {
      this.order.forEach((unit, row) => {
        const share = values[unit] / most;
        context.fillStyle = share < 0 ? warm : cool;
        context.globalAlpha = Math.min(1, Math.abs(share));
        context.fillRect(column * width, LABELS + row * ROW, width - (width > 9 ? 1 : 0), ROW);
      });
    });
    context.globalAlpha = 1;
  }

  /** Words above their columns, slanted; every second or third where columns are narrow. */
  drawWords(context, style) {
    const each = Math.ceil(12 / this.columnWidth);
    context.fillStyle = style.getPropertyValue('--soft');
    context.font = `12px ${style.getPropertyValue('--serif')}`;
    this.words.forEach((word, column) => {
      if (column % each) return;
      context.save();
      context.translate((column + 0.6) * this.columnWidth, LABELS - 5);
      context.rotate(-Math.PI / 4);
      context.fillText(word.length > 9 ? `${word.slice(0, 8)}…` : word, 0, 0);
      context.restore();
    });
  }
}

/** The largest size of a value that is not an outlier: nine in ten tenths are below. */
function largest(columns) {
  const sizes = columns.flatMap((values) => Array.from(values, Math.abs)).sort((a, b) => a - b);
  return sizes[Math.floor(0.99 * (sizes.length - 1))] || 1;
}

/** A strip of all units' numbers, sorted, one of them marked. */
export function strip(values, chosen, label) {
  const most = Math.max(...values);
  const sorted = values.map((value, unit) => [value, unit]).sort((a, b) => b[0] - a[0]);
  const width = 320 / sorted.length;
  const bars = sorted.map(([value, unit], at) => element('rect', {
    x: at * width, width: Math.max(0.6, width - 0.4), y: 90 - (86 * Math.sqrt(value / most)),
    height: 4 + 86 * Math.sqrt(value / most), class: unit === chosen ? 'dot-b' : 'dot-a',
    ...(unit === chosen && { stroke: 'var(--warm)', 'stroke-width': 2 }),
  }));
  return element('svg', { viewBox: '0 0 320 95', class: 'chart', role: 'img', 'aria-label': label }, ...bars);
}
