/**
 * Peers run as processes of their own under bench/peers and speak one line at a time: a request on standard input, a
 * JSON value on standard output.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { missing, say } from './harness.ts';

const folder = join(import.meta.dirname, 'peers');
const modules = join(import.meta.dirname, 'node_modules');

export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(command: string, args: readonly string[], env: Record<string, string> = {}) {
    this.#child = spawn(command, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (!this.#child.stdout) throw new Error('a peer has no output');
    this.#reader = createInterface({ input: this.#child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async ask<T>(request: string): Promise<T> {
    this.#child.stdin?.write(`${request}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the peer ended instead of answering "${request}"`);
    return JSON.parse(value) as T;
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    this.#reader.close();
  }
}

/** A peer from npm; null, and a line that says so, when its packages cannot be had. */
export function nodePeer(name: string, env: Record<string, string> = {}): Peer | null {
  if (!installPackages()) return null;
  return new Peer(process.execPath, [`${name}.mjs`], env);
}

/** A peer from Debian. */
export function pythonPeer(
  name: string,
  { modules: needed, packages }: { modules: readonly string[]; packages: string },
  env: Record<string, string> = {},
): Peer | null {
  const imports = needed.map((module) => `import ${module}`).join('; ');
  if (spawnSync('/usr/bin/python3', ['-c', imports]).status !== 0) {
    missing(name, `apt-get install -y --no-install-recommends ${packages}`);
    return null;
  }
  return new Peer('/usr/bin/python3', [`${name}.py`], env);
}

/** Celery with four processes on RabbitMQ; keeps results only where BENCH_RESULTS names a database. */
export function celeryPeer(env: Record<string, string> = {}): Peer | null {
  const packages = 'celery python3-celery python3-sqlalchemy python3-psycopg2 rabbitmq-server';
  return pythonPeer('celery_peer', { modules: ['celery', 'sqlalchemy', 'psycopg2'], packages }, env);
}

/** What peers from Debian need, and their services. */
const debianPackages =
  'celery python3-celery python3-rq python3-redis python3-sqlalchemy python3-psycopg2 redis-server rabbitmq-server gcc libc6-dev nginx-light vsftpd';
const services = ['redis-server', 'rabbitmq-server'];

/** Installs the peers from Debian and starts their services. @throws when that fails, or somebody else than root asks */
export function installDebianPeers(): void {
  say(`  installing ${debianPackages}`);
  const run = (command: string, args: readonly string[]): void => {
    const { status, stderr } = spawnSync(command, args, {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr || `status ${status}`}`);
  };
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...debianPackages.split(' ')]);
  for (const service of services) run('service', [service, 'start']);
}

export function packageVersion(name: string): string {
  const { version } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')) as {
    version: string;
  };
  return `${name} ${version}`;
}

/** What bench/package.json names, when it is not there yet. */
export function installPackages(): boolean {
  if (existsSync(join(modules, '.package-lock.json'))) return true;
  say('  installing the packages of bench/package.json');
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) missing('the peers from npm', 'npm ci --ignore-scripts --prefix bench');
  return status === 0;
}
