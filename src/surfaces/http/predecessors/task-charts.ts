/** The two chart pages of contract A, as plain HTML with a drawing inside: no script, nothing from elsewhere. */

import { plainPage } from '../plain-page.ts';

const width = 900;
const height = 360;
const margin = { top: 20, right: 20, bottom: 40, left: 70 };
const plotWidth = width - margin.left - margin.right;
const plotHeight = height - margin.top - margin.bottom;

export function dailyChart(days: readonly { day: string; tasks: number }[]): string {
  const most = Math.max(1, ...days.map(({ tasks }) => tasks));
  const top = niceCeiling(most);
  const step = plotWidth / Math.max(1, days.length);
  const bars = days.map(({ day, tasks }, index) => {
    const barHeight = (tasks / top) * plotHeight;
    const x = margin.left + index * step + step * 0.15;
    const y = margin.top + plotHeight - barHeight;
    const label = `<text x="${round(x + step * 0.35)}" y="${height - 15}" text-anchor="middle">${Number(day.slice(8))}</text>`;
    return `<rect x="${round(x)}" y="${round(y)}" width="${round(step * 0.7)}" height="${round(barHeight)}"><title>${day}: ${tasks}</title></rect>${label}`;
  });
  const total = days.reduce((sum, { tasks }) => sum + tasks, 0);
  return page('Tasks per day', {
    lead: `${total} tasks in ${days[0]?.day.slice(0, 7) ?? 'this month'}.`,
    drawing: `${axis(top, (value) => String(value))}<g class="bars">${bars.join('')}</g>`,
    rows: [['Day', 'Tasks'], ...days.map(({ day, tasks }) => [day, String(tasks)])],
  });
}

export function diskChart(points: readonly { at: Date; freeKib: number }[], timezone: string): string {
  const toGib = (kib: number): number => kib / 1024 ** 2;
  const top = niceCeiling(Math.max(1, ...points.map(({ freeKib }) => toGib(freeKib))));
  const first = points[0]?.at.getTime() ?? 0;
  const span = Math.max(1, (points.at(-1)?.at.getTime() ?? 1) - first);
  const line = points.map(({ at, freeKib }) => {
    const x = margin.left + ((at.getTime() - first) / span) * plotWidth;
    return `${round(x)},${round(margin.top + plotHeight - (toGib(freeKib) / top) * plotHeight)}`;
  });
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: timezone,
    dateStyle: 'short',
    timeStyle: 'short',
  });
  const newest = points.at(-1);
  const ends = [points[0], newest].map((point, index) =>
    point
      ? `<text x="${index === 0 ? margin.left : width - margin.right}" y="${height - 15}" text-anchor="${index === 0 ? 'start' : 'end'}">${format.format(point.at)}</text>`
      : '',
  );
  return page('Free disk space', {
    lead: newest
      ? `${toGib(newest.freeKib).toFixed(1)} GiB free after the newest task.`
      : 'No task has ended this month.',
    drawing: `${axis(top, (value) => `${value} GiB`)}<polyline points="${line.join(' ')}"/>${ends.join('')}`,
    rows: [
      ['Ended', 'Free (KiB)'],
      ...points.slice(-50).map(({ at, freeKib }) => [format.format(at), String(freeKib)]),
    ],
  });
}

function page(title: string, content: { lead: string; drawing: string; rows: string[][] }): string {
  const [head = [], ...body] = content.rows;
  const cells = (row: string[], tag: string): string =>
    `<tr>${row.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  return plainPage(
    title,
    `<nav><a href="/task/charts/daily">Tasks per day</a><a href="/task/charts/disk">Free disk space</a></nav>
<h1>${title}</h1>
<p>${content.lead}</p>
<div class="drawing"><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">${content.drawing}</svg></div>
<details><summary>As a table</summary><table><thead>${cells(head, 'th')}</thead><tbody>${body.map((row) => cells(row, 'td')).join('')}</tbody></table></details>`,
  );
}

function axis(top: number, format: (value: number) => string): string {
  const lines = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = round(margin.top + plotHeight * (1 - share));
    const label = format(Number((top * share).toPrecision(3)));
    return `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${y}" y2="${y}"/><text x="${margin.left - 8}" y="${y + 4}" text-anchor="end">${label}</text>`;
  });
  return lines.join('');
}

/** The next of 4, 8, 20, 40, 80 … so that four grid lines fall on plain numbers. */
function niceCeiling(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const factor = [0.4, 0.8, 2, 4, 8, 20].find((candidate) => candidate * magnitude >= value) ?? 20;
  return Math.max(4, factor * magnitude);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
