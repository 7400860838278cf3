import { z } from 'zod';
import { plainText } from '../../contract/plain-text.ts';

export const algorithms = ['sha256', 'sha512', 'sha1', 'md5'] as const;

export const checksumInput = z.strictObject({
  paths: z
    .array(
      plainText
        .min(1)
        .max(4_096)
        .refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), {
          message: 'expected a path within the home directory, without `..` and no `/` in front',
        }),
    )
    .min(1)
    .max(100)
    .describe('Files, from the home directory on.'),
  algorithm: z.enum(algorithms).default('sha256'),
});
export type ChecksumInput = z.infer<typeof checksumInput>;

export const checksumResult = z.object({
  digests: z.array(z.object({ path: z.string(), digest: z.string(), sizeBytes: z.int() })),
  failures: z
    .array(z.object({ path: z.string(), problem: z.string() }))
    .describe('What could not be read, and why.'),
});
export type ChecksumResult = z.infer<typeof checksumResult>;
