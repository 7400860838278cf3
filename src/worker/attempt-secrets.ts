import type { RunOptions } from '../contract/run-options.ts';
import { minSecretBytes } from '../contract/secret.ts';
import { isLateVariable } from '../launcher/unsafe-environment.ts';
import type { SecretOpener } from '../secrets/ports.ts';

export interface AttemptEnvironment {
  env: Record<string, string>;
  /** Variable → name of its secret. */
  secrets: Record<string, string>;
  /** What must not be readable in what the program prints. */
  masks: string[];
}

/** The job's variables with the values of its secrets, or in one sentence why it cannot have them. */
export async function openEnvironment(
  run: RunOptions | null,
  { opener, owner }: { opener: SecretOpener; owner: string },
): Promise<AttemptEnvironment | { problem: string }> {
  const env: Record<string, string> = {};
  const secrets: Record<string, string> = {};
  for (const [variable, value] of Object.entries(run?.env ?? {})) {
    if (typeof value === 'string') env[variable] = value;
    else secrets[variable] = value.secret;
  }
  const late = Object.keys(secrets).find(isLateVariable);
  if (late !== undefined)
    return { problem: `The variable ${late} cannot hold a secret; choose another name.` };
  const names = [...new Set(Object.values(secrets))];
  if (names.length === 0) return { env, secrets, masks: [] };
  const opened = await opener.open(names, owner);
  if ('problem' in opened) return opened;
  for (const [variable, name] of Object.entries(secrets)) env[variable] = opened.values.get(name) ?? '';
  return { env, secrets, masks: [...new Set([...opened.values.values()].flatMap(toMasks))] };
}

/** As it is, as it stands inside JSON, and each of its lines: programs print keys of many lines one by one. */
export function toMasks(value: string): string[] {
  const escaped = JSON.stringify(value).slice(1, -1);
  const lines = value.split(/\r?\n/).filter((line) => Buffer.byteLength(line) >= minSecretBytes);
  return [...new Set([value, escaped, ...lines])];
}
