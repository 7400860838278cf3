import type { Actor } from '../../contract/actor.ts';
import type { ImportedJob, ImportOutcome } from '../../contract/import.ts';
import type { AttemptOutcome, FailureFamily } from '../jobs/ports.ts';
import type { OutputChunk } from '../output/ports.ts';

export interface ImportOptions {
  /** A job that is known takes what its line says; what the line leaves out stays. */
  isUpdate: boolean;
  /** Says what would happen, and changes nothing. */
  isDryRun: boolean;
}

export interface Imports {
  /**
   * Takes lines of JSON and tells of each what became of it, in their order; holds a batch of them at a time. What was
   * told is stored. @throws AppError `database_unavailable`
   */
  run(lines: AsyncIterable<string>, options: ImportOptions, actor: Actor): AsyncGenerator<ImportOutcome>;
}

/** A foreign job, ready to be stored. */
export interface NewImport extends Omit<ImportedJob, 'uid'> {
  uid: string;
  output: OutputChunk[];
  stdoutBytes: number;
  stderrBytes: number;
  /** Null, both: it did not fail. */
  errorLine: string | null;
  family: FailureFamily | null;
}

/** What a failed job said last, and who failed alike: `jobs/failure.ts`, handed in by the composition root. */
export type ExplainFailure = (
  failure: Pick<AttemptOutcome, 'reason' | 'exitCode' | 'signal' | 'message'>,
  output: { stdout: string; stderr: string },
) => { errorLine: string | null; family: FailureFamily | null };

/** How the text of an import becomes chunks: `output/append.ts`, handed in by the composition root. */
export type ChunkOutput = (texts: {
  stdout: string;
  stderr: string;
  at: Date;
}) => Promise<{ chunks: OutputChunk[]; stdoutBytes: number; stderrBytes: number }>;

export interface ImportStore {
  /** One transaction. Outcomes in the order of the batch, whose identities differ. */
  store(
    batch: readonly NewImport[],
    options: ImportOptions,
    actor: Actor,
  ): Promise<{ outcome: 'added' | 'updated' | 'known'; jobId: number | null }[]>;
}
