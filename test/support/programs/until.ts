import { pollUntil } from '../poll.ts';

/** Polls until the value is neither false nor null, and returns it. Fails with what was waited for and the last value. */
export async function until<T>(what: string, probe: () => T): Promise<NonNullable<T>> {
  try {
    return (await pollUntil(probe, isThere)) as NonNullable<T>;
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

function isThere(value: unknown): boolean {
  return value !== null && value !== undefined && value !== false;
}
