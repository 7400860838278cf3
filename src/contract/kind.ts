import { z } from 'zod';

export const jsonSchema = z.record(z.string(), z.unknown());

/** A sort of work that can be submitted. */
export const kindDescription = z.object({
  name: z.string().describe('`kind` of a submit.'),
  title: z.string(),
  description: z.string(),
  runsProgram: z
    .boolean()
    .describe('It runs a program, so limits, niceness, env, stdin and workdir may be named.'),
  input: jsonSchema.describe('JSON Schema of `input`.'),
});
export type KindDescription = z.infer<typeof kindDescription>;
