/** Among the queues of a worker: it takes from every queue, also from those that are made later. */
export const allQueues = '*';

/** @param queues of a worker */
export function takesFrom(queues: readonly string[], queue: string): boolean {
  return queues.includes(queue) || queues.includes(allQueues);
}
