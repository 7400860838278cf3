import { z } from 'zod';
import { ownerId, plainText } from './job.ts';

export const viewName = plainText
  .trim()
  .min(1)
  .max(100)
  .describe('Of one owner each name once, case ignored.');

/** A filter that somebody keeps under a name. */
export const view = z.object({
  name: z.string(),
  owner: z.string(),
  ownerId,
  filter: z.string().describe('In the filter language.'),
  shared: z.boolean().describe('Everybody sees it; its owner and operators change it.'),
  changedAt: z.iso.datetime({ offset: true }),
});
export type View = z.infer<typeof view>;
