import type { RunOptions } from '../../contract/run-options.ts';
import { minSecretBytes } from '../../contract/secret.ts';
import { isLateVariable } from '../../lib/unsafe-environment.ts';
import type { SecretUse } from '../../domain/jobs/kind-ports.ts';
import type { SecretOpener } from '../../domain/secrets/ports.ts';

export interface AttemptEnvironment {
  env: Record<string, string>;
  /** What must not be readable in what the program prints. */
  masks: string[];
}

/** What the input of a kind refers to. */
export interface OpenedInput {
  values: ReadonlyMap<string, string>;
  /** What must not be readable in what the kind tells. */
  hidden: readonly string[];
}

/** The secrets of an input, or in one sentence why it cannot have them. @throws when the store does not answer */
export async function openInput(
  uses: readonly SecretUse[],
  { opener, owner }: { opener: SecretOpener; owner: string },
): Promise<OpenedInput | { problem: string }> {
  const names = [...new Set(uses.map(({ name }) => name))];
  const opened = await opener.open(names, owner);
  return 'problem' in opened
    ? opened
    : { values: opened.values, hidden: [...opened.values.values()].flatMap(toMasks) };
}

/** Of the job's variables those that hold a secret, with its name. */
export function secretVariables(run: RunOptions | null): Record<string, string> {
  return Object.fromEntries(
    Object.entries(run?.env ?? {}).flatMap(([variable, value]) =>
      typeof value === 'string' ? [] : [[variable, value.secret]],
    ),
  );
}

/** The job's variables with the values of its secrets, or in one sentence why it cannot have them. */
export async function openEnvironment(
  run: RunOptions | null,
  { opener, owner }: { opener: SecretOpener; owner: string },
): Promise<AttemptEnvironment | { problem: string }> {
  const env: Record<string, string> = {};
  for (const [variable, value] of Object.entries(run?.env ?? {}))
    if (typeof value === 'string') env[variable] = value;
  const secrets = secretVariables(run);
  const late = Object.keys(secrets).find(isLateVariable);
  if (late !== undefined)
    return { problem: `The variable ${late} cannot hold a secret; choose another name.` };
  const names = [...new Set(Object.values(secrets))];
  if (names.length === 0) return { env, masks: [] };
  const opened = await opener.open(names, owner);
  if ('problem' in opened) return opened;
  for (const [variable, name] of Object.entries(secrets)) env[variable] = opened.values.get(name) ?? '';
  return { env, masks: [...new Set([...opened.values.values()].flatMap(toMasks))] };
}

/** As it is, inside JSON and URLs, and each of its lines: programs print keys of many lines one by one. */
export function toMasks(value: string): string[] {
  const inJson = JSON.stringify(value).slice(1, -1);
  const url = new URL('http://x/');
  url.search = value;
  const inUrl = [encodeURIComponent(value), url.search.slice(1)];
  const found = new Set([value, inJson, ...inUrl, ...value.split(/\r?\n/)]);
  return [...found].filter((text) => Buffer.byteLength(text) >= minSecretBytes);
}
