import { randomUUID } from 'node:crypto';
import { attemptName } from '../../src/contract/attempt.ts';
import type { WorkerRow, WorkerStore } from '../../src/domain/fleet/ports.ts';
import { emptyOutcome } from '../../src/domain/jobs/ports.ts';
import type { ClaimedJob, ClaimRequest, Finish, FinishedJob, JobStore } from '../../src/domain/jobs/ports.ts';
import { toFinish } from '../../src/domain/jobs/decide.ts';
import { createWorkerStore } from '../../src/adapters/store/fleet/worker-store.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { capsuleOf, newWorker, startOf } from '../support/jobs.ts';
import { allLabels, kinds } from './jobs-of-storm.ts';
import type { Storm } from './storm.ts';
import { submitHere } from './submit-here.ts';

interface Held {
  job: ClaimedJob;
  /** Made once: an end that is told again is the same. */
  finish: Finish | null;
  isCancelAsked: boolean;
  isBusy: boolean;
}

const slots = 12;
const beatEveryMs = 60;
/** Longer than the rescuer of a storm waits. */
const sleepMs = 1_500;

const queuesOf = (number: number): string[] =>
  number === 1 ? ['*'] : number === 5 ? ['quiet'] : ['default', 'second', 'third', 'drained'];

/**
 * A worker without programs: it claims, marks, ends and beats as the product's does, by two connections at once. It may
 * sleep until it is given up, forget what it ran, and hear of attempts whose claim was never answered.
 */
export class StormWorker {
  readonly #storm: Storm;
  readonly #row: WorkerRow;
  readonly #store: JobStore;
  readonly #workers: WorkerStore;
  readonly #held = new Map<string, Held>();
  #suspects = new Set<string>();
  #claimsUnderWay = 0;
  #reserved = 0;
  #incarnation = 0;

  constructor(storm: Storm, number: number) {
    this.#storm = storm;
    this.#store = createJobStore(storm.db);
    this.#workers = createWorkerStore(storm.db);
    this.#row = newWorker({
      id: randomUUID(),
      name: `worker ${number}`,
      slots,
      queues: queuesOf(number),
      labels: [1, 2, 5].includes(number) ? allLabels : [],
      kinds: number === 4 ? ['script'] : kinds,
    });
  }

  run(): Promise<unknown>[] {
    const storm = this.#storm;
    // Where much waits nothing begins at once; and while a submit is under way nothing is found lost.
    const { queues } = this.#row;
    const submitters = queues.includes('quiet') ? 3 : queues.includes('*') ? 1 : 0;
    return [
      storm.repeat(6, () => this.#work()),
      storm.repeat(6, () => this.#work()),
      ...Array.from({ length: submitters }, () => storm.repeat(40, () => this.#submit())),
      storm.repeat(25, () => this.#mark()),
      storm.repeat(150, () => this.#fightOverRunning()),
      storm.repeat(beatEveryMs, () => this.#beat()),
    ];
  }

  async #work(): Promise<void> {
    if (this.#incarnation === 0) return;
    const { random } = this.#storm;
    const ready = [...this.#held.values()].filter(({ isBusy }) => !isBusy && random.chance(0.6)).slice(0, 8);
    const free = slots - this.#held.size - this.#reserved;
    if (ready.length > 0) await this.#end(ready);
    else if (free > 0) await this.#claim(random.integer(1, free));
  }

  /** For each of these a slot is kept free before it is sent. */
  async #submit(): Promise<void> {
    if (this.#incarnation === 0 || this.#held.size + this.#reserved >= slots) return;
    await submitHere({
      storm: this.#storm,
      store: this.#store,
      serves: this.#row,
      claiming: (ask) => this.#claiming(1, 1, ask),
    });
  }

  #claim(limit: number): Promise<void> {
    return this.#claiming(limit, limit, (request) => this.#store.claim(request));
  }

  /** Whatever claims is under way from before it is sent until its answer was taken in. */
  async #claiming(
    limit: number,
    reserved: number,
    ask: (request: ClaimRequest) => Promise<readonly ClaimedJob[]>,
  ): Promise<void> {
    const { id: workerId, queues, labels, kinds } = this.#row;
    this.#claimsUnderWay += 1;
    this.#reserved += reserved;
    try {
      const request = { workerId, incarnation: this.#incarnation, queues, labels, kinds, limit };
      for (const job of await ask(request)) this.#hold(job);
    } finally {
      this.#claimsUnderWay -= 1;
      this.#reserved -= reserved;
    }
  }

  #hold(job: ClaimedJob): void {
    this.#held.set(job.token, { job, finish: null, isCancelAsked: false, isBusy: false });
    this.#storm.memory.noteLast(this.#storm.memory.claimedLast, job.jobId);
    this.#storm.count('claimed');
  }

  async #end(ready: readonly Held[]): Promise<void> {
    for (const held of ready) {
      held.isBusy = true;
      held.finish ??= this.#decideEnd(held);
    }
    const ends = ready.flatMap(({ finish }) => finish ?? []);
    const repeated = this.#storm.random.chance(0.05) ? ends.slice(0, 1) : [];
    try {
      const finished = await this.#tellEnds([...ends, ...repeated]);
      for (const { job } of ready) this.#held.delete(job.token);
      this.#noteEnds(ends, finished.slice(0, ends.length));
      await this.#follow(finished);
    } finally {
      for (const held of ready) held.isBusy = false;
    }
  }

  /** Mostly together with a claim of what takes their place. */
  async #tellEnds(ends: readonly Finish[]): Promise<FinishedJob[]> {
    if (this.#storm.random.chance(0.3)) return this.#store.finish(ends);
    let told: FinishedJob[] = [];
    await this.#claiming(ends.length, 0, async (request) => {
      const { finished, claimed } = await this.#store.finishAndClaim(ends, request);
      told = finished;
      if (claimed.length > 0) this.#storm.count('claimed at ends', claimed.length);
      return claimed;
    });
    return told;
  }

  #decideEnd({ job, isCancelAsked }: Held): Finish {
    const { random } = this.#storm;
    const now = new Date();
    const endedAt = now.toISOString();
    const state =
      isCancelAsked && random.chance(0.6)
        ? 'cancelled'
        : random.pickWeighted([
            ['succeeded', 5],
            ['failed', 4],
            ['released', 1],
          ] as const);
    const outcome = emptyOutcome(state, {
      endedAt,
      reason: state === 'failed' ? 'exit' : null,
      exitCode: state === 'failed' ? 1 : null,
      message: state !== 'released' && random.chance(0.3) ? 'what it said' : null,
      verdict: state === 'succeeded' && random.chance(0.2) ? { text: 'good', tone: 'good' } : null,
      ...(state === 'succeeded' && random.chance(0.2) ? { result: { figure: 1 } } : {}),
    });
    const capsule = random.chance(0.1) ? capsuleOf(job) : null;
    return toFinish({ attempt: job, outcome, capsule, actor: `worker:${this.#row.name}` }, now);
  }

  #noteEnds(ends: readonly Finish[], finished: readonly FinishedJob[]): void {
    const { memory } = this.#storm;
    for (const [index, { token, jobId }] of ends.entries()) {
      const { status, state } = finished[index] ?? { status: 'no answer', state: null };
      this.#storm.count(`end: ${status}${state === null ? '' : ` to ${state}`}`);
      if (status !== 'applied') continue;
      memory.noteLast(memory.endedLast, jobId);
      if (memory.applied.has(token)) this.#storm.accuse('an end was applied twice');
      memory.applied.add(token);
    }
  }

  /** What the product does behind ends. */
  async #follow(finished: readonly FinishedJob[]): Promise<void> {
    if (finished.some(({ freedLanes }) => freedLanes.length > 0)) await this.#store.sweep(100);
    const of = finished.flatMap(({ jobId, hasDependants }) => (hasDependants ? [jobId] : []));
    if (of.length > 0) await this.#store.settleDependants({ of, limit: 1_000 });
  }

  /** Whoever gathers marks writes them in any order. */
  async #mark(): Promise<void> {
    const { random, memory } = this.#storm;
    const some = [...this.#held.values()].filter(() => random.chance(0.6)).map(({ job }) => job);
    const [first] = some;
    if (!first) return;
    some.sort(() => random.next() - 0.5);
    const way = random.integer(1, 10);
    if (way <= 4) await this.#store.recordStarts(some.map(startOf));
    else if (way <= 8)
      await this.#store.setProgress(some.map((job) => ({ ...job, progress: { done: 0.5 } })));
    else if (way === 9) {
      const at = Date.now();
      await this.#store.nearLimit(first, { limit: random.pick(['memory', 'cpu']), value: 9, max: 10, at });
      await this.#store.reportsLeftOut(first, { members: 1, series: 0 });
    } else {
      const base = memory.recent(random, 50);
      if (base !== undefined) await this.#store.setBaseRun(first, base);
    }
    this.#storm.count('marks');
  }

  /** Whoever writes to several running attempts meets others who do. */
  async #fightOverRunning(): Promise<void> {
    const storm = this.#storm;
    const all = [...this.#held.values()].map(({ job }) => job);
    if (all.length < 2) return;
    const mark = (): Promise<void> =>
      this.#store.setProgress(
        all.toSorted(() => storm.random.next() - 0.5).map((job) => ({ ...job, progress: { done: 0.7 } })),
      );
    const moves = [mark, mark, mark, () => this.#register(new Set())];
    await Promise.all(moves.filter(() => storm.random.chance(0.8)).map((move) => storm.attempt(move)));
    storm.count('fights over running jobs');
  }

  async #beat(): Promise<void> {
    const { random } = this.#storm;
    if (this.#incarnation === 0) return this.#register(new Set());
    if (random.chance(0.01)) await this.#storm.pause(sleepMs);
    const before = new Set(this.#held.keys());
    const { status, owned } = await this.#workers.beat(this.#row.id, this.#incarnation);
    if (status === 'expired') return this.#register(new Set());
    const asked = new Set(owned.filter((one) => one.cancelRequested).map(attemptName));
    const names = new Set(owned.map(attemptName));
    for (const [token, held] of this.#held) {
      if (asked.has(attemptName(held.job))) held.isCancelAsked = true;
      // Given up meanwhile. Some are ended all the same: those come late.
      if (before.has(token) && !names.has(attemptName(held.job)) && random.chance(0.5))
        this.#held.delete(token);
    }
    const lost = this.#findLost(names);
    if (lost.size > 0) await this.#register(lost);
  }

  /** Two beats in a row called them ours while no claim was under way: their claim was never answered. */
  #findLost(owned: ReadonlySet<string>): Set<string> {
    const known = new Set([...this.#held.values()].map(({ job }) => attemptName(job)));
    const unknown = [...owned].filter((name) => !known.has(name));
    const lost = new Set(unknown.filter((name) => this.#suspects.has(name)));
    this.#suspects = new Set(this.#claimsUnderWay > 0 ? [] : unknown);
    return this.#claimsUnderWay > 0 ? new Set() : lost;
  }

  async #register(lost: ReadonlySet<string>): Promise<void> {
    const { random } = this.#storm;
    const { incarnation, running } = await this.#workers.register(this.#row);
    this.#incarnation = incarnation;
    this.#storm.count('registered');
    const unknown = running.filter(({ token, job }) => !this.#held.has(token) && lost.has(attemptName(job)));
    for (const { job } of unknown) {
      const now = new Date();
      const outcome = emptyOutcome('released', { reason: null, endedAt: now.toISOString() });
      const finish = toFinish({ attempt: job, outcome, actor: `worker:${this.#row.name}` }, now);
      this.#noteEnds([finish], await this.#store.finish([finish]));
      this.#storm.count('found lost');
    }
    const own = new Set(running.map(({ token }) => token));
    for (const token of this.#held.keys())
      if (!own.has(token) && random.chance(0.5)) this.#held.delete(token);
  }
}
