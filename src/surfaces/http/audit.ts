import type { FastifyRequest } from 'fastify';
import type { AuditStore } from '../../domain/accounts/ports.ts';
import type { Clock } from '../../lib/clock.ts';

export interface Action {
  /** `users.create`: plural noun, dot, verb. */
  action: string;
  target?: string | undefined;
  /** What was asked. Never a secret. */
  details?: Record<string, unknown>;
  /** Only where the request itself says not yet who it is (signing in). */
  actor?: string;
}

/** Records who did what, after it was done. For every route that changes something. */
export type Audit = (request: FastifyRequest, action: Action) => Promise<void>;

/** An entry that cannot be stored goes to the log: the change is made, and an error would tell the client otherwise. */
export function createAudit(store: AuditStore, clock: Pick<Clock, 'now'>): Audit {
  return async (request, { action, target, details = {}, actor }) => {
    const entry = {
      actor: actor ?? request.principal?.actor.name ?? 'anonymous',
      action,
      target: target ?? null,
      details,
      address: request.ip,
      requestId: request.id,
    };
    try {
      await store.record(entry, clock.now());
    } catch (error) {
      request.log.error(
        { err: error, audit: entry },
        'an audit entry could not be stored; it stands here instead',
      );
    }
  };
}
