import { afterEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../lib/logger.ts';
import { Claimer } from './claimer.ts';

const pollMs = 2_000;
const claimers: Claimer[] = [];

afterEach(async () => {
  await Promise.all(claimers.splice(0).map((claimer) => claimer.stop()));
  vi.useRealTimers();
});

/** A claimer with so many slots on a queue that the test fills; every claim is recorded. */
function start(slots: number) {
  vi.useFakeTimers();
  const world = {
    free: slots,
    queued: 0,
    claims: [] as number[],
    taken: 0,
    obstacle: null as string | null,
    obstaclesAsked: 0,
    during: (): void | Promise<void> => {},
    warnings: 0,
  };
  const claimer = new Claimer({
    claim: async (limit) => {
      world.claims.push(limit);
      const count = Math.min(limit, world.queued);
      world.queued -= count;
      await world.during();
      world.taken += count;
      world.free -= count;
      return count;
    },
    slots,
    freeSlots: () => world.free,
    obstacle: () => {
      world.obstaclesAsked += 1;
      return world.obstacle;
    },
    logger: { ...silentLogger, warn: () => (world.warnings += 1) },
    pollMs,
  });
  claimers.push(claimer);
  const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
  claimer.start();
  return { claimer, world, settle };
}

describe('a claimer', () => {
  it('asks once at the start, and then only now and then while nothing is there', async () => {
    const { world, settle } = start(4);
    await settle(60_000);
    expect(world.claims.length).toBeGreaterThanOrEqual(60_000 / (pollMs * 1.25));
    expect(world.claims.length).toBeLessThanOrEqual(60_000 / (pollMs * 0.75) + 1);
    expect(new Set(world.claims)).toEqual(new Set([4]));
    expect(world.taken).toBe(0);
  });

  it('claims at once after a ring', async () => {
    const { claimer, world, settle } = start(4);
    await settle();
    world.queued = 2;
    claimer.ring();
    await settle();
    expect([world.taken, world.claims.length]).toEqual([2, 2]);
  });

  it('does not lose a ring that comes while a claim that missed the job is under way', async () => {
    const { claimer, world, settle } = start(4);
    await settle();
    world.during = () => {
      world.during = () => {};
      world.queued = 1;
      claimer.ring();
    };
    claimer.ring();
    await settle();
    expect([world.taken, world.queued]).toEqual([1, 0]);
    await settle(100);
    expect(world.claims).toHaveLength(3);
  });

  it('goes on without a ring after a claim that brought all it asked for', async () => {
    const { claimer, world, settle } = start(2);
    await settle();
    world.queued = 5;
    claimer.ring();
    await settle();
    expect([world.taken, world.free]).toEqual([2, 0]);
    world.free = 2;
    claimer.slotFreed();
    await settle();
    expect(world.taken).toBe(4);
    world.free = 1;
    claimer.slotFreed();
    await settle();
    expect(world.taken).toBe(5);
  });

  it('never asks for more than slots are free, and not at all when none is, however often it is rung', async () => {
    const { claimer, world, settle } = start(1);
    await settle();
    world.queued = 10;
    claimer.ring();
    await settle();
    expect(world.claims).toEqual([1, 1]);
    for (let rings = 0; rings < 50; rings += 1) {
      claimer.ring();
      await settle(1);
    }
    expect([world.claims, world.taken]).toEqual([[1, 1], 1]);
  });

  it('takes no work while there is an obstacle, and goes on by itself when it is gone', async () => {
    const { claimer, world, settle } = start(2);
    await settle();
    Object.assign(world, { obstacle: 'no space left', queued: 1, obstaclesAsked: 0 });
    claimer.ring();
    await settle(10 * pollMs);
    expect([world.taken, world.claims.length]).toEqual([0, 1]);
    expect(world.obstaclesAsked).toBeLessThanOrEqual(12);
    world.obstacle = null;
    await settle(pollMs);
    expect(world.taken).toBe(1);
  });

  it('tries again with growing pauses when a claim fails, and forgets no work meanwhile', async () => {
    const { claimer, world, settle } = start(2);
    await settle();
    world.during = () => Promise.reject(new Error('the database went away'));
    claimer.ring();
    await settle(60_000);
    expect(world.warnings).toBeGreaterThan(10);
    expect(world.warnings).toBeLessThan(40);
    world.during = () => {};
    world.queued = 1;
    await settle(5_000);
    expect(world.taken).toBe(1);
  });

  it('claims nothing after its stop, which waits for the claim under way', async () => {
    const { claimer, world, settle } = start(2);
    await settle();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.during = () => promise;
    world.queued = 1;
    claimer.ring();
    await settle();
    let isStopped = false;
    const stopped = claimer.stop().then(() => (isStopped = true));
    await settle(100);
    expect(isStopped).toBe(false);
    resolve();
    await stopped;
    expect(world.taken).toBe(1);
    world.queued = 1;
    claimer.ring();
    claimer.slotFreed();
    await settle(10 * pollMs);
    expect([world.taken, world.claims.length]).toEqual([1, 2]);
  });

  it('may be stopped twice, and does not start again', async () => {
    const { claimer, world, settle } = start(1);
    await settle();
    await claimer.stop();
    await claimer.stop();
    claimer.start();
    await settle(10 * pollMs);
    expect(world.claims).toEqual([1]);
  });
});
