import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyOutcome } from './ports.ts';
import { familyOf, findErrorLine, normaliseFailure } from './failure.ts';

describe('a normalised failure', () => {
  it.each([
    ["KeyError: 'mass'", "KeyError: 'mass'"],
    ['step 4711 of 10000: residual 1.3e-04', 'step <n> of <n>: residual <n>'],
    ['cannot open /home/ana/run_12/mesh.inp: No such file', 'cannot open <path>: No such file'],
    ['cannot open ./run_12/mesh.inp', 'cannot open <path>'],
    ['C:\\temp\\a.txt is locked', '<path> is locked'],
    ['job 0b7d6a3e-58b5-4f0a-9a51-7c1d2f3e4a5b is gone', 'job <id> is gone'],
    ['at 0x7ffe12ab: bad', 'at <n>: bad'],
    ['commit 9fceb02d0ae598e9 is bad', 'commit <id> is bad'],
    ['2026-03-01T12:00:00.123Z ERROR licence lost', '<time> ERROR licence lost'],
    ['[12:34:56] ERROR', '[<time>] ERROR'],
    ['GET http://host:80/x?y=1 failed', 'GET <address> failed'],
    ['\u001b[31mred  \t error\u001b[0m', 'red error'],
    ['deadbeef is a word', 'deadbeef is a word'],
    ['node12: block B7 of rank_3 diverged', 'node<n>: block B<n> of rank_<n> diverged'],
  ])('of %j is %j', (text, expected) => {
    expect(normaliseFailure(text)).toBe(expected);
  });

  it('is the same for two runs that differ in numbers only', () => {
    expect(() =>
      fc.assert(
        fc.property(fc.nat(), fc.nat(), (a, b) => {
          const said = (n: number): string => `worker ${n}: time step ${n / 7} too small in element ${n}`;
          return normaliseFailure(said(a)) === normaliseFailure(said(b));
        }),
      ),
    ).not.toThrow();
  });

  it('is bounded, and what is normalised stays as it is', () => {
    expect(() =>
      fc.assert(
        fc.property(fc.string({ maxLength: 3_000, unit: 'binary' }), (text) => {
          const once = normaliseFailure(text);
          return once.length <= 300 && once.isWellFormed();
        }),
      ),
    ).not.toThrow();
  });
});

describe('a family', () => {
  const failed = (change: object): Parameters<typeof familyOf>[0] =>
    emptyOutcome('failed', { reason: 'exit', exitCode: 1, endedAt: '2026-03-01T12:00:00Z', ...change });

  it('holds failures of one cause that say the same, but for numbers', () => {
    const one = familyOf(failed({ errorLine: 'element 12 is inverted' }));
    expect(familyOf(failed({ errorLine: 'element 99 is inverted' }))).toEqual(one);
    expect(one?.signature).toBe('exit 1: element <n> is inverted');
    expect(familyOf(failed({ errorLine: 'element 12 is inverted', exitCode: 2 }))?.id).not.toBe(one?.id);
    expect(familyOf(failed({ errorLine: 'element 12 is missing' }))?.id).not.toBe(one?.id);
  });

  it('goes by the message where nothing was printed, and is none for what did not fail', () => {
    expect(
      familyOf(failed({ reason: 'lost', exitCode: null, message: 'The worker w1 fell silent.' }))?.signature,
    ).toBe('lost: The worker w<n> fell silent.');
    expect(familyOf(emptyOutcome('succeeded', { reason: null, endedAt: '2026-03-01T12:00:00Z' }))).toBeNull();
  });
});

describe('the line that says what went wrong', () => {
  it('is the last of stderr that sounds like it, not what follows', () => {
    const stderr = [
      'Traceback (most recent call last):',
      '  File "a.py", line 3',
      "KeyError: 'x'",
      'cleaning up',
      '',
    ];
    expect(findErrorLine({ stdout: ['fatal: not this'], stderr })).toBe("KeyError: 'x'");
  });

  it('is as people saw it: without colours, and of a progress bar the last form', () => {
    const stderr = ['\u001b[31mERROR:\u001b[0m no licence', '10 %\r99 %'];
    expect(findErrorLine({ stdout: [], stderr })).toBe('ERROR: no licence');
    expect(findErrorLine({ stdout: [], stderr: ['10 %\r99 %'] })).toBe('99 %');
  });

  it('is the last line of stderr where none does, else one of stdout that does', () => {
    expect(findErrorLine({ stdout: [], stderr: ['usage: a b', '  '] })).toBe('usage: a b');
    expect(findErrorLine({ stdout: ['** ERROR: divergence', 'bye'], stderr: [] })).toBe(
      '** ERROR: divergence',
    );
    expect(findErrorLine({ stdout: ['bye'], stderr: [] })).toBeNull();
  });
});
