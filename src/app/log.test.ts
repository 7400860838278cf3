import { describe, expect, it } from 'vitest';
import { AppError } from '../contract/errors.ts';
import { createLoggerOn } from './log.ts';

function open(level: 'debug' | 'info'): {
  lines: Record<string, unknown>[];
  log: ReturnType<typeof createLoggerOn>;
} {
  const lines: Record<string, unknown>[] = [];
  const log = createLoggerOn(
    { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
    level,
  );
  return { lines, log };
}

const away = new AppError('database_unavailable', 'Away.', { cause: new Error('ECONNREFUSED') });

describe('the log', () => {
  it('leaves warnings out whose cause is that the database is away', () => {
    const { lines, log } = open('info');
    log.warn({ err: away }, 'a request could not be served');
    log.child({ requestId: 'r' }).warn({ err: away }, 'a request could not be served');
    log.warn({ err: new Error('another') }, 'said');
    log.error({ err: away }, 'an error is said in any case');
    expect(lines.map(({ msg }) => msg)).toEqual(['said', 'an error is said in any case']);
  });

  it('shows them at level debug, without a stack', () => {
    const { lines, log } = open('debug');
    log.warn({ err: away }, 'a request could not be served');
    expect(lines).toMatchObject([
      { level: 20, err: { code: 'database_unavailable', cause: 'ECONNREFUSED' } },
    ]);
    expect(JSON.stringify(lines)).not.toContain('"stack"');
  });

  it('keeps the stack of an error that nobody expected', () => {
    const { lines, log } = open('info');
    log.error({ err: new Error('unexpected') }, 'said');
    expect(JSON.stringify(lines)).toContain('log.test.ts');
  });
});
