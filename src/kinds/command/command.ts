import { z } from 'zod';
import { plainText } from '../../contract/job.ts';
import type { ExternalKind } from '../../domain/jobs/kind-ports.ts';

const commandInput = z.strictObject({
  argv: z
    .array(plainText.max(100_000))
    .min(1)
    .max(10_000)
    .describe('Program and arguments, as they were given.'),
  directory: plainText.max(4_096).describe('Where it ran.'),
  host: plainText.max(255),
  user: plainText.max(255),
});

/** A command that somebody ran on a machine of their own (`daybook run`). No worker ever starts it. */
export const commandKind: ExternalKind = {
  name: 'command',
  description: 'A command somebody ran elsewhere and reported.',
  input: commandInput,
  nameOf: (input) => commandInput.parse(input).argv.join(' '),
};
