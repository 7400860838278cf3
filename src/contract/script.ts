import { z } from 'zod';

const timestamp = z.iso.datetime({ offset: true });

export const script = z.object({
  name: z.string(),
  sizeBytes: z.int(),
  modifiedAt: timestamp,
  isExecutable: z.boolean(),
});
export type Script = z.infer<typeof script>;

export const scriptVersion = z.object({
  id: z.int(),
  action: z.enum(['put', 'delete']),
  sha256: z.string().nullable(),
  text: z.string().nullable(),
  actor: z.string(),
  at: timestamp,
});
export type ScriptVersion = z.infer<typeof scriptVersion>;
