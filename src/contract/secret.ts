import { z } from 'zod';
import { plainText } from './plain-text.ts';

export const secretName = plainText.regex(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
  'letters, digits, `.`, `_` and `-`, at most 63, starting with a letter or digit',
);

/** In place of a text: the value of that secret, put in where the job runs and nowhere else. */
export const secretReference = z.strictObject({ secret: secretName });

/** Shorter ones would be found, and masked, where they mean something else. */
export const minSecretBytes = 8;
const maxSecretBytes = 16 * 1024;

const secretValue = plainText
  .refine((text) => new TextEncoder().encode(text).length >= minSecretBytes, {
    message: `expected at least ${minSecretBytes} bytes: what is shorter cannot be masked in what jobs print`,
  })
  .refine((text) => new TextEncoder().encode(text).length <= maxSecretBytes, {
    message: `expected at most ${maxSecretBytes} bytes`,
  });

export const secretChange = z.strictObject({
  value: secretValue.describe('Never shown again.'),
  note: plainText.max(500).nullish().describe('What it is for.'),
  users: z
    .array(plainText.min(1).max(63))
    .min(1)
    .max(1_000)
    .nullish()
    .describe('Who may use it in a job; by default everybody who may submit.'),
});

export const secret = z.object({
  name: z.string(),
  note: z.string().nullable(),
  users: z
    .array(z.string())
    .nullable()
    .describe('Null: everybody who may submit; none: nobody, all of them are gone.'),
  createdBy: z.string(),
  createdAt: z.iso.datetime({ offset: true }),
  changedAt: z.iso.datetime({ offset: true }),
  isReadable: z
    .boolean()
    .describe('False when it was sealed with another key than this server has: set it again.'),
});
export type Secret = z.infer<typeof secret>;
