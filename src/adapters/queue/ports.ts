import { takesFrom } from '../../contract/worker-queues.ts';
import type { Bell, Place } from '../../domain/jobs/ports.ts';
import type { Service } from '../../lib/service.ts';

/** What a listener may run. */
export interface RingInterest {
  queues: readonly string[];
  labels: readonly string[];
}

/**
 * The queue engine. It wakes, it does not decide: a ring says *look at this place*, and a claim then takes the best job
 * there is. So a ring may be lost, doubled or late without harm; whoever listens also looks by itself now and then.
 *
 * After an interruption every listener is rung once, because it cannot know what it missed.
 */
export interface Rings extends Bell, Service {
  /** Calls back when a place may have work. Rings of one moment may come as one. Returns how to stop listening. */
  listen(interest: RingInterest, onRing: () => void): () => void;
  /** Calls back when this worker should look at its attempts. */
  listenForCalls(workerId: string, onCall: () => void): () => void;
  /** Calls back when something changed that live views show. */
  listenForNews(onNews: () => void): () => void;
}

export function canServe(interest: RingInterest, place: Place): boolean {
  return (
    takesFrom(interest.queues, place.queue) && place.needs.every((label) => interest.labels.includes(label))
  );
}
