import { z } from 'zod';

/** Text as PostgreSQL can keep it, which JavaScript's may not be. */
export const plainText = z
  .string()
  .refine((text) => !text.includes('\0'), 'must not contain a NUL character')
  .refine((text) => text.isWellFormed(), 'must not contain half of a character (a lone surrogate)');
