import { z } from 'zod';
import { jobFiles } from './file.ts';
import { plainText } from './plain-text.ts';
import { secretReference } from './secret.ts';

const mebibyte = 1024 * 1024;
const exbibyte = 2 ** 60;

/** Of all processes of an attempt together, except `openFiles`, which counts for each process. */
export const limits = z
  .strictObject({
    cpuSeconds: z.number().min(0.1).max(31_536_000).optional().describe('User and system time, in seconds.'),
    memoryBytes: z
      .int()
      .min(mebibyte)
      .max(exbibyte)
      .optional()
      .describe('Resident memory, shared pages counted once.'),
    processes: z.int().min(1).max(1_000_000).optional().describe('How many at once.'),
    openFiles: z
      .int()
      .min(16)
      .max(1_000_000)
      .optional()
      .describe('Descriptors that one process may have open.'),
    outputBytes: z
      .int()
      .min(1024)
      .max(exbibyte)
      .optional()
      .describe('What it may print, both streams together.'),
  })
  .describe('What the program may use. What is not named here has the default of the worker.');

const variableName = /^[A-Za-z_][A-Za-z0-9_]{0,199}$/;

function findNameProblem(name: string): string | null {
  if (!variableName.test(name))
    return 'expected a name of letters, digits and `_`, not starting with a digit, at most 200';
  return name.startsWith('DAYBOOK_') ? 'names starting with DAYBOOK_ are set by the server' : null;
}

const environment = z
  .record(z.string(), z.union([plainText.max(100_000), secretReference]))
  .describe('Variables added to the environment: a text, or `{"secret": "name"}` for a named secret.')
  // Not by a schema for the names: what it finds wrong would say neither which name nor what was expected.
  .superRefine((env, context) => {
    for (const name of Object.keys(env)) {
      const message = findNameProblem(name);
      if (message) context.addIssue({ code: 'custom', path: [name], message });
    }
  });

/** How the program of a job runs, whatever its kind. */
export const runOptions = z.strictObject({
  limits: limits.optional(),
  nice: z
    .int()
    .min(0)
    .max(19)
    .optional()
    .describe('Niceness: how much it steps back when others want the processor.'),
  env: environment.optional(),
  stdin: plainText.max(500_000).optional().describe('Text for the standard input.'),
  workdir: plainText
    .max(1_000)
    .optional()
    .describe('Folder inside the home directory to run in; by default the home directory itself.'),
  files: jobFiles.optional(),
});
export type RunOptions = z.infer<typeof runOptions>;

/** As a job shows them: all of them, null where nothing was said. */
export function toShownRun(run: RunOptions | null): {
  [Name in keyof RunOptions]-?: Exclude<RunOptions[Name], undefined> | null;
} {
  const { limits = null, nice = null, env = null, stdin = null, workdir = null, files = null } = run ?? {};
  return { limits, nice, env, stdin, workdir, files };
}
