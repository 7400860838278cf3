import type { Registry } from 'prom-client';
import { createGauge } from './metrics.ts';
import type { Figures, ProcessFigures } from './ports.ts';

const liveStates = ['waiting', 'scheduled', 'queued', 'running'] as const;

/** More queues or workers than this are one line, `other`: somebody's mistake must not fill the monitoring. */
const mostLabels = 200;

export interface Gauges {
  /** Null: the database does not answer; its figures disappear instead of standing still. */
  show(figures: Figures | null, process: ProcessFigures): void;
}

/** The gauges of a scrape, set anew each time from what the database and this process know. */
export function createGauges(registry: Registry): Gauges {
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    createGauge(registry, name, { help, labelNames });
  const up = gauge('daybook_database_up', '1 when the database answered this scrape.');
  const jobs = gauge('daybook_jobs', 'Jobs that have not ended, by state.', ['state']);
  const depth = gauge('daybook_queue_jobs', 'Jobs that have not ended, by queue and state.', [
    'queue',
    'state',
  ]);
  const oldest = gauge(
    'daybook_queue_oldest_seconds',
    'How long the oldest queued job of a queue has been due.',
    ['queue'],
  );
  const workers = gauge('daybook_workers', 'Workers by state.', ['state']);
  const beat = gauge('daybook_worker_beat_age_seconds', 'Since the last beat of a worker that should beat.', [
    'worker',
  ]);
  const slots = gauge('daybook_slots', 'Slots of active workers.');
  const slotsUsed = gauge('daybook_slots_used', 'Slots of active workers that run an attempt.');
  const size = gauge('daybook_database_size_bytes', 'Size of the database.');
  const serverConnections = gauge(
    'daybook_database_connections',
    'Connections of everybody to the database.',
  );
  const transaction = gauge(
    'daybook_database_oldest_transaction_seconds',
    'Age of the oldest open transaction.',
  );
  const age = gauge('daybook_database_transaction_age', 'Transactions since the oldest unfrozen row.');
  const pool = gauge('daybook_database_pool_connections', 'Connections of this process by what they do.', [
    'use',
  ]);
  const poolWaiting = gauge('daybook_database_pool_waiting', 'Callers that wait for a connection.');
  const launcher = gauge('daybook_launcher_up', '1 when the launcher of this process answers.');
  const ownSlots = gauge('daybook_worker_slots', 'Slots of the worker in this process.');
  const ownRunning = gauge('daybook_worker_slots_used', 'Attempts that run in this process.');
  const fromDatabase = [
    jobs,
    depth,
    oldest,
    workers,
    beat,
    slots,
    slotsUsed,
    size,
    serverConnections,
    transaction,
    age,
  ];

  return {
    show: (figures, { connections, worker }) => {
      for (const one of fromDatabase) one.reset();
      up.set(figures ? 1 : 0);
      pool.set({ use: 'used' }, connections.used);
      pool.set({ use: 'idle' }, connections.idle);
      poolWaiting.set(connections.waiting);
      if (worker) {
        launcher.set(worker.launcherIsUp ? 1 : 0);
        ownSlots.set(worker.slots);
        ownRunning.set(worker.running);
      }
      if (!figures) {
        // A gauge without labels would say 0, and a database of 0 bytes is not what is meant.
        for (const one of [slots, slotsUsed, size, serverConnections, transaction, age]) one.remove();
        return;
      }
      showJobs(figures.jobs);
      showWorkers(figures.workers);
      size.set(figures.databaseBytes);
      serverConnections.set(figures.connections);
      transaction.set(figures.oldestTransactionSeconds);
      age.set(figures.transactionAge);
    },
  };

  function showJobs(rows: Figures['jobs']): void {
    for (const state of liveStates) jobs.set({ state }, 0);
    const label = labelOf(rows.map(({ queue }) => queue));
    for (const { queue, state, count, oldestSeconds } of rows) {
      jobs.inc({ state }, count);
      depth.inc({ queue: label(queue), state }, count);
      if (state === 'queued') oldest.set({ queue: label(queue) }, oldestSeconds);
    }
  }

  function showWorkers(rows: Figures['workers']): void {
    for (const state of ['active', 'stopped', 'silent']) workers.set({ state }, 0);
    slots.set(0);
    slotsUsed.set(0);
    const label = labelOf(rows.map(({ name }) => name));
    for (const { name, state, slots: own, running, silentSeconds } of rows) {
      workers.inc({ state });
      if (state !== 'active') continue;
      slots.inc(own);
      slotsUsed.inc(running);
      beat.set({ worker: label(name) }, silentSeconds);
    }
  }
}

function labelOf(names: readonly string[]): (name: string) => string {
  const kept = new Set([...new Set(names)].slice(0, mostLabels));
  return (name) => (kept.has(name) ? name : 'other');
}
