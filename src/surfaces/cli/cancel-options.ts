import type { Command } from 'commander';
import type { CancelWish } from '../../contract/cancel.ts';
import { UsageError } from './errors.ts';
import { parseDuration } from './time.ts';

export interface CancelOptions {
  reason?: string;
  grace?: string;
}

/** Adds what a cancel may say. */
export function withCancelWish(command: Command, prefix = ''): Command {
  return command
    .option('--reason <text>', `${prefix}why; the record shows it`)
    .option('--grace <time>', `${prefix}how long what runs has to end by itself, such as 30s or 2m`);
}

/** The body of a cancel. @throws UsageError */
export function toCancelWish({ reason, grace }: CancelOptions): CancelWish {
  const graceMs = grace === undefined ? undefined : parseDuration(grace);
  if (graceMs === null)
    throw new UsageError(`--grace is "${grace}"; expected seconds, or a time like 0, 30s, 2m.`);
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(graceMs === undefined ? {} : { graceSeconds: graceMs / 1_000 }),
  };
}
