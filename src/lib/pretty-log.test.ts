import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { toPrettyLine } from './pretty-log.ts';

const time = new Date(2026, 2, 1, 14, 5, 6, 7).getTime();
const show = (line: object): string =>
  toPrettyLine(
    JSON.stringify({ level: 40, time, pid: 1, hostname: 'h', msg: 'Said.', ...line }),
    new PassThrough(),
  );

describe('a line of the log for people', () => {
  it('has local time, level, sentence and fields, without process and host', () => {
    expect(show({ job: 7, worker: 'a b' })).toBe(`14:05:06.007 WARN  Said. job=7 worker='a b'\n`);
  });

  it('shows an error below, with its stack where there is one', () => {
    expect(show({ err: { type: 'Error', message: 'no', stack: 'Error: no\n    at x' } })).toBe(
      '14:05:06.007 WARN  Said.\n    Error: no\n        at x\n',
    );
    expect(show({ err: { type: 'AppError', message: 'no' } })).toContain('    AppError: no\n');
  });

  it('keeps a line one line, whatever a field holds', () => {
    expect(show({ name: 'a\nb' }).split('\n')).toHaveLength(2);
  });
});
