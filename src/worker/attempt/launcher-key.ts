import type { AttemptKey } from '../../contract/attempt.ts';

/** Names an attempt to the launcher, to which it is any text, and in the environment of its program. */
export function toLauncherKey({ jobId, number, token }: AttemptKey): string {
  return `${jobId}.${number}.${token}`;
}

export function fromLauncherKey(key: string): AttemptKey {
  const [jobId, number, token = ''] = key.split('.');
  return { jobId: Number(jobId), number: Number(number), token };
}
