import { z } from 'zod';
import { AppError } from '../../../contract/errors.ts';
import { lane, queue, worker, type Worker } from '../../../contract/fleet.ts';
import { plainText, queueName } from '../../../contract/job.ts';
import type { Bell } from '../../../domain/jobs/ports.ts';
import type { FleetStore } from '../../../domain/fleet/ports.ts';
import { principalOf, type App } from '../access.ts';
import type { Audit } from '../audit.ts';

interface FleetDependencies {
  fleet: FleetStore;
  bell: Bell;
  audit: Audit;
}

const note = plainText.max(1_000).nullable().optional();
const capacity = z.int().min(0).max(1_000_000).describe('How many jobs may run at once.');
const laneKey = plainText.min(1).max(200);

/** Queues, lanes and workers. */
export function registerFleetRoutes(app: App, { fleet, bell, audit }: FleetDependencies): void {
  app.get('/api/v1/queues', {
    config: { access: 'queues.read' },
    schema: {
      operationId: 'listQueues',
      tags: ['queues'],
      summary: 'All queues with what waits and runs in them',
      response: { 200: z.object({ items: z.array(queue) }) },
    },
    handler: async () => ({ items: await fleet.queues() }),
  });

  app.put('/api/v1/queues/:name', {
    config: { access: 'queues.change' },
    schema: {
      operationId: 'putQueue',
      tags: ['queues'],
      summary: 'Make a queue, pause, drain or limit it',
      params: z.object({ name: queueName }),
      body: z.strictObject({
        paused: z.boolean().optional().describe('A paused queue takes jobs but none of them starts.'),
        draining: z.boolean().optional().describe('A draining queue takes no new jobs and runs what it has.'),
        note,
        capacity: capacity.nullable().optional(),
      }),
      response: { 200: queue },
    },
    handler: async (request) => {
      const { name } = request.params;
      const { capacity: limit, ...change } = request.body;
      await fleet.putQueue(name, change);
      if (limit === null) await fleet.removeLane(`queue:${name}`);
      else if (limit !== undefined) await fleet.putLane(`queue:${name}`, { capacity: limit });
      await audit(request, { action: 'queues.change', target: name, details: request.body });
      await wake(name);
      const found = (await fleet.queues()).find((one) => one.name === name);
      if (!found) throw new AppError('not_found', `There is no queue ${name}.`);
      return found;
    },
  });

  app.delete('/api/v1/queues/:name', {
    config: { access: 'queues.change' },
    schema: {
      operationId: 'deleteQueue',
      tags: ['queues'],
      summary: 'Remove a queue that no job names',
      params: z.object({ name: queueName }),
      response: { 204: z.undefined().describe('Removed.') },
    },
    handler: async (request, reply) => {
      const { name } = request.params;
      switch (await fleet.removeQueue(name)) {
        case 'not_found':
          throw new AppError('not_found', `There is no queue ${name}.`);
        case 'in_use':
          throw new AppError('conflict', `Jobs of the diary name the queue ${name}; pause it instead.`);
        case 'removed':
          // Else the next queue of this name would begin with the limit of this one.
          await fleet.removeLane(`queue:${name}`);
          await audit(request, { action: 'queues.delete', target: name });
          return reply.code(204).send();
      }
    },
  });

  app.get('/api/v1/lanes', {
    config: { access: 'lanes.read' },
    schema: {
      operationId: 'listLanes',
      tags: ['lanes'],
      summary: 'Counted limits: of a queue, a user, a key, a licence',
      response: { 200: z.object({ items: z.array(lane) }) },
    },
    handler: async (request) => ({ items: await fleet.lanes(principalOf(request).actor) }),
  });

  app.put('/api/v1/lanes/:key', {
    config: { access: 'lanes.change' },
    schema: {
      operationId: 'putLane',
      tags: ['lanes'],
      summary: 'Make a lane or change its size',
      description: 'Every job counts in `queue:<its queue>` and `user:<its owner>` once these lanes exist.',
      params: z.object({ key: laneKey }),
      body: z.strictObject({ capacity, note }),
      response: { 200: lane },
    },
    handler: async (request) => {
      const { key } = request.params;
      const changed = await fleet.putLane(key, request.body);
      await audit(request, { action: 'lanes.change', target: key, details: request.body });
      return changed;
    },
  });

  app.delete('/api/v1/lanes/:key', {
    config: { access: 'lanes.change' },
    schema: {
      operationId: 'deleteLane',
      tags: ['lanes'],
      summary: 'Remove a limit; jobs it held back go on',
      params: z.object({ key: laneKey }),
      response: { 204: z.undefined().describe('Removed.') },
    },
    handler: async (request, reply) => {
      const { key } = request.params;
      if (!(await fleet.removeLane(key))) throw new AppError('not_found', `There is no lane ${key}.`);
      await audit(request, { action: 'lanes.delete', target: key });
      return reply.code(204).send();
    },
  });

  app.get('/api/v1/workers', {
    config: { access: 'workers.read' },
    schema: {
      operationId: 'listWorkers',
      tags: ['workers'],
      summary: 'All workers, with what they offer and when they were last heard of',
      response: { 200: z.object({ items: z.array(worker) }) },
    },
    handler: async () => ({ items: await listWorkers() }),
  });

  app.patch('/api/v1/workers/:id', {
    config: { access: 'workers.change' },
    schema: {
      operationId: 'changeWorker',
      tags: ['workers'],
      summary: 'Drain a worker, or let it take work again',
      params: z.object({ id: z.uuid() }),
      body: z.strictObject({ draining: z.boolean() }),
      response: { 200: worker },
    },
    handler: async (request) => {
      const { id } = request.params;
      const { draining } = request.body;
      if (!(await fleet.setDraining(id, draining)))
        throw new AppError('not_found', `There is no worker ${id}.`);
      await audit(request, { action: 'workers.change', target: id, details: { draining } });
      bell.callWorkers([id]);
      const found = (await listWorkers()).find((one) => one.id === id);
      if (!found) throw new AppError('not_found', `There is no worker ${id}.`);
      return found;
    },
  });

  async function listWorkers(): Promise<Worker[]> {
    return (await fleet.workers()).map(({ queues, labels, kinds, startedAt, seenAt, ...rest }) => ({
      ...rest,
      queues: [...queues],
      labels: [...labels],
      kinds: [...kinds],
      startedAt: startedAt.toISOString(),
      seenAt: seenAt.toISOString(),
    }));
  }

  /** A resumed or widened queue may have work at once. */
  async function wake(name: string): Promise<void> {
    bell.ring(await fleet.places(name));
    bell.announce();
  }
}
