/** A time that an address names: a preset, or days (`2026-11-01`), both included. */
export interface TimeRange {
  preset: RangePreset | null;
  /** Days; empty where the preset says it. */
  from: string;
  to: string;
}

export const rangePresets = {
  '24h': '24 hours',
  '7d': '7 days',
  '30d': '30 days',
  month: 'This month',
  year: '12 months',
} as const;
export type RangePreset = keyof typeof rangePresets;

const day = /^\d{4}-\d\d-\d\d$/;
const dayMs = 86_400_000;
const presetDays = { '24h': 1, '7d': 7, '30d': 30, year: 365 } as const;

/** Of the parameters of an address; what cannot be read is as if it were not there. */
export function readRange(query: Readonly<Record<string, unknown>>, fallback: RangePreset): TimeRange {
  const from = typeof query['from'] === 'string' && day.test(query['from']) ? query['from'] : '';
  const to = typeof query['to'] === 'string' && day.test(query['to']) ? query['to'] : '';
  if (from !== '' && to !== '' && from <= to) return { preset: null, from, to };
  const preset = query['range'];
  const isKnown = typeof preset === 'string' && Object.hasOwn(rangePresets, preset);
  return { preset: isKnown ? (preset as RangePreset) : fallback, from: '', to: '' };
}

/** The parameters of the address. */
export function writeRange({ preset, from, to }: TimeRange): Record<string, string> {
  return preset === null ? { from, to } : { range: preset };
}

/** From when until when, by the clock of this browser; the end is excluded. */
export function resolveRange({ preset, from, to }: TimeRange, nowMs: number): { from: Date; until: Date } {
  if (preset === null) {
    const until = new Date(`${to}T00:00:00`);
    until.setDate(until.getDate() + 1);
    return { from: new Date(`${from}T00:00:00`), until };
  }
  const now = new Date(nowMs);
  if (preset === 'month') return { from: new Date(now.getFullYear(), now.getMonth(), 1), until: now };
  return { from: new Date(nowMs - presetDays[preset] * dayMs), until: now };
}

/** The days that a range touches, for two date fields. */
export function daysOf(range: TimeRange, nowMs: number): { from: string; to: string } {
  const { from, until } = resolveRange(range, nowMs);
  return { from: toDay(from), to: toDay(new Date(until.getTime() - 1)) };
}

function toDay(date: Date): string {
  const pad = (number: number): string => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}
