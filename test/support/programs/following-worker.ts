/**
 * A worker of the product with one kind of its own, which follows what its program prints; a process, to be killed.
 * Its program runs `input.code` by /bin/sh. Of each line that is not repeated the kind reports a point;
 * a line `fail the kind` makes it fail, `leave the result` lets it report none, `report parts and fail` makes it report
 * 5000 parts at its end and fail. Code that begins with `: twice` is asked for twice at the same moment.
 */
import { mkdirSync } from 'node:fs';
import { z } from 'zod';
import { createWorker } from '../../../src/app/worker.ts';
import type { KindContext } from '../../../src/domain/jobs/kind-ports.ts';
import { createKindRegistry, defineKind } from '../../../src/kinds/define-kind.ts';
import { EndSignals } from '../../../src/lib/end-signals.ts';
import { connect } from '../database.ts';
import { createTestProduct } from '../product.ts';

const [url = '', folder = ''] = process.argv.slice(2);

const following = defineKind({
  name: 'following',
  title: 'Following',
  description: 'Follows what its program prints.',
  input: z.object({ code: z.string() }),
  result: z.object({ lines: z.array(z.string()), repeated: z.array(z.string()) }),
  nameOf: () => 'following',
  runsProgram: true,
  createRun:
    () =>
    async ({ input }, context) => {
      const lines: string[] = [];
      const repeated: string[] = [];
      context.log('said before');
      const plan = async () => ({ file: '/bin/sh', args: ['-c', input.code], script: null });
      const first = context.program(plan, ({ stream, text, isRepeated }) => {
        if (text === 'fail the kind') throw new Error('the kind failed');
        lines.push(`${stream} ${text}`);
        if (isRepeated) repeated.push(text);
        else context.series({ name: 'length', x: [lines.length], y: [text.length] });
      });
      if (input.code.startsWith(': twice')) await context.program(plan);
      const report = await first;
      if (lines.includes('stdout report parts and fail')) return failWithParts(context);
      if (!lines.includes('stdout leave the result')) context.result({ lines, repeated });
      if (report.status === 'ended' && report.exitCode === 0) return { state: 'succeeded' };
      return { state: 'failed', reason: 'error', message: 'Its program failed.' };
    },
});

/** Nobody waits for the parts that it reports. */
function failWithParts(context: KindContext): never {
  for (let number = 1; number <= 5_000; number += 1) {
    const verdict = { text: 'done', tone: 'good' as const };
    const part = {
      number,
      key: String(number),
      endedAt: new Date().toISOString(),
      verdict,
      tookMs: null,
      facts: {},
    };
    void context.part(part).catch(() => {});
  }
  throw new Error('the kind failed after its parts');
}

const db = connect(url);
const product = createTestProduct(db, { env: { DAYBOOK_DATA: folder, DAYBOOK_SLOTS: '2' } });
const { attemptsDirectory, homeDirectory } = product.config.data;
for (const directory of [attemptsDirectory, homeDirectory]) mkdirSync(directory, { recursive: true });
const kinds = createKindRegistry([following]);
const account = { name: 'somebody', isolation: null, ids: null, ownerIds: null, promise: '' };
const worker = createWorker({ ...product, domains: { ...product.domains, kinds } }, account);
await worker.start();
const signals = new EndSignals();
await signals.next();
await worker.stop();
await db.close();
signals.close();
