import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LauncherClient } from '../../src/launcher/client/client.ts';
import { countHeldPrograms } from '../../src/launcher/client/inspect.ts';
import type { HeldBackLaunch } from '../support/programs/held-back-launch.ts';
import type { HeardOfStart } from '../support/programs/held-back-starts.ts';
import { Heard, LauncherHarness } from '../support/programs/launcher-harness.ts';
import { until } from '../support/programs/until.ts';

const fromBegin = { stdout: 0, stderr: 0 };

let harness: LauncherHarness;
let client: LauncherClient;

beforeEach(async () => {
  harness = new LauncherHarness();
  client = await harness.client();
});

afterEach(() => harness.stop());

/** What a script among those of `test/support/programs` prints. */
function outcomeOf(script: string): unknown {
  const file = join(import.meta.dirname, '../support/programs', script);
  return JSON.parse(execFileSync(process.execPath, [file], { encoding: 'utf8' }));
}

it('does not take a program that is being started for what another one left behind', () => {
  const outcome = outcomeOf('held-back-launch.ts') as HeldBackLaunch;
  expect(outcome).toEqual({ leftBehind: 1, isOtherRunning: true });
});

it('tells the exit of a program whose number came after it, once, and nobody that of an orphan', () => {
  const heard = outcomeOf('held-back-starts.ts') as HeardOfStart[];
  expect(heard).toEqual([
    { started: 1, refused: [], early: [3], late: [] },
    { started: 1, refused: [], early: [4], late: [] },
    { started: 1, refused: [], early: [], late: [5] },
    { started: 0, refused: ['/no/such/program: No such file or directory.'], early: [], late: [] },
  ]);
});

it('notes down all programs of one turn before the first of them begins', async () => {
  const journal = join(harness.folder, 'launcher', 'journal');
  const count = 20;
  const specs = Array.from({ length: count }, () => harness.spec('grep', ['-c', '"start"', journal]));
  const runs = await Promise.all(specs.map((spec) => harness.start(client, spec)));
  for (const { heard } of runs) {
    await harness.ended(heard);
    expect(heard.text('stdout')).toBe(`${count}\n`);
  }
});

describe.each(['posix_spawn', 'child_process'] as const)(
  'while a program is being started by %s',
  (spawner) => {
    beforeEach(async () => {
      await harness.stop();
      harness = new LauncherHarness({ spawner });
      client = await harness.client();
    });

    it('a signal waits for it, and then ends it', async () => {
      const spec = harness.spec('sleep', ['300']);
      const heard = new Heard();
      const answer = client.launch(spec, heard);
      client.signal(spec.key, 'SIGTERM');
      expect(await answer).toHaveProperty('pid');
      expect(await harness.ended(heard)).toMatchObject({ exitCode: null, signal: 'SIGTERM', wasAsked: true });
    });

    it('forgetting it leaves nothing of it, nor of its key', async () => {
      const spec = harness.shell('sleep 300 & sleep 300');
      // Nobody waits for the answer any more.
      void client.launch(spec, new Heard());
      client.forget(spec.key);
      await harness.run(client, harness.spec('true'));
      await until('nothing left', () => harness.strays().length === 0);
      await client.stop();
      const second = await harness.client();
      expect(second.held).toEqual([]);
      const again = { ...spec, args: ['-c', 'exit 6'] };
      expect((await harness.run(second, again)).end.exitCode).toBe(6);
    });

    it('its worker may go: the next one is told of it, and of its end', async () => {
      const specs = Array.from({ length: 120 }, (_, i) => harness.shell(`echo ${i}; exit ${i}`));
      const answers = specs.map((spec) => client.launch(spec, new Heard()).catch(() => null));
      // The launcher has heard of all of them, and started one.
      await answers[0];
      await client.stop();
      await Promise.all(answers);
      const second = await harness.client();
      expect(second.held.map(({ key }) => key).toSorted()).toEqual(specs.map(({ key }) => key).toSorted());
      expect(new Set(second.held.map(({ pid }) => pid)).size).toBe(specs.length);
      for (const [i, { key }] of specs.entries()) {
        const heard = new Heard();
        second.attach(key, fromBegin, heard);
        expect((await harness.ended(heard)).exitCode).toBe(i);
        expect(heard.text('stdout')).toBe(`${i}\n`);
      }
    });
  },
);

describe('a storm of starts', () => {
  interface Asked {
    key: string;
    /** A file that it makes. */
    ran: string;
    heard: Heard;
    /** Null: refused, or forgotten at once. */
    exitCode: number | null;
    isKilled: boolean;
  }
  /** The same numbers in each run. */
  const dice = (): ((sides: number) => number) => {
    let state = 20_261_122;
    return (sides) => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * sides);
    };
  };

  it('tells each end once, whatever is killed, forgotten and taken over, and leaves nothing', async () => {
    const roll = dice();
    const descriptors = (): number => readdirSync(`/proc/${harness.note(client)}/fd`).length;
    await harness.run(client, harness.spec('true'));
    const before = descriptors();
    const asked: Asked[] = [];
    const launch = (): void => {
      const kind = roll(10);
      const exitCode = roll(100);
      const ran = join(harness.folder, `ran-${asked.length}`);
      const script = `: > ${ran}; ${kind < 6 ? '' : `sleep 0.0${kind}; `}echo out; exit ${exitCode}`;
      const spec = kind === 9 ? harness.spec('/no/such/program') : harness.shell(script);
      const one: Asked = { key: spec.key, ran, heard: new Heard(), exitCode, isKilled: false };
      if (kind === 9) one.exitCode = null;
      asked.push(one);
      client.launch(spec, one.heard).catch(() => {});
      if (kind === 8) {
        client.forget(spec.key);
        one.exitCode = null;
      }
      const victim = asked[Math.max(0, asked.length - 1 - roll(20))];
      if (victim && roll(4) === 0) {
        victim.isKilled = true;
        client.signal(victim.key, 'SIGKILL');
      }
    };
    let moves = 0;
    for (let round = 0; round < 12; round += 1) {
      for (let i = 0; i < 30; i += 1) {
        launch();
        if (roll(5) === 0) await nextTurn();
      }
      await client.stop();
      client = await harness.client();
      const open = new Set(client.held.filter(({ ended }) => !ended).map(({ key }) => key));
      moves += open.size;
      for (const one of asked) {
        if (one.exitCode === null || one.heard.end || one.heard.lost) continue;
        one.heard = new Heard();
        client.attach(one.key, fromBegin, one.heard);
      }
    }
    expect(moves).toBeGreaterThan(50);
    for (const one of asked) {
      if (one.exitCode === null) continue;
      await until('its end', () => one.heard.end ?? one.heard.lost);
      if (one.heard.lost) {
        // Its worker had gone before the launcher read that it should be started.
        expect(existsSync(one.ran)).toBe(false);
        one.exitCode = null;
        continue;
      }
      const end = await harness.ended(one.heard);
      if (end.signal === 'SIGKILL' && one.isKilled) continue;
      expect(end).toMatchObject({ exitCode: one.exitCode, signal: null, leftBehind: 0 });
      expect(one.heard.text('stdout')).toBe('out\n');
    }
    const told = asked.flatMap(({ key, exitCode }) => (exitCode === null ? [] : [key]));
    expect(told.length).toBeGreaterThan(asked.length / 2);
    await client.stop();
    client = await harness.client();
    expect(client.held.map(({ key }) => key).toSorted()).toEqual(told.toSorted());
    for (const { key } of asked) client.forget(key);
    await until('nothing left', () => harness.strays().length === 0);
    await until('no descriptor left', () => descriptors() <= before);
    await until('nothing noted', () => countHeldPrograms(join(harness.folder, 'launcher')) === 0);
  });
});
