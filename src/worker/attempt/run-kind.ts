import { createMask } from '../../lib/mask-values.ts';
import type {
  KindContext,
  KindJob,
  KindOutcome,
  RunnableKind,
  SecretUse,
} from '../../domain/jobs/kind-ports.ts';
import type { OpenedInput } from './attempt-secrets.ts';

/**
 * Runs a kind with the secrets that its input refers to. Whatever it tells by its context, its outcome or an error has
 * their values hidden.
 * @param context with no secrets yet
 * @param open null when the attempt is stopped first
 */
export async function runKind(
  kind: RunnableKind,
  job: KindJob<unknown>,
  context: KindContext,
  open: (uses: readonly SecretUse[]) => Promise<OpenedInput | { problem: string } | null>,
): Promise<KindOutcome> {
  const uses = kind.secretsOf?.(job.input) ?? [];
  // Without a question to the store: a stopped attempt whose program still runs must come to follow its end.
  if (uses.length === 0) return kind.run(job, context);
  const opened = await open(uses);
  if (!opened) return { state: 'failed', reason: 'error', message: 'Stopped before it began.' };
  if ('problem' in opened) {
    context.log(opened.problem, 'stderr');
    return { state: 'failed', reason: 'error', message: opened.problem };
  }
  const { values, hidden } = opened;
  const mask = createMask(hidden);
  try {
    return mask(
      await kind.run(job, {
        ...context,
        secrets: values,
        hidden,
        log: (line, stream) => context.log(mask(line), stream),
        progress: (fraction, message) => context.progress(fraction, mask(message)),
        series: ({ name, ...points }) => context.series({ ...points, name: mask(name) }),
        result: (members) => context.result(mask(members)),
        part: (part) => context.part(mask(part)),
      }),
    );
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw mask(said) === said ? error : new Error(mask(said));
  }
}
