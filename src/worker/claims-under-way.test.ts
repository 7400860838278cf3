import { describe, expect, it } from 'vitest';
import { ClaimsUnderWay } from './claims-under-way.ts';

const taken = Promise.resolve();

describe('claims under way', () => {
  it('an attempt that two beats name is lost when no claim can bring it', () => {
    const claims = new ClaimsUnderWay();
    expect([...claims.findLost(['1.1'])]).toEqual([]);
    expect([...claims.findLost(['1.1', '2.1'])]).toEqual(['1.1']);
    expect([...claims.findLost(['2.1'])]).toEqual(['2.1']);
  });

  it('a claim that was under way at its first sight is awaited, those asked for later are not', async () => {
    const claims = new ClaimsUnderWay();
    const first = claims.begin();
    claims.findLost(['1.1']);
    const second = claims.begin();
    expect([...claims.findLost(['1.1'])]).toEqual([]);
    await first(taken);
    expect([...claims.findLost(['1.1'])]).toEqual(['1.1']);
    await second(taken);
  });

  it('one that was not named for a while is new when it is named again', () => {
    const claims = new ClaimsUnderWay();
    claims.findLost(['1.1']);
    claims.findLost([]);
    expect([...claims.findLost(['1.1'])]).toEqual([]);
  });

  it('are settled when the answers are taken in', async () => {
    const claims = new ClaimsUnderWay();
    const answered = claims.begin();
    const { promise, resolve } = Promise.withResolvers<void>();
    const seen: string[] = [];
    const settled = claims.settled().then(() => seen.push('settled'));
    void answered(promise);
    await Promise.resolve();
    expect(seen).toEqual([]);
    resolve();
    await settled;
    expect(seen).toEqual(['settled']);
  });

  it('settle as well when an answer could not be taken in, which only its taker hears of', async () => {
    const claims = new ClaimsUnderWay();
    const answered = claims.begin();
    const settled = claims.settled();
    await expect(answered(Promise.reject(new Error('no database')))).rejects.toThrow('no database');
    await settled;
  });

  it('an answer that could not be taken in while nobody waits ends no process', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.prependListener('unhandledRejection', note);
    try {
      await expect(new ClaimsUnderWay().begin()(Promise.reject(new Error('no database')))).rejects.toThrow(
        'no database',
      );
      await new Promise(setImmediate);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});
