// Line charts.
import { element } from './dom.js';

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [420, 220, 46, 24];

/**
 * @param {{name: string, points: [number, number][]}[]} lines two at most
 * @param {string} label
 */
export function chart(lines, label) {
  const points = lines.flatMap((line) => line.points);
  const [xs, ys] = [0, 1].map((at) => points.map((point) => point[at]));
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const first = Math.min(...xs);
  const across = Math.max(...xs) - first || 1;
  const x = (value) => LEFT + ((value - first) / across) * (WIDTH - LEFT - 8);
  const y = (value) => 8 + ((high - value) / (high - low || 1)) * (HEIGHT - BOTTOM - 16);
  const ticks = [low, (low + high) / 2, high].flatMap((value) => [
    element('line', { class: 'axis', x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }),
    element('text', { x: LEFT - 6, y: y(value) + 4, 'text-anchor': 'end' }, value.toPrecision(3)),
  ]);
  const ends = [
    element('text', { x: LEFT, y: HEIGHT - 4 }, `step ${first.toLocaleString('en')}`),
    element('text', { x: WIDTH - 4, y: HEIGHT - 4, 'text-anchor': 'end' }, (first + across).toLocaleString('en')),
  ];
  const drawn = lines.flatMap(({ points: line }, at) => {
    const name = at === 0 ? 'a' : 'b';
    const path = element('polyline', { class: name, points: line.map(([step, value]) => `${x(step)},${y(value)}`).join(' ') });
    const dots = line.length < 30 ? line.map(([step, value]) => element('circle', { class: `dot-${name}`, cx: x(step), cy: y(value), r: 3 })) : [];
    return [path, ...dots];
  });
  return element('svg', { class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label }, ...ticks, ...ends, ...drawn);
}
