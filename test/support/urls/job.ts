import type { z } from 'zod';
import { urlInput, type UrlResult, type UrlTest } from '../../../src/kinds/url/contract/url-test.ts';
import type { Resolver } from '../../../src/kinds/url/resolve.ts';
import { createGuard } from '../../../src/kinds/url/guard.ts';
import { runOrder } from '../../../src/kinds/url/run-order.ts';
import type { UrlTester } from '../../../src/kinds/url/tester.ts';
import { createUrlRun } from '../../../src/kinds/url/url.ts';
import type { KindContext, KindOutcome } from '../../../src/domain/jobs/kind-ports.ts';
import type { NewPart } from '../../../src/domain/reports/part-ports.ts';
import { thisMachine } from './tester.ts';

export interface UrlJob {
  outcome: KindOutcome;
  parts: (NewPart & { facts: UrlTest })[];
  result: Partial<UrlResult>;
  output: string[];
}

/** A whole job of URL tests with a resolver of its own; the rest of its life is that of `run`. */
export async function runUrlJob(
  input: z.input<typeof urlInput>,
  { resolve, authorities }: { resolve: Resolver; authorities?: readonly string[] },
): Promise<UrlJob> {
  const job: Omit<UrlJob, 'outcome'> = { parts: [], result: {}, output: [] };
  // A resolver cannot be handed to a thread.
  const tester: UrlTester = {
    test: (order, signal, listener) => {
      const place = { guard: createGuard(thisMachine), resolve, signal };
      return runOrder(order, { ...place, ...(authorities ? { authorities } : {}) }, listener);
    },
  };
  const run = createUrlRun(tester, () => Promise.resolve(null));
  const context: KindContext = {
    signal: new AbortController().signal,
    secrets: new Map(),
    hidden: [],
    log: (line) => void job.output.push(line),
    progress: () => {},
    series: () => {},
    result: (members) => void Object.assign(job.result, members),
    part: (part) => Promise.resolve(void job.parts.push(part as NewPart & { facts: UrlTest })),
    partsDone: () => Promise.resolve([]),
    lastGood: () => Promise.resolve(null),
    compareWith: () => Promise.resolve(),
    program: () => Promise.reject(new Error('URL tests start no program')),
  };
  const outcome = await run(
    {
      id: 1,
      uid: '00000000-0000-4000-8000-000000000001',
      attempt: 1,
      name: 'urls',
      owner: 'ana',
      ownerId: 1,
      input: urlInput.parse({ tries: 1, ...input }),
      pinnedScript: null,
    },
    context,
  );
  return { outcome, ...job, parts: job.parts.toSorted((a, b) => a.number - b.number) };
}
