import type { Machine } from './machine.ts';
import type { ValueType } from './value-types.ts';

/** One setting: the configuration, `daybook config`, its documentation and the search for typing errors follow from it. */
export interface Setting<T> {
  /** Names in the environment. The first is the name people are told. */
  names: readonly [string, ...string[]];
  /** `section.key` in daybook.toml. */
  toml: string;
  type: ValueType<NonNullable<T>>;
  /** Text as someone would have set it; undefined leaves the setting unset. */
  fallback: string | ((defaults: DefaultsContext) => string) | undefined;
  /** The default in the documentation, where it depends on the machine or on another setting. */
  fallbackShown?: string;
  /** One or two sentences: the effect, with the unit. */
  doc: string;
  /** `all`: the value is never shown. `password`: only the password inside the address is hidden. */
  secret?: 'all' | 'password';
  /** What `daybook doctor` says of a value that works, and that somebody should have meant. */
  cautionOf?(value: NonNullable<T>): Caution | null;
}

export interface Caution {
  text: string;
  advice: string;
}

export interface DefaultsContext {
  machine: Machine;
  dataDirectory: string;
}

type Details<T> = Omit<Setting<T>, 'type' | 'fallback'>;
type Fallback = string | ((defaults: DefaultsContext) => string);

export function setting<T>(type: ValueType<T>, fallback: Fallback, details: Details<T>): Setting<T> {
  return { ...details, type: type as ValueType<NonNullable<T>>, fallback };
}

/** A setting without a default: its value is undefined where nobody set it. */
export function optional<T>(type: ValueType<T>, details: Details<T>): Setting<T | undefined> {
  return { ...details, type: type as ValueType<NonNullable<T>>, fallback: undefined };
}

/** Settings in the shape of the configuration that is made from them. */
export interface SettingTree {
  readonly [key: string]: Setting<unknown> | SettingTree;
}

/** The same shape, with the value of each setting in its place. */
export type ValuesOf<Tree> = {
  readonly [Key in keyof Tree]: Tree[Key] extends Setting<infer T> ? T : ValuesOf<Tree[Key]>;
};

/** The settings that a kind of job brings along. */
export interface KindSettings {
  readonly name: string;
  readonly title: string;
  readonly settings?: SettingTree;
}

/** Every setting of a tree, in its order. */
export function listSettings(tree: SettingTree): Setting<unknown>[] {
  return Object.values(tree).flatMap((node) => (isSetting(node) ? [node] : listSettings(node)));
}

export function isSetting(node: Setting<unknown> | SettingTree): node is Setting<unknown> {
  return Array.isArray(node['names']);
}
