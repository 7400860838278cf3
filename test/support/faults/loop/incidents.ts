import { setTimeout as wait } from 'node:timers/promises';
import { pollUntil } from '../../poll.ts';
import { faultPoints } from '../fault-points.ts';
import { isAlive, send } from '../processes.ts';
import type { Random } from '../random.ts';
import type { Server } from '../server.ts';
import type { Mode, Site } from './site.ts';

/**
 * What is done to a site. `server`: one process with both roles; `late`: back only after the lease; `stopped`: SIGSTOP
 * for three leases; `both`: with its launcher; `all`: with launcher and postmaster; `term`: SIGTERM; `fresh connections`:
 * for a while the database ends each connection right after it was made; `at …`: by itself at that place in the life of
 * an attempt.
 */
export const targets = [
  'server',
  'server late',
  'server stopped',
  'server term',
  'web',
  'worker',
  'worker late',
  'worker stopped',
  'worker term',
  'launcher',
  'both',
  'child',
  'postmaster',
  'all',
  'fresh connections',
  ...faultPoints.map((point) => `at ${point}` as const),
] as const;
export type Target = (typeof targets)[number];

/** Times as in `Date.now()`. */
export interface Incident {
  target: Target;
  from: number;
  /** All is up again. */
  to: number;
  /** How long the worker did nothing. */
  workerSilentMs: number;
  /** Another process than the worker was there to see it. */
  isWatched: boolean;
  launcherDied: boolean;
  /** False: nothing came by the place in time. */
  happened: boolean;
  /** The program that was killed, when it was one. */
  child: { jobId: number; number: number } | null;
}

export interface PlannedIncident {
  target: Target;
  afterMs: number;
  pauseMs: number;
  /** Picks one of what runs then. */
  choice: number;
}

const points = faultPoints.map((point) => [`at ${point}`, 6] as const);

const weights: Record<Mode, readonly (readonly [Target, number])[]> = {
  serve: [
    ['server', 30],
    ['server late', 6],
    ['server stopped', 4],
    ['server term', 12],
    ['launcher', 16],
    ['both', 8],
    ['child', 12],
    ['postmaster', 10],
    ['all', 4],
    ...points,
  ],
  split: [
    ['web', 16],
    ['worker', 24],
    ['worker late', 8],
    ['worker stopped', 8],
    ['worker term', 10],
    ['launcher', 14],
    ['both', 8],
    ['child', 10],
    ['fresh connections', 10],
    ...points,
  ],
  guest: [
    ['web', 18],
    ['worker', 20],
    ['worker late', 6],
    ['worker stopped', 6],
    ['worker term', 8],
    ['launcher', 12],
    ['both', 6],
    ['child', 8],
    ['postmaster', 12],
    ['all', 4],
    ...points,
  ],
};

export function targetsOf(mode: Mode): Target[] {
  return weights[mode].map(([target]) => target);
}

export function planIncidents(random: Random, mode: Mode, leaseMs: number): PlannedIncident[] {
  return Array.from(
    {
      length: random.pickWeighted([
        [1, 50],
        [2, 40],
        [3, 10],
      ] as const),
    },
    () => {
      const target = random.pickWeighted(weights[mode]);
      return {
        target,
        afterMs: random.integer(50, 900),
        pauseMs: target.endsWith('late')
          ? Math.round(leaseMs * (1.2 + random.next() / 2))
          : random.integer(0, leaseMs * 0.2),
        choice: random.next(),
      };
    },
  );
}

export async function perform(site: Site, planned: PlannedIncident): Promise<Incident> {
  await wait(planned.afterMs);
  const incident: Incident = {
    target: planned.target,
    from: Date.now(),
    to: 0,
    workerSilentMs: 0,
    isWatched: site.web !== site.worker,
    launcherDied: false,
    happened: true,
    child: null,
  };
  await act(site, planned, incident);
  incident.to = Date.now();
  return incident;
}

async function act(site: Site, planned: PlannedIncident, incident: Incident): Promise<void> {
  const { web, worker } = site;
  switch (planned.target) {
    case 'server':
    case 'server late':
    case 'worker':
    case 'worker late':
      await worker.kill();
      return restart(site, worker, planned, incident);
    case 'web':
      await web.kill();
      await wait(planned.pauseMs);
      await web.start();
      return;
    case 'server stopped':
    case 'worker stopped':
      worker.signal('SIGSTOP');
      await wait(site.leaseMs * 3);
      worker.signal('SIGCONT');
      incident.workerSilentMs = Date.now() - incident.from;
      return;
    case 'server term':
    case 'worker term':
      await expectCode(worker, 0);
      return restart(site, worker, planned, incident);
    case 'launcher':
      await killLaunchers(site, incident);
      return;
    case 'both':
      await Promise.all([worker.kill(), killLaunchers(site, incident)]);
      return restart(site, worker, planned, incident);
    case 'child': {
      const programs = site.processes('program').filter(({ isMain }) => isMain);
      const chosen = programs[Math.floor(planned.choice * programs.length)];
      if (chosen && send(chosen.pid, 'SIGKILL')) incident.child = chosen.attempt;
      return;
    }
    case 'postmaster':
      return killPostmaster(site);
    case 'all':
      await Promise.all([
        worker.kill(),
        killLaunchers(site, incident),
        killPostmaster(site, { isAwaited: false }),
      ]);
      return restart(site, worker, planned, incident);
    case 'fresh connections':
      return endFreshConnections(site, planned, incident);
    default:
      return killAtPoint(site, planned, incident);
  }
}

const pointDeadlineMs = 3_000;

/** Whoever submits is the web; everything else happens in the worker. */
async function killAtPoint(site: Site, planned: PlannedIncident, incident: Incident): Promise<void> {
  const point = planned.target.slice('at '.length);
  const server = point.endsWith('submit') ? site.web : site.worker;
  site.arm(server, point);
  const isDead = await Promise.race([server.exit.then(() => true), wait(pointDeadlineMs, false)]);
  if (!isDead) {
    site.arm(server, '');
    // It may have come by just now.
    await wait(50);
  }
  incident.happened = !server.isRunning;
  if (!incident.happened) return;
  incident.from = Date.now();
  return restart(site, server, planned, incident);
}

/** The worker is silent meanwhile: its beats are on connections as well. */
async function endFreshConnections(site: Site, planned: PlannedIncident, incident: Incident): Promise<void> {
  const before = site.proxy.endedFresh;
  site.proxy.endFresh();
  await wait(planned.pauseMs);
  site.proxy.forward();
  incident.happened = site.proxy.endedFresh > before;
  incident.workerSilentMs = Date.now() - incident.from;
}

async function restart(
  site: Site,
  server: Server,
  planned: PlannedIncident,
  incident: Incident,
): Promise<void> {
  await wait(planned.pauseMs);
  await server.start();
  if (server === site.worker) incident.workerSilentMs = Date.now() - incident.from;
}

async function expectCode(server: Server, code: number): Promise<void> {
  const exit = await server.stop();
  if (exit !== code) throw new Error(`a graceful stop ended with ${exit}: ${server.log.slice(-2_000)}`);
}

async function killLaunchers(site: Site, incident: Incident): Promise<void> {
  for (const { pid } of site.processes('launcher')) {
    if (send(pid, 'SIGKILL')) incident.launcherDied = true;
    await pollUntil(
      () => isAlive(pid),
      (alive) => !alive,
    );
  }
}

async function killPostmaster(site: Site, { isAwaited = true } = {}): Promise<void> {
  const [postmaster] = site.processes('postmaster');
  if (!postmaster) return;
  send(postmaster.pid, 'SIGKILL');
  if (!isAwaited) return;
  // Until somebody has noticed, the server is ready by what it knew before.
  await pollUntil(
    () => site.processes('postmaster')[0]?.pid ?? postmaster.pid,
    (pid) => pid !== postmaster.pid,
    { deadlineMs: 60_000 },
  );
  await site.client.persist('GET', '/readyz');
}
