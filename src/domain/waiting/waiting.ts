import { explainWaiting } from './explain.ts';
import type { WaitingReasons, WaitingStore } from './ports.ts';

export function createWaitingReasons(store: WaitingStore): WaitingReasons {
  return {
    explain: async (jobId, actor) => {
      const facts = await store.facts(jobId, actor);
      return facts && explainWaiting(facts);
    },
  };
}
