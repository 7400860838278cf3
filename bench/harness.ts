/** What every bench is made of: what it may be asked, how sides alternate, how figures are told. */
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';

export interface Bench {
  name: string;
  /** Of the table in docs/performance.md. */
  goals: string;
  summary: string;
  /** Jobs, programs, samples: what one round measures, when the command names nothing. */
  count: number;
  /** Whether it is worth a run on each database. */
  usesDatabase: boolean;
  run(options: BenchOptions): Promise<Figure[]>;
}

export interface BenchOptions {
  count: number;
  rounds: number;
  database: DatabaseChoice;
}

export type DatabaseChoice = 'embedded' | 'server';

/** One row of the table. */
export interface Figure {
  goal: string;
  what: string;
  unit: string;
  ours: number;
  /** Whom or what `theirs` belongs to; null: the goal is about our figure alone. */
  peer: string | null;
  theirs: number | null;
  wanted: Wanted | null;
}

/** Of the ratio ours to theirs, or of our figure where there is no peer. */
export interface Wanted {
  is: 'at least' | 'at most';
  value: number;
}

export const atLeast = (value: number): Wanted => ({ is: 'at least', value });
export const atMost = (value: number): Wanted => ({ is: 'at most', value });

/** A side of a comparison: measures once. */
export type Side = () => Promise<number>;

/**
 * Measures every side in turn, again and again, so that whatever else the machine does meets all of them.
 * @returns the median of each side, in the order of `sides`
 */
export async function alternate(
  sides: Readonly<Record<string, Side>>,
  { rounds, unit }: { rounds: number; unit: string },
): Promise<Record<string, number>> {
  const measured = new Map<string, number[]>();
  for (let round = 1; round <= rounds; round += 1) {
    const line: string[] = [];
    for (const [name, measure] of Object.entries(sides)) {
      const value = await measure();
      measured.set(name, [...(measured.get(name) ?? []), value]);
      line.push(`${name} ${round3(value)} ${unit}`);
    }
    console.log(`  round ${round}: ${line.join(', ')}`);
  }
  return Object.fromEntries([...measured].map(([name, values]) => [name, median(values)]));
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function ratioOf({ ours, theirs }: Figure): number | null {
  return theirs === null ? null : ours / theirs;
}

export function isMet(figure: Figure): boolean | null {
  const { wanted, ours } = figure;
  if (wanted === null) return null;
  const value = ratioOf(figure) ?? ours;
  return wanted.is === 'at least' ? value >= wanted.value : value <= wanted.value;
}

/** The table of docs/performance.md. */
export function toTable(rows: readonly (Figure & { command: string })[]): string {
  const lines = rows.map((row) => {
    const ratio = ratioOf(row);
    const met = isMet(row);
    return [
      row.goal,
      row.what,
      `\`${row.command}\``,
      `${round3(row.ours)} ${row.unit}`,
      row.theirs === null ? (row.peer ?? '') : `${row.peer}: ${round3(row.theirs)} ${row.unit}`,
      ratio === null ? '' : ratio.toFixed(2),
      row.wanted === null ? '' : `${row.wanted.is === 'at least' ? '≥' : '≤'} ${row.wanted.value}`,
      met === null ? '' : met ? 'met' : 'missed',
    ].join(' | ');
  });
  return [
    '| goal | what | command | ours | peer or limit | ratio | wanted | |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...lines.map((line) => `| ${line} |`),
  ].join('\n');
}

/** The machine as it is now; others at work on it spoil figures. */
export function describeMachine(): string {
  const cores = execFileSync('nproc', { encoding: 'utf8' }).trim();
  return `${cores} cores, load ${(loadavg()[0] ?? 0).toFixed(1)}, Node ${process.version}`;
}

export function say(text: string): void {
  console.log(text);
}

/** Says what is not measured, and what to install. */
export function missing(peer: string, install: string): void {
  console.log(`  without ${peer}: install it with \`${install}\``);
}

function round3(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
