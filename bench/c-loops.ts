import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Side } from './harness.ts';

/** So many at once: on some hosts two loops start fewer programs than one. */
const counts = [1, 2, 4] as const;

const nameOf = (loops: number): string => (loops === 1 ? 'one C loop' : `${loops} C loops`);

/** Sides of a comparison: programs that C loops start and wait for, and record nothing of. */
export function loopSides(loop: string | null, count: number): Record<string, Side> {
  if (loop === null) return {};
  return Object.fromEntries(counts.map((loops) => [nameOf(loops), () => loopRate(loop, loops, count)]));
}

/** What the kernel can do: the best of them. Null: none were measured. */
export function bestLoops(rates: Record<string, number>): { peer: string; theirs: number } | null {
  const measured = counts.flatMap((loops) => {
    const theirs = rates[nameOf(loops)];
    return theirs === undefined ? [] : [{ peer: nameOf(loops), theirs }];
  });
  return measured.toSorted((a, b) => b.theirs - a.theirs)[0] ?? null;
}

async function loopRate(loop: string, loops: number, count: number): Promise<number> {
  const each = Math.ceil(count / loops);
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: loops }, async () => {
      const [code] = (await once(spawn(loop, [String(each)], { stdio: 'ignore' }), 'exit')) as [number];
      if (code !== 0) throw new Error(`the C loop ended with ${code}`);
    }),
  );
  return (each * loops) / ((performance.now() - startedAt) / 1000);
}
