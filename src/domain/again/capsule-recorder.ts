import { Gather } from '../../lib/gather.ts';
import type { CapsuleRecorder, CapsuleStore, NewCapsule } from './capsule-ports.ts';

export function createCapsuleRecorder(store: CapsuleStore): CapsuleRecorder {
  const saves = new Gather(
    async (batch: NewCapsule[]) => {
      await store.save(batch);
      return batch.map(() => true);
    },
    { maxItems: 100 },
  );
  return {
    save: async (capsule) => void (await saves.add(capsule)),
    findScript: (attempt) => store.findScript(attempt),
    markScriptChanged: (attempt, actor) => store.markScriptChanged(attempt, actor),
    readText: (sha256) => store.readText(sha256),
  };
}
