import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isOwner, type Actor } from '../../contract/actor.ts';
import { AppError } from '../../contract/errors.ts';
import type { Job } from '../../contract/job.ts';
import { anyUid } from '../../contract/uid.ts';
import type { JobReader } from '../../domain/jobs/reader-ports.ts';
import { principalOf, requirePermission } from './access.ts';

/** The largest number JavaScript counts to without loss; far beyond any diary. */
const maxId = Number.MAX_SAFE_INTEGER;

/** Decimal digits only: `Number` would also read `1e3`, `0x10` and blanks. */
const jobNumber = z
  .string()
  .regex(/^[1-9]\d{0,15}$/)
  .transform(Number)
  .pipe(z.int().max(maxId));

export const jobParams = z.object({
  id: z
    .union([jobNumber, anyUid], { error: 'expected the number of a job, or its uid' })
    .describe('Number or uid.'),
});

/** PostgreSQL counts attempts by `integer`. */
const maxAttempt = 2 ** 31 - 1;

export const attemptQuery = z.coerce
  .number()
  .int()
  .positive()
  .max(maxAttempt)
  .optional()
  .describe('Number of the attempt; by default the newest.');

/** @throws AppError `not_found` when there is none, or the actor may not see it */
export async function findJob(reader: JobReader, request: FastifyRequest): Promise<Job> {
  const { id } = request.params as z.infer<typeof jobParams>;
  const { actor } = principalOf(request);
  const found = typeof id === 'number' ? await reader.byId(id, actor) : await reader.byUid(id, actor);
  if (!found) throw new AppError('not_found', `There is no job ${id}.`);
  return found;
}

/**
 * The same, for changing it: somebody else's job needs a permission of its own.
 * @throws AppError `not_found` or `forbidden`
 */
export async function findJobToChange(
  reader: JobReader,
  request: FastifyRequest,
  forOthers: 'jobs.change-others' | 'jobs.cancel-others',
): Promise<Job> {
  const found = await findJob(reader, request);
  if (!isOwner(found, principalOf(request).actor)) requirePermission(request, forOthers);
  return found;
}

/**
 * An attempt of a job, the newest when none is named; null before the first.
 * @throws AppError `not_found` when the one that is named never was
 */
export async function findAttempt(
  reader: JobReader,
  { id, number }: { id: number; number: number | undefined },
  actor: Actor,
): ReturnType<JobReader['attemptRef']> {
  const attempt = await reader.attemptRef(id, number ?? null, actor);
  if (!attempt && number !== undefined)
    throw new AppError('not_found', `Job ${id} has no attempt ${number}.`);
  return attempt;
}
