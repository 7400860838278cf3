import { z } from 'zod';
import { plainText } from '../../contract/job.ts';
import { defineKind } from '../define-kind.ts';
import type { KindOutcome, ProgramReport } from '../../domain/jobs/kind-ports.ts';
import { findQuoteProblem } from '../../contract/quoted-words.ts';
import { toArgv } from './contract.ts';
import { findScript } from './find-script.ts';
import { scriptSettings } from './settings.ts';

const argumentPair = z.tuple([
  plainText.max(10_000),
  plainText.max(100_000).superRefine((value, context) => {
    const problem = findQuoteProblem(value);
    if (problem) context.addIssue({ code: 'custom', message: problem });
  }),
]);

const scriptInput = z.strictObject({
  script: plainText
    .min(1)
    .max(255)
    .refine((name) => !name.includes('/') && name !== '.' && name !== '..', {
      message: 'expected the bare name of a file in the scripts directory, without `/`',
    })
    .describe('Name of a file in the scripts directory.'),
  arguments: z
    .array(argumentPair)
    .max(1_000)
    .default([])
    .describe(
      'Options with values, in order: `[["--source", "a b"], ["", "file.txt"]]`. A value is split at white space, quotes respected; no shell takes part.',
    ),
});

/** A program of the scripts directory, run with arguments in the home directory. */
export const scriptKind = defineKind({
  name: 'script',
  title: 'Script',
  description: 'Runs a script of the scripts directory, without a shell in between.',
  input: scriptInput,
  result: z.record(z.string(), z.unknown()).describe('What the script reported by protocol lines.'),
  settings: scriptSettings,
  nameOf: (input) => [input.script, ...toArgv(input.arguments)].join(' '),
  scriptMember: 'script',
  runsProgram: true,
  createRun:
    ({ scriptsDirectory, settings: { allowShell } }) =>
    async ({ input, pinnedScript }, context) =>
      toOutcome(
        await context.program(async () => {
          const args = toArgv(input.arguments);
          if (pinnedScript !== null) return { file: pinnedScript, args, script: pinnedScript };
          const found = await findScript(input.script, { scriptsDirectory, allowShell });
          if ('exitCode' in found) return found;
          return { file: found.file, args, script: found.script };
        }),
      ),
});

function toOutcome(report: ProgramReport): KindOutcome {
  if (report.status === 'not_started') {
    return { state: 'failed', reason: 'error', message: report.message, exitCode: report.exitCode };
  }
  const { exitCode, signal } = report;
  if (exitCode === 0) return { state: 'succeeded', exitCode };
  if (signal !== null) return { state: 'failed', reason: 'signal', message: `Ended by ${signal}.`, signal };
  return {
    state: 'failed',
    reason: 'exit',
    message: exitCode === null ? 'Its exit code is not known.' : `Ended with exit code ${exitCode}.`,
    ...(exitCode === null ? {} : { exitCode }),
  };
}
