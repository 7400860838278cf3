export type Level = 'ok' | 'warn' | 'bad';

/** One thing looked at: what is so, and what to do about it when it is not as it should be. */
export interface Finding {
  area:
    | 'configuration'
    | 'database'
    | 'launcher'
    | 'disk'
    | 'port'
    | 'clock'
    | 'users'
    | 'workers'
    | 'queues';
  level: Level;
  text: string;
  /** Null where nothing is to be done. */
  advice: string | null;
}

/** Shorthands for one area. */
export function findingsOf(area: Finding['area']): {
  ok(text: string): Finding;
  warn(text: string, advice: string): Finding;
  bad(text: string, advice: string): Finding;
} {
  return {
    ok: (text) => ({ area, level: 'ok', text, advice: null }),
    warn: (text, advice) => ({ area, level: 'warn', text, advice }),
    bad: (text, advice) => ({ area, level: 'bad', text, advice }),
  };
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function toMiB(bytes: number): string {
  return bytes >= 10 * 2 ** 30 ? `${Math.floor(bytes / 2 ** 30)} GiB` : `${Math.floor(bytes / 2 ** 20)} MiB`;
}
