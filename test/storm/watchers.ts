import { systemActor } from '../../src/contract/actor.ts';
import { readFeed } from '../../src/adapters/store/jobs/feed.ts';
import { lookForTheImpossible } from './look.ts';
import type { Storm } from './storm.ts';

/** Whoever looks while everybody moves. */
export function watchers(storm: Storm, follower: Follower): Promise<unknown>[] {
  return [
    storm.repeat(250, () => look(storm)),
    storm.repeat(100, () => countWaiting(storm)),
    storm.repeat(60, () => follower.read(storm)),
    storm.repeat(150, () => holdOpen(storm)),
  ];
}

async function look(storm: Storm): Promise<void> {
  const from = (storm.memory.ids.at(-1) ?? 0) - 3_000;
  for (const found of await lookForTheImpossible(storm.plain, from)) storm.accuse(`at one moment: ${found}`);
  storm.count('looks');
}

async function countWaiting({ plain, memory }: Storm): Promise<void> {
  const [row] = await plain.query<{ waiting: number }>('select count(*) as waiting from queued');
  memory.waiting = row?.waiting ?? 0;
}

/** Reads the feed as any client does: each event once, in one order, whatever commits late. */
export class Follower {
  readonly #actor = systemActor('follower');
  readonly seen = new Set<number>();
  #position: string | null = null;

  /** @returns how many there were */
  async read(storm: Storm): Promise<number> {
    const { events, position } = await readFeed(
      storm.db,
      { position: this.#position, limit: 500 },
      this.#actor,
    );
    for (const { id, position: at } of events) {
      if (this.seen.has(id)) storm.accuse('the feed told an event twice');
      if (this.#position !== null && !isBefore(this.#position, at)) storm.accuse('the feed went back');
      this.seen.add(id);
      this.#position = at;
    }
    this.#position = position;
    return events.length;
  }
}

function isBefore(one: string, other: string): boolean {
  const [[xid = 0n, id = 0n], [otherXid = 0n, otherId = 0n]] = [toNumbers(one), toNumbers(other)];
  return xid === otherXid ? id < otherId : xid < otherXid;
}

function toNumbers(position: string): bigint[] {
  return position.split('-').map(BigInt);
}

/** A transaction with an event of its own, which the feed has to wait for. */
async function holdOpen(storm: Storm): Promise<void> {
  const id = storm.memory.recent(storm.random, 20);
  if (id === undefined) return;
  await storm.db.transaction(async (tx) => {
    await tx.query(
      `insert into events (job_id, actor, name, data) select id, 'ben', 'changed', '{}' from jobs where id = $1 for key share`,
      [id],
    );
    await storm.pause(400);
  });
  storm.count('held open');
}
