import type { SubmitOutcome } from '../../src/domain/jobs/ports.ts';
import type { Random } from '../support/faults/random.ts';

/** A cancel that was answered: of which job, when, and what was said. */
export interface CancelCall {
  /** Every transaction before this one had ended when it was asked. */
  from: bigint;
  /** No transaction from this one on had begun when it was answered. */
  to: bigint;
  /** Null: the answer left the job out. */
  state: string | null;
}

const mostLast = 10;

/** What the clients know from answers. Whatever was not answered may have happened, or not. */
export class Memory {
  /** In the order of their answers. */
  readonly ids: number[] = [];
  /** Of submits that were sent. */
  readonly sent = new Set<string>();
  readonly accepted = new Map<string, number>();
  /** By job: a removal that was answered, or whose answer never came. */
  readonly maybeRemoved = new Set<number>();
  /** By idempotency key: as which jobs it was answered. */
  readonly keyAnswers = new Map<string, Set<string>>();
  readonly cancels = new Map<number, CancelCall[]>();
  /** Tokens of attempts whose end was answered as applied. */
  readonly applied = new Set<string>();
  /** Removed by retention, as answered. */
  readonly removedByRule = new Set<number>();
  /** What was claimed, and what ended, last: there, most moves meet. */
  readonly claimedLast: number[] = [];
  readonly endedLast: number[] = [];
  /** How many jobs wait, as it was seen last. */
  waiting = 0;

  accept(id: number, uid: string): void {
    if (this.accepted.has(uid)) return;
    this.accepted.set(uid, id);
    this.ids.push(id);
  }

  answerKey(key: string, outcome: SubmitOutcome): void {
    if (outcome.status !== 'stored') return;
    const answers = this.keyAnswers.get(key) ?? new Set();
    this.keyAnswers.set(key, answers.add(outcome.uid));
  }

  noteCancel(id: number, call: CancelCall): void {
    const calls = this.cancels.get(id) ?? [];
    calls.push(call);
    this.cancels.set(id, calls);
  }

  noteLast(list: number[], id: number): void {
    list.push(id);
    if (list.length > mostLast) list.shift();
  }

  /** One of the jobs that were accepted last; undefined while there is none. */
  recent(random: Random, span: number): number | undefined {
    return this.ids[Math.max(0, this.ids.length - random.integer(1, span))];
  }
}
