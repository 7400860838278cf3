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
});
