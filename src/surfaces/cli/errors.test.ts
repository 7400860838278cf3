import { describe, expect, it } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { describeError, ExitError, ServerError, UnreachableError, UsageError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';

describe('describeError', () => {
  it.each([
    [new UsageError('no'), 2],
    [new UnreachableError('no'), 3],
    [new ServerError('no', { status: 404, code: 'not_found' }), 4],
    [new ServerError('no', { status: 401, code: 'not_authenticated' }), 5],
    [new ServerError('no', { status: 403, code: 'forbidden' }), 5],
    [new ServerError('no', { status: 409, code: 'conflict' }), 1],
    [new ServerError('no', { status: 500, code: 'a code of a later version' }), 1],
    [new AppError('configuration', 'no'), 1],
    [new AppError('not_found', 'no'), 4],
    [new TypeError('no'), 1],
    [new ExitError(7), 7],
  ])('%s', (error, code) => {
    const { text, exitCode } = describeError(error);
    expect(exitCode).toBe(code);
    expect(text).not.toMatch(/\n\s+at /);
  });

  it('a refusal is the message and one line for each field', () => {
    const error = new ServerError('Wrong or missing: queue, labels.0.', {
      status: 400,
      code: 'invalid_input',
      details: [
        { field: 'queue', message: 'lower-case letters' },
        { field: 'labels.0', message: 'at most 63' },
      ],
    });
    expect(describeError(error).text).toBe(
      'Wrong or missing: queue, labels.0.\n  queue: lower-case letters\n  labels.0: at most 63',
    );
  });

  it('who is not signed in is told how to be', () => {
    expect(describeError(new ServerError('Who?', { status: 401 })).text).toContain('DAYBOOK_TOKEN');
  });

  it('what a server says cannot move the cursor', () => {
    expect(describeError(new ServerError('a\u001B[2Jb', { status: 400 })).text).toBe('a␛[2Jb');
  });

  it('codes are different, so that a script can tell them apart', () => {
    const codes = Object.values(exitCodes).map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
  });
});

describe('isPassing', () => {
  it.each([
    [503, 'stopping', true],
    [503, 'database_unavailable', true],
    [429, 'too_many_requests', true],
    [502, undefined, true],
    [500, 'internal', false],
    [401, 'not_authenticated', false],
  ])('%d %s: %s', (status, code, expected) => {
    expect(new ServerError('', { status, ...(code === undefined ? {} : { code }) }).isPassing).toBe(expected);
  });
});
