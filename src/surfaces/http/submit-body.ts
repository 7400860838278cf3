import { z } from 'zod';
import type { KindRegistry } from '../../domain/jobs/kind-ports.ts';

/** One variant per kind, so that each field is checked and described by the kind itself. */
export function submitBody<Shape extends z.ZodRawShape>(
  kinds: KindRegistry,
  options: z.ZodObject<Shape, z.core.$strict>,
) {
  const offered = kinds.list.filter(({ isInternal }) => !isInternal);
  const variants = offered.map((kind) =>
    options.extend({ kind: z.literal(kind.name), input: kind.input }).describe(kind.description),
  );
  const [first, ...others] = variants;
  if (!first) throw new Error('there is at least one kind');
  const names = offered.map(({ name }) => name).join(', ');
  return z.discriminatedUnion('kind', [first, ...others], {
    error: (issue) => (issue.code === 'invalid_union' ? `expected one of ${names}` : undefined),
  });
}
