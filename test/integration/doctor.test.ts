import { chmodSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/contract/finding.ts';
import { loadConfig } from '../../src/config/config.ts';
import { checkFleet } from '../../src/operations/doctor/check-fleet.ts';
import { runCommand } from '../support/cli.ts';
import { createTestDatabase } from '../support/database.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({}, { database: 'embedded' });
});
afterAll(() => server.close());

async function diagnose(
  env: Record<string, string> = {},
): Promise<{ code: number | null; findings: Finding[] }> {
  const { code, stdout } = await runCommand(['doctor', '--json'], {
    DAYBOOK_DATA: server.folder,
    DAYBOOK_PORT: new URL(server.url).port,
    DAYBOOK_FTP_PORT: 'off',
    DAYBOOK_MIN_FREE_DISK: '1MiB',
    ...env,
  });
  return { code, findings: (JSON.parse(stdout) as { findings: Finding[] }).findings };
}

function ofArea(findings: readonly Finding[], area: Finding['area']): string[] {
  return findings.filter((one) => one.area === area).map(({ level, text }) => `${level}: ${text}`);
}

describe('daybook doctor', () => {
  it('beside a healthy server finds nothing, and says so for each part', async () => {
    const { code, findings } = await diagnose();
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(code).toBe(0);
    expect(new Set(findings.map(({ area }) => area))).toEqual(
      new Set(['configuration', 'database', 'launcher', 'disk', 'port', 'clock', 'users', 'workers']),
    );
    expect(ofArea(findings, 'port')[0]).toContain(`answers at ${server.url}`);
    expect(ofArea(findings, 'database').join()).toContain('The schema is that of this version');
    expect(ofArea(findings, 'launcher').join()).toMatch(/The launcher \(process \d+\) holds 0 programs/);
  });

  it('names jobs that no worker serves, and what to do', async () => {
    const job = { kind: 'script', input: { script: 'ls.sh' }, labels: ['gpu'] };
    const { id } = (await server.call('POST', '/api/v1/jobs', job)).json<{ id: number }>();
    const { code, findings } = await diagnose();
    expect(code).toBe(1);
    expect(ofArea(findings, 'queues')).toEqual([
      'warn: 1 queued job of the queue default with the labels gpu: no active worker serves them.',
    ]);
    await server.call('POST', `/api/v1/jobs/${id}/cancel`);
    expect((await diagnose()).code).toBe(0);
  });

  it('names rows whose job is gone, with the statement that removes them', async () => {
    const { db, drop } = await createTestDatabase();
    try {
      await db.query(
        `insert into queued (job_id, priority, state, kind, lanes, owner)
         select n, 0, 'waiting', 'none', '{}', 'ana' from generate_series(101, 107) n`,
      );
      await db.query(
        `insert into ends (job_id, submitted_at, owner, state, attempt, ended_at) values (99, now(), 'ana', 'cancelled', 0, now())`,
      );
      const config = loadConfig({});
      const found = (await checkFleet(db, config)).filter(({ area }) => area === 'database');
      expect(found.map(({ level, text }) => `${level}: ${text}`)).toEqual([
        'bad: 1 row of the table ends whose job is gone: 99.',
        'bad: 7 rows of the table queued whose job is gone: 101, 102, 103, 104, 105, ….',
      ]);
      for (const { advice } of found) await db.query(/delete from .*/.exec(advice ?? '')?.[0] ?? '');
      expect((await checkFleet(db, config)).filter(({ area }) => area === 'database')).toEqual([]);
    } finally {
      await drop();
    }
  });

  it('ends with 2 and advice for a disk that is too full, and for a wrong setting', async () => {
    const full = await diagnose({ DAYBOOK_MIN_FREE_DISK: '900TiB' });
    expect(full.code).toBe(2);
    expect(ofArea(full.findings, 'disk').join()).toContain('no job starts');
    const wrong = await diagnose({ DAYBOOK_SLOTS: 'many', DAYBOOK_PORT: '-1' });
    expect(wrong.code).toBe(2);
    expect(ofArea(wrong.findings, 'configuration')).toHaveLength(2);
  });

  it('finds rights that PostgreSQL and the launcher would refuse', async () => {
    const launcher = join(server.folder, 'launcher');
    chmodSync(launcher, 0o755);
    try {
      const { code, findings } = await diagnose();
      expect(code).toBe(2);
      expect(findings.find(({ area, level }) => area === 'launcher' && level === 'bad')?.advice).toContain(
        `chmod 700 ${launcher}`,
      );
    } finally {
      chmodSync(launcher, 0o700);
    }
  });

  it('finds named secrets whose key is gone', async () => {
    await server.call('PUT', '/api/v1/secrets/licence', { value: 'a named secret' });
    expect((await diagnose()).code).toBe(0);
    const key = join(server.folder, 'secret-key');
    renameSync(key, `${key}.away`);
    try {
      const { code, findings } = await diagnose();
      expect(code).toBe(2);
      expect(ofArea(findings, 'configuration').join()).toContain('named secrets, but not their key');
    } finally {
      renameSync(`${key}.away`, key);
    }
  });

  it('without a server names who has the port, and makes nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'daybook-doctor-'));
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = String(typeof address === 'object' && address ? address.port : 0);
    try {
      const { code, findings } = await diagnose({ DAYBOOK_DATA: folder, DAYBOOK_PORT: port });
      expect(code).toBe(2);
      expect(ofArea(findings, 'port')[0]).toContain(
        `is taken by ${basename(process.execPath)} (process ${process.pid})`,
      );
      expect(ofArea(findings, 'database').join()).toContain('There is no database');
      expect(readdirSync(folder)).toEqual([]);
      const missing = join(folder, 'not-there');
      const { findings: more } = await diagnose({ DAYBOOK_DATA: missing, DAYBOOK_PORT: port });
      expect(ofArea(more, 'database').join()).toContain('There is no database');
      expect(existsSync(missing)).toBe(false);
    } finally {
      other.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('tells of the port of FTP, of passwords in clear, and of a certificate that cannot be used', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = String(typeof address === 'object' && address ? address.port : 0);
    const folder = mkdtempSync(join(tmpdir(), 'daybook-doctor-'));
    try {
      const { findings } = await diagnose({
        DAYBOOK_DATA: folder,
        DAYBOOK_FTP_PORT: port,
        DAYBOOK_TLS_CERT: join(folder, 'none.pem'),
        DAYBOOK_TLS_KEY: join(folder, 'none.key'),
      });
      expect(ofArea(findings, 'port')[1]).toBe(
        `bad: FTP cannot have port ${port} on 127.0.0.1 (EADDRINUSE): the server will not start.`,
      );
      expect(ofArea(findings, 'certificate')[0]).toMatch(/^bad: The certificate .*none\.pem .*ENOENT/);
      const open = await diagnose({ DAYBOOK_FTP_PORT: '0', DAYBOOK_FTP_HOST: '0.0.0.0' });
      expect(ofArea(open.findings, 'configuration')).toContain(
        'warn: FTP listens on 0.0.0.0 and takes passwords in clear.',
      );
    } finally {
      other.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('reports a database server that nobody runs', async () => {
    const { code, findings } = await diagnose({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    expect(code).toBe(2);
    expect(ofArea(findings, 'database')[0]).toContain('cannot be asked');
  });

  it('prints a line each for people, with advice below', async () => {
    const { code, stdout } = await runCommand(['doctor'], {
      DAYBOOK_DATA: server.folder,
      DAYBOOK_PORT: 'off',
      WORKER_ALLOW_SHELL: '1',
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^warn {2}configuration {2}Whoever may submit can run any program\.\n +→ Unset WORKER_ALLOW_SHELL/m,
    );
  });
});
