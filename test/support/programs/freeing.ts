/** Takes 300 MB in large blocks with small ones between them, lets go of the large ones, and prints how many MiB it grew. */
import { setImmediate } from 'node:timers/promises';
import { boundFreedMemory } from '../../../src/machine/freed-memory.ts';

if (process.argv[2] === 'bound') await boundFreedMemory();
const toMib = (bytes: number): number => Math.round(bytes / 1024 ** 2);
const kept: Buffer[] = [];
const takeAndFree = (count: number, bytes: number): void => {
  const taken: Buffer[] = [];
  for (let block = 0; block < count; block += 1) {
    taken.push(Buffer.alloc(bytes, 1));
    kept.push(Buffer.alloc(3_000, 1));
  }
  taken.length = 0;
};
// By the first of them glibc learns what it takes for usual.
takeAndFree(1, 20_000_000);
globalThis.gc?.();
const before = process.memoryUsage.rss();
for (let round = 0; round < 3; round += 1) {
  takeAndFree(600, 500_000);
  globalThis.gc?.();
}
// What a collection finds is freed by another thread.
for (let turn = 0; turn < 50; turn += 1) {
  globalThis.gc?.();
  await setImmediate();
}
process.stdout.write(String(toMib(process.memoryUsage.rss() - before)));
