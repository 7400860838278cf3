import type { ErrorDetail } from '../contract/errors.ts';
import { hidden } from '../lib/url-password.ts';
import type { DefaultsContext, Setting } from './setting.ts';

export type Origin = 'environment' | 'daybook.toml' | 'default';

export interface Sources {
  env: Readonly<Record<string, string | undefined>>;
  toml: ReadonlyMap<string, string>;
  defaults: DefaultsContext;
}

/** One setting as `daybook config` shows it. Secrets are masked already, so a row may be printed anywhere. */
export interface SettingRow {
  name: string;
  value: string;
  origin: Origin;
}

export interface Resolved<T> {
  /** Undefined also when there was a problem. */
  value: T | undefined;
  row: SettingRow;
  problems: readonly ErrorDetail[];
}

interface Given {
  /** What the person wrote it under: a name of the environment or a key of the file. */
  name: string;
  text: string;
  origin: Origin;
}

/** Environment before file before default. An empty variable counts as not set, as compose files pass them. */
export function resolveSetting<T>(setting: Setting<T>, sources: Sources): Resolved<T> {
  const [name] = setting.names;
  const fromEnv = setting.names.flatMap((alias): Given[] => {
    const text = sources.env[alias];
    return text === undefined || text === '' ? [] : [{ name: alias, text, origin: 'environment' }];
  });
  const [first, ...others] = fromEnv;
  const conflicts = others
    .filter((other) => first && other.text !== first.text)
    .map((other) => ({
      field: other.name,
      message: `${first?.name} and ${other.name} are names of one setting, but have different values; set one of them`,
    }));
  const given = first ?? fromFile(setting, sources) ?? fromDefault(setting, sources);
  if (!given) return { value: undefined, row: { name, value: '', origin: 'default' }, problems: conflicts };
  const parsed = setting.type.schema.safeParse(given.text);
  if (!parsed.success) {
    const problem = { field: given.name, message: describe(setting, given, parsed.error.issues[0]?.message) };
    return { value: undefined, row: row(setting, given), problems: [...conflicts, problem] };
  }
  const value = setting.type.settle?.(parsed.data, sources.defaults.machine) ?? parsed.data;
  const text = setting.type.settle ? String(value) : given.text;
  return { value, row: row(setting, { ...given, text }), problems: conflicts };
}

function fromFile<T>(setting: Setting<T>, sources: Sources): Given | undefined {
  const text = sources.toml.get(setting.toml);
  return text === undefined ? undefined : { name: setting.toml, text, origin: 'daybook.toml' };
}

function fromDefault<T>(setting: Setting<T>, sources: Sources): Given | undefined {
  const { fallback, names } = setting;
  if (fallback === undefined) return undefined;
  const text = typeof fallback === 'string' ? fallback : fallback(sources.defaults);
  return { name: names[0], text, origin: 'default' };
}

function describe<T>(
  setting: Setting<T>,
  given: Given,
  expected = `expected ${setting.type.expected}`,
): string {
  // The text may be a password with a typing error in front of it.
  const shown = setting.secret ? 'is malformed' : `is ${JSON.stringify(given.text)}`;
  return `${given.name} ${shown}: ${expected}`;
}

function row<T>(setting: Setting<T>, given: Given): SettingRow {
  return { name: setting.names[0], value: mask(given.text, setting.secret), origin: given.origin };
}

function mask(text: string, secret: Setting<unknown>['secret']): string {
  if (secret === undefined) return text;
  const url = secret === 'password' ? URL.parse(text) : null;
  if (!url) return hidden;
  if (url.password) url.password = 'masked';
  if (url.searchParams.has('password')) url.searchParams.set('password', 'masked');
  return url.href.replaceAll('masked', hidden);
}
