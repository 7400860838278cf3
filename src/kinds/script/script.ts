import { z } from 'zod';
import { plainText } from '../../contract/job.ts';
import { defineKind } from '../define-kind.ts';
import type { Kind, KindOutcome, ProgramReport } from '../ports.ts';
import { findQuoteProblem, toArgv } from './arguments.ts';
import { findScript, type ScriptFolder } from './find-script.ts';
import { resolveWorkdir } from './workdir.ts';

const argumentPair = z.tuple([
  plainText.max(10_000),
  plainText.max(100_000).superRefine((value, context) => {
    const problem = findQuoteProblem(value);
    if (problem) context.addIssue({ code: 'custom', message: problem });
  }),
]);

const variableName = /^[A-Za-z_][A-Za-z0-9_]{0,199}$/;

function findNameProblem(name: string): string | null {
  if (!variableName.test(name))
    return 'expected a name of letters, digits and `_`, not starting with a digit, at most 200';
  return name.startsWith('DAYBOOK_') ? 'names starting with DAYBOOK_ are set by the server' : null;
}

export const scriptInput = z.strictObject({
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
  env: z
    .record(z.string(), plainText.max(100_000))
    .default({})
    .describe('Variables added to the environment.')
    // Not by a schema for the names: what it finds wrong would say neither which name nor what was expected.
    .superRefine((env, context) => {
      for (const name of Object.keys(env)) {
        const message = findNameProblem(name);
        if (message) context.addIssue({ code: 'custom', path: [name], message });
      }
    }),
  stdin: z.string().max(500_000).optional().describe('Text for the standard input.'),
  workdir: plainText
    .max(1_000)
    .optional()
    .describe('Folder inside the home directory to run in; by default the home directory itself.'),
});
export type ScriptInput = z.infer<typeof scriptInput>;

export interface ScriptSettings extends ScriptFolder {
  homeDirectory: string;
}

/** A program of the scripts directory, run with arguments in the home directory. */
export function createScriptKind(settings: ScriptSettings): Kind<ScriptInput, Record<string, unknown>> {
  return defineKind({
    name: 'script',
    title: 'Script',
    description: 'Runs a script of the scripts directory, without a shell in between.',
    input: scriptInput,
    result: z.record(z.string(), z.unknown()).describe('What the script reported by protocol lines.'),
    nameOf: (input) => [input.script, ...toArgv(input.arguments)].join(' '),
    run: async ({ input }, context) =>
      toOutcome(
        await context.program(async () => {
          const found = await findScript(input.script, settings);
          if ('exitCode' in found) return found;
          const workdir = await resolveWorkdir(settings.homeDirectory, input.workdir);
          if ('exitCode' in workdir) return workdir;
          return {
            file: found.file,
            args: toArgv(input.arguments),
            cwd: workdir.directory,
            env: input.env,
            stdin: input.stdin === undefined ? null : Buffer.from(input.stdin),
          };
        }),
      ),
  });
}

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
