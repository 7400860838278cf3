/**
 * Places in the life of an attempt at which a server under test kills itself: as `kill -9` from outside would, but at a
 * moment that no clock could hit. Armed by a file and SIGUSR2; the next attempt that comes by sets it off.
 */
import { readFileSync } from 'node:fs';
import type { JobStore } from '../../../src/domain/jobs/ports.ts';
import { performFault } from './inner-faults.ts';
import type { OutputStore } from '../../../src/domain/output/ports.ts';

export const faultPoints = [
  'before claim',
  'after claim',
  'before output',
  'after output',
  'before finish',
  'mid finish',
  'after finish',
  'mid submit',
  'after submit',
] as const;
export type FaultPoint = (typeof faultPoints)[number];

export const faultFileName = 'fault-point';

export class FaultPoints {
  #armed: string | null = null;

  /** @param file holds the name of the point to arm, or nothing; or a fault to perform at once */
  constructor(file: string) {
    process.on('SIGUSR2', () => {
      const command = readFileSync(file, 'utf8').trim();
      if (!performFault(command)) this.#armed = command || null;
    });
  }

  #pass(point: FaultPoint): void {
    if (this.#armed === point) process.kill(process.pid, 'SIGKILL');
  }

  /** The statement is on its way when the process dies; whether it was committed, nobody here can know. */
  async #during<T>(point: FaultPoint, work: () => Promise<T>): Promise<T> {
    const running = work();
    if (this.#armed === point) setTimeout(() => this.#pass(point), Math.random() * 4);
    return running;
  }

  async #finishing<T>(work: () => Promise<T>): Promise<T> {
    this.#pass('before finish');
    const finished = await this.#during('mid finish', work);
    this.#pass('after finish');
    return finished;
  }

  jobStore(store: JobStore): JobStore {
    return {
      ...store,
      submit: async (batch) => {
        const outcomes = await this.#during('mid submit', () => store.submit(batch));
        this.#pass('after submit');
        return outcomes;
      },
      claim: async (request) => {
        this.#pass('before claim');
        const claimed = await store.claim(request);
        if (claimed.length > 0) this.#pass('after claim');
        return claimed;
      },
      finish: (batch) => this.#finishing(() => store.finish(batch)),
      finishAndClaim: (batch, request) => this.#finishing(() => store.finishAndClaim(batch, request)),
    };
  }

  outputStore(store: OutputStore): OutputStore {
    return {
      ...store,
      write: async (chunks) => {
        this.#pass('before output');
        await store.write(chunks);
        this.#pass('after output');
      },
    };
  }
}
