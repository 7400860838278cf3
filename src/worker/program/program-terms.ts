import type { RunOptions } from '../../contract/run-options.ts';
import type { Limits } from '../../launcher/protocol.ts';
import type { WorkerSettings } from '../settings.ts';

/** What holds for the program of one attempt: what its submit said, and the defaults of this worker for the rest. */
export interface ProgramTerms {
  limits: Limits;
  outputBytes: number;
  nice: number | null;
}

export function toTerms(run: RunOptions | null, settings: WorkerSettings): ProgramTerms {
  const { outputBytes, ...said } = run?.limits ?? {};
  const named = Object.entries(said).filter(([, value]) => value !== undefined);
  return {
    limits: { ...settings.defaultLimits, ...Object.fromEntries(named) },
    outputBytes: outputBytes ?? settings.outputLimitBytes,
    nice: run?.nice ?? settings.defaultNice,
  };
}
