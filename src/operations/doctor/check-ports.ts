import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { Finding } from '../../contract/finding.ts';
import { httpAddress } from '../../lib/host.ts';
import { lockHolder } from '../../lib/directory-lock.ts';
import { findingsOf } from './finding.ts';

const { ok, warn, bad } = findingsOf('port');

const answerWithinMs = 2_000;

/** Whether the server answers, or its ports are free for the next start. */
export async function checkPorts(config: Config): Promise<Finding[]> {
  return [...(await checkWeb(config)), ...(await checkFtp(config))];
}

async function checkFtp({ ftp, data }: Config): Promise<Finding[]> {
  const { host, port, portIsChosen } = ftp;
  if (typeof port !== 'number' || port === 0) return [];
  const isRunning = Boolean(lockHolder(data.directory, { name: 'web' }));
  const code = await tryToListen(host, port);
  const where = `port ${port} on ${host}`;
  if (isRunning && code === null)
    return [
      warn(`A server runs, but FTP does not listen on ${where}.`, 'See its log; it may have another port.'),
    ];
  if (isRunning || code === null) return [ok(isRunning ? `FTP has ${where}.` : `FTP: ${where} is free.`)];
  const advice = 'Stop the program that has it, or set DAYBOOK_FTP_PORT to another port.';
  const text = `FTP cannot have ${where} (${code})`;
  return [
    portIsChosen
      ? bad(`${text}: the server will not start.`, advice)
      : warn(`${text}: it will stay off.`, advice),
  ];
}

async function checkWeb({ http, data }: Config): Promise<Finding[]> {
  if (http.port === 'off') return [ok('The web interface is switched off (DAYBOOK_PORT).')];
  if (http.port === 0) return [ok('Any free port is taken at the start (DAYBOOK_PORT is 0).')];
  const server = lockHolder(data.directory, { name: 'web' });
  const code = await tryToListen(http.host, http.port);
  const where = `port ${http.port} on ${http.host}`;
  if (server)
    return [await checkServer({ host: http.host, port: http.port, pid: server.pid, isFree: code === null })];
  if (code === null) return [ok(`No server runs; ${where} is free.`)];
  if (code === 'EADDRINUSE') {
    const owner = findListener(http.port);
    const whose = owner ? `${owner.name} (process ${owner.pid})` : 'another program';
    return [bad(`${where} is taken by ${whose}.`, 'Stop that program, or set DAYBOOK_PORT to another port.')];
  }
  return [
    bad(
      `${where} cannot be listened on (${code}).`,
      'Set DAYBOOK_HOST and DAYBOOK_PORT to what this machine has.',
    ),
  ];
}

interface RunningServer {
  host: string;
  port: number;
  pid: number;
  isFree: boolean;
}

async function checkServer({ host, port, pid, isFree }: RunningServer): Promise<Finding> {
  const url = httpAddress(host, port);
  if (isFree) {
    return warn(
      `A server (process ${pid}) uses this data directory, but does not listen on ${port}.`,
      'It was probably started with another DAYBOOK_PORT; set the same here.',
    );
  }
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(answerWithinMs) });
    if (answer.ok) return ok(`The server (process ${pid}) answers at ${url}.`);
    return bad(
      `The server (process ${pid}) answers at ${url}, but is not ready (${answer.status}).`,
      'See its log.',
    );
  } catch {
    return bad(`The server (process ${pid}) does not answer at ${url}.`, 'See its log; it may be stuck.');
  }
}

/** The code of the error; null when it would have worked. */
async function tryToListen(host: string, port: number): Promise<string | null> {
  const probe = createServer();
  try {
    const listening = once(probe, 'listening');
    probe.listen({ host, port });
    await listening;
    return null;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  } finally {
    probe.close();
  }
}

/** Linux says whose socket it is, as far as we may look at other people's processes. */
function findListener(port: number): { pid: number; name: string } | null {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listenersOf(table, port)));
  if (inodes.size === 0) return null;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!openFiles(pid).some((file) => inodes.has(file))) continue;
    return { pid: Number(pid), name: nameOf(pid) };
  }
  return null;
}

/** As it was called: `comm` is the name of its first thread, which Node calls MainThread. */
function nameOf(pid: string): string {
  const [command = ''] = read(`/proc/${pid}/cmdline`).split(/[\0 ]/);
  return basename(command) || read(`/proc/${pid}/comm`).trim();
}

function listenersOf(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return read(table)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) && fields[3] === '0A')
    .map((fields) => `socket:[${fields[9]}]`);
}

function openFiles(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    // Somebody else's, or gone.
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
