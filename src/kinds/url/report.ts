/** What a test leaves in the output and in the series of its job. */
import type { UrlHop, UrlPhases, UrlTest } from './contract/url-test.ts';
import type { SeriesPoints } from '../../domain/reports/series-ports.ts';

/** Nothing a stranger's server sent may look like a line of its own, or like a control sequence of a terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

export function describeTest(test: UrlTest, { number, total }: { number: number; total: number }): string[] {
  const { tries } = test;
  const place = total === 1 ? '' : `${number}/${total} `;
  const family = test.family === null ? '' : ` over IPv${test.family}`;
  const repeated =
    tries.length > 1 ? `, after ${tries.length} tries (${tries.map(({ said }) => said).join('; ')})` : '';
  const head = `${place}${test.url}${family}: ${test.verdict}, ${Math.round(test.totalMs)} ms${repeated}`;
  const isTold = total === 1 || test.outcome !== 'good' || test.hops.length > 1;
  const lines = isTold
    ? [head, ...test.hops.map((hop) => `  ${describeHop(hop)}`)]
    : [`${head}, ${describeAddress(test.hops[0])}`];
  const differences = test.differences.map(({ what, before, now }) => `  ${what} was ${before}, is ${now}`);
  const base =
    test.comparedWith === null || differences.length === 0
      ? []
      : [`  compared with job ${test.comparedWith}:`];
  return [...lines, ...test.problems.map((text) => `  ${text}`), ...base, ...differences].map(oneLine);
}

function describeHop(hop: UrlHop): string {
  const parts = [
    `${hop.method} ${hop.url}`,
    describeAddress(hop),
    hop.protocol,
    hop.tls,
    hop.status === null ? null : `${hop.status} ${hop.statusText}`.trim(),
    hop.status === null ? null : `${hop.bytes} bytes${hop.isCut ? ' and more' : ''}`,
    describePhases(hop.phases),
    hop.location === null ? null : `to ${hop.location}`,
  ];
  return parts.filter((part) => part !== null && part !== '').join(' · ');
}

function describeAddress(hop: UrlHop | undefined): string {
  return hop?.address ? `${hop.address} (${hop.decision})` : 'no address';
}

const phaseNames = {
  dns: 'dns',
  connect: 'connect',
  tls: 'tls',
  firstByte: 'first byte',
  body: 'body',
} as const;
type Phase = keyof typeof phaseNames;
const phases = Object.keys(phaseNames) as Phase[];

function describePhases(times: UrlPhases): string {
  const told = phases.flatMap((phase) =>
    times[phase] === null ? [] : [`${phaseNames[phase]} ${times[phase].toFixed(1)}`],
  );
  return told.length === 0 ? '' : `${told.join(' + ')} ms`;
}

/**
 * The waterfall: one column a phase, in milliseconds. Of a single URL `x` counts the hops from 1; of a list it is the
 * number of the URL, and the phases of its hops are added up.
 */
export function toSeries(test: UrlTest, number: number | null): SeriesPoints[] {
  const columns = phases.map((phase): SeriesPoints => {
    const times = test.hops.map(({ phases: of }) => of[phase] ?? 0);
    const sum = times.reduce((total, ms) => total + ms, 0);
    return number === null
      ? { name: phaseNames[phase], unit: 'ms', x: times.map((_ms, index) => index + 1), y: times }
      : { name: phaseNames[phase], unit: 'ms', x: [number], y: [sum] };
  });
  return [
    ...columns,
    { name: 'total', unit: 'ms', x: [number ?? Math.max(1, test.hops.length)], y: [test.totalMs] },
  ];
}
