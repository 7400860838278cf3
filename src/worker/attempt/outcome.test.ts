import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { KindOutcome, StopCause } from '../../domain/jobs/kind-ports.ts';
import type { ProgramEnd } from '../../launcher/protocol.ts';
import { toOutcome } from './outcome.ts';

const now = new Date('2026-03-01T12:00:05Z');
const facts = {
  stopped: null,
  launchedAt: null,
  program: null,
  isReleased: false,
  lostReason: null,
  end: null,
  exceeded: null,
  result: null,
  resultSchema: null,
  leftOut: null,
  now,
  timeoutMs: null,
};
const succeeded: KindOutcome = { state: 'succeeded', exitCode: 0 };
const failed: KindOutcome = {
  state: 'failed',
  reason: 'exit',
  message: 'Ended with exit code 3.',
  exitCode: 3,
};
const killed: KindOutcome = {
  state: 'failed',
  reason: 'signal',
  message: 'Ended by SIGTERM.',
  signal: 'SIGTERM',
};

function end(change: Partial<ProgramEnd>): ProgramEnd {
  return {
    exitCode: 0,
    signal: null,
    endedAt: new Date('2026-03-01T12:00:00Z'),
    cpuUserMs: 1.2,
    cpuSystemMs: 2.1,
    maxRssBytes: 4096,
    readBytes: 512,
    writtenBytes: null,
    exceeded: null,
    oomKill: null,
    wasKilled: false,
    leftBehind: 0,
    endedBytes: { stdout: 0, stderr: 0 },
    ...change,
  };
}

describe('an attempt whose program was ended by its fence', () => {
  const fenced = end({ exitCode: null, signal: 'SIGTERM', wasFenced: true });

  it('is lost, so that it is tried again as if its worker had been given up', () => {
    const outcome = toOutcome(killed, { ...facts, end: fenced });
    expect(outcome).toMatchObject({ state: 'failed', reason: 'lost', signal: 'SIGTERM' });
    expect(outcome.message).toContain('its program was ended');
  });

  it('is lost also when the program heeded the signal and said that all is well', () => {
    const outcome = toOutcome(succeeded, { ...facts, end: end({ wasFenced: true }) });
    expect(outcome).toMatchObject({ state: 'failed', reason: 'lost', exitCode: 0 });
  });

  it('is cancelled when somebody had asked for that', () => {
    const outcome = toOutcome(killed, { ...facts, end: fenced, stopped: 'cancelled' });
    expect(outcome).toMatchObject({ state: 'cancelled', reason: null });
  });
});

describe('an attempt that nobody stopped', () => {
  it('is what its kind says, with the facts of the program', () => {
    const outcome = toOutcome(succeeded, { ...facts, end: end({}), result: { a: 1 } });
    expect(outcome).toMatchObject({
      state: 'succeeded',
      reason: null,
      message: null,
      exitCode: 0,
      signal: null,
      endedAt: '2026-03-01T12:00:00.000Z',
      cpuMs: 3,
      maxRssBytes: 4096,
      result: { a: 1 },
    });
  });

  it('keeps reason, message and exit code of a failure', () => {
    expect(toOutcome(failed, { ...facts, end: end({ exitCode: 3 }) })).toMatchObject({
      state: 'failed',
      reason: 'exit',
      message: 'Ended with exit code 3.',
      exitCode: 3,
    });
  });

  it('without a program ends now, with what the kind knows and nothing made up', () => {
    const outcome = toOutcome(killed, facts);
    expect(outcome).toMatchObject({ endedAt: now.toISOString(), exitCode: null, signal: 'SIGTERM' });
    expect(outcome).toMatchObject({ cpuMs: null, maxRssBytes: null });
    expect('result' in outcome).toBe(false);
  });
});

describe('a result', () => {
  const resultSchema = z.object({ steps: z.int(), residual: z.number() });

  it('that fits the schema of its kind is kept without a word, more than that included', () => {
    const result = { steps: 3, residual: 0.1, more: ['x'] };
    const outcome = toOutcome(succeeded, { ...facts, end: end({}), result, resultSchema });
    expect(outcome).toMatchObject({ state: 'succeeded', message: null });
    expect(outcome.result).toEqual(result);
  });

  it('that does not fit is kept as it is, and the message says what is wrong', () => {
    const result = { steps: '3' };
    const outcome = toOutcome(succeeded, { ...facts, end: end({}), result, resultSchema });
    expect(outcome).toMatchObject({ state: 'succeeded', reason: null, exitCode: 0 });
    expect(outcome.message).toMatch(/^Its result is kept as it is, .*: steps: .*; residual: .*\.$/);
    expect(outcome.result).toEqual(result);
  });

  it('that is missing is one without members', () => {
    expect(
      toOutcome(succeeded, { ...facts, resultSchema: z.record(z.string(), z.unknown()) }).message,
    ).toBeNull();
    const outcome = toOutcome(succeeded, { ...facts, resultSchema });
    expect(outcome.message).toContain('steps');
    expect('result' in outcome).toBe(false);
  });

  it('of an attempt that failed may be as far as it came', () => {
    const outcome = toOutcome(failed, {
      ...facts,
      end: end({ exitCode: 3 }),
      result: { steps: 1 },
      resultSchema,
    });
    expect(outcome).toMatchObject({ message: 'Ended with exit code 3.', result: { steps: 1 } });
  });
});

describe('a stop', () => {
  it.each<[StopCause, object]>([
    ['cancelled', { state: 'cancelled', reason: null, message: expect.stringContaining('Cancelled') }],
    ['timeout', { state: 'failed', reason: 'timeout', message: expect.stringContaining('limit of 2.5 s') }],
    ['expired', { state: 'failed', reason: 'lost', message: expect.stringContaining('given up') }],
  ])('because of "%s" wins over what the kind says of the end', (stopped, expected) => {
    const said: KindOutcome = { ...killed, verdict: { text: 'diverged', tone: 'bad' } };
    const program = end({ exitCode: null, signal: 'SIGTERM' });
    const outcome = toOutcome(said, { ...facts, stopped, end: program, timeoutMs: 2_500, result: { a: 1 } });
    expect(outcome).toMatchObject({ ...expected, signal: 'SIGTERM', exitCode: null, verdict: null });
    expect(outcome.result).toEqual({ a: 1 });
  });

  it.each<[StopCause, object]>([
    ['cancelled', { state: 'cancelled', reason: null }],
    ['timeout', { state: 'failed', reason: 'timeout' }],
    ['expired', { state: 'failed', reason: 'lost' }],
  ])('because of "%s" wins over the exit code 0 of a program that heeded the signal', (stopped, expected) => {
    const outcome = toOutcome(succeeded, { ...facts, stopped, end: end({ wasAsked: true }) });
    expect(outcome).toMatchObject({ ...expected, exitCode: 0, signal: null });
  });

  it.each<[StopCause]>([['cancelled'], ['timeout'], ['expired']])(
    'because of "%s" changes nothing when the program had done its work before it was asked to end',
    (stopped) => {
      const outcome = toOutcome(succeeded, { ...facts, stopped, end: end({}) });
      expect(outcome).toMatchObject({ state: 'succeeded', reason: null, message: null, exitCode: 0 });
    },
  );
});

it('a lost program is lost, whatever else is said of it', () => {
  for (const said of [succeeded, failed]) {
    const outcome = toOutcome(said, { ...facts, stopped: 'cancelled', lostReason: 'The launcher died.' });
    expect(outcome).toMatchObject({ state: 'failed', reason: 'lost', message: 'The launcher died.' });
  }
});

describe('a limit that was exceeded', () => {
  const max = 64 * 1024 ** 2;
  it('fails the attempt, even of a program that ended well', () => {
    const exceeded = { limit: 'output' as const, value: 1000, max: 1000, at: 0 };
    expect(toOutcome(succeeded, { ...facts, stopped: 'limit', exceeded, end: end({}) })).toMatchObject({
      state: 'failed',
      reason: 'limit',
      message: 'Printed more than its limit of 1000 bytes.',
      exitCode: 0,
    });
  });

  it.each([
    ['memory', 2 * max, max, 'Used 128 MiB of memory; its limit is 64 MiB.'],
    ['cpu', 10.04, 10, 'Used 10.0 s of CPU time; its limit is 10 s.'],
    ['processes', 21, 20, 'Had 21 processes at once; its limit is 20.'],
  ] as const)('of %s is told with value and limit', (limit, value, highest, message) => {
    const exceeded = { limit, value, max: highest, at: 0 };
    const program = end({ exitCode: null, signal: 'SIGKILL', exceeded, wasKilled: true });
    expect(toOutcome(killed, { ...facts, end: program })).toMatchObject({ reason: 'limit', message });
  });

  it("names the kernel's OOM killer where the control group counted it", () => {
    const exceeded = { limit: 'memory' as const, value: max, max, at: 0 };
    const program = end({ exitCode: null, signal: 'SIGKILL', exceeded, oomKill: 'program' });
    expect(toOutcome(killed, { ...facts, end: program }).message).toContain("kernel's OOM killer");
  });

  it('does not hide that it was cancelled before', () => {
    const exceeded = { limit: 'cpu' as const, value: 11, max: 10, at: 0 };
    const program = end({ exitCode: null, signal: 'SIGTERM', exceeded });
    expect(toOutcome(killed, { ...facts, stopped: 'cancelled', end: program }).state).toBe('cancelled');
  });
});

describe('a SIGKILL that nobody here sent', () => {
  const said: KindOutcome = { ...killed, message: 'Ended by SIGKILL.', signal: 'SIGKILL' };
  it.each([
    ['machine' as const, /probably by the kernel's OOM killer/],
    [null, /OOM killer ended nothing/],
  ])('with the OOM killer active on the %s', (oomKill, message) => {
    const program = end({ exitCode: null, signal: 'SIGKILL', oomKill });
    expect(toOutcome(said, { ...facts, end: program }).message).toMatch(message);
  });
});
