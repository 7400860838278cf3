import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { createPasswordCheck, type PasswordCheck } from './password-check.ts';
import type { UserRecord } from './ports.ts';

let nowMs = 0;
let verifications = 0;
let users: Map<string, UserRecord>;
let storeError: Error | null;
let check: PasswordCheck;
let gate: Promise<void>;

function user(name: string, passwordHash: string): UserRecord {
  const rest = { displayName: name, role: 'member', disabledAt: null, createdAt: new Date(0) } as const;
  return { id: 1, name, passwordHash, ...rest };
}

beforeEach(() => {
  nowMs = 0;
  verifications = 0;
  storeError = null;
  gate = Promise.resolve();
  users = new Map([['ana', user('ana', 'secret')]]);
  check = createPasswordCheck({
    clock: { now: () => new Date(nowMs), monotonicMs: () => nowMs },
    store: {
      findUser: async (name) => {
        if (storeError) throw storeError;
        return users.get(name.toLowerCase()) ?? null;
      },
    },
    hasher: {
      hash: async (password) => password,
      verify: async (password, hash) => {
        verifications += 1;
        await gate;
        return password === hash;
      },
    },
  });
});

async function failTimes(count: number, name: string, address: string): Promise<void> {
  for (let failure = 0; failure < count; failure += 1) await check.check(name, 'wrong', address);
}

describe('wrong passwords', () => {
  it('make the user wait at that address and nowhere else', async () => {
    await failTimes(4, 'ana', '10.0.0.1');
    expect(await check.check('Ana', 'secret', '10.0.0.1')).toEqual({ outcome: 'wait', retryAfterSeconds: 1 });
    expect(await check.check('ana', 'secret', '10.0.0.2')).toMatchObject({ outcome: 'accepted' });
    nowMs += 1_000;
    expect(await check.check('ana', 'secret', '10.0.0.1')).toMatchObject({ outcome: 'accepted' });
  });

  it('of a spelling that no name has are those of nobody, and never find the user', async () => {
    users.set('i\u0307na', user('ina', 'secret'));
    expect(await check.check('\u0130na', 'secret', '10.0.0.1')).toEqual({ outcome: 'refused' });
    await failTimes(3, 'ın\u00e1', '10.0.0.1');
    expect(verifications).toBe(4);
    expect(await check.check('\u212ana', 'secret', '10.0.0.1')).toMatchObject({ outcome: 'wait' });
  });

  it('cost an unknown name the same work and the same waiting', async () => {
    await failTimes(4, 'nobody', '10.0.0.1');
    expect(verifications).toBe(4);
    expect(await check.check('nobody', 'x', '10.0.0.1')).toEqual({ outcome: 'wait', retryAfterSeconds: 1 });
  });

  it('sent all at once do not get more tries than one after the other', async () => {
    const tries = Array.from({ length: 50 }, (_, number) =>
      check.check('ana', `guess ${number}`, '10.0.0.1'),
    );
    const outcomes = (await Promise.all(tries)).map((result) => result.outcome);
    expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(4);
    expect(verifications).toBe(4);
  });

  it('for many names from one address make that address wait', async () => {
    for (let name = 0; name < 50; name += 1) await check.check(`user${name}`, 'wrong', '10.0.0.1');
    expect(await check.check('ana', 'secret', '10.0.0.1')).toMatchObject({ outcome: 'wait' });
    expect(await check.check('ana', 'secret', '10.0.0.2')).toMatchObject({ outcome: 'accepted' });
  });

  it('are not counted while the database is away', async () => {
    storeError = new AppError('database_unavailable', 'away');
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await expect(check.check('ana', 'secret', '10.0.0.1')).rejects.toBe(storeError);
    }
    storeError = null;
    expect(await check.check('ana', 'secret', '10.0.0.1')).toMatchObject({ outcome: 'accepted' });
  });

  it('of a disabled user are as wrong as any', async () => {
    users.set('ana', { ...user('ana', 'secret'), disabledAt: new Date(0) });
    expect(await check.check('ana', 'secret', '10.0.0.1')).toEqual({ outcome: 'refused' });
    expect(verifications).toBe(1);
  });
});

describe('a password that comes with every request', () => {
  it('is verified once in 30 s', async () => {
    for (let request = 0; request < 10; request += 1) await check.checkOften('ana', 'secret', '10.0.0.1');
    expect(verifications).toBe(1);
    nowMs += 30_000;
    await check.checkOften('ana', 'secret', '10.0.0.1');
    expect(verifications).toBe(2);
  });

  it('is verified once for many requests at once, none of which is told to wait', async () => {
    const all = Array.from({ length: 50 }, () => check.checkOften('ana', 'secret', '10.0.0.1'));
    expect((await Promise.all(all)).every((result) => result.outcome === 'accepted')).toBe(true);
    expect(verifications).toBe(1);
  });

  it('is not remembered when it was wrong', async () => {
    await check.checkOften('ana', 'wrong', '10.0.0.1');
    await check.checkOften('ana', 'wrong', '10.0.0.1');
    expect(verifications).toBe(2);
  });

  it('counts no more at once after users changed, even when it was being verified meanwhile', async () => {
    await check.checkOften('ana', 'secret', '10.0.0.1');
    const { promise, resolve } = Promise.withResolvers<void>();
    check.forget();
    gate = promise;
    const slow = check.checkOften('ana', 'secret', '10.0.0.1');
    users.set('ana', user('ana', 'changed'));
    check.forget();
    resolve();
    await slow;
    expect(await check.checkOften('ana', 'secret', '10.0.0.1')).toEqual({ outcome: 'refused' });
    expect(await check.checkOften('ana', 'changed', '10.0.0.1')).toMatchObject({ outcome: 'accepted' });
  });
});
