import type { Actor } from '../../contract/actor.ts';
import type { AttemptId } from '../../contract/attempt.ts';
import type { Capsule } from '../../contract/capsule.ts';

export interface CapsuleScript {
  file: string;
  sha256: string;
  sizeBytes: number;
  text: string | null;
  pinned: boolean;
}

export interface NewCapsule extends Omit<Capsule, 'recordedAt' | 'script'> {
  script: CapsuleScript | null;
}

/** What attempts were started with; most are stored with their start or their end. */
export interface CapsuleStore {
  /** Stores capsules by themselves; one that is there already stays as it is. */
  save(batch: readonly NewCapsule[]): Promise<void>;
  /** The script as it was at the start; null when nothing is known of it. */
  findScript(attempt: AttemptId): Promise<{ file: string; sha256: string } | null>;
  /** Leaves a mark and an event, once. */
  markScriptChanged(attempt: AttemptId, actor: string): Promise<void>;
  /** Of that attempt, or (null) the newest that has one. */
  read(jobId: number, attempt: number | null, actor: Actor): Promise<Capsule | null>;
  /** The text of a script by its hash, in hexadecimal. */
  readText(sha256: string): Promise<string | null>;
}
