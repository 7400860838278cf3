import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAppError } from '../../src/contract/errors.ts';
import { createDatabase } from '../../src/adapters/store/database.ts';
import { ask, commandLine, isRoot, openWorkshop, type Workshop } from '../support/embedded.ts';
import { pollUntil } from '../support/poll.ts';

let workshop: Workshop;

beforeEach(() => {
  workshop = openWorkshop();
});

afterEach(async () => {
  await workshop.close();
});

const remember = `create table if not exists memory (word text); insert into memory values ('kept')`;
const recall = 'select word from memory';
const kept = [{ word: 'kept' }];

describe('start and stop', () => {
  it('a first start makes a durable database, the next one finds everything again', async () => {
    const first = workshop.create();
    await first.start();
    await ask(first.connection, remember);
    const settings = await ask<Record<string, string>>(
      first.connection,
      `select current_setting('fsync') fsync, current_setting('data_checksums') checksums,
         current_setting('listen_addresses') tcp, current_setting('server_encoding') encoding,
         (select datlocprovider::text || datlocale from pg_database where datname = 'postgres') locale`,
    );
    expect(settings).toEqual([
      { fsync: 'on', checksums: 'on', tcp: '', encoding: 'UTF8', locale: 'bC.UTF-8' },
    ]);
    await first.stop();
    expect(first.pid).toBeUndefined();

    const second = workshop.create();
    const startedAt = performance.now();
    await second.start();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(await ask(second.connection, recall)).toEqual(kept);
  });

  it('the postmaster has a session of its own, so that Ctrl-C does not reach it', async () => {
    workshop.fill();
    const database = workshop.create();
    await database.start();
    const stat = readFileSync(`/proc/${database.pid}/stat`, 'utf8');
    expect(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]).toBe(String(database.pid));
  });

  it('the socket lies in a private folder', async () => {
    workshop.fill();
    const database = workshop.create();
    await database.start();
    expect(statSync(database.connection.host ?? '').mode & 0o777).toBe(0o700);
  });

  it('stopping before the start, during it and twice is fine, and leaves nothing running', async () => {
    const never = workshop.create();
    await never.stop();
    await expect(never.start()).rejects.toThrow(/aborted/);

    const interrupted = workshop.create();
    const starting = interrupted.start().catch(() => 'interrupted');
    await interrupted.stop();
    await interrupted.stop();
    await starting;
    expect(interrupted.pid).toBeUndefined();

    const after = workshop.create();
    await after.start();
    expect(after.pid).toBeGreaterThan(1);
  });

  it('a path too long for a socket is served by a short folder, which goes with the stop', async () => {
    const data = join(workshop.folder, 'x'.repeat(120));
    const database = workshop.create({ dataDirectory: data });
    await database.start();
    const folder = database.connection.host ?? '';
    expect(Buffer.byteLength(folder)).toBeLessThan(90);
    expect(await ask(database.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    await database.stop();
    expect(existsSync(folder)).toBe(false);
  });
});

describe('after a crash', () => {
  it('a killed starter leaves the postmaster running, and the next one adopts it', async () => {
    workshop.fill();
    const keeper = await workshop.spawnKeeper();
    await ask(keeper.connection, remember);
    keeper.child.kill('SIGKILL');
    await once(keeper.child, 'exit');
    const next = workshop.create();
    await next.start();
    expect(next.pid).toBe(keeper.pid);
    expect(next.connection).toEqual(keeper.connection);
    expect(await ask(next.connection, recall)).toEqual(kept);
    await next.stop();
    expect(commandLine(keeper.pid)).toBe('');
  });

  it('a killed postmaster is started again; meanwhile queries say so, and nothing committed is lost', async () => {
    workshop.fill();
    const database = workshop.create();
    await database.start();
    await ask(database.connection, remember);
    const pool = createDatabase({
      connection: database.connection,
      poolSize: 2,
      applicationName: 'test',
      onIdleError: () => {},
    });
    await pool.query('select 1');
    const killed = database.pid ?? 0;
    process.kill(killed, 'SIGKILL');
    const seen = new Set<string>();
    // The session that was open may still answer once: its backend notices the death at the end of a statement.
    const rows = await pollUntil(
      () =>
        pool.query<{ word: string }>(recall).catch((error: unknown) => {
          seen.add(isAppError(error) ? error.code : String(error));
        }),
      (answer) => answer !== undefined && seen.size > 0,
    );
    await pool.close();
    expect(rows).toEqual(kept);
    expect([...seen]).toEqual(['database_unavailable']);
    expect(database.pid).not.toBe(killed);
  });

  it('an adopted postmaster that dies is started again, too', async () => {
    workshop.fill();
    const keeper = await workshop.spawnKeeper();
    keeper.child.kill('SIGKILL');
    await once(keeper.child, 'exit');
    const next = workshop.create();
    await next.start();
    process.kill(keeper.pid, 'SIGKILL');
    await pollUntil(
      () => next.pid,
      (pid) => pid !== undefined && pid !== keeper.pid,
    );
    const rows = await pollUntil(
      () => ask(next.connection, 'select 1 as one').catch(() => []),
      (answer) => answer.length === 1,
    );
    expect(rows).toEqual([{ one: 1 }]);
  });

  it('pid file and socket of a machine that went down are no obstacle', async () => {
    workshop.fill();
    const keeper = await workshop.spawnKeeper();
    await ask(keeper.connection, remember);
    process.kill(keeper.child.pid ?? 0, 'SIGSTOP');
    process.kill(keeper.pid, 'SIGKILL');
    keeper.child.kill('SIGKILL');
    await once(keeper.child, 'exit');
    expect(existsSync(join(workshop.data, 'database/cluster/postmaster.pid'))).toBe(true);
    const next = workshop.create();
    await next.start();
    expect(await ask(next.connection, recall)).toEqual(kept);
  });

  it('a pid file whose number belongs to another program by now is not believed', async () => {
    workshop.fill();
    const first = workshop.create();
    await first.start();
    await first.stop();
    const file = join(workshop.data, 'database/cluster/postmaster.pid');
    writeFileSync(
      file,
      `${process.pid}\n${workshop.data}/database/cluster\n1\n5432\n/nowhere\n\n0 0\nready\n`,
    );
    const next = workshop.create();
    await next.start();
    expect(next.pid).not.toBe(process.pid);
  });

  it('an interrupted first start leaves nothing half', async () => {
    workshop.fill();
    const first = workshop.create();
    await first.start();
    await first.stop();
    const record = join(workshop.data, 'database.json');
    writeFileSync(record, readFileSync(record, 'utf8').replace('ready', 'creating'));
    const cluster = join(workshop.data, 'database/cluster');
    renameSync(cluster, `${cluster}.unfinished`);
    rmSync(join(`${cluster}.unfinished`, 'global'), { recursive: true });
    const next = workshop.create();
    await next.start();
    expect(await ask(next.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(existsSync(`${cluster}.unfinished`)).toBe(false);
  });
});

describe('refusals', () => {
  it('a database of another PostgreSQL is left alone, with a sentence what to do', async () => {
    workshop.fill();
    const first = workshop.create();
    await first.start();
    await first.stop();
    const version = join(workshop.data, 'database/cluster/PG_VERSION');
    writeFileSync(version, '17\n');
    await expect(workshop.create().start()).rejects.toThrow(
      /made by PostgreSQL 17.*brings PostgreSQL 18.*daybook backup/,
    );
    writeFileSync(version, '18\n');
    await workshop.create().start();
  });

  it('a database that is gone is not silently replaced by an empty one', async () => {
    workshop.fill();
    const first = workshop.create();
    await first.start();
    await first.stop();
    const cluster = join(workshop.data, 'database/cluster');
    renameSync(cluster, join(workshop.folder, 'aside'));
    await expect(workshop.create().start()).rejects.toThrow(/it is not there/);
    expect(existsSync(cluster)).toBe(false);
    renameSync(join(workshop.folder, 'aside'), cluster);
    await workshop.create().start();
  });

  it('a setting that PostgreSQL refuses is reported in its words', async () => {
    workshop.fill();
    const first = workshop.create();
    await first.start();
    await first.stop();
    writeFileSync(join(workshop.data, 'database/cluster/custom.conf'), 'shared_buffers = lots\n');
    await expect(workshop.create().start()).rejects.toThrow(/PostgreSQL did not start: [^]*shared_buffers/);
  });
});

describe('two at once', () => {
  it('racing first starts end in one postmaster that both use', async () => {
    const keepers = await Promise.all([
      workshop.spawnKeeper(),
      workshop.spawnKeeper(),
      workshop.spawnKeeper(),
    ]);
    expect(new Set(keepers.map((keeper) => keeper.pid)).size).toBe(1);
    for (const keeper of keepers)
      expect(await ask(keeper.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('a guest that stops leaves the database to its keeper; a keeper that stops hands over to a guest', async () => {
    workshop.fill();
    const keeper = workshop.create();
    await keeper.start();
    const passing = workshop.create();
    await passing.start();
    const guest = workshop.create();
    await guest.start();
    expect(guest.pid).toBe(keeper.pid);
    await passing.stop();
    expect(await ask(keeper.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    const before = keeper.pid;
    await keeper.stop();
    await pollUntil(
      () => ask(guest.connection, 'select 1 as one').catch(() => []),
      (rows) => rows.length === 1,
    );
    expect(guest.pid).not.toBe(before);
  });
});

describe('accounts and places', () => {
  it('an ordinary account runs it as itself', async () => {
    const keeper = await workshop.spawnKeeper({ asNobody: true });
    expect(await ask(keeper.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(statSync(`/proc/${keeper.pid}`).uid).toBe(isRoot ? 65_534 : process.getuid?.());
    keeper.child.kill('SIGTERM');
    await once(keeper.child, 'exit');
    expect(commandLine(keeper.pid)).toBe('');
  });

  it.runIf(isRoot)('as root it never runs as root, nor as the account of programs', async () => {
    const database = workshop.create({ programUser: 'postgres' });
    await database.start();
    const uid = statSync(`/proc/${database.pid}`).uid;
    expect(uid).not.toBe(0);
    const postgres = /^postgres:[^:]*:(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[1];
    expect(uid).not.toBe(Number(postgres));
  });

  it.runIf(isRoot)(
    'a data directory that its account cannot enter keeps it elsewhere, and moving loses nothing',
    async () => {
      const closed = join(workshop.folder, 'closed');
      mkdirSync(closed, { mode: 0o700 });
      const first = workshop.create({ dataDirectory: join(closed, 'data') });
      await first.start();
      await ask(first.connection, remember);
      await first.stop();
      expect(first.connection.host).toContain(join(workshop.folder, 'system/'));

      renameSync(join(closed, 'data'), join(closed, 'moved'));
      const moved = workshop.create({ dataDirectory: join(closed, 'moved') });
      await moved.start();
      expect(await ask(moved.connection, recall)).toEqual(kept);
      await moved.stop();

      rmSync(join(closed, 'moved'), { recursive: true });
      const anew = workshop.create({ dataDirectory: join(closed, 'moved') });
      await anew.start();
      expect(await ask(anew.connection, `select to_regclass('memory') as table`)).toEqual([{ table: null }]);
    },
  );

  it.runIf(isRoot)('a clone that was moved below a closed folder takes its database along', async () => {
    const first = workshop.create();
    await first.start();
    await ask(first.connection, remember);
    await first.stop();
    const closed = join(workshop.folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    renameSync(workshop.data, join(closed, 'data'));
    const moved = workshop.create({ dataDirectory: join(closed, 'data') });
    await moved.start();
    expect(await ask(moved.connection, recall)).toEqual(kept);
    expect(readdirSync(join(closed, 'data'))).not.toContain('database');
  });
});
