import { spawn } from 'node:child_process';
import { once } from 'node:events';

const loops = 4;

/** Programs a second that four C loops start and wait for: what the kernel can do on all cores. */
export async function loopRate(loop: string, count: number): Promise<number> {
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
