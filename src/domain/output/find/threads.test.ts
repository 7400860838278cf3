import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Page } from './thread.ts';
import { FindThreads } from './threads.ts';

/** Counts the pages it was given, and holds each until the gate is open; dies of page 666. */
const code = `
const { parentPort, workerData } = require('node:worker_threads');
const [gate, pages] = [0, 1];
parentPort.on('message', ({ first }) => {
  Atomics.add(workerData, pages, 1);
  Atomics.wait(workerData, gate, 0);
  if (first === 666) process.exit(1);
  parentPort.postMessage(first === 13 ? { problem: 'gone', code: 'database_unavailable' } : { chunks: [], hasMore: false });
});`;

let shared: Int32Array;
let workers: Worker[];
const nothing = { chunks: [], hasMore: false };
const wanted = new AbortController().signal;

beforeEach(() => {
  shared = new Int32Array(new SharedArrayBuffer(8));
  workers = [];
});

afterEach(async () => {
  open();
  await Promise.all(workers.map((worker) => worker.terminate()));
});

function createThreads(options?: { idleMs: number }): FindThreads {
  return new FindThreads(() => {
    const worker = new Worker(code, { eval: true, workerData: shared });
    workers.push(worker);
    return worker;
  }, options);
}

function open(): void {
  Atomics.store(shared, 0, 1);
  Atomics.notify(shared, 0);
}

const pagesBegun = (): number => Atomics.load(shared, 1);

const page = (first: number): Page => ({
  attempt: { jobId: 1, number: 1, claimedAt: new Date(0) },
  first,
  count: 1,
  sought: { text: 'x', ignoresCase: false },
});

it('reads no page whose search ended before a thread came to it, and answers all others', async () => {
  const threads = createThreads();
  const search = new AbortController();
  const answers = Promise.allSettled([
    ...[0, 1, 2].map((first) => threads.search(page(first), search.signal)),
    threads.search(page(3), wanted),
  ]);
  // Of two: the third and the fourth wait.
  await expect.poll(pagesBegun, { timeout: 10_000 }).toBe(2);
  search.abort();
  open();
  expect(await answers).toMatchObject([
    { status: 'fulfilled' },
    { status: 'fulfilled' },
    { status: 'rejected', reason: { name: 'AbortError' } },
    { status: 'fulfilled' },
  ]);
  expect(pagesBegun()).toBe(3);
});

it('starts no second thread for one page after the other', async () => {
  const threads = createThreads();
  open();
  for (let first = 0; first < 5; first += 1) await threads.search(page(first), wanted);
  expect(workers).toHaveLength(1);
});

it('says what a thread says of a page, and goes on', async () => {
  const threads = createThreads();
  open();
  await expect(threads.search(page(13), wanted)).rejects.toMatchObject({
    code: 'database_unavailable',
    message: 'gone',
  });
  expect(await threads.search(page(0), wanted)).toEqual(nothing);
  expect(workers).toHaveLength(1);
});

it('fails the page of a thread that dies, and gives the others to a new one', async () => {
  const threads = createThreads();
  open();
  const pages = [666, 1, 2, 3].map((first) => threads.search(page(first), wanted));
  await expect(pages[0]).rejects.toThrow('ended');
  expect(await Promise.all(pages.slice(1))).toEqual([nothing, nothing, nothing]);
});

it('lets threads go that nobody needed for a while, and starts one again when somebody does', async () => {
  const threads = createThreads({ idleMs: 20 });
  open();
  await threads.search(page(0), wanted);
  await new Promise((resolve) => workers[0]?.once('exit', resolve));
  expect(await threads.search(page(1), wanted)).toEqual(nothing);
  expect(workers).toHaveLength(2);
});

it('keeps a thread that is needed again and again', async () => {
  const threads = createThreads({ idleMs: 400 });
  open();
  for (let times = 0; times < 10; times += 1) {
    await threads.search(page(times), wanted);
    await delay(60);
  }
  expect(workers).toHaveLength(1);
});
