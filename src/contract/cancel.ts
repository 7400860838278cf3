import { z } from 'zod';
import { plainText } from './plain-text.ts';

/** What a cancel may say. */
export const cancelWish = z.strictObject({
  reason: plainText.trim().min(1).max(1_000).optional().describe('Why; the record shows it.'),
  graceSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .optional()
    .describe(
      'How long what runs has between SIGTERM and SIGKILL; by default what `WORKER_KILL_GRACE_SECONDS` says.',
    ),
});
export type CancelWish = z.infer<typeof cancelWish>;
