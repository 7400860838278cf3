import type { Owned } from '../../contract/actor.ts';
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
  { opener, owner }: { opener: SecretOpener; owner: Owned },
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
  { opener, owner }: { opener: SecretOpener; owner: Owned },
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

/**
 * As it is, inside JSON and URLs, and each of its lines: programs print keys of many lines one by one. The first line
 * comes behind a name (`KEY=…`), the last without an end, and each may stand in JSON or a URL by itself.
 */
export function toMasks(value: string): string[] {
  const lines = value.split(/\r\n|\r|\n/);
  const found = new Set([value, ...lines].flatMap((text) => [text, ...inJson(text), ...inUrl(text)]));
  return [...found].filter((text) => Buffer.byteLength(text) >= minSecretBytes);
}

/** Encoders differ: Python escapes all but ASCII, PHP the slash as well, Go `<`, `>` and `&`; in lower case or upper. */
function inJson(text: string): string[] {
  const plain = JSON.stringify(text).slice(1, -1);
  const ascii = plain.replaceAll(/[\u{7f}-\u{10ffff}]/gu, toEscapes);
  const html = (one: string): string => one.replaceAll(/[<>&\u2028\u2029]/g, toEscapes);
  const withSlashes = [plain, ascii, html(plain), html(ascii)].flatMap((one) => [
    one,
    one.replaceAll('/', '\\/'),
  ]);
  return withSlashes.flatMap((one) => [one, one.replaceAll(/\\u[0-9a-f]{4}/g, upperDigits)]);
}

function toEscapes(character: string): string {
  return [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('');
}

function upperDigits(escape: string): string {
  return `\\u${escape.slice(2).toUpperCase()}`;
}

/** As a component, as a query, and as a form, which writes a space as `+`; with the digits in lower case, too. */
function inUrl(text: string): string[] {
  const url = new URL('http://x/');
  url.search = text;
  const component = encodeURIComponent(text);
  // RFC 3986 reserves five more characters than ECMAScript encodes.
  const strict = component.replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const form = new URLSearchParams([['', text]]).toString().slice(1);
  return [component, strict, component.replaceAll('%20', '+'), strict.replaceAll('%20', '+'), form]
    .flatMap((one) => [one, one.replaceAll('%2F', '/')])
    .concat(url.search.slice(1))
    .flatMap((one) => [one, one.replaceAll(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase())]);
}
