import type { Finding } from '../../contract/finding.ts';

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
