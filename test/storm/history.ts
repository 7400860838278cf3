/** One row of the history of a job. */
export interface HistoryEvent {
  name: string;
  data: { attempt?: number; next?: string } | null;
  /** The transaction that wrote it. */
  xid: bigint;
}

export type Standing = 'nowhere' | 'waits' | 'runs' | 'ended';

/** What the history of one job says. */
export interface History {
  /** Where it stands after the last event. */
  standing: Standing;
  /** Numbers of attempts, in the order in which they ended. */
  ended: number[];
  /** What cannot follow on what was before. */
  odd: string[];
  /** While it stood ended: from which transaction on, and which one took it back. */
  rests: { from: bigint; to: bigint | null }[];
}

/** They tell of a job and move nothing: whoever writes one may have waited for the move that then sorts before it. */
const aside = new Set([
  'changed',
  'late result',
  'limit near',
  'reports left out',
  'base run assessed',
  'waiting',
  'queued',
  'scheduled',
  'imported again',
]);

/**
 * Reads the history of a job as a machine with four standings: submitted once and first, one end after each claim,
 * numbers by one, retried only between ends, and never tried again by policy once a cancel had been asked for.
 * @param events in the order of the feed: of transactions, then of numbers
 */
export function readHistory(events: readonly HistoryEvent[]): History {
  const reader = new HistoryReader();
  for (const event of events) reader.read(event);
  return reader.toHistory();
}

class HistoryReader {
  #standing: Standing = 'nowhere';
  #number = 0;
  readonly #ended: number[] = [];
  readonly #odd: string[] = [];
  readonly #rests: History['rests'] = [];
  readonly #cancelAsked = new Set<number>();
  readonly #triedAgain = new Set<number>();

  read(event: HistoryEvent): void {
    const { name, data } = event;
    if (aside.has(name)) return;
    switch (name) {
      case 'submitted':
        return this.#move(event, ['nowhere'], 'waits');
      case 'imported':
        // What was imported has one attempt, which no event tells of.
        this.#ended.push(1);
        return this.#move(event, ['nowhere'], 'ended');
      case 'claimed':
      case 'started elsewhere':
        this.#move(event, [name === 'claimed' ? 'waits' : 'nowhere'], 'runs');
        this.#number += 1;
        return this.#expect(
          data?.attempt === this.#number,
          `claimed as ${data?.attempt} instead of ${this.#number}`,
        );
      case 'cancel requested':
        // It sorts behind the claim of the attempt that it is meant for, and may sort behind its end as well.
        this.#cancelAsked.add(this.#number);
        return;
      case 'retried':
        return this.#move(event, ['ended'], 'waits');
      default:
        return this.#end(event);
    }
  }

  #end(event: HistoryEvent): void {
    const { name, data } = event;
    if (data?.attempt === undefined) {
      this.#expect(name === 'cancelled' || name === 'failed', `${name} without an attempt`);
      return this.#move(event, ['waits'], 'ended');
    }
    this.#expect(data.attempt === this.#number, `the end of ${data.attempt} while at ${this.#number}`);
    this.#ended.push(data.attempt);
    if (data.next !== undefined) this.#triedAgain.add(data.attempt);
    this.#move(event, ['runs'], data.next === undefined ? 'ended' : 'waits');
  }

  #move({ name, data, xid }: HistoryEvent, from: readonly Standing[], to: Standing): void {
    const again = data?.next === undefined ? '' : ' and again';
    this.#expect(from.includes(this.#standing), `${name}${again} while it ${this.#standing}`);
    const rest = this.#rests.at(-1);
    if (rest && rest.to === null) rest.to = xid;
    if (to === 'ended') this.#rests.push({ from: xid, to: null });
    this.#standing = to;
  }

  #expect(isSo: boolean, otherwise: string): void {
    if (!isSo) this.#odd.push(otherwise);
  }

  toHistory(): History {
    const unheard = [...this.#cancelAsked].filter((number) => this.#triedAgain.has(number));
    return {
      standing: this.#standing,
      ended: this.#ended,
      odd: [...this.#odd, ...unheard.map(() => 'tried again by policy though a cancel was asked for')],
      rests: this.#rests,
    };
  }
}
