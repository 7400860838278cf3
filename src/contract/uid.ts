import { z } from 'zod';

/** As it is shown: 8-4-4-4-12. Of any version: those of jobs that others ran may have none that RFC 9562 knows. */
export const shownUid = z.guid();

/** Hyphens after any four digits, or none. */
const written = /^(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}$/i;

/** As it is shown, of one in any form that PostgreSQL takes (8.12); null: it is none. */
export function toUid(text: string): string | null {
  const inner = /^\{(.*)\}$/.exec(text)?.[1] ?? text;
  if (!written.test(inner)) return null;
  const [, ...parts] =
    /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(inner.replaceAll('-', '').toLowerCase()) ?? [];
  return parts.join('-');
}

/** In any form; becomes the one that is shown. */
export const anyUid = z.string().transform((text, context): string => {
  const uid = toUid(text);
  if (uid !== null) return uid;
  context.addIssue({ code: 'custom', message: 'expected a UUID' });
  return z.NEVER;
});
