import type { Actor } from '../../../contract/actor.ts';
import type { JobQuery } from '../../../domain/jobs/reader-ports.ts';

/** Collects conditions and the values they name, so that no value ever becomes SQL text. */
export class Conditions {
  readonly values: unknown[];
  readonly #parts: string[] = [];

  /** @param values of another part of the same statement, to be numbered on */
  constructor(values: unknown[] = []) {
    this.values = values;
  }

  /** @param part SQL in which `?` stands for the next value */
  add(part: string, ...values: unknown[]): this {
    let next = 0;
    this.#parts.push(
      part.replaceAll('?', () => {
        this.values.push(values[next]);
        next += 1;
        return `$${this.values.length}`;
      }),
    );
    return this;
  }

  /** Names a value outside the conditions, such as a limit. */
  value(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  /** For `where`. */
  get text(): string {
    return this.#parts.length === 0 ? 'true' : this.#parts.join(' and ');
  }
}

/**
 * The one predicate that says which jobs somebody may see; part of every statement that lists, counts, reads, streams
 * or changes jobs for a person. Everybody sees every job; rights by project will add their condition here.
 *
 * Without it stand only numbers that name no job and nothing of one: how many wait in a queue, how many places of a limit
 * are taken, how many go first. Who waits needs them to be true. Whatever is told by name (a duration "of jobs like this
 * one", a key that somebody chose) and whatever leads to a job goes through it.
 */
export function visibleTo(conditions: Conditions, _actor: Actor): Conditions {
  return conditions;
}

/** The plain filters of a list, besides states: these are where it looks, see `in-states.ts`. */
export function addFilters(conditions: Conditions, query: Omit<JobQuery, 'limit'>): Conditions {
  if (query.ids) conditions.add('job.id = any(?::bigint[])', query.ids);
  if (query.kind !== undefined) conditions.add('job.kind = ?', query.kind);
  if (query.queue !== undefined) conditions.add('job.queue = ?', query.queue);
  // Both: the index has the folded name.
  if (query.owner !== undefined) {
    conditions.add('lower(job.owner) = lower(?::text) and job.owner = ?', query.owner, query.owner);
  }
  if (query.project !== undefined)
    conditions.add('normalize(job.project) = normalize(?::text)', query.project);
  if (query.since) conditions.add('job.submitted_at >= ?', query.since);
  if (query.until) conditions.add('job.submitted_at < ?', query.until);
  if (query.worker !== undefined) {
    conditions.add(
      'exists (select from attempt_rows w where w.job_id = job.id and w.number = job.attempt and w.worker_name = ?)',
      query.worker,
    );
  }
  return conditions;
}
