/**
 * Submits jobs, kills what runs them, and holds the record against what was acknowledged and what truly ran.
 *
 *     node test/faults/kill-loop.ts [--rounds 20] [--seed N] [--mode serve|split|guest|both] [--lease 2] [--keep]
 *
 * `both` runs the rounds on one process with the embedded database (serve) and, beside it, with web and worker apart:
 * on the PostgreSQL server of DAYBOOK_TEST_DATABASE_URL when it answers (split), else on one data directory (guest).
 * Exit code 1: a promise was broken, or with 100 rounds or more a fault was never seen.
 */
import { parseArgs } from 'node:util';
import pg from 'pg';
import { defaultServerUrl } from '../support/database.ts';
import { targetsOf } from '../support/faults/loop/incidents.ts';
import { runRound } from '../support/faults/loop/round.ts';
import { modes, Site, type Mode } from '../support/faults/loop/site.ts';
import { Tally } from '../support/faults/loop/tally.ts';
import { Random } from '../support/faults/random.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    mode: { type: 'string', default: 'both' },
    lease: { type: 'string', default: '2' },
    keep: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed);
const leaseMs = Number(values.lease) * 1000;
const serverUrl = process.env['DAYBOOK_TEST_DATABASE_URL'] ?? defaultServerUrl;
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
process.once('SIGTERM', () => interrupted.abort());

// Both at once: a round is half waiting, for leases and for servers that come back.
const clean = await Promise.all((await chooseModes()).map(runMode));
// What a broken round still has under way would keep the process.
process.exit(clean.every(Boolean) && !interrupted.signal.aborted ? 0 : 1);

async function runMode(mode: Mode): Promise<boolean> {
  const site = new Site({ mode, leaseMs, serverUrl });
  const random = new Random(seed);
  const tally = new Tally();
  const startedAt = performance.now();
  let done = 0;
  print(`${mode}: seed ${seed}, lease ${leaseMs / 1000} s, in ${site.installation.folder}`);
  try {
    await site.open();
    for (let round = 1; round <= rounds && !interrupted.signal.aborted; round += 1) {
      const result = await untilInterrupted(runRound(site, random, round));
      if (!result) break;
      tally.count(result);
      tally.violations.push(...result.violations.map((text) => `round ${round}: ${text}`));
      done = round;
      print(
        `${mode} ${String(round).padStart(3)}: ${result.story}${result.violations.length > 0 ? ` — ${result.violations.length} VIOLATIONS` : ''}`,
      );
      for (const text of result.violations) print(text);
      if (result.violations.some((text) => text.includes('is stuck'))) break;
    }
    tally.violations.push(...(await strangers(site, tally)));
  } catch (error) {
    tally.violations.push(
      `the loop broke in round ${done + 1}: ${error instanceof Error ? error.stack : String(error)}`,
    );
    print(tally.violations.at(-1) ?? '');
  } finally {
    await site.close({ keep: values.keep || (tally.violations.length > 0 && !interrupted.signal.aborted) });
  }
  return report(mode, {
    tally,
    done,
    elapsedMs: performance.now() - startedAt,
    folder: site.installation.folder,
  });
}

/** Jobs of the diary that nobody submitted. */
async function strangers(site: Site, tally: Tally): Promise<string[]> {
  if (interrupted.signal.aborted) return [];
  const { states } = await site.client.read<{ states: Record<string, number> }>('/api/v1/stats');
  const count = Object.values(states).reduce((sum, one) => sum + one, 0);
  return count === tally.jobs ? [] : [`the diary has ${count} jobs, ${tally.jobs} were acknowledged`];
}

function report(
  mode: Mode,
  facts: { tally: Tally; done: number; elapsedMs: number; folder: string },
): boolean {
  const { tally, done, elapsedMs, folder } = facts;
  print(`${mode}: ${done} rounds in ${(elapsedMs / 1000).toFixed(0)} s, ${tally.summary}`);
  const unseen = done < 20 ? [] : tally.unseen(targetsOf(mode), mode !== 'serve');
  if (unseen.length > 0) print(`${mode}: never seen: ${unseen.join(', ')}`);
  if (interrupted.signal.aborted) print(`${mode}: interrupted`);
  if (tally.violations.length === 0) {
    print(`${mode}: zero lost, zero doubled, zero stuck`);
    return unseen.length === 0 || done < 100;
  }
  print(
    `${mode}: ${tally.violations.length} violations; again with --mode ${mode} --seed ${seed} --rounds ${done}; kept in ${folder}`,
  );
  for (const text of tally.violations) print(`  ${text.split('\n')[0]}`);
  return false;
}

async function chooseModes(): Promise<Mode[]> {
  const chosen = modes.find((mode) => mode === values.mode);
  if (chosen) return [chosen];
  if (values.mode !== 'both')
    throw new Error(`--mode: expected ${modes.join(', ')} or both, got ${values.mode}`);
  return ['serve', (await isReachable()) ? 'split' : 'guest'];
}

async function isReachable(): Promise<boolean> {
  const client = new pg.Client({ connectionString: serverUrl, connectionTimeoutMillis: 2_000 });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

function untilInterrupted<T>(work: Promise<T>): Promise<T | null> {
  const { signal } = interrupted;
  return Promise.race([
    work,
    new Promise<null>((resolve) => {
      signal.addEventListener('abort', () => resolve(null), { once: true });
    }),
  ]);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
