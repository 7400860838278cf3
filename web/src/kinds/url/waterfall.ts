import type { UrlHop, UrlPhases } from '../../../../src/kinds/url/contract/url-test.ts';

/** The phases of a hop in their order, and how each looks. */
export const phases = [
  { name: 'dns', label: 'DNS', color: 'var(--chart-5)' },
  { name: 'connect', label: 'Connect', color: 'var(--chart-2)' },
  { name: 'tls', label: 'TLS', color: 'var(--chart-4)' },
  { name: 'firstByte', label: 'First byte', color: 'var(--chart-3)' },
  { name: 'body', label: 'Body', color: 'var(--chart-1)' },
] as const satisfies readonly { name: keyof UrlPhases; label: string; color: string }[];

export interface Bar {
  label: string;
  color: string;
  fromMs: number;
  ms: number;
}

export interface WaterfallRow {
  fromMs: number;
  ms: number;
  bars: Bar[];
}

/** Hops one after the other on one axis of time; a phase that was not reached has no bar. */
export function toWaterfall(hops: readonly Pick<UrlHop, 'phases'>[]): { ms: number; rows: WaterfallRow[] } {
  let at = 0;
  const rows = hops.map((hop): WaterfallRow => {
    const fromMs = at;
    const bars = phases.flatMap(({ name, label, color }): Bar[] => {
      const ms = hop.phases[name];
      if (ms === null) return [];
      at += ms;
      return [{ label, color, fromMs: at - ms, ms }];
    });
    return { fromMs, ms: at - fromMs, bars };
  });
  return { ms: at, rows };
}

/** As exact as it matters: `0.4 ms`, `38 ms`, `1.25 s`. */
export function phaseTime(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}
